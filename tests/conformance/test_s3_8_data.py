"""RFC 9293 §3.8: retransmission, connection failures, keep-alives, urgent data, windows, ACKs."""

import itertools

import pytest

from netsim.base.events import CongestionChanged, RttSampled
from netsim.tcp.profile import ConnectionOptions

from .requirements import pins
from .solo import MS, PLAIN, SEC, Solo

# --- retransmission ------------------------------------------------------------------------


@pins("MUST-18", "MUST-19")
def test_rto_and_back_off() -> None:
    """First RTO 1 s (floor), then 2, 4, 8: RFC 6298."""
    solo = Solo.established()
    solo.send(b"x")
    start = solo.now
    assert solo.advance(SEC - 1) == []
    assert solo.advance(1) == ["PA 1:2 ack 1"]
    solo.advance(2 * SEC - 1)
    assert len(solo.out) == 2
    solo.advance(1)
    assert len(solo.out) == 3
    solo.advance(4 * SEC)
    assert len(solo.out) == 4
    assert solo.now == start + 7 * SEC


@pins("MUST-18")
def test_karn_takes_no_sample_from_a_retransmitted_segment() -> None:
    solo = Solo.established()
    solo.send(b"x")
    solo.advance(SEC)
    before = sum(isinstance(e, RttSampled) for e in solo.events)
    solo.advance(100 * MS)
    solo.rcv("A")
    assert sum(isinstance(e, RttSampled) for e in solo.events) == before
    assert solo.conn.snapshot().rto_ns == 2 * SEC  # the back-off stays until a valid sample
    solo.send(b"y")
    solo.advance(100 * MS)
    solo.rcv("A")
    assert sum(isinstance(e, RttSampled) for e in solo.events) == before + 1
    assert solo.conn.snapshot().rto_ns == SEC


def test_three_duplicate_acks_resend_at_once() -> None:
    solo = Solo.established(recovery="newreno")
    solo.send(b"x" * 1460 * 5)
    for _ in range(2):
        solo.rcv("A", ack=1)
    solo.out.clear()
    assert solo.rcv("A", ack=1) == ["A 1:1461 ack 1"]


@pins("MUST-19")
def test_slow_start_then_avoidance() -> None:
    solo = Solo.established(initial_window_segs=2, snd_buffer=1 << 22)
    solo.send(b"x" * 200_000)
    windows = [solo.conn.snapshot().cwnd]
    for _ in range(4):
        solo.rcv("A")
        windows.append(solo.conn.snapshot().cwnd)
    assert windows[1] > windows[0]
    assert all(b - a <= 1460 * 45 for a, b in itertools.pairwise(windows))
    solo.advance(SEC)  # the timer runs out: the window falls to one segment
    assert solo.conn.snapshot().cwnd == 1460
    assert solo.conn.snapshot().ssthresh < 200_000
    assert any(isinstance(e, CongestionChanged) for e in solo.events)


# --- failures ---------------------------------------------------------------------------------


@pins("MUST-20", "SHLD-9", "SHLD-10", "SHLD-11")
def test_r1_then_r2() -> None:
    solo = Solo.established()
    solo.send(b"x")
    solo.advance(SEC + 2 * SEC)
    assert "r1" not in solo.notified()
    solo.advance(4 * SEC)  # the third retransmission
    assert "r1" in solo.notified()
    assert PLAIN.r1_retries >= 3
    solo.advance(90 * SEC)
    assert solo.state == "ESTABLISHED"
    assert PLAIN.r2_ns >= 100 * SEC
    solo.advance(2000 * SEC)
    assert solo.state == "CLOSED"
    assert solo.conn.error == "timed-out"


@pins("MUST-21")
def test_the_application_sets_its_time_limit() -> None:
    solo = Solo.established(options=ConnectionOptions(user_timeout_ns=7 * SEC))
    solo.send(b"x")
    solo.advance(7 * SEC - 1)
    assert solo.state == "ESTABLISHED"
    solo.advance(1)
    assert solo.state == "CLOSED"
    assert solo.conn.error == "timed-out"


@pins("MUST-22", "MUST-23")
def test_syn_is_retransmitted_for_three_minutes_at_least() -> None:
    solo = Solo.syn_sent()
    solo.advance(180 * SEC)
    assert solo.state == "SYN-SENT"
    assert len(solo.out) >= 7
    gaps = [b - a for a, b in zip(solo.times_of("S"), solo.times_of("S")[1:], strict=False)]
    assert gaps[:4] == [SEC, 2 * SEC, 4 * SEC, 8 * SEC]
    solo.advance(600 * SEC)
    assert solo.state == "CLOSED"
    assert solo.conn.error == "timed-out"


def test_syn_ack_gives_up_and_listens_again() -> None:
    solo = Solo.syn_received()
    solo.advance(1000 * SEC)
    assert solo.state == "LISTEN"


# --- keep-alive ---------------------------------------------------------------------------------


@pins("MUST-25")
def test_keep_alive_is_off_by_default() -> None:
    solo = Solo.established()
    assert solo.advance(100 * 3600 * SEC) == []


@pins("MUST-24", "MUST-26", "MUST-28", "SHLD-12")
def test_keep_alive_after_two_hours_of_silence() -> None:
    solo = Solo.established(options=ConnectionOptions(keep_alive=True))
    solo.advance(3600 * SEC)
    solo.rcv("A", data=b"x")
    solo.conn.receive(solo.now, 10)
    solo.advance(SEC)
    solo.out.clear()
    solo.advance(7199 * SEC - 1 - SEC + SEC)
    assert solo.sent() == []
    assert solo.advance(1) == ["A 0 ack 2"]
    assert not solo.out[-1].payload
    off = Solo.established(options=ConnectionOptions(keep_alive=True))
    off.conn.set_keep_alive(off.now, on=False)
    assert off.advance(100 * 3600 * SEC) == []


@pins("MUST-26")
def test_no_keep_alive_while_data_is_outstanding() -> None:
    solo = Solo.established(options=ConnectionOptions(keep_alive=True, keep_idle_ns=3 * SEC))
    solo.send(b"x")
    solo.advance(30 * SEC)
    assert "A 0 ack 1" not in solo.sent()


@pins("MUST-27", "MUST-29")
def test_one_lost_probe_does_not_kill_the_connection() -> None:
    options = ConnectionOptions(keep_alive=True, keep_idle_ns=10 * SEC, keep_interval_ns=5 * SEC, keep_count=3)
    solo = Solo.established(options=options)
    assert solo.advance(10 * SEC) == ["A 0 ack 1"]
    assert solo.advance(5 * SEC) == ["A 0 ack 1"]
    solo.rcv("A")
    assert solo.advance(10 * SEC) == ["A 0 ack 1"]
    solo.advance(15 * SEC - 1)
    assert solo.state == "ESTABLISHED"
    solo.advance(1)
    assert solo.state == "CLOSED"
    assert solo.conn.error == "timed-out"


# --- urgent data ----------------------------------------------------------------------------------


@pins("MUST-30", "MUST-62")
def test_the_urgent_pointer_points_behind_the_urgent_data() -> None:
    solo = Solo.established()
    solo.send(b"abc", urgent=True)
    seg = solo.out[-1]
    assert seg.flags & 0x20
    assert seg.urg == 3


@pins("MUST-31")
def test_urgent_data_longer_than_a_segment() -> None:
    solo = Solo.established(nagle=False)
    solo.send(b"x" * 4000, urgent=True)
    assert [seg.urg for seg in solo.out] == [4000, 2540, 1080]
    assert all(seg.flags & 0x20 for seg in solo.out)


@pins("MUST-32", "MUST-33")
def test_the_application_learns_of_urgent_data_ahead() -> None:
    solo = Solo.established()
    solo.rcv("UA", data=b"x", urg=500)
    assert "urgent-data" in solo.notified()
    snap = solo.conn.snapshot()
    assert (snap.rcv_up - snap.rcv_nxt) % (1 << 32) == 499


# --- the peer's window -------------------------------------------------------------------------------


@pins("MUST-34", "MUST-35", "SHLD-15", "SHLD-16", "SHLD-17")
def test_a_shrunken_window_is_survived() -> None:
    solo = Solo.established()
    solo.rcv("A", wnd=3000)
    solo.send(b"x" * 6000)
    assert solo.conn.unacked_bytes() >= 2920
    solo.out.clear()
    solo.rcv("A", ack=1461, wnd=100)  # the right edge moves left
    new = [seg for seg in solo.out if seg.payload and solo.text(seg).startswith(("A 3", "PA 3", "A 4"))]
    assert new == []
    assert solo.advance(5 * SEC)  # old data goes again
    assert solo.state == "ESTABLISHED"
    assert solo.rcv("A", ack=None, wnd=0) is not None
    solo.out.clear()
    assert solo.advance(100 * SEC)
    assert solo.state == "ESTABLISHED"


@pins("MUST-35", "MUST-36", "SHLD-29", "SHLD-30")
def test_zero_window_is_probed_with_growing_gaps() -> None:
    solo = Solo.established()
    solo.rcv("A", wnd=0)
    assert solo.send(b"hello") == []
    assert solo.advance(SEC - 1) == []
    assert solo.advance(1) == ["A 1:2 ack 1"]
    assert solo.advance(2 * SEC - 1) == []
    assert solo.advance(1) == ["A 1:2 ack 1"]
    assert solo.advance(4 * SEC) == ["A 1:2 ack 1"]
    assert solo.rcv("A", ack=1, wnd=1000) == ["PA 1:6 ack 1"]


@pins("MUST-36")
def test_a_probe_octet_that_was_taken_counts_as_sent() -> None:
    solo = Solo.established()
    solo.rcv("A", wnd=0)
    solo.send(b"hello")
    solo.advance(SEC)
    assert solo.rcv("A", ack=2, wnd=1000) == ["PA 2:6 ack 1"]
    assert solo.conn.unacked_bytes() == 4


@pins("MUST-37")
def test_a_peer_that_answers_probes_is_kept() -> None:
    solo = Solo.established()
    solo.rcv("A", wnd=0)
    solo.send(b"hello")
    for _ in range(60):
        solo.advance(60 * SEC)
        solo.rcv("A", ack=1, wnd=0)
    assert solo.state == "ESTABLISHED"
    assert solo.rcv("A", ack=1, wnd=10)


@pins("MUST-38")
def test_sender_waits_for_a_window_worth_a_segment() -> None:
    solo = Solo.established()
    solo.send(b"x" * 100)
    solo.rcv("A", wnd=50)
    solo.out.clear()
    assert solo.send(b"y" * 3000) == []  # 50 octets of window are not worth a segment
    assert solo.advance(200 * MS - 1) == []
    assert solo.advance(1) == ["A 101:151 ack 1"]  # the override timer


# --- our window ----------------------------------------------------------------------------------------


@pins("MUST-39")
def test_receiver_opens_the_window_only_by_a_worthwhile_step() -> None:
    solo = Solo.established(rcv_buffer=4000)
    solo.rcv("A", data=b"x" * 1460)
    solo.rcv("A", data=b"x" * 1460)
    solo.rcv("A", data=b"x" * 1080)
    solo.advance(SEC)
    assert solo.out[-1].wnd == 0
    solo.out.clear()
    solo.conn.receive(solo.now, 1459)
    solo.drain()
    assert solo.sent() == []
    solo.conn.receive(solo.now, 1)
    solo.drain()
    assert [seg.wnd for seg in solo.out] == [1460]


@pins("SHLD-14")
def test_the_right_edge_never_moves_left() -> None:
    solo = Solo.established(rcv_buffer=10_000)
    edge = 0
    for i in range(20):
        solo.rcv("A", data=b"x" * 300, seq=None)
        if i % 3 == 0:
            solo.conn.receive(solo.now, 700)
            solo.drain()
        solo.advance(SEC)
        for seg in solo.out:
            here = ((seg.ack - solo.segment("A", seq=0).seq) & 0xFFFFFFFF) + seg.wnd
            assert here >= edge
            edge = here
        solo.out.clear()


# --- acknowledging ----------------------------------------------------------------------------------------


@pins("SHLD-18", "MUST-40")
def test_a_single_segment_is_acknowledged_within_half_a_second() -> None:
    solo = Solo.established()
    assert solo.rcv("A", data=b"x") == []
    assert solo.advance(200 * MS - 1) == []
    assert solo.advance(1) == ["A 1 ack 2"]
    assert PLAIN.delayed_ack_ns < 500 * MS


@pins("SHLD-19")
def test_every_second_full_segment_is_acknowledged() -> None:
    solo = Solo.established()
    assert solo.rcv("A", data=b"x" * 1460) == []
    assert solo.rcv("A", data=b"x" * 1460) == ["A 1 ack 2921"]
    assert solo.rcv("A", data=b"x" * 1460) == []
    assert solo.rcv("A", data=b"x" * 1460) == ["A 1 ack 5841"]


@pins("MUST-58", "MUST-59")
def test_queued_segments_are_acknowledged_together() -> None:
    solo = Solo.established()
    segments = []
    for _ in range(6):
        segments.append(solo.segment("A", data=b"x" * 1460))
        solo.peer_nxt += 1460
    for seg in segments:
        solo.conn.handle_segment(solo.now, seg)
    solo.drain()
    assert solo.sent() == ["A 1 ack 8761"]


@pins("SHLD-31")
def test_out_of_order_segments_are_kept() -> None:
    solo = Solo.established()
    assert solo.rcv("A", seq=6, data=b"world") == ["A 1 ack 1"]
    assert solo.rcv("A", seq=1, data=b"hello") == ["A 1 ack 11"]
    assert solo.conn.receive(solo.now, 100) == b"helloworld"


@pytest.mark.parametrize("delayed", [True, False])
def test_delayed_acks_can_be_switched_off(delayed: bool) -> None:
    solo = Solo.established(options=ConnectionOptions(delayed_ack=delayed))
    assert solo.rcv("A", data=b"x") == ([] if delayed else ["A 1 ack 2"])
