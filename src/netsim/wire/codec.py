"""Whole IP packets: `encode_packet` and `decode_packet`.

`decode_packet(encode_packet(p))` equals `p` in every field that travels (not `uid` and
`copy_of`), for options whose padding stands in the layout; see `tests/unit/wire`.
"""

from __future__ import annotations

from struct import error as struct_error

from netsim.base.packet import IcmpMessage, Packet, Segment, UdpDatagram
from netsim.wire.address import to_bytes, to_text
from netsim.wire.checksum import PROTO_ICMP, PROTO_ICMPV6, PROTO_TCP, PROTO_UDP
from netsim.wire.icmp import QUOTED_TRANSPORT, decode_icmp, encode_icmp, is_error
from netsim.wire.ipv4 import IpHeader, decode_ipv4, encode_ipv4
from netsim.wire.ipv6 import decode_ipv6, encode_ipv6
from netsim.wire.malformed import Malformed
from netsim.wire.options import apply_options, decode_options
from netsim.wire.tcp import decode_tcp, encode_tcp
from netsim.wire.udp import decode_udp, encode_udp


def encode_packet(packet: Packet) -> bytes:
    """The IP packet as it travels, all checksums right; the transport's is wrong if `corrupted`.

    ValueError if a field does not fit its place on the wire, or the two addresses are not of one family.
    """
    src, dst = to_bytes(packet.src), to_bytes(packet.dst)
    if len(src) != len(dst):
        raise ValueError(f"{packet.src} and {packet.dst} are not of the same address family")
    try:
        if isinstance(packet, Segment):
            protocol, upper = _encode_segment(packet, src, dst)
        elif isinstance(packet, UdpDatagram):
            protocol = PROTO_UDP
            upper = encode_udp(packet.sport, packet.dport, packet.payload, src, dst, corrupted=packet.corrupted)
        elif isinstance(packet, IcmpMessage):
            protocol = PROTO_ICMP if len(src) == 4 else PROTO_ICMPV6
            quoted = b"" if packet.quoted is None else encode_quoted(packet.quoted)
            upper = encode_icmp(packet, src, dst, quoted)
        else:
            raise ValueError("only TCP, UDP and ICMP packets can be encoded")
        if len(src) == 4:
            return encode_ipv4(packet, src, dst, protocol, len(upper)) + upper
        return encode_ipv6(packet, src, dst, protocol, len(upper)) + upper
    except (struct_error, OverflowError) as error:
        raise ValueError(f"a field of {packet!r} does not fit its place on the wire: {error}") from None


def _encode_segment(segment: Segment, src: bytes, dst: bytes) -> tuple[int, bytes]:
    upper = encode_tcp(segment, src, dst)
    if not segment.encap_dport:
        return PROTO_TCP, upper
    wrapped = encode_udp(segment.encap_sport, segment.encap_dport, upper, src, dst, corrupted=segment.corrupted)
    return PROTO_UDP, wrapped


def encode_quoted(packet: Packet) -> bytes:
    """What an ICMP error quotes of a packet: its IP header and the first eight octets after it."""
    if not isinstance(packet, Segment | UdpDatagram | IcmpMessage):
        src, dst = to_bytes(packet.src), to_bytes(packet.dst)
        return encode_ipv4(packet, src, dst, 255, 0) if len(src) == 4 else encode_ipv6(packet, src, dst, 255, 0)
    return encode_packet(packet)[: packet.ip_header_bytes() + QUOTED_TRANSPORT]


def decode_packet(data: bytes | memoryview, encap_port: int = 0) -> Packet | Malformed:
    """The packet that `data` begins with, or what is wrong with it and where. Never raises, whatever the bytes.

    encap_port: a UDP datagram from or to this port carries a TCP segment (0: none does).
    Octets after the IP packet's end (link padding) are ignored. IP options and extension headers are
    passed over. A wrong checksum, the IP header's included, is no reason to refuse: it sets `corrupted`.
    """
    raw = bytes(data)
    header = _decode_ip(raw, 0, len(raw), quoted=False)
    if isinstance(header, Malformed):
        return header
    src, dst = header.src, header.dst
    start, stop = header.at, header.stop
    packet: Packet | Malformed
    if header.protocol == PROTO_TCP:
        packet = decode_tcp(raw, start, stop, src, dst)
    elif header.protocol == PROTO_UDP:
        packet = decode_udp(raw, start, stop, src, dst)
        if isinstance(packet, UdpDatagram) and encap_port and encap_port in (packet.sport, packet.dport):
            packet = _decode_encapsulated(raw, start, packet, src, dst)
    elif header.protocol == (PROTO_ICMP if len(src) == 4 else PROTO_ICMPV6):
        packet = decode_icmp(raw, start, stop, src, dst)
        if isinstance(packet, IcmpMessage) and is_error(4 if len(src) == 4 else 6, packet.icmp_type):
            _decode_quotation(packet)
    else:
        at = 9 if len(src) == 4 else 6
        return Malformed("unsupported-protocol", at, f"protocol {header.protocol} is neither TCP, UDP nor ICMP")
    if isinstance(packet, Malformed):
        packet.offset += start
        return packet
    header.apply(packet)
    if not header.ok:
        packet.corrupted = True
    return packet


def _decode_ip(raw: bytes, start: int, stop: int, *, quoted: bool) -> IpHeader | Malformed:
    if start >= stop:
        return Malformed("empty", 0, "there are no octets")
    version = raw[start] >> 4
    if version == 4:
        return decode_ipv4(raw, start, stop, quoted=quoted)
    if version == 6:
        return decode_ipv6(raw, start, stop, quoted=quoted)
    return Malformed("not-ip", 0, f"IP version {version}")


def _decode_encapsulated(raw: bytes, start: int, datagram: UdpDatagram, src: bytes, dst: bytes) -> Segment | Malformed:
    inner = decode_tcp(raw, start + 8, start + 8 + len(datagram.payload), src, dst, encapsulated=True)
    if isinstance(inner, Malformed):
        inner.offset += 8
        return inner
    inner.encap_sport = datagram.sport
    inner.encap_dport = datagram.dport
    inner.corrupted = inner.corrupted or datagram.corrupted
    return inner


def _decode_quotation(message: IcmpMessage) -> None:
    """Move the quoted packet from the message's payload to `quoted`; leave the payload alone if it is none."""
    raw = message.payload
    header = _decode_ip(raw, 0, len(raw), quoted=True)
    if isinstance(header, Malformed):
        return
    at = header.at
    src, dst = to_text(header.src), to_text(header.dst)
    if header.stop - at < QUOTED_TRANSPORT:
        return
    quoted: Packet
    sport, dport = raw[at] << 8 | raw[at + 1], raw[at + 2] << 8 | raw[at + 3]
    if header.protocol == PROTO_TCP:
        quoted = _quoted_segment(raw, at, header.stop, src, dst, sport, dport)
    elif header.protocol == PROTO_UDP:
        quoted = UdpDatagram(src, dst, sport, dport, b"")
    elif header.protocol in (PROTO_ICMP, PROTO_ICMPV6):
        quoted = IcmpMessage(src, dst, raw[at], raw[at + 1])
        quoted.mtu = int.from_bytes(raw[at + 4 : at + 8], "big")
    else:
        return
    header.apply(quoted)
    message.quoted = quoted
    message.payload = raw[at + QUOTED_TRANSPORT :]


def _quoted_segment(raw: bytes, at: int, stop: int, src: str, dst: str, sport: int, dport: int) -> Segment:
    """As much of a quoted TCP header as is there: ports and sequence number at least."""
    segment = Segment(src, dst, sport, dport, int.from_bytes(raw[at + 4 : at + 8], "big"), 0, 0, 0)
    if stop - at < 20:
        return segment
    segment.ack = int.from_bytes(raw[at + 8 : at + 12], "big")
    offset = raw[at + 12] << 8 | raw[at + 13]
    segment.flags = offset & 0x1FF
    segment.wnd = raw[at + 14] << 8 | raw[at + 15]
    segment.urg = raw[at + 18] << 8 | raw[at + 19]
    header = offset >> 12 << 2
    if 20 < header <= stop - at:
        options = decode_options(raw, at + 20, at + header)
        if not options.problem:
            apply_options(segment, options)
    return segment
