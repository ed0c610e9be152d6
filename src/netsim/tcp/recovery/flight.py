"""The sending half of loss recovery: what goes out, how much may, and the transmit timer.

`Flight` holds the state; `LossRecovery` (machine.py) adds what ACKs and timeouts do to it.
"""

from __future__ import annotations

from netsim.tcp.congestion.base import CongestionControl, initial_window_bytes
from netsim.tcp.recovery.base import (
    CWR,
    LOSS,
    OPEN,
    PHASE_NAMES,
    RECOVERY,
    TIMER_NAMES,
    TIMER_NONE,
    TIMER_PROBE,
    TIMER_REORDER,
    TIMER_RTO,
    RecoveryConfig,
)
from netsim.tcp.recovery.prr import Prr
from netsim.tcp.recovery.rack import Rack
from netsim.tcp.recovery.sack import SackDetector
from netsim.tcp.recovery.scoreboard import SENT_FIN, SENT_JOINED, SENT_PROBE, SENT_SYN, Scoreboard, Sent
from netsim.tcp.recovery.undo import Undo
from netsim.tcp.rtt import make_rtt_estimator


class Flight:
    """What is in flight, and the rules for adding to it.

    sb:         the scoreboard
    rtt:        the RTO estimator
    cc:         the congestion control (cwnd, ssthresh)
    smss:       bytes
    phase:      OPEN .. LOSS (recovery.base); `high_seq` its recovery point (snd.nxt when it began)
    timer, timer_at_ns: the one transmit timer (TIMER_*), its deadline
    cwr_pending: the next segment with new data shall carry CWR (RFC 3168); the sender clears it
    total_retrans: segments sent again so far
    """

    __slots__ = (
        "calm", "cc", "config", "cwnd_limited", "cwr_pending", "duplicates", "ecn", "forced", "high_seq", "inflating",
        "last_sent_ns", "limited_bytes", "max_out_segs", "mtu_probe_lost", "mtu_probe_resent", "mtu_probe_start",
        "offload", "phase", "probe_end", "probe_resent", "probing", "prr", "rack", "resent_high", "rtt",
        "sack_detector", "sack_ok", "sample_at", "samples_all", "sb", "smss", "syn_timeouts", "timeouts", "timer",
        "timer_at_ns", "tlp", "total_retrans", "ts_tick_ns", "undo", "usage_end", "virtual_sacked",
    )  # fmt: skip

    def __init__(self, config: RecoveryConfig, cc: CongestionControl, smss: int) -> None:
        self.config = config
        self.cc = cc
        self.smss = smss
        self.sb = Scoreboard()
        self.sb.samples_lost = config.samples_lost
        self.rtt = make_rtt_estimator(config.rtt)
        self.undo = Undo()
        self.prr = Prr(config.prr) if config.prr else None
        self.rack: Rack | None = None
        self.sack_detector: SackDetector | None = None
        self.tlp = False
        """Tail loss probes are in use: RACK, with SACK negotiated."""
        self.sack_ok = False
        self.ecn = False
        self.ts_tick_ns = 1
        self.phase = OPEN
        self.high_seq = 0
        self.inflating = not config.prr
        """RFC 6582's window inflation: no SACK and no PRR."""
        self.duplicates = 0
        """Duplicate ACKs since snd.una last moved."""
        self.virtual_sacked = 0
        """Without SACK: segments that duplicate ACKs say have left the network."""
        self.limited_bytes = 0
        """Sent by limited transmit since snd.una last moved: not part of FlightSize (RFC 5681 §3.2 step 2)."""
        self.forced = False
        """The next resend may go out whatever the window says."""
        self.calm = False
        """No mark on any record, no episode under way: the short path of `on_ack` is enough."""
        self.timer = TIMER_NONE
        self.timer_at_ns = -1
        self.probe_end = -1
        """RFC 8985 §7: snd.nxt when the probe was sent (TLP.end_seq); -1 = none outstanding."""
        self.probe_resent = False
        self.probing = False
        self.sample_at = 0
        self.samples_all = config.sample_every_ack
        """Every ACK gives a round-trip sample."""
        self.resent_high = 0
        self.syn_timeouts = 0
        self.timeouts = 0
        """Retransmission timeouts since snd.una last moved."""
        self.total_retrans = 0
        self.last_sent_ns = -1
        self.cwnd_limited = False
        self.max_out_segs = 0
        self.usage_end = 0
        self.cwr_pending = False
        self.offload = False
        """Several records may leave in one segment for the network interface."""
        self.mtu_probe_start = -1
        """Offset of an outstanding path MTU probe (RFC 4821); -1: none."""
        self.mtu_probe_resent = False
        """What is resent in the phase LOSS is what a lost probe carried, found missing as any loss is."""
        self.mtu_probe_lost = False
        """The probe alone was lost: the sender takes note."""

    # --- the handshake -----------------------------------------------------------------

    def on_established(self, now_ns: int, smss: int, *, sack_ok: bool, ecn: bool = False, ts_tick_ns: int = 1) -> None:
        """Options are negotiated: choose the detector, set the initial window.

        smss: effective; ts_tick_ns: the tick of our timestamp clock (precision of `AckInfo.ts_echo_ns`).
        Call it when the state becomes ESTABLISHED, after `on_ack` took the SYN's acknowledgement.
        """
        config = self.config
        self.set_smss(smss)
        self.sack_ok = sack_ok
        self.ecn = ecn
        self.ts_tick_ns = ts_tick_ns
        self.samples_all = config.sample_every_ack or ts_tick_ns > 1
        self.inflating = not sack_ok and not config.prr
        if sack_ok and config.sack_detector == "rack":
            self.rack = Rack()
            self.tlp = config.tail_loss_probe
        elif sack_ok:
            self.sack_detector = SackDetector()
        self.cc.cwnd = self.initial_window()
        if self.syn_timeouts > (1 if config.counts_segments else 0):
            # RFC 5681 §3.1; Linux only from the second timeout on (tcp_init_transfer).
            self.cc.cwnd = smss
        self.rtt.on_established(self.syn_timeouts > 0)
        self.phase = OPEN
        self.calm = not self.sb.any_retransmitted()

    def initial_window(self) -> int:
        """RFC 6928 or as configured; where segments are counted, that many segments of any size (Linux)."""
        segs = self.config.initial_window_segs
        if segs and self.config.counts_segments:
            return segs * self.smss
        return initial_window_bytes(self.smss, segs)

    def set_smss(self, smss: int) -> None:
        """The effective segment size changed."""
        if smss != self.smss:
            self.smss = smss
        self.cc.set_smss(smss)

    # --- sending -----------------------------------------------------------------------

    def before_new_data(self, now_ns: int) -> bool:
        """Data is about to be sent; True if the window was restarted because of idleness (RFC 5681 §4.1).

        Call it when the application hands over data. Cheap when something is in flight.
        """
        if self.last_sent_ns < 0 or self.sb.packets_out():
            return False
        idle = now_ns - self.last_sent_ns
        config = self.config
        if not config.idle_restart or idle <= self.rtt.rto_ns:
            return False
        cc = self.cc
        before = cc.cwnd
        restart = self.initial_window()
        if restart > before:
            restart = before
        if config.idle_halving:
            cc.ssthresh = self.current_ssthresh()
            cwnd = before
            idle -= self.rtt.rto_ns
            while idle > 0 and cwnd > restart:
                cwnd = cwnd // self.smss // 2 * self.smss if config.counts_segments else cwnd // 2
                idle -= self.rtt.rto_ns
            cc.cwnd = cwnd if cwnd > restart else restart
        else:
            cc.cwnd = restart
        self.cwnd_limited = False
        return cc.cwnd != before

    def current_ssthresh(self) -> int:
        """What to come back to: ssthresh, or 3/4 of cwnd if that is more (Linux tcp_current_ssthresh)."""
        if self.phase == CWR or self.phase == RECOVERY:
            return self.cc.ssthresh
        return max(self.cc.ssthresh, self.three_quarters())

    def three_quarters(self) -> int:
        """3/4 of cwnd, in whole segments where those are counted."""
        if self.config.counts_segments:
            segs = self.cc.cwnd // self.smss
            return ((segs >> 1) + (segs >> 2)) * self.smss
        return self.cc.cwnd // 4 * 3

    def on_transmit(self, now_ns: int, start: int, end: int, flags: int = 0, size: int = 0) -> None:
        """New sequence space [start, end) goes out. Longer than smss = one record per smss.

        size: what a segment holds at the moment, where SACK blocks leave less than smss
        """
        sb = self.sb
        if sb.head == len(sb.records) and self.last_sent_ns >= 0:
            self.cc.on_idle(now_ns, now_ns - self.last_sent_ns)
        smss = size or self.smss
        if end - start > smss + (1 if flags & SENT_FIN else 0):
            tail_flags = flags
            flags &= ~14  # PUSH, FIN and EOR belong to the last part
            while end - start > smss and not tail_flags & SENT_PROBE:
                sb.append(start, start + smss, now_ns, flags)
                start += smss
                flags = (flags & ~SENT_SYN) | SENT_JOINED
            flags |= tail_flags & 14
        sb.append(start, end, now_ns, flags)
        self.last_sent_ns = now_ns
        if self.phase != OPEN:
            self._on_transmit_in_trouble(end - start)
        if self.tlp:
            self._restart_after_send(now_ns)
        elif self.timer == TIMER_NONE:
            self.restart_rto(now_ns)
        if self.probing:
            self.probing = False
            self.probe_end = end
            self.probe_resent = False
            self.calm = False
            self.restart_rto(now_ns)

    def _on_transmit_in_trouble(self, size: int) -> None:
        if self.prr is not None and self.phase != LOSS:
            self.prr.out += self.smss if self.config.counts_segments else size
        if self.phase < RECOVERY and self.duplicates:
            self.limited_bytes += size

    def on_retransmit(self, now_ns: int, record: Sent) -> None:
        """`record` goes out again."""
        sb = self.sb
        sb.resent(record, now_ns, as_probe=self.probing)
        self.calm = False
        self.forced = False
        self.total_retrans += 1
        self.last_sent_ns = now_ns
        if record.end > self.resent_high:
            self.resent_high = record.end
        if self.rack is not None:
            self.rack.on_resent(record)
        if self.probing:
            self.probing = False
            self.probe_end = sb.nxt
            self.probe_resent = True
            self.restart_rto(now_ns)
            return
        self.undo.on_retransmit(now_ns)
        if self.prr is not None and self.phase != LOSS:
            self.prr.out += self.smss if self.config.counts_segments else record.end - record.start
        if self.sack_detector is not None and self.phase == RECOVERY:
            self.sack_detector.on_retransmit(sb, record, self.high_seq)
        if self.timer == TIMER_NONE or (record is sb.records[sb.head] and self.timer != TIMER_REORDER):
            self.restart_rto(now_ns)

    def after_sending(self, now_ns: int, sent_something: bool) -> None:
        """The sender drained what it could. Records whether cwnd was what held it (RFC 9438 §5.8).

        Call it once after each round of `poll_transmit`s that sent new data, or that stopped at cwnd.
        """
        segs = self.in_flight_segs()
        limited = segs * self.smss >= self.cc.cwnd if self.config.counts_segments else self._bytes_limited()
        if not sent_something and not limited:
            return
        sb = self.sb
        out = len(sb.records) - sb.head
        if sb.una >= self.usage_end or limited or (not self.cwnd_limited and out > self.max_out_segs):
            self.cwnd_limited = limited
            self.max_out_segs = out
            self.usage_end = sb.nxt

    def _bytes_limited(self) -> bool:
        return self.pipe_bytes() + self.smss > self.cc.cwnd

    def is_cwnd_limited(self) -> bool:
        """The window was used: it may grow. In slow start half of it suffices."""
        if self.cwnd_limited or not self.config.cwnd_validation:
            return True
        cc = self.cc
        return cc.cwnd < cc.ssthresh and cc.cwnd < 2 * self.max_out_segs * self.smss

    # --- how much ----------------------------------------------------------------------

    def in_flight_segs(self) -> int:
        """Segments believed to be in the network."""
        return self.sb.in_flight_segs() - self.virtual_sacked

    def pipe_bytes(self) -> int:
        """What counts against cwnd (RFC 6675 pipe; FlightSize where RFC 6582 inflates the window)."""
        sb = self.sb
        if self.inflating:
            if self.phase == RECOVERY:
                return sb.nxt - sb.una
            spared = self.virtual_sacked if self.config.limited_transmit else 0
            return sb.pipe_bytes() - (2 if spared > 2 else spared) * self.smss
        pipe = sb.pipe_bytes() - self.virtual_sacked * self.smss
        return pipe if pipe > 0 else 0

    def window_left(self) -> int:
        """What cwnd leaves over the pipe (bytes; whole segments times smss where those are counted); may be < 0."""
        if self.config.counts_segments:
            smss = self.smss
            return (self.cc.cwnd // smss - self.in_flight_segs()) * smss
        return self.cc.cwnd - self.pipe_bytes()

    def may_send_bytes(self, now_ns: int = 0) -> int:
        """How many bytes of new data may go out now as far as congestion goes (0: none).

        Where segments are counted, each segment sent uses up a whole smss, so ask again after each.
        """
        if self.config.counts_segments:
            smss = self.smss
            sb = self.sb
            left = self.cc.cwnd // smss - (
                len(sb.records) - sb.head - sb.sacked_out - sb.lost_out + sb.retrans_out - self.virtual_sacked
            )
            return left * smss if left > 0 else 0
        left = self.cc.cwnd - self.pipe_bytes()
        return left if left > 0 else 0

    def may_resend(self) -> bool:
        """There is a point in asking `next_resend`: something is lost, or RFC 6675's recovery goes on."""
        return self.sb.lost_out > 0 or self.phase == RECOVERY

    def next_resend(self, now_ns: int = 0, new_data_ready: bool = False) -> Sent | None:
        """The record to send again now, or None: nothing is lost, or the window does not allow it.

        Ask before sending new data, and again after each resend. With `new_data_ready` False also
        RFC 6675's NextSeg rules (3) and (4) apply.
        """
        sb = self.sb
        if sb.lost_out == 0:
            if self.sack_detector is None or self.phase != RECOVERY or new_data_ready:
                return None
            record = self.sack_detector.next_without_new_data(sb, self.high_seq)
        else:
            record = sb.next_lost_to_resend()
            if record is None and not new_data_ready and self.sack_detector is not None and self.phase == RECOVERY:
                record = self.sack_detector.next_without_new_data(sb, self.high_seq)
        if record is None:
            return None
        if self.forced or self.window_left() >= (
            self.smss if self.config.counts_segments else min(record.end - record.start, self.smss)
        ):
            return record
        return None

    # --- the transmit timer --------------------------------------------------------------

    def deadline(self) -> int:
        """When the transmit timer fires (ns), -1 if it is off. `timer` says which it is."""
        return self.timer_at_ns

    def timer_name(self) -> str:
        """For events: "", "retransmission", "tail-loss-probe" or "reordering"."""
        return TIMER_NAMES[self.timer]

    def stop_timer(self) -> None:
        """Nothing is outstanding, or the sender takes over (zero-window probes)."""
        self.timer = TIMER_NONE
        self.timer_at_ns = -1

    def restart_rto(self, now_ns: int) -> None:
        """RFC 6298 §5.1-5.3: run the retransmission timer for a full RTO from now."""
        self.timer = TIMER_RTO
        self.timer_at_ns = now_ns + self.rtt.rto_ns

    def rearm(self, now_ns: int) -> None:
        """After progress: the probe timer if it applies, else the retransmission timer, else off."""
        sb = self.sb
        if sb.head == len(sb.records):
            self.timer = TIMER_NONE
            self.timer_at_ns = -1
        elif not self.tlp or not self._arm_probe(now_ns, now_ns + self.rtt.rto_ns):
            self.timer = TIMER_RTO
            self.timer_at_ns = now_ns + self.rtt.rto_ns

    def _restart_after_send(self, now_ns: int) -> None:
        """New data went out: the probe timer starts anew, if it applies (RFC 8985 §7.2); else the RTO runs."""
        sb = self.sb
        if self._arm_probe(now_ns, sb.records[sb.head].sent_ns + self.rtt.rto_ns):
            return
        if self.timer == TIMER_NONE:
            self.restart_rto(now_ns)

    def _arm_probe(self, now_ns: int, rto_at_ns: int) -> bool:
        """RFC 8985 §7.2: 2 * SRTT after the last send or ACK, not later than the RTO."""
        if self.phase != OPEN and self.phase != CWR:
            return False
        rtt = self.rtt
        if rtt.srtt_ns:
            timeout = rtt.srtt_ns << 1
            if len(self.sb.records) - self.sb.head == 1:
                timeout += self.config.max_ack_delay_ns
            else:
                timeout += self.config.timer_slack_ns
        else:
            timeout = self.config.rtt.initial_ns
        at = now_ns + timeout
        if now_ns < rto_at_ns < at:
            at = rto_at_ns
        self.timer = TIMER_PROBE
        self.timer_at_ns = at
        return True

    # --- looks -------------------------------------------------------------------------

    def phase_name(self) -> str:
        """For events: "slow-start" or "avoidance" where nothing is wrong, else the phase."""
        if self.phase == OPEN:
            return "slow-start" if self.cc.cwnd < self.cc.ssthresh else "avoidance"
        return PHASE_NAMES[self.phase]
