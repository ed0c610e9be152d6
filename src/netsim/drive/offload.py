"""TCP segmentation offload: the network interface cuts what the stack hands over in one piece."""

from __future__ import annotations

from netsim.base.packet import CWR, FIN, PSH, Segment
from netsim.base.seqnum import seq_add


def split(segment: Segment, mss: int) -> list[Segment]:
    """The segment as pieces of at most `mss` octets of data, as a NIC does it.

    FIN and PSH stay on the last piece, CWR on the first; every piece carries the same
    acknowledgement, window and options.
    """
    length = len(segment.payload)
    if length <= mss:
        return [segment]
    pieces: list[Segment] = []
    for offset in range(0, length, mss):
        piece = segment.copy()
        piece.payload = segment.payload[offset : offset + mss]
        piece.seq = seq_add(segment.seq, offset)
        if offset + mss < length:
            piece.flags &= ~(FIN | PSH)
        if offset:
            piece.flags &= ~CWR
        pieces.append(piece)
    return pieces
