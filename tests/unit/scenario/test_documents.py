"""The reference is what the schema says; the schema is what the code knows."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from netsim.scenario.build import option_names
from netsim.scenario.build_expect import KINDS
from netsim.scenario.director import Director
from netsim.scenario.model import ACTIONS, STATES
from netsim.scenario.validate import schema
from netsim.scenario.world import unmapped_options
from netsim.tcp.state import State
from netsim.tcp.timers import NAMES
from tests.scripts import load_script

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script("scenario_docs")


def test_reference_is_up_to_date(script: ModuleType) -> None:
    written = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    assert written == script.page(), "run: python scripts/scenario_docs.py"


def test_schema_is_itself_valid() -> None:
    import jsonschema

    jsonschema.Draft202012Validator.check_schema(schema())


def _fields(spec: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    if isinstance(spec, dict):
        for key, value in spec.get("properties", {}).items():
            found.append((f"{path}.{key}", value))
            found += _fields(value, f"{path}.{key}")
        for key, value in spec.get("$defs", {}).items():
            found.append((f"{path}#{key}", value))
            found += _fields(value, f"#{key}")
    return found


def test_every_field_is_described(script: ModuleType) -> None:
    fields = _fields(schema())
    assert len(fields) > 200
    assert [path for path, spec in fields if not script.description_of(spec)] == []


def test_every_host_option_reaches_the_stack() -> None:
    assert unmapped_options(option_names()) == []


def test_lists_in_the_schema_are_those_of_the_code() -> None:
    definitions = schema()["$defs"]
    assert tuple(definitions["state"]["enum"]) == STATES == tuple(str(state) for state in State)
    assert tuple(definitions["moment"]["properties"]["timer"]["enum"]) == NAMES
    assert tuple(definitions["step"]["properties"]["expire"]["enum"]) == NAMES
    assert set(ACTIONS) <= set(definitions["step"]["properties"])
    assert all(hasattr(Director, f"_do_{action}") for action in ACTIONS)
    assert set(KINDS) <= set(definitions["expectation"]["properties"])
