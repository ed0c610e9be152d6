"""CUBIC as Linux computes it (net/ipv4/tcp_cubic.c): whole segments, milliseconds, 10-bit fractions.

The same curve as RFC 9438 in another arithmetic, whose rounding decides which ACK adds the
next segment. Differs from the RFC in that cwnd (not FlightSize) is reduced, a timeout forgets
W_max, before the first loss growth is at least 5 % a round trip, and an undo restores the window only.
"""

from __future__ import annotations

from typing import Final

from netsim.base.units import MS, SEC
from netsim.tcp.congestion.base import CongestionControl
from netsim.tcp.congestion.cubic import cube_root
from netsim.tcp.congestion.hystart import HyStart

_BETA: Final = 717
"""Of 1024: the RFC's 0.7."""
_SCALE: Final = 410
"""C = 0.4 in units of 1/1024, times 10."""
_CUBE_SHIFT: Final = 40
_RENO_SCALE: Final = 15
"""8 * (1 + beta) / (3 * (1 - beta)), in eighths: how many ACKs Reno with this beta needs for a segment."""
_REPEAT_MS: Final = 31
"""With an unchanged window the curve is looked at once in 1/32 s."""


class LinuxCubic(CongestionControl):
    """Linux's default. cwnd and ssthresh are multiples of smss."""

    __slots__ = (
        "_ack_count", "_at_ms", "_count", "_credit", "_delay_min_ns", "_epoch_ms", "_k", "_last_cwnd", "_origin",
        "_reno_cwnd", "hystart", "w_max_segs",
    )  # fmt: skip

    name: str = "cubic"

    def __init__(self, smss: int, initial_cwnd: int, *, hystart: HyStart | None = None) -> None:
        super().__init__(smss, initial_cwnd, counts_segments=True)
        self.hystart = hystart
        self.wants_rtt = True
        self._credit = 0
        self._forget()

    def _forget(self) -> None:
        self._count = 0
        self.w_max_segs = 0
        self._last_cwnd = 0
        self._at_ms = 0
        self._origin = 0
        self._k = 0
        self._delay_min_ns = 0
        self._epoch_ms = -1
        self._ack_count = 0
        self._reno_cwnd = 0

    def on_ack(self, now_ns: int, acked_bytes: int, srtt_ns: int, is_cwnd_limited: bool) -> None:
        """Slow start by all that was acknowledged; above ssthresh one segment per `_count` acknowledged ones."""
        if not is_cwnd_limited:
            return
        smss = self.smss
        cwnd = self.cwnd
        if cwnd < self.ssthresh:
            room = self.ssthresh - cwnd
            if acked_bytes <= room:
                self.cwnd = cwnd + acked_bytes
                return
            self.cwnd = cwnd = self.ssthresh
            acked_bytes -= room
        acked = acked_bytes // smss
        if acked <= 0:
            return
        segs = cwnd // smss
        self._update(now_ns // MS, segs, acked)
        # Credit earned under a larger count is spent at once; the rest counts towards the next segment.
        count = self._count
        if self._credit >= count:
            self._credit = 0
            segs += 1
        self._credit += acked
        if self._credit >= count:
            segs += self._credit // count
            self._credit %= count
        self.cwnd = segs * smss

    def _update(self, now_ms: int, cwnd: int, acked: int) -> None:
        """Set `_count`: how many acknowledged segments are worth one more."""
        self._ack_count += acked
        if self._last_cwnd == cwnd and now_ms - self._at_ms <= _REPEAT_MS:
            return
        if self._epoch_ms < 0 or now_ms != self._at_ms:
            self._follow_curve(now_ms, cwnd, acked)
        # At least as fast as Reno would be (RFC 9438 §4.3).
        per_segment = cwnd * _RENO_SCALE >> 3
        while self._ack_count > per_segment:
            self._ack_count -= per_segment
            self._reno_cwnd += 1
        if self._reno_cwnd > cwnd:
            reno_count = cwnd // (self._reno_cwnd - cwnd)
            if self._count > reno_count:
                self._count = reno_count
        if self._count < 2:
            self._count = 2

    def _follow_curve(self, now_ms: int, cwnd: int, acked: int) -> None:
        self._last_cwnd = cwnd
        self._at_ms = now_ms
        if self._epoch_ms < 0:
            self._epoch_ms = now_ms
            self._ack_count = acked
            self._reno_cwnd = cwnd
            if self.w_max_segs <= cwnd:
                self._k = 0
                self._origin = cwnd
            else:
                self._k = cube_root((1 << _CUBE_SHIFT) // _SCALE * (self.w_max_segs - cwnd))
                self._origin = self.w_max_segs
        # Time in 1/1024 s, one round trip ahead.
        t = ((now_ms - self._epoch_ms + (self._delay_min_ns + MS - 1) // MS) << 10) // 1000
        distance = self._k - t if t < self._k else t - self._k
        delta = _SCALE * distance * distance * distance >> _CUBE_SHIFT
        target = self._origin - delta if t < self._k else self._origin + delta
        self._count = cwnd // (target - cwnd) if target > cwnd else 100 * cwnd
        if self.w_max_segs == 0 and self._count > 20:
            self._count = 20

    def on_congestion(self, now_ns: int, flight_bytes: int) -> None:
        """Let ssthresh = 0.7 * cwnd, at least two segments; fast convergence as in RFC 9438 §4.7."""
        cwnd = self.cwnd // self.smss
        self._epoch_ms = -1
        self._credit = 0
        self.w_max_segs = cwnd * (1024 + _BETA) // 2048 if cwnd < self.w_max_segs else cwnd
        self.ssthresh = max(cwnd * _BETA // 1024, 2) * self.smss

    def set_paced(self) -> None:
        """HyStart gives the ACK train a whole round trip (Linux: hystart_update)."""
        if self.hystart is not None:
            self.hystart.paced = True

    def on_loss_state(self) -> None:
        """A timeout: forget the curve."""
        self._forget()
        self._credit = 0
        if self.hystart is not None:
            self.hystart.reset(0, 0)

    def on_idle(self, now_ns: int, idle_ns: int) -> None:
        """Time without data in flight is no time on the curve."""
        if self._epoch_ms >= 0:
            self._epoch_ms = min(self._epoch_ms + idle_ns // MS, now_ns // MS)

    def on_rtt(self, now_ns: int, rtt_ns: int, una: int, nxt: int) -> None:
        """Delay samples, but not in the first second of a stage, where the queue still drains."""
        if self._epoch_ms >= 0 and now_ns // MS - self._epoch_ms < SEC // MS:
            return
        if self._delay_min_ns == 0 or rtt_ns < self._delay_min_ns:
            self._delay_min_ns = rtt_ns if rtt_ns > 0 else 1
        if self.hystart is not None:
            self.hystart.note_delay(rtt_ns)
            if self.cwnd < self.ssthresh and self.hystart.on_rtt(now_ns, rtt_ns, una, nxt, self.cwnd // self.smss):
                self.ssthresh = self.cwnd
                self.left_slow_start = self.hystart.found
