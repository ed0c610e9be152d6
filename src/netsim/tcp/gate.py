"""What stands between a sender that may send and the wire: pacing, and a device that takes nothing.

Most connections have no gate at all. With one, `Departing` (departing.py) asks it before every segment.
Pacing follows Linux's earliest-departure-time model (net/ipv4/tcp_output.c: tcp_pacing_check,
tcp_update_skb_after_send; tcp_input.c: tcp_update_pacing_rate), which its own timer and the qdisc fq share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.units import MS, SEC
from netsim.tcp import tso

if TYPE_CHECKING:
    from netsim.tcp.profile.base import Profile
    from netsim.tcp.recovery.machine import LossRecovery

RETRY_NS: Final = 500 * MS
"""TCP_RESOURCE_PROBE_INTERVAL: the next try after the device refused, without back-off."""
NO_LIMIT: Final = -1
"""`ConnectionOptions.max_pacing_bps`: paced, at no given rate."""


class Gate:
    """State of one connection's gate.

    paced:         segments are spread over time         rate: bytes per second, 0 = no limit (yet)
    departs_ns:    the next segment leaves no earlier (Linux: tcp_wstamp_ns)
    refuses:       the queue of the device takes no packet
    failed_probes: tries in a row that it refused        first_probe_ns: when the first of them was, -1 = none
    """

    __slots__ = ("departs_ns", "failed_probes", "first_probe_ns", "max_rate", "paced", "rate", "refuses", "timer_at_ns")

    def __init__(self) -> None:
        self.paced = False
        self.rate = 0
        self.max_rate = 0
        self.departs_ns = 0
        self.refuses = False
        self.failed_probes = 0
        self.first_probe_ns = -1
        self.timer_at_ns = -1
        """The transmit timer as it was last delayed: it counts from the departure."""

    def pace(self, max_pacing_bps: int) -> None:
        """Segments are paced; SO_MAX_PACING_RATE (0, NO_LIMIT: none) takes effect at once (sk_setsockopt)."""
        self.paced = True
        self.max_rate = max_pacing_bps // 8 if max_pacing_bps > 0 else 0
        if self.max_rate and (not self.rate or self.rate > self.max_rate):
            self.rate = self.max_rate

    def update_rate(self, profile: Profile, recovery: LossRecovery) -> None:
        """An ACK came: the rate follows the window and the round trip."""
        cc, sb = recovery.cc, recovery.sb
        rate = tso.pacing_rate(profile, cc.cwnd, cc.ssthresh, sb.nxt - sb.una, recovery.rtt.srtt_ns)
        if self.max_rate and (not rate or rate > self.max_rate):
            rate = self.max_rate
        self.rate = rate

    def left(self, now_ns: int, size: int, free: bool) -> None:
        """`size` bytes leave; `free`: they cost no time (the first segments of a connection).

        Time that passed since the last departure is a credit of up to half of the new delay.
        """
        before = self.departs_ns
        departs = now_ns if now_ns > before else before
        if self.paced and self.rate and not free:
            delay = size * SEC // self.rate
            departs += delay - min(delay // 2, departs - before)
        self.departs_ns = departs

    def delay_timer(self, now_ns: int, recovery: LossRecovery) -> None:
        """The transmit timer was started anew: it runs from the time when the next segment may leave."""
        if recovery.timer_at_ns != self.timer_at_ns:
            if recovery.timer_at_ns >= 0 and self.departs_ns > now_ns:
                recovery.timer_at_ns += self.departs_ns - now_ns
            self.timer_at_ns = recovery.timer_at_ns
