"""The sending half: when a segment leaves, and what is in it.

Three questions, three owners: congestion control says how much (`congestion/`), loss recovery
says what is missing (`recovery/`), and this module says *when*: Nagle (RFC 9293 §3.7.4),
the sender's silly-window avoidance (§3.8.6.2.1), zero-window probes (§3.8.6.1), PSH
(§3.9.1.2), urgent data, the FIN in its place after the last octet.

Positions: *offsets* count from the ISS (SYN = 0, first data octet = 1, FIN = one more), as in
`recovery.scoreboard`; the send buffer's own offsets are one less.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from netsim.base.events import RttSampled
from netsim.base.packet import ACK, CWR, ECE, FIN, PSH, SYN, URG, Segment
from netsim.base.reasons import Reason
from netsim.base.seqnum import seq_add, seq_diff, seq_gt, seq_le, seq_lt
from netsim.tcp import reasons as why
from netsim.tcp import tso
from netsim.tcp.buffers import SendBuffer
from netsim.tcp.congestion.base import initial_window_bytes
from netsim.tcp.congestion.factory import make_congestion_control
from netsim.tcp.profile.base import ConnectionOptions, Profile
from netsim.tcp.profile.config import recovery_config
from netsim.tcp.recovery.base import LOSS as LOSS_PHASE
from netsim.tcp.recovery.base import (
    NO_BLOCKS,
    PROBE_LAST,
    PROBE_NEW,
    TIMER_NONE,
    TIMER_PROBE,
    TIMER_RTO,
    AckInfo,
)
from netsim.tcp.recovery.base import RECOVERY as RECOVERY_PHASE
from netsim.tcp.recovery.machine import LossRecovery
from netsim.tcp.recovery.reasons import AVOIDANCE, SLOW_START
from netsim.tcp.recovery.scoreboard import SENT_EOR, SENT_FIN, SENT_JOINED, SENT_PUSH, SENT_SYN, Sent
from netsim.tcp.tcb import SendSpace
from netsim.tcp.timers import KEEPALIVE, LOSS, OVERRIDE, PERSIST, RTO, USER

if TYPE_CHECKING:
    from netsim.tcp.endpoint import Endpoint

NOT_QUEUED: Final = -1


class Sender:
    """SND.* and what belongs to it.

    buffer:      octets queued or unacknowledged          capacity: size of the send buffer
    una, nxt:    offsets of SND.UNA and SND.NXT            fin_offset: of our FIN once CLOSE was called
    """

    __slots__ = (
        "_ack", "_cwnd_held", "_force", "_idle_write_end", "_sent_new", "_small_end", "_tlp_new", "_told_cwnd",
        "buffer", "capacity", "corked", "eor_marks", "fin_offset", "fin_sent", "first_unanswered_ns", "nxt",
        "options", "persist_count", "probing", "profile", "push_marks", "recovery", "snd", "timeouts", "una",
    )  # fmt: skip

    def __init__(self, profile: Profile, options: ConnectionOptions, snd: SendSpace) -> None:
        self.profile = profile
        self.options = options
        self.snd = snd
        self._told_cwnd = 0
        self.buffer = SendBuffer()
        self.capacity = options.snd_buffer or profile.snd_buffer
        self.una = 0
        self.nxt = 0
        self.fin_offset = NOT_QUEUED
        self.fin_sent = False
        self.push_marks: deque[int] = deque()
        self.eor_marks: deque[int] = deque()
        self.corked = False
        self.persist_count = 0
        self.probing = False
        self.timeouts = 0
        self.first_unanswered_ns = -1
        self.recovery = self._make_recovery(snd.mss)
        self._ack = AckInfo()
        self._force = False
        self._tlp_new = False
        self._sent_new = False
        self._cwnd_held = False
        self._small_end = 0
        self._idle_write_end = 0

    def _make_recovery(self, smss: int) -> LossRecovery:
        profile = self.profile
        config = recovery_config(profile)
        window = initial_window_bytes(smss, config.initial_window_segs)
        control = make_congestion_control(
            self.options.congestion_control or profile.congestion_control,
            smss,
            window,
            counts_segments=config.counts_segments,
            hystart=profile.hystart,
        )
        return LossRecovery(config, control, smss)

    # --- opening ------------------------------------------------------------------------

    def start(self, ep: Endpoint, now_ns: int) -> None:
        """A connection begins (again, if it went back to LISTEN): the SYN takes the first number."""
        self.recovery = self._make_recovery(self.segment_bytes(ep))
        self.una = 0
        self.nxt = 1
        self.recovery.on_transmit(now_ns, 0, 1, SENT_SYN)

    def established(self, ep: Endpoint, now_ns: int) -> None:
        """The handshake is done: options and segment size are known."""
        neg = ep.neg
        self.recovery.on_established(
            now_ns,
            self.segment_bytes(ep),
            sack_ok=neg.sack,
            ecn=neg.ecn,
            ts_tick_ns=self.profile.ts_tick_ns if neg.timestamps else 1,
        )
        self.timeouts = 0
        if ep.options.keep_alive or ep.profile.keep_alive_always:
            idle = ep.options.keep_idle_ns or ep.profile.keep_idle_ns
            ep.set_timer(now_ns, KEEPALIVE, now_ns + idle, why.KEEP_ALIVE_ARMED)
        ep.stop_timer(now_ns, USER)
        self.sync_timers(ep, now_ns)

    def syn_was_acked(self, ep: Endpoint, now_ns: int, seg: Segment) -> None:
        """Our SYN is acknowledged, and perhaps what followed it: SND.UNA moves, the round trip is measured."""
        ack = self.una + seq_diff(seg.ack, self.snd.una)
        self._tell_of_ack(ep, now_ns, seg, ack, window_changed=True)

    def syn_resent(self, ep: Endpoint, now_ns: int) -> None:
        """The SYN's timer expired and it goes again (RFC 6298 §5.5)."""
        recovery = self.recovery
        recovery.rtt.back_off()
        recovery.syn_timeouts += 1
        record = recovery.sb.first()
        if record is not None:
            recovery.on_retransmit(now_ns, record)

    def rto_ns(self) -> int:
        """The retransmission timeout now, back-off included."""
        return self.recovery.rtt.rto_ns

    def put_data_on_syn(self, ep: Endpoint, now_ns: int, syn: Segment) -> None:
        """RFC 7413: the first octets ride on the SYN."""
        size = min(ep.tfo_data_bytes, self.snd.mss - syn.options_bytes(), len(self.buffer))
        if size <= 0:
            return
        syn.payload = self.buffer.peek(0, size)
        self._record(now_ns, size, SENT_PUSH)
        self.snd.nxt = seq_add(self.snd.iss, self.nxt)

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

    # --- the user's side --------------------------------------------------------------------

    def free_bytes(self) -> int:
        """Room in the send buffer."""
        return max(0, self.capacity - len(self.buffer))

    def unsent_bytes(self) -> int:
        """Octets queued and never sent."""
        return self.buffer.end + 1 - self.data_nxt()

    def data_nxt(self) -> int:
        """Offset of the next data octet to send: SND.NXT without a FIN."""
        return self.nxt - 1 if self.fin_sent else self.nxt

    def unacked_bytes(self) -> int:
        """Octets (and FIN) sent and not acknowledged."""
        return self.nxt - self.una

    def flight_bytes(self) -> int:
        """FlightSize (RFC 5681 §2): sent and not cumulatively acknowledged."""
        return self.nxt - self.una

    def enqueue(
        self, now_ns: int, data: bytes, push: bool, urgent: bool, more: bool, end_of_record: bool = False
    ) -> int:
        """Take what fits into the send buffer."""
        taken = min(len(data), self.free_bytes())
        if taken <= 0:
            return 0
        if self.una == self.nxt:
            self.recovery.before_new_data(now_ns)
        self.buffer.append(data if taken == len(data) else data[:taken])
        end = self.buffer.end + 1
        if self.una == self.data_nxt() and self.data_nxt() + taken == end:
            self._idle_write_end = end
        if more:
            self.corked = True
        else:
            self.corked = False
            if push or self.profile.push_every_write:
                self.push_marks.append(end)
        if end_of_record and taken == len(data):
            self.eor_marks.append(end)
        if urgent:
            # SND.UP points at the octet after the urgent ones (RFC 9293 §3.8.5).
            self.snd.urgent = True
            self.snd.up = seq_add(self.snd.iss, end)
        return taken

    def queue_fin(self) -> None:
        """CLOSE: after everything queued comes the FIN."""
        if self.fin_offset == NOT_QUEUED:
            self.fin_offset = self.buffer.end + 1
            self.corked = False

    def _is_corked(self) -> bool:
        """The user said that more will follow (TCP_CORK, MSG_MORE)."""
        return self.corked or self.options.cork

    def uncork(self) -> None:
        """What waits may leave now, in a partial segment if need be."""
        self.corked = False
        self._force = self.unsent_bytes() > 0

    def fin_was_sent(self) -> bool:
        """Our FIN left at least once."""
        return self.fin_sent

    def fin_was_acked(self) -> bool:
        """Our FIN was sent, and is acknowledged."""
        return self.fin_sent and self.una > self.fin_offset

    def garbage_octet(self) -> bytes:
        """One octet of old data for a keep-alive probe."""
        return b"\0"

    def clear(self) -> None:
        """The connection is gone: flush the queues."""
        self.buffer.clear()
        self.push_marks.clear()
        self.eor_marks.clear()
        self.una = self.nxt

    # --- the peer's side ----------------------------------------------------------------------

    def handle_ack(self, ep: Endpoint, now_ns: int, seg: Segment) -> None:
        """Fifth step: SND.UNA < SEG.ACK =< SND.NXT advances; the window may change; recovery is told.

        RFC 9293 §3.10.7.4, fifth step: the window update is taken only from the newest segment
        (WL1, WL2), so that an old one cannot shrink or open it.
        """
        snd = self.snd
        ack = self.una + seq_diff(seg.ack, snd.una)
        old_window = snd.wnd
        if ack >= self.una and (seq_lt(snd.wl1, seg.seq) or (snd.wl1 == seg.seq and seq_le(snd.wl2, seg.ack))):
            window = seg.wnd << snd.wscale
            snd.wnd = window
            if window > snd.max_wnd:
                snd.max_wnd = window
            snd.wl1 = seg.seq
            snd.wl2 = seg.ack
        self._tell_of_ack(ep, now_ns, seg, ack, window_changed=snd.wnd != old_window)
        self._window_timers(ep, now_ns, old_window)
        self.sync_timers(ep, now_ns)

    def _tell_of_ack(self, ep: Endpoint, now_ns: int, seg: Segment, ack: int, *, window_changed: bool) -> None:
        """SND.UNA advances, and loss recovery is told what the segment says."""
        self.corked = False  # what the user held back by MSG_MORE waits for the next ACK at most
        info = self._ack
        info.ack = ack
        info.sack = self._sack_offsets(seg) if seg.sack else NO_BLOCKS
        info.has_data = len(seg.payload) > 0 or bool(seg.flags & (SYN | FIN))
        info.window_changed = window_changed
        info.ece = ep.neg.ecn and seg.flags & (ECE | SYN) == ECE
        info.ts_echo_ns = -1
        if ep.neg.timestamps and seg.has_ts and seg.ts_ecr:
            info.ts_echo_ns = now_ns - self._ts_age_ns(ep, now_ns, seg.ts_ecr)
        info.window_end = ack + self.snd.wnd
        info.new_data_ready = self.unsent_bytes() > 0
        recovery = self.recovery
        samples = recovery.rtt.samples
        if ack > self.una:
            self._advance(ep, now_ns, ack, seg.ack)
        recovery.on_ack(now_ns, info)
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
        self.first_unanswered_ns = -1
        data_end = min(ack - 1, self.buffer.end)
        if data_end > self.buffer.start:
            self.buffer.release(data_end)
        while self.push_marks and self.push_marks[0] <= ack:
            self.push_marks.popleft()
        while self.eor_marks and self.eor_marks[0] <= ack:
            self.eor_marks.popleft()
        if self.snd.urgent and seq_le(self.snd.up, seg_ack):
            self.snd.urgent = False
        if ep.timers.is_set(USER):
            ep.stop_timer(now_ns, USER)
            self._arm_user_timeout(ep, now_ns)

    def _sack_offsets(self, seg: Segment) -> tuple[tuple[int, int], ...]:
        """SACK blocks as offsets from the ISS."""
        una, snd_una = self.una, self.snd.una
        return tuple((una + seq_diff(left, snd_una), una + seq_diff(right, snd_una)) for left, right in seg.sack)

    def _ts_age_ns(self, ep: Endpoint, now_ns: int, ecr: int) -> int:
        """How long ago (ns, rounded up to the tick) the echoed timestamp was taken."""
        tick = self.profile.ts_tick_ns
        ticks = (now_ns // tick + ep.ts_offset - ecr) & 0xFFFFFFFF
        if ticks >= 0x80000000:
            return 0
        return ticks * tick + now_ns % tick

    def _tell_rtt(self, ep: Endpoint, now_ns: int) -> None:
        rtt = self.recovery.rtt
        ep.sink.emit(RttSampled(now_ns, ep.host, ep.conn, rtt.latest_ns, rtt.srtt_ns, rtt.rttvar_ns, rtt.rto_ns))

    def _tell_recovery(self, ep: Endpoint, now_ns: int) -> None:
        """Turn what recovery decided into events."""
        recovery = self.recovery
        cwnd, phase = recovery.cc.cwnd, recovery.phase_name()
        for reason in recovery.reasons:
            ep.congestion_changed(now_ns, cwnd, recovery.cc.ssthresh, phase, reason)
        if cwnd != self._told_cwnd and self.una > 1 and not recovery.reasons and phase in ("slow-start", "avoidance"):
            growth = SLOW_START if phase == "slow-start" else AVOIDANCE
            ep.congestion_changed(now_ns, cwnd, recovery.cc.ssthresh, phase, growth)
        self._told_cwnd = cwnd

    def _window_timers(self, ep: Endpoint, now_ns: int, old_window: int) -> None:
        """An opened window ends the probing."""
        if self.snd.wnd and ep.timers.is_set(PERSIST):
            ep.stop_timer(now_ns, PERSIST)
            self.persist_count = 0
            self.probing = False
        if self.snd.wnd > old_window and ep.timers.is_set(OVERRIDE):
            ep.stop_timer(now_ns, OVERRIDE)

    # --- what to send now --------------------------------------------------------------------------

    def segment_bytes(self, ep: Endpoint) -> int:
        """Octets of data that fit into one segment beside the constant options (Eff.snd.MSS, MUST-16)."""
        size = self.snd.mss
        if ep.neg.timestamps:
            size -= 12
        if ep.options.md5_key:
            size -= 20
        return size

    def poll(self, ep: Endpoint, now_ns: int) -> Segment | None:
        """The next segment with something of ours in it, or None."""
        recovery = self.recovery
        if recovery.new_first:
            # RFC 5682 §2.1 step 2b: after a timeout new data shows whether the originals arrived.
            recovery.new_first = False
            seg = self._poll_new(ep, now_ns)
            if seg is not None:
                recovery.new_first = self._new_after_timeout()
                return seg
        record = recovery.next_resend(now_ns, self.unsent_bytes() > 0)
        if record is not None:
            return self._resend(ep, now_ns, record)
        seg = None
        if self.nxt - 1 < self.buffer.end or (self.fin_offset != NOT_QUEUED and not self.fin_sent):
            seg = self._poll_new(ep, now_ns)
        if seg is None:
            if self._sent_new or self._cwnd_held:
                recovery.after_sending(now_ns, self._sent_new)
                self._sent_new = self._cwnd_held = False
        else:
            self._sent_new = True
        return seg

    def _new_after_timeout(self) -> bool:
        """F-RTO allows two new segments before anything is resent."""
        return self.nxt - self.recovery.high_seq < 2 * self.recovery.smss

    def _poll_new(self, ep: Endpoint, now_ns: int) -> Segment | None:
        """New data, if window, congestion window, Nagle and silly-window avoidance allow it."""
        if not ep.syn_acked and not self._may_send_before_established(ep):
            return None
        mss = self.segment_bytes(ep)
        if ep.neg.sack and ep.receiver.reassembly.bytes_held:
            mss -= 4 + 8 * len(ep.receiver.sack_blocks(ep.sack_limit()))
        available = self.buffer.end + 1 - self.nxt
        usable = self.una + self.snd.wnd - self.nxt
        if available == 0:
            return self._poll_fin(ep, now_ns, usable)
        allowed = self.recovery.may_send_bytes(now_ns)
        if self._tlp_new:
            allowed = max(allowed, mss)
        size = min(available, mss)
        eor = self._end_of_record(size)
        if eor:
            size = eor
        held = self._why_held(ep, now_ns, size, mss, available, usable, allowed, eor > 0)
        if held is not None:
            if ep.recording:
                ep.held(now_ns, available, held)
            return None
        if size > usable:
            size = usable
        if size > allowed:
            size = allowed
        if self.profile.tso and size == mss and available > mss and not self._tlp_new and not self.snd.urgent:
            size = self._offload_bytes(ep, now_ns, mss, available, usable, allowed)
            if size == 0:
                self._cwnd_held = True
                if ep.recording:
                    ep.held(now_ns, available, why.HELD_TSO)
                return None
        self._tlp_new = False
        self._force = False
        return self._send_new(ep, now_ns, size)

    def _offload_bytes(
        self, ep: Endpoint, now_ns: int, mss: int, available: int, usable: int, allowed: int
    ) -> int:  # fmt: skip
        """How much one segment for the network interface holds: whole segments, and the last partial one.

        0: it is better to wait for a larger piece (tcp_tso_should_defer).
        """
        recovery = self.recovery
        cc, rtt, sb = recovery.cc, recovery.rtt, recovery.sb
        flying = recovery.in_flight_segs()
        rate = tso.pacing_rate(self.profile, cc.cwnd, cc.ssthresh, self.nxt - self.una, rtt.srtt_ns)
        segments = tso.goal_segments(self.profile, rate, mss, cc.cwnd // mss, flying, rtt.min_rtt_ns)
        end = self._end_of_record(available)
        wanted = end or available
        first = sb.first()
        if segments > 1 and first is not None and recovery.phase < RECOVERY_PHASE:
            if tso.should_defer(
                self.profile,
                now_ns=now_ns,
                last_sent_ns=recovery.last_sent_ns,
                head_sent_ns=first.sent_ns,
                srtt_ns=rtt.srtt_ns,
                usable=usable,
                allowed=allowed,
                available=wanted if self.fin_offset == NOT_QUEUED else 0,
                window=self.snd.wnd,
                cwnd=cc.cwnd,
                max_bytes=segments * mss,
            ):
                return 0
        limit = segments * mss
        size = min(wanted, usable, limit)
        partial = size % mss
        if partial and (size < wanted or self._is_corked() or self._nagle_holds(idle=first is None, last=True)):
            size -= partial
        return size

    def _may_send_before_established(self, ep: Endpoint) -> bool:
        """Before our SYN is acknowledged only Fast Open lets data go (RFC 7413), and CLOSE a FIN."""
        return self.fin_offset != NOT_QUEUED and self.unsent_bytes() == 0

    def _end_of_record(self, size: int) -> int:
        """MSG_EOR: a segment does not run over the end of a record. 0: no record ends in this one."""
        for mark in self.eor_marks:
            if self.nxt < mark < self.nxt + size:
                return mark - self.nxt
            if mark >= self.nxt + size:
                break
        return 0

    def _why_held(
        self,
        ep: Endpoint,
        now_ns: int,
        size: int,
        mss: int,
        available: int,
        usable: int,
        allowed: int,
        ends_record: bool,
    ) -> Reason | None:
        """RFC 9293 §3.8.6.2.1 with §3.7.4 (Nagle), and the congestion window. None: send."""
        if usable <= 0:
            self._window_is_closed(ep, now_ns)
            return why.HELD_WINDOW
        if allowed <= 0 or (allowed < size and self.una != self.nxt):
            self._cwnd_held = True
            return why.HELD_CWND
        if size >= mss and usable >= mss:
            return None  # (1) a full-sized segment
        if self._force:
            return None  # (4) the override timer
        idle = self.una == self.nxt
        if ends_record and size < available and usable >= size:
            return None  # more waits behind the end of the record, so nothing can be added to it
        last = size == available or ends_record
        if self._is_corked() and last and self.fin_offset == NOT_QUEUED:
            if not ep.timers.is_set(OVERRIDE):
                ep.set_timer(now_ns, OVERRIDE, now_ns + self.profile.sws_override_ns, why.CORK_TIMEOUT)
            return why.HELD_CORK
        if self._nagle_holds(idle, last):
            return why.HELD_NAGLE
        if last and usable >= size:
            return None  # (2) everything that was pushed
        if min(size, usable) * 2 >= self.snd.max_wnd:
            return None  # (3) at least half of the largest window
        if not ep.timers.is_set(OVERRIDE) and idle:
            ep.set_timer(now_ns, OVERRIDE, now_ns + self.profile.sws_override_ns, why.SWS_OVERRIDE)
        return why.HELD_SWS

    def _nagle_holds(self, idle: bool, last: bool) -> bool:
        """SHLD-7: a small segment waits while something is unacknowledged; never the one with the FIN."""
        if idle or not self.profile.nagle or self.options.nodelay:
            return False
        if last and self.fin_offset != NOT_QUEUED:
            return False
        if self.profile.nagle_per_write and self.buffer.end + 1 <= self._idle_write_end:
            return False
        if self.profile.nagle_minshall:
            return self._small_end > self.una
        return True

    def _window_is_closed(self, ep: Endpoint, now_ns: int) -> None:
        """Nothing in flight and no window: only probing finds out when it opens (MUST-36)."""
        if self.una == self.nxt and not ep.timers.is_set(PERSIST) and not ep.timers.is_set(RTO):
            ep.set_timer(now_ns, PERSIST, now_ns + self._probe_interval_ns(), why.PERSIST_ARMED)

    def _probe_interval_ns(self) -> int:
        """First probe after one RTO (SHLD-29), then doubling up to the limit (SHLD-30)."""
        profile = self.profile
        base = max(self.recovery.rtt.rto_ns, profile.persist_min_ns)
        return int(min(base << min(self.persist_count, 16), profile.persist_max_ns))

    def _poll_fin(self, ep: Endpoint, now_ns: int, usable: int) -> Segment | None:
        """All data is sent; the FIN takes the next number. It needs room in the window like an octet."""
        if usable <= 0 and self.una != self.nxt:
            return None
        if usable <= 0 and self.snd.wnd == 0 and ep.syn_acked:
            self._window_is_closed(ep, now_ns)
            return None
        return self._send_new(ep, now_ns, 0)

    def _send_new(self, ep: Endpoint, now_ns: int, size: int) -> Segment:
        """Build the segment at SND.NXT, count it as sent, start the timer."""
        offset = self.nxt
        seq = seq_add(self.snd.iss, offset)
        payload = self.buffer.peek(offset - 1, size) if size else b""
        end = offset + size
        flags = ACK
        sent_flags = 0
        reason = why.DATA
        if size > self.recovery.smss and self.profile.tso:
            flags |= PSH  # tcp_transmit_skb: every segment for offload is pushed; its parts are not marked
        if size and self._is_pushed(offset, end):
            flags |= PSH
            sent_flags |= SENT_PUSH
            reason = why.DATA_PUSHED
        if end == self.fin_offset and (size == 0 or self.una + self.snd.wnd > end):
            flags |= FIN
            sent_flags |= SENT_FIN
            self.fin_sent = True
            reason = why.FIN_SENT
        if self.eor_marks and end in self.eor_marks:
            sent_flags |= SENT_EOR
        seg = ep.make_segment(now_ns, seq, flags, payload)
        self._mark_urgent(seg)
        if ep.neg.ecn and size:
            seg.tos |= 2
        if size and size < self.segment_bytes(ep):
            self._small_end = end
        self._record(now_ns, size + (1 if flags & FIN else 0), sent_flags)
        self.snd.nxt = seq_add(self.snd.iss, self.nxt)
        if size:
            ep.receiver.ack_policy.on_data_sent(now_ns)
        self._left(ep, now_ns, seg, reason, "")
        return seg

    def _record(self, now_ns: int, length: int, sent_flags: int) -> None:
        """A record in the retransmission queue."""
        start = self.nxt
        self.nxt = start + length
        if self.first_unanswered_ns < 0:
            self.first_unanswered_ns = now_ns
        self.recovery.on_transmit(now_ns, start, self.nxt, sent_flags)

    def _is_pushed(self, start: int, end: int) -> bool:
        """PSH: the send buffer runs empty (MUST-61), or the end of a pushed write lies in this segment."""
        if end == self.buffer.end + 1 and not self.corked and not self.profile.push_at_end_of_write:
            return True
        exactly = self.profile.push_at_end_of_write
        for mark in self.push_marks:
            if mark > end:
                return False
            if mark == end or (mark > start and not exactly):
                return True
        return False

    def _mark_urgent(self, seg: Segment) -> None:
        """URG and the urgent pointer, relative to this segment (MUST-30, MUST-62)."""
        snd = self.snd
        if snd.urgent and seq_gt(snd.up, seg.seq):
            distance = seq_diff(snd.up, seg.seq)
            if distance <= 65535:
                seg.flags |= URG
                seg.urg = distance

    def _left(self, ep: Endpoint, now_ns: int, seg: Segment, reason: Reason, cause: str) -> None:
        """A segment of ours is on its way: it carries the ACK, and the timers run."""
        ep.ack_left(now_ns)
        if ep.recording:
            ep.sent(now_ns, seg, reason, cause)
        self._arm_user_timeout(ep, now_ns)
        self.sync_timers(ep, now_ns)

    def _arm_user_timeout(self, ep: Endpoint, now_ns: int) -> None:
        limit = self.options.user_timeout_ns or self.profile.user_timeout_ns
        if limit and self.una != self.nxt and not ep.timers.is_set(USER):
            ep.set_timer(now_ns, USER, now_ns + limit, why.USER_TIMEOUT_ARMED)

    # --- sending again -------------------------------------------------------------------------------

    def _resend(self, ep: Endpoint, now_ns: int, record: Sent) -> Segment:
        """Build a segment from a record, and tell why it goes again."""
        size = self.segment_bytes(ep)
        if record.end - record.start > size + (1 if record.flags & SENT_FIN else 0):
            self.recovery.sb.split(record, record.start + size)
        has_fin = bool(record.flags & SENT_FIN)
        data_end = record.end - 1 if has_fin else record.end
        last = self._extend_resend(record, size) if self.profile.tso and not has_fin else None
        if last is not None:
            data_end = last.end
        payload = self.buffer.peek(record.start - 1, data_end - record.start)
        flags = ACK
        if record.flags & SENT_PUSH:
            flags |= PSH
        if has_fin:
            flags |= FIN
        seg = ep.make_segment(now_ns, seq_add(self.snd.iss, record.start), flags, payload)
        self._mark_urgent(seg)
        seg.flags &= ~CWR
        cause = self._resend_cause(record)
        if last is not None:
            seg.flags |= PSH
            self._note_extended(now_ns, record, last)
        self.recovery.on_retransmit(now_ns, record)
        self._left(ep, now_ns, seg, _RESEND_REASONS.get(cause, why.RESEND_GO_BACK), cause)
        return seg

    def _extend_resend(self, record: Sent, size: int) -> Sent | None:
        """The last record of the offloaded segment that `record` began, as far as all of it is lost.

        Linux sends a lost skb again as it was, if the window has room for all its segments
        (tcp_xmit_retransmit_queue); after a timeout the first one goes alone.
        """
        recovery = self.recovery
        sb = recovery.sb
        room = recovery.window_left() - size
        if recovery.phase == LOSS_PHASE and record is sb.first():
            return None
        last = None
        index = sb.index_of(record.start) + 1
        while index < len(sb.records) and room >= size:
            candidate = sb.records[index]
            if not candidate.flags & SENT_JOINED or not candidate.lost or candidate.retrans_out or candidate.sacked:
                break
            last = candidate
            room -= size
            index += 1
        return last

    def _note_extended(self, now_ns: int, record: Sent, last: Sent) -> None:
        """The records after `record` up to `last` left with it."""
        sb = self.recovery.sb
        index = sb.index_of(record.start) + 1
        while index < len(sb.records) and sb.records[index].end <= last.end:
            self.recovery.on_retransmit(now_ns, sb.records[index])
            index += 1

    def _resend_cause(self, record: Sent) -> str:
        """Which mechanism sends this record again."""
        recovery = self.recovery
        if recovery.probing:
            return "tlp"
        if recovery.phase == LOSS_PHASE:
            return "timeout" if record is recovery.sb.first() else "go-back"
        if recovery.rack is not None:
            return "rack"
        if recovery.sack_ok:
            return "sack"
        return "fast" if recovery.duplicates else "partial"

    def count_timeout(self, now_ns: int) -> int:
        """One more timeout in a row; how many."""
        self.timeouts += 1
        return self.timeouts

    def past_r2(self, ep: Endpoint, now_ns: int) -> bool:
        """RFC 9293 §3.8.3: both counts and time are past R2."""
        profile = self.profile
        if profile.r2_retries and self.timeouts <= profile.r2_retries:
            return False
        return self.first_unanswered_ns >= 0 and now_ns - self.first_unanswered_ns >= profile.r2_ns

    def retransmission_timeout(self, ep: Endpoint, now_ns: int) -> None:
        """The RTO expired: recovery marks what is lost; `poll` sends the first of it again."""
        self.recovery.on_rto(now_ns)
        if ep.recording:
            self._tell_recovery(ep, now_ns)
        self.sync_timers(ep, now_ns)

    def loss_timeout(self, ep: Endpoint, now_ns: int) -> None:
        """The RACK reordering timer or the tail-loss probe timer expired (RFC 8985)."""
        recovery = self.recovery
        if recovery.timer != TIMER_PROBE:
            ep.timer_expired(now_ns, LOSS, why.RESEND_RACK)
            recovery.on_reorder_timer(now_ns)
        else:
            ready = self.unsent_bytes() > 0 and self.una + self.snd.wnd > self.nxt
            ep.timer_expired(now_ns, LOSS, why.PROBE_TLP_NEW if ready else why.RESEND_TLP)
            probe = recovery.on_probe_timer(now_ns, ready)
            if probe == PROBE_NEW:
                self._tlp_new = True
            elif probe == PROBE_LAST:
                record = recovery.probe_record()
                if record is not None:
                    ep.outbox.append(self._resend(ep, now_ns, record))
        if ep.recording:
            self._tell_recovery(ep, now_ns)
        self.sync_timers(ep, now_ns)

    def override_timeout(self, ep: Endpoint, now_ns: int) -> None:
        """Small as it is, the segment goes now."""
        ep.timer_expired(now_ns, OVERRIDE, why.CORK_TIMEOUT if self._is_corked() else why.SWS_OVERRIDE)
        self._force = True
        self.corked = False
        self.push_marks.append(self.buffer.end + 1)

    def persist_gives_up(self, ep: Endpoint, now_ns: int) -> bool:
        """A peer that keeps answering is kept for ever (MUST-37); one that is silent falls to R2."""
        profile = self.profile
        if not profile.r2_retries or self.persist_count < profile.r2_retries:
            return False
        return now_ns - ep.last_heard_ns >= profile.r2_ns

    def send_probe(self, ep: Endpoint, now_ns: int) -> None:
        """One octet beyond the closed window (RFC 9293 §3.8.6.1); the FIN if nothing else is left."""
        self.persist_count += 1
        if self.profile.persist_with_old_number:
            probe = ep.make_segment(now_ns, seq_add(self.snd.una, -1), ACK, b"")
        elif self.unsent_bytes() > 0:
            payload = self.buffer.peek(self.nxt - 1, 1)
            probe = ep.make_segment(now_ns, self.snd.nxt, ACK, payload)
        elif self.fin_offset != NOT_QUEUED and not self.fin_sent:
            ep.outbox.append(self._send_new(ep, now_ns, 0))
            return
        else:
            return
        # The octet counts as sent only once it is acknowledged: the peer is expected to refuse it.
        self.probing = len(probe.payload) > 0
        ep.ack_left(now_ns)
        ep.outbox.append(probe)
        if ep.recording:
            ep.sent(now_ns, probe, why.PERSIST_PROBE, "persist")
        ep.set_timer(now_ns, PERSIST, now_ns + self._probe_interval_ns(), why.PERSIST_ARMED)

    def admit_probe(self, now_ns: int, ack: int) -> None:
        """The peer took the octet of a window probe: it counts as sent from now on."""
        if self.probing and ack == seq_add(self.snd.nxt, 1) and self.unsent_bytes() > 0:
            self._record(now_ns, 1, 0)
            self.snd.nxt = ack

    def path_mtu_shrank(self, ep: Endpoint, now_ns: int) -> None:
        """RFC 1191 §6.4: segments above the new size are cut and sent again at once, without a timeout."""
        smss = self.segment_bytes(ep)
        self.recovery.on_mtu_reduced(now_ns, smss)
        self.sync_timers(ep, now_ns)

    # --- timers ------------------------------------------------------------------------------------------

    def sync_timers(self, ep: Endpoint, now_ns: int) -> None:
        """The endpoint's RTO and loss timers follow what recovery asks for."""
        recovery = self.recovery
        kind = recovery.timer
        if kind == TIMER_NONE:
            if ep.syn_acked:
                ep.stop_timer(now_ns, RTO)
            ep.stop_timer(now_ns, LOSS)
        elif kind == TIMER_RTO:
            if ep.timers.at[RTO] != recovery.timer_at_ns:
                ep.set_timer(now_ns, RTO, recovery.timer_at_ns, why.RTO_ARMED)
            ep.stop_timer(now_ns, LOSS)
        else:
            ep.stop_timer(now_ns, RTO)
            if ep.timers.at[LOSS] != recovery.timer_at_ns:
                ep.set_timer(now_ns, LOSS, recovery.timer_at_ns, why.RTO_ARMED)

    def stop_timers(self, ep: Endpoint, now_ns: int) -> None:
        """TIME-WAIT: nothing of ours is outstanding any more."""
        for timer in (RTO, LOSS, PERSIST, OVERRIDE, USER):
            ep.stop_timer(now_ns, timer)

    # --- looks -----------------------------------------------------------------------------------------------

    def cwnd(self) -> int:
        """Congestion window, bytes."""
        return self.recovery.cc.cwnd

    def ssthresh(self) -> int:
        """Slow start threshold, bytes."""
        return self.recovery.cc.ssthresh

    def phase(self) -> str:
        """Where congestion control and recovery are, for people."""
        return self.recovery.phase_name()

    def srtt_ns(self) -> int:
        """Smoothed round-trip time; 0 before the first sample."""
        return self.recovery.rtt.srtt_ns

    def rttvar_ns(self) -> int:
        """Round-trip time variation."""
        return self.recovery.rtt.rttvar_ns

    def backoff(self) -> int:
        """How often the RTO was doubled in a row."""
        return self.recovery.rtt.backoffs


_RESEND_REASONS: Final = {
    "timeout": why.RESEND_TIMEOUT,
    "fast": why.RESEND_FAST,
    "partial": why.RESEND_PARTIAL,
    "sack": why.RESEND_SACK,
    "rack": why.RESEND_RACK,
    "tlp": why.RESEND_TLP,
    "fin": why.RESEND_FIN,
    "go-back": why.RESEND_GO_BACK,
}
