"""SYNs: openings, resent SYNs, simultaneous opens, new incarnations; and connections joined midway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.packet import ACK, CWR, ECE, FIN, RST
from netsim.capture.record import TcpRecord
from netsim.check.cause import note_resend
from netsim.check.flow import FREE, MASK, UNKNOWN, Conn, Half
from netsim.check.look import Look
from netsim.check.model import AT_ECN, AT_OPTIONS, AT_SYN
from netsim.check.states import STAGE_OPEN, STAGE_SYN_SENT, note_syn, refresh

if TYPE_CHECKING:
    from netsim.check.tracker import Tracker

BASE: Final = 1 << 32
"""Added to the first number seen, so that numbers before it stay positive."""
WIDEST_SHIFT: Final = 14
INITIAL_SEGMENTS: Final = 10
INITIAL_BYTES: Final = 14600
NEAR: Final = 1 << 20
"""The first segment seen after a SYN may acknowledge this much, if the capture lacks what came between."""


def default_mss(h: Half) -> int:
    """RFC 9293 §3.7.1 (MUST-15): what to assume where the peer announced none."""
    return 536 if len(h.addr_key) == 12 else 1220


def take_syn(t: Tracker, x: Look) -> bool:
    """A segment with SYN. True if it was dealt with elsewhere (a new connection began)."""
    h = x.h
    p = x.p
    r = x.r
    c = x.c
    if r.flags & (FIN | RST):
        return False
    if r.flags & ACK:
        stray = p.stray
        if stray is not None and r.ack == (stray.seq + 1 + stray.payload_len) & MASK:
            t.replace(c, stray, p.addr_key, h.addr_key)
            t.feed(r)
            return True
        if h.fin_acked and h.syn is not None and h.syn.seq != r.seq:
            # Its side was over: this opens another connection, whose SYN was not seen.
            t.begin_anew(c, r)
            return True
        if h.syn is None and h.stage == STAGE_OPEN and c.open == "midstream" and h.packets > 2:
            h.stray = r
            return False
        _take_syn_ack(t, x)
        return True
    known = h.syn
    if known is None:
        if h.stage == STAGE_OPEN or p.stage == STAGE_OPEN:
            t.replace(c, r, h.addr_key, p.addr_key)
            return True
    elif known.seq != r.seq:
        if h.stage == STAGE_OPEN and p.stage == STAGE_OPEN and h.fin < 0 and p.fin < 0 and p.packets:
            h.stray = r
            h.fast = p.fast = False
            _ask_syn(t, x)
            _tally(c, h, r)
            h.last = r
            return True
        stray = h.stray
        if stray is not None and stray.seq == r.seq:
            # It was sent before, into the old connection: this is its retransmission.
            t.replace(c, stray, h.addr_key, p.addr_key)
            t.feed(r)
        else:
            t.replace(c, r, h.addr_key, p.addr_key)
        return True
    _take_plain_syn(t, x)
    return True


def _tally(c: Conn, h: Half, r: TcpRecord) -> None:
    h.packets += 1
    c.last_frame = r.frame
    c.last_ns = r.t_ns
    if h.first is None:
        h.first = r
        h.tos = r.tos
        if r.ip_id < 0:
            h.id_inc = 0


def _ask_syn(t: Tracker, x: Look) -> None:
    """The rules about SYNs and their options."""
    r = x.r
    for index, rule in t.at[AT_SYN]:
        x.rule = index
        rule.look(x)
    if r.tos & 3 or r.flags & (ECE | CWR):
        for index, rule in t.at[AT_ECN]:
            x.rule = index
            rule.look(x)
    # What the rules about options say of a SYN depends on this alone; a flood repeats it.
    opts = r.opts
    asked = x.p.syn.opts.layout if x.p.syn is not None and x.p.syn_first is x.p.syn else b"?"
    tfo = -1 if opts.tfo is None else len(opts.tfo)
    plain = not opts.other and not opts.problem and not opts.dirty_padding and (asked != b"?" or x.p.syn is None)
    signature = (r.flags & ACK, opts.layout, opts.wscale, tfo, asked)
    if plain and signature in t.clean_syns:
        return
    before = x.c.candidates
    for index, rule in t.at[AT_OPTIONS]:
        x.rule = index
        rule.look(x)
    if plain and before is None and x.c.candidates is None and len(t.clean_syns) < 10_000:
        t.clean_syns.add(signature)


def _take_plain_syn(t: Tracker, x: Look) -> None:
    """A SYN without ACK: the first, or the same once more."""
    h = x.h
    p = x.p
    r = x.r
    c = x.c
    _tally(c, h, r)
    if h.syn is None:
        _set_iss(h, r)
        if c.previous is not None:
            c.reused = True
            c.add("reused_ports", r.frame)
        t.note_isn(h, r)
        if p.syn is not None and p.syn.flags & ACK:
            _learn_late(h, p, r, p.syn)
        elif p.syn is not None:
            c.open = "attempt"
    else:
        # Perhaps although the handshake seemed complete: its last ACK or the SYN-ACK was lost.
        note_resend(t, x, h.iss, h.nxt)
    _numbers(x, h)
    _ask_syn(t, x)
    if h.stage != STAGE_OPEN or p.stage != STAGE_OPEN:
        note_syn(h, False, h.syn is not None, False)
    if r.ts_val >= 0:
        h.ts_val = r.ts_val
    h.syn = r
    h.last = r
    h.sent = [r] if not h.sent else [*h.sent[: h.head], r]
    h.head = len(h.sent) - 1
    refresh(c)


def _learn_late(h: Half, p: Half, syn: TcpRecord, answer: TcpRecord) -> None:
    """The SYN was seen only when it came again, after its answer: until now the scales of the windows were guesses."""
    h.syn = syn
    _agree(p, h, answer)
    h.syn = None
    p.edge = p.iss + 1 + syn.wnd
    if (answer.ack - syn.seq - 1) & MASK <= syn.payload_len:
        h.edge = h.iss + 1 + answer.wnd
    set_limit(p)
    set_limit(h)


def _take_syn_ack(t: Tracker, x: Look) -> None:
    """A SYN with ACK: the answer to a SYN, again, or with another ISN."""
    h = x.h
    p = x.p
    r = x.r
    c = x.c
    _tally(c, h, r)
    again = h.syn is not None and h.syn.seq == r.seq and h.syn.flags & ACK != 0
    crossed = h.syn is not None and h.syn.seq == r.seq and not again
    if again:
        note_resend(t, x, h.iss, h.nxt)
    elif h.syn is None or h.stage != STAGE_OPEN:
        if h.syn is None:
            t.note_isn(h, r)
        if not crossed:
            _set_iss(h, r)
    if p.nxt < 0:
        # The SYN was not seen.
        p.nxt = p.una = p.start_nxt = BASE + r.ack
        p.last_ack = UNKNOWN
    _numbers(x, h)
    _ask_syn(t, x)
    right_ack = p.syn is None or 0 <= (r.ack - p.syn.seq - 1) & MASK <= p.syn.payload_len
    h.last = r
    stray = h.stage == STAGE_OPEN and h.syn is not None and not again and not crossed
    if not right_ack or stray:
        return
    if not again and not crossed and p.syn is not None and p.turn_ns == UNKNOWN and h.turn_ns == UNKNOWN and (
        not p.resends
    ):  # fmt: skip
        h.turn_ns = r.t_ns - p.syn.t_ns
        p.srtt = h.turn_ns
    if r.ts_val >= 0:
        h.ts_val = r.ts_val
    h.syn = r
    h.sent = [r]
    h.head = 0
    h.last_ack = x.ack
    h.wnd = r.wnd
    if x.ack > p.una:
        p.una = x.ack
        p.una_ns = r.t_ns
        p.syn_acked = True
        if x.ack >= p.nxt:
            _drop_acked(p)
    _agree(h, p, r)
    p.edge = max(p.edge, x.ack + r.wnd)
    if not h.shift:
        p.edge_record = r
    if not p.shift:
        h.edge_record = p.syn
    h.edge = max(h.edge, h.iss + 1 + (p.syn.wnd if p.syn is not None else 0xFFFF << WIDEST_SHIFT))
    set_limit(p)
    set_limit(h)
    note_syn(h, True, again, crossed)
    c.open = "simultaneous" if crossed or c.open == "simultaneous" else "handshake"
    if p.syn is None:
        c.open = "handshake"
    refresh(c)


def _numbers(x: Look, h: Half) -> None:
    """Fill in the moment's numbers for a SYN."""
    x.seq = h.iss
    x.end = h.iss + 1 + x.n
    if x.r.flags & ACK and x.p.nxt >= 0:
        near = x.p.nxt
        x.ack = near + ((x.r.ack - near + 0x80000000) & MASK) - 0x80000000
        x.edge = x.ack + x.r.wnd


def _set_iss(h: Half, r: TcpRecord) -> None:
    """The sender's numbers begin here; what its SYN says of its options."""
    h.iss = BASE + r.seq
    h.start_nxt = h.iss
    h.nxt = h.iss + 1 + r.payload_len
    h.una = h.iss
    h.una_ns = r.t_ns
    h.syn_first = r
    opts = r.opts
    h.mss = opts.mss
    h.wscale = min(opts.wscale, WIDEST_SHIFT)
    h.sack_ok = opts.sack_ok
    h.ts_ok = r.ts_val >= 0
    h.ts_val = r.ts_val
    h.ts_first = r if r.ts_val >= 0 else None
    h.tfo_bytes = r.payload_len
    h.wnd = r.wnd
    h.max_wnd = r.wnd
    h.limit = h.law = FREE
    h.edge = UNKNOWN


def _agree(h: Half, p: Half, r: TcpRecord) -> None:
    """Both SYNs are known: what was negotiated. `h` sent the SYN-ACK."""
    if p.syn is None:
        # The SYN was not seen; the SYN-ACK tells what the client offered.
        p.shift = WIDEST_SHIFT if h.wscale >= 0 else 0
        h.shift = max(h.wscale, 0)
        p.ts_ok = h.ts_ok
        p.sack_ok = h.sack_ok
        p.law = h.law = FREE
        p.max_len = h.max_len = 1 << 30
        overhead = 12 if h.ts_ok else 0
        p.seg_max = max(h.mss if h.mss > 0 else default_mss(h), 88) - overhead
        h.seg_max = 1460 - overhead
        return
    scaled = h.wscale >= 0 and p.wscale >= 0
    h.shift = h.wscale if scaled else 0
    p.shift = p.wscale if scaled else 0
    stamps = h.ts_ok and p.ts_ok
    overhead = 12 if stamps else 0
    for end, other in ((h, p), (p, h)):
        mss = other.mss if other.mss > 0 else default_mss(other)
        end.seg_max = max(mss, 88) - overhead
        end.max_len = max(mss, 64)
        first = max(INITIAL_SEGMENTS * mss, INITIAL_BYTES)
        end.law = first - end.iss - 1 + end.tfo_bytes


def set_limit(h: Half) -> None:
    """The fast path's bound: the window's edge, and what slow start could have allowed at most."""
    law = h.law if h.law == FREE else h.law + h.una + h.una
    h.limit = min(h.edge, law) if h.edge >= 0 else law


def _drop_acked(h: Half) -> None:
    h.sent = []
    h.head = 0


def is_from_before(h: Half, r: TcpRecord) -> bool:
    """The answer to a SYN acknowledges something else by far: the other end still has an older connection.

    RFC 9293 §3.5.1, figure 9: it is a challenge ACK, and opens nothing.
    """
    p = h.peer
    syn = p.syn
    if syn is None or p.stage != STAGE_SYN_SENT or h.syn is not None or r.flags & (RST | ACK) != ACK:
        return False
    return (r.ack - syn.seq - 1) & MASK > NEAR


def begin_midstream(t: Tracker, h: Half, r: TcpRecord) -> None:
    """The first packet seen of this direction, and no SYN before it."""
    p = h.peer
    c = h.conn
    h.nxt = h.una = h.start_nxt = BASE + r.seq
    h.una_ns = r.t_ns
    if h.syn is None and p.syn is not None and p.syn.flags & ACK and r.flags & ACK:
        # SYN-ACK seen, SYN not: this is the client's next segment.
        h.stage = STAGE_OPEN
    if c.open == "attempt" and p.syn is not None:
        # The SYN-ACK was not seen. If this is no RST, the connection is open all the same.
        if r.flags & RST and p.stage == STAGE_SYN_SENT:
            h.nxt = h.una = h.start_nxt = BASE + r.seq
            return
        c.open = "midstream"
        t.answered(c)
    h.law = p.law = FREE
    h.max_len = p.max_len = 1 << 30
    h.shift = p.shift = WIDEST_SHIFT
    h.ts_ok = r.ts_val >= 0
    overhead = 12 if h.ts_ok else 0
    h.seg_max = (1460 if len(r.key) == 12 else 1440) - overhead
    if r.flags & ACK and not r.flags & RST:
        if p.nxt < 0:
            p.nxt = p.una = p.start_nxt = BASE + r.ack
            p.una_ns = r.t_ns
            p.seg_max = h.seg_max
        if p.stage != STAGE_SYN_SENT:
            h.stage = STAGE_OPEN
            if p.syn is not None:
                p.stage = STAGE_OPEN
    h.limit = FREE
    if p.limit < 0:
        p.limit = FREE
