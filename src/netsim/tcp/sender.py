"""The sending half: the handshake's SYN, the peer's ACKs, and the order in which segments leave.

Three questions, three owners: congestion control says how much (`congestion/`), loss recovery
says what is missing (`recovery/`), and the sender says *when*. It is made of layers:
`sendqueue` (variables, the user's side), `newdata` (what leaves first time), `resending`
(what leaves again), `departing` (pacing), and this one, which listens to the peer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.base.packet import ECE, FIN, SYN, Segment
from netsim.base.seqnum import seq_add, seq_diff, seq_le, seq_lt
from netsim.tcp import chrono, pathmtu
from netsim.tcp import reasons as why
from netsim.tcp.departing import Departing
from netsim.tcp.recovery.base import (
    NO_BLOCKS,
)
from netsim.tcp.recovery.reasons import INITIAL_WINDOW, INITIAL_WINDOW_AFTER_LOSS
from netsim.tcp.recovery.scoreboard import SENT_PUSH, SENT_SYN
from netsim.tcp.sendqueue import NOT_QUEUED
from netsim.tcp.timers import KEEPALIVE, OVERRIDE, PERSIST, USER

if TYPE_CHECKING:
    from netsim.tcp.endpoint import Endpoint


class Sender(Departing):
    """SND.* and what belongs to it."""

    __slots__ = ()

    def start(self, ep: Endpoint, now_ns: int) -> None:
        """A connection begins (again, if it went back to LISTEN): the SYN takes the first number."""
        self.recovery = self._make_recovery(self.segment_bytes(ep))
        self.una = 0
        self.nxt = 1
        self.recovery.on_transmit(now_ns, 0, 1, SENT_SYN)

    def established(self, ep: Endpoint, now_ns: int) -> None:
        """The handshake is done: options and segment size are known."""
        neg = ep.neg
        if self.profile.mtu_probing != "off":
            pathmtu.start_search(ep, now_ns)
        elif self.profile.mss_within_half_window:
            pathmtu.sync_mss(ep, ep.mtu)
        self.recovery.on_established(
            now_ns,
            self.segment_bytes(ep),
            sack_ok=neg.sack,
            ecn=neg.ecn,
            ts_tick_ns=self.profile.ts_tick_ns if neg.timestamps else 1,
        )
        self.timeouts = 0
        if self.profile.buffer_counts_memory and not self.options.snd_buffer:
            self.expand_buffer(ep)
        if self.gate is not None:
            self.gate.update_rate(self.profile, self.recovery)
        if ep.recording:
            cc = self.recovery.cc
            after_loss = cc.cwnd < self.recovery.initial_window()
            ep.congestion_changed(
                now_ns, cc.cwnd, cc.ssthresh, self.phase(), INITIAL_WINDOW_AFTER_LOSS if after_loss else INITIAL_WINDOW
            )
        if ep.options.keep_alive or ep.profile.keep_alive_always:
            idle = ep.options.keep_idle_ns or ep.profile.keep_idle_ns
            ep.set_timer(now_ns, KEEPALIVE, now_ns + idle, why.KEEP_ALIVE_ARMED)
        ep.stop_timer(now_ns, USER)
        self.sync_timers(ep, now_ns)

    def open_fast(self) -> None:
        """A SYN of Fast Open was accepted: our SYN,ACK is resent by a timer of its own and does not count as in flight.

        Linux: the request socket has the SYN,ACK (tcp_fastopen_create_child), not the retransmission queue.
        """
        self.recovery.forget_syn()

    def syn_was_acked(self, ep: Endpoint, now_ns: int, seg: Segment) -> None:
        """Our SYN is acknowledged, and perhaps what followed it: SND.UNA moves, the round trip is measured."""
        if ep.fast_open:
            self.recovery.syn_ack_delivered(now_ns - ep.syn_sent_ns if ep.syn_transmissions == 1 else -1)
        ack = self.una + seq_diff(seg.ack, self.snd.una)
        self._tell_of_ack(ep, now_ns, seg, ack, window_changed=True)

    def _window_is_news(self, seg: Segment) -> bool:
        """SND.WL1 < SEG.SEQ, or equal and SND.WL2 =< SEG.ACK (RFC 9293 §3.10.7.4, fifth step).

        Stacks that take a smaller window only with a newer number: `Profile.window_shrink_rule`.
        """
        snd = self.snd
        if seq_lt(snd.wl1, seg.seq) or (self.profile.window_news_with_ack and seq_lt(snd.una, seg.ack)):
            return True
        if snd.wl1 != seg.seq:
            return False
        rule = self.profile.window_shrink_rule
        if rule == "any" or (seg.ack != snd.wl2 and not self.profile.window_news_with_ack):
            return seq_le(snd.wl2, seg.ack)
        window = seg.wnd if seg.flags & SYN else seg.wnd << snd.wscale
        return window > snd.wnd or (window == 0 and rule == "zero")

    def syn_resent(self, ep: Endpoint, now_ns: int) -> None:
        """The SYN's timer expired and it goes again (RFC 6298 §5.5)."""
        recovery = self.recovery
        linear = 0 if ep.options.syn_retries else ep.profile.syn_linear_timeouts
        if not ep.syn_acked and ep.syn_transmissions > linear + 1:
            recovery.rtt.back_off()
        elif ep.passive or (ep.receiver.rcv.nxt and ep.profile.crossed_syn_keeps_timer):
            recovery.rtt.back_off()
        recovery.syn_timeouts += 1
        record = recovery.sb.first()
        if record is not None:
            recovery.on_retransmit(now_ns, record)

    def put_data_on_syn(self, ep: Endpoint, now_ns: int, syn: Segment) -> None:
        """RFC 7413: the first octets ride on the SYN."""
        size = min(ep.tfo_data_bytes, self.snd.mss - syn.options_bytes(), len(self.buffer))
        if size <= 0:
            return
        syn.payload = self.buffer.peek(0, size)
        self._record(now_ns, size, SENT_PUSH)
        self.snd.nxt = seq_add(self.snd.iss, self.nxt)

    def syn_data_answered(self, ep: Endpoint, now_ns: int, refused: bool) -> None:
        """The SYN,ACK is about a SYN whose data stayed in the retransmission queue (tcp_rcv_fastopen_synack)."""
        recovery = self.recovery
        if refused:
            recovery.on_syn_data_refused()
        elif recovery.delivered_segs > 1:
            recovery.delivered_segs -= 1  # SYN and data were one segment, though two records
        self.sync_timers(ep, now_ns)

    def take_data_off_syn(self, ep: Endpoint, now_ns: int) -> None:
        """The SYN with data was lost or its data refused: the data is unsent again."""
        self.recovery = self._make_recovery(self.segment_bytes(ep))
        self.recovery.on_transmit(now_ns, 0, 1, SENT_SYN)
        self.nxt = 1
        self.snd.nxt = seq_add(self.snd.iss, 1)

    def take_back_syn_data(self, ep: Endpoint, accepted: int) -> None:
        """The SYN,ACK acknowledges only `accepted` octets of the SYN's data: the others are unsent again."""
        self.recovery = self._make_recovery(self.segment_bytes(ep))
        self.recovery.on_transmit(ep.syn_sent_ns, 0, 1, SENT_SYN)
        self.nxt = 1
        if accepted > 0:
            self._record(ep.syn_sent_ns, accepted, SENT_PUSH)
        self.snd.nxt = seq_add(self.snd.iss, self.nxt)

    def handle_ack(self, ep: Endpoint, now_ns: int, seg: Segment) -> None:
        """Fifth step: SND.UNA < SEG.ACK =< SND.NXT advances; the window may change; recovery is told.

        RFC 9293 §3.10.7.4, fifth step: the window update is taken only from the newest segment
        (WL1, WL2), so that an old one cannot shrink or open it.
        """
        snd = self.snd
        ack = self.una + seq_diff(seg.ack, snd.una)
        old_window = snd.wnd
        if ack >= self.una and self._window_is_news(seg):
            # RFC 7323 §2.2: the window of a SYN is never scaled (this one may be the crossing SYN,ACK of the peer).
            window = seg.wnd if seg.flags & SYN else seg.wnd << snd.wscale
            snd.wnd = window
            if window > snd.max_wnd:
                snd.max_wnd = window
                if self.profile.mss_within_half_window:
                    pathmtu.window_grew(ep)
            snd.wl1 = seg.seq
            snd.wl2 = seg.ack
            if window > old_window and ack == self.nxt and self.unsent_bytes() > 0:
                if self.recovery.before_new_data(now_ns):  # tcp_ack_update_window: the window ended a pause
                    self.tell_restart(ep, now_ns)
        elif ack > self.una:
            # An old segment with a new acknowledgement: SND.WND counts from SND.UNA, so it shrinks
            # by as much, or the window would end where the peer never offered.
            snd.wnd = max(0, snd.wnd - (ack - self.una))
        self._tell_of_ack(ep, now_ns, seg, ack, window_changed=snd.wnd != old_window)
        self._window_timers(ep, now_ns, old_window)
        self.sync_timers(ep, now_ns)

    def _tell_of_ack(self, ep: Endpoint, now_ns: int, seg: Segment, ack: int, *, window_changed: bool) -> None:
        """SND.UNA advances, and loss recovery is told what the segment says."""
        self._writing = False
        self.corked = False  # what the user held back by MSG_MORE waits for the next ACK at most
        info = self._ack
        info.ack = ack
        info.sack = self._sack_offsets(seg) if seg.sack else NO_BLOCKS
        info.has_data = len(seg.payload) > 0 or bool(seg.flags & (SYN | FIN))
        info.window_changed = window_changed
        info.ece = ep.neg.ecn and seg.flags & (ECE | SYN) == ECE
        recovery = self.recovery
        info.ts_echo_ns = -1
        if ep.neg.timestamps and not recovery.calm and seg.ts_ecr and seg.has_ts:
            # where nothing was sent twice nobody asks which copy was answered
            info.ts_echo_ns = now_ns - self._ts_age_ns(ep, now_ns, seg.ts_ecr)
        info.window_end = ack + self.snd.wnd
        info.new_data_ready = self.unsent_bytes() > 0
        samples = recovery.rtt.samples
        search = self.search
        if search is not None and search.size and ack >= search.end:
            pathmtu.probe_passed(ep, now_ns, search)
        if ack > self.una:
            self._advance(ep, now_ns, ack, seg.ack)
        recovery.on_ack(now_ns, info)
        if recovery.mtu_probe_lost:
            recovery.mtu_probe_lost = False
            if search is not None:
                pathmtu.probe_lost(ep, now_ns, search)
        if self.gate is not None:
            self.gate.update_rate(self.profile, recovery)
            self.gate.delay_timer(now_ns, recovery)
        if recovery.rtt_ns >= 0:
            ep.receiver.ack_policy.on_rtt(recovery.rtt.srtt_ns, recovery.rtt.rto_ns)
        if recovery.cwr_pending:
            recovery.cwr_pending = False
            ep.ecn_wants_cwr = True
        if ep.recording:
            if recovery.rtt.samples != samples:
                self._tell_rtt(ep, now_ns)
            self._tell_recovery(ep, now_ns)

    def _advance(self, ep: Endpoint, now_ns: int, ack: int, seg_ack: int) -> None:
        """New octets are acknowledged."""
        self.una = ack
        self.snd.una = seg_ack
        self.timeouts = 0
        self.first_unanswered_ns = now_ns if ack < self.nxt else -1
        data_end = min(ack - 1, self.buffer.end)
        if data_end > self.buffer.start:
            self.buffer.release(data_end)
        if self.buffer.end + 1 <= ack:
            self.chrono.stop(now_ns, chrono.BUSY, idle=True)
        if self.starved:
            self.autotune(ep)
        while self.push_marks and self.push_marks[0] <= ack:
            del self.push_marks[0]
        while self.eor_marks and self.eor_marks[0] <= ack:
            self.eor_marks = self.eor_marks[1:]
        if self.snd.urgent and seq_le(self.snd.up, seg_ack):
            self.snd.urgent = False
        if ep.timers.is_set(USER):
            ep.stop_timer(now_ns, USER)
            self._arm_user_timeout(ep, now_ns)

    def _sack_offsets(self, seg: Segment) -> tuple[tuple[int, int], ...]:
        """SACK blocks as offsets from the ISS; one of data never sent counts for nothing."""
        una, snd_una, nxt = self.una, self.snd.una, self.nxt
        blocks = ((una + seq_diff(left, snd_una), una + seq_diff(right, snd_una)) for left, right in seg.sack)
        return tuple(block for block in blocks if block[1] <= nxt)

    def _ts_age_ns(self, ep: Endpoint, now_ns: int, ecr: int) -> int:
        """How long ago (ns, rounded up to the tick) the echoed timestamp was taken."""
        tick = self.profile.ts_tick_ns
        ticks = (now_ns // tick + ep.ts_offset - ecr) & 0xFFFFFFFF
        if ticks >= 0x80000000:
            return 0
        return ticks * tick + now_ns % tick

    def _window_timers(self, ep: Endpoint, now_ns: int, old_window: int) -> None:
        """An opened window ends the probing."""
        if self.snd.wnd and ep.timers.is_set(PERSIST):
            ep.stop_timer(now_ns, PERSIST)
            self.persist_count = 0
            self.probing = False
        if self.snd.wnd > old_window and ep.timers.is_set(OVERRIDE):
            ep.stop_timer(now_ns, OVERRIDE)

    def _run_chrono(self, now_ns: int) -> None:
        """After the last segment that could leave: does the peer's window hold the rest up? (tcp_write_xmit)"""
        if self._window_held:
            self.chrono.start(now_ns, chrono.WINDOW)
        elif self.chrono.kind == chrono.WINDOW:
            self.chrono.stop(now_ns, chrono.WINDOW, idle=self.buffer.end + 1 <= self.una)

    def poll(self, ep: Endpoint, now_ns: int) -> Segment | None:
        """The next segment with something of ours in it, or None."""
        recovery = self.recovery
        gate = self.gate
        if gate is not None and self._is_gated(ep, now_ns, gate):
            return None
        if recovery.new_first:
            # RFC 5682 §2.1 step 2b: after a timeout new data shows whether the originals arrived.
            recovery.new_first = False
            seg = self._poll_new(ep, now_ns)
            if seg is not None:
                recovery.new_first = self._new_after_timeout()
                recovery.new_sent = True
                return seg
        if recovery.may_resend() and not recovery.new_sent:
            record = recovery.next_resend(now_ns, self.unsent_bytes() > 0)
            if record is not None and self._has_window(record):
                return self._resend(ep, now_ns, record)
        seg = None
        if self.nxt - 1 < self.buffer.end or (self.fin_offset != NOT_QUEUED and not self.fin_sent):
            self._window_held = False
            tried = False
            if self.search is not None and self.search.enabled and not self._sent_new:
                tried, seg = self._poll_mtu_probe(ep, now_ns, self.search)
            if not tried:
                seg = self._poll_new(ep, now_ns)
        else:
            self._window_held = False
        if seg is None:
            if self._window_held or self.chrono.kind == chrono.WINDOW:
                self._run_chrono(now_ns)
            if self.starved and self._sent_new and not self._cwnd_held and not self.unsent_bytes():
                # tcp_cwnd_validate: all is sent, the window has room, and the user waits for the buffer
                if self.recovery.may_send_bytes(now_ns) > 0:
                    self.chrono.start(now_ns, chrono.BUFFER)
            if self._sent_new or self._cwnd_held:
                recovery.after_sending(now_ns, self._sent_new)
                self._sent_new = self._cwnd_held = False
        else:
            self._sent_new = True
        return seg
