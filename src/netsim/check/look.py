"""What a rule sees when it is asked, and how it answers."""

from __future__ import annotations

from typing import Final

from netsim.base.units import format_duration
from netsim.capture.record import TcpRecord
from netsim.check.flow import Candidate, Conn, Half, Resend
from netsim.check.model import CERTAIN, CONFIDENCES

KEPT_FRAMES: Final = 50


class Look:
    """The moment: one segment `r` from `h` to `p` in connection `c`, before the flow takes it in.

    seq, end:  its sequence space, unwrapped: [seq, end)
    ack:       its acknowledgement, unwrapped in `p`'s space; -1 without ACK
    n:         octets of payload
    edge:      the right edge it offers to `p`; -1 without ACK, or where the scale is unknown
    old:       all of it lies below what its sender has sent before: its peer may not even look at its ACK
    old_edge, old_ack, old_wnd: the farthest edge, the acknowledgement and the window before it
    resend:    at AT_RESEND: what is sent again and why
    damaged:   at AT_DAMAGE: the damaged record, `r` or an earlier one
    ticked:    the sender's timestamp clock has moved on since its last segment
    conns:     at AT_CAPTURE: see `capture_facts` of the tracker
    """

    __slots__ = (
        "ack",
        "c",
        "damaged",
        "dsack",
        "edge",
        "end",
        "fresh_sack",
        "h",
        "hits",
        "isns",
        "n",
        "old",
        "old_ack",
        "old_edge",
        "old_wnd",
        "p",
        "r",
        "resend",
        "rule",
        "seq",
        "ticked",
    )  # fmt: skip

    def __init__(self, c: Conn, r: TcpRecord) -> None:
        self.c = c
        self.h: Half = c.client
        self.p: Half = c.server
        self.r = r
        self.seq = -1
        self.end = -1
        self.ack = -1
        self.n = 0
        self.edge = -1
        self.old = False
        self.old_edge = -1
        self.old_ack = -1
        self.old_wnd = -1
        self.resend: Resend | None = None
        self.rule = 0
        self.dsack = False
        self.fresh_sack = False
        self.damaged: TcpRecord | None = None
        self.ticked = False
        self.isns: dict[bytes, list[tuple[int, int, int]]] = {}
        self.hits: list[tuple[int, str, str, list[int]]] = []

    def report(
        self, half: Half, message: str, confidence: str = CERTAIN, frame: int = 0, before: TcpRecord | None = None,
        evidence: list[int] | None = None, anywhere: bool = False,
    ) -> None:  # fmt: skip
        """A candidate against `half`: this segment (or `frame`), proven together with the record `before`.

        anywhere: the proof holds wherever the tap is, although the rule asks for one at the host.
        """
        at = frame or self.r.frame
        conn = half.conn
        if conn.candidates is None:
            conn.candidates = {}
        key = f"{self.rule}{half.name}"
        old = conn.candidates.get(key)
        if old is None:
            old = Candidate(self.rule, half, confidence, message, at, _evidence(at, before, evidence))
            conn.candidates[key] = old
        elif old.frames[-1] == at:
            return
        else:
            old.count += 1
            if len(old.frames) < KEPT_FRAMES:
                old.frames.append(at)
            if CONFIDENCES.index(confidence) < CONFIDENCES.index(old.confidence):
                old.confidence = confidence
                old.message = message
                old.evidence = _evidence(at, before, evidence)
        if anywhere:
            old.anywhere = True

    def hit(self, message: str, confidence: str, frames: list[int]) -> None:
        """At AT_CAPTURE: a finding about many connections."""
        self.hits.append((self.rule, message, confidence, frames))


def _evidence(frame: int, before: TcpRecord | None, more: list[int] | None) -> list[int]:
    """The frames of a proof, in the file's order."""
    frames = {frame}
    if before is not None:
        frames.add(before.frame)
    if more:
        frames.update(more)
    return sorted(frames)


def grouped(number: int) -> str:
    """`90,211`."""
    return f"{number:,}"


def span(t_ns: int) -> str:
    """A time span for people."""
    return format_duration(t_ns)
