"""A window that never moves: for lessons and measurements without congestion control."""

from __future__ import annotations

from netsim.tcp.congestion.base import CongestionControl


class Fixed(CongestionControl):
    """cwnd stays what it was; losses are repaired, but do not slow the sender."""

    __slots__ = ()

    name: str = "fixed"

    def on_ack(self, now_ns: int, acked_bytes: int, srtt_ns: int, is_cwnd_limited: bool) -> None:
        """Nothing."""

    def on_congestion(self, now_ns: int, flight_bytes: int) -> None:
        """Let ssthresh = cwnd, so that every reduction ends where it began."""
        self.ssthresh = self.cwnd
