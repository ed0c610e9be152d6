"""HyStart: leave slow start when ACKs or delays say that the pipe is full.

The algorithm of Linux's tcp_cubic (hystart_update): an ACK train longer than half the
smallest round trip, or round trips grown by an eighth of it.
"""

from __future__ import annotations

from typing import Final

from netsim.base.units import MS

LOW_WINDOW_SEGS: Final = 16
"""Below this window it stays silent (hystart_low_window)."""
MIN_SAMPLES: Final = 8
"""Samples in a round before its smallest delay counts (HYSTART_MIN_SAMPLES)."""
DELAY_MIN_NS: Final = 4 * MS
DELAY_MAX_NS: Final = 16 * MS
ACK_DELTA_NS: Final = 2 * MS
"""ACKs closer than this belong to one train (hystart_ack_delta_us)."""
TRAIN_SLACK_NS: Final = 1 * MS
"""What pacing may stretch the train by (hystart_ack_delay, at most 1 ms)."""
_NO_RTT: Final = (1 << 62) - 1


class HyStart:
    """State of one connection.

    delay_min_ns: smallest round trip seen, 0 = none
    found:  "" or what was found: "train" or "delay"
    paced:  sending is paced, so a train may be a whole round trip long
    """

    __slots__ = (
        "_current_ns", "_end", "_last_ack_ns", "_round_ns", "_samples", "delay_min_ns", "detect_delay",
        "detect_train", "found", "paced",
    )  # fmt: skip

    def __init__(self, *, detect_train: bool = True, detect_delay: bool = True, paced: bool = False) -> None:
        self.detect_train = detect_train
        self.detect_delay = detect_delay
        self.paced = paced
        self.delay_min_ns = 0
        self.found = ""
        self._end = 0
        self._round_ns = 0
        self._last_ack_ns = 0
        self._current_ns = _NO_RTT
        self._samples = 0

    def reset(self, now_ns: int, nxt: int) -> None:
        """Begin anew, as after a timeout."""
        self.found = ""
        self.delay_min_ns = 0
        self._begin_round(now_ns, nxt)

    def _begin_round(self, now_ns: int, nxt: int) -> None:
        self._round_ns = now_ns
        self._last_ack_ns = now_ns
        self._end = nxt
        self._current_ns = _NO_RTT
        self._samples = 0

    def note_delay(self, rtt_ns: int) -> None:
        """Keep the smallest round trip."""
        if self.delay_min_ns == 0 or rtt_ns < self.delay_min_ns:
            self.delay_min_ns = rtt_ns if rtt_ns > 0 else 1

    def on_rtt(self, now_ns: int, rtt_ns: int, una: int, nxt: int, cwnd_segs: int) -> bool:
        """A sample in slow start; True if it is time to leave it."""
        self.note_delay(rtt_ns)
        if self.found:
            return False
        if una > self._end:
            self._begin_round(now_ns, nxt)
        if cwnd_segs < LOW_WINDOW_SEGS:
            return False
        if self.detect_train and now_ns - self._last_ack_ns <= ACK_DELTA_NS:
            self._last_ack_ns = now_ns
            threshold = self.delay_min_ns + TRAIN_SLACK_NS
            if not self.paced:
                threshold >>= 1
            if now_ns - self._round_ns > threshold:
                self.found = "train"
        if self.detect_delay:
            if rtt_ns < self._current_ns:
                self._current_ns = rtt_ns
            if self._samples < MIN_SAMPLES:
                self._samples += 1
            elif self._current_ns > self.delay_min_ns + min(max(self.delay_min_ns >> 3, DELAY_MIN_NS), DELAY_MAX_NS):
                self.found = "delay"
        return bool(self.found)
