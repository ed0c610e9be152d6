"""RFC 9293 §3.10.7.4 and the RFCs it builds on: acceptability, ACK bounds, PAWS, SACK, scaling, edges."""

from dataclasses import replace

import pytest

from netsim.tcp.profile import RFC
from netsim.tcp.synchronized import is_acceptable

from .solo import SEC, Solo

MOD = 1 << 32


@pytest.mark.parametrize("base", [1000, MOD - 5])
@pytest.mark.parametrize(
    ("wnd", "seq", "length", "expected"),
    [
        (0, 0, 0, True), (0, -1, 0, False), (0, 1, 0, False), (0, 0, 1, False),
        (10, 0, 0, True), (10, 9, 0, True), (10, 10, 0, False), (10, -1, 0, False),
        (10, 0, 5, True), (10, -4, 5, True), (10, -5, 5, False), (10, 9, 5, True), (10, 10, 5, False),
        (10, -20, 100, False),
    ],
)  # fmt: skip
def test_the_four_cases_of_acceptability(base: int, wnd: int, seq: int, length: int, expected: bool) -> None:
    assert is_acceptable(base, wnd, (base + seq) % MOD, length) is expected


def test_unacceptable_segments_draw_an_ack_and_nothing_else() -> None:
    solo = Solo.established()
    before = solo.conn.snapshot()
    assert solo.rcv("A", seq=-100, data=b"old") == ["A 1 ack 1"]
    assert solo.rcv("A", seq=1 + 70000, data=b"far") == ["A 1 ack 1"]
    assert solo.conn.snapshot() == before


@pytest.mark.parametrize("state", ["ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK"])
def test_no_ack_bit_is_dropped(state: str) -> None:
    solo = Solo.in_state(state)
    assert solo.rcv("", ack=0, seq=solo.peer_nxt) == []
    assert solo.rcv("F", ack=0, seq=solo.peer_nxt) == []
    assert solo.state == state


def test_ack_of_unsent_data_is_answered_with_an_ack() -> None:
    solo = Solo.established()
    assert solo.rcv("A", ack=2) == ["A 1 ack 1"]
    assert solo.rcv("A", ack=5000) == ["A 1 ack 1"]
    assert solo.conn.snapshot().snd_una == solo.conn.snapshot().snd_nxt


def test_very_old_ack_is_challenged_and_duplicate_ack_is_not() -> None:
    solo = Solo.established()
    solo.rcv("A", wnd=1000)
    solo.send(b"x" * 900)
    solo.rcv("A", wnd=1000)
    solo.out.clear()
    assert solo.rcv("A", ack=901 - 500, wnd=1000) == []
    assert solo.rcv("A", ack=-70000, wnd=1000) == ["A 901 ack 1"]


def test_challenge_acks_are_limited() -> None:
    solo = Solo.established(challenge_ack_limit=3)
    answers = [solo.rcv("R", seq=5) for _ in range(6)]
    assert [len(a) for a in answers] == [1, 1, 1, 0, 0, 0]
    solo.advance(SEC)
    assert len(solo.rcv("R", seq=5)) == 1


def test_paws_refuses_old_timestamps_even_if_the_number_fits() -> None:
    solo = Solo.established(replace(RFC, use_sack=False), syn={"ts": (1000, 1)})
    solo.advance(SEC)
    solo.rcv("A", data=b"new", ts=(2000, 1))
    solo.conn.receive(solo.now, 10)
    solo.out.clear()
    out = solo.rcv("A", data=b"old", ts=(500, 1))
    assert len(out) == 1
    assert solo.conn.readable_bytes() == 0
    solo.peer_nxt -= 3
    solo.rcv("A", data=b"ok!", ts=(2000, 1))
    assert solo.conn.receive(solo.now, 10) == b"ok!"


def test_rst_is_never_refused_by_paws() -> None:
    solo = Solo.established(replace(RFC, use_sack=False), syn={"ts": (1000, 1)})
    solo.rcv("R", ts=(1, 1))
    assert solo.state == "CLOSED"


def test_missing_timestamp_is_dropped_once_agreed() -> None:
    solo = Solo.established(replace(RFC, use_sack=False), syn={"ts": (1000, 1)})
    seg = solo.segment("A", data=b"x")
    seg.layout = b""
    solo.conn.handle_segment(solo.now, seg)
    solo.drain()
    assert solo.conn.readable_bytes() == 0


def test_sack_blocks_newest_first_and_dsack_before_them() -> None:
    solo = Solo.established(replace(RFC, use_timestamps=False), syn={"sack_ok": True})
    base = solo.segment("A", seq=0).seq

    def blocks() -> list[tuple[int, int]]:
        return [((a - base) % MOD, (b - base) % MOD) for a, b in solo.out[-1].sack]

    solo.rcv("A", seq=11, data=b"x" * 10)
    assert blocks() == [(11, 21)]
    solo.rcv("A", seq=31, data=b"x" * 10)
    assert blocks() == [(31, 41), (11, 21)]
    solo.rcv("A", seq=21, data=b"x" * 10)
    assert blocks() == [(11, 41)]
    solo.rcv("A", seq=11, data=b"x" * 5)
    assert blocks()[0] == (11, 16)
    solo.rcv("A", seq=1, data=b"x" * 10)
    assert blocks() == []
    solo.rcv("A", seq=1, data=b"x" * 10)
    assert blocks() == [(1, 11)]


def test_window_scale_shifts_windows_both_ways_but_not_on_syns() -> None:
    solo = Solo.established(replace(RFC, use_timestamps=False, rcv_buffer=1 << 20), syn={"wscale": 3, "wnd": 8000})
    assert solo.conn.snapshot().snd_wnd == 8000
    solo.rcv("A", wnd=8000)
    assert solo.conn.snapshot().snd_wnd == 64000
    syn = Solo.syn_sent(replace(RFC, rcv_buffer=1 << 20)).out[0]
    assert syn.opt_wscale == 5
    assert syn.wnd == 65535


def test_a_shift_above_14_counts_as_14() -> None:
    solo = Solo.established(replace(RFC, use_timestamps=False), syn={"wscale": 200})
    assert solo.conn.snapshot().snd_wscale == 14


def test_options_that_were_not_offered_are_ignored() -> None:
    solo = Solo.established(syn={"wscale": 7, "sack_ok": True, "ts": (5, 5)})
    snap = solo.conn.snapshot()
    assert (snap.snd_wscale, snap.sack, snap.timestamps) == (0, False, False)


def test_old_segment_cannot_change_the_window() -> None:
    solo = Solo.established()
    solo.rcv("A", data=b"abc", wnd=5000)
    solo.rcv("A", seq=1, data=b"abc", wnd=1)
    assert solo.conn.snapshot().snd_wnd == 5000


def test_overlapping_segments_deliver_each_octet_once() -> None:
    solo = Solo.established()
    solo.rcv("A", seq=1, data=b"abcdef")
    solo.rcv("A", seq=4, data=b"defghi")
    solo.rcv("A", seq=13, data=b"mno")
    solo.rcv("A", seq=8, data=b"hijklmnop")
    assert solo.conn.receive(solo.now, 100) == b"abcdefghijklmnop"


def test_text_beyond_the_window_is_cut_off() -> None:
    solo = Solo.established(rcv_buffer=10)
    solo.rcv("A", seq=1, data=b"0123456789ABCDEF")
    assert solo.conn.receive(solo.now, 100) == b"0123456789"
