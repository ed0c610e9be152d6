"""Every built-in scenario can be drawn in every form."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from functools import cache

import pytest

from netsim.report.cells import plain
from netsim.report.ladder import Options, draw
from netsim.report.mermaid import mermaid
from netsim.report.svg import svg
from netsim.scenario import catalog
from netsim.scenario.command import ladder_of
from netsim.scenario.loader import load
from netsim.scenario.outcome import RunResult
from netsim.scenario.runner import run

SMALLER = {"bulk": {"bytes": "300kB", "loss": "1%"}}


@cache
def result_of(name: str) -> RunResult:
    return run(load(name, SMALLER.get(name)))


@pytest.mark.parametrize("name", catalog.names())
def test_every_form_can_be_drawn(name: str) -> None:
    result = result_of(name)
    ladder = ladder_of(result)
    for width in (80, 120):
        for explain in (False, True):
            lines = draw(ladder, Options(width=width, explain=explain))
            text = plain(lines)
            assert max(map(len, text.splitlines())) <= width
            plain(lines, ascii_only=True).encode("ascii")
    assert len(text.splitlines()) < 900, "a ladder that nobody reads"
    ET.fromstring(svg(ladder))
    assert mermaid(ladder).startswith("sequenceDiagram")


@pytest.mark.parametrize("name", catalog.names())
def test_states_on_the_ladder_are_the_endpoints_states(name: str) -> None:
    """What the JSON says of an end's states is what its segments say."""
    recorder = result_of(name).recorder
    for row in recorder.segments:
        if row.conn_from:
            record = recorder.endpoints[row.sender, row.conn_from]
            at = [state for t_ns, state, _ in record.changes if row.sent_ns is not None and t_ns <= row.sent_ns]
            assert row.from_state in (*at, record.initial, *record.states), (name, row.n)
