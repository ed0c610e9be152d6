"""Compares two builds of netsim: the digests of every built-in scenario's events, and of every capture's report.

    python scripts/compare_digests.py src ../compiled/src

Exits with 1 if any differs. Without arguments it prints this build's digests as JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

TRACES = Path(__file__).parents[1] / "traces"


def digests() -> dict[str, str]:
    """Name -> digest, of the netsim that Python finds."""
    from netsim.scenario import catalog
    from netsim.scenario.loader import load
    from netsim.scenario.runner import run

    found = {name: run(load(name)).digest for name in catalog.names()}
    for path in sorted(TRACES.rglob("*.pcap*")):
        name = path.relative_to(TRACES.parent).as_posix()
        found[name] = report_digest(path, name)
    return found


def report_digest(path: Path, name: str) -> str:
    """Of the checker's whole JSON report of a capture."""
    from netsim.check.engine import check_file
    from netsim.check.outputs import to_json

    report = check_file(str(path))
    report.path = name
    return hashlib.sha256(to_json([report]).encode()).hexdigest()


def digests_of(source: str) -> tuple[bool, dict[str, str]]:
    """(is it compiled, its digests), from a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(Path(source).resolve())}
    done = subprocess.run([sys.executable, __file__], env=env, stdout=subprocess.PIPE, check=True, text=True)
    result = json.loads(done.stdout)
    return result["compiled"], result["digests"]


def main(sources: list[str]) -> int:
    """See the module's docstring."""
    if not sources:
        from netsim import is_compiled

        print(json.dumps({"compiled": is_compiled(), "digests": digests()}))
        return 0
    (first_compiled, first), (second_compiled, second) = (digests_of(source) for source in sources)
    if first_compiled == second_compiled:
        print("one of the two must be compiled, the other not", file=sys.stderr)
        return 1
    differing = [name for name in sorted(first.keys() | second.keys()) if first.get(name) != second.get(name)]
    for name in differing:
        print(f"{name}: {first.get(name)} and {second.get(name)}")
    same = len(first) - len(differing)
    print(f"{same} of {len(first)} scenarios and captures have the same digest compiled and interpreted")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
