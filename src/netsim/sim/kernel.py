"""The discrete-event kernel: one heap, integer nanoseconds, one documented order.

Events at the same instant run in the order of `(t_ns, priority, serial)`: arrivals before
timers before applications, and what was scheduled first runs first. Nothing else decides:
no wall clock, no hash order, no thread.
"""

from __future__ import annotations

from heapq import heappop, heappush, heappushpop
from random import Random
from typing import Any, Final

from netsim.base.errors import UsageError
from netsim.base.seams import mypyc_attr

ARRIVAL: Final = 0
"""Priority of packets that arrive."""
TIMER: Final = 1
"""Priority of protocol timers."""
APPLICATION: Final = 2
"""Priority of applications and of scripted calls."""

PRIORITY_NAMES: Final = ("arrival", "timer", "application")


@mypyc_attr(allow_interpreted_subclasses=True)
class Action:
    """Something the kernel can run. Subclasses override `run` and `describe`."""

    def run(self, now_ns: int) -> bool:
        """Do it. False: there turned out to be nothing to do (a lazily moved timer): not a step."""
        raise NotImplementedError

    def describe(self) -> str:
        """What will happen, for people."""
        return type(self).__name__


class Pending:
    """A look at one scheduled event: when, which priority, its handle, and what it will do."""

    __slots__ = ("action", "at_ns", "handle", "priority")

    def __init__(self, at_ns: int, priority: int, handle: int, action: Action) -> None:
        self.at_ns = at_ns
        self.priority = priority
        self.handle = handle
        self.action = action


Entry = tuple[Any, ...]
"""(when, priority, serial, what): typed no further, so that compiled code does not take it apart in passing."""


class Simulator:
    """Virtual time, and the events that make it move.

    `steps` counts the events run so far: the stepper's numbers. `seed` names the run:
    every component that needs chance has its own generator, `rng(name)`, so that a new
    component does not change the draws of the others.
    """

    def __init__(self, seed: int | str = 1) -> None:
        self.seed = seed
        self.now_ns = 0
        self.last_ns = 0
        """When the last event ran; `now_ns` may have moved on to the end of the run since."""
        self.steps = 0
        self.stopped = False
        self._heap: list[Entry] = []
        self._newest: Entry | None = None
        """An entry that is not on the heap yet: most events schedule one successor, and to exchange is less work."""
        self._serial = 0
        self._cancelled: set[int] = set()

    def rng(self, name: str) -> Random:
        """A new generator for the component called `name`: the same draws in every run with this seed."""
        return Random(f"{self.seed}/{name}")

    def reserve(self) -> int:
        """Take a serial now for an event that is put on the heap later (`schedule_reserved`)."""
        self._serial += 1
        return self._serial

    def schedule(self, at_ns: int, priority: int, action: Action) -> int:
        """Run `action` at `at_ns`; the handle returned serves `cancel`. UsageError: that is in the past."""
        if at_ns < self.now_ns:
            raise UsageError(f"cannot schedule at {at_ns} ns: it is {self.now_ns} ns already")
        self._serial += 1
        self.schedule_reserved(at_ns, priority, self._serial, action)
        return self._serial

    def schedule_reserved(self, at_ns: int, priority: int, serial: int, action: Action) -> None:
        """Like `schedule`, with the place in the order that `reserve` gave."""
        if self._newest is not None:
            heappush(self._heap, self._newest)
        self._newest = (at_ns, priority, serial, action)

    def _entries(self) -> list[Entry]:
        """The heap, with everything on it."""
        if self._newest is not None:
            heappush(self._heap, self._newest)
            self._newest = None
        return self._heap

    def cancel(self, handle: int) -> None:
        """Forget an event that has not run. It leaves the heap when its time comes."""
        self._cancelled.add(handle)

    def stop(self) -> None:
        """Let `run` return after the event that is running."""
        self.stopped = True

    def next_at(self) -> int | None:
        """When the next event is due; None if nothing is scheduled."""
        heap = self._entries()
        while heap:
            if heap[0][2] not in self._cancelled:
                at_ns: int = heap[0][0]
                return at_ns
            self._cancelled.discard(heappop(heap)[2])
        return None

    def step(self, until_ns: int = -1) -> bool:
        """Run exactly one event, not later than `until_ns` (-1: whenever). False: there was none."""
        heap = self._heap
        while True:
            if self._newest is not None:
                entry = heappushpop(heap, self._newest)
                self._newest = None
            elif heap:
                entry = heappop(heap)
            else:
                return False
            at_ns: int = entry[0]
            if 0 <= until_ns < at_ns:
                self._newest = entry
                return False
            if self._cancelled and entry[2] in self._cancelled:
                self._cancelled.discard(entry[2])
                continue
            action: Action = entry[3]
            self.now_ns = at_ns
            if action.run(at_ns):
                self.steps += 1
                self.last_ns = at_ns
                return True

    def run(self, until_ns: int = -1, max_steps: int = -1) -> int:
        """Run events until the heap is empty, `until_ns` has passed, or `max_steps` were run.

        Returns the number of events run. With `until_ns`, time stands at `until_ns` in the
        end (unless stopped earlier). -1 means: no such limit.
        """
        first = self.steps
        self.stopped = False
        while not self.stopped:
            if 0 <= max_steps <= self.steps - first:
                return self.steps - first
            if not self.step(until_ns):
                break
        if until_ns > self.now_ns and not self.stopped:
            self.now_ns = until_ns
        return self.steps - first

    def pending(self) -> list[Pending]:
        """Every scheduled event in the order in which it will run (a copy; for the stepper)."""
        heap = self._entries()
        entries = sorted((entry[0], entry[1], entry[2]) for entry in heap if entry[2] not in self._cancelled)
        actions = {entry[2]: entry[3] for entry in heap}
        return [Pending(at_ns, priority, serial, actions[serial]) for at_ns, priority, serial in entries]
