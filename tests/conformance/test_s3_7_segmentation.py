"""RFC 9293 §3.7: MSS, path MTU, Nagle."""

from dataclasses import replace

import pytest

from netsim.base.packet import OPT_MSS
from netsim.tcp.profile import RFC, ConnectionOptions

from .requirements import pins
from .solo import MS, PLAIN, Solo


@pins("MUST-15")
@pytest.mark.parametrize(("v6", "expected"), [(False, 536), (True, 1220)])
def test_default_send_mss(v6: bool, expected: int) -> None:
    solo = Solo.established(v6=v6, syn={"mss": None})
    solo.send(b"x" * 3000)
    assert [len(seg.payload) for seg in solo.out][:2] == [expected, expected]


@pins("MUST-16")
@pytest.mark.parametrize(
    ("mss", "mtu", "expected"), [(900, 1500, 900), (1460, 1500, 1460), (9000, 1500, 1460), (1460, 576, 536)]
)
def test_effective_send_mss_is_the_smaller(mss: int, mtu: int, expected: int) -> None:
    solo = Solo.established(mtu=mtu, syn={"mss": mss})
    solo.send(b"x" * 5000)
    assert len(solo.out[0].payload) == expected


@pins("MUST-16")
def test_effective_send_mss_leaves_room_for_timestamps_and_sack() -> None:
    solo = Solo.established(RFC, syn={"ts": (1000, 1), "sack_ok": True, "wscale": 0})
    solo.send(b"x" * 1448)
    assert len(solo.out[-1].payload) == 1448
    assert solo.out[-1].wire_bytes() == 1500
    solo.rcv("A")
    solo.rcv("A", seq=5000, data=b"y")  # out of order: SACK blocks ride on our data
    solo.out.clear()
    solo.send(b"x" * 1448)
    assert solo.out[0].sack
    assert solo.out[0].wire_bytes() <= 1500


@pins("MUST-67", "SHLD-5", "SHLD-6")
@pytest.mark.parametrize(("v6", "mtu", "expected"), [(False, 1500, 1460), (True, 1500, 1440), (False, 9000, 8960)])
def test_mss_option_is_what_ip_can_take(v6: bool, mtu: int, expected: int) -> None:
    solo = Solo.syn_sent(v6=v6, mtu=mtu)
    assert solo.out[0].opt_mss == expected
    assert OPT_MSS in solo.out[0].layout
    passive = Solo.syn_received(v6=v6, mtu=mtu)
    assert passive.out[0].opt_mss == expected


@pins("SHLD-7")
def test_nagle_holds_a_small_segment_while_data_is_unacknowledged() -> None:
    solo = Solo.established()
    assert solo.send(b"a") == ["PA 1:2 ack 1"]
    assert solo.send(b"b") == []
    assert solo.send(b"c") == []
    assert solo.rcv("A", ack=2) == ["PA 2:4 ack 1"]


@pins("MUST-17")
def test_nagle_can_be_switched_off() -> None:
    solo = Solo.established(options=ConnectionOptions(nodelay=True))
    assert solo.send(b"a") == ["PA 1:2 ack 1"]
    assert solo.send(b"b") == ["PA 2:3 ack 1"]


@pins("SHLD-27", "SHLD-28")
def test_small_writes_are_collapsed_into_full_segments() -> None:
    solo = Solo.established()
    solo.send(b"a")
    for _ in range(30):
        solo.send(b"x" * 100)
    assert [len(seg.payload) for seg in solo.out] == [1, 1460, 1460]
    assert solo.rcv("A") == ["PA 2922:3002 ack 1"]


@pins("MUST-60", "MUST-61")
def test_the_last_buffered_segment_carries_psh_and_nothing_waits_for_ever() -> None:
    solo = Solo.established(push_every_write=False)
    assert solo.send(b"x" * 2000) == ["A 1:1461 ack 1"]  # the rest waits for Nagle
    assert solo.rcv("A") == ["PA 1461:2001 ack 1"]
    assert solo.conn.unsent_bytes() == 0


@pins("MUST-54")
def test_packet_too_big_lowers_the_segment_size_and_resends() -> None:
    solo = Solo.established(snd_buffer=1 << 20)
    solo.send(b"x" * 4380)
    solo.out.clear()
    solo.icmp(3, 4, mtu=1000)
    sizes = [len(seg.payload) for seg in solo.out]
    assert sizes
    assert max(sizes) == 960
    for _ in range(20):
        solo.rcv("A")
    assert solo.conn.unacked_bytes() == 0 or solo.advance(10 * 10**9) is not None


def test_packet_too_big_for_unsent_numbers_is_ignored() -> None:
    solo = Solo.established()
    solo.icmp(3, 4, mtu=600, seq=5000)
    assert solo.conn.snapshot().mss == 1460


def test_no_segment_is_smaller_than_a_hostile_mss_allows() -> None:
    solo = Solo.established(syn={"mss": 1})
    solo.send(b"x" * 500)
    assert len(solo.out[0].payload) >= PLAIN.min_mss


def test_corked_data_waits_for_more_then_leaves_by_timer() -> None:
    solo = Solo.established()
    assert solo.send(b"head", more=True) == []
    assert solo.advance(200 * MS - 1) == []
    assert solo.advance(1) == ["PA 1:5 ack 1"]


def test_urgent_profile_is_not_changed() -> None:
    assert replace(RFC).nagle
