"""Whole packets: what is encoded is decoded again, scapy agrees, and no bytes make the decoder raise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsim.base.packet import ACK, SYN, IcmpMessage, Packet, Segment, UdpDatagram
from netsim.wire.codec import decode_packet, encode_packet
from netsim.wire.malformed import Malformed
from tests.unit.wire.strategies import PACKETS, fields, segments


def _segment(payload: bytes = b"hello") -> Segment:
    return Segment("10.0.0.1", "10.0.0.2", 40000, 80, 100, 200, ACK, 1000, payload)


@given(PACKETS)
def test_decoding_gives_back_what_was_encoded(packet: Packet) -> None:
    data = encode_packet(packet)
    back = decode_packet(data, encap_port=9899)
    assert not isinstance(back, Malformed), back
    assert fields(back) == fields(packet)
    assert encode_packet(back) == data


@given(PACKETS)
def test_the_length_on_the_wire_is_the_length_that_the_packet_claims(packet: Packet) -> None:
    assert len(encode_packet(packet)) == packet.wire_bytes()


@given(PACKETS, st.binary(max_size=20))
def test_padding_after_the_packet_is_ignored(packet: Packet, padding: bytes) -> None:
    data = encode_packet(packet)
    back = decode_packet(memoryview(data + padding), encap_port=9899)
    assert isinstance(back, Packet)
    assert fields(back) == fields(packet)


@given(st.one_of(st.binary(max_size=120), st.binary(max_size=100).map(lambda tail: b"\x45\0" + tail)))
def test_no_bytes_make_the_decoder_raise(data: bytes) -> None:
    result = decode_packet(data)
    assert isinstance(result, Packet | Malformed)
    if isinstance(result, Malformed):
        assert 0 <= result.offset <= len(data)
        assert result.message


@given(segments(), st.data())
def test_no_mutation_makes_the_decoder_raise(segment: Segment, data: st.DataObject) -> None:
    raw = bytearray(encode_packet(segment))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, min(len(raw) - 1, 80)))] = data.draw(st.integers(0, 255))
    result = decode_packet(bytes(raw[: data.draw(st.integers(0, len(raw)))]), encap_port=9899)
    assert isinstance(result, Packet | Malformed)


@given(segments(), st.data())
def test_flipping_one_bit_under_the_checksum_is_noticed(segment: Segment, data: st.DataObject) -> None:
    segment.corrupted = False
    segment.encap_sport = segment.encap_dport = 0
    raw = bytearray(encode_packet(segment))
    at = segment.ip_header_bytes() + data.draw(st.integers(0, len(raw) - segment.ip_header_bytes() - 1))
    raw[at] ^= 1 << data.draw(st.integers(0, 7))
    result = decode_packet(bytes(raw))
    assert isinstance(result, Malformed) or result.corrupted


@pytest.mark.parametrize(
    ("change", "what", "offset"),
    [
        (lambda raw: b"", "empty", 0),
        (lambda raw: b"\x35" + raw[1:], "not-ip", 0),
        (lambda raw: raw[:19], "truncated", 19),
        (lambda raw: b"\x44" + raw[1:], "ip-header-length", 0),
        (lambda raw: raw[:2] + b"\x00\x13" + raw[4:], "ip-total-length", 2),
        (lambda raw: raw[:-1], "truncated", 44),
        (lambda raw: raw[:6] + b"\x20\x00" + raw[8:], "fragment", 6),
        (lambda raw: raw[:6] + b"\x00\x01" + raw[8:], "fragment", 6),
        (lambda raw: raw[:9] + b"\x84" + raw[10:], "unsupported-protocol", 9),
        (lambda raw: raw[:2] + b"\x00\x27" + raw[4:39], "tcp-header", 39),
        (lambda raw: raw[:32] + b"\x40" + raw[33:], "tcp-data-offset", 32),
        (lambda raw: raw[:32] + b"\xf0" + raw[33:], "tcp-data-offset", 32),
    ],
)
def test_the_fault_is_named_with_its_offset(change: object, what: str, offset: int) -> None:
    result = decode_packet(change(encode_packet(_segment())))  # type: ignore[operator]
    assert isinstance(result, Malformed)
    assert (result.what, result.offset) == (what, offset)


@pytest.mark.parametrize(("options", "offset"), [(b"\x01\x01\x05\x00", 42), (b"\x02\x04\x05\xb4\x08\x0a\x00\x00", 44)])
def test_an_impossible_option_length_is_malformed(options: bytes, offset: int) -> None:
    raw = bytearray(encode_packet(_segment(payload=options)))
    raw[32] = (20 + len(options)) << 2
    result = decode_packet(bytes(raw))
    assert isinstance(result, Malformed)
    assert (result.what, result.offset) == ("tcp-option-length", offset)


def test_fields_that_do_not_fit_are_a_value_error() -> None:
    segment = _segment()
    segment.wnd = 65536
    with pytest.raises(ValueError, match="does not fit"):
        encode_packet(segment)
    with pytest.raises(ValueError, match="family"):
        encode_packet(Segment("10.0.0.1", "::1", 1, 2, 3, 4, SYN, 5))
    with pytest.raises(ValueError, match="only TCP, UDP and ICMP"):
        encode_packet(Packet("10.0.0.1", "10.0.0.2"))


def test_ip_options_and_extension_headers_are_passed_over() -> None:
    plain = encode_packet(_segment())
    with_options = (
        b"\x46" + plain[1:2] + (len(plain) + 4).to_bytes(2, "big") + plain[4:20] + b"\x94\x04\0\0" + plain[20:]
    )
    back = decode_packet(with_options)
    assert isinstance(back, Segment)
    assert back.payload == b"hello"
    assert back.corrupted  # the header checksum was not recomputed
    six = encode_packet(Segment("2001:db8::1", "2001:db8::2", 1, 2, 3, 4, ACK, 5, b"x"))
    hop = bytes([six[6], 0, 1, 4, 0, 0, 0, 0])
    longer = six[:4] + (len(six) - 40 + 8).to_bytes(2, "big") + b"\0" + six[7:40] + hop + six[40:]
    back = decode_packet(longer)
    assert isinstance(back, Segment)
    assert (back.payload, back.corrupted) == (b"x", False)


def test_a_longer_quotation_is_kept_and_its_fields_are_read() -> None:
    original = _segment(b"0123456789")
    error = IcmpMessage("10.0.0.9", "10.0.0.1", 3, 4, _segment(), 1400)
    raw = encode_packet(error)[:28] + encode_packet(original)
    whole = raw[:2] + len(raw).to_bytes(2, "big") + raw[4:]
    back = decode_packet(whole)
    assert isinstance(back, IcmpMessage)
    assert isinstance(back.quoted, Segment)
    assert (back.mtu, back.quoted.seq, back.quoted.ack, back.quoted.wnd) == (1400, 100, 200, 1000)
    assert back.quoted.sport == 40000
    assert back.payload == encode_packet(original)[28:]


def test_a_giant_has_total_length_zero_and_is_read_to_the_end_of_the_frame() -> None:
    giant = _segment(bytes(70000))
    raw = encode_packet(giant)
    assert raw[2:4] == b"\0\0"
    back = decode_packet(raw)
    assert isinstance(back, Segment)
    assert len(back.payload) == 70000


def test_udp_without_checksum_is_not_corrupted() -> None:
    raw = bytearray(encode_packet(UdpDatagram("10.0.0.1", "10.0.0.2", 1, 2, b"x")))
    raw[26:28] = b"\0\0"
    back = decode_packet(bytes(raw))
    assert isinstance(back, UdpDatagram)
    assert not back.corrupted


def test_a_known_packet_octet_by_octet() -> None:
    # Written out by hand from RFC 791 and RFC 9293; the checksums were computed by hand as well.
    segment = Segment("10.0.0.1", "10.0.0.2", 0x1234, 0x0050, 0x01020304, 0, SYN, 0xFFFF)
    segment.layout = b"\x02"
    segment.opt_mss = 1460
    assert encode_packet(segment).hex() == (
        "4500002c" "00004000" "400626ca" "0a000001" "0a000002"  # IPv4
        "12340050" "01020304" "00000000" "6002ffff" "6d9a0000" "020405b4"  # TCP, MSS
    )  # fmt: skip
