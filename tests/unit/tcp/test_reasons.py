"""Reasons tell a student why. Each of them must be said somewhere: no name without behaviour."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from netsim.base.events import ListSink, SendHeld
from netsim.base.reasons import Reason
from netsim.scenario.loader import load_text
from netsim.scenario.runner import run
from netsim.sim import reasons as network
from netsim.tcp import reasons as core
from netsim.tcp.recovery import reasons as recovery

from .pair import Pair

SOURCE = Path(core.__file__).parents[1]
TABLES = sorted(SOURCE.rglob("reasons.py"))


def _names_used(path: Path) -> set[str]:
    used: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            used.add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            used.add(node.id)
    return used


@pytest.mark.parametrize("table", TABLES, ids=[path.relative_to(SOURCE).as_posix() for path in TABLES])
def test_every_reason_is_used_by_some_module(table: Path) -> None:
    tree = ast.parse(table.read_text(encoding="utf-8"))
    assigned = [node for node in tree.body if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call)]
    names = {node.target.id for node in assigned if isinstance(node.target, ast.Name)}
    used: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        if path != table:
            used |= _names_used(path)
    assert sorted(names - used) == []


def test_codes_are_unique_in_each_table() -> None:
    for table in (core, recovery, network):
        codes = [value.code for value in vars(table).values() if isinstance(value, Reason)]
        assert len(codes) == len(set(codes))


def _said(text: str) -> set[str]:
    """The codes of all reasons that a scenario's events carry."""
    sink = ListSink()
    run(load_text(("name: t\ntitle: t\ntopic: other\n" + text).encode()), sink=sink)
    reasons = [getattr(event, "reason", None) for event in sink.events]
    return {reason.code for reason in reasons if isinstance(reason, Reason)}


def _bulk(client: str, server: str, link: str, more: str = "", size: str = "60 * 1460") -> str:
    return f"""
hosts:
  client: {{timestamps: false, send_buffer: 4MiB, {client}}}
  server: {{timestamps: false, receive_buffer: 4MiB, {server}}}
links:
  - {{between: [client, server], delay: 50ms, {link}}}
script:
  - {{at: 0s, host: server, listen: {{port: 80, app: sink}}}}
  - {{at: 0s, host: client, transfer: {{to: "server:80", bytes: {size}}}}}
{more}
"""


def test_the_window_begins_with_a_reason() -> None:
    assert "initial-window" in _said(_bulk("", "", "rate: 10Mbit/s"))


def test_a_lost_syn_makes_the_first_window_small() -> None:
    lost = 'faults:\n  - {drop: {from: client, flags: SYN, count: 1}, name: "the SYN"}'
    assert "initial-window-after-syn-loss" in _said(_bulk("", "", "rate: 10Mbit/s", lost))


def test_data_waits_for_the_handshake() -> None:
    pair = Pair()
    pair.server.open_passive(0)
    pair.client.open_active(0, "10.0.0.2", 80)
    pair.client.send(0, b"hello")
    assert [event.reason.code for event in pair.events if isinstance(event, SendHeld)] == ["held-handshake"]


def test_idleness_restarts_the_window() -> None:
    text = """
hosts: {client: {timestamps: false, send_buffer: 1MiB}, server: {timestamps: false, receive_buffer: 1MiB}}
links: [{between: [client, server], delay: 50ms}]
script:
  - {at: 0s, host: server, listen: {port: 80, app: sink}}
  - {at: 0s, host: client, connect: "server:80"}
  - {at: 1s, host: client, send: 40 * 1460}
  - {at: 30s, host: client, send: 40 * 1460}
"""
    assert "idle-restart" in _said(text)


def test_limited_transmit_names_itself() -> None:
    lost = 'faults:\n  - {drop: {from: client, seq: 1, data: true, count: 1}, name: "the first"}'
    said = _said(_bulk("sack: false, initial_window: 3", "sack: false, delayed_ack: false", "rate: 10Mbit/s", lost))
    assert "limited-transmit" in said


def test_the_rescue_retransmission_names_itself() -> None:
    lost = 'faults:\n  - {drop: {from: client, seq: 1 + 2 * 1460, data: true, count: 1}, name: "the third"}'
    lost += '\n  - {drop: {from: client, seq: 1 + 9 * 1460, data: true, count: 1}, name: "the last"}'
    assert "rescue-retransmission" in _said(_bulk("", "delayed_ack: false", "rate: 10Mbit/s", lost, "10 * 1460"))


def test_a_proportional_reduction_tells_every_step() -> None:
    lost = 'faults:\n  - {drop: {from: client, seq: 1, data: true, count: 1}, name: "the first"}'
    said = _said(_bulk("prr: rfc9937", "delayed_ack: false", "rate: 10Mbit/s", lost))
    assert "proportional-reduction" in said


def test_an_old_ack_tells_nothing_new() -> None:
    late = 'faults:\n  - {delay: {from: server, ack: 1461, flags: "=ACK", count: 1}, by: 30ms, name: "late"}'
    assert "old-ack" in _said(_bulk("", "delayed_ack: false", "rate: 10Mbit/s", late))


def test_slow_start_that_ends_early_says_why() -> None:
    client = "congestion_control: cubic"
    said = _said(_bulk(client, "delayed_ack: false", "rate: 5Mbit/s, queue: 1000 packets", size="400 * 1460"))
    assert not said & {"hystart-ack-train", "hystart-delay"}
    linux = _bulk("profile: linux", "delayed_ack: false", "rate: 5Mbit/s, queue: 1000 packets", size="400 * 1460")
    assert _said(linux) & {"hystart-ack-train", "hystart-delay"}


def test_an_old_duplicate_in_time_wait_is_named() -> None:
    text = """
hosts: {client: {timestamps: false}, server: {timestamps: false}}
links: [{between: [client, server], delay: 5ms}]
script:
  - {at: 0s, host: server, listen: 80}
  - {at: 0s, host: client, connect: "server:80"}
  - {at: 1s, host: server, send: 100 bytes}
  - {at: 2s, host: client, close}
  - {at: 3s, host: server, close}
  - {at: 4s, inject: {from: server, to: client, flags: "PSH,ACK", seq: next-101, ack: next, text: "old"}}
"""
    assert "old-in-time-wait" in _said(text)
