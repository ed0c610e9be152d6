"""RFC 9293 §3.1 and §3.2: header format, options, the checksum's place."""

import pytest

from netsim.base.packet import OPT_EOL, OPT_MSS, Segment
from netsim.tcp.profile import FREEBSD, LINUX, RFC
from netsim.wire.codec import decode_packet, encode_packet

from .requirements import pins
from .solo import PLAIN, Solo


@pins("MUST-1")
def test_a_window_above_32767_is_not_negative() -> None:
    solo = Solo.established(snd_buffer=1 << 20, initial_window_segs=100, nagle=False)
    solo.window = 65535
    solo.rcv("A", wnd=65535)
    solo.send(b"x" * 60000)
    assert solo.conn.unacked_bytes() == 60000
    assert solo.conn.snapshot().snd_wnd == 65535


@pins("MUST-2", "MUST-3")
def test_checksum_is_computed_and_checked() -> None:
    seg = Segment("10.0.0.1", "10.0.0.2", 1, 2, 3, 4, 0x10, 100, b"hello")
    good = bytearray(encode_packet(seg))
    back = decode_packet(bytes(good))
    assert isinstance(back, Segment)
    assert not back.corrupted
    for position in (20, 25, 33, 40, 44):
        bad = bytearray(good)
        bad[position] ^= 0x40
        broken = decode_packet(bytes(bad))
        assert not isinstance(broken, Segment) or broken.corrupted


@pins("MUST-4", "MUST-14")
def test_eol_nop_and_mss_are_understood_and_mss_is_sent() -> None:
    solo = Solo.syn_sent()
    assert solo.out[0].opt_mss == 1460
    seg = solo.segment("SA", seq=0, ack=1, mss=900)
    seg.layout = bytes((1, 1, OPT_MSS, OPT_EOL, OPT_EOL))
    solo.conn.handle_segment(solo.now, seg)
    solo.drain()
    assert solo.conn.snapshot().mss == 900


@pins("MUST-5", "MUST-6", "MUST-64", "MUST-68")
@pytest.mark.parametrize("state", ["ESTABLISHED", "CLOSE-WAIT", "FIN-WAIT-2"])
def test_unknown_option_in_any_segment_is_ignored(state: str) -> None:
    solo = Solo.in_state(state)
    seg = solo.segment("A")
    seg.layout = bytes((1, 253, 1))  # not on a word boundary
    seg.other = ((253, b"\x01\x02"),)
    solo.conn.handle_segment(solo.now, seg)
    solo.drain()
    assert solo.state == state
    assert solo.sent() == []
    again = decode_packet(encode_packet(seg))
    assert isinstance(again, Segment)
    assert again.other == ((253, b"\x01\x02"),)


@pins("MUST-7")
@pytest.mark.parametrize("length", [0, 1, 39, 255])
def test_illegal_option_length_does_no_harm(length: int) -> None:
    seg = Segment("10.0.0.2", "10.0.0.1", 4000, 80, 0, 0, 0x02, 100)
    seg.layout = bytes((253, 1, 1))
    seg.other = ((253, b""),)
    raw = bytearray(encode_packet(seg))
    raw[41] = length
    result = decode_packet(bytes(raw))
    if isinstance(result, Segment):
        solo = Solo.listening()
        result.corrupted = False
        solo.conn.handle_segment(solo.now, result)
        solo.drain()
        assert solo.state == "SYN-RECEIVED"


@pins("MUST-65")
def test_mss_option_only_on_syn() -> None:
    solo = Solo.established()
    solo.send(b"hello")
    solo.rcv("A", data=b"x" * 3000)
    solo.conn.shutdown(solo.now)
    solo.drain()
    assert solo.out
    assert all(seg.opt_mss < 0 and OPT_MSS not in seg.layout for seg in solo.out)


@pins("MUST-69")
@pytest.mark.parametrize("profile", [RFC, LINUX, FREEBSD], ids=lambda p: p.name)
def test_padding_is_zero(profile: object) -> None:
    solo = Solo.syn_sent(FREEBSD, use_timestamps=False, use_window_scale=False)
    syn = solo.out[0]
    assert syn.layout.endswith(bytes((OPT_EOL, OPT_EOL)))
    header = encode_packet(syn)[40:]
    after_eol = header[syn.layout.index(OPT_EOL) + 3 + 1 :]
    assert set(after_eol) <= {0}


@pins("MUST-66")
def test_rst_and_urg_count_with_a_zero_window() -> None:
    def closed_window() -> Solo:
        solo = Solo.established(rcv_buffer=1000)
        solo.rcv("A", data=b"x" * 1000)
        solo.advance(10**9)
        assert solo.conn.snapshot().rcv_wnd == 0
        return solo

    solo = closed_window()
    solo.rcv("UA", data=b"u", urg=1)
    assert "urgent-data" in solo.notified()
    solo = closed_window()
    solo.rcv("R", ack=None)
    assert solo.state == "CLOSED"
    assert solo.conn.error == "connection-reset"


@pins("SHLD-2")
def test_a_rst_may_carry_data() -> None:
    solo = Solo.established()
    solo.rcv("R", data=b"you are not welcome")
    assert solo.state == "CLOSED"
    assert solo.conn.readable_bytes() == 0


def test_plain_profile_is_plain() -> None:
    assert not PLAIN.use_sack
