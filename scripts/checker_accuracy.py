"""Hold the checker and tshark against the truth on the same files, and write docs/checker-accuracy.md.

The truth: for every built-in scenario, what the simulator knows of each frame it writes to a
capture (sent again or not, why, and both ends' states), from a tap at each of its hosts; for the
captures of the real kernel in traces/linux, the frames that their truth files list as resent.

python scripts/checker_accuracy.py            (needs tshark)
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from netsim.check.engine import check_file  # noqa: E402
from netsim.scenario import catalog  # noqa: E402
from netsim.scenario.loader import load  # noqa: E402
from netsim.scenario.runner import run  # noqa: E402
from tests.accuracy.provoked import BEYOND, FINDINGS, QUALITY  # noqa: E402
from tests.accuracy.truth import NEW, Frame, Truth  # noqa: E402
from tests.accuracy.verdicts import SMALLER, ours, records_of, states, tshark  # noqa: E402

HIDDEN = ", nothing of it seen before"
UNKNOWN = "unknown"
Matrix = Counter[tuple[str, str]]


class Tally:
    """The matrices of many captures."""

    def __init__(self) -> None:
        self.ours: Matrix = Counter()
        self.tshark: Matrix = Counter()
        self.states: Matrix = Counter()
        self.captures = 0
        self.provoked: list[str] = []

    def add_states(self, frame: Frame, inferred: tuple[str, str]) -> None:
        """Both ends after this frame, where the truth can be known at the tap."""
        for truth, state in zip(frame.states, inferred, strict=True):
            if truth is not None:
                self.states[truth, state or UNKNOWN] += 1


def take_scenario(name: str, folder: Path, tally: Tally) -> None:
    """One scenario from all its taps. SystemExit where a tap sees nothing: that would prove nothing."""
    result = run(load(name, SMALLER.get(name, {})))
    for tap in result.scenario.hosts:
        truth = Truth(result.recorder, tap)
        if not truth.frames:
            raise SystemExit(f"{name}: the capture at {tap} is empty")
        tally.captures += 1
        path = truth.write(folder / f"{name}.{tap}.pcap")
        report = check_file(str(path))
        mine, theirs, inferred = ours(report), tshark(path), states(records_of(path))
        beyond = BEYOND.get((name, tap), {})
        for frame in truth.frames:
            word = frame.cause + (HIDDEN if frame.hidden else "")
            tally.ours[word, mine.get(frame.number, NEW)] += 1
            tally.tshark[word, theirs.get(frame.number, NEW)] += 1
            if frame.number not in beyond and frame.number in inferred:
                tally.add_states(frame, inferred[frame.number])
        for finding in report.findings():
            why = FINDINGS.get((name, tap), {}).get((finding.meta.code, finding.side), "NOT PROVOKED")
            tally.provoked.append(f"| {name} | {tap} | {finding.meta.code} {finding.meta.name} | {why} |")
        for item in report.quality:
            why = QUALITY.get((name, tap), {}).get(item.code, "NOT PROVOKED")
            tally.provoked.append(f"| {name} | {tap} | {item.code} (capture) | {why} |")


def take_kernel(file: Path, tally: Tally) -> None:
    """One conversation of the real kernel, both captures: what each side sent, as its own tap saw it."""
    truth = json.loads(file.read_text(encoding="utf-8"))
    for side, name in truth["files"].items():
        path = file.parent / name
        if not truth["frames"][side]:
            continue  # nothing reached this end: the truth says so
        tally.captures += 1
        resent = {entry["frame"] for entry in truth["resent"][side]}
        report = check_file(str(path))
        mine, theirs = ours(report), tshark(path)
        sent = [entry[0] for entry in truth["passage"][f"from_{side}"]]
        if report.packets != truth["frames"][side]:
            raise SystemExit(f"{path} has {report.packets} packets, not {truth['frames'][side]}")
        for number in sent:
            word = "resent" if number in resent else NEW
            tally.ours[word, mine.get(number, NEW)] += 1
            tally.tshark[word, theirs.get(number, NEW)] += 1


def table(title: str, matrix: Matrix, last: str = NEW) -> list[str]:
    """One confusion matrix as a table."""
    rows = sorted({truth for truth, _ in matrix}, key=lambda word: (word.startswith(last), word))
    columns = sorted({word for _, word in matrix}, key=lambda word: (word == last, word))
    lines = [f"### {title}", "", "| truth | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    for truth in rows:
        lines.append(f"| {truth} | " + " | ".join(str(matrix[truth, word] or "") for word in columns) + " |")
    return [*lines, ""]


def page(simulated: Tally, kernel: Tally) -> str:
    """The page."""
    right = sum(count for (truth, word), count in simulated.states.items() if truth == word)
    unknown = sum(count for (_, word), count in simulated.states.items() if word == UNKNOWN)
    lines = [
        "# How right the checker is, beside tshark", "",
        "Made by `scripts/checker_accuracy.py`; `tests/accuracy` holds the same, frame by frame. Rows are the truth,",
        "columns what the tool says; each number counts frames. tshark has no words for a timeout, a tail loss probe or",
        "a way out of a timeout: all are \"retransmission\" there.", "",
        f"## Built-in scenarios, {simulated.captures} captures from taps at all hosts", "",
        "*Nothing of it seen before*: a resend whose original was lost before the tap; that it was sent again shows only",
        "by evidence (timestamps, SACK, time). *stray*: sent by an attacker in an end's name, or left over from an earlier",
        "connection. *copy*: doubled by the network. *overtaken*: arrived after what was sent later.", "",
        *table("netsim check", simulated.ours), *table("tshark", simulated.tshark),
        "## Both ends' states", "",
        f"After each of these frames, for each end, wherever anything at the tap can tell: {right:,} of",
        f"{sum(simulated.states.values()):,} states are inferred right; {unknown} are left open, each of an end that has sent",
        "nothing yet. (tshark infers none.)", "",
        *table("netsim check", simulated.states, UNKNOWN),
        "## What the scenarios provoke", "",
        "All that the checker finds in these captures, and why it is there:", "",
        "| scenario | tap | found | because |", "|---|---|---|---|", *simulated.provoked, "",
        f"## The real Linux kernel, {kernel.captures} captures, at the sender's side", "",
        *table("netsim check", kernel.ours), *table("tshark", kernel.tshark),
        "Keep-alives and window probes count as not resent in the kernel's truth; a tail loss probe may carry new data.",
    ]  # fmt: skip
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Run everything and write the page."""
    simulated, kernel = Tally(), Tally()
    with tempfile.TemporaryDirectory() as folder:
        for name in catalog.names():
            take_scenario(name, Path(folder), simulated)
    for file in sorted((ROOT / "traces/linux").glob("*.json")):
        take_kernel(file, kernel)
    (ROOT / "docs" / "checker-accuracy.md").write_text(page(simulated, kernel))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
