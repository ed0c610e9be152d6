"""Fills the console blocks of README.md and draws its pictures into docs/images.

Run it after a change of what they show: `python scripts/readme_output.py`. A test compares
README.md and the pictures with what this script would write.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))
sys.path.insert(0, str(ROOT / "scripts"))

from tutorial_output import page  # noqa: E402

from netsim.report import states  # noqa: E402
from netsim.report.svg import svg  # noqa: E402
from netsim.scenario.command import ladder_of  # noqa: E402
from netsim.scenario.loader import load  # noqa: E402
from netsim.scenario.runner import run  # noqa: E402
from netsim.scenario.states_command import coverage  # noqa: E402

README = ROOT / "README.md"
IMAGES = ROOT / "docs" / "images"


def pictures() -> dict[str, str]:
    """Name and text of each picture that is the same everywhere (plots depend on matplotlib's version)."""
    return {
        "last-ack-lost.svg": svg(ladder_of(run(load("last-ack-lost")))),
        "states.svg": states.svg(coverage(["four-way-teardown"])),
    }


def draw_plot(path: Path) -> None:
    """The plot of a transfer with losses."""
    from netsim.report.plot import plot

    plot(run(load("bulk", {"bytes": "3MB", "loss": "0.3%"})).recorder, str(path), title="bulk: 3 MB, 0.3 % lost")


def main() -> None:
    """Write everything."""
    README.write_text(page(README.read_text(encoding="utf-8")), encoding="utf-8")
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, text in pictures().items():
        (IMAGES / name).write_text(text, encoding="utf-8")
    draw_plot(IMAGES / "bulk.png")


if __name__ == "__main__":
    main()
