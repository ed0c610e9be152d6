"""CUBIC, RFC 9438, in integer arithmetic over bytes and microseconds.

W_cubic(t) = C * (t - K)^3 + W_max, K = cubic_root((W_max - cwnd_epoch) / C), with C = 0.4
segments per second cubed and beta = 0.7. Written over bytes and microseconds, C is
4 * SMSS / 10^19, so everything is a quotient of integers.
"""

from __future__ import annotations

from typing import Final

from netsim.base.units import US
from netsim.tcp.congestion.base import CongestionControl
from netsim.tcp.congestion.hystart import HyStart

_PER_C: Final = 10**19
"""10^18 (microseconds cubed in a second cubed) times 10, over C's 4."""
_EST_SHIFT: Final = 16


def cube_root(value: int) -> int:
    """The largest r with r**3 <= value, for value >= 0."""
    if value < 8:
        return 1 if value else 0
    root = 1 << (value.bit_length() + 2) // 3
    while True:
        better = (2 * root + value // (root * root)) // 3
        if better >= root:
            return root
        root = better


class Cubic(CongestionControl):
    """RFC 9438.

    w_max:      window before the last reduction (bytes), lowered by fast convergence (§4.7)
    cwnd_prior: cwnd before the last reduction
    epoch_ns:   when the current congestion avoidance stage began, -1 = not yet
    k_us:       K
    hystart:    None or the slow start exit of §4.10
    """

    __slots__ = (
        "_after_rto", "_est", "_left", "_saved", "cwnd_prior", "epoch_ns", "fast_convergence", "hystart", "k_us",
        "slow_start_limit", "w_max",
    )  # fmt: skip

    name: str = "cubic"

    def __init__(
        self,
        smss: int,
        initial_cwnd: int,
        *,
        slow_start_limit: int = 1,
        fast_convergence: bool = True,
        hystart: HyStart | None = None,
    ) -> None:
        super().__init__(smss, initial_cwnd)
        self.slow_start_limit = slow_start_limit
        self.fast_convergence = fast_convergence
        self.hystart = hystart
        self.wants_rtt = hystart is not None
        self.w_max = 0
        self.cwnd_prior = 0
        self.epoch_ns = -1
        self.k_us = 0
        self._est = 0  # W_est, bytes << _EST_SHIFT
        self._left = 0  # what did not make a whole byte yet
        self._after_rto = False
        self._saved = (0, 0, -1, 0, 0)

    def on_ack(self, now_ns: int, acked_bytes: int, srtt_ns: int, is_cwnd_limited: bool) -> None:
        """§4.2-4.5: slow start below ssthresh; else towards W_cubic(t + RTT), at least as fast as Reno."""
        if not is_cwnd_limited:
            return
        if self.cwnd < self.ssthresh:
            limit = self.slow_start_limit * self.smss
            growth = min(acked_bytes, limit) if limit else acked_bytes
            self.cwnd = min(self.cwnd + growth, self.ssthresh)
            return
        if self.epoch_ns < 0:
            self._begin_epoch(now_ns)
        self._grow(now_ns, acked_bytes, srtt_ns)

    def _begin_epoch(self, now_ns: int) -> None:
        """§4.2: K from how far W_max lies above; after a timeout, and before any loss, K = 0 (§4.8)."""
        self.epoch_ns = now_ns
        self._est = self.cwnd << _EST_SHIFT
        self._left = 0
        if self._after_rto or self.w_max <= self.cwnd:
            self._after_rto = False
            self.w_max = self.cwnd
            self.k_us = 0
        else:
            self.k_us = cube_root((self.w_max - self.cwnd) * _PER_C // (4 * self.smss))

    def window_at(self, t_us: int) -> int:
        """W_cubic(t), bytes."""
        distance = t_us - self.k_us
        cube = 4 * self.smss * distance * distance * distance
        return self.w_max + (cube // _PER_C if cube >= 0 else -(-cube // _PER_C))

    def _grow(self, now_ns: int, acked_bytes: int, srtt_ns: int) -> None:
        cwnd = self.cwnd
        t_us = (now_ns - self.epoch_ns) // US
        # W_est (§4.3): alpha = 3 * (1 - beta) / (1 + beta) = 9/13 until cwnd_prior is reached, then 1.
        gain = (acked_bytes * self.smss << _EST_SHIFT) // cwnd
        self._est += gain if self._est >> _EST_SHIFT >= self.cwnd_prior else gain * 9 // 13
        estimate = self._est >> _EST_SHIFT
        if self.window_at(t_us) < estimate:
            if estimate > cwnd:
                self.cwnd = estimate
            return
        target = self.window_at(t_us + srtt_ns // US)
        if target < cwnd:
            target = cwnd
        elif target > cwnd + (cwnd >> 1):
            target = cwnd + (cwnd >> 1)
        step = (target - cwnd) * acked_bytes + self._left
        self.cwnd = cwnd + step // cwnd
        self._left = step % cwnd

    def on_congestion(self, now_ns: int, flight_bytes: int) -> None:
        """§4.6, §4.7: ssthresh = 0.7 * flight size, W_max = cwnd, or less if it did not get back there."""
        cwnd = self.cwnd
        self._saved = (self.w_max, self.cwnd_prior, self.epoch_ns, self.k_us, self._est)
        self.w_max = cwnd * 17 // 20 if cwnd < self.w_max and self.fast_convergence else cwnd
        self.cwnd_prior = cwnd
        self.epoch_ns = -1
        self.ssthresh = max(flight_bytes * 7 // 10, 2 * self.smss)

    def on_rto(self, now_ns: int, flight_bytes: int) -> None:
        """§4.8: as for a loss; the next stage starts with K = 0 from where it is."""
        self.on_congestion(now_ns, flight_bytes)
        self._after_rto = True

    def set_paced(self) -> None:
        """HyStart gives the ACK train a whole round trip (Linux: hystart_update)."""
        if self.hystart is not None:
            self.hystart.paced = True

    def on_loss_state(self) -> None:
        """Measure the round trips anew."""
        if self.hystart is not None:
            self.hystart.reset(0, 0)

    def on_idle(self, now_ns: int, idle_ns: int) -> None:
        """§5.8: time without data in flight does not count as growth."""
        if self.epoch_ns >= 0:
            self.epoch_ns = min(self.epoch_ns + idle_ns, now_ns)

    def on_rtt(self, now_ns: int, rtt_ns: int, una: int, nxt: int) -> None:
        """§4.10: leave slow start before it overshoots."""
        if self.hystart is not None and self.cwnd < self.ssthresh:
            segs = self.cwnd // self.smss
            if self.hystart.on_rtt(now_ns, rtt_ns, una, nxt, segs):
                self.ssthresh = self.cwnd
                self.left_slow_start = self.hystart.found

    def on_undo(self, prior_cwnd: int, prior_ssthresh: int) -> None:
        """§4.9: the reduction was spurious; everything as before."""
        super().on_undo(prior_cwnd, prior_ssthresh)
        self.w_max, self.cwnd_prior, self.epoch_ns, self.k_us, self._est = self._saved
        self._after_rto = False
