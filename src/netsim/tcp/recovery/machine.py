"""Loss recovery: what an ACK and a timeout mean for what is in flight.

Each ACK is taken in a fixed order: SACK blocks, the cumulative ACK, the RTT sample, the exit
conditions of the phase, detection, entry into recovery, and then the window: PRR where a
reduction is under way, else growth. The short path of `on_ack` does the same for the case
that nothing is wrong.

Congestion control decides how much, the detectors decide what, the sender decides when.
"""

from __future__ import annotations

from typing import Final

from netsim.base.units import MS
from netsim.tcp.recovery import reasons as why
from netsim.tcp.recovery.base import (
    CWR,
    LOSS,
    OPEN,
    PROBE_LAST,
    PROBE_NEW,
    PROBE_NOTHING,
    RECOVERY,
    TIMER_NONE,
    TIMER_RTO,
    AckInfo,
)
from netsim.tcp.recovery.detection import Detection
from netsim.tcp.recovery.scoreboard import SENT_JOINED, SENT_SYN, Sent

_RENEG_DELAY_NS: Final = 10 * MS


class LossRecovery(Detection):
    """The whole of loss recovery for one connection; see the package's docstring for its use."""

    __slots__ = ()

    # --- ACKs ----------------------------------------------------------------------------

    def on_ack(self, now_ns: int, info: AckInfo) -> None:
        """An ACK that passed the acceptability checks: ack <= snd.nxt."""
        self.phase_before = self.phase
        if self.reasons:
            self.reasons.clear()
        self.new_sent = False
        self.lost_segs = 0
        self.is_duplicate = False
        self.dsack = False
        self.spurious = False
        sb = self.sb
        ack = info.ack
        if not self.calm or info.sack or info.ece:
            self._take_ack(now_ns, info)
        elif ack > sb.una:
            self._take_calm_ack(now_ns, ack)
        elif ack == sb.una and sb.head == len(sb.records):
            self._take_idle_ack()
        else:
            self._take_ack(now_ns, info)

    def _take_idle_ack(self) -> None:
        """Nothing of ours is in flight, and nothing is acknowledged: what the receiver of a transfer sees all the time.

        Does what `_take_ack` would do (the same test).
        """
        self.new_first = False
        self.acked_bytes = self.acked_segs = self.sacked_bytes = self.delivered_bytes = 0
        self.rtt_ns = -1

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
        self.delivered_segs += segs
        self.sacked_bytes = 0
        self.timeouts = 0
        if index < count and records[index].start < ack:
            records[index].start = ack
        if self.config.counts_segments:
            acked = segs * self.smss
        self.delivered_bytes = acked
        self.rtt_ns = -1
        rtt = self.rtt
        if segs:
            newest = records[index - 1]
            newest_rtt = now_ns - newest.sent_ns
            if self.rack is not None:
                rack = self.rack
                rack.xmit_ns = newest.sent_ns
                rack.order = newest.order
                rack.rtt_ns = newest_rtt
            if self.samples_all or ack >= self.sample_at:
                self.rtt_ns = sample = now_ns - records[first].sent_ns
                rtt.sample(sample, newest_rtt, ack, sb.nxt)
                self.sample_at = sb.nxt
                if self.cc.wants_rtt:
                    self._tell_cc_rtt(now_ns, newest_rtt, ack)
            sb.head = index
            sb.compact()
        if rtt.backoffs:
            rtt.on_new_ack()
        if acked:
            self.cc.on_ack(now_ns, acked, rtt.srtt_ns, self.cwnd_limited or self.is_cwnd_limited())
        if segs or not self.config.counts_segments:
            self.rearm(now_ns)

    def _take_ack(self, now_ns: int, info: AckInfo) -> None:
        """The whole procedure."""
        sb = self.sb
        una = sb.una
        ack = info.ack
        fack = sb.highest_sacked()
        had_out = sb.head < len(sb.records)
        lost_before = self.lost_total
        self.new_first = False
        echo_ns = info.ts_echo_ns + self.ts_tick_ns - 1 if info.ts_echo_ns >= 0 else -1
        sb.begin_ack(self.high_seq, now_ns - self.rtt.min_rtt_ns, echo_ns)
        if info.sack and self.sack_ok:
            self.take_sacks(info)
        self.sacked_bytes = sb.sack_new_bytes
        new_bytes = 0
        advanced = ack > una
        if advanced:
            new_bytes = sb.ack_to(ack)
            self.timeouts = 0
        self.acked_bytes = ack - una if advanced else 0
        self.acked_segs = sb.acked_segs
        self.delivered_segs += sb.sack_new_segs + sb.acked_new_segs
        not_duplicate = info.has_data or info.window_changed or advanced or ack < una
        self.is_duplicate = had_out and not not_duplicate
        sampled = self._take_rtt(now_ns, info, advanced)
        if self.rack is not None and sb.newest_ns >= 0:
            self.rack.on_delivered(sb.newest_ns, sb.newest_order, now_ns - sb.last_delivered_ns)
        if advanced and self.sack_ok and sb.acked_orig_start < fack:
            self.note_reordering(sb.acked_orig_start, fack)
        if self.config.counts_segments:
            self.delivered_bytes = (sb.sack_new_segs + sb.dsack_segs + sb.acked_new_segs) * self.smss
        else:
            self.delivered_bytes = sb.sack_new_bytes + new_bytes
        if not had_out:
            if self.dsack and self.undo_by_dsack():
                self.try_open(now_ns, info.ece)
            if self.probe_end >= 0:
                self._take_probe_ack(now_ns, info, advanced, not_duplicate)
            self._settle()
            return
        if self.probe_end >= 0:
            self._take_probe_ack(now_ns, info, advanced, not_duplicate)
        rearm = self.acked_segs > 0 or (advanced and not self.config.counts_segments)
        rearm = rearm or self._sack_counts_for_timer(sampled)
        dubious = not not_duplicate or info.ece or sb.sack_new_segs or self.dsack or self.phase != OPEN
        if dubious:
            duplicates = 1 if self.is_duplicate and not self.dsack else 0
            rearm = self._react(now_ns, info, una, advanced, duplicates) and rearm
        if rearm:
            self.rearm(now_ns)
        self._move_window(now_ns, advanced, self.lost_total > lost_before)
        self._settle()

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
        if sample < 0 and self.acked_segs and info.ts_echo_ns >= 0:
            sample = newest = max(now_ns - info.ts_echo_ns, self.ts_tick_ns)
        if sample < 0:
            if advanced and self.rtt.backoffs:
                self.rtt.on_new_ack()
            return False
        if not self.samples_all and info.ack < self.sample_at:
            return False
        self.rtt.sample(sample, newest, sb.una, sb.nxt)
        self.sample_at = sb.nxt
        self.rtt_ns = sample
        if self.cc.wants_rtt:
            self._tell_cc_rtt(now_ns, newest, sb.una)
        return True

    def _tell_cc_rtt(self, now_ns: int, rtt_ns: int, una: int) -> None:
        """A sample for a delay-aware congestion control, which may leave slow start for it."""
        cc = self.cc
        cc.on_rtt(now_ns, rtt_ns, una, self.sb.nxt)
        if cc.left_slow_start:
            self.reasons.append(why.HYSTART_TRAIN if cc.left_slow_start == "train" else why.HYSTART_DELAY)
            cc.left_slow_start = ""

    def _sack_counts_for_timer(self, sampled: bool) -> bool:
        """A SACK moves the timer only if it is about data sent before the head was (Linux)."""
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
        )

    # --- when something is, or was, wrong ----------------------------------------------------

    def _react(self, now_ns: int, info: AckInfo, una: int, advanced: bool, duplicates: int) -> bool:
        """Move between the phases. False if detection set the transmit timer itself."""
        sb = self.sb
        if info.ece:
            self.undo.prior_ssthresh = 0
        if sb.reneging and advanced:
            self._expect_reneging(now_ns)
            return False
        self.count_duplicates(advanced, duplicates)
        if self.phase == OPEN:
            self.undo.stamp_ns = -1
        elif sb.una >= self.high_seq and self._leave_phase(info):
            return True
        if self.phase == RECOVERY:
            if advanced and self.undo_partial(info, una):
                return True
            if self.dsack and self.undo_by_dsack():
                self.try_open(now_ns, info.ece)
            if self.inflating and self.phase == RECOVERY:
                self.inflate(advanced, duplicates)
        elif self.phase == LOSS:
            timer_free = self._react_in_loss(now_ns, info, advanced, duplicates)
            if self.phase == LOSS:
                return timer_free
        elif self.dsack and self.phase != CWR:
            self.undo_by_dsack()
        timer_free = self.detect(now_ns, advanced)
        if self.phase != RECOVERY:
            if sb.lost_out == 0:
                self.try_open(now_ns, info.ece)
            elif self.mtu_probe_start == sb.una and self.phase < CWR:
                self._take_probe_for_too_big()
            else:
                self.enter_recovery(now_ns, info.ece)
        return timer_free

    def _leave_phase(self, info: AckInfo) -> bool:
        """Move on, as snd.una reached the recovery point. True if nothing else is to be done with this ACK."""
        sb = self.sb
        if self.phase == CWR:
            # The CWR bit must reach the peer, so wait for an ACK above the point (RFC 3168 §6.1.2).
            if sb.una != self.high_seq:
                self.cc.cwnd = self.cc.ssthresh
                self.phase = OPEN
                self.reasons.append(why.CWR_ENDED)
        elif self.phase == RECOVERY:
            if self.recovered(info):
                return True
            self.end_reduction()
        return False

    def _react_in_loss(self, now_ns: int, info: AckInfo, advanced: bool, duplicates: int) -> bool:
        """After a timeout: spurious (F-RTO, timestamps, DSACK), recovered, or still repairing.

        Leaves LOSS if it is over, or if a copy was lost again: then recovery proper begins.
        """
        sb = self.sb
        at_end = sb.una >= self.high_seq
        if advanced and self.config.undo and self.may_undo(info):
            self.restore(unmark=True)
            if self.sack_ok or not at_end:
                self.frto = False
                self.phase = OPEN
            return True
        if self.frto and self.frto_step(info, advanced, duplicates, at_end):
            return True
        if at_end:
            self.recovered(info)
            return True
        copies = sb.retrans_out
        timer_free = self.detect(now_ns, advanced)
        if sb.retrans_out < copies and self.rack is not None:
            self.enter_recovery(now_ns, info.ece)
        return timer_free

    def _expect_reneging(self, now_ns: int) -> None:
        """The head is marked sacked, so the peer threw it away (RFC 2018 §8) — or sent its ACKs out of order.

        Give it half a round trip; then the timeout forgets the SACKs (Linux tcp_check_sack_reneging).
        """
        self.reasons.append(why.RENEGED)
        self.timer = TIMER_RTO
        self.timer_at_ns = now_ns + max(self.rtt.srtt_ns >> 1, _RENEG_DELAY_NS)

    def _move_window(self, now_ns: int, advanced: bool, newly_lost: bool) -> None:
        """PRR while a reduction is under way, else growth by what was acknowledged."""
        phase = self.phase
        if phase in (CWR, RECOVERY):
            if self.prr is not None:
                self.reduce(self.delivered_bytes, una_advanced=advanced, newly_lost=newly_lost)
            return
        if self.phase_before == RECOVERY and not self.config.counts_segments:
            return  # the ACK that ends recovery set the window; growth begins with the next
        forward = self.acked_segs > 0 if self.config.counts_segments else advanced
        if self.reordering_segs > self.config.dup_thresh:
            forward = forward or self.sb.sack_new_segs > 0
        if forward and self.delivered_bytes > 0:
            self.cc.on_ack(now_ns, self.delivered_bytes, self.rtt.srtt_ns, self.is_cwnd_limited())

    # --- timers ------------------------------------------------------------------------------

    def begin_timeout(self) -> None:
        """Clear the results of the last input."""
        self.phase_before = self.phase
        self.new_sent = False
        self.reasons.clear()
        self.acked_bytes = self.acked_segs = self.sacked_bytes = self.delivered_bytes = self.lost_segs = 0
        self.rtt_ns = -1
        self.is_duplicate = self.dsack = self.spurious = False

    def on_rto(self, now_ns: int, *, retry_ns: int = 0) -> None:
        """The retransmission timer expired (RFC 6298 §5.4-5.6): back off, take everything as lost.

        retry_ns: it is known that nothing can leave now; try again after this, without back-off (Linux).
        Then ask `next_resend` as always: the head comes first, and may go out at once.
        """
        self.begin_timeout()
        head = self.sb.first()
        if head is None:
            self.stop_timer()
            return
        if head.flags & SENT_SYN:
            self.syn_timeouts += 1
            self.sb.mark_all_lost()
            self.forced = True
            self.calm = False
            self.reasons.append(why.SYN_TIMEOUT)
        else:
            self.enter_loss(now_ns)
            self.reasons.append(why.TIMEOUT)
        self.timeouts += 1
        if retry_ns:
            self.timer = TIMER_RTO
            self.timer_at_ns = now_ns + retry_ns
            return
        self.rtt.back_off()
        self.restart_rto(now_ns)

    def on_reorder_timer(self, now_ns: int) -> None:
        """RFC 8985 §6.3: the reordering window passed."""
        self.begin_timeout()
        self.stop_timer()
        if self.rack is None:
            return
        self.calm = False
        lost_before = self.lost_total
        self.detect_by_time(now_ns)
        if self.lost_total > lost_before and self.phase != RECOVERY:
            self.reasons.append(why.REORDER_TIMEOUT)
            self.enter_recovery(now_ns, ece=False)
            if self.prr is not None:
                self.reduce(self.smss, una_advanced=False, newly_lost=True)
        if self.timer == TIMER_NONE:
            head = self.sb.first()
            if head is not None:
                self.timer = TIMER_RTO
                self.timer_at_ns = max(head.sent_ns + self.rtt.rto_ns, now_ns + 1)

    def on_probe_timer(self, now_ns: int, new_data_ready: bool) -> int:
        """RFC 8985 §7.3: two round trips of silence. Returns PROBE_*; what it asks for is then sent as always.

        new_data_ready: there is unsent data and the peer's window has room for it.
        """
        self.begin_timeout()
        sb = self.sb
        self.restart_rto(now_ns)
        if sb.head == len(sb.records):
            return PROBE_NOTHING
        if self.probe_end >= 0:
            # One probe at a time: the timeout runs since the head was sent (Linux: tcp_rearm_rto).
            self.timer_at_ns = max(sb.records[sb.head].sent_ns + self.rtt.rto_ns, now_ns + 1)
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
            self.begin_reduction(now_ns)
            self.cc.cwnd = self.cc.ssthresh
            self.reasons.append(why.PROBE_REPAIRED)
            self.keep_open()
        elif not advanced and not not_duplicate and not self.sb.sack_new_segs:
            self.probe_end = -1

    def forget_syn(self) -> None:
        """Our SYN is no segment of the queue any more: somebody else resends it."""
        sb = self.sb
        sb.records.clear()
        sb.head = 0
        sb.una = sb.nxt
        self.stop_timer()

    def on_syn_crossed(self, now_ns: int) -> None:
        """Our SYN went again with an ACK, not because it was lost: the round trip counts from here (Linux)."""
        head = self.sb.first()
        if head is not None:
            head.sent_ns = head.first_sent_ns = now_ns
        self.delivered_segs += 1

    def syn_ack_delivered(self, rtt_ns: int) -> None:
        """The SYN that was forgotten is acknowledged; `rtt_ns` -1: it was sent twice (Karn)."""
        self.delivered_segs += 1
        if rtt_ns >= 0:
            self.rtt.sample(rtt_ns, rtt_ns, self.sb.una, self.sb.nxt)

    def on_syn_data_refused(self) -> None:
        """Fast Open's data was not taken with the SYN: all that is in flight goes again (RFC 7413 §4.2.1).

        Not a sign of congestion: the window stays, as Linux's tcp_non_congestion_loss_retransmit.
        """
        sb = self.sb
        for record in sb.records[sb.head :]:
            sb.mark_lost(record)
        self.calm = False
        self.forced = True
        self.undo.forget()
        self.undo.prior_ssthresh = 0
        self.cc.ssthresh = self.current_ssthresh()
        self.phase = LOSS
        self.high_seq = sb.nxt

    # --- path MTU ------------------------------------------------------------------------------

    def on_mtu_reduced(self, now_ns: int, smss: int) -> None:
        """Segments larger than `smss` cannot reach the peer: resend them in smaller pieces.

        RFC 1191 §6.4, RFC 8201: not a sign of congestion, so the window stays.
        """
        self.begin_timeout()
        self.mtu_probe_resent = False
        self.set_smss(smss)
        self._resend_smaller()

    def _take_probe_for_too_big(self) -> None:
        """RFC 4821 §7.6.2: the loss of a path MTU probe says that it was too large, and nothing about congestion."""
        self.mtu_probe_start = -1
        self.mtu_probe_lost = self.mtu_probe_resent = True
        self.cc.cwnd += self.smss
        self._resend_smaller()

    def _resend_smaller(self) -> None:
        """What is larger than a segment may be is lost, and goes again in pieces (tcp_simple_retransmit)."""
        sb = self.sb
        smss = self.smss
        index = sb.head
        while index < len(sb.records):
            record = sb.records[index]
            if self.offload and sb.is_offloaded(record) and not record.flags & SENT_JOINED:
                sb.join_offloaded(record, smss)
            if record.end - record.start > smss and not record.sacked:
                if not record.lost and sb.mark_lost(record):
                    self.lost_segs += 1
                if record.retrans_out:
                    sb.mark_lost(record)
                right = sb.split(record, record.start + smss)
                if self.offload:
                    right.flags |= SENT_JOINED
            index += 1
        if sb.lost_out:
            self.calm = False
            self.forced = self.forced or (self.phase != LOSS and not self.config.counts_segments)
            self.undo.forget()
            self.undo.prior_ssthresh = 0
            if self.phase != LOSS:
                self.cc.ssthresh = self.current_ssthresh()
                self.phase = LOSS
                self.high_seq = sb.nxt
            self.reasons.append(why.MTU_REDUCED)
