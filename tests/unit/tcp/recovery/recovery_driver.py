"""A bare sender around `LossRecovery`: no segments, no windows, no Nagle, just data by the MSS.

`events` holds what went out, as (milliseconds, "new" | "again", start, end).
"""

from __future__ import annotations

from netsim.base.units import MS
from netsim.tcp.congestion.factory import make_congestion_control
from netsim.tcp.recovery.base import (
    PROBE_LAST,
    PROBE_NEW,
    TIMER_NONE,
    TIMER_PROBE,
    TIMER_REORDER,
    TIMER_RTO,
    AckInfo,
    RecoveryConfig,
)
from netsim.tcp.recovery.machine import LossRecovery
from netsim.tcp.recovery.scoreboard import SENT_SYN


class Driver:
    """An established connection that was opened at 0 and whose SYN was acknowledged after `rtt_ms`."""

    def __init__(
        self, config: RecoveryConfig, *, mss: int = 1000, rtt_ms: int = 100, sack: bool = True, cc: str = "reno",
        hystart: bool = False, ecn: bool = False, ts_tick_ns: int = 1,
    ) -> None:  # fmt: skip
        self.now = 0
        self.mss = mss
        self.unsent = 0
        self.events: list[tuple[float, str, int, int]] = []
        control = make_congestion_control(
            cc, mss, 10 * mss, counts_segments=config.counts_segments,
            slow_start_limit=0 if config.counts_segments else 1, hystart=hystart,
        )  # fmt: skip
        self.r = LossRecovery(config, control, mss)
        self.info = AckInfo()
        self.r.on_transmit(0, 0, 1, SENT_SYN)
        self.nxt = 1
        self.now = rtt_ms * MS
        self.info.ack = 1
        self.r.on_ack(self.now, self.info)
        self.r.on_established(self.now, mss, sack_ok=sack, ecn=ecn, ts_tick_ns=ts_tick_ns)
        self.probe_new = 0

    # what the network and the application do

    def wait(self, ms: float) -> None:
        """Let time pass, firing the transmit timer where it is due."""
        until = self.now + round(ms * MS)
        while 0 <= self.r.deadline() <= until:
            self.now = max(self.now, self.r.deadline())
            self._fire()
        self.now = until

    def write(self, size: int) -> list[tuple[str, int, int]]:
        self.r.before_new_data(self.now)
        self.unsent += size
        return self.pump()

    def ack(
        self, ack: int, *sack: tuple[int, int], after: float = 0, data: bool = False, window: bool = False,
        ece: bool = False, echo_ms: int = -1,
    ) -> list[tuple[str, int, int]]:  # fmt: skip
        """An ACK after `after` milliseconds; returns what it lets out."""
        self.wait(after)
        info = self.info
        info.ack = ack
        info.sack = sack
        info.has_data = data
        info.window_changed = window
        info.ece = ece
        info.ts_echo_ns = echo_ms * MS if echo_ms >= 0 else -1
        info.window_end = 1 << 40
        info.new_data_ready = self.unsent > 0
        self.r.on_ack(self.now, info)
        return self.pump()

    # what the sender does

    def pump(self) -> list[tuple[str, int, int]]:
        before = len(self.events)
        r = self.r
        if r.new_first:
            self._send_new()
        while (record := r.next_resend(self.now, self.unsent > 0)) is not None:
            r.on_retransmit(self.now, record)
            self._log("again", record.start, record.end)
        sent = self._send_new()
        r.after_sending(self.now, sent)
        return [event[1:] for event in self.events[before:]]

    def _send_new(self) -> bool:
        sent = False
        while self.unsent and self.r.may_send_bytes(self.now) >= min(self.mss, self.unsent):
            self._send_one()
            sent = True
        return sent

    def _send_one(self) -> None:
        size = min(self.mss, self.unsent)
        self.unsent -= size
        self.r.on_transmit(self.now, self.nxt, self.nxt + size)
        self._log("new", self.nxt, self.nxt + size)
        self.nxt += size

    def _log(self, what: str, start: int, end: int) -> None:
        self.events.append((self.now / MS, what, start, end))

    def _fire(self) -> None:
        r = self.r
        if r.timer == TIMER_RTO:
            r.on_rto(self.now)
        elif r.timer == TIMER_REORDER:
            r.on_reorder_timer(self.now)
        elif r.timer == TIMER_PROBE:
            action = r.on_probe_timer(self.now, self.unsent > 0)
            if action == PROBE_NEW:
                self._send_one()
            elif action == PROBE_LAST:
                record = r.probe_record()
                assert record is not None
                r.on_retransmit(self.now, record)
                self._log("again", record.start, record.end)
            return
        else:
            assert r.timer != TIMER_NONE
        self.pump()

    # looks

    @property
    def cwnd(self) -> int:
        return self.r.cc.cwnd

    @property
    def cwnd_segs(self) -> int:
        return self.r.cc.cwnd // self.mss

    @property
    def ssthresh_segs(self) -> int:
        return self.r.cc.ssthresh // self.mss

    @property
    def codes(self) -> list[str]:
        return [reason.code for reason in self.r.reasons]

    def at(self, index: int) -> tuple[float, str, int, int]:
        return self.events[index]
