"""Hold the checker and tshark against the truth on the same files, and write docs/checker-accuracy.md.

The truth: for every built-in scenario, what the simulator knows of each frame it writes to a
capture (sent again or not, and why), from both taps; for the captures of the real kernel in
traces/linux, the frames that their truth files list as resent.

python scripts/checker_accuracy.py            (needs tshark)
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from netsim.check.engine import Report, check_file  # noqa: E402
from netsim.report.pcap import frames_at, write_pcap  # noqa: E402
from netsim.scenario.loader import load  # noqa: E402
from netsim.scenario.runner import run  # noqa: E402

SKIPPED = {"bulk", "slow-start"}
OURS = (
    ("timeout_retransmission", "timeout"), ("fast_retransmission", "fast"), ("tail_loss_probe", "tail probe"),
    ("slow_start_retransmission", "go-back"), ("retransmission", "resent, cause unknown"),
    ("keep_alive", "keep-alive"), ("zero_window_probe", "window probe"), ("out_of_order", "out of order"),
)  # fmt: skip
TSHARK = (
    ("tcp.analysis.fast_retransmission", "fast"), ("tcp.analysis.spurious_retransmission", "spurious"),
    ("tcp.analysis.retransmission", "retransmission"), ("tcp.analysis.out_of_order", "out of order"),
    ("tcp.analysis.keep_alive", "keep-alive"), ("tcp.analysis.zero_window_probe", "window probe"),
)  # fmt: skip
CAUSES = {
    "timeout": "timeout", "syn": "timeout", "fin": "timeout", "fast": "fast", "sack": "fast", "rack": "fast",
    "tlp": "tail probe", "go-back": "go-back", "persist": "window probe", "keep-alive": "keep-alive",
}  # fmt: skip
NOT = "not resent"


def ours(report: Report) -> dict[int, str]:
    """Frame to our word for it."""
    words: dict[int, str] = {}
    for connection in report.connections:
        for category, word in OURS:
            for frame in connection.frames(category):
                words.setdefault(frame, word)
        for item in report.quality:
            if item.code == "CAP002":
                for frame in item.frames:
                    words.setdefault(frame, "copy")
    return words


def tshark(path: Path) -> dict[int, str]:
    """Frame to tshark's word for it."""
    command = ["tshark", "-r", str(path), "-T", "fields", "-e", "frame.number"]
    for field, _ in TSHARK:
        command += ["-e", field]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    words: dict[int, str] = {}
    for line in out.splitlines():
        number, *values = line.split("\t")
        for (_, word), value in zip(TSHARK, values, strict=False):
            if value:
                words.setdefault(int(number), word)
    return words


def scenario_truth(name: str, tap: str, folder: Path) -> tuple[Path, dict[int, str]] | None:
    """The capture of a scenario at a tap, and what the simulator knows of each of its frames."""
    result = run(load(name))
    if tap not in result.recorder.hosts:
        return None
    path = folder / f"{name}.{tap}.pcap"
    write_pcap(result.recorder, str(path), tap)
    truth = {}
    seen: set[int] = set()
    for number, (_, packet) in enumerate(frames_at(result.recorder, tap), 1):
        row = result.recorder.row_of(packet)
        if row is None or not hasattr(row, "retransmission"):
            continue
        again = row.uid in seen
        seen.add(row.uid)
        if row.copy_of is not None or again:
            truth[number] = "copy"
        elif row.retransmission:
            truth[number] = CAUSES.get(row.cause, row.cause or "timeout")
        else:
            truth[number] = NOT
    return path, truth


def table(title: str, matrix: Counter[tuple[str, str]]) -> list[str]:
    """One confusion matrix as a table."""
    rows = sorted({truth for truth, _ in matrix}, key=lambda word: (word == NOT, word))
    columns = sorted({word for _, word in matrix}, key=lambda word: (word == NOT, word))
    lines = [f"### {title}", "", "| truth | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    for truth in rows:
        lines.append(f"| {truth} | " + " | ".join(str(matrix[truth, word] or "") for word in columns) + " |")
    return [*lines, ""]


def main() -> int:
    """Run everything and write the page."""
    sim_ours: Counter[tuple[str, str]] = Counter()
    sim_tshark: Counter[tuple[str, str]] = Counter()
    kernel_ours: Counter[tuple[str, str]] = Counter()
    kernel_tshark: Counter[tuple[str, str]] = Counter()
    captures = 0
    with tempfile.TemporaryDirectory() as folder:
        for file in sorted((ROOT / "src/netsim/scenario/builtin").glob("*.yaml")):
            for tap in ("client", "server"):
                made = None if file.stem in SKIPPED else scenario_truth(file.stem, tap, Path(folder))
                if made is None:
                    continue
                captures += 1
                path, truth = made
                mine, theirs = ours(check_file(str(path))), tshark(path)
                for number, word in truth.items():
                    sim_ours[word, mine.get(number, NOT)] += 1
                    sim_tshark[word, theirs.get(number, NOT)] += 1
    for file in sorted((ROOT / "traces/linux").glob("*.json")):
        truth_file = json.loads(file.read_text())
        for side, name in truth_file["files"].items():
            path = file.parent / name
            resent = {entry["frame"] for entry in truth_file["resent"][side]}
            mine, theirs = ours(check_file(str(path))), tshark(path)
            sent = truth_file["passage"][f"from_{side}"]
            for entry in sent:
                number = entry[0]
                word = "resent" if number in resent else NOT
                kernel_ours[word, mine.get(number, NOT)] += 1
                kernel_tshark[word, theirs.get(number, NOT)] += 1
    lines = [
        "# How right the checker is, beside tshark", "",
        "Made by `scripts/checker_accuracy.py`. Rows are the truth, columns what the tool says; each number counts",
        "frames. tshark has no words for a timeout, a tail loss probe or a way out of a timeout: all are",
        "\"retransmission\" there.", "",
        f"## Built-in scenarios, {captures} captures from both taps", "",
        *table("netsim check", sim_ours), *table("tshark", sim_tshark),
        "A resend seen at the receiver's tap whose original was lost before it is \"sent again\" only by evidence",
        "(timestamps, SACK, time); such frames are in the rows above as well.", "",
        "## The real Linux kernel, sender's side", "",
        *table("netsim check", kernel_ours), *table("tshark", kernel_tshark),
    ]  # fmt: skip
    (ROOT / "docs" / "checker-accuracy.md").write_text("\n".join(lines).rstrip() + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
