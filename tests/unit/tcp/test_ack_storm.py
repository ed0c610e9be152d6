"""Two ends that hold each other's segments for invalid must not answer each other for ever.

Forged text that one end takes makes it acknowledge what the other never sent; the answers to that are below
the window of the first. Nothing in the network ends such an exchange: a limit in the stacks does.
"""

from __future__ import annotations

import pytest

from netsim.scenario.loader import load_text
from netsim.scenario.runner import run

SCENARIO = """
name: storm
title: Forged data is taken
topic: security
hosts:
  client: {%s}
  server: {%s}
links:
  - {between: [client, server], delay: 5ms}
script:
  - {at: 0s, host: server, listen: 80}
  - {at: 0s, host: client, connect: "server:80"}
  - {at: 1s, host: client, send: 1000 bytes}
  - {at: 2s, inject: {from: client, to: server, flags: "PSH,ACK", seq: next, ack: next, text: "evil"}}
  - {at: 20s, note: "the end"}
"""


def _acks_after_forgery(profile: str) -> list[int]:
    text = SCENARIO % ("timestamps: false", "timestamps: false")
    rows = run(load_text(text.encode(), profile=profile)).recorder.segments
    return [row.sent_ns for row in rows if row.sent_ns is not None and row.sent_ns > 2_000_000_000]


@pytest.mark.parametrize("profile", ["linux", "freebsd"])
def test_the_storm_ends(profile: str) -> None:
    times = _acks_after_forgery(profile)
    assert 2 <= len(times) <= 14, len(times)
    assert times[-1] < 2_300_000_000


@pytest.mark.parametrize("profile", ["linux", "freebsd"])
def test_the_connection_goes_on_after_it(profile: str) -> None:
    # the server took four octets that the client now sends for the first time: it drops them as old
    text = SCENARIO.replace('{at: 20s, note: "the end"}', "{at: 10s, host: client, send: 500 bytes}") % (
        "timestamps: false",
        "timestamps: false",
    )
    result = run(load_text(text.encode(), profile=profile))
    assert max(delivery.received for delivery in result.deliveries.values()) >= 1500
