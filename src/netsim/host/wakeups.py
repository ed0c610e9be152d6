"""When to wake which connection: one lazy heap for all of a host's connections.

A deadline that moves to a later time (the retransmission timer does so with every ACK) stays
where it is on the heap: the connection is woken early, finds nothing due, and is put back.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from netsim.tcp.timers import NEVER

if TYPE_CHECKING:
    from netsim.host.slot import Slot


class Wakeups:
    """The heap. Idle connections without a timer are not on it at all."""

    __slots__ = ("_heap", "_serial")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Slot]] = []
        self._serial = 0

    def push(self, slot: Slot, at_ns: int) -> None:
        """Wake `slot` at `at_ns`, which is earlier than its `wake_ns`."""
        slot.later_ns = slot.wake_ns
        slot.wake_ns = at_ns
        self._serial += 1
        heappush(self._heap, (at_ns, self._serial, slot))

    def next(self) -> int | None:
        """The earliest entry: not later than any deadline. None: there is none."""
        return self._heap[0][0] if self._heap else None

    def pop(self, now_ns: int) -> Slot | None:
        """A connection whose entry has come; None: no more. It may turn out not to be due."""
        heap = self._heap
        if not heap or heap[0][0] > now_ns:
            return None
        at_ns, _, slot = heappop(heap)
        if at_ns == slot.wake_ns:
            slot.wake_ns = slot.later_ns
            slot.later_ns = NEVER
        return slot
