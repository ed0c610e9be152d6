"""Statistics of hand-made stories, counted by hand."""

from __future__ import annotations

from netsim.base import events as ev
from netsim.base.units import MS
from netsim.report.cells import plain
from netsim.report.record import record
from netsim.report.stats import statistics, statistics_lines
from tests.unit.report.story import IRS, ISS, Story, last_ack_lost, open_connection, transfer, wrap


def test_each_direction_is_counted() -> None:
    client, server = statistics(record(last_ack_lost().events))
    assert (client.sender, client.receiver, client.connection) == ("client", "server", 1)
    assert (client.segments, client.octets, client.new_octets, client.lost, client.resent) == (6, 1000, 1000, 1, {})
    assert (server.segments, server.octets, server.lost, server.resent) == (5, 0, 0, {"timeout": 1})
    assert server.goodput_bps == 0


def test_goodput_is_new_octets_over_time() -> None:
    story = Story()
    open_connection(story)
    transfer(story, 1000, 2)  # 2000 octets from 1.000 s to 1.051 s
    story.arrive(story.send("client", 1010, "PA", wrap(ISS + 1), IRS + 1, b"x" * 1000, cause="timeout"), 1050)
    client = statistics(record(story.events))[0]
    assert client.new_octets == 2000
    assert client.octets == 3000
    assert client.goodput_bps == 2000 * 8 * 1000 // 51


def test_round_trips_and_windows() -> None:
    story = Story()
    open_connection(story)
    for rtt in (100, 200, 600):
        story.events.append(ev.RttSampled(200 * MS, "client", 1, rtt * MS, rtt * MS, 0, 1000 * MS))
    client = statistics(record(story.events))[0]
    assert client.rtt_ns == (100 * MS, 300 * MS, 600 * MS)
    text = plain(statistics_lines(record(story.events)))
    assert "round trip 100 ms to 600 ms, mean 300 ms" in text
    assert " client → server  connection 1" in text
