"""What the checker says of each frame of a capture, and what tshark says."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from netsim.capture.tcpview import open_tcp
from netsim.check.flow import Conn
from netsim.check.states import refresh
from netsim.check.tracker import Tracker

from .truth import COPY, DAMAGED, LATE, RESENT

if TYPE_CHECKING:
    from netsim.capture.record import TcpRecord
    from netsim.check.engine import Report

SMALLER: Final[dict[str, dict[str, str]]] = {"bulk": {"bytes": "1MB"}}
"""Parameters of the scenarios that would take long."""

OURS: Final = (
    ("timeout_retransmission", "timeout"), ("fast_retransmission", "fast"), ("tail_loss_probe", "tail probe"),
    ("slow_start_retransmission", "go-back"), ("retransmission", RESENT), ("keep_alive", "keep-alive"),
    ("zero_window_probe", "window probe"), ("out_of_order", LATE),
)  # fmt: skip
"""Categories of the analysis to the words of the matrix; the first that applies counts."""

TSHARK: Final = (
    ("tcp.analysis.fast_retransmission", "fast"), ("tcp.analysis.spurious_retransmission", "spurious"),
    ("tcp.analysis.retransmission", "retransmission"), ("tcp.analysis.out_of_order", "out of order"),
    ("tcp.analysis.keep_alive", "keep-alive"), ("tcp.analysis.zero_window_probe", "window probe"),
)  # fmt: skip


def ours(report: Report) -> dict[int, str]:
    """Frame to our word for it; frames that are not in it are new."""
    words: dict[int, str] = {}
    for connection in report.connections:
        for category, word in OURS:
            for frame in connection.frames(category):
                words.setdefault(frame, word)
        for code, word in (("CAP002", COPY), ("CAP011", DAMAGED)):
            for frame in (connection.quality or {}).get(code, [0])[1:]:
                words.setdefault(frame, word)
    return words


def records_of(path: Path) -> list[TcpRecord]:
    """Every TCP segment of a capture."""
    source = open_tcp(str(path))
    found: list[TcpRecord] = []
    while batch := source.read_batch():
        found.extend(batch)
    source.close()
    return found


def states(records: list[TcpRecord]) -> dict[int, tuple[str, str]]:
    """Frame to the inferred states of its sender and its receiver after it."""
    done: list[Conn] = []
    tracker = Tracker((), done.append)
    found: dict[int, tuple[str, str]] = {}
    for record in records:
        tracker.feed(record)
        half = tracker.halves.get(record.key)
        if half is not None:
            refresh(half.conn)
            found[record.frame] = (half.state, half.peer.state)
    return found


def tshark(path: Path) -> dict[int, str]:
    """Frame to tshark's word for it; frames that are not in it have none."""
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
