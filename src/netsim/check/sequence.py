"""The sequence numbers of a slow segment: new, ahead of a gap, late, or sent again.

A segment below the highest number seen is either sent again or overtaken by later ones. The
tap decides by evidence, strongest first: has it seen these bytes before; the IP identification;
the sender's timestamp clock; whether the receiver had reported the gap by then; at last, time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.packet import ACK, FIN, SYN
from netsim.capture.record import TcpRecord
from netsim.check.cause import (
    MIN_RTO_NS,
    is_probe_of_new_data,
    last_sent,
    note_overtaken,
    note_probe,
    note_resend,
    recognise_timeout,
)
from netsim.check.flow import MASK, MODE_LOSS, Half, Hole
from netsim.check.look import Look
from netsim.check.model import AT_DATA
from netsim.check.opening import set_limit

if TYPE_CHECKING:
    from netsim.check.tracker import Tracker

FAR: Final = 1 << 22
_HALF: Final = 0x80000000
TAP_SWAP_NS: Final = 2_000_000
KEEP_ALIVE_IDLE_NS: Final = 900_000_000
MAX_HOLES: Final = 1000

EARLIER: Final = -1
SAME: Final = 0
LATER: Final = 1


def order_of(h: Half, r: TcpRecord, other: TcpRecord) -> int:
    """Was `r` sent EARLIER or LATER than `other` by the same endpoint? SAME if nothing tells."""
    if r.ts_val >= 0 and other.ts_val >= 0 and r.ts_val != other.ts_val:
        return LATER if (r.ts_val - other.ts_val) & MASK < _HALF else EARLIER
    if r.ts_val >= 0 and other.ts_val >= 0 and r.ts_ecr != other.ts_ecr and r.flags & other.flags & ACK:
        # Within one tick of its clock; but which of the peer's it had received last tells as well.
        return LATER if (r.ts_ecr - other.ts_ecr) & MASK < _HALF else EARLIER
    if r.ip_id > 0 and other.ip_id > 0 and r.ip_id != other.ip_id and h.id_inc and h.ids_count():
        step = (r.ip_id - other.ip_id) & 0xFFFF
        if step < 0x1000:
            return LATER
        if step > 0xF000:
            return EARLIER
    return SAME


def take_sequence(t: Tracker, x: Look) -> None:
    """Place the segment in its sender's sequence space."""
    r = x.r
    h = x.h
    if r.flags & SYN:
        return
    has_fin = r.flags & FIN
    if x.seq == h.nxt:
        if x.n or has_fin:
            _take_new(t, x)
        return
    if x.seq > h.nxt:
        _take_ahead(t, x)
        return
    if x.n == 0 and not has_fin:
        _take_old_empty(x)
        return
    _take_old(t, x)


def _take_new(t: Tracker, x: Look) -> None:
    """New, in order."""
    h = x.h
    r = x.r
    if h.beyond:
        _late_bytes(x)
    for index, rule in t.at[AT_DATA]:
        x.rule = index
        rule.look(x)
    if h.fin >= 0 and x.seq > h.fin:
        return
    if r.flags & FIN:
        recognise_timeout(x)
    elif is_probe_of_new_data(x):
        x.c.add("tail_loss_probe", r.frame)
    _extend(x)
    closed = x.p.wnd == 0
    if closed and x.n == 1 and x.seq >= h.edge >= 0:
        note_probe(x)
    elif x.n and h.edge >= 0 and h.shift_known() and x.end >= h.edge:
        x.c.add("window_full", r.frame)


def _extend(x: Look) -> None:
    """The segment carries the highest number so far."""
    h = x.h
    r = x.r
    h.nxt = x.end
    h.sent.append(r)
    if h.head == 0 and len(h.sent) > 4096:
        del h.sent[:2048]
    h.last_new_ns = r.t_ns
    if x.n:
        h.data_packets += 1
        if x.n > h.seg_max:
            h.giants += 1


def _take_ahead(t: Tracker, x: Look) -> None:
    """A gap before the segment: not seen, or not yet."""
    h = x.h
    p = x.p
    r = x.r
    gap = x.seq - h.nxt
    if gap > FAR and (h.edge < 0 or x.seq > h.edge + FAR):
        # No relation to this connection's numbers: do not follow it there.
        for index, rule in t.at[AT_DATA]:
            x.rule = index
            rule.look(x)
        return
    if h.data_packets == 0 and h.packets <= 1 and h.syn is None:
        # Joined midway: only now do we know where this direction stands.
        h.start_nxt = h.nxt = h.una = x.seq
        if x.n or r.flags & FIN:
            _extend(x)
        return
    start = h.nxt
    if h.beyond:
        start = _missing_acked(x, start)
    if start < x.seq:
        if h.holes is None:
            h.holes = []
        if len(h.holes) < MAX_HOLES:
            h.holes.append(Hole(start, x.seq, r, h.last_new_ns))
    if x.n or r.flags & FIN:
        for index, rule in t.at[AT_DATA]:
            x.rule = index
            rule.look(x)
        _extend(x)
        if h.edge >= 0 and x.n and h.shift_known() and x.end >= h.edge and p.wnd > 0:
            x.c.add("window_full", r.frame)
    else:
        h.nxt = x.seq


def _missing_acked(x: Look, start: int) -> int:
    """Bytes before this segment that the peer has acknowledged and the tap never saw; where the rest begins."""
    h = x.h
    beyond = h.beyond
    if beyond is None:
        return start
    for entry in beyond:
        if entry.settled:
            continue
        entry.settled = True
        if entry.sacked and entry.high <= x.seq:
            _count_missing(h, 1, x.r.frame)  # its sender has gone on behind them, so they were sent
        top = min(entry.high, x.seq)
        if not entry.sacked and top > start:
            _count_missing(h, top - start, x.r.frame)
            start = top
            if start > h.una:
                h.una = start
    h.beyond = None
    return start


def _count_missing(h: Half, size: int, frame: int) -> None:
    """Bytes that arrived without passing the tap: the capture lacks the packets that carried them."""
    h.missing += (size + h.seg_max - 1) // h.seg_max
    h.conn.note_quality("CAP001", frame)


def _late_bytes(x: Look) -> None:
    """Bytes seen only now, although the peer has acknowledged (or SACKed) them before."""
    h = x.h
    r = x.r
    beyond = h.beyond
    if beyond is None:
        return
    rest = False
    for entry in beyond:
        if entry.settled or entry.high <= x.seq:
            continue
        if x.seq < entry.seen:
            continue
        seen_by_peer = (
            r.ts_val >= 0 and entry.record.ts_ecr >= 0 and (entry.record.ts_ecr - r.ts_val) & MASK < _HALF
            and entry.record.ts_ecr != r.ts_val - 1
        )  # fmt: skip
        waited = r.t_ns - entry.record.t_ns
        if seen_by_peer and waited < TAP_SWAP_NS * 10:
            entry.proof = "swapped"
            h.conn.note_quality("CAP003", r.frame)
            h.conn.reordered += 1
        elif r.ts_val < 0 and waited < TAP_SWAP_NS and entry.high == x.end:
            entry.proof = "swapped"
            h.conn.note_quality("CAP003", r.frame)
            h.conn.reordered += 1
        elif h.id_inc and h.ids_count() and entry.id_next != r.ip_id and not entry.proof:
            # Packets of this endpoint were not seen in between: they may have carried these bytes.
            entry.proof = "hidden"
        elif entry.proof == "":
            entry.proof = "late"
        if entry.high <= x.end:
            entry.settled = True
        else:
            rest = True
    if not rest:
        # Kept for the rules asked at this moment; gone with the next segment.
        h.ident = 1


def _take_old_empty(x: Look) -> None:
    """No data, and a number that was passed: a probe, or a pure ACK that was overtaken."""
    h = x.h
    p = x.p
    c = x.c
    if x.seq == h.una - 1 or x.seq == h.nxt - 1:
        if p.wnd == 0:
            note_probe(x)
        elif h.una >= h.nxt and p.pending_zero():
            note_probe(x)
        elif h.una >= h.nxt and (h.last is None or x.r.t_ns - h.last.t_ns >= KEEP_ALIVE_IDLE_NS):
            c.add("keep_alive", x.r.frame)


def _take_old(t: Tracker, x: Look) -> None:
    """Data (or a FIN) at numbers that were passed."""
    h = x.h
    p = x.p
    r = x.r
    c = x.c
    if h.fin >= 0 and x.seq > h.fin:
        for index, rule in t.at[AT_DATA]:
            x.rule = index
            rule.look(x)
        return
    if x.n == 1 and not r.flags & FIN and x.seq == h.nxt - 1 and x.seq >= h.una - 1:
        if p.wnd == 0:
            note_probe(x)
            return
        if h.una >= h.nxt and _is_keep_alive(h, p, r):
            c.add("keep_alive", r.frame)
            return
    if x.seq < h.start_nxt and h.iss < 0:
        # Sent before the capture began: cannot be told from new to the tap, is old to its sender.
        h.start_nxt = x.seq
    if h.holes:
        kind = _fill(x)
        if kind == EARLIER:
            c.add("out_of_order", r.frame)
            c.reordered += 1
            _place(x)
            return
    if x.end > h.nxt and h.nxt - x.seq == 1 and h.probes:
        # The byte of a window probe goes out again at the head of the data it was taken from.
        for index, rule in t.at[AT_DATA]:
            x.rule = index
            rule.look(x)
        _extend(x)
        return
    if _is_late_original(x):
        return
    note_resend(t, x, x.seq, x.end)
    for index, rule in t.at[AT_DATA]:
        x.rule = index
        rule.look(x)
    if x.end > h.nxt:
        _extend(x)


def _is_late_original(x: Look) -> bool:
    """Seen after its own retransmission, which overtook it: the clock of its sender tells."""
    h = x.h
    first = last_sent(h, x.seq, x.r)
    if first is None or not x.n or first.ts_val < 0 or x.r.ts_val < 0 or first.flags & SYN:
        return False
    if order_of(h, x.r, first) != EARLIER or first.seq != x.r.seq:
        return False
    x.c.add("out_of_order", x.r.frame)
    x.c.add("retransmission", first.frame)
    category = note_overtaken(h, x.r, first, x.seq, x.end)
    if category:
        x.c.add(category, first.frame)
    x.c.reordered += 1
    return True


def _is_keep_alive(h: Half, p: Half, r: TcpRecord) -> bool:
    """One old byte, all acknowledged: keep-alive, or the last byte sent again?

    A keep-alive comes after silence; a retransmission soon after the byte. And the byte of a
    retransmission is the whole of a segment sent before.
    """
    last = h.last
    active = max(h.last_new_ns, p.last.t_ns if p.last is not None else 0)
    if last is not None and last.payload_len == 1 and last.seq == r.seq and last.flags == r.flags:
        return r.t_ns - active >= 10 * KEEP_ALIVE_IDLE_NS or "keep_alive" in (h.conn.analysis or {})
    return r.t_ns - active >= KEEP_ALIVE_IDLE_NS


def _place(x: Look) -> None:
    """Insert an overtaken record among those not acknowledged, by its number."""
    h = x.h
    sent = h.sent
    index = len(sent)
    while index > h.head and (sent[index - 1].seq - x.r.seq) & MASK < _HALF:
        index -= 1
    sent.insert(index, x.r)


def _fill(x: Look) -> int:
    """Does the segment fill a gap? EARLIER: overtaken by what we saw first. LATER: sent again. SAME: no gap here."""
    h = x.h
    r = x.r
    holes = h.holes
    if holes is None:
        return SAME
    verdict = SAME
    kept: list[Hole] = []
    for hole in holes:
        if x.end <= hole.start or x.seq >= hole.end:
            kept.append(hole)
            continue
        whole = hole.start <= x.seq and x.end <= hole.end
        if whole:
            verdict = _judge_fill(x, hole)
        if verdict != EARLIER:
            x.c.add("lost_segment", hole.opener.frame)
        if hole.start < x.seq:
            kept.append(Hole(hole.start, x.seq, hole.opener, hole.since_ns))
        if x.end < hole.end:
            rest = Hole(x.end, hole.end, hole.opener, hole.since_ns)
            rest.acks = hole.acks
            kept.append(rest)
    h.holes = kept or None
    if verdict == EARLIER and r.frame == hole.opener.frame:
        return SAME
    return verdict


def _judge_fill(x: Look, hole: Hole) -> int:
    """EARLIER or LATER, by the evidence in order of strength."""
    h = x.h
    r = x.r
    opener = hole.opener
    order = order_of(h, r, opener)
    if order != SAME:
        return order
    waited = r.t_ns - opener.t_ns
    back = _turn_back(h)
    if waited < back - (back >> 3) and h.mode != MODE_LOSS and (
        x.seq > h.una or r.t_ns - hole.since_ns < MIN_RTO_NS
    ):  # fmt: skip
        # No ACK about the gap can have reached the sender and its answer the tap, nor can a timer have run out.
        return EARLIER
    if hole.acks >= 3:
        # The receiver had asked for it: enough to make the sender send it again.
        return LATER
    rtt = h.srtt + x.p.srtt
    if hole.acks == 0:
        # Nothing the sender saw could have told it of a loss, unless its timer ran out.
        return EARLIER if waited < max(190_000_000, rtt) else LATER
    return EARLIER if waited < max(3_000_000, rtt >> 1) else LATER


def _turn_back(h: Half) -> int:
    """The shortest time seen from the tap to this sender and back, ns; 0 if not known."""
    near = h.peer.rtt_min
    if h.turn_ns >= 0 and (near < 0 or h.turn_ns < near):
        near = h.turn_ns
    return max(near, 0)


def reset_edge(h: Half, edge: int) -> None:
    """The peer offers more window."""
    if edge > h.edge:
        h.edge = edge
    set_limit(h)
