"""The sending half's variables, the user's side of them, and what every sent segment does.

Positions: *offsets* count from the ISS (SYN = 0, first data octet = 1, FIN = one more), as in
`recovery.scoreboard`; the send buffer's own offsets are one less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.events import RttSampled
from netsim.base.packet import URG, Segment
from netsim.base.reasons import Reason
from netsim.base.seqnum import seq_add, seq_diff, seq_gt
from netsim.tcp import chrono, sendspace
from netsim.tcp import reasons as why
from netsim.tcp.buffers import SendBuffer
from netsim.tcp.chrono import Chrono
from netsim.tcp.congestion.base import initial_window_bytes
from netsim.tcp.congestion.factory import make_congestion_control
from netsim.tcp.gate import Gate
from netsim.tcp.pathmtu import MtuProbe
from netsim.tcp.profile.base import ConnectionOptions, Profile
from netsim.tcp.profile.config import recovery_config, routed_recovery_config
from netsim.tcp.recovery.base import (
    TIMER_NONE,
    TIMER_RTO,
    AckInfo,
)
from netsim.tcp.recovery.machine import LossRecovery
from netsim.tcp.recovery.rated import RatedRecovery
from netsim.tcp.recovery.reasons import AVOIDANCE, IDLE_RESTART, SLOW_START
from netsim.tcp.tcb import SendSpace
from netsim.tcp.timers import LOSS, OVERRIDE, PACING, PERSIST, RTO, USER

if TYPE_CHECKING:
    from netsim.tcp.endpoint import Endpoint

NOT_QUEUED: Final = -1


class SendQueue:
    """SND.* and what belongs to it.

    buffer:      octets queued or unacknowledged          capacity: size of the send buffer
    una, nxt:    offsets of SND.UNA and SND.NXT            fin_offset: of our FIN once CLOSE was called
    """

    __slots__ = (
        "_ack", "_cwnd_held", "_force", "_force_push", "_idle_write_end", "_sent_new", "_small_end",
        "_tlp_new", "_told_cwnd", "_window_held", "_writing", "buffer", "capacity", "chrono", "corked",
        "eor_marks", "fin_offset", "fin_sent", "first_unanswered_ns", "gate", "nxt", "options", "persist_count",
        "probing", "profile", "push_marks", "pushed_to", "recovery", "restarted", "search", "snd", "starved",
        "timeouts", "una",
    )  # fmt: skip

    def __init__(self, profile: Profile, options: ConnectionOptions, snd: SendSpace) -> None:
        self.profile = profile
        self.options = options
        self.snd = snd
        self._told_cwnd = 0
        self._window_held = False
        self._writing = False
        """What leaves now leaves during the user's call, not later."""
        self.buffer = SendBuffer()
        self.capacity = options.snd_buffer or profile.snd_buffer
        self.chrono = Chrono()
        self.starved = False
        """The last write found less room than it wanted."""
        self.pushed_to = 1
        """Where PSH was set last (Linux: pushed_seq)."""
        self.una = 0
        self.nxt = 0
        self.fin_offset = NOT_QUEUED
        self.fin_sent = False
        self.push_marks: list[int] = []
        self.eor_marks: tuple[int, ...] = ()
        self.corked = False
        self.persist_count = 0
        self.probing = False
        self.timeouts = 0
        self.first_unanswered_ns = -1
        self.recovery = self._make_recovery(snd.mss)
        self.search: MtuProbe | None = None
        """RFC 4821: the search for a larger segment size, where the profile wants it."""
        self._ack = AckInfo()
        self._force = False
        self._force_push = False
        self._tlp_new = False
        self._sent_new = False
        self._cwnd_held = False
        self._small_end = 0
        self._idle_write_end = 0
        self.restarted = False
        """The window was restarted after idleness, and nobody was told yet."""
        self.gate: Gate | None = None
        """Pacing, or a device that refuses packets; None: neither."""
        if profile.pacing or options.max_pacing_bps:
            self.gate = Gate()
            self.gate.pace(options.max_pacing_bps)

    def _make_recovery(self, smss: int) -> LossRecovery:
        profile = self.profile
        route = self.options.route
        config = recovery_config(profile) if route is None else routed_recovery_config(profile, route)
        window = initial_window_bytes(smss, config.initial_window_segs)
        control = make_congestion_control(
            self.options.congestion_control or profile.congestion_control,
            smss,
            window,
            counts_segments=config.counts_segments,
            slow_start_limit=profile.slow_start_limit,
            hystart=profile.hystart,
        )
        if profile.pacing or self.options.max_pacing_bps:
            control.set_paced()
        rated = profile.buffer_counts_memory
        recovery = RatedRecovery(config, control, smss) if rated else LossRecovery(config, control, smss)
        recovery.offload = profile.tso
        return recovery

    def segment_bytes(self, ep: Endpoint) -> int:
        """Octets of data that fit into one segment beside the constant options (Eff.snd.MSS, MUST-16)."""
        size = self.snd.mss
        if ep.neg.timestamps:
            size -= 12
        if ep.options.md5_key:
            size -= 20
        return size

    def room(self, ep: Endpoint) -> int:
        """The same beside the SACK blocks that the next segment carries."""
        size = self.segment_bytes(ep)
        if ep.neg.sack and ep.receiver.owes_sack():
            blocks = ep.receiver.sack_blocks(ep.sack_limit())
            if blocks:
                size -= 4 + 8 * len(blocks)
        return size

    # --- the user's side ---

    def free_bytes(self) -> int:
        """Room in the send buffer."""
        return max(0, self.capacity - self.buffer_cost())

    def _goal(self) -> int:
        return sendspace.size_goal(self.recovery.smss, self.snd.max_wnd)

    def buffer_cost(self) -> int:
        """What the queued bytes count against the send buffer."""
        queued = len(self.buffer)
        return sendspace.cost(queued, self._goal()) if self.profile.buffer_counts_memory else queued

    def _fitting(self, now_ns: int, wanted: int, marks: list[int]) -> int:
        """How many of `wanted` bytes fit; in `marks` the ends of segments that are pushed, from the write's start."""
        if not self.profile.buffer_counts_memory:
            return min(wanted, self.free_bytes())
        usable = max(0, self.una + self.snd.wnd - self.nxt)
        return sendspace.how_much_fits(
            wanted=wanted,
            queued=len(self.buffer),
            unsent=self.unsent_bytes(),
            sendable=min(usable, max(0, self.recovery.may_send_bytes(now_ns))) if self.una else 0,
            goal=self._goal(),
            mss=self.recovery.smss,
            capacity=self.capacity,
            lowat=self.unsent_limit(),
            pushed=self.buffer.end + 1 - self.pushed_to,
            push_after=self.snd.max_wnd >> 1,
            marks=marks,
        )

    def unsent_limit(self) -> int:
        """TCP_NOTSENT_LOWAT in force; 0: none."""
        return self.options.notsent_lowat or self.profile.notsent_lowat

    def autotune(self, ep: Endpoint) -> None:
        """The user waits for room: a larger window needs a larger buffer (tcp_new_space)."""
        if self.starved and self.profile.buffer_counts_memory and not self.options.snd_buffer:
            self.expand_buffer(ep)

    def expand_buffer(self, ep: Endpoint) -> None:
        """A send buffer for twice the congestion window, at least ten segments (tcp_sndbuf_expand)."""
        recovery = self.recovery
        segments = recovery.cc.cwnd // recovery.smss
        mss = max(ep.neg.mss_clamp, recovery.smss)
        self.capacity = sendspace.grown(self.capacity, mss, segments, self.profile.snd_buffer_max)

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
        marks: list[int] = []
        taken = self._fitting(now_ns, len(data), marks)
        self.starved = taken < len(data)
        if taken <= 0:
            return 0
        if self.chrono.kind == chrono.BUFFER:
            self.chrono.stop(now_ns, chrono.BUFFER, idle=False)
        if self.una == self.nxt and self.recovery.before_new_data(now_ns):
            self.restarted = True
        self.chrono.start(now_ns, chrono.BUSY)
        self._writing = True
        if self.push_marks and self.profile.push_at_end_of_write:
            self._write_into_last_buffer()
        self.buffer.append(data if taken == len(data) else data[:taken])
        end = self.buffer.end + 1
        for mark in marks:
            self.push_marks.append(end - taken + mark)
            self.pushed_to = end - taken + mark
        if self.una == self.data_nxt() and self.data_nxt() + taken == end:
            self._idle_write_end = end
        if more:
            self.corked = True
        else:
            self.corked = False
            if push or self.profile.push_every_write:
                self.push_marks.append(end)
                self.pushed_to = end
        if end_of_record and taken == len(data):
            self.eor_marks = (*self.eor_marks, end)
        if urgent:
            # SND.UP points at the octet after the urgent ones (RFC 9293 §3.8.5).
            self.snd.urgent = True
            self.snd.up = seq_add(self.snd.iss, end)
        return taken

    def _write_into_last_buffer(self) -> None:
        """Linux: a write into the last buffer, if that has room and has not left, takes its PSH away (tcp_sendmsg)."""
        end = self.buffer.end + 1
        unsent = end - self.data_nxt()
        if unsent > 0 and self.push_marks[-1] == end and end not in self.eor_marks and unsent % self._goal():
            del self.push_marks[-1]

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

    def fin_waits(self) -> bool:
        """Our FIN is the next thing to send."""
        return self.fin_is_queued() and self.nxt == self.fin_offset

    def fin_is_queued(self) -> bool:
        """CLOSE was called, and the FIN has not left."""
        return self.fin_offset != NOT_QUEUED and not self.fin_sent

    def garbage_octet(self) -> bytes:
        """One octet of old data for a keep-alive probe."""
        return b"\0"

    def clear(self) -> None:
        """The connection is gone: flush the queues."""
        self.buffer.clear()
        self.push_marks.clear()
        self.eor_marks = ()
        self.una = self.nxt

    # --- what every segment of ours does ---

    def _record(self, now_ns: int, length: int, sent_flags: int, size: int = 0) -> None:
        """A record in the retransmission queue, or one per `size` octets."""
        start = self.nxt
        self.nxt = start + length
        if self.first_unanswered_ns < 0:
            self.first_unanswered_ns = now_ns
        self.recovery.on_transmit(now_ns, start, self.nxt, sent_flags, size)

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
        gate = self.gate
        if gate is not None:
            gate.left(now_ns, len(seg.payload), self.recovery.sb.sends <= self.profile.pacing_free_segs)
            gate.delay_timer(now_ns, self.recovery)
        self._arm_user_timeout(ep, now_ns)
        self.sync_timers(ep, now_ns)

    def _arm_user_timeout(self, ep: Endpoint, now_ns: int) -> None:
        limit = 0 if self.profile.user_timeout_at_rto else self.options.user_timeout_ns or self.profile.user_timeout_ns
        if limit and self.una != self.nxt and not ep.timers.is_set(USER):
            ep.set_timer(now_ns, USER, now_ns + limit, why.USER_TIMEOUT_ARMED)

    def _tell_rtt(self, ep: Endpoint, now_ns: int) -> None:
        rtt = self.recovery.rtt
        ep.sink.emit(RttSampled(now_ns, ep.host, ep.conn, rtt.latest_ns, rtt.srtt_ns, rtt.rttvar_ns, rtt.rto_ns))

    def tell_restart(self, ep: Endpoint, now_ns: int) -> None:
        """Sending begins again after idleness, with the restart window."""
        self.restarted = False
        if ep.recording:
            cc = self.recovery.cc
            self._told_cwnd = cc.cwnd
            ep.congestion_changed(now_ns, cc.cwnd, cc.ssthresh, self.recovery.phase_name(), IDLE_RESTART)

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

    def sync_timers(self, ep: Endpoint, now_ns: int) -> None:
        """The endpoint's RTO and loss timers follow what recovery asks for."""
        recovery = self.recovery
        kind = recovery.timer
        if ep.fast_open and not ep.syn_acked:
            return  # the timer belongs to the SYN,ACK; nothing else is resent before it is acknowledged (tcp_rearm_rto)
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
        for timer in (RTO, LOSS, PERSIST, OVERRIDE, USER, PACING):
            ep.stop_timer(now_ns, timer)

    # --- looks ---

    def rto_ns(self) -> int:
        """The retransmission timeout now, back-off included."""
        return self.recovery.rtt.rto_ns

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
