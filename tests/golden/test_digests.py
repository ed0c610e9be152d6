"""Runs are the same event by event as when the digests were written (scripts/golden_digests.py)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netsim.scenario import catalog
from netsim.scenario.loader import load
from netsim.scenario.runner import run

PATH = Path(__file__).parent / "digests.json"
DIGESTS: dict[str, str] = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}


@pytest.mark.skipif(not DIGESTS, reason="tests/golden/digests.json is not written yet")
def test_every_scenario_has_a_digest() -> None:
    assert sorted(DIGESTS) == catalog.names()


@pytest.mark.parametrize("name", sorted(DIGESTS))
def test_digest(name: str) -> None:
    assert run(load(name)).digest == DIGESTS[name], "behaviour changed: if meant, run scripts/golden_digests.py"
