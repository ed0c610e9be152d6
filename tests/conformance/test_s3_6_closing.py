"""RFC 9293 §3.6, §3.10.4, §3.10.5: closing, aborting, TIME-WAIT."""

from dataclasses import replace

import pytest

from netsim.base.units import SEC
from netsim.tcp.connection import CallError
from netsim.tcp.profile import RFC

from .requirements import pins
from .solo import Solo

SYNCHRONIZED = ["ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT"]


@pins("MUST-12")
def test_application_learns_how_it_ended() -> None:
    normal = Solo.established()
    normal.rcv("FA")
    assert normal.conn.at_eof()
    assert normal.conn.error == ""
    assert "connection-closing" in normal.notified()
    aborted = Solo.established()
    aborted.rcv("R")
    assert aborted.conn.error == "connection-reset"
    assert "connection-reset" in aborted.notified()


@pins("MUST-13")
def test_time_wait_lasts_two_msl_to_the_nanosecond() -> None:
    solo = Solo.in_state("TIME-WAIT")
    solo.advance(240 * SEC - 1)
    assert solo.state == "TIME-WAIT"
    solo.advance(1)
    assert solo.state == "CLOSED"


def test_retransmitted_fin_is_acknowledged_and_restarts_two_msl() -> None:
    solo = Solo.in_state("TIME-WAIT")
    solo.advance(100 * SEC)
    assert solo.rcv("FA", seq=1) == ["A 2 ack 2"]
    solo.advance(240 * SEC - 1)
    assert solo.state == "TIME-WAIT"
    solo.advance(1)
    assert solo.state == "CLOSED"


def test_time_wait_answers_data_and_ignores_old_acks() -> None:
    solo = Solo.in_state("TIME-WAIT")
    assert solo.rcv("A", seq=1, data=b"") in (["A 2 ack 2"], [])
    assert solo.rcv("A", seq=0, data=b"old")[-1] == "A 2 ack 2"
    assert solo.state == "TIME-WAIT"


@pins("SHLD-3")
@pytest.mark.parametrize("state", ["ESTABLISHED", "CLOSE-WAIT"])
def test_close_with_unread_data_resets(state: str) -> None:
    solo = Solo.established()
    solo.rcv("A" if state == "ESTABLISHED" else "FA", data=b"unread")
    assert solo.state == state
    solo.conn.close(solo.now)
    solo.drain()
    assert solo.state == "CLOSED"
    assert solo.sent()[-1] == "R 1"


@pins("SHLD-3")
@pytest.mark.parametrize("state", ["FIN-WAIT-1", "FIN-WAIT-2"])
def test_data_after_close_resets(state: str) -> None:
    solo = Solo.established()
    solo.conn.close(solo.now)
    solo.drain()
    if state == "FIN-WAIT-2":
        solo.rcv("A")
    assert solo.state == state
    solo.out.clear()
    assert solo.rcv("A", ack=None, data=b"too late") == ["R 2"]
    assert solo.state == "CLOSED"


def test_half_close_goes_on_receiving() -> None:
    solo = Solo.in_state("FIN-WAIT-2")
    solo.rcv("A", data=b"more")
    assert solo.conn.receive(solo.now, 10) == b"more"
    assert solo.state == "FIN-WAIT-2"
    assert solo.rcv("FA") == ["A 2 ack 6"]
    assert solo.state == "TIME-WAIT"


def test_fin_waits_behind_queued_data() -> None:
    solo = Solo.established()
    solo.rcv("A", wnd=0)
    assert solo.send(b"x" * 100) == []
    solo.conn.shutdown(solo.now)
    solo.drain()
    assert solo.state == "FIN-WAIT-1"
    assert solo.sent() == []
    assert solo.rcv("A", wnd=1000) == ["FPA 1:101 ack 1"]


def test_close_in_syn_received_without_data_sends_a_fin() -> None:
    solo = Solo.syn_received()
    solo.out.clear()
    solo.conn.shutdown(solo.now)
    solo.drain()
    assert solo.state == "FIN-WAIT-1"
    assert solo.sent() == ["FA 1 ack 1"]
    solo.rcv("A", ack=2)
    assert solo.state == "FIN-WAIT-2"


def test_close_in_syn_received_with_data_waits_for_established() -> None:
    solo = Solo.syn_received()
    solo.send(b"abc")
    solo.conn.shutdown(solo.now)
    solo.drain()
    assert solo.state == "SYN-RECEIVED"
    solo.out.clear()
    assert solo.rcv("A", ack=1) == ["FPA 1:4 ack 1"]
    assert solo.state == "FIN-WAIT-1"


def test_three_segment_teardown() -> None:
    solo = Solo.in_state("FIN-WAIT-1")
    assert solo.rcv("FA") == ["A 2 ack 2"]
    assert solo.state == "TIME-WAIT"


def test_simultaneous_close() -> None:
    solo = Solo.in_state("FIN-WAIT-1")
    assert solo.rcv("FA", ack=1) == ["A 2 ack 2"]
    assert solo.state == "CLOSING"
    solo.rcv("A", ack=2)
    assert solo.state == "TIME-WAIT"


def test_last_ack_ends_it() -> None:
    solo = Solo.in_state("LAST-ACK")
    assert solo.rcv("A", ack=2) == []
    assert solo.state == "CLOSED"
    assert solo.conn.error == ""


@pytest.mark.parametrize("state", ["SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT"])
def test_abort_sends_a_rst(state: str) -> None:
    solo = Solo.in_state(state)
    nxt = 2 if state.startswith("FIN") else 1
    solo.out.clear()
    solo.conn.abort(solo.now)
    solo.drain()
    assert solo.state == "CLOSED"
    assert solo.sent() == [f"R {nxt}"]


@pytest.mark.parametrize("state", ["LISTEN", "SYN-SENT", "CLOSING", "LAST-ACK", "TIME-WAIT"])
def test_abort_without_a_rst(state: str) -> None:
    solo = Solo.in_state(state)
    solo.out.clear()
    solo.conn.abort(solo.now)
    solo.drain()
    assert solo.state == "CLOSED"
    assert solo.sent() == []


@pytest.mark.parametrize("state", ["LISTEN", "SYN-SENT"])
def test_close_before_any_peer(state: str) -> None:
    solo = Solo.in_state(state)
    solo.out.clear()
    solo.conn.close(solo.now)
    solo.drain()
    assert solo.state == "CLOSED"
    assert solo.sent() == []


@pytest.mark.parametrize("state", ["CLOSING", "LAST-ACK", "TIME-WAIT"])
def test_close_twice_is_an_error(state: str) -> None:
    solo = Solo.in_state(state)
    with pytest.raises(CallError, match="connection closing"):
        solo.conn.shutdown(solo.now)
    assert solo.state == state


@pytest.mark.parametrize("state", SYNCHRONIZED)
def test_exact_rst_closes_every_synchronized_state(state: str) -> None:
    solo = Solo.in_state(state)
    assert solo.rcv("R") == []
    assert solo.state == "CLOSED"


@pytest.mark.parametrize("state", SYNCHRONIZED)
def test_rst_elsewhere_in_the_window_is_challenged(state: str) -> None:
    solo = Solo.in_state(state)
    out = solo.rcv("R", seq=solo.peer_nxt + 1)
    assert len(out) == 1
    assert out[0].startswith("A ")
    assert solo.state == state


@pytest.mark.parametrize("state", ["SYN-RECEIVED", *SYNCHRONIZED])
def test_rst_outside_the_window_is_ignored(state: str) -> None:
    solo = Solo.in_state(state)
    solo.out.clear()
    assert solo.rcv("R", seq=solo.peer_nxt - 1) == []
    assert solo.rcv("R", seq=solo.peer_nxt + 70000) == []
    assert solo.state == state


@pytest.mark.parametrize("state", SYNCHRONIZED)
def test_syn_in_a_synchronized_state_is_challenged(state: str) -> None:
    solo = Solo.in_state(state)
    for seq in (solo.peer_nxt, solo.peer_nxt + 100, solo.peer_nxt - 1000):
        out = solo.rcv("S", seq=seq)
        assert len(out) == 1, (seq, out)
        assert out[0].startswith("A ")
        assert solo.state == state


@pins("SHLD-4")
def test_timestamps_let_a_new_incarnation_in() -> None:
    solo = Solo.in_state("TIME-WAIT", replace(RFC, use_sack=False), syn={"ts": (1000, 1)})
    newer = solo.segment("S", seq=-5000, ts=(5000, 0), ack=0)
    older = solo.segment("S", seq=9000, ts=(10, 0), ack=0)
    assert solo.conn.accepts_new_incarnation(solo.now, newer)
    assert not solo.conn.accepts_new_incarnation(solo.now, older)
    solo.conn.yield_to_new_incarnation(solo.now)
    assert solo.state == "CLOSED"


def test_without_timestamps_only_a_higher_number_gets_in() -> None:
    solo = Solo.in_state("TIME-WAIT")
    assert not solo.conn.accepts_new_incarnation(solo.now, solo.segment("S", seq=2))
    assert solo.conn.accepts_new_incarnation(solo.now, solo.segment("S", seq=3))


def test_rfc_1337_ignores_rst_in_time_wait() -> None:
    solo = Solo.in_state("TIME-WAIT", time_wait_ignores_rst=True)
    assert solo.rcv("R") == []
    assert solo.state == "TIME-WAIT"


def test_fin_wait_2_without_a_user_may_end() -> None:
    solo = Solo.established(fin_wait_2_ns=60 * SEC)
    solo.conn.close(solo.now)
    solo.drain()
    solo.rcv("A")
    solo.advance(60 * SEC - 1)
    assert solo.state == "FIN-WAIT-2"
    solo.advance(1)
    assert solo.state == "CLOSED"


def test_fin_out_of_order_waits_for_its_turn() -> None:
    solo = Solo.established()
    assert solo.rcv("FA", seq=6, ack=1) == ["A 1 ack 1"]
    assert solo.state == "ESTABLISHED"
    assert solo.rcv("A", seq=1, ack=1, data=b"hello") == ["A 1 ack 7"]
    assert solo.state == "CLOSE-WAIT"


@pytest.mark.parametrize("state", ["CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT"])
def test_text_after_the_fin_is_ignored(state: str) -> None:
    solo = Solo.in_state(state)
    solo.rcv("A", seq=2, ack=None, data=b"ghost")
    assert solo.conn.readable_bytes() == 0
    assert solo.conn.snapshot().rcv_nxt == (solo.segment("A", seq=2).seq)
