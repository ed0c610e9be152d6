"""Pacing and a refusing device: the arithmetic of departures, and the sender behind the gate."""

from __future__ import annotations

import itertools

import pytest

from netsim.base.events import SendHeld
from netsim.base.units import MS, SEC
from netsim.scenario.loader import load, load_text
from netsim.scenario.runner import run
from netsim.tcp.gate import Gate


def _gate(rate: int) -> Gate:
    gate = Gate()
    gate.pace(0)
    gate.rate = rate
    return gate


def test_free_segments_cost_no_time() -> None:
    gate = _gate(1000)
    gate.left(0, 1000, free=True)
    assert gate.departs_ns == 0
    gate.left(0, 1000, free=False)
    assert gate.departs_ns == SEC


def test_time_unused_pays_for_at_most_half_of_the_next_pause() -> None:
    gate = _gate(1000)
    gate.left(5 * SEC, 1000, free=False)
    assert gate.departs_ns == 5 * SEC + SEC // 2
    gate.left(gate.departs_ns + 100 * MS, 1000, free=False)
    assert gate.departs_ns == 5 * SEC + SEC // 2 + 100 * MS + 900 * MS


def test_no_rate_no_pause() -> None:
    gate = _gate(0)
    gate.left(0, 1000, free=False)
    assert gate.departs_ns == 0


@pytest.mark.parametrize(("bps", "rate"), [(8000, 1000), (-1, 50_000), (0, 50_000), (800_000, 50_000)])
def test_a_limit_holds_at_once(bps: int, rate: int) -> None:
    gate = _gate(50_000)
    gate.pace(bps)
    assert gate.rate == rate


def _departures(options: str, profile: str = "rfc") -> list[int]:
    """When the client's data segments left, in ns after the first."""
    text = f"""
name: t
title: t
topic: congestion
hosts:
  client: {{{options}}}
  server: {{delayed_ack: false, receive_buffer: 1MiB}}
links:
  - {{between: [client, server], delay: 50ms, rate: 1Gbit/s}}
script:
  - {{at: 0s, host: server, listen: {{port: 80, app: sink}}}}
  - {{at: 0s, host: client, transfer: {{to: "server:80", bytes: 30 * 1448}}}}
"""
    result = run(load_text(text.encode(), profile=profile))
    rows = [row for row in result.recorder.segments if row.sender == "client" and row.packet.payload]
    return [row.sent_ns - rows[0].sent_ns for row in rows]


def test_without_pacing_a_flight_is_a_burst() -> None:
    assert _departures("")[:10] == [0] * 10


def test_paced_segments_are_spread_over_half_the_round_trip_in_slow_start() -> None:
    gaps = _departures("pacing: true")[:10]
    assert all(4 * MS < later - before < 6 * MS for before, later in itertools.pairwise(gaps[1:]))


def test_linux_lets_the_first_ten_go() -> None:
    times = _departures("pacing: true", "linux")
    assert times[:5] == [0] * 5
    assert times[-1] > times[0]


def test_a_held_segment_tells_why() -> None:
    moments = run(load("pacing")).recorder.moments
    held = {m.event.reason.code for m in moments if isinstance(m.event, SendHeld) and m.event.host == "paced"}
    assert "held-pacing" in held
