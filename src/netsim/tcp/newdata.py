"""New data: may a segment leave now, and what is in it?

Nagle (RFC 9293 §3.7.4), the sender's silly-window avoidance (§3.8.6.2.1), PSH (§3.9.1.2), the FIN in
its place after the last octet, segmentation offload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.base.packet import ACK, FIN, PSH, Segment
from netsim.base.reasons import Reason
from netsim.base.seqnum import seq_add
from netsim.tcp import pathmtu, tso
from netsim.tcp import reasons as why
from netsim.tcp.pathmtu import MtuProbe
from netsim.tcp.recovery.base import RECOVERY as RECOVERY_PHASE
from netsim.tcp.recovery.reasons import LIMITED_TRANSMIT
from netsim.tcp.recovery.scoreboard import SENT_EOR, SENT_FIN, SENT_PROBE, SENT_PUSH
from netsim.tcp.sendqueue import NOT_QUEUED, SendQueue
from netsim.tcp.sendspace import size_goal
from netsim.tcp.timers import OVERRIDE, PERSIST, RTO

if TYPE_CHECKING:
    from netsim.tcp.endpoint import Endpoint


class NewData(SendQueue):
    """Decides when new data leaves, and builds the segment."""

    __slots__ = ()

    def _new_after_timeout(self) -> bool:
        """F-RTO allows two new segments before anything is resent."""
        return self.nxt - self.recovery.high_seq < 2 * self.recovery.smss

    def _poll_new(self, ep: Endpoint, now_ns: int) -> Segment | None:
        """New data, if window, congestion window, Nagle and silly-window avoidance allow it."""
        if not ep.syn_acked and not self._may_send_before_established(ep):
            return None
        mss = self.room(ep)
        available = self.buffer.end + 1 - self.nxt
        usable = self.una + self.snd.wnd - self.nxt
        if ep.fast_open and not ep.syn_acked:
            usable += 1  # the SYN,ACK takes no room in the window (tcp_create_openreq_child: snd_una is after it)
        if available <= 0:
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
            if held is why.HELD_SWS and usable < size:
                self._window_held = True
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
        push = self._force_push and self.una == self.nxt
        self._force = self._force_push = False
        return self._send_new(ep, now_ns, size, push)

    def _rate(self) -> int:
        """Bytes per second that sending aims at, paced or not; 0: not known yet."""
        if self.gate is not None and self.gate.paced:
            return self.gate.rate
        cc = self.recovery.cc
        in_flight = self.nxt - self.una
        return tso.pacing_rate(self.profile, cc.cwnd, cc.ssthresh, in_flight, self.recovery.rtt.srtt_ns)

    def _offload_bytes(
        self, ep: Endpoint, now_ns: int, mss: int, available: int, usable: int, allowed: int
    ) -> int:  # fmt: skip
        """How much one segment for the network interface holds: whole segments, and the last partial one.

        0: it is better to wait for a larger piece (tcp_tso_should_defer).
        """
        recovery = self.recovery
        cc, rtt, sb = recovery.cc, recovery.rtt, recovery.sb
        flying = recovery.in_flight_segs()
        most = tso.autosize_segments(self.profile, self._rate(), mss, rtt.min_rtt_ns)
        segments = tso.goal_segments(most, mss, cc.cwnd // recovery.smss, flying)
        # The user's bytes lie in buffers of at most half of the peer's largest window (tcp_bound_to_half_wnd); later,
        # when an ACK lets them go, one is filled up from the next (tcp_grow_skb).
        goal = size_goal(mss, self.snd.max_wnd) // mss
        segments = max(1, min(segments, goal if self._writing else 2 * goal))
        end = self._end_of_record(available)
        wanted = end or available
        first = sb.first()
        if first is not None and recovery.phase < RECOVERY_PHASE:
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
                max_bytes=most * mss,
            ):
                return 0
        limit = segments * mss
        size = min(wanted, usable, limit)
        partial = size % mss
        if partial and (self._is_corked() or self._nagle_holds(idle=first is None, last=True)):
            size -= partial
        return size

    def _may_send_before_established(self, ep: Endpoint) -> bool:
        """Before our SYN is acknowledged only Fast Open lets data go (RFC 7413), and CLOSE a FIN."""
        return ep.fast_open or (self.fin_offset != NOT_QUEUED and self.unsent_bytes() == 0)

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
            self._window_held = allowed > 0  # tcp_write_xmit asks the congestion window first
            self._window_is_closed(ep, now_ns)
            return why.HELD_WINDOW
        if allowed <= 0 or (allowed < size and self.una != self.nxt):
            self._cwnd_held = True
            return why.HELD_CWND
        if size >= mss and usable >= mss:
            return None  # (1) a full-sized segment
        if self._force or self._tlp_new:
            return None  # (4) the override timer; or a tail loss probe, which Nagle does not hold
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
            profile = self.profile
            delay = self.recovery.rtt.rto_ns if profile.sws_override_probes else profile.sws_override_ns
            ep.set_timer(now_ns, OVERRIDE, now_ns + delay, why.SWS_OVERRIDE)
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

    def _poll_mtu_probe(self, ep: Endpoint, now_ns: int, search: MtuProbe) -> tuple[bool, Segment | None]:
        """RFC 4821: (True, a larger segment or None: wait), or False: nothing to try now."""
        size = pathmtu.probe_bytes(ep, now_ns, search) if ep.syn_acked else pathmtu.GO_ON
        if size == pathmtu.GO_ON:
            return False, None
        if size == pathmtu.WAIT:
            if ep.recording:
                ep.held(now_ns, self.unsent_bytes(), why.HELD_MTU_PROBE)
            return True, None
        start = self.nxt
        seg = ep.make_segment(now_ns, seq_add(self.snd.iss, start), ACK, self.buffer.peek(start - 1, size))
        self._mark_urgent(seg)
        if ep.neg.ecn:
            seg.tos |= 2
        self._record(now_ns, size, SENT_PROBE)
        self.snd.nxt = seq_add(self.snd.iss, self.nxt)
        pathmtu.probe_left(ep, search, start, self.nxt)
        ep.receiver.ack_policy.on_data_sent(now_ns)
        self._left(ep, now_ns, seg, why.MTU_PROBE, "")
        return True, seg

    def piece_bytes(self, ep: Endpoint, seg: Segment) -> int:
        """In pieces of which size a device without segmentation offload would get `seg`: a probe stays whole."""
        search = self.search
        if search is not None and search.size:
            if seq_add(seg.seq, len(seg.payload)) == seq_add(self.snd.iss, search.end):
                return len(seg.payload)
        return self.segment_bytes(ep)

    def _poll_fin(self, ep: Endpoint, now_ns: int, usable: int) -> Segment | None:
        """All data is sent; the FIN takes the next number. It needs room in the window like an octet."""
        if self.fin_offset == NOT_QUEUED or self.fin_sent:
            return None
        if usable <= 0 and self.una != self.nxt:
            return None
        if usable <= 0 and self.snd.wnd == 0 and ep.syn_acked:
            self._window_is_closed(ep, now_ns)
            return None
        if self.profile.fin_needs_cwnd and self.una != self.nxt and not self._tlp_new:
            if self.recovery.may_send_bytes(now_ns) <= 0:
                self._cwnd_held = True
                if ep.recording:
                    ep.held(now_ns, 0, why.HELD_CWND)
                return None
        self._tlp_new = False
        return self._send_new(ep, now_ns, 0)

    def _send_new(self, ep: Endpoint, now_ns: int, size: int, push: bool = False) -> Segment:
        """Build the segment at SND.NXT, count it as sent, start the timer."""
        offset = self.nxt
        seq = seq_add(self.snd.iss, offset)
        payload = self.buffer.peek(offset - 1, size) if size else b""
        end = offset + size
        flags = ACK
        sent_flags = 0
        reason = why.DATA
        if push:
            flags |= PSH
            sent_flags |= SENT_PUSH
        recovery = self.recovery
        if recovery.duplicates and recovery.phase < RECOVERY_PHASE and end - self.una > recovery.cc.cwnd:
            reason = LIMITED_TRANSMIT
        if size and self._is_pushed(offset, end):
            flags |= PSH
            sent_flags |= SENT_PUSH
            if reason is why.DATA:
                reason = why.DATA_PUSHED
        if end == self.fin_offset and (size == 0 or self.una + self.snd.wnd > end):
            flags |= FIN
            sent_flags |= SENT_FIN
            self.fin_sent = True
            reason = why.FIN_SENT
        if self.eor_marks and end in self.eor_marks:
            sent_flags |= SENT_EOR
        seg = ep.make_segment(now_ns, seq, flags, payload)
        room = self.segment_bytes(ep)
        if seg.sack:
            room -= 4 + 8 * len(seg.sack)
        if size > room and self.profile.tso:
            seg.flags |= PSH  # tcp_transmit_skb: every segment for offload is pushed; its parts are not marked
        self._mark_urgent(seg)
        if ep.neg.ecn and size:
            seg.tos |= 2
        if size and size % room and not push:
            self._small_end = end
        self._record(now_ns, size + (1 if flags & FIN else 0), sent_flags, room if seg.sack else 0)
        if push:
            self.recovery.restart_rto(now_ns)  # tcp_write_wakeup: no tail loss probe, and Minshall does not count it
        self.snd.nxt = seq_add(self.snd.iss, self.nxt)
        if size:
            ep.receiver.ack_policy.on_data_sent(now_ns)
        self._left(ep, now_ns, seg, reason, "")
        if size and end == self.buffer.end + 1:
            ep.stop_timer(now_ns, OVERRIDE)
        return seg

    def _is_pushed(self, start: int, end: int) -> bool:
        """PSH: the send buffer runs empty (MUST-61), or the end of a pushed write lies in this segment."""
        if end == self.buffer.end + 1 and not self.corked and not self.profile.push_at_end_of_write:
            return True
        marks = self.push_marks
        while marks and marks[0] <= start:
            del marks[0]  # what lies before it has left already
        if not marks or marks[0] > end:
            return False
        return end in marks if self.profile.push_at_end_of_write else True
