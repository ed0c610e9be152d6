"""Random conversations over random links (loss, duplication, reordering, corruption, jitter), all profiles and options.

Checked from both taps: no finding, as everything conforms; causes and states right; and with packets
missing from the file still nothing that is called certain.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netsim.check.engine import Checker, check_file
from netsim.check.rules import RULES
from netsim.scenario.loader import load_text
from netsim.scenario.runner import run

from .links import scenario_text
from .truth import COPY, LATE, NEW, Truth
from .verdicts import ours, records_of, states

SEEDS = range(80)
MANY = range(80, 1000)
TAPS = ("client", "server")
ODD_SHARE = 0.05
"""In so many conversations at most a cause or a state is not what it seems, among the many that are: a timer that
runs out just as an ACK comes."""
FAR_SHARE = 0.9
"""At the receiver's tap the cause is an inference about somewhere else: so often it must be right."""


def look(seed: int, folder: Path, far: Counter[bool]) -> tuple[list[str], list[str]]:
    """What is wrong about the check of one conversation: causes and states; false alarms."""
    text = scenario_text(seed)
    recorder = run(load_text(text.encode(), f"seed {seed}")).recorder
    wrong: list[str] = []
    alarms: list[str] = []
    for tap in TAPS:
        truth = Truth(recorder, tap)
        path = truth.write(folder / f"{seed}.{tap}.pcap")
        report = check_file(str(path))
        records = records_of(path)
        words, inferred = ours(report), states(records)
        for frame in truth.frames:
            at = f"seed {seed} at the {tap}: frame {frame.number}"
            word = words.get(frame.number, NEW)
            right = frame.accepts(word)
            if frame.near or frame.cause == NEW:
                if not right and (frame.near or word != LATE):
                    wrong.append(f"{at} is {frame.cause}, not {word}")
            elif frame.cause != COPY:
                far[right] += 1
                if frame.row.retransmission and word in (NEW, COPY) and not (frame.hidden or frame.twin):
                    wrong.append(f"{at} was sent again, which is not seen")
            for which, end in enumerate(("sender", "receiver")):
                state = inferred[frame.number][which]
                if not frame.accepts_state(which, state):
                    wrong.append(f"{at}: its {end} is {frame.states[which]}, not {state or 'unknown'}")
        alarms += [f"seed {seed} at the {tap}: {f.meta.code} {f.message}" for f in report.findings() if not f.meta.off]
        chance = random.Random(f"{seed} {tap}")
        for _ in range(2):
            checker = Checker("", RULES)
            for record in records:
                if chance.random() >= 0.05:
                    checker.tracker.feed(record)
            alarms += [
                f"seed {seed} at the {tap}, packets missing: {f.meta.code} {f.message}"
                for f in checker.finish().findings()
                if f.confidence == "certain" and f.meta.severity != "note"
            ]
    return wrong, alarms


@pytest.mark.parametrize("start", SEEDS[::20])
def test_random_links_give_no_false_alarm_and_the_right_causes(start: int, tmp_path: Path) -> None:
    far: Counter[bool] = Counter()
    for seed in range(start, start + 20):
        assert look(seed, tmp_path, far) == ([], [])
    assert far[True] >= FAR_SHARE * far.total()


@pytest.mark.long
def test_many_random_links(tmp_path: Path) -> None:
    far: Counter[bool] = Counter()
    odd = 0
    for seed in MANY:
        wrong, alarms = look(seed, tmp_path, far)
        assert alarms == []
        odd += bool(wrong)
    assert odd <= ODD_SHARE * len(MANY)
    assert far[True] >= FAR_SHARE * far.total()


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(1000, 2**31))
def test_any_random_link_is_free_of_certain_findings(seed: int, tmp_path: Path) -> None:
    recorder = run(load_text(scenario_text(seed).encode(), f"seed {seed}")).recorder
    for tap in TAPS:
        report = check_file(str(Truth(recorder, tap).write(tmp_path / f"{tap}.pcap")))
        assert [f.message for f in report.findings() if f.confidence == "certain" and f.meta.severity != "note"] == []


def test_a_syn_that_is_in_the_capture_only_when_it_comes_again_settles_the_scales(tmp_path: Path) -> None:
    recorder = run(load_text(scenario_text(295).encode(), "seed 295")).recorder
    records = records_of(Truth(recorder, "server").write(tmp_path / "server.pcap"))
    assert [(r.flags_letters(), r.t_ns > records[0].t_ns) for r in records[:5]] == [
        ("S", False), ("SA", False), ("SA", True), ("S", True), ("SA", True),
    ]  # fmt: skip
    checker = Checker("", RULES)
    for record in records[1:]:
        checker.tracker.feed(record)
    assert [f.message for f in checker.finish().findings() if not f.meta.off] == []
