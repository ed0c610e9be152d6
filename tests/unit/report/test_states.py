"""The drawn state machine is the table, the whole table."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest

from netsim.report import states
from netsim.report.cells import plain
from netsim.tcp.state import EDGES


def test_every_edge_of_figure_5_has_its_place_and_every_place_an_edge() -> None:
    keys = {states.key_of(edge) for edge in EDGES}
    figure5 = {states.key_of(edge) for edge in EDGES if edge.figure5}
    assert figure5 <= set(states.PATHS) <= keys


def test_text_names_every_edge() -> None:
    text = plain(states.text_lines(None, 80))
    assert text.count("→") == len(EDGES)
    assert max(map(len, text.splitlines())) <= 80
    assert f"{len(EDGES)} edges" in text


def test_coverage_is_marked_in_every_form() -> None:
    edge = next(edge for edge in EDGES if edge.cause == "active-open")
    covered = {states.key_of(edge): ["story"]}
    text = plain(states.text_lines(covered, 80))
    assert text.count("✓") == 2  # the edge and the legend
    assert f"{len(EDGES)} edges, 1 taken" in text
    assert states.mermaid(covered).count("(not taken)") == len(EDGES) - 1
    assert states.dot(covered).count("style=dashed") == len(EDGES) - 1
    root = ET.fromstring(states.svg(covered))
    taken = [group for group in root.iter("{http://www.w3.org/2000/svg}g") if group.get("class") == "taken"]
    assert len(taken) == 1
    marked = [edge for edge in states.json_object(covered)["edges"] if edge["covered_by"]]
    assert [each["cause"] for each in marked] == ["active-open"]


def test_mermaid_labels_have_no_colon() -> None:
    for line in states.mermaid(None).splitlines()[1:]:
        if "-->" in line and ":" in line:
            assert line.count(":") == 1, line


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs graphviz")
def test_graphviz_takes_the_dot() -> None:
    done = subprocess.run(
        ["dot", "-Tsvg"], input=states.dot(None), capture_output=True, text=True, check=True, timeout=60
    )  # fmt: skip
    assert len(re.findall('<g id="edge', done.stdout)) == len(EDGES)
