"""Every built-in scenario, captured at each of its hosts and checked: the states and causes that the simulator knows.

And no finding that the scenario does not provoke.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from netsim.check.engine import check_file
from netsim.scenario import catalog
from netsim.scenario.loader import load
from netsim.scenario.runner import run

from .provoked import BEYOND, FINDINGS, QUALITY
from .truth import NEW, Truth
from .verdicts import SMALLER, ours, records_of, states


@pytest.mark.parametrize("name", catalog.names())
def test_a_scenario_checked_from_every_tap(name: str, tmp_path: Path) -> None:
    result = run(load(name, SMALLER.get(name, {})))
    wrong: list[str] = []
    for tap in result.scenario.hosts:
        truth = Truth(result.recorder, tap)
        assert truth.frames, f"nothing was captured at {tap}"
        path = truth.write(tmp_path / f"{name}.{tap}.pcap")
        report = check_file(str(path))
        words, inferred = ours(report), states(records_of(path))
        beyond = BEYOND.get((name, tap), {})
        for frame in truth.frames:
            word = words.get(frame.number, NEW)
            if not frame.accepts(word):
                wrong.append(f"{tap}: frame {frame.number} is {frame.cause}, not {word}")
            if frame.number in beyond:
                continue
            for which, end in enumerate(("sender", "receiver")):
                state = inferred.get(frame.number, ("?", "?"))[which]
                if not frame.accepts_state(which, state):
                    wrong.append(
                        f"{tap}: after frame {frame.number} ({frame.row.names} of {frame.row.sender}) its {end} is "
                        f"{frame.states[which]}, not {state or 'unknown'}"
                    )
        assert {(f.meta.code, f.side) for f in report.findings()} == set(FINDINGS.get((name, tap), {})), tap
        assert {item.code for item in report.quality} == set(QUALITY.get((name, tap), {})), tap
    assert wrong == []


def test_what_is_declared_is_about_scenarios_that_exist() -> None:
    for declared in (FINDINGS, QUALITY, BEYOND):
        for name, tap in declared:
            assert tap in load(name).hosts
