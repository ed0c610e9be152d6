"""Loss, and how Linux repairs it."""

from __future__ import annotations

from . import faults
from .faults import drop
from .lab import Lab
from .moves import upload
from .plan import plan

NO_SACK = {"tcp_sack": 0, "tcp_dsack": 0}


@plan(
    "fast-retransmit-sack",
    "one segment lost in the middle of a flight: SACK recovery, one fast retransmit",
    rules=lambda: [drop("client", faults.covers(5 * 1448))],
    expect={"client": {"RetransSegs": 1, "TCPFastRetrans": 1, "TCPSackRecovery": 1, "TCPTimeouts": 0}},
)
def fast_retransmit_sack(lab: Lab) -> None:
    upload(lab, 30_000)


@plan(
    "tail-loss",
    "the last segment of a transfer lost: tail loss probe before any timeout",
    rules=lambda: [drop("client", faults.covers(9_999))],
    expect={"client": {"RetransSegs": 1, "TCPLossProbes": 1, "TCPTimeouts": 0}},
)
def tail_loss(lab: Lab) -> None:
    upload(lab, 10_000)
