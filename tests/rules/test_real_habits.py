"""What real hosts and real taps do, and no rule may call wrong: each story was met in a capture of another system."""

from __future__ import annotations

import struct

from tests.rules.tape import MS, Tape, opt


def _codes(tape: Tape, vantage: str = "unknown") -> set[str]:
    return {finding.meta.code for finding in tape.check(vantage).findings()}


def _hard(tape: Tape, vantage: str = "unknown") -> set[str]:
    """Those that fail a build."""
    return {finding.meta.code for finding in tape.check(vantage).findings() if finding.meta.severity != "note"}


def _stamped(value: int) -> bytes:
    return b"\x01\x01" + opt(8, struct.pack(">II", value, 0))


def test_windows_marks_its_syn_ecn_capable() -> None:
    tape = Tape()
    tape.syn(flags="SEC", tos=2)
    tape.syn_ack(flags="SAE")
    tape.client()
    assert _codes(tape) == {"ECN001"}
    assert _hard(tape) == set()


def test_a_card_sends_keep_alives_without_timestamps_for_a_sleeping_mac() -> None:
    tape = Tape().handshake()
    tape.client(100)
    tape.server()
    tape.client(seq=100, options=b"", after=45_000)
    tape.server()
    assert _codes(tape) == set()
    tape.client(options=b"", after=10)
    assert "OPT008" in _codes(tape)


def test_a_radio_link_delivers_two_syns_together() -> None:
    # The host's clock says 1,069 ms, the tap in the network sees 26 ms between them.
    tape = Tape()
    tape.client(flags="S", options=_stamped(50_000))
    tape.client(flags="S", seq=0, options=_stamped(51_069), after=26)
    tape.syn_ack()
    tape.client(after=4)
    assert "TMR003" not in _codes(tape, "client")
    assert "TMR003" not in _codes(tape, "between")


def test_a_syn_is_seen_before_and_after_a_router() -> None:
    # One reading of its clock, another hop, no IP identification: one packet.
    tape = Tape()
    tape.client(flags="S", options=_stamped(50_000), ip_id=0)
    tape.client(flags="S", seq=0, options=_stamped(50_000), ip_id=0, after=1.5)
    tape.syn_ack()
    tape.client(after=4)
    assert "TMR003" not in _codes(tape, "client")


def test_a_window_closes_once_the_last_byte_has_come() -> None:
    tape = Tape(stamps=False).handshake()
    tape.client(100, flags="FPA")
    tape.server(wnd=1000, after=20)
    tape.server(wnd=0, after=300)
    assert _codes(tape) == set()


def test_windows_acks_overtake_each_other_by_their_ids() -> None:
    # The larger window was sent later and is seen first; every ACK before went the short way through the checker.
    tape = Tape(stamps=False).handshake()
    for _ in range(6):
        tape.server(1000, after=20)
        tape.client(wnd=1000)
    tape.server(1000, after=20)
    later = tape.ends[0].ip_id + 1
    tape.client(wnd=1000, ip_id=later)
    tape.client(wnd=900, ip_id=later - 1, after=0.1)
    assert _codes(tape, "client") == set()


def test_an_access_point_keeps_segments_for_a_sleeping_phone() -> None:
    # It acknowledges one by one what came a second ago, echoing the first copy's clock.
    tape = Tape().handshake()
    tape.server(1000, after=50)
    first = tape.t_ns // MS + tape.ends[1].ts
    tape.server(1000)
    tape.server(1000, seq=1, after=300)
    tape.server(1000, seq=1, after=600)
    echo = (tape.t_ns // MS + tape.ends[0].ts, first)
    tape.client(ack=1001, ts=echo, after=400)
    tape.client(ack=2001, ts=echo)
    assert "ACK004" not in _codes(tape, "client")


def test_a_phone_wakes_up_to_three_copies_of_one_segment() -> None:
    tape = Tape().handshake()
    tape.server(1000, after=50)
    first = tape.t_ns // MS + tape.ends[1].ts
    tape.server(1000, seq=1, after=300)
    tape.server(1000, seq=1, after=600)
    tape.client(ts=(tape.t_ns // MS + tape.ends[0].ts, first), after=400)
    assert "ACK004" not in _codes(tape, "client")


def test_a_filter_leaves_segments_out_and_the_peer_sacks_them() -> None:
    # 1,001 to 4,000 are not in the file; the peer reports a part of them before the sender is seen to go on.
    tape = Tape().handshake()
    tape.client(1000)
    tape.server(ack=1001, after=20)
    tape.server(ack=1001, sack=((2001, 3001),))
    tape.client(1000, seq=4001, ip_id=200)
    tape.server(ack=1001, sack=((2001, 3001), (4001, 5001)), after=20)
    assert _hard(tape) == set()


def test_a_windows_keep_alive_after_the_peers_own() -> None:
    tape = Tape(stamps=False).handshake()
    tape.client(100)
    tape.server(100, after=20)
    tape.client()
    tape.client(1, seq=100, after=30_000)
    tape.server(after=20)
    tape.server(1, seq=100, after=29_900)
    tape.client()
    tape.client(1, seq=100, after=33)
    tape.server(after=20)
    assert "RTX002" not in _codes(tape, "client")


def test_an_acknowledgement_is_lost_behind_the_tap() -> None:
    # What it sends again echoes an older clock than that of the ACK: it has not got it.
    tape = Tape().handshake()
    tape.client(100)
    echo = tape.ends[0].ts_recent
    tape.server(after=20)
    tape.client(100, seq=1, ts=(tape.t_ns // MS + tape.ends[0].ts + 230, echo), after=230)
    assert "RTX002" not in _codes(tape, "client")


def test_a_router_says_too_big_and_all_is_cut_anew() -> None:
    tape = Tape().handshake()
    tape.client(80, after=50)
    tape.client(1448)
    tape.client(506)
    tape.client(1440, seq=1, after=5)
    tape.client(594, seq=1441)
    tape.server(after=15)
    assert "RTX001" not in _codes(tape, "client")


def test_only_the_fin_of_an_old_connection_is_in_the_file() -> None:
    tape = Tape()
    tape.server(flags="FA")
    tape.client(ack=1232)
    tape.server(flags="FA", seq=0, after=100)
    tape.client(ack=1232)
    assert _hard(tape) == set()


def test_a_load_balancer_takes_back_half_its_window() -> None:
    # No timestamps, no counting IP identifications; but it acknowledges more than ever before.
    tape = Tape(stamps=False).handshake()
    for number, window in ((0x11C7, 60_000), (0x09E0, 60_000), (0x7A02, 30_000), (0x0A17, 30_000)):
        tape.client(1000)
        tape.server(wnd=window, ip_id=number, after=20)
    assert _codes(tape, "client") == {"WND002"}
