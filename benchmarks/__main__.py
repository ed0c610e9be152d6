"""Measures ours and every installed peer, alternating, and writes the tables, the plot and the baseline.

python -m benchmarks                                     # this source tree, everything: about 15 minutes
python -m benchmarks --compiled ../compiled/src          # a compiled copy beside it
python -m benchmarks --only check --scale 0.05 --dry     # one family, small, written nowhere
python -m benchmarks --baseline compare                  # exits 1 on a 20 % regression
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import table, targets
from benchmarks.cases import FAMILIES, ROOT, Case, Runner, all_cases, kind, versions, yardstick

PAGE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "images" / "performance.svg"
BASELINE = Path(__file__).parent / "baseline.json"


class Session:
    """All measurements of one call of the command, and how far they have come."""

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds
        self.rows: dict[tuple[str, str, str], table.Row] = {}
        self.failed = False
        self.started = time.monotonic()

    def measure(self, case: Case, runner: Runner, number: int) -> None:
        """Let one runner do its work once."""
        began = time.monotonic()
        done = subprocess.run(runner.command, env=runner.env, capture_output=True, text=True, check=False)
        took = time.monotonic() - began
        label = f"{self._clock()} {case.family} {number + 1}/{self.rounds}  {case.name:17} {runner.name:24}"
        try:
            result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            self.failed = True
            print(f"{label} FAILED: {(done.stderr or done.stdout).strip()[-400:]}", file=sys.stderr, flush=True)
            return
        result["round"] = number
        key = (case.family, case.name, runner.name)
        row = self.rows.setdefault(key, table.Row(case.family, case.name, case.title, case.unit, runner.name, []))
        row.rounds.append(result)
        shown = table.Row(case.family, case.name, case.title, case.unit, runner.name, [result])
        print(f"{label} {shown.figure():>24} {shown.memory_mb():6.0f} MB  ({took:.0f} s)", file=sys.stderr, flush=True)

    def run_family(self, cases: list[Case], yard: Runner) -> None:
        """All runners of all cases in turn, so often over, so that a busy machine is busy for all of them."""
        empty_loop = Case(cases[0].family, "yardstick", "An empty loop of Python", "rounds", [yard])
        for number in range(self.rounds):
            for case in (empty_loop, *cases):
                for runner in case.runners:
                    self.measure(case, runner, number)

    def _clock(self) -> str:
        passed = int(time.monotonic() - self.started)
        return f"{passed // 60:3}:{passed % 60:02}"


def machine() -> str:
    """What this runs on, without names."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    python = f"{platform.python_implementation()} {platform.python_version()}"
    peers = ", ".join(f"{name} {version}" for name, version in versions().items())
    return f"{os.cpu_count()} cores of {model}, {platform.system()}, {python}. Peers: {peers or 'none'}."


def load_average() -> str:
    """How busy the machine is, "" where nobody knows."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure netsim beside its peers.")
    parser.add_argument("--source", default=str(ROOT / "src"), help="folder that holds the package netsim")
    parser.add_argument("--compiled", help="the same of a compiled copy: see docs/performance.md")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of every case (medians are shown)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the work; 1: 100 MB and a million packets")
    parser.add_argument("--only", action="append", choices=FAMILIES, help="only this family of cases (repeat: several)")
    parser.add_argument("--baseline", choices=("save", "compare"), help="store the rates, or hold them against those")
    parser.add_argument("--dry", action="store_true", help="print the tables, write neither the page nor the plot")
    parser.add_argument("--rows", help="also write every round to this JSON file")
    parser.add_argument("--add", action="append", default=[], help="take the rows of this JSON file too (repeat)")
    options = parser.parse_args()
    if options.compiled and kind(options.compiled) != "compiled":
        parser.error(f"{options.compiled} holds no compiled netsim")
    return options


def write(rows: list[table.Row], remark: str, *, dry: bool) -> None:
    """The two tables and the plot: into the page, or onto standard output."""
    shown = [row for row in rows if row.case != "yardstick"]
    rates = f"{table.table(shown)}\n\n{remark}"
    reached = targets.table(shown)
    if dry:
        print(f"{rates}\n\n{reached}")
        return
    page = table.insert(PAGE.read_text(encoding="utf-8"), "benchmarks", rates)
    PAGE.write_text(table.insert(page, "targets", reached), encoding="utf-8")
    table.plot(shown, PLOT)


def hold_against_baseline(now: dict[str, float], scale: float) -> int:
    """Say what became slower; 1 if anything did, 2 if the baseline is of other work."""
    stored = json.loads(BASELINE.read_text(encoding="utf-8"))
    if stored["scale"] != scale:
        print(f"the baseline is of --scale {stored['scale']:g}: rates of other work say nothing", file=sys.stderr)
        return 2
    worse = table.regressions(now, stored["rates"])
    print("\n".join(worse) or "nothing is 20 % slower than the baseline")
    return 1 if worse else 0


def main() -> int:
    """See the module's docstring."""
    options = parse()
    sources = [options.source, *([options.compiled] if options.compiled else [])]
    before = load_average()
    session = Session(options.rounds)
    rows = [row for path in options.add for row in table.load_rows(Path(path).read_text(encoding="utf-8"))]
    for family in FAMILIES:
        if options.only and family not in options.only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            cases = all_cases(sources, Path(folder), options.scale, [family])
            session.run_family(cases, yardstick(sources))
        if options.rows:
            Path(options.rows).write_text(table.dump_rows([*rows, *session.rows.values()]), encoding="utf-8")
    rows += session.rows.values()
    remark = f"Machine: {machine()} Load average {before} before, {load_average()} after. "
    remark += f"Medians of {options.rounds} alternating rounds, CPU time unless it says otherwise"
    remark += "." if options.scale == 1 else f"; all work at {options.scale:g} of its size."
    write(rows, remark, dry=options.dry)
    if session.failed:
        print("some runners failed: see above", file=sys.stderr)
    if options.baseline == "save":
        stored = {"scale": options.scale, "rates": table.baseline_of(rows)}
        BASELINE.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    elif options.baseline == "compare":
        return hold_against_baseline(table.baseline_of(rows), options.scale)
    return 1 if session.failed else 0


if __name__ == "__main__":
    sys.exit(main())
