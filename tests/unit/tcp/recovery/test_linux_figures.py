"""Figures that a Linux 6.18 kernel shows: what goes out, when, and cwnd.

MSS 1000, CUBIC, ten segments to begin with. Each case says what is lost; the numbers were read
off kernel runs of the public packetdrill scripts for the same situations.
"""

from __future__ import annotations

import pytest

from netsim.tcp.recovery.base import DISORDER, LOSS, OPEN, RECOVERY, linux_recovery_config
from tests.unit.tcp.recovery.recovery_driver import Driver


def linux(rtt_ms: int = 100, *, sack: bool = True, hystart: bool = True, **more: bool) -> Driver:
    return Driver(linux_recovery_config(), rtt_ms=rtt_ms, sack=sack, cc="cubic", hystart=hystart, **more)


def new(start: int, count: int = 1) -> list[tuple[str, int, int]]:
    return [("new", start + 1000 * i, start + 1000 * (i + 1)) for i in range(count)]


def again(start: int, count: int = 1) -> list[tuple[str, int, int]]:
    return [("again", start + 1000 * i, start + 1000 * (i + 1)) for i in range(count)]


def test_one_loss_in_ten_sends_one_segment_per_ack_once_ssthresh_is_reached() -> None:
    d = linux()
    assert d.write(10000) == new(1, 10)
    assert d.ack(1, (1001, 2001), after=110) == []
    assert d.ack(1, (1001, 3001), after=10) == []
    assert d.ack(1, (1001, 4001), after=10) == again(1)
    assert (d.r.phase, d.cwnd_segs, d.ssthresh_segs) == (RECOVERY, 7, 7)
    d.wait(20)
    assert d.write(7000) == []
    for i in range(6):
        assert d.ack(1, (1001, 5001 + 1000 * i), after=10) == new(10001 + 1000 * i)
    assert d.ack(10001, after=20) == new(16001)
    assert (d.r.phase, d.cwnd_segs, d.ssthresh_segs) == (OPEN, 7, 7)


def test_four_losses_are_resent_at_the_pace_of_deliveries_and_the_window_is_whole_after() -> None:
    d = linux(10)
    d.write(10000)
    assert d.ack(1, (4001, 5001), after=10) == []
    assert d.ack(1, (4001, 6001), after=2) == []
    assert d.ack(1, (4001, 7001)) == again(1)
    assert d.ack(1, (4001, 8001)) == again(1001)
    assert d.ack(1, (4001, 9001)) == again(2001)
    assert d.ack(1, (4001, 10001)) == again(3001)
    d.ack(1001, (4001, 10001), after=10)
    d.ack(2001, (4001, 10001))
    d.ack(3001, (4001, 10001))
    d.ack(10001)
    d.wait(10)
    assert d.write(10000) == new(10001, 7)


def test_losses_in_two_groups_go_through_both_bounds_of_the_reduction() -> None:
    d = linux(10)
    assert d.write(20000) == new(1, 10)
    assert d.ack(1, (4001, 5001), after=10) == new(10001)
    assert d.ack(1, (4001, 6001), after=2) == new(11001)
    assert d.ack(1, (4001, 7001), after=2) == again(1)
    assert d.ack(1, (4001, 8001), after=2) == again(1001)
    assert d.ack(1, (4001, 9001), after=2) == again(2001)
    assert d.ack(1, (4001, 10001), after=2) == again(3001)
    assert d.ack(1, (4001, 11001), after=2) == new(12001)
    assert d.ack(1, (4001, 12001), after=2) == new(13001)
    assert d.ack(1001, (4001, 12001), after=10) == new(14001, 2)
    assert d.ack(1001, (2001, 12001), after=2) == again(1001) + new(16001)
    assert d.ack(1001, (2001, 13001), after=2) == new(17001)
    assert d.ack(1001, (2001, 14001), after=2) == new(18001)


def test_sack_on_an_old_ack_counts() -> None:
    d = linux(10)
    d.write(10000)
    d.ack(1, (1001, 2001), after=10)
    d.ack(1, (1001, 3001))
    assert d.ack(1, (1001, 3001), (8001, 9001)) == again(1)
    assert d.ack(4001, (8001, 9001), after=12) == again(4001, 3)
    assert d.write(10000) == []
    assert d.ack(3001, (5001, 7001), after=2) == again(7001) + new(10001)


@pytest.mark.parametrize("sack", [True, False])
def test_limited_transmit_then_reordering(sack: bool) -> None:
    d = linux(sack=sack)
    assert d.write(15000) == new(1, 10)
    assert d.ack(1, *([(1001, 2001)] if sack else []), after=110) == new(10001)
    assert d.ack(1, *([(1001, 3001)] if sack else []), after=10) == new(11001)
    assert d.ack(3001, after=10) == new(12001, 2)
    assert d.ack(5001, after=20) == new(14001)
    assert d.r.phase == OPEN


def test_sack_of_the_last_byte_only_then_probe_then_timeout() -> None:
    d = linux()
    d.write(4000)
    assert d.ack(1, (4000, 4001), after=100) == []
    d.wait(110)
    assert d.at(-1)[1:] == ("again", 3001, 4001)
    assert 200 <= d.at(-1)[0] - 100 <= 210
    probe_at = d.at(-1)[0]
    d.wait(310)
    assert d.at(-1)[1:] == ("again", 1, 1001)
    assert d.at(-1)[0] - probe_at == pytest.approx(300, abs=10)
    assert d.r.phase == LOSS
    count = len(d.events)
    d.wait(90)
    assert len(d.events) == count
    d2 = d
    assert d2.ack(1001, (4000, 4001), after=100) == again(1001, 2)
    assert d2.ack(3001, (4000, 4001), after=100) == again(3001)
    d2.ack(4001, after=100)
    assert d2.r.phase == OPEN


def test_rack_waits_a_quarter_round_trip_with_fewer_than_three_sacks() -> None:
    d = linux()
    d.write(4000)
    assert d.ack(1, (3001, 4001), after=100) == []
    assert d.r.phase == DISORDER
    d.wait(26)
    assert len(d.events) == 4
    d.wait(2)
    assert d.at(-1) == (227.0, "again", 1, 1001)


@pytest.mark.parametrize("sack", [True, False])
def test_third_duplicate_resends_at_once(sack: bool) -> None:
    d = linux(sack=sack)
    d.write(4000)
    d.ack(1, *([(1001, 2001)] if sack else []), after=100)
    d.ack(1, *([(1001, 3001)] if sack else []))
    assert d.ack(1, *([(1001, 4001)] if sack else [])) == again(1)
    assert d.ack(4001, after=100) == []


def test_reordering_degree_and_lost_count_as_sacks_fill_in_2_6_8_3_9() -> None:
    d = linux()
    d.write(10000)
    d.ack(1, (2001, 3001), after=100)
    d.ack(1, (2001, 3001), (6001, 7001), after=1)
    assert d.ack(1, (2001, 3001), (6001, 7001), (8001, 9001), after=1) == again(1)
    assert d.r.phase == RECOVERY
    assert d.r.sb.lost_out == 6
    assert d.ack(1, (2001, 4001), (6001, 7001), (8001, 9001), after=7) == again(1001)
    assert (d.r.sb.lost_out, d.r.reordering_segs) == (5, 6)
    d.ack(1, (2001, 4001), (6001, 7001), (8001, 10001), after=10)
    assert d.r.sb.lost_out == 5
    d.ack(1001, (2001, 4001), (6001, 7001), (8001, 10001), after=83)
    assert d.r.sb.lost_out == 4
    d.ack(4001, (6001, 7001), (8001, 10001), after=17)
    assert d.r.sb.lost_out == 3
    d.ack(7001, (8001, 10001), after=10)
    d.ack(10001, after=100)
    assert d.r.phase == OPEN
    assert (d.r.sb.packets_out(), d.r.sb.sacked_out, d.r.sb.lost_out, d.r.sb.retrans_out) == (0, 0, 0, 0)


def test_reordering_degree_7_3_4_8_9() -> None:
    d = linux()
    d.write(10000)
    d.ack(1, (7001, 8001), after=100)
    d.wait(27)
    assert d.at(-1) == (227.0, "again", 1, 1001)
    assert (d.r.phase, d.r.sb.lost_out, d.r.reordering_segs) == (RECOVERY, 7, 3)
    assert d.ack(1, (3001, 4001), (7001, 8001), after=2) == again(1001)
    assert (d.r.sb.lost_out, d.r.reordering_segs) == (6, 5)
    assert d.ack(1, (3001, 5001), (7001, 8001), after=2) == again(2001)
    assert d.r.sb.lost_out == 5
    assert d.ack(1, (3001, 5001), (7001, 9001), after=2) == again(5001)
    assert d.ack(1, (3001, 5001), (7001, 10001), after=2) == again(6001)
    d.ack(10001, after=100)
    assert d.r.phase == OPEN
    assert (d.r.sb.packets_out(), d.r.sb.sacked_out, d.r.sb.lost_out, d.r.sb.retrans_out) == (0, 0, 0, 0)


def test_reordering_degree_7_5_6_8_9() -> None:
    d = linux()
    d.write(10000)
    d.ack(1, (7001, 8001), after=100)
    d.wait(27)
    assert d.ack(1, (5001, 6001), (7001, 8001)) == again(1001)
    assert (d.r.sb.lost_out, d.r.reordering_segs) == (6, 3)
    assert d.ack(1, (5001, 8001)) == again(2001)
    assert d.r.sb.lost_out == 5
    assert d.ack(1, (5001, 9001)) == again(3001)
    assert d.ack(1, (5001, 10001)) == again(4001)


def test_hystart_stays_silent_when_the_smallest_round_trip_falls() -> None:
    d = linux(200)
    d.write(28000)
    assert d.ack(10001, after=200) == new(10001, 18)
    assert d.cwnd_segs == 20
    d.wait(180)
    assert d.write(2000) == new(28001, 2)
    d.wait(19)
    for i in range(10):
        d.ack(12001 + 2000 * i, after=1)
        assert d.cwnd_segs == 22 + 2 * i
    assert d.r.cc.in_slow_start()


def test_hystart_leaves_slow_start_when_round_trips_grow() -> None:
    d = linux(200)
    d.write(30000)
    assert d.ack(10001, after=200) == new(10001, 20)
    d.wait(239)
    for i in range(8):
        d.ack(12001 + 2000 * i, after=1)
        assert d.cwnd_segs == 22 + 2 * i
        assert d.r.cc.in_slow_start()
    d.ack(28001, after=1)
    assert (d.cwnd_segs, d.ssthresh_segs) == (36, 36)
    d.ack(30001, after=1)
    assert (d.cwnd_segs, d.ssthresh_segs) == (36, 36)


def test_reordering_of_ten_then_reordering_timer_enters_recovery() -> None:
    d = linux(20)
    d.write(10000)
    d.ack(1, (9001, 10001), after=20)
    d.ack(1, (3001, 4001), (9001, 10001))
    assert d.r.sb.sacked_out == 2
    d.ack(10001)
    assert d.r.reordering_segs == 10
    assert d.r.rack is not None
    assert d.r.rack.reordering_seen == 2
    assert d.cwnd_segs == 19
    d.wait(25)
    assert d.write(2000) == new(10001, 2)
    d.ack(10001, (11001, 12001), after=20)
    assert (d.r.phase, d.cwnd_segs) == (DISORDER, 19)
    d.wait(20)
    assert d.r.phase == RECOVERY
    assert d.at(-1)[1:] == ("again", 10001, 11001)


def test_probe_timeout_then_slow_start_to_seven_then_a_segment_a_round_trip() -> None:
    d = linux()
    d.write(1000)
    d.ack(1001, after=100)
    assert d.cwnd_segs == 10
    d.write(1000)
    start = d.at(-1)[0]
    d.wait(700)
    assert [event[1:] for event in d.events[-2:]] == [("again", 1001, 2001)] * 2
    assert d.at(-2)[0] - start == pytest.approx(300, abs=4)
    assert d.at(-1)[0] - start == pytest.approx(600, abs=8)
    d.ack(2001)
    assert (d.cwnd_segs, d.ssthresh_segs) == (2, 7)
    assert d.write(200000) == new(2001, 2)
    assert d.ack(3001, after=100) == new(4001, 2)
    assert d.ack(4001, after=2) == new(6001, 2)
    assert d.ack(5001, after=98) == new(8001, 2)
    for i in range(3):
        assert d.ack(6001 + 1000 * i, after=2) == (new(10001 + 2000 * i, 2) if i < 2 else new(14001))
    assert d.cwnd_segs == 7
    acked = 8001
    for pause in [98, 2, 2, 2, 2, 2, 2, 98, 2, 2, 2, 2, 2, 2]:
        acked += 1000
        assert len(d.ack(acked, after=pause)) == 1
    assert d.cwnd_segs == 7
    assert len(d.ack(23001, after=98)) == 2
    assert d.cwnd_segs == 8


def test_disorder_does_not_moderate_the_window() -> None:
    d = linux()
    d.write(4000)
    d.ack(1, (1001, 2001), after=100)
    assert (d.r.phase, d.cwnd_segs) == (DISORDER, 10)


def test_slow_start_grows_by_what_was_acknowledged_and_stays_when_limited_by_the_application() -> None:
    d = linux()
    d.write(9000)
    d.ack(9001, after=100)
    assert d.cwnd_segs == 18 + 1  # 9 segments of 10: more than half of the window was used
    e = linux()
    e.write(4000)
    e.ack(4001, after=100)
    assert e.cwnd_segs == 10
