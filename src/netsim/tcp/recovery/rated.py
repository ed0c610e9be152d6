"""Loss recovery that also measures how fast data is delivered (Linux: net/ipv4/tcp_rate.c; tcpi_delivery_rate).

A sample compares what was delivered between a segment's departure and its acknowledgement with the longer of the
times that sending and acknowledging took, so that neither bursts nor aggregated ACKs make it too high.
Only connections whose profile wants the figure are of this kind; the others pay nothing for it.
"""

from __future__ import annotations

from netsim.base.units import SEC
from netsim.tcp.congestion.base import CongestionControl
from netsim.tcp.recovery.base import AckInfo, RecoveryConfig
from netsim.tcp.recovery.machine import LossRecovery
from netsim.tcp.recovery.scoreboard import Sent


class RatedRecovery(LossRecovery):
    """rate_segs, rate_ns: the last sample worth keeping; 0 segments: there is none."""

    __slots__ = ("_delivered_ns", "_first_sent_ns", "_starts", "rate_ns", "rate_segs")

    def __init__(self, config: RecoveryConfig, cc: CongestionControl, smss: int) -> None:
        super().__init__(config, cc, smss)
        self.rate_segs = 0
        self.rate_ns = 0
        self._first_sent_ns = 0
        """When the segment left that the last sample ended with."""
        self._delivered_ns = 0
        """When something was delivered last."""
        self._starts: dict[int, tuple[int, int, int, int]] = {}
        """Per transmission: what was delivered then, when, the start of the sending interval, its own time."""

    def on_transmit(self, now_ns: int, start: int, end: int, flags: int = 0, size: int = 0) -> None:
        """Remember where delivery stands when new data leaves."""
        before = self.sb.sends
        if not self.sb.packets_out():
            self._first_sent_ns = self._delivered_ns = now_ns
        super().on_transmit(now_ns, start, end, flags, size)
        for order in range(before + 1, self.sb.sends + 1):
            self._remember(order, now_ns)

    def on_retransmit(self, now_ns: int, record: Sent) -> None:
        """The same for a copy."""
        self._starts.pop(record.order, None)
        super().on_retransmit(now_ns, record)
        self._remember(record.order, now_ns)

    def _remember(self, order: int, now_ns: int) -> None:
        self._starts[order] = (self.delivered_segs, self._delivered_ns, self._first_sent_ns, now_ns)

    def on_ack(self, now_ns: int, info: AckInfo) -> None:
        """The segment sent last among those delivered now gives the sample."""
        sb = self.sb
        newest = 0
        gone: list[int] = []
        for record in sb.records[sb.head :]:
            if record.end > info.ack:
                break
            gone.append(record.order)
            if not record.sacked and record.order > newest:
                newest = record.order
        calm, delivered = self.calm, self.delivered_segs
        super().on_ack(now_ns, info)
        if (not calm or info.sack) and sb.newest_order > newest:
            newest = sb.newest_order
        start = self._starts.get(newest)
        for order in gone:
            self._starts.pop(order, None)
        if self.delivered_segs == delivered:
            return
        self._delivered_ns = now_ns
        if start is not None:
            self._sample(now_ns, start)

    def _sample(self, now_ns: int, start: tuple[int, int, int, int]) -> None:
        delivered, delivered_ns, first_sent_ns, sent_ns = start
        self._first_sent_ns = sent_ns
        interval = max(sent_ns - first_sent_ns, now_ns - delivered_ns)
        if interval < self.rtt.min_rtt_ns or interval <= 0:
            return  # shorter than a round trip can be: ACKs of a copy's original
        segments = self.delivered_segs - delivered
        if segments > 0:
            self.rate_segs, self.rate_ns = segments, interval

    def delivery_rate(self) -> int:
        """Bytes per second; 0: not known yet."""
        return self.rate_segs * self.smss * SEC // self.rate_ns if self.rate_ns else 0
