"""Relative sequence numbers: which conversation a segment belongs to, and what its ISNs are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.base.packet import ACK, RST, SYN
from netsim.base.seqnum import seq_diff

if TYPE_CHECKING:
    from netsim.base.packet import Segment

Direction = tuple[str, int, str, int]


class Numbering:
    """The numbers of one direction of one incarnation: its ISN, and how far it has come."""

    __slots__ = ("isn", "last_offset", "last_seq")

    def __init__(self, isn: int) -> None:
        self.isn = isn
        self.last_seq = isn
        self.last_offset = 0

    def relative(self, seq: int) -> int:
        """The offset of `seq` from the ISN; unbounded, negative for numbers from before it."""
        return self.last_offset + seq_diff(seq, self.last_seq)

    def advance(self, seq: int) -> None:
        """Remember how far the direction has come, so that streams beyond 2^31 unwrap rightly."""
        offset = self.relative(seq)
        if offset > self.last_offset:
            self.last_offset = offset
            self.last_seq = seq


class Flows:
    """Numbers the conversations of a run from 1, and knows each direction's incarnations.

    A SYN with a new number that an endpoint itself sends begins a new incarnation of its
    4-tuple. A SYN that only the network knows of (injected, duplicated) does not: it is
    shown relative to the incarnation that it disturbs.
    """

    def __init__(self) -> None:
        self._numberings: dict[Direction, list[Numbering]] = {}
        self._flow: dict[Direction, int] = {}
        self.count = 0

    def place(self, segment: Segment, *, by_endpoint: bool) -> tuple[int, Numbering | None]:
        """The flow number of a segment being sent, and the numbering of its sequence number.

        Learns from the segment: call it once per segment, in the order of sending. None where
        the segment has no numbering: the reset of a host that never had a connection.
        """
        forward = (segment.src, segment.sport, segment.dst, segment.dport)
        if forward not in self._flow:
            self._begin(forward)
        known = self._numberings.setdefault(forward, [])
        if segment.flags & RST:
            # A reset often takes its number from the segment it answers, which may belong to an
            # incarnation that its sender has forgotten (RFC 9293 §3.10.7.1).
            nearest = min(known, key=lambda numbering: abs(numbering.relative(segment.seq)), default=None)
            return self._flow[forward], nearest
        is_new = segment.flags & SYN and by_endpoint and known and known[-1].isn != segment.seq
        if is_new and not segment.flags & ACK:
            self._begin(forward)
        if not known or is_new:
            known.append(Numbering(segment.seq))
        elif by_endpoint:
            known[-1].advance(segment.seq)
        return self._flow[forward], known[-1]

    def numbering_of_acks(self, segment: Segment) -> Numbering | None:
        """The numbering that a segment's ACK field refers to, if nothing better is known."""
        known = self._numberings.get((segment.dst, segment.dport, segment.src, segment.sport))
        return known[-1] if known else None

    def _begin(self, forward: Direction) -> None:
        self.count += 1
        src, sport, dst, dport = forward
        self._flow[forward] = self._flow[dst, dport, src, sport] = self.count
