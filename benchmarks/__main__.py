"""Measures ours and every installed peer, alternating, and writes the table, the plot and the baseline.

python -m benchmarks                                   # this source tree, every case
python -m benchmarks --source src --source build/src   # two builds side by side
python -m benchmarks --only check --rounds 5 --dry
python -m benchmarks --baseline compare                # exits 1 on a 20 % regression
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import table
from benchmarks.cases import ROOT, Case, Runner, all_cases

PAGE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "images" / "performance.svg"
BASELINE = Path(__file__).parent / "baseline.json"


def measure(runner: Runner) -> dict[str, float] | None:
    """One round; None (and a line on stderr) if the runner failed."""
    done = subprocess.run(runner.command, env=runner.env, capture_output=True, text=True, check=False)
    try:
        result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        print(f"{runner.name} failed: {(done.stderr or done.stdout).strip()[-400:]}", file=sys.stderr)
        return None
    return result


def run_case(case: Case, rounds: int) -> list[table.Row]:
    """All runners in turn, `rounds` times over, so that a busy machine is busy for all of them."""
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(rounds):
        for runner in case.runners:
            result = measure(runner)
            if result is not None:
                found.setdefault(runner.name, []).append(result)
    rows = [table.Row(case.name, case.title, case.unit, name, results) for name, results in found.items()]
    for row in rows:
        print(f"{case.name:14} {row.runner:24} {row.figure():>26} {row.memory_mb():8.0f} MB", flush=True)
    return rows


def machine() -> str:
    """What this ran on, without names."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    load = f", load average {os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else ""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} cores of {model}, {platform.system()}, {python}{load}"


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure netsim beside its peers.")
    parser.add_argument(
        "--source", action="append", help="folder that holds the package netsim (repeat: several builds)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds of every case (medians are shown)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the work; 1: 100 MB and a million packets")
    parser.add_argument("--only", action="append", help="only this case (repeat: several)")
    parser.add_argument("--baseline", choices=("save", "compare"), help="store the rates, or hold them against those")
    parser.add_argument("--dry", action="store_true", help="write neither the page nor the plot")
    parser.add_argument("--rows", help="also write every round to this JSON file")
    parser.add_argument("--add", action="append", default=[], help="take the rows of this JSON file too (repeat)")
    options = parser.parse_args()
    rows = [row for path in options.add for row in table.load_rows(Path(path).read_text(encoding="utf-8"))]
    with tempfile.TemporaryDirectory() as folder:
        sources = options.source or [str(ROOT / "src")]
        checking = not options.only or any(name.startswith("check") for name in options.only)
        for case in all_cases(sources, Path(folder), options.scale, with_captures=checking):
            if not options.only or case.name in (*options.only, "yardstick"):
                rows += run_case(case, options.rounds)
                if options.rows:
                    Path(options.rows).write_text(table.dump_rows(rows), encoding="utf-8")
    if not options.dry:
        text = f"{table.table([row for row in rows if row.case != 'yardstick'])}\n\nMachine: {machine()}; "
        text += f"medians of {options.rounds} alternating rounds, CPU time."
        PAGE.write_text(table.insert(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
        table.plot(rows, PLOT)
    if options.baseline == "save":
        BASELINE.write_text(json.dumps(table.baseline_of(rows), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    elif options.baseline == "compare":
        worse = table.regressions(table.baseline_of(rows), json.loads(BASELINE.read_text(encoding="utf-8")))
        print("\n".join(worse) or "nothing is 20 % slower than the baseline")
        return 1 if worse else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
