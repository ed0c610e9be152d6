"""The slow path: one segment that is not plain, taken step by step.

Order: copies made by the capture, damage, SYN, RST, then (as RFC 9293 §3.10.7.4 does) sequence
number, acknowledgement, window, FIN; at each step the rules of that moment are asked before the
flow takes the segment in, so that a rule sees what was known until then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.packet import ACK, CWR, ECE, FIN, RST, SYN
from netsim.capture.record import CSUM_BAD, CSUM_PARTIAL, NOTE_BAD_OFFSET, NOTE_CUT, TcpRecord
from netsim.check.acks import take_ack
from netsim.check.flow import MASK, MODE_OPEN, OVERTAKEN_NS, UNKNOWN, UNSET_LAYOUT, Conn, Half, unwrap
from netsim.check.look import Look
from netsim.check.model import AT_DAMAGE, AT_ECN, AT_FIN, AT_OPTIONS, AT_RST, AT_SEGMENT, AT_STAMP
from netsim.check.opening import begin_midstream, is_from_before, take_syn
from netsim.check.sequence import take_sequence
from netsim.check.states import (
    STAGE_DEAD,
    STAGE_OPEN,
    STAGE_SYN_RECEIVED,
    STAGE_SYN_SENT,
    note_filled,
    note_fin,
    note_synchronized,
    refresh,
)
from netsim.check.vantage import settle_vantage

if TYPE_CHECKING:
    from netsim.check.tracker import Tracker

_HALF: Final = 0x80000000
_RTO_NS: Final = 185_000_000
_SLACK_NS: Final = 10_000_000
_COPY_NS: Final = 200_000
_COPY_ID_NS: Final = 1_000_000_000


def ask(t: Tracker, x: Look, moment: int) -> None:
    """Ask the rules of a moment."""
    for index, rule in t.at[moment]:
        x.rule = index
        rule.look(x)


def take(t: Tracker, h: Half, r: TcpRecord) -> None:
    """One segment from `h`."""
    c = h.conn
    p = h.peer
    x = t.look
    if x is None:
        return
    if h.packets and _is_copy(h, r):
        _take_copy(h, r)
        return
    x.c, x.h, x.p, x.r, x.n = c, h, p, r, r.payload_len
    x.seq = x.end = x.ack = x.edge = UNKNOWN
    x.resend = None
    x.dsack = x.fresh_sack = False
    if (r.notes and _damaged_header(c, r)) or _is_damaged(t, h, r):
        x.damaged = r
        ask(t, x, AT_DAMAGE)
        _count(c, h, r)
        return
    flags = r.flags
    if flags & SYN and take_syn(t, x):
        return
    _count(c, h, r)
    if h.nxt < 0:
        if is_from_before(h, r):
            h.last = r
            return
        begin_midstream(t, h, r)
    near = h.nxt
    x.seq = unwrap(near, r.seq)
    x.end = x.seq + x.n + ((flags & SYN) >> 1) + (flags & FIN)
    x.old = x.seq < near and x.end <= near
    x.old_edge = p.edge
    x.old_ack = h.last_ack
    x.old_wnd = h.wnd
    if flags & ACK and p.nxt >= 0:
        x.ack = unwrap(p.nxt, r.ack)
        if not (flags & RST):
            x.edge = x.ack + (r.wnd if flags & SYN else r.wnd << h.shift)
    if flags & RST:
        if r.ip_id == h.id_next and r.ip_id > 0:
            h.id_next = (r.ip_id + 1) & 0xFFFF
        _take_rst(t, x)
        _done(t, x, c)
        return
    _take_stamp(t, x)
    ask(t, x, AT_SEGMENT)
    stray = h.stray
    if stray is not None and not flags & SYN and r.t_ns - stray.t_ns >= OVERTAKEN_NS:
        # The connection goes on: the SYN has opened nothing.
        h.stray = None
    if r.opts.layout != h.layout or r.opts.problem or r.opts.dirty_padding or r.opts.other:
        ask(t, x, AT_OPTIONS)
        if h.layout == UNSET_LAYOUT and not flags & SYN and not r.opts.sack and not r.opts.problem:
            h.layout = r.opts.layout
    if r.tos & 3 or flags & (ECE | CWR) or p.ce_pending is not None:
        ask(t, x, AT_ECN)
        _take_ecn(h, p, x)
    _note_ids(h, r)
    if h.stage == STAGE_DEAD:
        # Already asked above (AT_SEGMENT): what an endpoint sends after its own end changes nothing.
        h.last = r
        return
    take_sequence(t, x)
    if x.ack >= 0:
        take_ack(t, x)
    if not flags & SYN and flags & ACK:
        note_synchronized(h, x.n > 0 or flags & FIN != 0)
    if flags & FIN:
        _take_fin(t, x)
    elif h.fin >= 0 and x.n:
        note_filled(h, x.seq, x.end)
    _done(t, x, c)


def _count(c: Conn, h: Half, r: TcpRecord) -> None:
    """The packet belongs to the connection."""
    h.packets += 1
    c.last_frame = r.frame
    c.last_ns = r.t_ns
    if h.first is None:
        h.first = r
        h.tos = r.tos
        if r.ip_id < 0:
            h.id_inc = 0
    if r.notes & NOTE_CUT:
        c.checked |= 1


def _done(t: Tracker, x: Look, c: Conn) -> None:
    """After a slow segment: states, whether the connection is over, whether the fast path may be taken."""
    h = x.h
    p = x.p
    h.last = x.r
    refresh(c)
    if not c.checked & 8 and h.stage == STAGE_OPEN and p.stage == STAGE_OPEN:
        c.checked |= 8
        t.answered(c)
    tos = x.r.tos
    if tos & 3 != 3:
        h.tos = tos
    if h.rst is not None or p.rst is not None or h.fin >= 0 or p.fin >= 0:
        h.fast = p.fast = False
        if h.fin_acked and p.fin_acked and not c.linger:
            t.closed(c, x.r.t_ns)
        return
    fast = h.stage == STAGE_OPEN and p.stage == STAGE_OPEN and _is_clean(h) and _is_clean(p)
    # What follows a giant tells whether it was one packet on the wire.
    h.fast = fast and x.n <= h.max_len
    p.fast = fast


def _is_clean(h: Half) -> bool:
    """Nothing is pending that later segments of either end would have to be held against."""
    if h.mode != MODE_OPEN or h.dupacks or h.holes or h.sacked or h.beyond or h.wnd <= 0 or h.nxt < 0 or h.una < 0:
        return False
    if h.ce_pending is not None or h.cwr_due >= 0 or h.ident or h.stray is not None:
        return False
    resends = h.resends
    return not resends or resends[-1].end <= h.una


def _is_copy(h: Half, r: TcpRecord) -> bool:
    """The very packet seen before, once more: a span port, two interfaces, or the network doubled it."""
    last = h.last
    if last is None:
        return False
    if _same(h, last, r):
        return True
    if r.payload_len:
        sent = h.sent
        for index in range(len(sent) - 1, max(0, len(sent) - 64) - 1, -1):
            if sent[index].seq == r.seq and _same(h, sent[index], r):
                return True
        resends = h.resends
        if resends:
            for entry in resends:
                if entry.record.seq == r.seq and _same(h, entry.record, r):
                    return True
    elif h.last_pure is not None:
        return _same(h, h.last_pure, r)
    return False


def _take_copy(h: Half, r: TcpRecord) -> None:
    """A packet captured before, once more."""
    c = h.conn
    c.last_frame = r.frame
    if r.flags & (SYN | ACK) == SYN:
        c.syn_copy = r
    elif r.flags & SYN and c.syn_copy is not None and not h.data_packets:
        # A SYN that arrives twice is answered twice. Whether it did arrive twice, or the capture doubles
        # everything, is known at the end (`settle`).
        c.syn_copy = None
        if c.answers_again is None:
            c.answers_again = []
        c.answers_again.append(r.frame)
        return
    c.duplicates += 1
    c.note_quality("CAP002", r.frame)


def _settle_copies(c: Conn) -> None:
    """SYN-ACKs that equal the first in every bit and came after a copy of the SYN: sent again, or copies too?"""
    answers = c.answers_again
    if answers is None:
        return
    if (c.duplicates + len(answers)) * 3 > c.packets():
        for frame in answers:
            c.duplicates += 1
            c.note_quality("CAP002", frame)
        if c.quality is not None:
            frames = c.quality["CAP002"]
            frames[1:] = sorted(frames[1:])
        return
    for frame in answers:
        c.add("retransmission", frame)


def _same(h: Half, a: TcpRecord, b: TcpRecord) -> bool:
    """Equal in every field, and either the IP identification proves it or there was no time for a second one."""
    if (
        a.seq != b.seq or a.ack != b.ack or a.flags != b.flags or a.payload_len != b.payload_len
        or a.wnd != b.wnd or a.ts_val != b.ts_val or a.ts_ecr != b.ts_ecr or a.ip_id != b.ip_id
        or a.opts.sack != b.opts.sack or a.csum != b.csum
    ):  # fmt: skip
        return False
    waited = b.t_ns - a.t_ns
    if b.ip_id > 0 and h.id_inc:
        return waited < _COPY_ID_NS
    if b.payload_len or b.flags & (SYN | FIN):
        return waited < _COPY_NS and (h.srtt == 0 or waited < h.srtt >> 1)
    # Without an identification, equal pure ACKs in a row are what duplicate ACKs look like.
    return h.conn.duplicates > 2 and waited < _COPY_NS and not h.peer.outstanding()


def _damaged_header(c: Conn, r: TcpRecord) -> bool:
    """The data offset points outside the packet: nothing in it can be trusted."""
    if r.notes & NOTE_BAD_OFFSET:
        c.note_quality("CAP012", r.frame)
        return True
    return False


def _is_damaged(t: Tracker, h: Half, r: TcpRecord) -> bool:
    """The checksum is wrong, and not because the network card was to fill it in: the receiver will drop it."""
    status = r.checksum_status()
    if status == CSUM_PARTIAL:
        t.partial += 1
        if t.partial <= 20:
            h.conn.note_quality("CAP005", r.frame)
        h.conn.checked |= 2 if h.name == "client" else 4
        return False
    if status != CSUM_BAD:
        return False
    t.bad_sums += 1
    h.conn.note_quality("CAP011", r.frame)
    return True


def _note_ids(h: Half, r: TcpRecord) -> None:
    """Follow the IP identification: where it counts packets, a gap is a packet not seen."""
    if not h.id_inc or r.flags & (SYN | RST) or r.ip_id < 0 or h.fin_acked:
        return
    expected = h.id_next
    if expected >= 0:
        gap = (r.ip_id - expected) & 0xFFFF
        if gap == 0:
            h.id_ok += 1
        elif r.ip_id == 0:
            if h.id_ok == 0:
                h.id_bad += 2
        elif gap < 512:
            last = h.last
            giant = last is not None and last.payload_len > h.seg_max
            if not giant:
                h.unseen += gap
                h.id_bad += 1
        elif gap < 0xFE00:
            h.id_bad += 2
        elif h.sent_whole(r):
            h.giants -= 1
            h.id_ok += 1
        else:
            h.conn.reordered += 1
            if h.unseen > 0:
                h.unseen -= 1
            return
        if h.id_bad > 8 and h.id_bad > 2 * h.id_ok:
            h.id_inc = 0
    segments = (r.payload_len + h.seg_max - 1) // h.seg_max if r.payload_len > h.seg_max else 1
    h.id_next = (r.ip_id + segments) & 0xFFFF


def _take_stamp(t: Tracker, x: Look) -> None:
    """Timestamps: the sender's clock, and what it echoes."""
    r = x.r
    h = x.h
    x.ticked = False
    if r.ts_val < 0:
        return
    if h.ts_val < 0:
        x.ticked = True
        h.ts_val = r.ts_val
        h.ts_first = r
        h.ts_ecr = r.ts_ecr
        return
    odd = (r.ts_val - h.ts_val) & MASK >= _HALF
    if r.flags & ACK and x.p.ts_val >= 0 and (x.p.ts_val - r.ts_ecr) & MASK >= _HALF:
        odd = True
    if odd:
        ask(t, x, AT_STAMP)
    if (r.ts_val - h.ts_val) & MASK < _HALF:
        x.ticked = r.ts_val != h.ts_val
        h.ts_val = r.ts_val
    h.ts_ecr = r.ts_ecr


def _take_ecn(h: Half, p: Half, x: Look) -> None:
    """Follow what ECN obliges: an echo of CE until CWR, and CWR after an echo."""
    r = x.r
    flags = r.flags
    if flags & SYN:
        return
    if r.tos & 3 == 3 and h.ce_pending is None:
        h.ce_pending = r
        h.ce_after = True
        h.ce_frames += 1
    if flags & CWR and x.n:
        h.cwr_seen = True
        h.cwr_due = UNKNOWN
        h.cwr_end = x.end
        h.ce_after = False
        p.ece_from = None
        if h.ce_pending is not None and h.ce_pending is not r:
            h.ce_pending = None
    if flags & ECE:
        p.ce_pending = None
        if h.ece_from is None:
            h.ece_from = r
            h.ece_ticked = x.ticked
            if p.cwr_due < 0 and x.ack > p.cwr_end:
                p.cwr_due = p.nxt
    elif p.ce_pending is not None and x.ack >= 0:
        covered = unwrap(p.nxt, p.ce_pending.seq) + p.ce_pending.seg_len
        if x.ack >= covered:
            p.ce_pending = None


def _take_fin(t: Tracker, x: Look) -> None:
    """A FIN: the first one, or once more."""
    h = x.h
    ask(t, x, AT_FIN)
    resent = h.fin >= 0
    if not resent:
        h.fin = x.end - 1
        h.fin_record = x.r
    has_peers = 0 <= x.p.fin < x.ack
    crossed = h.fin_acked and x.r.t_ns - h.una_ns < min(_RTO_NS, 2 * max(x.p.rtt_max, h.turn_ns) + _SLACK_NS)
    note_fin(h, has_peers, resent, crossed)
    h.fin_ns = x.r.t_ns
    # Assumed to arrive, and to be in order, unless something before it is known not to be there.
    x.p.fin_arrived = not h.holes or x.p.fin_arrived
    c = x.c
    if x.p.fin >= 0 and c.close == "none":
        c.close = "fin" if h.passive or x.p.passive else "simultaneous"


def _take_rst(t: Tracker, x: Look) -> None:
    """A RST: refused, aborted, or not to be believed."""
    h = x.h
    p = x.p
    c = x.c
    r = x.r
    ask(t, x, AT_RST)
    if p.stage == STAGE_SYN_SENT and p.syn is not None and h.syn is None:
        if not r.flags & ACK or (r.ack - p.syn.seq - 1) & MASK > p.syn.payload_len:
            return
        c.open = "refused"
        if not p.resends and h.turn_ns < 0:
            h.turn_ns = r.t_ns - p.syn.t_ns
        t.answered(c)
    elif h.packets > 1 or p.packets:
        if h.stage == STAGE_SYN_RECEIVED and x.seq != h.nxt:
            # It answers an unacceptable ACK, and stays where it is (RFC 9293 §3.10.7.4, fifth step).
            return
        low = p.last_ack if p.last_ack >= 0 else h.una
        high = max(h.edge, h.nxt)
        inexact = x.seq not in (h.nxt, p.last_ack)
        if low >= 0 and inexact and (not low <= x.seq <= high or x.seq > h.nxt):
            # Outside the window, or ahead of everything sent: the peer does not take it (RFC 5961 §3).
            return
    if h.rst is None:
        h.rst = r
    if not (h.fin_acked and p.fin_acked):
        c.close = "rst"
    for end in (h, p):
        end.stage = STAGE_DEAD
    t.closed(c, r.t_ns)


def settle(t: Tracker, c: Conn) -> None:
    """The connection is over: decide what was still open."""
    _settle_copies(c)
    client = c.client
    if c.open == "handshake" and client.packets and client.syn is not None and client.last_ack < 0:
        if not c.server.data_packets:
            # The SYN was answered, and the client has never acknowledged that.
            c.open = "attempt"
    for h in (c.client, c.server):
        if h.giants:
            c.note_quality("CAP004", c.first_frame)
            if c.quality is not None:
                c.quality["CAP004"][0] += h.giants - 1
        if h.holes:
            for hole in h.holes:
                c.add("lost_segment", hole.opener.frame)
        if h.beyond:
            for entry in h.beyond:
                if not entry.settled and not entry.sacked and not (0 <= h.fin < entry.high - 1):
                    h.missing += 1
                    c.note_quality("CAP001", entry.record.frame)
    if t.vantage:
        c.vantage = t.vantage
    settle_vantage(c)
