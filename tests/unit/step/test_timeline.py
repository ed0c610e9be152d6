"""The record and the simulator agree at every step, in both directions; forks are exact."""

from __future__ import annotations

from pathlib import Path

import pytest

from netsim.base.errors import UsageError
from netsim.scenario import catalog
from netsim.scenario.loader import load
from netsim.scenario.model import Edit, Intervention
from netsim.scenario.runner import run
from netsim.step.debugger import Debugger, Origin
from netsim.step.source import ScenarioSource
from netsim.step.timeline import Timeline, state_digest

LONG = {
    "window-scaling",
    "bulk",
    "shared-bottleneck",
    "syn-flood",
    "outage",
    "slow-start",
    "corruption",
    "duplication",
    "reordering",
}


def debugger(name: str, seed: int | None = None) -> Debugger:
    scenario = load(name)
    path = catalog.path_of(name)
    assert path is not None
    source = ScenarioSource(scenario, seed)
    return Debugger(source, Origin(scenario, path.read_bytes(), source.seed, None))


def names() -> list[object]:
    return [pytest.param(name, marks=pytest.mark.long if name in LONG else ()) for name in catalog.names()]


@pytest.mark.parametrize("name", names())
def test_forwards_and_backwards_show_what_the_simulator_had(name: str) -> None:
    """The digest is taken from the live world as it runs, and from the record going back and forth."""
    scenario = load(name, {"bytes": "200kB"} if name == "bulk" else None)
    timeline = Timeline(ScenarioSource(scenario))
    source = timeline.source
    live = [state_digest(source.now_ns, source.snapshots(), source.flights())]
    while timeline.extend():
        live.append(state_digest(source.now_ns, source.snapshots(), source.flights()))
    assert len(live) == len(timeline)
    assert timeline.last >= 3
    for index in range(timeline.last, -1, -1):
        assert timeline.digest(index) == live[index], f"back to step {index}"
    for index in range(len(timeline)):
        assert timeline.digest(index) == live[index], f"forward to step {index}"


@pytest.mark.parametrize("name", ["three-way-handshake", "last-ack-lost", "sack-recovery", "nagle-and-delayed-ack"])
def test_stepping_gives_the_run_that_netsim_run_gives(name: str) -> None:
    assert debugger(name).branch.digest() == run(load(name)).recorder.digest


@pytest.mark.parametrize("name", names())
def test_a_fork_without_a_change_ends_like_the_original(name: str) -> None:
    stepper = debugger(name)
    original = stepper.branch.digest()
    stepper.goto(stepper.timeline.last // 2)
    copy = stepper.what_if(None)
    assert copy.digest() == original
    assert stepper.difference("main", copy.name) is None


def flying(stepper: Debugger) -> int:
    """Go to the first step with a packet in flight; its number."""
    while not stepper.view().flights():
        assert stepper.forward()
    return stepper.view().flights()[0].uid


CHANGES = [
    Intervention("drop"),
    Intervention("delay", by_ns=700_000_000),
    Intervention("duplicate"),
    Intervention("edit", edit=Edit(win=1000)),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.what)
def test_a_saved_branch_runs_again_to_the_same_digest(change: Intervention, tmp_path: Path) -> None:
    stepper = debugger("last-ack-lost", seed=7)
    stepper.goto(6)
    change.packet = flying(stepper)
    at = stepper.cursor
    branch = stepper.what_if(change)
    assert stepper.difference("main", branch.name) == at + 1
    assert branch.timeline.digest(at) == stepper.get_branch("main").timeline.digest(at)
    path = tmp_path / "branch.yaml"
    stepper.save(str(path))
    again = run(load(str(path)))
    assert again.recorder.digest == branch.digest() != stepper.get_branch("main").digest()
    assert again.passed


def test_changes_at_an_end_and_at_a_link_are_saved_too(tmp_path: Path) -> None:
    stepper = debugger("last-ack-lost")
    stepper.goto(6)
    host, timer = next((host, timer) for _, host, timer in stepper.view().timers())
    stepper.what_if(Intervention("expire", step=0, host=host, timer=timer))
    stepper.forward()
    stepper.what_if(Intervention("link", step=0, link={"name": "client-server", "delay_ns": 90_000_000, "loss": 0.1}))
    stepper.forward()
    branch = stepper.what_if(Intervention("abort", step=0, host="server"), "aborted")
    assert len(branch.changes) == 3
    path = tmp_path / "aborted.yaml"
    stepper.save(str(path))
    assert run(load(str(path))).recorder.digest == branch.digest()


def test_forking_back_before_a_change_leaves_that_change_out() -> None:
    stepper = debugger("last-ack-lost")
    original = stepper.branch.digest()
    stepper.goto(6)
    stepper.what_if(Intervention("drop", packet=flying(stepper)))
    stepper.goto(2)
    assert stepper.what_if(None).digest() == original


def test_one_change_after_another_in_one_branch() -> None:
    stepper = debugger("last-ack-lost")
    stepper.goto(6)
    first = stepper.what_if(Intervention("drop", packet=flying(stepper)))
    while not stepper.view().flights():
        stepper.forward()
    second = stepper.what_if(Intervention("drop", packet=stepper.view().flights()[0].uid))
    assert len(second.changes) == 2
    assert stepper.difference(first.name, second.name) == second.forked_at + 1


def test_no_fork_without_an_origin() -> None:
    stepper = Debugger(ScenarioSource(load("three-way-handshake")))
    with pytest.raises(UsageError, match="what-if needs a scenario"):
        stepper.what_if(None)


def test_back_is_quick_in_a_long_run() -> None:
    """A look back costs the same wherever it is: it never runs anything."""
    import time

    stepper = debugger("sack-recovery")
    stepper.end()
    total = stepper.timeline.source.steps
    started = time.perf_counter()
    count = 0
    while stepper.back():
        stepper.view().ends()
        stepper.view().rungs(20)
        count += 1
    assert count > 20
    assert (time.perf_counter() - started) / count < 0.1
    assert stepper.timeline.source.steps == total


@pytest.mark.long
def test_a_hundred_thousand_steps_back_in_under_100_ms() -> None:
    import time

    stepper = Debugger(ScenarioSource(load("bulk", {"bytes": "60MB"})))
    reached = stepper.goto(100_000)
    assert reached > 50_000
    worst = 0.0
    for _ in range(200):
        started = time.perf_counter()
        stepper.back()
        view = stepper.view()
        for look in (view.ends, view.flights, view.timers, view.why):
            look()
        view.rungs(20)
        worst = max(worst, time.perf_counter() - started)
    assert worst < 0.1
