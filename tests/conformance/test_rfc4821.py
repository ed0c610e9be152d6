"""RFC 4821, which RFC 9293 §3.7.2 recommends: what the path carries is found out by trying."""

from __future__ import annotations

from dataclasses import replace

from netsim.base.events import Noted
from netsim.base.seqnum import seq_diff
from netsim.base.units import SEC

from .requirements import pins
from .solo import OUR_ISS, PLAIN, Solo

PROBING = replace(PLAIN, mtu_probing="always", initial_window_segs=12, snd_buffer=1 << 20)
WATCHING = replace(PLAIN, mtu_probing="black-hole", snd_buffer=1 << 20)


def sizes(solo: Solo) -> list[int]:
    return [len(seg.payload) for seg in solo.out]


def notes(solo: Solo) -> list[str]:
    return [event.reason.code for event in solo.sink.events if isinstance(event, Noted)]


@pins("RFC 4821 §7.2")
def test_the_search_begins_with_the_base_size() -> None:
    solo = Solo.established(PROBING)
    solo.send(b"x" * 3000)
    assert sizes(solo) == [1024, 1024]  # the rest waits for Nagle


@pins("RFC 4821 §7.3")
def test_a_larger_segment_goes_between_ordinary_ones() -> None:
    solo = Solo.established(PROBING)
    solo.send(b"x" * 12000)
    assert sizes(solo)[0] == 1242  # packets of 1064 octets pass, 1500 may: halfway is 1282
    assert set(sizes(solo)[1:]) == {1024}


@pins("RFC 4821 §7.4")
def test_there_must_be_enough_behind_a_probe_to_tell_its_loss() -> None:
    solo = Solo.established(PROBING)
    solo.send(b"x" * (1242 + 4 * 1024 - 1))
    assert 1242 not in sizes(solo)
    solo = Solo.established(PROBING)
    solo.send(b"x" * (1242 + 4 * 1024))
    assert sizes(solo)[0] == 1242


@pins("RFC 4821 §7.6.1")
def test_an_acknowledged_probe_is_the_new_size() -> None:
    solo = Solo.established(PROBING)
    solo.send(b"x" * 12000)
    solo.rcv("A", ack=1243)
    assert notes(solo) == ["mtu-probe-passed"]
    assert solo.conn.snapshot().mss == 1242


@pins("RFC 4821 §7.6.2")
def test_a_probe_that_alone_is_lost_is_no_congestion() -> None:
    solo = Solo.established(PROBING)
    solo.send(b"x" * 12000)
    window = solo.conn.snapshot().cwnd
    solo.out.clear()
    for _ in range(3):
        solo.rcv("A", ack=1)
    assert notes(solo) == ["mtu-probe-lost"]
    again = [len(seg.payload) for seg in solo.out if seq_diff(seg.seq, OUR_ISS) < 1243]
    assert again == [1024, 218]  # what the probe carried, in ordinary pieces
    assert solo.conn.snapshot().cwnd == window + 1024  # the segment that the probe had cost is given back
    assert solo.conn.snapshot().mss == 1024


@pins("RFC 4821 §7.6.4")
def test_after_a_timeout_the_probe_proves_nothing() -> None:
    solo = Solo.established(PROBING)
    solo.send(b"x" * 12000)
    solo.advance(SEC)
    solo.rcv("A", ack=1243)
    assert notes(solo) == []
    assert solo.conn.snapshot().mss == 1024


@pins("RFC 4821 §7.7")
def test_after_a_row_of_timeouts_smaller_segments_are_tried() -> None:
    solo = Solo.established(WATCHING)
    solo.send(b"x" * 1460)
    solo.advance(31 * SEC - 1)  # timeouts after 1, 3, 7 and 15 s: less than fifteen since the first
    assert set(sizes(solo)) == {1460}
    solo.advance(1)
    assert sizes(solo)[-1] == 1024
    assert notes(solo) == ["black-hole-suspected"]
    solo.advance(60 * SEC)
    assert sizes(solo)[-1] == 512


@pins("RFC 1191 §3")
def test_no_router_makes_packets_smaller_than_68_octets() -> None:
    solo = Solo.established()
    solo.send(b"x" * 1460)
    solo.icmp(3, 4, mtu=20)
    assert solo.conn.snapshot().mss == 28


@pins("RFC 8201 §4")
def test_a_message_below_the_minimum_of_ipv6_is_discarded() -> None:
    solo = Solo.established(v6=True, syn={"mss": 1440})
    solo.send(b"x" * 1440)
    solo.icmp(2, 0, mtu=1279)
    assert solo.conn.snapshot().mss == 1440
    solo.icmp(2, 0, mtu=1280)
    assert solo.conn.snapshot().mss == 1220
