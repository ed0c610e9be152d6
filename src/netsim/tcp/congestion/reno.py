"""Reno: slow start and congestion avoidance of RFC 5681 §3.1."""

from __future__ import annotations

from netsim.tcp.congestion.base import CongestionControl


class Reno(CongestionControl):
    """Additive increase, multiplicative decrease.

    slow_start_limit: how many segments one ACK may add in slow start. RFC 5681 §3.1 allows
        min(N, SMSS), which is 1; RFC 3465's L = 2 is FreeBSD's abc_l_var; 0 = all that was acknowledged (Linux)
    half_of_cwnd: ssthresh from cwnd instead of FlightSize (Linux tcp_reno_ssthresh)
    """

    __slots__ = ("_count", "half_of_cwnd", "slow_start_limit")

    name: str = "reno"

    def __init__(
        self,
        smss: int,
        initial_cwnd: int,
        *,
        counts_segments: bool = False,
        slow_start_limit: int = 1,
        half_of_cwnd: bool = False,
    ) -> None:
        super().__init__(smss, initial_cwnd, counts_segments=counts_segments)
        self.slow_start_limit = slow_start_limit
        self.half_of_cwnd = half_of_cwnd
        self._count = 0

    def on_ack(self, now_ns: int, acked_bytes: int, srtt_ns: int, is_cwnd_limited: bool) -> None:
        """Slow start: up to `slow_start_limit` segments an ACK; avoidance: one segment a window."""
        if not is_cwnd_limited:
            return
        if self.cwnd < self.ssthresh:
            acked_bytes = self.slow_start(acked_bytes)
            if acked_bytes <= 0:
                return
        self.avoid(acked_bytes, self.cwnd)

    def slow_start(self, acked_bytes: int) -> int:
        """Grow by what was acknowledged, up to ssthresh; returns the bytes left for avoidance."""
        limit = self.slow_start_limit * self.smss
        growth = acked_bytes if limit == 0 or acked_bytes < limit else limit
        room = self.ssthresh - self.cwnd
        if growth <= room:
            self.cwnd += growth
            return 0
        self.cwnd = self.ssthresh
        return growth - room

    def avoid(self, acked_bytes: int, window: int) -> None:
        """Byte counting (RFC 5681 §3.1, recommended): when `window` bytes were acknowledged, one segment more."""
        self._count += acked_bytes
        if self._count >= window:
            self._count -= window
            self.cwnd += self.smss

    def on_congestion(self, now_ns: int, flight_bytes: int) -> None:
        """RFC 5681 equation (4): ssthresh = max(FlightSize / 2, 2 * SMSS)."""
        self._count = 0
        base = self.cwnd if self.half_of_cwnd else flight_bytes
        half = base // self.smss // 2 * self.smss if self.counts_segments else base // 2
        self.ssthresh = max(half, 2 * self.smss)

    def on_loss_state(self) -> None:
        """Start counting anew."""
        self._count = 0
