from __future__ import annotations

import pytest

from netsim.base.errors import UsageError
from netsim.sim.kernel import APPLICATION, ARRIVAL, TIMER, Action, Simulator


class Note(Action):
    def __init__(self, log: list[str], text: str, worth: bool = True) -> None:
        self.log = log
        self.text = text
        self.worth = worth

    def run(self, now_ns: int) -> bool:
        self.log.append(f"{now_ns}:{self.text}")
        return self.worth

    def describe(self) -> str:
        return self.text


def test_equal_times_run_arrivals_then_timers_then_applications_each_in_order_of_scheduling() -> None:
    sim = Simulator()
    log: list[str] = []
    for priority, text in ((APPLICATION, "app"), (TIMER, "timer 1"), (ARRIVAL, "packet"), (TIMER, "timer 2")):
        sim.schedule(5, priority, Note(log, text))
    sim.schedule(4, APPLICATION, Note(log, "earlier"))
    assert [pending.action.describe() for pending in sim.pending()] == [
        "earlier", "packet", "timer 1", "timer 2", "app",
    ]  # fmt: skip
    assert sim.run() == 5
    assert log == ["4:earlier", "5:packet", "5:timer 1", "5:timer 2", "5:app"]


def test_a_reserved_place_keeps_its_order() -> None:
    sim = Simulator()
    log: list[str] = []
    serial = sim.reserve()
    sim.schedule(5, ARRIVAL, Note(log, "second"))
    sim.schedule_reserved(5, ARRIVAL, serial, Note(log, "first"))
    sim.run()
    assert log == ["5:first", "5:second"]


def test_a_cancelled_event_never_runs_and_is_not_counted() -> None:
    sim = Simulator()
    log: list[str] = []
    handle = sim.schedule(1, TIMER, Note(log, "no"))
    sim.schedule(2, TIMER, Note(log, "yes"))
    sim.cancel(handle)
    assert sim.next_at() == 2
    assert len(sim.pending()) == 1
    assert sim.run() == 1
    assert log == ["2:yes"]


def test_an_event_with_nothing_to_do_is_not_a_step() -> None:
    sim = Simulator()
    log: list[str] = []
    sim.schedule(1, TIMER, Note(log, "moved away", worth=False))
    sim.schedule(2, TIMER, Note(log, "real"))
    assert sim.step()
    assert sim.now_ns == 2
    assert sim.steps == 1
    assert not sim.step()


def test_run_until_includes_the_instant_and_leaves_time_there() -> None:
    sim = Simulator()
    log: list[str] = []
    sim.schedule(10, TIMER, Note(log, "at"))
    sim.schedule(11, TIMER, Note(log, "after"))
    assert sim.run(until_ns=9) == 0
    assert sim.now_ns == 9
    assert sim.run(until_ns=10) == 1
    assert sim.run(until_ns=50) == 1
    assert sim.now_ns == 50


def test_run_stops_after_so_many_steps() -> None:
    sim = Simulator()
    log: list[str] = []
    for t in range(5):
        sim.schedule(t, TIMER, Note(log, "x"))
    assert sim.run(max_steps=3) == 3
    assert sim.now_ns == 2
    assert sim.run(max_steps=0) == 0


def test_stop_ends_a_run_after_the_running_event() -> None:
    class Stopper(Action):
        def run(self, now_ns: int) -> bool:
            sim.stop()
            return True

    sim = Simulator()
    log: list[str] = []
    sim.schedule(1, TIMER, Stopper())
    sim.schedule(2, TIMER, Note(log, "later"))
    assert sim.run(until_ns=100) == 1
    assert sim.now_ns == 1
    sim.run()
    assert log == ["2:later"]


def test_the_past_is_refused() -> None:
    sim = Simulator()
    sim.schedule(5, TIMER, Note([], "x"))
    sim.run()
    with pytest.raises(UsageError, match="already"):
        sim.schedule(4, TIMER, Note([], "x"))


def test_generators_depend_on_seed_and_name_only() -> None:
    def draw(seed: int, name: str) -> int:
        return Simulator(seed).rng(name).randrange(10**9)

    assert draw(1, "a") == draw(1, "a")
    assert draw(1, "a") != draw(1, "b")
    assert draw(1, "a") != draw(2, "a")
    assert draw(1, "a") == 738_868_004, "the draws of a seed are the same on every machine and version"
