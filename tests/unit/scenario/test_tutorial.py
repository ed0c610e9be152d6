"""The tutorial's commands print what it shows, its scenario passes, its Python runs."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from netsim.scenario import catalog
from netsim.scenario.loader import load_text
from netsim.scenario.runner import run
from tests.scripts import load_script

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script("tutorial_output")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```\n", TEXT, re.DOTALL)


def test_commands_print_what_the_tutorial_shows(script: ModuleType) -> None:
    assert len(blocks("console")) >= 7
    assert script.page(TEXT) == TEXT, "run: python scripts/tutorial_output.py"


def test_scenarios_pass() -> None:
    found = blocks("yaml")
    assert found
    for text in found:
        result = run(load_text(text.encode(), "tutorial.yaml"))
        assert [verdict.detail for verdict in result.verdicts if not verdict.passed] == []


def test_python_runs() -> None:
    found = blocks("python")
    assert found
    for text in found:
        exec(compile(text, "tutorial.py", "exec"), {"__name__": "tutorial"})


def test_every_scenario_that_is_named_exists() -> None:
    words = set(re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", TEXT))
    assert words <= {*catalog.names(), "last-ack-lost"}, words - set(catalog.names())
