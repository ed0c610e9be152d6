"""Loss recovery: what an ACK and a timeout mean for what is in flight.

    open ──dup ACK, SACK──> disorder ──loss judged──> recovery ──all acknowledged──> open
      └──ECE──> cwr             └──RTO──> loss <──RTO──┘ (from anywhere)

Each ACK is taken in a fixed order: SACK blocks, the cumulative ACK, the RTT sample, the exit
conditions of the phase, detection, entry into recovery, and then the window: PRR where a
reduction is under way, else growth. The short path of `on_ack` is the same for the case that
nothing is wrong.

Congestion control decides how much, the detectors decide what, the sender decides when.
"""

from __future__ import annotations

from typing import Final

from netsim.base.reasons import Reason
from netsim.tcp.congestion.base import CongestionControl
from netsim.tcp.recovery import reasons as why
from netsim.tcp.recovery.base import (
    CWR,
    DISORDER,
    LOSS,
    OPEN,
    PROBE_LAST,
    PROBE_NEW,
    PROBE_NOTHING,
    RECOVERY,
    TIMER_NONE,
    TIMER_REORDER,
    AckInfo,
    RecoveryConfig,
)
from netsim.tcp.recovery.flight import Flight
from netsim.tcp.recovery.newreno import newreno_mark_lost
from netsim.tcp.recovery.scoreboard import NEVER, SENT_SYN, Sent

_COMPACT_AT: Final = 1024


class LossRecovery(Flight):
    """The whole of loss recovery for one connection.

    Results of the last `on_ack` (or timeout), for the sender to read:
    acked_bytes, acked_segs: newly acknowledged cumulatively
    sacked_bytes:    newly reported by SACK
    delivered_bytes: both, without counting anything twice
    lost_segs:       newly judged lost
    rtt_ns:          the RTT sample taken, -1 if none
    is_duplicate:    it was a duplicate ACK
    dsack:           it carried a DSACK
    spurious:        it proved a reduction wrong, which was taken back
    phase_before:    the phase before it; differs from `phase` if it changed
    reasons:         what happened beyond the ordinary, in order
    """

    __slots__ = (
        "acked_bytes", "acked_segs", "delivered_bytes", "dsack", "dsack_segs_total", "frto", "is_duplicate",
        "lost_segs", "lost_total", "new_first", "phase_before", "reasons", "reordering_segs", "rtt_ns",
        "sacked_bytes", "spurious",
    )  # fmt: skip

    def __init__(self, config: RecoveryConfig, cc: CongestionControl, smss: int) -> None:
        super().__init__(config, cc, smss)
        self.acked_bytes = 0
        self.acked_segs = 0
        self.sacked_bytes = 0
        self.delivered_bytes = 0
        self.lost_segs = 0
        self.rtt_ns = -1
        self.is_duplicate = False
        self.dsack = False
        self.spurious = False
        self.phase_before = OPEN
        self.reasons: list[Reason] = []
        self.frto = False
        """RFC 5682: it is not yet known whether the timeout was spurious."""
        self.new_first = False
        """RFC 5682 §2.1 step 2b: new data is to go out before anything is resent."""
        self.lost_total = 0
        self.dsack_segs_total = 0
        self.reordering_segs = config.dup_thresh
        """How many segments the network is known to reorder by, at least DupThresh."""

    # --- ACKs ----------------------------------------------------------------------------

    def on_ack(self, now_ns: int, info: AckInfo) -> None:
        """An ACK that passed the acceptability checks: ack <= snd.nxt."""
        self.phase_before = self.phase
        if self.reasons:
            self.reasons.clear()
        self.lost_segs = 0
        self.is_duplicate = False
        self.dsack = False
        self.spurious = False
        ack = info.ack
        if self.calm and ack > self.sb.una and not info.sack and not info.ece:
            self._take_calm_ack(now_ns, ack)
        else:
            self._take_ack(now_ns, info)

    def _take_calm_ack(self, now_ns: int, ack: int) -> None:
        """The short path: no record carries a mark, no episode is under way, new data is acknowledged.

        Does what `_take_ack` would do (a test holds the two against each other).
        """
        sb = self.sb
        records = sb.records
        index = first = sb.head
        count = len(records)
        while index < count and records[index].end <= ack:
            index += 1
        acked = ack - sb.una
        sb.una = ack
        self.acked_bytes = acked
        self.acked_segs = segs = index - first
        self.sacked_bytes = 0
        if index < count and records[index].start < ack:
            records[index].start = ack
        if self.config.counts_segments:
            acked = segs * self.smss
        self.delivered_bytes = acked
        self.rtt_ns = -1
        rtt = self.rtt
        if segs:
            newest = records[index - 1]
            if self.rack is not None:
                rack = self.rack
                rack.xmit_ns = newest.sent_ns
                rack.end_offset = newest.end
                rack.rtt_ns = now_ns - newest.sent_ns
            if self.config.sample_every_ack or ack >= self.sample_at:
                self.rtt_ns = sample = now_ns - records[first].sent_ns
                rtt.sample(sample, ack, sb.nxt)
                self.sample_at = sb.nxt
                if self.cc.wants_rtt:
                    self.cc.on_rtt(now_ns, now_ns - newest.sent_ns, ack, sb.nxt)
            sb.head = index
            if index >= _COMPACT_AT and index * 2 >= count:
                del records[:index]
                sb.head = 0
        if rtt.backoffs:
            rtt.on_new_ack()
        if acked:
            self.cc.on_ack(now_ns, acked, rtt.srtt_ns, self.cwnd_limited or self.is_cwnd_limited())
        self.rearm(now_ns)

    def _take_ack(self, now_ns: int, info: AckInfo) -> None:
        """The whole procedure."""
        sb = self.sb
        una = sb.una
        ack = info.ack
        fack = sb.highest_sacked()
        had_out = sb.head < len(sb.records)
        smss = self.smss
        lost_before = self.lost_total
        sb.begin_ack(self.high_seq)
        if info.sack and self.sack_ok:
            self._take_sacks(info)
        self.sacked_bytes = sb.sack_new_bytes
        new_segs = new_bytes = 0
        if ack > una:
            new_bytes = sb.ack_to(ack)
            new_segs = sb.acked_new_segs
        advanced = ack > una
        self.acked_bytes = ack - una if advanced else 0
        self.acked_segs = sb.acked_segs
        not_duplicate = info.has_data or info.window_changed or advanced or ack < una
        self.is_duplicate = had_out and not not_duplicate
        sampled = self._take_rtt(now_ns, info, advanced)
        if self.rack is not None and sb.newest_ns >= 0:
            self.rack.on_delivered(now_ns, sb.newest_ns, sb.newest_end, sb.newest_retrans, self.rtt.min_rtt_ns)
        if advanced and self.sack_ok and sb.acked_orig_start < fack:
            self._note_reordering(sb.acked_orig_start, fack)
        if self.config.counts_segments:
            self.delivered_bytes = (sb.sack_new_segs + sb.dsack_segs + new_segs) * smss
        else:
            self.delivered_bytes = sb.sack_new_bytes + new_bytes
        if not had_out:
            if self.dsack:
                self._undo_by_dsack(now_ns)
            self._settle()
            return
        if self.probe_end >= 0:
            self._take_probe_ack(now_ns, info, advanced, not_duplicate)
        rearm = self.acked_segs > 0 or (advanced and not self.config.counts_segments)
        rearm = rearm or self._sack_counts_for_timer(now_ns, sampled)
        if not_duplicate and not info.ece and not sb.sack_new_segs and not self.dsack and self.phase == OPEN:
            pass  # nothing dubious
        else:
            duplicates = 1 if self.is_duplicate and not self.dsack else 0
            rearm = self._react(now_ns, info, una, advanced, duplicates, new_segs) and rearm
        if rearm:
            self.rearm(now_ns)
        self._move_window(now_ns, advanced, self.lost_total > lost_before)
        self._settle()

    def _take_sacks(self, info: AckInfo) -> None:
        """RFC 2018 and 2883: is the first block a DSACK? The rest goes to the scoreboard."""
        sb = self.sb
        blocks = info.sack
        start, end = blocks[0]
        first = 0
        is_dsack = start < info.ack or (len(blocks) > 1 and start >= blocks[1][0] and end <= blocks[1][1])
        if is_dsack:
            self._take_dsack(start, end)
            first = 1
            if end > sb.una:
                sb.apply_dsack(start, end)
        for i in range(first, len(blocks)):
            sb.apply_sack(blocks[i][0], blocks[i][1])
        if sb.sack_reord < NEVER and (self.phase != LOSS or self.undo.marker >= 0):
            self._note_reordering(sb.sack_reord, sb.highest_sacked())

    def _take_dsack(self, start: int, end: int) -> None:
        """A duplicate arrived at the peer. Believed only as often as we resent something."""
        if start >= end:
            return
        segs = max(1, (end - start + self.smss - 1) // self.smss)
        if self.dsack_segs_total + segs > self.total_retrans:
            return
        self.dsack_segs_total += segs
        self.dsack = True
        sb = self.sb
        sb.dsack_segs = segs
        if self.rack is not None and not (self.probe_end >= 0 and end == self.probe_end):
            self.rack.on_dsack(sb.una, sb.nxt)
        self.undo.on_dsack(end, segs)

    def _note_reordering(self, start: int, fack: int) -> None:
        """Something sent once was delivered after what was sent later."""
        if start >= fack:
            return
        segs = (fack - start + self.smss - 1) // self.smss
        if segs > self.reordering_segs:
            self.reordering_segs = min(segs, self.config.reorder_ceiling_segs)
        if self.rack is not None:
            self.rack.reordering_seen += 1
        self.reasons.append(why.REORDERING_SEEN)

    def _take_rtt(self, now_ns: int, info: AckInfo, advanced: bool) -> bool:
        """RFC 6298 §3 and Karn: a sample from what was sent once; else, with timestamps, from the echo."""
        sb = self.sb
        self.rtt_ns = -1
        sample = -1
        newest = -1
        if sb.first_ack_ns >= 0 and not sb.acked_retrans:
            sample = now_ns - sb.first_ack_ns
            newest = now_ns - sb.last_ack_ns
        if sb.first_sack_ns >= 0:
            newest = now_ns - sb.last_sack_ns
            if sample < 0:
                sample = now_ns - sb.first_sack_ns
        if sample < 0 and advanced and info.ts_echo_ns >= 0 and self.acked_segs:
            sample = newest = max(now_ns - info.ts_echo_ns, self.ts_tick_ns)
        if sample < 0:
            if advanced and self.rtt.backoffs:
                self.rtt.on_new_ack()
            return False
        if not self.config.sample_every_ack and info.ack < self.sample_at:
            return False
        self.rtt.sample(sample, sb.una, sb.nxt)
        self.sample_at = sb.nxt
        self.rtt_ns = sample
        if self.cc.wants_rtt and advanced:
            self.cc.on_rtt(now_ns, newest, sb.una, sb.nxt)
        return True

    def _sack_counts_for_timer(self, now_ns: int, sampled: bool) -> bool:
        """A SACK moves the timer only if it is about data sent no later than the head was (Linux)."""
        sb = self.sb
        if not sampled or sb.first_sack_ns < 0 or self.acked_segs or sb.head >= len(sb.records):
            return False
        return sb.first_sack_ns < sb.records[sb.head].sent_ns

    def _settle(self) -> None:
        """Note whether the short path is enough from here on."""
        sb = self.sb
        if sb.head == len(sb.records):
            self.virtual_sacked = 0
        self.calm = (
            self.phase == OPEN
            and sb.una >= self.resent_high
            and not (sb.sacked_out or sb.lost_out or sb.retrans_out or self.virtual_sacked or self.duplicates)
            and self.probe_end < 0
            and (self.rack is None or not self.rack.advanced)
        )

    # --- phases --------------------------------------------------------------------------

    def _react(self, now_ns: int, info: AckInfo, una: int, advanced: bool, duplicates: int, new_segs: int) -> bool:
        """Something is, or was, wrong. False if detection set the transmit timer itself."""
        sb = self.sb
        if info.ece:
            self.undo.prior_ssthresh = 0
        if sb.reneging:
            self._on_reneging(now_ns)
            return True
        self._count_duplicates(advanced, duplicates, new_segs)
        if self.phase != OPEN and sb.una >= self.high_seq and self._leave_phase(now_ns, info):
            return True
        if self.phase == RECOVERY:
            if advanced and self._undo_partial(info):
                return True
            if self.dsack and self._undo_by_dsack(now_ns):
                self._try_open(now_ns, info)
            if self.inflating and self.phase == RECOVERY:
                self._inflate(advanced, duplicates)
        elif self.phase == LOSS:
            return self._react_in_loss(now_ns, info, advanced, duplicates)
        elif self.dsack:
            self._undo_by_dsack(now_ns)
        set_timer = self._detect(now_ns, advanced)
        if self.phase < RECOVERY:
            if sb.lost_out == 0:
                self._try_open(now_ns, info)
            else:
                self._enter_recovery(now_ns, info.ece)
        return not set_timer

    def _count_duplicates(self, advanced: bool, duplicates: int, new_segs: int) -> None:
        """RFC 5681 §2; with SACK a duplicate is an ACK with new SACK information (RFC 6675 §2)."""
        if advanced:
            self.duplicates = 0
            self.limited_bytes = 0
        if self.sack_ok:
            if self.sb.sack_new_segs and not advanced:
                self.duplicates += 1
                self.reasons.append(why.SACK_ADVANCED)
            return
        if advanced:
            # One ACK fills a hole; the others it covers had been counted by their duplicates.
            if self.phase == RECOVERY and self.sb.una < self.high_seq:
                gone = self.acked_segs - 1
                self.virtual_sacked = self.virtual_sacked - gone if self.virtual_sacked > gone else 0
            else:
                if self.config.counts_segments:
                    self.delivered_bytes = max(new_segs - self.virtual_sacked, 1) * self.smss
                self.virtual_sacked = 0
        elif duplicates and (self.phase != LOSS or self.sb.nxt > self.high_seq):
            self.duplicates += 1
            self.reasons.append(why.DUPLICATE_ACK)
            sb = self.sb
            holes = max(sb.lost_out, 1)
            if self.virtual_sacked + holes < sb.packets_out():
                self.virtual_sacked += 1
                self.delivered_bytes += self.smss

    def _leave_phase(self, now_ns: int, info: AckInfo) -> bool:
        """snd.una reached the recovery point. True if nothing else is to be done with this ACK."""
        sb = self.sb
        if self.phase == CWR:
            # The mark must be answered by something above the point, so wait for more (RFC 3168 §6.1.2).
            if sb.una != self.high_seq:
                self.cc.cwnd = self.cc.ssthresh
                self.phase = OPEN
                self.reasons.append(why.CWR_ENDED)
        elif self.phase == RECOVERY:
            if self._recovered(info):
                return True
            self._end_reduction(now_ns)
        return False

    def _recovered(self, info: AckInfo) -> bool:
        """Recovery is complete: undo it if it was needless, else close it. True: hold the phase (see below)."""
        if self.config.undo and self._may_undo(info):
            self._restore(unmark=False)
        elif self.rack is not None:
            self.rack.on_recovery_ended()
        if self.phase == RECOVERY:
            self.reasons.append(why.FULL_ACK)
        if not self.sack_ok and self.sb.una == self.high_seq and self.config.counts_segments:
            # Without SACK, wait for an ACK above the point, lest old duplicates start it again (RFC 6582 §3.2).
            if not self.sb.any_retransmitted():
                self.undo.stamp_ns = -1
            return True
        if self.phase == LOSS:
            self.reasons.append(why.TIMEOUT_RECOVERED)
        self.phase = OPEN
        return False

    def _end_reduction(self, now_ns: int) -> None:
        cc = self.cc
        if self.inflating:
            flight = max(self.sb.nxt - self.sb.una, self.smss)
            cc.cwnd = min(cc.ssthresh, flight + self.smss)
        elif self.undo.marker >= 0 or not self.config.undo:
            cc.cwnd = cc.ssthresh
        self.undo.stamp_ns = -1

    def _try_open(self, now_ns: int, info: AckInfo) -> None:
        """No loss is judged: open or disorder, or a reduction for ECN."""
        sb = self.sb
        any_resent = sb.any_retransmitted()
        if not any_resent:
            self.undo.stamp_ns = -1
        if info.ece and self.phase < CWR:
            self._enter_cwr(now_ns)
        if self.phase != CWR:
            trouble = bool(sb.sacked_out or sb.lost_out or self.virtual_sacked or any_resent)
            phase = DISORDER if trouble else OPEN
            if phase != self.phase:
                self.phase = phase
                if phase == OPEN or self.sack_ok or self.config.counts_segments:
                    self.high_seq = sb.nxt if self.sack_ok or self.config.counts_segments else self.high_seq

    def _enter_cwr(self, now_ns: int) -> None:
        """RFC 3168 §6.1.2: one reduction a round trip; CWR on the next new segment."""
        self.undo.forget()
        self.undo.prior_ssthresh = 0
        self._begin_reduction(now_ns)
        if self.prr is None:
            self.cc.cwnd = self.cc.ssthresh
        self.phase = CWR
        self.cwr_pending = True
        self.reasons.append(why.ECN_ECHO)

    def _enter_recovery(self, now_ns: int, ece: bool) -> None:
        """RFC 5681 §3.2 step 2, RFC 6582 §3.2 step 2, RFC 6675 §5 step 4."""
        sb = self.sb
        if not self.sack_ok and not self.config.counts_segments and sb.una <= self.high_seq:
            # RFC 6582: the cumulative ACK must cover more than the last recovery point.
            sb.unmark_lost()
            self.reasons.append(why.BELOW_RECOVER)
            return
        self.undo.prior_ssthresh = 0
        self.undo.start(sb.una, sb.retrans_out)
        if self.phase != CWR:
            if not ece:
                self.undo.prior_ssthresh = max(self.cc.ssthresh, self.three_quarters())
            self._begin_reduction(now_ns)
            if self.inflating:
                self.cc.cwnd = self.cc.ssthresh + self.config.dup_thresh * self.smss
            elif self.prr is None:
                self.cc.cwnd = self.cc.ssthresh
        if self.sack_detector is not None:
            self.sack_detector.start(sb.una)
        self.forced = self.config.prr == "" or self.config.prr.startswith("rfc6937")
        self.phase = RECOVERY
        if self.rack is not None:
            self.reasons.append(why.RACK_LOSS)
        elif self.sack_ok:
            self.reasons.append(why.SACK_LOSS)
        else:
            self.reasons.append(why.FAST_RETRANSMIT)

    def _begin_reduction(self, now_ns: int) -> None:
        """Bring ssthresh down; the window follows (at once, or by PRR)."""
        sb = self.sb
        self.high_seq = sb.nxt
        self.probe_end = -1
        self.undo.prior_cwnd = self.cc.cwnd
        flight = sb.nxt - sb.una
        spared = self.limited_bytes
        self.cc.on_congestion(now_ns, flight - spared if flight > spared else flight)
        if self.prr is not None:
            if self.config.counts_segments:
                self.prr.start(self.undo.prior_cwnd)
            else:
                self.prr.start(flight - sb.sacked_bytes + sb.sack_new_bytes + self.acked_bytes)
        if self.ecn:
            self.cwr_pending = True

    def _inflate(self, advanced: bool, duplicates: int) -> None:
        """RFC 6582 §3.2 steps 3 and 4: inflate for duplicates, deflate for partial ACKs."""
        cc = self.cc
        if advanced:
            acked = self.acked_bytes
            cc.cwnd = max(cc.cwnd - acked, self.smss)
            if acked >= self.smss:
                cc.cwnd += self.smss
            self.forced = True
            self.reasons.append(why.PARTIAL_ACK)
        elif duplicates:
            cc.cwnd += self.smss
            self.reasons.append(why.INFLATED)

    def _detect(self, now_ns: int, advanced: bool) -> bool:
        """Judge losses; True if RACK took the transmit timer for its reordering window."""
        sb = self.sb
        if sb.head == len(sb.records):
            return False
        config = self.config
        if self.rack is not None:
            return self.rack.advanced and self._detect_by_time(now_ns)
        if self.sack_detector is not None:
            news = 0
            if self.phase != LOSS:
                news = self.sack_detector.mark_lost(sb, self.phase, self.duplicates, config.dup_thresh, self.smss)
        else:
            count = self.virtual_sacked if config.counts_segments else self.duplicates
            news = newreno_mark_lost(sb, self.phase, count, self.reordering_segs, advanced)
        self.lost_segs += news
        self.lost_total += news
        return False

    def _detect_by_time(self, now_ns: int) -> bool:
        """RFC 8985 §6.2; True if a suspect remains and the reordering timer runs."""
        rack = self.rack
        assert rack is not None
        sb = self.sb
        window = rack.reordering_window(
            self.phase, sb.sacked_out, self.config.dup_thresh, self.rtt.min_rtt_ns, self.rtt.srtt_ns
        )
        news = rack.mark_lost(now_ns, sb, window)
        self.lost_segs += news
        self.lost_total += news
        if rack.wait_ns < 0:
            return False
        self.timer = TIMER_REORDER
        self.timer_at_ns = now_ns + min(rack.wait_ns + self.config.timer_slack_ns, self.rtt.rto_ns)
        return True

    def _on_reneging(self, now_ns: int) -> None:
        """RFC 2018 §8: the head is marked sacked, so the peer threw it away. Forget SACKs, act as on a timeout."""
        self.reasons.append(why.RENEGED)
        self._enter_loss(now_ns)

    # --- timeouts ------------------------------------------------------------------------

    def begin_timeout(self) -> None:
        """Clear the results of the last input."""
        self.phase_before = self.phase
        self.reasons.clear()
        self.acked_bytes = self.acked_segs = self.sacked_bytes = self.delivered_bytes = self.lost_segs = 0
        self.rtt_ns = -1
        self.is_duplicate = self.dsack = self.spurious = False

    def on_rto(self, now_ns: int) -> None:
        """The retransmission timer expired (RFC 6298 §5.4-5.6): back off, take everything as lost.

        Then ask `next_resend` as always: the head comes first, and may go out at once.
        """
        self.begin_timeout()
        head = self.sb.first()
        self.rtt.back_off()
        self.restart_rto(now_ns)
        if head is None:
            return
        if head.flags & SENT_SYN:
            self.syn_timeouts += 1
            self.sb.mark_all_lost()
            self.forced = True
            self.calm = False
            self.reasons.append(why.SYN_TIMEOUT)
            return
        self._enter_loss(now_ns)
        self.reasons.append(why.TIMEOUT)

    def _enter_loss(self, now_ns: int) -> None:
        """RFC 5681 §3.1: ssthresh once per window of losses, cwnd to one segment, go back to snd.una."""
        sb = self.sb
        config = self.config
        new_episode = self.phase < RECOVERY
        head = sb.first()
        repeated = self.phase == LOSS and head is not None and head.transmissions > 1
        cwnd_before = self.cc.cwnd
        lost_before = sb.lost_out
        flight = sb.nxt - sb.una
        prior_pipe = sb.retrans_out
        if head is not None and head.sacked:
            sb.clear_sacked()
            if self.sack_detector is not None:
                self.sack_detector.forget()
        self.virtual_sacked = 0
        if self.rack is not None:
            sb.mark_all_lost(keep_after_ns=now_ns - self.rack.rtt_ns)
            self.rack.rescan()
        else:
            sb.mark_all_lost()
        self.lost_segs += sb.lost_out - lost_before
        self.lost_total += sb.lost_out - lost_before
        if self.phase <= DISORDER or sb.una >= self.high_seq or (self.phase == LOSS and not repeated):
            self.undo.prior_ssthresh = max(self.cc.ssthresh, self.three_quarters())
            self.undo.prior_cwnd = cwnd_before
            spared = self.limited_bytes
            self.cc.on_rto(now_ns, flight - spared if flight > spared else flight)
            self.undo.start(sb.una, prior_pipe)
        self.cc.on_loss_state()
        self.cc.cwnd = (self.in_flight_segs() + 1) * self.smss if config.counts_segments else self.smss
        if self.phase <= DISORDER and sb.sacked_out >= self.reordering_segs:
            self.reordering_segs = min(self.reordering_segs, config.dup_thresh)
        self.frto = config.frto and (new_episode or repeated)
        self.new_first = False
        self.phase = LOSS
        self.high_seq = sb.nxt
        self.probe_end = -1
        self.probing = False
        self.duplicates = 0
        self.limited_bytes = 0
        self.forced = True
        self.calm = False
        if self.ecn:
            self.cwr_pending = True

    def _react_in_loss(self, now_ns: int, info: AckInfo, advanced: bool, duplicates: int) -> bool:
        """After a timeout: spurious (F-RTO, timestamps, DSACK), recovered, or still repairing."""
        sb = self.sb
        recovered = sb.una >= self.high_seq
        if advanced and self.config.undo and self._may_undo(info):
            self._restore(unmark=True)
            self._open_after_undo()
            return True
        if self.frto and self._frto_step(info, advanced, duplicates, recovered):
            return True
        if recovered:
            if not self._recovered(info):
                self.undo.stamp_ns = -1
            return True
        set_timer = self._detect(now_ns, advanced)
        return not set_timer

    def _open_after_undo(self) -> None:
        self.frto = False
        self.phase = OPEN

    def _frto_step(self, info: AckInfo, advanced: bool, duplicates: int, recovered: bool) -> bool:
        """RFC 5682 §2.1, §3.1. True if this ACK is dealt with."""
        sb = self.sb
        if sb.orig_seen and (self.sack_ok or not sb.acked_retrans):
            # Step 3b: data that was never resent was delivered, so not everything was lost.
            self.reasons.append(why.SPURIOUS_FRTO)
            self._restore(unmark=True)
            self._open_after_undo()
            return True
        if sb.nxt > self.high_seq:
            if sb.sack_new_segs or duplicates:
                self.frto = False
                self.new_first = False
                self.reasons.append(why.FRTO_REAL)
        elif advanced and not recovered:
            # Step 2b: send new data first, and see what its ACKs say.
            self.high_seq = sb.nxt
            if info.new_data_ready and info.window_end > sb.nxt:
                self.new_first = True
                return True
            self.frto = False
        return False

    # --- undo ----------------------------------------------------------------------------

    def _may_undo(self, info: AckInfo) -> bool:
        undo = self.undo
        if undo.by_dsack():
            self.reasons.append(why.SPURIOUS_DSACK)
            return True
        if undo.by_timestamp(info.ts_echo_ns, self.ts_tick_ns):
            self.reasons.append(why.SPURIOUS_TIMESTAMP)
            return True
        return False

    def _restore(self, *, unmark: bool) -> None:
        """Take the reduction back."""
        undo = self.undo
        if unmark:
            self.sb.unmark_lost()
        if undo.prior_ssthresh:
            self.cc.on_undo(undo.prior_cwnd, undo.prior_ssthresh)
            if undo.prior_ssthresh >= self.cc.ssthresh:
                self.cwr_pending = False
        undo.forget()
        self.forced = False
        self.spurious = True
        self.rtt.end_back_off()
        if self.rack is not None:
            self.rack.rescan()
        if self.sack_detector is not None:
            self.sack_detector.forget()

    def _undo_by_dsack(self, now_ns: int) -> bool:
        if not self.config.undo or not self.undo.by_dsack():
            return False
        self.reasons.append(why.SPURIOUS_DSACK)
        if self.rack is not None and self.rack.reo_wnd_persist:
            self.rack.reo_wnd_persist = min(16, self.rack.reo_wnd_persist + 1)
        self._restore(unmark=False)
        return True

    def _undo_partial(self, info: AckInfo) -> bool:
        """A partial ACK that answers an original: the hole was reordering. True: only clock out new data."""
        if not self.config.undo or not self.undo.by_timestamp(info.ts_echo_ns, self.ts_tick_ns):
            return False
        if self.sb.retrans_out:
            return True
        self.reasons.append(why.SPURIOUS_TIMESTAMP)
        self._restore(unmark=True)
        self.phase = DISORDER if self.sb.sacked_out or self.sb.any_retransmitted() else OPEN
        return False

    # --- the probe and the reordering timer ------------------------------------------------

    def on_reorder_timer(self, now_ns: int) -> None:
        """RFC 8985 §6.3: the reordering window passed."""
        self.begin_timeout()
        self.timer = TIMER_NONE
        self.timer_at_ns = -1
        if self.rack is None:
            return
        lost_before = self.lost_total
        self._detect_by_time(now_ns)
        if self.lost_total > lost_before and self.phase != RECOVERY:
            self._enter_recovery(now_ns, ece=False)
            self.reasons.append(why.REORDER_TIMEOUT)
            if self.prr is not None:
                self._reduce(self.smss, una_advanced=False, newly_lost=True)
        if self.timer == TIMER_NONE:
            self.restart_rto(now_ns)

    def on_probe_timer(self, now_ns: int, new_data_ready: bool) -> int:
        """RFC 8985 §7.3: two round trips of silence. Returns PROBE_*; what it asks for is then sent as always.

        new_data_ready: there is unsent data and the peer's window has room for it.
        """
        self.begin_timeout()
        sb = self.sb
        self.restart_rto(now_ns)
        if self.probe_end >= 0 or sb.head == len(sb.records):
            return PROBE_NOTHING
        self.probing = True
        self.calm = False
        self.reasons.append(why.PROBE)
        return PROBE_NEW if new_data_ready else PROBE_LAST

    def probe_record(self) -> Sent | None:
        """What to resend for PROBE_LAST: the newest record."""
        return self.sb.last()

    def _take_probe_ack(self, now_ns: int, info: AckInfo, advanced: bool, not_duplicate: bool) -> None:
        """RFC 8985 §7.4: did the probe repair a loss that nobody else saw? Then the window must pay for it."""
        end = self.probe_end
        if info.ack < end:
            return
        if not self.probe_resent or (self.dsack and info.sack[0][1] == end):
            self.probe_end = -1
        elif info.ack > end:
            self.probe_end = -1
            self._begin_reduction(now_ns)
            self.cc.cwnd = self.cc.ssthresh
            self.reasons.append(why.PROBE_REPAIRED)
            self.phase = OPEN
        elif not advanced and not not_duplicate and not self.sb.sack_new_segs:
            self.probe_end = -1

    # --- the window ------------------------------------------------------------------------

    def _move_window(self, now_ns: int, advanced: bool, newly_lost: bool) -> None:
        """PRR while a reduction is under way, else growth by what was acknowledged."""
        phase = self.phase
        if phase in (CWR, RECOVERY):
            if self.prr is not None:
                self._reduce(self.delivered_bytes, una_advanced=advanced, newly_lost=newly_lost)
            return
        if self.phase_before == RECOVERY and not self.config.counts_segments:
            return  # the ACK that ends recovery set the window; growth begins with the next
        delivered = self.delivered_bytes
        forward = advanced
        if self.reordering_segs > self.config.dup_thresh:
            forward = advanced or self.sb.sack_new_segs > 0
        if forward and delivered > 0:
            self.cc.on_ack(now_ns, delivered, self.rtt.srtt_ns, self.is_cwnd_limited())

    def _reduce(self, delivered: int, *, una_advanced: bool, newly_lost: bool) -> None:
        assert self.prr is not None
        cwnd = self.prr.on_ack(delivered, self._pipe_for_prr(), self.cc.ssthresh, self.smss, una_advanced, newly_lost)
        if cwnd >= 0:
            self.cc.cwnd = cwnd

    def _pipe_for_prr(self) -> int:
        if self.config.counts_segments:
            return self.in_flight_segs() * self.smss
        return self.pipe_bytes()

    # --- path MTU --------------------------------------------------------------------------

    def on_mtu_reduced(self, now_ns: int, smss: int) -> None:
        """Segments larger than `smss` cannot reach the peer: resend them in smaller pieces.

        RFC 1191 §6.4, RFC 8201: not a sign of congestion, so the window stays.
        """
        self.begin_timeout()
        sb = self.sb
        index = sb.head
        self.set_smss(smss)
        while index < len(sb.records):
            record = sb.records[index]
            if record.end - record.start > smss and not record.sacked:
                if not record.lost and sb.mark_lost(record):
                    self.lost_segs += 1
                if record.retrans_out:
                    sb.mark_lost(record)
                sb.split(record, record.start + smss)
            index += 1
        if self.lost_segs:
            self.calm = False
            self.forced = True
            self.undo.forget()
            if self.phase < RECOVERY:
                self.phase = LOSS
                self.high_seq = sb.nxt
            self.reasons.append(why.MTU_REDUCED)
