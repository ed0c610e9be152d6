"""RACK: losses by time (RFC 8985 §6), and what is known of reordering.

A segment is lost when one sent later was delivered and the reordering window has passed. All
times are integer nanoseconds; a copy counts from when it was sent, so lost retransmissions
are found too.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from netsim.tcp.recovery.base import RECOVERY
from netsim.tcp.recovery.scoreboard import Scoreboard, Sent

REORDER_PERSIST: Final = 16
"""Recoveries without DSACK after which the grown reordering window is given up (RFC 8985 §6.2 step 4)."""


class Rack:
    """State of RACK.

    xmit_ns, order:      the most recently sent segment known to be delivered: when (RACK.xmit_ts), and as the
                         how manieth transmission. The RFC breaks ties of time by RACK.end_seq; in virtual time
                         whole bursts leave at one instant, and only the order of sending tells them apart
    rtt_ns:              its round trip (RACK.rtt)
    advanced:            something newer was delivered since the last detection
    reo_wnd_mult, reo_wnd_persist, dsack_round: RFC 8985 §6.2 step 4
    reordering_seen:     how often reordering was observed
    """

    __slots__ = (
        "_resent", "_scan", "advanced", "dsack_round", "order", "reo_wnd_mult", "reo_wnd_persist",
        "reordering_seen", "rtt_ns", "wait_ns", "xmit_ns",
    )  # fmt: skip

    def __init__(self) -> None:
        self.xmit_ns = -1
        self.order = 0
        self.rtt_ns = 0
        self.advanced = False
        self.reo_wnd_mult = 1
        self.reo_wnd_persist = 0
        self.dsack_round = -1
        self.reordering_seen = 0
        self.wait_ns = -1
        """After `mark_lost`: how long until the last suspect may be judged; -1 = no suspect."""
        # Records sent once are judged in order from this offset on; copies in order of their sending.
        self._scan = 0
        self._resent: deque[tuple[Sent, int]] = deque()

    def on_resent(self, record: Sent) -> None:
        """`record` was sent again just now."""
        self._resent.append((record, record.transmissions))

    def on_delivered(self, sent_ns: int, order: int, rtt_ns: int) -> None:
        """RFC 8985 §6.2 step 2: what was sent last at `sent_ns` was delivered; `rtt_ns` is the latest round trip."""
        self.advanced = True
        self.rtt_ns = rtt_ns
        if order > self.order:
            self.xmit_ns = sent_ns
            self.order = order

    def reordering_window(self, phase: int, sacked_segs: int, dup_thresh: int, min_rtt_ns: int, srtt_ns: int) -> int:
        """RFC 8985 §6.2 step 4: how long a segment may be late before it is lost."""
        if not self.reordering_seen and (phase >= RECOVERY or sacked_segs >= dup_thresh):
            return 0
        window = (min_rtt_ns >> 2) * self.reo_wnd_mult
        return window if window < srtt_ns else srtt_ns

    def on_dsack(self, una: int, nxt: int) -> None:
        """A DSACK came in: once a round trip the window grows, and stays so for 16 recoveries."""
        if self.dsack_round >= 0 and una >= self.dsack_round:
            self.dsack_round = -1
        if self.dsack_round < 0:
            self.dsack_round = nxt
            if self.reo_wnd_mult < 255:
                self.reo_wnd_mult += 1
            self.reo_wnd_persist = REORDER_PERSIST

    def on_dsack_undo(self) -> None:
        """A whole recovery was proven needless: the grown window stays one recovery longer."""
        if self.reo_wnd_persist < REORDER_PERSIST:
            self.reo_wnd_persist += 1

    def on_recovery_ended(self) -> None:
        """One more recovery without proof of a needless retransmission."""
        if self.reo_wnd_persist > 0:
            self.reo_wnd_persist -= 1
            if self.reo_wnd_persist == 0:
                self.reo_wnd_mult = 1

    def rescan(self) -> None:
        """Judgements were taken back: look again, but not at what RACK itself had judged.

        Linux (tcp_rack_detect_loss) takes what it marks off its list for good, until that is sent again.
        """
        self.advanced = True

    def mark_lost(self, now_ns: int, sb: Scoreboard, window_ns: int) -> int:
        """RFC 8985 §6.2 step 5, RACK_detect_loss: mark what is late; returns the news, sets `wait_ns`."""
        self.advanced = False
        self.wait_ns = -1
        limit = self.rtt_ns + window_ns
        return self._mark_originals(now_ns, sb, limit) + self._mark_copies(now_ns, sb, limit)

    def _mark_originals(self, now_ns: int, sb: Scoreboard, limit: int) -> int:
        """Records sent once lie in order of time as they lie in order of offset."""
        news = 0
        at = self._scan if self._scan > sb.una else sb.una
        record = sb.first_unsacked_from(at, sb.nxt)
        while record is not None:
            if record.transmissions == 1 and not record.lost:
                if record.order >= self.order:
                    break
                if now_ns - record.sent_ns < limit:
                    self._wait_for_originals(now_ns, sb, limit, record)
                    break
                if sb.mark_lost(record):
                    news += 1
            at = record.end
            record = sb.first_unsacked_from(at, sb.nxt)
        self._scan = at
        return news

    def _wait_for_originals(self, now_ns: int, sb: Scoreboard, limit: int, first: Sent) -> None:
        """The timer waits for the last suspect: the highest unsacked original sent before the delivered one."""
        last = first
        index = sb.index_of(first.start)
        at = sb.last_unsacked_below(self._suspect_bound(sb, index))
        while at is not None and at.start > first.start:
            if at.transmissions == 1 and not at.lost and at.order < self.order:
                last = at
                break
            at = sb.last_unsacked_below(at.start)
        self.wait_ns = last.sent_ns + limit - now_ns

    def _suspect_bound(self, sb: Scoreboard, low: int) -> int:
        """Offset of the first record from index `low` on that was first sent after the delivered one."""
        records = sb.records
        high = len(records)
        while low < high:
            mid = (low + high) >> 1
            if records[mid].first_sent_ns <= self.xmit_ns:
                low = mid + 1
            else:
                high = mid
        return records[low].start if low < len(records) else sb.nxt

    def _wait_for_copies(self, now_ns: int, sb: Scoreboard, limit: int) -> None:
        """The timer waits for the last suspect among the copies, too."""
        for record, transmissions in self._resent:
            if record.order >= self.order:
                return
            if record.end > sb.una and record.transmissions == transmissions and not record.sacked:
                wait = record.sent_ns + limit - now_ns
                if wait > self.wait_ns and (record.retrans_out or not record.lost):
                    self.wait_ns = wait

    def _mark_copies(self, now_ns: int, sb: Scoreboard, limit: int) -> int:
        news = 0
        resent = self._resent
        while resent:
            record, transmissions = resent[0]
            if record.end > sb.una and record.transmissions == transmissions and not record.sacked:
                if record.retrans_out or not record.lost:
                    if record.order >= self.order:
                        break
                    if now_ns - record.sent_ns < limit:
                        self._wait_for_copies(now_ns, sb, limit)
                        break
                    if sb.mark_lost(record):
                        news += 1
            resent.popleft()
        return news
