"""Scapy reads what we write, field by field, and we read what scapy writes."""

from __future__ import annotations

from hypothesis import given, settings
from scapy.layers.inet import ICMP, IP, TCP, UDP, in4_chksum
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6, in6_chksum
from scapy.packet import Raw
from scapy.utils import checksum

from netsim.base.packet import ACK, PSH, SYN, IcmpMessage, Segment, UdpDatagram
from netsim.wire.address import normalise
from netsim.wire.codec import decode_packet, encode_packet
from tests.unit.wire.strategies import datagrams, messages, segments

_NAMES = {2: "MSS", 3: "WScale", 4: "SAckOK", 5: "SAck", 8: "Timestamp"}


def _parse(data: bytes) -> object:
    return IPv6(data) if data[0] >> 4 == 6 else IP(data)


def _ip_agrees(packet: object, ip: object) -> None:
    assert (normalise(ip.src), normalise(ip.dst)) == (packet.src, packet.dst)
    if ip.version == 4:
        assert (ip.ttl, ip.tos, ip.id, bool(ip.flags.DF)) == (packet.ttl, packet.tos, packet.ip_id, packet.df)
    else:
        assert (ip.hlim, ip.tc) == (packet.ttl, packet.tos)


def _checksum_is_right(ip: object, protocol: int) -> bool:
    """By scapy's own arithmetic over the octets as they stand."""
    if ip.version == 6:
        return in6_chksum(protocol, ip, bytes(ip.payload)) in (0, 0xFFFF)
    return in4_chksum(protocol, ip, bytes(ip.payload)) in (0, 0xFFFF)


@settings(max_examples=60)
@given(segments())
def test_segments(segment: Segment) -> None:
    segment.encap_sport = segment.encap_dport = 0
    ip = _parse(encode_packet(segment))
    _ip_agrees(segment, ip)
    tcp = ip[TCP]
    assert (tcp.sport, tcp.dport, tcp.seq, tcp.ack) == (segment.sport, segment.dport, segment.seq, segment.ack)
    assert (tcp.window, tcp.urgptr, int(tcp.flags)) == (segment.wnd, segment.urg, segment.flags)
    assert (bytes(tcp.payload) if tcp.payload else b"") == segment.payload
    assert _checksum_is_right(ip, 6) is not segment.corrupted
    if not segment.other:
        theirs = dict(tcp.options)
        if segment.opt_mss >= 0:
            assert theirs["MSS"] == segment.opt_mss
        if segment.opt_wscale >= 0:
            assert theirs["WScale"] == segment.opt_wscale
        assert ("SAckOK" in theirs) == segment.sack_ok
        if segment.has_ts:
            assert theirs["Timestamp"] == (segment.ts_val, segment.ts_ecr)
        if segment.sack:
            assert theirs["SAck"] == tuple(edge for block in segment.sack for edge in block)


@settings(max_examples=30)
@given(datagrams())
def test_datagrams(datagram: UdpDatagram) -> None:
    ip = _parse(encode_packet(datagram))
    _ip_agrees(datagram, ip)
    udp = ip[UDP]
    assert (udp.sport, udp.dport, udp.len) == (datagram.sport, datagram.dport, 8 + len(datagram.payload))
    assert _checksum_is_right(ip, 17) is not datagram.corrupted


@settings(max_examples=30)
@given(messages())
def test_icmp_over_ipv4(message: IcmpMessage) -> None:
    if ":" in message.src:
        return
    ip = _parse(encode_packet(message))
    _ip_agrees(message, ip)
    icmp = ip[ICMP]
    assert (icmp.type, icmp.code) == (message.icmp_type, message.icmp_code)
    assert (checksum(bytes(ip.payload)) == 0) is not message.corrupted
    if message.icmp_type == 3 and message.icmp_code == 4:
        assert icmp.nexthopmtu == message.mtu
    if message.quoted is not None:
        quoted = icmp.payload
        assert (quoted.src, quoted.dst) == (message.quoted.src, message.quoted.dst)


def test_we_read_what_scapy_writes() -> None:
    options = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (7, 8)), ("NOP", None), ("WScale", 9)]
    raw = bytes(
        IP(src="192.0.2.1", dst="192.0.2.2", tos=2, id=77) / TCP(sport=5, dport=6, flags="SEC", options=options)
    )
    segment = decode_packet(raw)
    assert isinstance(segment, Segment)
    assert (segment.opt_mss, segment.opt_wscale, segment.sack_ok) == (1460, 9, True)
    assert (segment.ts_val, segment.ts_ecr, segment.ip_id, segment.tos) == (7, 8, 77, 2)
    assert segment.flags_letters() == "SEC"
    assert not segment.corrupted
    six = IPv6(src="2001:db8::1", dst="2001:db8::2") / TCP(sport=5, dport=6, flags="PA") / Raw(b"data")
    segment = decode_packet(bytes(six))
    assert isinstance(segment, Segment)
    assert (segment.payload, segment.flags, segment.corrupted) == (b"data", ACK | PSH, False)


def test_we_read_scapys_packet_too_big() -> None:
    quoted = IPv6(src="2001:db8::1", dst="2001:db8::2") / TCP(sport=5, dport=6, seq=99, flags="S") / Raw(bytes(1200))
    big = IPv6(src="2001:db8::9", dst="2001:db8::1") / ICMPv6PacketTooBig(mtu=1280) / Raw(bytes(quoted)[:1000])
    message = decode_packet(bytes(big))
    assert isinstance(message, IcmpMessage)
    assert (message.icmp_type, message.mtu, message.corrupted) == (2, 1280, False)
    assert isinstance(message.quoted, Segment)
    assert (message.quoted.sport, message.quoted.seq, message.quoted.flags) == (5, 99, SYN)
