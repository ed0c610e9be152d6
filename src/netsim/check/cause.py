"""Why a segment was sent again.

An endpoint resends because its retransmission timer ran out (RFC 6298), because duplicate
ACKs or SACKs told it of a loss (RFC 5681, 6675, 8985), because it probes for a lost tail
(RFC 8985 §7), or on its way out of a timeout. The tap knows what the sender was told and
when, so it can tell these apart without a fixed clock: a retransmission out of fast recovery
is sent when an ACK arrives; a timer's is not; a tail probe resends the *last* segment while
nothing has been reported missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.packet import FIN, SYN
from netsim.capture.record import CSUM_BAD, TcpRecord
from netsim.check.flow import FREE, MASK, MODE_LOSS, MODE_OPEN, MODE_RECOVERY, Half, Resend, unwrap
from netsim.check.look import Look
from netsim.check.model import AT_DAMAGE, AT_RESEND

if TYPE_CHECKING:
    from netsim.check.tracker import Tracker

TIMEOUT: Final = "timeout"
GO_BACK: Final = "go-back"
FAST: Final = "fast"
PROBE: Final = "tlp"
UNKNOWN_CAUSE: Final = "unknown"

MIN_RTO_NS: Final = 185_000_000
"""Linux's floor of 200 ms, less what jiffies and scheduling take off as seen by a tap."""
FULL_RTO_NS: Final = 990_000_000
CLOCKED_NS: Final = 500_000
"""What leaves within this time of an ACK was let go by it."""
MAX_RESENDS: Final = 256
PROBE_LATE_NS: Final = 250_000_000
"""A probe leaves after two round trips, and 200 ms more where one segment is out (RFC 8985 §7.2)."""
AT_ONCE_NS: Final = 2_000_000
ACK_CLOCK_NS: Final = 12_000_000

_LISTS: Final = {
    TIMEOUT: "timeout_retransmission",
    GO_BACK: "slow_start_retransmission",
    FAST: "fast_retransmission",
    PROBE: "tail_loss_probe",
}


def note_resend(t: Tracker, x: Look, start: int, end: int) -> None:
    """The segment of this moment was sent before (or the gap it fills was): why again?"""
    h = x.h
    r = x.r
    c = x.c
    first = last_sent(h, start, r)
    waited = r.t_ns - first.t_ns if first is not None else -1
    resend = Resend(start, end, r, UNKNOWN_CAUSE, waited)
    resend.first = first
    resend.flight = h.outstanding()
    resend.tail = end >= h.nxt
    resend.cause = _cause(x, resend)
    c.add("retransmission", r.frame)
    category = _LISTS.get(resend.cause)
    if category is not None:
        c.add(category, r.frame)
    if first is not None and first.checksum_status() == CSUM_BAD:
        _note_damaged(t, x, first)
    if h.una >= end and not r.flags & SYN:
        resend.spurious = "acked"
        c.add("spurious_retransmission", r.frame)
    elif h.max_sack >= 0 and h.sacked and _covered(h.sacked, start, end):
        resend.spurious = "sacked"
    x.resend = resend
    for index, rule in t.at[AT_RESEND]:
        x.rule = index
        rule.look(x)
    h.resent += 1
    h.resend_bytes += end - start
    if h.resends is None:
        h.resends = []
    h.resends.append(resend)
    if len(h.resends) > MAX_RESENDS:
        del h.resends[: MAX_RESENDS // 2]


def _note_damaged(t: Tracker, x: Look, first: TcpRecord) -> None:
    """What is sent again was damaged: seen only now, because plain segments are not summed as they pass."""
    t.bad_sums += 1
    x.c.note_quality("CAP011", first.frame)
    x.damaged = first
    for index, rule in t.at[AT_DAMAGE]:
        x.rule = index
        rule.look(x)


def note_overtaken(h: Half, original: TcpRecord, copy: TcpRecord, start: int, end: int) -> str:
    """The original of [start, end) comes after the `copy` that was sent later: why was that sent?

    The copy came in order, so nothing had been reported missing: its timer ran out, if the sender's clock
    says that it waited for so long. What was sent again of the same flight after it is the way out.
    """
    cause = UNKNOWN_CAUSE
    resends = h.resends
    last = resends[-1] if resends else None
    if last is not None and last.cause in (TIMEOUT, GO_BACK) and last.end == start and last.spurious == "overtaken":
        cause = GO_BACK
    elif _clock_gap_ns(h, original, copy) >= _rto_floor(h, h.peer):
        cause = TIMEOUT
    resend = Resend(start, end, copy, cause, -1)
    resend.first = original
    resend.spurious = "overtaken"
    if resends is None:
        h.resends = [resend]
    else:
        resends.append(resend)
    return _LISTS.get(cause, "")


def _clock_gap_ns(h: Half, earlier: TcpRecord, later: TcpRecord) -> int:
    """The time between two sendings by the sender's own clock; -1 if its rate is not known."""
    first = h.ts_first
    if first is None or later.t_ns - first.t_ns <= 0:
        return -1
    ticks = (later.ts_val - first.ts_val) & MASK
    if not 0 < ticks < 0x80000000:
        return -1
    return ((later.ts_val - earlier.ts_val) & MASK) * (later.t_ns - first.t_ns) // ticks


def note_probe(x: Look) -> None:
    """A zero-window probe."""
    h = x.h
    x.c.add("zero_window_probe", x.r.frame)
    h.probes += 1
    last = h.probe_record
    h.probe_gap = x.r.t_ns - last.t_ns if last is not None else 0
    h.probe_record = x.r


def _covered(ranges: list[list[int]], start: int, end: int) -> bool:
    return any(left <= start and end <= right for left, right in ranges)


def last_sent(h: Half, start: int, r: TcpRecord) -> TcpRecord | None:
    """The last transmission of the byte at `start` before `r`, if it was seen."""
    resends = h.resends
    if resends:
        for index in range(len(resends) - 1, -1, -1):
            entry = resends[index]
            if entry.start <= start < entry.end:
                return entry.record
    sent = h.sent
    wire = start & MASK
    low = 0
    high = len(sent)
    # `sent` is in order of sequence numbers: halve.
    while low < high:
        middle = (low + high) >> 1
        record = sent[middle]
        if (wire - record.seq) & MASK >= 0x80000000:
            high = middle
        elif (wire - record.seq) & MASK >= record.seg_len:
            low = middle + 1
        else:
            return record
    return None


def _rto_floor(h: Half, p: Half) -> int:
    """The earliest time after which a resend may come from the retransmission timer."""
    rtt = h.srtt + p.srtt
    return max(MIN_RTO_NS, rtt + (rtt >> 2) if rtt < 800_000_000 else rtt)


def _cause(x: Look, resend: Resend) -> str:
    """Decide, and follow the sender into and out of recovery."""
    h = x.h
    p = x.p
    r = x.r
    if r.flags & SYN:
        return _cause_of_syn(x, resend)
    if resend.first is not None and resend.first.flags & SYN and h.tfo_bytes:
        # The data of the SYN were not taken (Fast Open): they go out again as soon as that is known.
        return GO_BACK
    now = r.t_ns
    head = resend.start <= h.una
    head_sent = last_sent(h, max(h.una, resend.start) if head else h.una, r)
    base = max(h.una_ns, head_sent.t_ns if head_sent is not None else 0)
    waited = now - base
    last = p.last
    quiet = now - last.t_ns if last is not None else waited
    rtt = h.srtt + p.srtt
    floor = _rto_floor(h, p)
    again = _resent_before(h, resend.start)
    if h.mode == MODE_LOSS and resend.start < h.recover:
        if head and waited >= floor and (
            now - again.record.t_ns >= floor if again is not None
            else quiet > ACK_CLOCK_NS + p.srtt + max(rtt >> 1, 5_000_000)
        ):  # fmt: skip
            return _timeout(h)
        if again is not None and again.cause in (TIMEOUT, GO_BACK) and not head and h.dupacks == 0:
            return GO_BACK
        return GO_BACK
    if 0 <= x.c.icmp_ns <= now and now - x.c.icmp_ns < 1_000_000_000 and head and again is None and waited < floor:
        # An ICMP error (packet too big, unreachable) made it send again at once.
        h.mode = MODE_LOSS
        h.recover = h.nxt
        return GO_BACK
    told = h.dupacks >= 3 or (h.sacked is not None and h.sacked[-1][1] > resend.start)
    if h.mode == MODE_RECOVERY and resend.start < h.recover:
        if head and again is not None and waited >= floor and now - again.record.t_ns >= floor and (
            quiet > AT_ONCE_NS + max(p.rtt_min, 0)
        ):  # fmt: skip
            # Had it been found lost once more, an ACK would have set it free long ago.
            return _timeout(h)
        if head and again is None and waited >= floor and quiet > ACK_CLOCK_NS + p.srtt + max(rtt >> 1, 5_000_000):
            # No ACK has set it free: the timer, after a repair that was lost before the tap.
            return _timeout(h)
        return FAST
    if told:
        if head and waited >= floor and quiet > ACK_CLOCK_NS + p.srtt + max(rtt >> 1, 5_000_000):
            return _timeout(h)
        h.mode = MODE_RECOVERY
        h.recover = h.nxt
        return FAST
    return _cause_by_timer(x, resend, again, waited, head)


def _cause_by_timer(x: Look, resend: Resend, again: Resend | None, waited: int, head: bool) -> str:
    """Nothing was reported missing: the retransmission timer, or a tail loss probe."""
    h = x.h
    p = x.p
    rtt = h.srtt + p.srtt
    floor = _rto_floor(h, p)
    selective = (h.sack_ok and p.sack_ok) or h.iss < 0
    idle = x.r.t_ns - max(h.last_new_ns, h.una_ns)
    back = p.srtt + (p.srtt >> 1) + ACK_CLOCK_NS
    if resend.end <= h.una and x.r.t_ns - h.left_ns < back and (
        resend.start < h.left_high or (resend.first is not None and resend.first.t_ns < h.left_ns + back)
    ):  # fmt: skip
        # Acknowledged at the tap, but the sender cannot know yet: still the recovery of before.
        return h.left_cause
    if resend.end <= h.una and x.r.t_ns - h.una_ns < back and resend.first is not None:
        # Nor could a timer know of that ACK.
        idle = waited = resend.waited_ns
    if not head and again is None and resend.tail and selective and idle >= rtt - (rtt >> 2):
        return PROBE  # only a probe passes over what is missing before it and was not reported
    if not head and again is None and resend.tail and selective and h.dupacks == 0:
        oldest = last_sent(h, h.una, x.r)
        if oldest is not None and x.r.t_ns - oldest.t_ns >= floor:
            return PROBE  # due at the latest when the timer of the oldest segment would be (RFC 8985 §7.2)
    late = head and rtt > 0 and idle > 2 * rtt + (rtt >> 1) + PROBE_LATE_NS
    if again is None and not late and resend.tail and selective and idle >= min(rtt + (rtt >> 1), floor) and not (
        head and waited >= FULL_RTO_NS and rtt < FULL_RTO_NS // 3
    ):  # fmt: skip
        if not head or idle >= min(2 * rtt - (rtt >> 3), floor):
            return PROBE
    if again is not None and again.cause == PROBE and head and waited >= floor:
        gap = x.r.t_ns - again.record.t_ns
        if again.start <= h.una and again.tail and again.waited_ns > 0 and gap > 1.7 * again.waited_ns:
            # Twice the wait: the earlier one was the timer's already, and this is its back-off.
            again.cause = TIMEOUT
            x.c.discard("tail_loss_probe", again.record.frame)
            x.c.add("timeout_retransmission", again.record.frame)
        return _timeout(h)
    if head and (waited >= floor or (resend.waited_ns < 0 and waited < 0)):
        return _timeout(h)
    if h.dupacks > 0 and head:
        h.mode = MODE_RECOVERY
        h.recover = h.nxt
        return FAST
    if resend.first is None and resend.waited_ns < 0:
        return UNKNOWN_CAUSE
    if head and again is not None and again.cause == TIMEOUT and waited >= MIN_RTO_NS:
        return _timeout(h)
    return UNKNOWN_CAUSE


def recognise_timeout(x: Look) -> None:
    """A FIN leaves with the very ACK of what seemed a tail loss probe: a window of one had held it back.

    With one segment outstanding, Linux's probe and its timer come at the same moment. The probe leaves the congestion
    window as it was, and was sent because nothing else waited to be sent; a FIN after it goes out when the
    application closes. After a timeout the window is one segment, and the FIN waits for the ACK.
    """
    h = x.h
    resends = h.resends
    if not resends or len(resends) != 1 or h.una < h.nxt or x.r.t_ns - h.una_ns > CLOCKED_NS:
        return
    probe = resends[0]
    if probe.cause == PROBE and probe.end == x.seq and probe.start <= h.una and not probe.record.flags & FIN:
        probe.cause = TIMEOUT
        x.c.discard("tail_loss_probe", probe.record.frame)
        x.c.add("timeout_retransmission", probe.record.frame)


def is_probe_of_new_data(x: Look) -> bool:
    """New data that no window of congestion control allows: a tail loss probe (RFC 8985 §7.3).

    Ten segments and two for each acknowledged are the most that slow start could ever have allowed (RFC 6928,
    RFC 5681 §3.1); all of that is out, nothing has come in for two round trips, and one more segment leaves.
    """
    h = x.h
    p = x.p
    if h.law == FREE or h.mode != MODE_OPEN or h.dupacks or h.sacked or h.una >= h.nxt or not x.n or x.n > h.seg_max:
        return False
    rtt = h.srtt + p.srtt
    last = p.last
    heard = max(h.una_ns, last.t_ns if last is not None else 0)
    quiet = x.r.t_ns - max(heard, h.last_new_ns)
    if rtt <= 0 or quiet < 2 * rtt - (rtt >> 3) or not (h.sack_ok and p.sack_ok):
        return False
    first = h.iss + 1 + h.tfo_bytes
    return h.una >= first and x.end - first > 10 * h.seg_max + 2 * (h.una - first)


def _timeout(h: Half) -> str:
    """The retransmission timer ran out: everything outstanding counts as lost."""
    if h.nxt - h.una > 0:
        h.mode = MODE_LOSS
        h.recover = h.nxt
    return TIMEOUT


def _cause_of_syn(x: Look, resend: Resend) -> str:
    """A SYN again: its timer; a SYN-ACK again: its timer, or the answer to a SYN that came again."""
    peer_syn = x.p.last
    if x.r.ack and peer_syn is not None and peer_syn.flags & SYN and resend.waited_ns >= 0:
        if x.r.t_ns - peer_syn.t_ns < resend.waited_ns and resend.waited_ns < FULL_RTO_NS:
            return UNKNOWN_CAUSE
        last = x.h.last
        if last is not None and peer_syn.t_ns > last.t_ns and x.r.t_ns - peer_syn.t_ns < ACK_CLOCK_NS + x.p.srtt:
            return UNKNOWN_CAUSE
    return TIMEOUT


def _resent_before(h: Half, start: int) -> Resend | None:
    """The last time this very byte was sent again and not acknowledged since, if ever."""
    resends = h.resends
    if resends:
        for index in range(len(resends) - 1, -1, -1):
            entry = resends[index]
            if entry.start <= start < entry.end:
                return entry
    return None


def note_left(h: Half, high: int, cause: str) -> None:
    """The ACKs that end a recovery pass the tap now; until they reach the sender it goes on resending below `high`."""
    h.left_ns = h.una_ns
    h.left_high = high
    h.left_cause = cause


def leave_recovery(h: Half) -> None:
    """The cumulative ACK reached what was outstanding when the loss was found."""
    if h.mode != MODE_OPEN and h.una >= h.recover:
        note_left(h, h.recover, GO_BACK if h.mode == MODE_LOSS else FAST)
        h.mode = MODE_OPEN
        h.recover = -1


def prove_spurious(x: Look, left: int, right: int, how: str) -> bool:
    """A DSACK says that [left, right) arrived twice: the last resend of it was needless."""
    h = x.p
    resends = h.resends
    if not resends:
        return False
    for index in range(len(resends) - 1, -1, -1):
        entry = resends[index]
        if entry.spurious in ("", "sacked") and entry.start < right and left < entry.end:
            entry.spurious = how
            x.c.add("spurious_retransmission", entry.record.frame)
            return True
    return False


def prove_by_timestamp(x: Look, old_una: int) -> None:
    """RFC 3522 (Eifel): the ACK of a resent segment echoes a clock value from before the resend."""
    h = x.p
    resends = h.resends
    ecr = x.r.ts_ecr
    if not resends or ecr < 0:
        return
    for entry in resends:
        if entry.spurious or entry.start > old_una or entry.end <= old_una or x.ack < entry.end:
            continue
        record = entry.record
        if record.ts_val < 0 or entry.first is None or entry.first.ts_val == record.ts_val:
            continue
        if (record.ts_val - ecr) & MASK < 0x80000000 and ecr != record.ts_val:
            entry.spurious = "timestamp"
            x.c.add("spurious_retransmission", record.frame)


def seq_of(h: Half, record: TcpRecord) -> int:
    """The unwrapped sequence number of a record of this half."""
    return unwrap(h.nxt, record.seq)
