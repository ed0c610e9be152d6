"""Writes tests/golden/digests.json: the digest of every built-in scenario with its default seed.

A digest covers every event of a run. When one changes, behaviour has changed: look at the
ladder, and run this script only when the change is meant.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from netsim.scenario import catalog  # noqa: E402
from netsim.scenario.loader import load  # noqa: E402
from netsim.scenario.runner import run  # noqa: E402

PATH = ROOT / "tests" / "golden" / "digests.json"


def digests() -> dict[str, str]:
    """Name -> digest."""
    return {name: run(load(name)).digest for name in catalog.names()}


def main() -> None:
    """Write the file."""
    PATH.write_text(json.dumps(digests(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
