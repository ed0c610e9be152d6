"""Queue policies: what a link does with a packet that has to wait.

The seam has one method. A policy is told how many packets and bytes wait already, and how
long this packet would wait for its turn (a FIFO at a known rate: the wait is known when
it arrives). All arithmetic is in integers.
"""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING, Final

from netsim.base.seams import mypyc_attr
from netsim.base.units import MS

if TYPE_CHECKING:
    from random import Random

ADMIT: Final = 0
DROP_FULL: Final = 1
DROP_EARLY: Final = 2
MARK: Final = 3


@mypyc_attr(allow_interpreted_subclasses=True)
class QueuePolicy:
    """Decides the fate of a packet that must wait."""

    def admit(self, now_ns: int, wait_ns: int, packets: int, queued_bytes: int, size: int, ect: bool) -> int:
        """ADMIT, DROP_FULL, DROP_EARLY or MARK (admit, with ECN's CE set).

        `packets` and `queued_bytes` wait already, without the one being sent; `size` is this
        packet's; `ect`: its sender understands ECN (RFC 3168 §5).
        """
        raise NotImplementedError

    def describe(self) -> str:
        """For people: `drop-tail, 1000 packets`."""
        raise NotImplementedError


class Waiting:
    """The packets that wait for their turn: when the transmission of each starts, and its size, in this order.

    octets: of all that wait
    """

    __slots__ = ("_gone", "_sizes", "_starts", "octets")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._sizes: list[int] = []
        self._gone = 0  # so many at the front wait no more
        self.octets = 0

    def packets(self) -> int:
        """How many wait."""
        return len(self._starts) - self._gone

    def enter(self, starts_ns: int, size: int) -> None:
        """One more, whose turn comes last."""
        self._starts.append(starts_ns)
        self._sizes.append(size)
        self.octets += size

    def leave(self, now_ns: int) -> None:
        """The transmission of those whose turn has come has started."""
        starts = self._starts
        index = self._gone
        while index < len(starts) and starts[index] <= now_ns:
            self.octets -= self._sizes[index]
            index += 1
        if index >= _MANY and 2 * index >= len(starts):
            del starts[:index], self._sizes[:index]
            index = 0
        self._gone = index

    def after(self, now_ns: int) -> list[tuple[int, int]]:
        """(start, size) of those whose turn comes after `now_ns`."""
        found = []
        for index in range(self._gone, len(self._starts)):
            if self._starts[index] > now_ns:
                found.append((self._starts[index], self._sizes[index]))
        return found

    def clear(self) -> None:
        """Nobody waits any more."""
        if self._starts:
            self._starts.clear()
            self._sizes.clear()
            self._gone = 0
            self.octets = 0


_MANY: Final = 256


def _overfull(packets: int, queued_bytes: int, size: int, limit_packets: int, limit_bytes: int) -> bool:
    return (0 < limit_packets <= packets) or (0 < limit_bytes < queued_bytes + size)


def _limits(limit_packets: int, limit_bytes: int) -> str:
    parts = []
    if limit_packets:
        parts.append(f"{limit_packets} packets")
    if limit_bytes:
        parts.append(f"{limit_bytes} bytes")
    return " and ".join(parts) or "no limit"


class DropTail(QueuePolicy):
    """First in, first out; what finds the queue full is dropped. A limit of 0 means none."""

    def __init__(self, limit_packets: int = 1000, limit_bytes: int = 0) -> None:
        self.limit_packets = limit_packets
        self.limit_bytes = limit_bytes

    def admit(self, now_ns: int, wait_ns: int, packets: int, queued_bytes: int, size: int, ect: bool) -> int:
        """DROP_FULL beyond the limit, else ADMIT."""
        if 0 < self.limit_packets <= packets or 0 < self.limit_bytes < queued_bytes + size:
            return DROP_FULL
        return ADMIT

    def describe(self) -> str:
        """`drop-tail, 1000 packets`."""
        return f"drop-tail, {_limits(self.limit_packets, self.limit_bytes)}"


class StepMark(QueuePolicy):
    """Marks ECN-capable packets when `mark_packets` or more wait (as RFC 8257 §3.1 asks of a switch).

    What does not understand ECN meets a drop-tail queue.
    """

    def __init__(self, mark_packets: int = 20, limit_packets: int = 1000, limit_bytes: int = 0) -> None:
        self.mark_packets = mark_packets
        self.limit_packets = limit_packets
        self.limit_bytes = limit_bytes

    def admit(self, now_ns: int, wait_ns: int, packets: int, queued_bytes: int, size: int, ect: bool) -> int:
        """DROP_FULL beyond the limit, MARK from the threshold on, else ADMIT."""
        if _overfull(packets, queued_bytes, size, self.limit_packets, self.limit_bytes):
            return DROP_FULL
        if ect and packets >= self.mark_packets:
            return MARK
        return ADMIT

    def describe(self) -> str:
        """`ECN marks from 20 packets on, 1000 packets`."""
        return f"ECN marks from {self.mark_packets} packets on, {_limits(self.limit_packets, self.limit_bytes)}"


_WEIGHT_SHIFT: Final = 9
_SCALE_SHIFT: Final = 16


class Red(QueuePolicy):
    """Random Early Detection (Floyd and Jacobson 1993; RFC 7567 §4.3 on why queues drop early).

    The average queue (weight 1/512) between `min_packets` and `max_packets` drops, or with
    ECN marks, with a probability that grows linearly up to 1/`inverse_max_p`; beyond that
    everything is dropped. The count since the last drop spreads the drops evenly.
    """

    def __init__(
        self,
        rng: Random,
        min_packets: int = 5,
        max_packets: int = 15,
        inverse_max_p: int = 50,
        limit_packets: int = 1000,
        limit_bytes: int = 0,
    ) -> None:
        self.min_packets = min_packets
        self.max_packets = max_packets
        self.inverse_max_p = inverse_max_p
        self.limit_packets = limit_packets
        self.limit_bytes = limit_bytes
        self._rng = rng
        self._average = 0
        self._since_drop = 0

    def admit(self, now_ns: int, wait_ns: int, packets: int, queued_bytes: int, size: int, ect: bool) -> int:
        """DROP_FULL beyond the limit, DROP_EARLY or MARK by chance, else ADMIT."""
        self._average += ((packets << _SCALE_SHIFT) - self._average) >> _WEIGHT_SHIFT
        if _overfull(packets, queued_bytes, size, self.limit_packets, self.limit_bytes):
            self._since_drop = 0
            return DROP_FULL
        low = self.min_packets << _SCALE_SHIFT
        high = self.max_packets << _SCALE_SHIFT
        if self._average < low:
            self._since_drop = 0
            return ADMIT
        if self._average >= high:
            self._since_drop = 0
            return MARK if ect else DROP_EARLY
        # p = max_p * (avg - min) / (max - min), raised to p / (1 - count * p)
        self._since_drop += 1
        numerator = self._average - low
        denominator = self.inverse_max_p * (high - low) - self._since_drop * numerator
        if denominator <= 0 or self._rng.randrange(denominator) < numerator:
            self._since_drop = 0
            return MARK if ect else DROP_EARLY
        return ADMIT

    def describe(self) -> str:
        """`RED 5-15 packets, 1000 packets`."""
        return f"RED {self.min_packets}-{self.max_packets} packets, {_limits(self.limit_packets, self.limit_bytes)}"


class CoDel(QueuePolicy):
    """Controlled Delay (RFC 8289): drops or marks while packets wait longer than `target_ns`.

    RFC 8289 decides when a packet leaves the queue. A FIFO at a known rate knows that
    instant when the packet arrives (`now_ns + wait_ns`), so the decision is taken then.
    """

    def __init__(
        self,
        target_ns: int = 5 * MS,
        interval_ns: int = 100 * MS,
        limit_packets: int = 1000,
        limit_bytes: int = 0,
    ) -> None:
        self.target_ns = target_ns
        self.interval_ns = interval_ns
        self.limit_packets = limit_packets
        self.limit_bytes = limit_bytes
        self._first_above_ns = 0
        self._dropping = False
        self._drop_next_ns = 0
        self._count = 0
        self._last_count = 0

    def _control_law(self, t_ns: int) -> int:
        """RFC 8289 §5.5: t + interval / sqrt(count)."""
        return t_ns + self.interval_ns * 1024 // isqrt(self._count << 20)

    def admit(self, now_ns: int, wait_ns: int, packets: int, queued_bytes: int, size: int, ect: bool) -> int:
        """DROP_FULL beyond the limit, DROP_EARLY or MARK by the control law, else ADMIT."""
        if _overfull(packets, queued_bytes, size, self.limit_packets, self.limit_bytes):
            return DROP_FULL
        leave_ns = now_ns + wait_ns
        ok_to_drop = False
        if wait_ns < self.target_ns:
            self._first_above_ns = 0
        elif self._first_above_ns == 0:
            self._first_above_ns = leave_ns + self.interval_ns
        else:
            ok_to_drop = leave_ns >= self._first_above_ns
        if self._dropping:
            if not ok_to_drop:
                self._dropping = False
            elif leave_ns >= self._drop_next_ns:
                self._count += 1
                self._drop_next_ns = self._control_law(self._drop_next_ns)
                return MARK if ect else DROP_EARLY
        elif ok_to_drop:
            self._dropping = True
            delta = self._count - self._last_count
            recently = leave_ns - self._drop_next_ns < 16 * self.interval_ns
            self._count = delta if delta > 1 and recently else 1
            self._last_count = self._count
            self._drop_next_ns = self._control_law(leave_ns)
            return MARK if ect else DROP_EARLY
        return ADMIT

    def describe(self) -> str:
        """`CoDel 5 ms / 100 ms, 1000 packets`."""
        limits = _limits(self.limit_packets, self.limit_bytes)
        return f"CoDel {self.target_ns // MS} ms / {self.interval_ns // MS} ms, {limits}"
