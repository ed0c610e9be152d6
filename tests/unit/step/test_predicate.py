"""Predicates: what they mean, and what is said about wrong ones."""

from __future__ import annotations

import pytest

from netsim.base.errors import UsageError
from netsim.scenario.loader import load
from netsim.step.debugger import Debugger
from netsim.step.predicate import parse
from netsim.step.source import ScenarioSource


@pytest.fixture(scope="module")
def stepper() -> Debugger:
    return Debugger(ScenarioSource(load("last-ack-lost")))


def steps(stepper: Debugger, text: str) -> list[int]:
    predicate = parse(text, stepper.hosts)
    return [index for index in range(stepper.timeline.reach_end() + 1) if predicate.holds(stepper.view(index))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("client.state == TIME-WAIT", [15, 16, 17, 18]),
        ("client.state = time-wait", [15, 16, 17, 18]),
        ("client.state == TIME-WAIT and server.state == CLOSED", [18]),
        ("client.state == TIME-WAIT and not server.state == CLOSED", [15, 16, 17]),
        ("segment.flags has SYN", [2, 3, 4]),
        ("segment.flags == SYN", [2, 3]),
        ("segment.flags has SYN,ACK", [3, 4]),
        ("segment.flags has RST", []),
        ("segment.lost", [15]),
        ("segment.resent", [16, 17]),
        ("segment.len > 500", [6, 7]),
        ("segment.from == server and segment.flags has FIN", [14, 15, 16, 17]),
        ("server.rto > 1.5s and server.state == LAST-ACK", [16, 17]),
        ("server.cwnd < 2*mss and client.state != CLOSED", [16, 17]),
        ("client.snd.una == 1001 + 1 and time < 2.2s", [13, 14]),
        ("step >= 18 or step == 1", [1, 18, 19]),
        ("(step == 1 or step == 2) and step != 1", [2]),
    ],
)
def test_where_it_holds(stepper: Debugger, text: str, expected: list[int]) -> None:
    assert steps(stepper, text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a condition is missing"),
        ("clint.state == CLOSED", "did you mean 'client'"),
        ("client.stat == CLOSED", "did you mean 'state'"),
        ("client.state == TIMEWAIT", "did you mean TIME-WAIT"),
        ("client.state", "ends too early"),
        ("client.state == TIME-WAIT extra", "not expected"),
        ("(client.state == TIME-WAIT", r"ends too early|'\)' is missing"),
        ("segment.flags has XYZ", "is no flag"),
        ("segment.colour == 3", "a segment has no 'colour'"),
        ("client.cwnd ~ 3", "not understood"),
        ("client.cwnd < 3 parsecs", "not expected"),
        ("__import__('os')", "not understood|no '__import__|is no variable"),
    ],
)
def test_wrong_conditions_say_what_is_wrong(stepper: Debugger, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse(text, stepper.hosts)


def test_breakpoints_forwards_and_backwards(stepper: Debugger) -> None:
    stepper.breakpoints.clear()
    stepper.add_break("client.state == TIME-WAIT")
    stepper.start()
    hit = stepper.run_on()
    assert hit is not None
    assert stepper.cursor == 15
    assert stepper.run_on() is None
    assert stepper.cursor == stepper.timeline.last
    assert stepper.run_on(backwards=True) is not None
    assert stepper.cursor == 15
    assert stepper.run_on(backwards=True) is None
    assert stepper.cursor == 0
    stepper.delete_break(1)
    with pytest.raises(UsageError, match="no breakpoint 1"):
        stepper.delete_break(1)
