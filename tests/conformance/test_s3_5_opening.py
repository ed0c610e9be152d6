"""RFC 9293 §3.5, §3.10.1: opening a connection, resets in the handshake."""

from dataclasses import replace

import pytest

from netsim.base.packet import ACK, SYN
from netsim.tcp.connection import CallError

from .requirements import pins
from .solo import PLAIN, Solo


@pins("MUST-10")
def test_simultaneous_open() -> None:
    solo = Solo.syn_sent()
    assert solo.rcv("S", seq=0, mss=1460) == ["SA 0 ack 1"]
    assert solo.state == "SYN-RECEIVED"
    assert solo.rcv("SA", seq=0, ack=1, mss=1460) == []
    assert solo.state == "ESTABLISHED"


def test_the_window_of_a_crossing_syn_ack_is_not_scaled() -> None:
    """RFC 7323 §2.2: the window field of a SYN is never scaled, in a simultaneous open neither."""
    solo = Solo.syn_sent(replace(PLAIN, use_window_scale=True))
    solo.rcv("S", seq=0, wscale=7, mss=1460, wnd=1500)
    solo.rcv("SA", seq=0, ack=1, wscale=7, mss=1460, wnd=1500)
    assert solo.state == "ESTABLISHED"
    assert solo.conn.snapshot().snd_wnd == 1500
    solo.rcv("A", wnd=1500)
    assert solo.conn.snapshot().snd_wnd == 1500 << 7


def test_simultaneous_open_with_plain_ack() -> None:
    solo = Solo.syn_received_active()
    solo.rcv("A", ack=1)
    assert solo.state == "ESTABLISHED"


@pins("MUST-11")
def test_reset_in_syn_received_depends_on_how_it_was_opened() -> None:
    passive = Solo.syn_received()
    passive.rcv("R", seq=1)
    assert passive.state == "LISTEN"
    active = Solo.syn_received_active()
    active.rcv("R", seq=1)
    assert active.state == "CLOSED"
    assert active.conn.error == "connection-refused"


def test_back_in_listen_the_next_syn_is_welcome() -> None:
    solo = Solo.syn_received()
    solo.rcv("R", seq=1)
    solo.out.clear()
    assert solo.rcv("S", seq=5000, mss=1460) == ["SA 0 ack 5001"]
    solo.rcv("A", seq=5001, ack=1)
    assert solo.state == "ESTABLISHED"


def test_listen_ignores_rst_resets_ack_and_drops_the_rest() -> None:
    solo = Solo.listening()
    assert solo.rcv("R", seq=0) == []
    assert solo.rcv("A", seq=0, ack=77) == ["R 77"]
    assert solo.rcv("FA", seq=0, ack=77) == ["R 77"]
    assert solo.rcv("F", seq=0) == []
    assert solo.state == "LISTEN"


@pytest.mark.parametrize("ack", [0, 2, 500, -1])
def test_syn_sent_resets_a_bad_ack_and_stays(ack: int) -> None:
    solo = Solo.syn_sent()
    assert solo.rcv("A", seq=0, ack=ack) == [f"R {ack}"]
    assert solo.rcv("SA", seq=0, ack=ack) == [f"R {ack}"]
    assert solo.rcv("R", seq=0) == []
    assert solo.state == "SYN-SENT"


def test_syn_sent_refused_by_a_good_rst() -> None:
    solo = Solo.syn_sent()
    assert solo.rcv("RA", seq=0, ack=1) == []
    assert solo.state == "CLOSED"
    assert solo.conn.error == "connection-refused"


def test_syn_sent_ignores_neither_syn_nor_rst() -> None:
    solo = Solo.syn_sent()
    assert solo.rcv("A", seq=0, ack=1) == []
    assert solo.rcv("F", seq=0) == []
    assert solo.state == "SYN-SENT"


def test_syn_received_resets_a_bad_ack() -> None:
    solo = Solo.syn_received()
    assert solo.rcv("A", ack=2) == ["R 2"]
    assert solo.rcv("A", ack=0) == ["R 0"]
    assert solo.state == "SYN-RECEIVED"


def test_data_on_the_syn_waits_for_established() -> None:
    solo = Solo.listening()
    assert solo.rcv("S", seq=0, data=b"early", mss=1460) == ["SA 0 ack 1"]
    assert solo.conn.readable_bytes() == 0
    out = solo.rcv("A", seq=1, ack=1)
    assert solo.conn.receive(solo.now, 100) == b"early"
    assert out in (["A 1 ack 6"], [])
    solo.advance(10**9)
    assert solo.sent()[-1] == "A 1 ack 6"


def test_data_and_fin_on_the_syn_ack_are_processed_at_once() -> None:
    solo = Solo.syn_sent()
    assert solo.rcv("SFA", seq=0, ack=1, data=b"bye", mss=1460) == ["A 1 ack 5"]
    assert solo.state == "CLOSE-WAIT"
    assert solo.conn.receive(solo.now, 10) == b"bye"
    assert solo.conn.at_eof()


def test_send_before_established_goes_after_it() -> None:
    solo = Solo.syn_sent()
    assert solo.send(b"queued") == []
    assert solo.rcv("SA", seq=0, ack=1, mss=1460) == ["PA 1:7 ack 1"]


def test_active_open_from_listen() -> None:
    solo = Solo.listening()
    solo.conn.open_active(solo.now, solo.peer, 4000)
    solo.drain()
    assert solo.state == "SYN-SENT"
    assert solo.sent() == ["S 0"]


def test_send_in_listen_opens_actively_if_the_peer_is_known() -> None:
    solo = Solo()
    solo.conn.open_passive(solo.now, solo.peer, 4000)
    solo.conn.send(solo.now, b"x")
    solo.drain()
    assert solo.state == "SYN-SENT"
    unknown = Solo.listening()
    with pytest.raises(CallError, match="remote socket unspecified"):
        unknown.conn.send(unknown.now, b"x")
    assert unknown.state == "LISTEN"


def test_open_twice_is_an_error_and_changes_nothing() -> None:
    solo = Solo.established()
    before = solo.conn.snapshot()
    with pytest.raises(CallError, match="already exists"):
        solo.conn.open_active(solo.now, solo.peer, 4000)
    with pytest.raises(CallError, match="already exists"):
        solo.conn.open_passive(solo.now)
    assert solo.conn.snapshot() == before


def test_retransmitted_syn_in_syn_received_is_acknowledged_again() -> None:
    solo = Solo.syn_received()
    solo.out.clear()
    assert solo.rcv("S", seq=0, mss=1460) == ["A 1 ack 1"]
    linux_like = Solo.syn_received(resend_syn_ack_on_syn=True)
    linux_like.out.clear()
    assert linux_like.rcv("S", seq=0, mss=1460) == ["SA 0 ack 1"]


def test_syn_in_window_of_a_passive_half_open_returns_to_listen() -> None:
    solo = Solo.syn_received()
    solo.rcv("S", seq=100)
    assert solo.state == "LISTEN"


def test_half_open_discovery() -> None:
    """Figure 10: the peer rebooted; its SYN meets our old connection."""
    solo = Solo.established()
    assert solo.rcv("S", seq=4000) == ["A 1 ack 1"]
    assert solo.state == "ESTABLISHED"
    solo.rcv("R", seq=1)
    assert solo.state == "CLOSED"
    assert solo.conn.error == "connection-reset"


def test_closed_answers_as_the_table_says() -> None:
    solo = Solo()
    assert solo.rcv("R", seq=5) == []
    assert solo.rcv("S", seq=5) == ["RA -4294967196 ack 6"] or solo.out[-1].seq == 0
    reset = solo.out[-1]
    assert reset.seq == 0
    assert reset.flags & ACK
    solo.out.clear()
    solo.rcv("A", seq=5, ack=9, data=b"abc")
    assert solo.text(solo.out[-1]) == "R 9"


def test_syn_carries_no_ack_and_fresh_numbers() -> None:
    solo = Solo.syn_sent()
    assert solo.out[0].flags == SYN
    assert solo.out[0].ack == 0
