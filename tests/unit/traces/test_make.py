"""The script that makes the captures still makes them: fresh namespaces, the same conversation."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from traces.make import catalogue, pcap, wire
from traces.make.plan import PLANS
from traces.make.runner import UnlikeError, make, run

TRACES = Path(__file__).resolve().parents[3] / "traces"

pytestmark = pytest.mark.kernel


@pytest.fixture(autouse=True)
def _plans() -> None:
    if not Path("/dev/net/tun").exists():
        pytest.skip("needs /dev/net/tun")
    catalogue.load()


def conversation(frames: list[pcap.Frame], sender: str) -> list[tuple[str, int]]:
    """Flags (but for PSH, which depends on how writes meet segments) and payload of what one host sent."""
    packets = [wire.parse(raw) for _, raw in frames]
    return [(p.letters().replace("P", ""), len(p.payload)) for p in packets if p.is_tcp and p.src == sender]


@pytest.mark.parametrize("name", ["handshake-transfer-teardown", "tail-loss", "data-after-fin"])
def test_a_capture_made_again_is_the_same_conversation(name: str, tmp_path: Path) -> None:
    plan = PLANS[name]
    try:
        make(plan, tmp_path)
    except UnlikeError as error:
        pytest.skip(f"this kernel behaves otherwise: {error}")
    for side in ("client", "server"):
        file = f"{plan.family}/{name}.{side}.pcap"
        truth = json.loads((TRACES / plan.family / f"{name}.json").read_text())
        address = truth["hosts"][side]["address"]
        ours, committed = pcap.read(tmp_path / file)[1], pcap.read(TRACES / file)[1]
        assert conversation(ours, address) == conversation(committed, address)


def test_nothing_stays_behind() -> None:
    before = {path.name for path in Path("/sys/class/net").iterdir()}
    children = _children()
    run(PLANS["connection-refused"])
    assert {path.name for path in Path("/sys/class/net").iterdir()} == before
    assert _children() == children


def test_nothing_stays_behind_after_a_failure() -> None:
    children = _children()
    with pytest.raises(RuntimeError, match="Address already in use"):
        _fail()
    assert _children() == children


def _fail() -> None:
    with PLANS["syn-lost"].lab() as lab:
        lab.server.listen()
        lab.server.listen()


def _children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split())
