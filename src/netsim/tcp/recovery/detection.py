"""What is missing: duplicates, SACKs and DSACKs, and the three ways to judge a loss.

`Detection` sits between `Phases` (what follows from a loss) and `LossRecovery` (the order of things).
"""

from __future__ import annotations

from netsim.tcp.congestion.base import CongestionControl
from netsim.tcp.recovery import reasons as why
from netsim.tcp.recovery.base import LOSS, RECOVERY, TIMER_REORDER, AckInfo, RecoveryConfig
from netsim.tcp.recovery.newreno import newreno_mark_lost
from netsim.tcp.recovery.phases import Phases
from netsim.tcp.recovery.scoreboard import NEVER


class Detection(Phases):
    """Evidence of loss, and of the opposite."""

    __slots__ = ("dsack_segs_total",)

    def __init__(self, config: RecoveryConfig, cc: CongestionControl, smss: int) -> None:
        super().__init__(config, cc, smss)
        self.dsack_segs_total = 0
        """Segments that the peer reported as duplicates."""

    def take_sacks(self, info: AckInfo) -> None:
        """RFC 2018 and 2883: is the first block a DSACK? The rest goes to the scoreboard."""
        sb = self.sb
        blocks = info.sack
        start, end = blocks[0]
        is_dsack = start < info.ack or (len(blocks) > 1 and start >= blocks[1][0] and end <= blocks[1][1])
        if is_dsack and self._take_dsack(start, end):
            if end > sb.una:
                sb.apply_dsack(start, end)
            blocks = blocks[1:]
        if len(blocks) > 1:
            for start, end in sorted(blocks):
                sb.apply_sack(start, end)
        elif blocks:
            sb.apply_sack(blocks[0][0], blocks[0][1])
        if sb.sack_reord < NEVER and (self.phase != LOSS or self.undo.marker >= 0):
            self.note_reordering(sb.sack_reord, sb.highest_sacked())

    def _take_dsack(self, start: int, end: int) -> bool:
        """A duplicate arrived at the peer (RFC 2883). Believed only as often as we resent something."""
        if start >= end:
            return False
        sb = self.sb
        segs = max(1, (end - start + self.smss - 1) // self.smss)
        self.dsack_segs_total += segs
        if self.dsack_segs_total > self.total_retrans:
            return False
        self.dsack = True
        sb.dsack_segs = segs
        rack = self.rack
        # A needless probe says nothing of reordering, nor does a DSACK where none was ever seen.
        if rack is not None and rack.reordering_seen and not (segs == 1 and self.probe_end == end):
            rack.on_dsack(sb.una, sb.nxt)
        self.undo.on_dsack(end, segs)
        return True

    def count_duplicates(self, advanced: bool, duplicates: int) -> None:
        """RFC 5681 §2; with SACK a duplicate is an ACK with new SACK information (RFC 6675 §2)."""
        if advanced:
            self.duplicates = 0
            self.limited_bytes = 0
        if self.sack_ok:
            if self.sb.sack_new_segs and not advanced:
                self.duplicates += 1
                self.reasons.append(why.SACK_ADVANCED)
        elif advanced:
            self._forget_virtual_sacks()
        elif duplicates and (self.phase != LOSS or self.sb.nxt > self.high_seq):
            self.duplicates += 1
            self.reasons.append(why.DUPLICATE_ACK)
            self.virtual_sacked += 1
            if self._virtual_sacks_fit(0):
                self.delivered_bytes += self.smss
                self.delivered_segs += self.config.counts_segments

    def _forget_virtual_sacks(self) -> None:
        """Without SACK: one acknowledged segment filled the hole, the others had been counted by duplicates."""
        gone = self.virtual_sacked
        if self.phase == RECOVERY and self.sb.una < self.high_seq:
            gone = min(gone, self.acked_segs - 1)
        if self.config.counts_segments:
            delivered = max(self.acked_segs - self.virtual_sacked, 1)
            self.delivered_bytes = delivered * self.smss
            if self.acked_segs:
                self.delivered_segs += delivered - self.acked_segs
        self.virtual_sacked -= max(gone, 0)
        self._virtual_sacks_fit(self.acked_segs)

    def _virtual_sacks_fit(self, acked_segs: int) -> bool:
        """Limit them to what is outstanding and not lost; False if they exceeded it.

        More duplicates than segments that can have caused them mean reordering (Linux), or that the
        network duplicates.
        """
        out = self.sb.packets_out()
        room = out - min(max(self.sb.lost_out, 1), out)
        if self.virtual_sacked <= room:
            return True
        self.virtual_sacked = room
        if self.config.counts_segments:
            self.reordering_segs = max(self.reordering_segs, min(out + acked_segs, self.config.reorder_ceiling_segs))
        return False

    def detect(self, now_ns: int, advanced: bool) -> bool:
        """Judge losses; False if RACK took the transmit timer for its reordering window."""
        sb = self.sb
        if sb.head == len(sb.records):
            return True
        config = self.config
        if self.rack is not None:
            return not (self.rack.advanced and self.detect_by_time(now_ns))
        news = 0
        if self.sack_detector is not None:
            if self.phase != LOSS:
                news = self.sack_detector.mark_lost(sb, self.phase, self.duplicates, config.dup_thresh, self.smss)
        else:
            count = self.virtual_sacked if config.counts_segments else self.duplicates
            news = newreno_mark_lost(sb, self.phase, count, self.reordering_segs, advanced)
        self.lost_segs += news
        self.lost_total += news
        return True

    def detect_by_time(self, now_ns: int) -> bool:
        """RFC 8985 §6.2; True if a suspect remains and the reordering timer runs."""
        rack = self.rack
        assert rack is not None
        sb = self.sb
        window = rack.reordering_window(
            self.phase, sb.sacked_out, self.reordering_segs, self.rtt.min_rtt_ns, self.rtt.srtt_ns
        )
        news = rack.mark_lost(now_ns, sb, window)
        self.lost_segs += news
        self.lost_total += news
        if rack.wait_ns < 0:
            return False
        self.timer = TIMER_REORDER
        self.timer_at_ns = now_ns + min(rack.wait_ns + self.config.timer_slack_ns, self.rtt.rto_ns)
        return True
