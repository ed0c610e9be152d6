"""Openings that nobody has completed yet: there may be very many, and a flood's are all alike.

Of a plain SYN, and the plain SYN-ACK that answers it, only the two records are kept. As soon as
anything else happens to them, the connection is made and both records are taken as they would
have been at once. If nothing does, the *kind* of the opening decides: the first of a kind is
judged by every rule, and where none has anything to say, the others are summarised as that one
was. A kind is everything about the segments except addresses, ports, sequence numbers, IP
identifications, lifetimes and times; so a rule about any of these must not depend on it for an
opening that `is_plain_syn` and `is_plain_answer` let pass. A test holds both ways to the same result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.packet import ACK, CWR, ECE, SYN
from netsim.capture.record import (
    CSUM_BAD,
    CSUM_PARTIAL,
    NOTE_INBOUND,
    NOTE_OUTBOUND,
    NOTE_TUNNELLED,
    TcpRecord,
)
from netsim.check.flow import MASK, Conn
from netsim.check.summary import Row, row_of

if TYPE_CHECKING:
    from netsim.check.tracker import Tracker

Kind = tuple[object, ...]

_FINE: Final = NOTE_INBOUND | NOTE_OUTBOUND | NOTE_TUNNELLED
_PROMPT_NS: Final = 1_000_000_000
_MANY_PARTIAL: Final = 20
"""So many segments without checksum are named one by one."""
MAX_KINDS: Final = 10_000


class Attempt:
    """An opening: its SYN, its SYN-ACK if there was one; and `conn` once it is followed in full.

    other: the key of the opposite direction
    row:   of the first of its kind, once that was looked up; () if those of its kind must be judged
    """

    __slots__ = ("answer", "conn", "ident", "other", "row", "syn")

    def __init__(self, ident: int, syn: TcpRecord, other: bytes, conn: Conn | None) -> None:
        self.ident = ident
        self.syn = syn
        self.other = other
        self.answer: TcpRecord | None = None
        self.conn = conn
        self.row: Row = ()


def is_plain_syn(t: Tracker, r: TcpRecord) -> bool:
    """A SYN about which rules have something to say only if they say it of every one of its kind."""
    if r.flags & ~(ECE | CWR) != SYN or r.payload_len or r.ack or r.ts_ecr > 0 or r.notes & ~_FINE:
        return False
    key = r.key
    if len(key) == 12:
        if key[0] >= 224 or key[4] >= 224 or (key[3] == key[7] and key[:4] == key[4:8]):
            return False
    elif key[0] == 0xFF or key[16] == 0xFF or (key[15] == key[31] and key[:16] == key[16:32]):
        return False
    return (key[-4] | key[-3]) != 0 and (key[-2] | key[-1]) != 0 and _is_summed(t, r)


def is_plain_answer(t: Tracker, syn: TcpRecord, r: TcpRecord) -> bool:
    """The SYN-ACK of such a SYN, soon after it."""
    return (
        r.flags & ~ECE == SYN | ACK
        and r.payload_len == 0
        and r.ack == (syn.seq + 1) & MASK
        and (r.ts_val < 0 or r.ts_ecr == syn.ts_val)
        and r.notes & ~_FINE == 0
        and 0 <= r.t_ns - syn.t_ns < _PROMPT_NS
        and _is_summed(t, r)
    )


def _is_summed(t: Tracker, r: TcpRecord) -> bool:
    """Its checksum is not wrong; nor left to the network card, as long as those are named one by one."""
    status = r.checksum_status()
    return status != CSUM_BAD and (status != CSUM_PARTIAL or t.partial >= _MANY_PARTIAL)


def _kind(syn: TcpRecord, answer: TcpRecord | None) -> Kind:
    """What makes two openings alike. Options count as the same only if they are the same object."""
    if answer is None:
        return _traits(syn)
    return _traits(syn) + _traits(answer)


def _traits(r: TcpRecord) -> Kind:
    return (
        r.flags, r.wnd, r.opts, r.tos, r.notes, r.urg, r.df, min(r.ip_id, 1), r.ts_val < 0, r.sum_status, r.interface,
    )  # fmt: skip


def _alike(a: TcpRecord, b: TcpRecord) -> bool:
    """Equal `_traits`, without making them."""
    return (
        a.opts is b.opts
        and a.wnd == b.wnd
        and a.flags == b.flags
        and a.sum_status == b.sum_status
        and a.tos == b.tos
        and a.notes == b.notes
        and a.urg == b.urg
        and a.df == b.df
        and a.interface == b.interface
        and (a.ts_val < 0) == (b.ts_val < 0)
        and (a.ip_id == b.ip_id or (a.ip_id > 0 and b.ip_id > 0))
    )


def _row_of_kind(t: Tracker, a: Attempt) -> Row | None:
    """The row of the first of its kind, () if that needed judging; None: this is the first."""
    last = t.last_kind
    if last is not None and _alike(a.syn, last.syn):
        if a.answer is None or last.answer is None:
            if a.answer is last.answer:
                return last.row
        elif _alike(a.answer, last.answer):
            return last.row
    row = t.kinds.get(_kind(a.syn, a.answer))
    if row is not None:
        a.row = row
        t.last_kind = a
    return row


def finish_attempt(t: Tracker, a: Attempt) -> None:
    """Nothing more happened to an opening: summarise it."""
    row = _row_of_kind(t, a)
    syn = a.syn
    answer = a.answer
    if row is None:
        c = t.materialize(a)
        t.finish_conn(c)
        if len(t.kinds) < MAX_KINDS:
            clean = c.analysis is None and c.candidates is None and c.quality is None
            t.kinds[_kind(syn, answer)] = row_of(c, []) if clean else ()
    elif not row:
        t.finish_conn(t.materialize(a))
    elif t.on_alike is not None:
        if syn.sum_status == CSUM_PARTIAL:
            t.partial += 1
        if answer is not None and answer.sum_status == CSUM_PARTIAL:
            t.partial += 1
        t.on_alike(row, a)
