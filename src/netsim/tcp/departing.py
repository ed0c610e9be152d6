"""What a gate does to the sender: paced departures, and packets that the device refuses.

Linux: tcp_write_xmit and tcp_xmit_retransmit_queue stop at tcp_pacing_check; a packet that the queueing
discipline drops makes __tcp_transmit_skb enter CWR, stays unsent, and is tried again by the probe timer
(tcp_check_probe_timer, tcp_send_probe0) or, after a timeout, by tcp_retransmit_timer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.tcp import reasons as why
from netsim.tcp.gate import Gate
from netsim.tcp.resending import Resending
from netsim.tcp.sendqueue import NOT_QUEUED
from netsim.tcp.timers import PACING, PERSIST, RTO

if TYPE_CHECKING:
    from netsim.tcp.endpoint import Endpoint


class Departing(Resending):
    """The sender before a gate."""

    __slots__ = ()

    def follow_gate_options(self) -> None:
        """The profile or SO_MAX_PACING_RATE changed: is there pacing, and how fast at most?"""
        limit = self.options.max_pacing_bps
        gate = self.gate
        if not self.profile.pacing and not limit:
            if gate is not None and not gate.refuses:
                self.gate = None
            elif gate is not None:
                gate.paced = False
            return
        if gate is None:
            gate = self.gate = Gate()
            gate.update_rate(self.profile, self.recovery)
        gate.pace(limit)
        self.recovery.cc.set_paced()

    def set_refusing(self, refuses: bool) -> None:
        """The device's queue takes no packet any more, or does again. What waits is tried again by a timer."""
        if refuses and self.gate is None:
            self.gate = Gate()
        if self.gate is not None:
            self.gate.refuses = refuses

    def _is_gated(self, ep: Endpoint, now_ns: int, gate: Gate) -> bool:
        """Nothing leaves now, because of the gate."""
        if gate.refuses:
            self._try_refusing_device(ep, now_ns)
        elif not gate.paced or gate.departs_ns <= now_ns or self.recovery.forced:
            return False
        elif self._has_something_to_send():
            if ep.timers.at[PACING] != gate.departs_ns:
                ep.set_timer(now_ns, PACING, gate.departs_ns, why.HELD_PACING)
            if ep.recording:
                ep.held(now_ns, self.unsent_bytes(), why.HELD_PACING)
        if self._sent_new or self._cwnd_held:
            self.recovery.after_sending(now_ns, self._sent_new)
            self._sent_new = self._cwnd_held = False
        return True

    def _has_something_to_send(self) -> bool:
        return (
            self.recovery.may_resend()
            or self.nxt - 1 < self.buffer.end
            or (self.fin_offset != NOT_QUEUED and not self.fin_sent)
        )

    def _try_refusing_device(self, ep: Endpoint, now_ns: int) -> None:
        """Where a segment would leave, the device drops it, and TCP knows (NET_XMIT_DROP)."""
        recovery = self.recovery
        ready = self.unsent_bytes() > 0
        if not recovery.may_resend() or recovery.next_resend(now_ns, ready) is None:
            if not self._would_send_new(ep, now_ns):
                return
        self._tlp_new = False
        recovery.probing = False
        if ep.recording:
            ep.held(now_ns, self.unsent_bytes(), why.HELD_LOCAL_DROP)
        self.locally_dropped(ep, now_ns)
        if self.una == self.nxt and not ep.timers.is_set(PERSIST) and not ep.timers.is_set(RTO):
            delay = max(recovery.rtt.rto_ns, self.profile.rto_min_ns)
            ep.set_timer(now_ns, PERSIST, now_ns + delay, why.LOCAL_RETRY_ARMED)

    def _would_send_new(self, ep: Endpoint, now_ns: int) -> bool:
        """Would new data or the FIN leave now, if the device took it?"""
        if not self._has_something_to_send() or (not ep.syn_acked and not self._may_send_before_established(ep)):
            return False
        mss = self.room(ep)
        available = self.buffer.end + 1 - self.nxt
        usable = self.una + self.snd.wnd - self.nxt
        if available <= 0:
            return usable > 0 and not self.fin_sent
        allowed = max(self.recovery.may_send_bytes(now_ns), mss if self._tlp_new else 0)
        size = min(available, mss)
        eor = self._end_of_record(size)
        return self._why_held(ep, now_ns, eor or size, mss, available, usable, allowed, eor > 0) is None

    def unsent_in_window(self) -> bool:
        """Something waits that the peer's window would take."""
        return self._has_something_to_send() and self.una + self.snd.wnd > self.nxt

    def force_next(self) -> None:
        """The next segment leaves however small it is, and is pushed (tcp_write_wakeup)."""
        self._force = self._force_push = True

    def locally_dropped(self, ep: Endpoint, now_ns: int) -> None:
        """A packet of ours, whatever it was, did not even reach the wire: congestion at our own device."""
        recovery = self.recovery
        recovery.reasons.clear()
        recovery.enter_cwr_for_local_drop(now_ns)
        if ep.recording:
            self._tell_recovery(ep, now_ns)
