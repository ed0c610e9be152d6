"""Fast recovery without SACK: RFC 5681 §3.2, RFC 6582 §3.2, RFC 3042. MSS 1000, Reno, ten segments."""

from __future__ import annotations

import pytest

from netsim.tcp.recovery.base import DISORDER, LOSS, OPEN, RECOVERY, RecoveryConfig
from tests.unit.tcp.recovery.recovery_driver import Driver


def rfc(**knobs: bool) -> Driver:
    return Driver(RecoveryConfig(**knobs), sack=False)


def again(start: int) -> list[tuple[str, int, int]]:
    return [("again", start, start + 1000)]


def new(start: int, count: int = 1) -> list[tuple[str, int, int]]:
    return [("new", start + 1000 * i, start + 1000 * (i + 1)) for i in range(count)]


def test_two_duplicates_release_two_new_segments_the_third_resends() -> None:
    d = rfc()
    assert d.write(100_000) == new(1, 10)
    assert d.ack(1, after=100) == new(10001)
    assert d.codes == ["duplicate-ack"]
    assert d.r.phase == DISORDER
    assert d.ack(1) == new(11001)
    assert d.ack(1) == again(1)
    assert d.r.phase == RECOVERY
    # FlightSize without the two segments of limited transmit: 10000.
    assert d.r.cc.ssthresh == 5000
    assert d.cwnd == 5000 + 3000
    assert "fast-retransmit" in d.codes


def test_without_limited_transmit_nothing_new_leaves() -> None:
    d = rfc(limited_transmit=False)
    d.write(100_000)
    assert d.ack(1, after=100) == []
    assert d.ack(1) == []
    assert d.ack(1) == again(1)


@pytest.mark.parametrize("more", [{"data": True}, {"window": True}])
def test_segments_with_data_or_a_new_window_are_no_duplicates(more: dict[str, bool]) -> None:
    d = rfc()
    d.write(10_000)
    for _ in range(5):
        assert d.ack(1, after=10, **more) == []
    assert d.r.phase == OPEN
    assert not d.r.is_duplicate


def test_further_duplicates_inflate_until_new_data_may_go() -> None:
    d = rfc()
    d.write(100_000)
    for _ in range(3):
        d.ack(1, after=1)
    # 12 segments outstanding, cwnd 8: four more duplicates fill it, the fifth sends.
    for i in range(4):
        assert d.ack(1) == []
        assert d.cwnd == 9000 + 1000 * i
    assert d.ack(1) == new(12001)


def test_partial_ack_resends_the_next_hole_and_deflates() -> None:
    d = rfc()
    d.write(10_000)
    for _ in range(7):
        d.ack(1, after=1)
    cwnd = d.cwnd
    assert cwnd == 5000 + 3000 + 4000
    assert d.ack(3001, after=100) == again(3001)
    assert d.codes == ["partial-ack"]
    assert d.cwnd == cwnd - 3000 + 1000
    assert d.ack(10001, after=100) == []
    assert d.codes == ["full-ack"]
    assert (d.r.phase, d.cwnd) == (OPEN, 2000)


def test_full_ack_leaves_min_of_ssthresh_and_flight_plus_one() -> None:
    d = rfc()
    d.write(12_000)
    for _ in range(5):
        d.ack(1, after=1)
    assert d.ack(12001, after=100) == []
    assert d.cwnd == 2000
    e = rfc()
    e.write(100_000)
    for _ in range(12):
        e.ack(1, after=1)
    outstanding = e.r.sb.nxt - 12001
    assert outstanding == 5000
    e.ack(12001, after=100)
    assert e.cwnd == 5000


def test_duplicates_below_recover_start_no_second_recovery() -> None:
    d = rfc()
    d.write(10_000)
    for _ in range(3):
        d.ack(1, after=1)
    d.ack(10001, after=100)
    assert d.r.phase == OPEN
    d.write(10_000)
    ssthresh = d.r.cc.ssthresh
    for _ in range(4):
        assert not [event for event in d.ack(10001, after=1) if event[0] == "again"]
    assert "below-recover" in d.codes
    assert d.r.cc.ssthresh == ssthresh
    # An ACK above it, and duplicates count again.
    d.ack(11001)
    for _ in range(2):
        d.ack(11001, after=1)
    assert d.ack(11001) == again(11001)


def test_timeout_goes_back_and_slow_starts() -> None:
    d = rfc()
    d.write(10_000)
    d.wait(1000)
    assert d.at(-1) == (1100.0, "again", 1, 1001)
    assert (d.r.phase, d.cwnd, d.r.cc.ssthresh) == (LOSS, 1000, 5000)
    assert d.codes == ["retransmission-timeout"]
    assert d.ack(1001, after=100) == [("again", 1001, 2001), ("again", 2001, 3001)]
    assert len(d.ack(3001, after=100)) == 3
    d.ack(10001, after=100)
    assert d.r.phase == OPEN


def test_second_timeout_of_one_segment_keeps_ssthresh_and_doubles() -> None:
    d = rfc()
    d.write(10_000)
    d.wait(1000)
    assert d.r.rtt.rto_ns == 2_000_000_000
    d.wait(1999)
    assert len(d.events) == 11
    d.wait(1)
    assert d.at(-1) == (3100.0, "again", 1, 1001)
    assert d.r.cc.ssthresh == 5000


def test_timer_stops_with_the_last_ack_and_restarts_with_each() -> None:
    d = rfc()
    d.write(3000)
    assert d.r.deadline() == 1_100_000_000
    d.ack(1001, after=50)
    assert d.r.deadline() == 1_150_000_000
    d.ack(3001, after=50)
    assert d.r.deadline() == -1
    assert d.r.timer_name() == ""


def test_idle_longer_than_the_rto_restarts_from_the_initial_window() -> None:
    d = rfc()
    d.write(100_000)
    for ack in range(1, 40):
        d.ack(1 + 1000 * ack, after=10)
    d.ack(d.r.sb.nxt, after=100)
    while d.unsent or d.r.sb.packets_out():
        d.ack(d.r.sb.nxt, after=100)
    grown = d.cwnd
    assert grown > 10_000
    d.wait(900)  # the last segment left 100 ms before its ACK came
    assert not d.r.before_new_data(d.now)
    d.wait(1)
    assert d.r.before_new_data(d.now)
    assert d.cwnd == 10_000
    e = rfc(idle_restart=False)
    e.write(1000)
    e.ack(1001, after=10)
    e.wait(5000)
    assert not e.r.before_new_data(e.now)


def test_a_lost_syn_means_one_segment_and_three_seconds() -> None:
    from netsim.tcp.congestion.factory import make_congestion_control
    from netsim.tcp.recovery.base import AckInfo
    from netsim.tcp.recovery.machine import LossRecovery
    from netsim.tcp.recovery.scoreboard import SENT_SYN

    r = LossRecovery(RecoveryConfig(), make_congestion_control("reno", 1000, 10_000), 1000)
    r.on_transmit(0, 0, 1, SENT_SYN)
    assert r.deadline() == 1_000_000_000
    r.on_rto(r.deadline())
    assert [reason.code for reason in r.reasons] == ["syn-timeout"]
    record = r.next_resend(r.deadline())
    assert record is not None
    r.on_retransmit(1_000_000_000, record)
    assert r.deadline() == 3_000_000_000
    info = AckInfo()
    info.ack = 1
    r.on_ack(1_100_000_000, info)
    r.on_established(1_100_000_000, 1000, sack_ok=False)
    assert r.cc.cwnd == 1000
    assert r.rtt.rto_ns == 3_000_000_000
    assert r.rtt.samples == 0  # Karn
