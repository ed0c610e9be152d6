"""How much may be sent: the interface of a congestion control. Bytes and nanoseconds, no connection."""

from __future__ import annotations

from typing import Final

INFINITE_SSTHRESH: Final = 0x7FFFFFFF
"""The initial slow start threshold: arbitrarily high (RFC 5681 §3.1), shown as "no threshold yet"."""


def initial_window_bytes(smss: int, segments: int) -> int:
    """The initial window for `segments` = 10: RFC 6928 §2, min(10*MSS, max(2*MSS, 14600)).

    segments 0 means RFC 5681 §3.1: 4, 3 or 2 segments by their size. Another number means
    just so many segments (Linux ignores the 14600 bytes; a route may set initcwnd).
    """
    if segments == 10:
        return min(10 * smss, max(2 * smss, 14600))
    if segments == 0:
        if smss > 2190:
            return 2 * smss
        return 3 * smss if smss > 1095 else 4 * smss
    return segments * smss


class CongestionControl:
    """Base class: cwnd and ssthresh, and what moves them.

    cwnd, ssthresh: bytes
    smss:   sender maximum segment size (bytes)
    counts_segments: cwnd moves in whole segments and `acked_bytes` is a multiple of smss (Linux);
            else bytes are counted (RFC 5681)

    The caller (loss recovery) owns the phases: `on_ack` is called only where the window may grow.
    """

    __slots__ = ("counts_segments", "cwnd", "left_slow_start", "smss", "ssthresh", "wants_rtt")

    name: str = "none"

    def __init__(self, smss: int, initial_cwnd: int, *, counts_segments: bool = False) -> None:
        self.smss = smss
        self.cwnd = initial_cwnd
        self.ssthresh = INFINITE_SSTHRESH
        self.counts_segments = counts_segments
        self.left_slow_start = ""
        """Why slow start was left early ("train" or "delay"), until the caller has taken note of it."""
        self.wants_rtt = False
        """`on_rtt` is of use to this variant."""

    def in_slow_start(self) -> bool:
        """Whether cwnd is below ssthresh."""
        return self.cwnd < self.ssthresh

    def on_ack(self, now_ns: int, acked_bytes: int, srtt_ns: int, is_cwnd_limited: bool) -> None:
        """New data was acknowledged (or delivered) outside loss recovery: the window may grow."""
        raise NotImplementedError

    def on_rtt(self, now_ns: int, rtt_ns: int, una: int, nxt: int) -> None:
        """A round trip of `rtt_ns` was measured by an ACK that moved una; for delay-aware variants."""

    def on_congestion(self, now_ns: int, flight_bytes: int) -> None:
        """A loss or an ECN mark: set ssthresh. cwnd is moved by the caller's reduction (halving or PRR)."""
        raise NotImplementedError

    def on_rto(self, now_ns: int, flight_bytes: int) -> None:
        """The retransmission timer expired on data not yet resent by it: set ssthresh; cwnd by the caller."""
        self.on_congestion(now_ns, flight_bytes)

    def on_loss_state(self) -> None:
        """A timeout began (with or without a new ssthresh): forget the growth so far."""

    def on_idle(self, now_ns: int, idle_ns: int) -> None:
        """Sending begins again after nothing was in flight for `idle_ns`."""

    def set_paced(self) -> None:
        """From now on segments are spread over the round trip: an ACK train is longer than the queue makes it."""

    def on_undo(self, prior_cwnd: int, prior_ssthresh: int) -> None:
        """The last reduction was wrong: take it back."""
        if prior_cwnd > self.cwnd:
            self.cwnd = prior_cwnd
        if prior_ssthresh > self.ssthresh:
            self.ssthresh = prior_ssthresh

    def set_smss(self, smss: int) -> None:
        """The segment size changed (path MTU). Where segments are counted, their number stays."""
        if self.counts_segments:
            self.cwnd = self.cwnd // self.smss * smss
            if self.ssthresh != INFINITE_SSTHRESH:
                self.ssthresh = self.ssthresh // self.smss * smss
        self.smss = smss
