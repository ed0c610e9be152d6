"""The phases of loss recovery: how each begins, how it ends, and how it is taken back.

    open ──dup ACK, SACK──> disorder ──loss judged──> recovery ──all acknowledged──> open
      └──ECE──> cwr             └──RTO──> loss <──RTO──┘ (from anywhere)

`Phases` sits between `Flight` (what goes out) and `Detection` (what is missing).
"""

from __future__ import annotations

from netsim.base.reasons import Reason
from netsim.tcp.congestion.base import CongestionControl
from netsim.tcp.recovery import reasons as why
from netsim.tcp.recovery.base import CWR, DISORDER, LOSS, OPEN, RECOVERY, AckInfo, RecoveryConfig
from netsim.tcp.recovery.flight import Flight


class Phases(Flight):
    """Entry, exit and undo of each phase, and the window in each.

    Results of the last `on_ack` (or timeout), for the sender to read:
    acked_bytes, acked_segs: newly acknowledged cumulatively
    sacked_bytes:    newly reported by SACK
    delivered_bytes: both, without counting anything twice
    delivered_segs:  all segments that were ever delivered (Linux: tp->delivered)
    lost_segs:       newly judged lost
    rtt_ns:          the RTT sample taken, -1 if none
    is_duplicate:    it was a duplicate ACK
    dsack:           it carried a DSACK
    spurious:        it proved a reduction wrong, which was taken back
    phase_before:    the phase before it; differs from `phase` if it changed
    reasons:         what happened beyond the ordinary, in order
    """

    __slots__ = (
        "acked_bytes", "acked_segs", "delivered_bytes", "delivered_segs", "dsack", "frto", "is_duplicate", "lost_segs",
        "lost_total", "new_first", "new_sent", "phase_before", "reasons", "reordering_segs", "rtt_ns", "sacked_bytes",
        "spurious",
    )  # fmt: skip

    def __init__(self, config: RecoveryConfig, cc: CongestionControl, smss: int) -> None:
        super().__init__(config, cc, smss)
        self.acked_bytes = 0
        self.acked_segs = 0
        self.sacked_bytes = 0
        self.delivered_bytes = 0
        self.delivered_segs = 0
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
        self.new_sent = False
        """F-RTO sent new data on this ACK: nothing is resent before the next."""
        self.lost_total = 0
        self.reordering_segs = config.dup_thresh
        """How many segments the network is known to reorder by, at least DupThresh."""

    # --- open, disorder, cwr ---------------------------------------------------------------

    def try_open(self, now_ns: int, ece: bool) -> None:
        """No loss is judged: open or disorder, or a reduction for ECN."""
        if not self.sb.any_retransmitted():
            self.undo.stamp_ns = -1
        if ece and self.phase < CWR:
            self.enter_cwr(now_ns)
        if self.phase != CWR:
            self.keep_open()

    def keep_open(self) -> None:
        """Open, unless something is still sacked or resent."""
        sb = self.sb
        trouble = bool(sb.sacked_out or sb.lost_out or self.virtual_sacked) or sb.any_retransmitted()
        phase = DISORDER if trouble else OPEN
        if phase != self.phase:
            self.phase = phase
            if self.sack_ok or self.config.counts_segments:
                # RFC 6582's `recover` must survive, else old duplicates begin a new recovery.
                self.high_seq = sb.nxt

    def enter_cwr_for_local_drop(self, now_ns: int) -> None:
        """Our own device dropped a packet: reduce once in this round trip (Linux: tcp_enter_cwr)."""
        if self.phase < CWR:
            self.enter_cwr(now_ns, why.LOCAL_CONGESTION)
            self.calm = False

    def enter_cwr(self, now_ns: int, reason: Reason = why.ECN_ECHO) -> None:
        """RFC 3168 §6.1.2: one reduction a round trip; CWR on the next new segment."""
        self.undo.forget()
        self.undo.prior_ssthresh = 0
        self.begin_reduction(now_ns)
        if self.prr is None:
            self.cc.cwnd = self.cc.ssthresh
        self.phase = CWR
        self.cwr_pending = True
        self.reasons.append(reason)

    # --- recovery ----------------------------------------------------------------------------

    def enter_recovery(self, now_ns: int, ece: bool) -> None:
        """RFC 5681 §3.2 step 2, RFC 6582 §3.2 step 2, RFC 6675 §5 step 4."""
        sb = self.sb
        if not self.sack_ok and not self.config.counts_segments and sb.una <= self.high_seq:
            # RFC 6582: the cumulative ACK must cover more than the last recovery point.
            sb.unmark_lost()
            self.reasons.append(why.BELOW_RECOVER)
            return
        if not sb.any_retransmitted():
            self.undo.stamp_ns = -1
        self.undo.prior_ssthresh = 0
        self.start_undo()
        if self.phase != CWR:
            if not ece:
                self.undo.prior_ssthresh = self.current_ssthresh()
            self.begin_reduction(now_ns)
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

    def begin_reduction(self, now_ns: int) -> None:
        """Bring ssthresh down; the window follows (at once, or by PRR)."""
        sb = self.sb
        self.high_seq = sb.nxt
        self.probe_end = -1
        self.undo.prior_cwnd = self.cc.cwnd
        flight = sb.nxt - sb.una
        self.cc.on_congestion(now_ns, self.flight_size())
        if self.prr is not None:
            if self.config.counts_segments:
                self.prr.start(self.undo.prior_cwnd)
            else:
                # RFC 9937 §6: what was delivered before does not count, what this ACK delivers does.
                self.prr.start(flight - sb.sacked_bytes + sb.sack_new_bytes + self.acked_bytes)
        if self.ecn:
            self.cwr_pending = True

    def flight_size(self) -> int:
        """RFC 5681 §2, without what limited transmit added (§3.2 step 2)."""
        flight = self.sb.nxt - self.sb.una
        return flight - self.limited_bytes if flight > self.limited_bytes else flight

    def recovered(self, info: AckInfo) -> bool:
        """Everything up to the recovery point is acknowledged. True: hold the phase, and do nothing else.

        Undo the reduction if it was needless. Where segments are counted and SACK is off, wait for an
        ACK above the point, lest old duplicates start it again (RFC 6582 §3.2; in the RFC's own
        arithmetic `enter_recovery` checks that instead).
        """
        if self.config.undo and self.may_undo(info):
            self.restore(unmark=False)
        elif self.rack is not None:
            self.rack.on_recovery_ended()
        sb = self.sb
        if not self.sack_ok and sb.una == self.high_seq and self.config.counts_segments:
            if not sb.any_retransmitted():
                self.undo.stamp_ns = -1
            return True
        self.reasons.append(why.FULL_ACK if self.phase == RECOVERY else why.TIMEOUT_RECOVERED)
        self.phase = OPEN
        return False

    def end_reduction(self) -> None:
        """The window where the reduction meant it to be, unless it was undone."""
        cc = self.cc
        if self.inflating:
            flight = max(self.sb.nxt - self.sb.una, self.smss)
            cc.cwnd = min(cc.ssthresh, flight + self.smss)
        elif self.undo.marker >= 0 or not self.config.undo:
            cc.cwnd = cc.ssthresh

    def inflate(self, advanced: bool, duplicates: int) -> None:
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

    # --- loss --------------------------------------------------------------------------------

    def enter_loss(self, now_ns: int) -> None:
        """RFC 5681 §3.1: ssthresh once per window of losses, cwnd to one segment, go back to snd.una."""
        sb = self.sb
        config = self.config
        new_episode = self.phase < RECOVERY
        repeated = self.timeouts > 0
        lost_before = sb.lost_out
        flight = self.flight_size()
        copies = sb.retrans_out
        self._mark_all_lost(now_ns)
        self.lost_segs += sb.lost_out - lost_before
        self.lost_total += sb.lost_out - lost_before
        fresh = self.phase <= DISORDER or sb.una >= self.high_seq or not config.counts_segments
        if (fresh and not repeated) or self.phase <= DISORDER or (self.phase == LOSS and not repeated):
            self.undo.prior_ssthresh = self.current_ssthresh()
            self.undo.prior_cwnd = self.cc.cwnd
            self.cc.on_rto(now_ns, flight)
            self.start_undo(copies)
        self.cc.on_loss_state()
        self.cc.cwnd = (self.in_flight_segs() + 1) * self.smss if config.counts_segments else self.smss
        if self.phase <= DISORDER and sb.sacked_out >= config.dup_thresh:
            # So many SACKs and still a timeout: the degree of reordering was overestimated (Linux).
            self.reordering_segs = min(self.reordering_segs, config.dup_thresh)
        self.frto = config.frto and (new_episode or repeated)
        self.new_first = False
        self.mtu_probe_resent = False
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

    def _mark_all_lost(self, now_ns: int) -> None:
        """Everything not sacked is lost; RACK spares what was sent too recently (RFC 8985 §6.3)."""
        sb = self.sb
        head = sb.first()
        reneged = head is not None and head.sacked
        if reneged:
            sb.clear_sacked()
            self.reasons.append(why.RENEGED)
        self.virtual_sacked = 0
        if self.sack_detector is not None:
            self.sack_detector.forget()
        if self.rack is not None and not reneged:
            sb.mark_all_lost(keep_after_ns=now_ns - self.rack.rtt_ns)
        else:
            sb.mark_all_lost()

    def frto_step(self, info: AckInfo, advanced: bool, duplicates: int, at_end: bool) -> bool:
        """RFC 5682 §2.1, §3.1. True if this ACK is dealt with."""
        sb = self.sb
        if sb.orig_seen and (self.sack_ok or not sb.acked_retrans):
            # Step 3b: data that was never resent was delivered, so not everything was lost.
            self.reasons.append(why.SPURIOUS_FRTO)
            self.restore(unmark=True)
            self.frto = False
            self.phase = OPEN
            return True
        if sb.nxt > self.high_seq:
            if sb.sack_new_segs or duplicates:
                self.frto = False
                self.reasons.append(why.FRTO_REAL)
        elif advanced and not at_end:
            # Step 2b: send new data first, and see what its ACKs say.
            self.high_seq = sb.nxt
            if info.new_data_ready and info.window_end > sb.nxt:
                self.new_first = True
                return True
            self.frto = False
        return False

    # --- undo --------------------------------------------------------------------------------

    def start_undo(self, copies: int = -1) -> None:
        """Remember what would prove the reduction wrong; `copies` in flight may cause DSACKs later."""
        count = self.sb.retrans_out if copies < 0 else copies
        if self.probe_end >= 0 and self.probe_resent:
            count += 1
        self.undo.start(self.sb.una, count)

    def may_undo(self, info: AckInfo) -> bool:
        """Is there proof? Adds its reason."""
        undo = self.undo
        if undo.by_dsack():
            self.reasons.append(why.SPURIOUS_DSACK)
            return True
        if undo.by_timestamp(info.ts_echo_ns, self.ts_tick_ns):
            self.reasons.append(why.SPURIOUS_TIMESTAMP)
            return True
        return False

    def restore(self, *, unmark: bool) -> None:
        """Take the reduction back; with `unmark` the judgements of loss as well."""
        undo = self.undo
        if unmark:
            self.sb.unmark_lost()
        if undo.prior_ssthresh:
            if undo.prior_ssthresh > self.cc.ssthresh:
                self.cwr_pending = False
            self.cc.on_undo(undo.prior_cwnd, undo.prior_ssthresh)
        undo.forget()
        self.forced = False
        self.spurious = True
        if self.rack is not None:
            self.rack.rescan()
        if self.sack_detector is not None:
            self.sack_detector.forget()

    def undo_by_dsack(self) -> bool:
        """Every resent segment was reported as a duplicate."""
        if not self.config.undo or not self.undo.by_dsack():
            return False
        self.reasons.append(why.SPURIOUS_DSACK)
        if self.rack is not None:
            self.rack.on_dsack_undo()
        self.restore(unmark=False)
        return True

    def undo_partial(self, info: AckInfo, una_before: int) -> bool:
        """A partial ACK that answers an original: the hole was reordering. True: only clock out new data."""
        if not self.config.undo or not self.undo.by_timestamp(info.ts_echo_ns, self.ts_tick_ns):
            return False
        self.note_reordering(una_before, self.sb.highest_sacked())
        if self.sb.retrans_out:
            return True
        self.reasons.append(why.SPURIOUS_TIMESTAMP)
        self.restore(unmark=True)
        self.keep_open()
        return False

    def note_reordering(self, start: int, fack: int) -> None:
        """Something sent once, at `start`, was delivered after what was sent later, up to `fack`."""
        if start >= fack:
            return
        segs = (fack - start + self.smss - 1) // self.smss
        if segs > self.reordering_segs:
            self.reordering_segs = min(segs, self.config.reorder_ceiling_segs)
        if self.rack is not None:
            self.rack.reordering_seen += 1
        self.reasons.append(why.REORDERING_SEEN)

    # --- the window ----------------------------------------------------------------------------

    def reduce(self, delivered: int, *, una_advanced: bool, newly_lost: bool) -> None:
        """PRR: the window after an ACK that delivered `delivered` bytes."""
        assert self.prr is not None
        pipe = self.in_flight_segs() * self.smss if self.config.counts_segments else self.pipe_bytes()
        cwnd = self.prr.on_ack(delivered, pipe, self.cc.ssthresh, self.smss, una_advanced, newly_lost)
        if cwnd >= 0 and cwnd != self.cc.cwnd:
            self.cc.cwnd = cwnd
            self.reasons.append(why.REDUCED)
