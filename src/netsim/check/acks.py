"""The acknowledgement, SACK blocks and window of a slow segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.packet import FIN, RST, SYN
from netsim.check.cause import FAST, MIN_RTO_NS, leave_recovery, note_left, prove_by_timestamp, prove_spurious
from netsim.check.flow import MASK, SACK_NEWS_NS, UNKNOWN, Beyond, Half, Hole, unwrap
from netsim.check.look import Look
from netsim.check.model import AT_ACK, AT_SACK, AT_WINDOW
from netsim.check.opening import set_limit
from netsim.check.states import STAGE_SYN_RECEIVED

if TYPE_CHECKING:
    from netsim.check.tracker import Tracker

MAX_RANGES: Final = 256
FAR: Final = 1 << 22
SLACK_NS: Final = 100_000_000
KEPT_ACKED: Final = 32
MAX_NEWS: Final = 128


def take_ack(t: Tracker, x: Look) -> None:
    """`h` acknowledges what `p` sent, and offers it a window."""
    h = x.h
    p = x.p
    r = x.r
    ack = x.ack
    for index, rule in t.at[AT_ACK]:
        x.rule = index
        rule.look(x)
    old_una = p.una
    had_fin = p.fin_acked
    if p.packets == 0 and p.syn is None:
        # One direction only: what it acknowledges is all we know of the other.
        if ack > p.nxt:
            p.nxt = ack
        p.una = max(p.una, ack)
    elif ack > p.nxt:
        _ack_beyond(x)
    elif ack > p.una:
        _new_ack(x)
    elif ack < p.una and p.iss < 0 and p.start_nxt > ack and h.last_ack < 0:
        # Joined midway: sent before the capture began and not acknowledged yet.
        p.una = ack
    if not x.old:
        p.una_doubt = UNKNOWN
    elif p.una > old_una and p.una_doubt < 0:
        p.una_doubt = old_una
    if 0 <= p.fin < ack:
        p.fin_acked = True
        h.fin_arrived = True
    elif p.fin >= 0 and h.fin_arrived and ack >= h.last_ack and not x.old:
        _doubt_fin(x)
    if x.old and not had_fin and (p.last_ack >= x.end or (r.flags & FIN and r.t_ns - h.fin_ns < MIN_RTO_NS)):
        p.fin_acked = False  # its receiver has all of this segment, so it does not look at its ACK
    if r.opts.sack:
        _take_sack(t, x)
    if not r.flags & (RST | SYN):
        _take_window(t, x, old_una)
    if ack >= h.last_ack:
        h.last_ack = ack
    if x.n == 0 and not r.flags & (FIN | RST | SYN):
        h.pure_acks += 1
        h.last_pure = r


def _doubt_fin(x: Look) -> None:
    """An ACK below the peer's FIN, much later than any round trip took: the FIN is not there, or not all before it."""
    p = x.p
    slowest = max(p.rtt_max, x.h.turn_ns)
    if slowest > 0 and x.r.t_ns - p.fin_ns > 3 * slowest + SLACK_NS:
        x.h.fin_arrived = False


def _ack_beyond(x: Look) -> None:
    """It acknowledges what the tap has not seen: either the capture lacks it, or it was never sent."""
    p = x.p
    far = x.ack - p.nxt
    if far > FAR and (p.edge < 0 or x.ack > p.edge + FAR):
        return
    _note_beyond(x, x.ack, False)
    if p.una < p.nxt and p.stage != STAGE_SYN_RECEIVED:
        _advance(x, p.nxt)
    if 0 <= p.fin < x.ack:
        p.fin_acked = True


def _new_ack(x: Look) -> None:
    """A new cumulative acknowledgement."""
    p = x.p
    _sample(x)
    prove_by_timestamp(x, p.una)
    _advance(x, x.ack)


def _sample(x: Look) -> None:
    """Round-trip time from the tap to the acknowledging end and back; never from a resent segment (Karn)."""
    p = x.p
    sent = p.sent
    head = p.head
    una = p.una
    moved = x.ack - una
    last = None
    while head < len(sent):
        record = sent[head]
        if (record.seq + record.seg_len - una) & MASK > moved:
            break
        last = record
        head += 1
    if last is None:
        return
    p.age_ns = x.r.t_ns - sent[p.head].t_ns
    _trim(p, head)
    resends = p.resends
    if resends:
        for entry in resends:
            if entry.end > una:
                return
    if p.holes:
        return
    rtt = x.r.t_ns - last.t_ns
    if last.flags & SYN and x.h.turn_ns == UNKNOWN and not x.c.reordered and not x.n:
        x.h.turn_ns = rtt
    p.srtt = p.srtt + ((rtt - p.srtt) >> 3) if p.srtt else rtt
    if p.rtt_min < 0 or rtt < p.rtt_min:
        p.rtt_min = rtt
    p.rtt_max = max(p.rtt_max, rtt)
    p.rtt_sum += rtt
    p.rtt_n += 1


def _trim(p: Half, head: int) -> None:
    """Records before `head` are acknowledged; the last ones are kept, to compare with what is sent again."""
    if head > 128:
        del p.sent[: head - KEPT_ACKED]
        head = KEPT_ACKED
    p.head = head


def _advance(x: Look, ack: int) -> None:
    """Everything of `p` below `ack` has arrived."""
    p = x.p
    p.una = ack
    p.una_ns = x.r.t_ns
    if p.dupacks >= 3 or p.sacked:
        note_left(p, p.nxt, FAST)
    p.dupacks = 0
    sent = p.sent
    head = p.head
    while head < len(sent) and (sent[head].seq + sent[head].seg_len - ack - 1) & MASK >= 0x80000000:
        head += 1
    if head > p.head:
        _trim(p, head)
    if p.iss >= 0 and ack > p.iss:
        p.syn_acked = True
    if 0 <= p.fin < ack:
        p.fin_acked = True
        x.h.fin_arrived = True
    if p.sacked and any(left <= ack < right for left, right in p.sacked) and not x.r.opts.sack:
        # The receiver has thrown away what it had reported (a rule has seen to it): start afresh.
        p.sacked = None
    if p.sacked:
        p.sacked = [[max(left, ack), right] for left, right in p.sacked if right > ack] or None
    holes = p.holes
    if holes:
        kept: list[Hole] = []
        for hole in holes:
            if hole.start >= ack:
                kept.append(hole)
                continue
            top = min(hole.end, ack)
            p.missing += (top - hole.start + p.seg_max - 1) // p.seg_max
            x.c.note_quality("CAP001", hole.opener.frame)
            x.c.add("lost_segment", hole.opener.frame)
            if hole.end > ack:
                kept.append(Hole(ack, hole.end, hole.opener, hole.since_ns))
        p.holes = kept or None
    resends = p.resends
    if resends and len(resends) > 64 and resends[32].end <= ack:
        del resends[:32]
    leave_recovery(p)
    set_limit(p)


def _take_sack(t: Tracker, x: Look) -> None:
    """SACK blocks: a DSACK first, then what has arrived out of order."""
    p = x.p
    blocks = x.r.opts.sack
    first = True
    for index, rule in t.at[AT_SACK]:
        x.rule = index
        rule.look(x)
    if p.nxt < 0:
        return
    for left_wire, right_wire in blocks:
        left = unwrap(p.nxt, left_wire)
        right = unwrap(p.nxt, right_wire)
        if first:
            first = False
            if is_dsack(x, left, right):
                x.dsack = True
                p.dup_bytes += max(0, right - left)
                prove_spurious(x, left, right, "dsack")
                continue
        if left < right and p.nxt < right <= p.nxt + FAR:
            _note_beyond(x, right, True)
        if left >= right or left < p.una or right > p.nxt:
            continue
        fresh = _fresh_parts(p.sacked, left, right)
        if fresh and _merge(p, left, right):
            x.fresh_sack = True
            _note_news(p, x.r.t_ns, fresh)
    if p.holes and x.fresh_sack and p.sacked:
        top = p.sacked[-1][1]
        for hole in p.holes:
            if hole.end <= top:
                hole.acks += 1
    if x.fresh_sack and p.sacked:
        p.max_sack = max(p.max_sack, p.sacked[-1][1])


def _fresh_parts(ranges: list[list[int]] | None, left: int, right: int) -> list[tuple[int, int]]:
    """What of [left, right) is not in the scoreboard yet."""
    parts: list[tuple[int, int]] = []
    for low, high in ranges or ():
        if high <= left:
            continue
        if low >= right:
            break
        if low > left:
            parts.append((left, low))
        left = max(left, high)
    if left < right:
        parts.append((left, right))
    return parts


def _note_news(p: Half, now_ns: int, fresh: list[tuple[int, int]]) -> None:
    """Remember for a moment what was reported just now: the sender may not have taken it in yet."""
    news = p.sack_news
    if news is None or now_ns - news[-1][0] > SACK_NEWS_NS:
        p.sack_news = [(now_ns, left, right) for left, right in fresh]
        return
    news.extend([(now_ns, left, right) for left, right in fresh])
    if len(news) > MAX_NEWS:
        del news[: MAX_NEWS // 2]


def _note_beyond(x: Look, high: int, sacked: bool) -> None:
    """It acknowledges (or SACKs) up to `high`, of which the tap has not seen all: what comes later will tell why."""
    p = x.p
    if p.beyond is None:
        p.beyond = []
    if (not p.beyond or p.beyond[-1].high < high) and len(p.beyond) < 64:
        p.beyond.append(Beyond(high, p.nxt, x.r, p.id_next, sacked))


def is_dsack(x: Look, left: int, right: int) -> bool:
    """RFC 2883 §4: the first block lies below the cumulative ACK, or inside the second block."""
    if right <= x.ack:
        return True
    blocks = x.r.opts.sack
    if len(blocks) > 1:
        second_left = unwrap(x.p.nxt, blocks[1][0])
        second_right = unwrap(x.p.nxt, blocks[1][1])
        return second_left <= left and right <= second_right
    return False


def _merge(p: Half, left: int, right: int) -> bool:
    """Enter [left, right) into the scoreboard; True if anything in it is new."""
    ranges = p.sacked
    if ranges is None:
        p.sacked = [[left, right]]
        return True
    for low, high in ranges:
        if low <= left and right <= high:
            return False
    merged: list[list[int]] = []
    for entry in ranges:
        if entry[1] < left or entry[0] > right:
            merged.append(entry)
        else:
            left = min(left, entry[0])
            right = max(right, entry[1])
    merged.append([left, right])
    merged.sort()
    p.sacked = merged[-MAX_RANGES:]
    return True


def _take_window(t: Tracker, x: Look, old_una: int) -> None:
    """Duplicate ACK, window update, closed window; the right edge."""
    h = x.h
    p = x.p
    r = x.r
    c = x.c
    moved = x.ack - old_una
    if x.edge < p.edge or r.wnd == 0 or h.wnd == 0:
        for index, rule in t.at[AT_WINDOW]:
            x.rule = index
            rule.look(x)
    pure = x.n == 0 and not r.flags & FIN and x.seq >= h.nxt
    if pure and moved == 0 and x.ack == x.old_ack and p.packets:
        outstanding = p.nxt > p.una
        if outstanding and (x.fresh_sack or (r.wnd == x.old_wnd and not x.dsack)) and r.wnd:
            p.dupacks += 1
            p.dupacks_total += 1
            c.add("duplicate_ack", r.frame)
            if p.holes and not r.opts.sack:
                for hole in p.holes:
                    hole.acks += 1
        elif r.wnd != x.old_wnd and x.old_wnd >= 0:
            c.add("window_update", r.frame)
    if r.wnd == 0:
        c.add("zero_window", r.frame)
        if h.zero_since < 0:
            h.zero_since = r.t_ns
            p.probe_record = None
    elif h.zero_since >= 0:
        h.zero_since = UNKNOWN
        h.zero_left_ns = r.t_ns
        p.probe_record = None
    if x.edge > p.edge and x.ack <= p.nxt + FAR:
        p.edge = x.edge
        p.edge_record = r
    if x.ack >= x.old_ack:
        h.wnd = r.wnd
        h.max_wnd = max(h.max_wnd, r.wnd << h.shift)
    set_limit(p)
