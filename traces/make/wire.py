"""The few header fields that the link and the scripted peer need, read and written with struct."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, AE = 1, 2, 4, 8, 16, 32, 64, 128, 256
ICMP, TCP, ICMPV6 = 1, 6, 58
_FLAG_LETTERS = ((SYN, "S"), (FIN, "F"), (RST, "R"), (PSH, "P"), (ACK, "."), (URG, "U"), (ECE, "E"), (CWR, "W"))


@dataclass
class Packet:
    """One IP packet with its TCP header, if it has one.

    ``seq_len`` counts sequence numbers (payload, SYN and FIN); ``payload`` holds the TCP payload or, for other
    protocols, everything behind the IP header.
    """

    raw: bytes
    version: int
    src: str
    dst: str
    proto: int
    ip_len: int
    sport: int = 0
    dport: int = 0
    seq: int = 0
    ack: int = 0
    flags: int = 0
    window: int = 0
    urgent: int = 0
    options: bytes = b""
    payload: bytes = b""

    @property
    def is_tcp(self) -> bool:
        """True when the packet carries a TCP header."""
        return self.proto == TCP

    @property
    def seq_len(self) -> int:
        """Sequence numbers that the segment occupies."""
        return len(self.payload) + bool(self.flags & SYN) + bool(self.flags & FIN)

    @property
    def flow(self) -> tuple[str, int, str, int]:
        """Source and destination, as a key."""
        return (self.src, self.sport, self.dst, self.dport)

    def letters(self) -> str:
        """Flags in tcpdump's letters, such as ``S.`` for SYN and ACK."""
        return "".join(letter for bit, letter in _FLAG_LETTERS if self.flags & bit) or "none"


def checksum(data: bytes) -> int:
    """The Internet checksum of ``data`` (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _pseudo_header(src: str, dst: str, proto: int, length: int) -> bytes:
    source, target = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    if source.version == 4:
        return source.packed + target.packed + struct.pack("!BBH", 0, proto, length)
    return source.packed + target.packed + struct.pack("!IHBB", length, 0, 0, proto)


def parse(raw: bytes) -> Packet:
    """Read one IP packet; fragments and unknown protocols come back without TCP fields."""
    version = raw[0] >> 4
    if version == 4:
        header = (raw[0] & 15) * 4
        proto = raw[9]
        src, dst = str(ipaddress.IPv4Address(raw[12:16])), str(ipaddress.IPv4Address(raw[16:20]))
        fragment = struct.unpack("!H", raw[6:8])[0] & 0x3FFF
    else:
        header, proto, fragment = 40, raw[6], 0
        src, dst = str(ipaddress.IPv6Address(raw[8:24])), str(ipaddress.IPv6Address(raw[24:40]))
    body = raw[header:]
    packet = Packet(raw, version, src, dst, proto, len(raw), payload=body)
    if proto == TCP and not fragment and len(body) >= 20:
        sport, dport, seq, ack, offset_flags, window, _, urgent = struct.unpack("!HHIIHHHH", body[:20])
        offset = (offset_flags >> 12) * 4
        packet.sport, packet.dport, packet.seq, packet.ack = sport, dport, seq, ack
        packet.flags, packet.window, packet.urgent = offset_flags & 0x1FF, window, urgent
        packet.options, packet.payload = body[20:offset], body[max(offset, 20) :]
    return packet


@dataclass
class Segment:
    """A TCP segment to be built by the scripted peer. Every field may be wrong on purpose."""

    seq: int = 0
    ack: int = 0
    flags: int = ACK
    window: int = 65535
    options: bytes = b""
    payload: bytes = b""
    urgent: int = 0
    bad_checksum: bool = False
    data_offset: int | None = None
    extra_bits: int = 0
    tos: int = 0
    ident: int = field(default=0)


def tcp_bytes(seg: Segment, src: str, sport: int, dst: str, dport: int) -> bytes:
    """The segment's TCP header and payload with its checksum."""
    offset = seg.data_offset if seg.data_offset is not None else 5 + len(seg.options) // 4
    head = struct.pack(
        "!HHIIHHHH",
        sport,
        dport,
        seg.seq & 0xFFFFFFFF,
        seg.ack & 0xFFFFFFFF,
        offset << 12 | seg.flags | seg.extra_bits,
        seg.window,
        0,
        seg.urgent,
    )
    body = head + seg.options + seg.payload
    total = checksum(_pseudo_header(src, dst, TCP, len(body)) + body)
    if seg.bad_checksum:
        total ^= 0x5A5A
    return body[:16] + struct.pack("!H", total) + body[18:]


def ip_bytes(src: str, dst: str, proto: int, body: bytes, *, ident: int = 0, tos: int = 0, ttl: int = 64) -> bytes:
    """An IPv4 (with DF) or IPv6 packet around ``body``."""
    source, target = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    if source.version == 6:
        return struct.pack("!IHBB", 6 << 28 | tos << 20, len(body), proto, ttl) + source.packed + target.packed + body
    head = struct.pack("!BBHHHBBH", 0x45, tos, 20 + len(body), ident & 0xFFFF, 0x4000, ttl, proto, 0)
    head += source.packed + target.packed
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def packet_bytes(seg: Segment, src: str, sport: int, dst: str, dport: int) -> bytes:
    """A whole packet for ``seg``."""
    return ip_bytes(src, dst, TCP, tcp_bytes(seg, src, sport, dst, dport), ident=seg.ident, tos=seg.tos)


def _with_ipv4_checksum(raw: bytes) -> bytes:
    header = (raw[0] & 15) * 4
    blank = raw[:10] + b"\0\0" + raw[12:header]
    return blank[:10] + struct.pack("!H", checksum(blank)) + blank[12:] + raw[header:]


def one_hop(raw: bytes) -> bytes:
    """The packet as a router passes it on: TTL or hop limit one less."""
    if raw[0] >> 4 == 6:
        return raw[:7] + bytes([raw[7] - 1]) + raw[8:]
    return _with_ipv4_checksum(raw[:8] + bytes([raw[8] - 1]) + raw[9:])


def mark_ce(raw: bytes) -> bytes:
    """Set Congestion Experienced in the IP header (RFC 3168 §5)."""
    if raw[0] >> 4 == 6:
        return raw[:1] + bytes([raw[1] | 0x30]) + raw[2:]
    return _with_ipv4_checksum(raw[:1] + bytes([raw[1] | 3]) + raw[2:])


def ecn_bits(raw: bytes) -> int:
    """The two ECN bits of the IP header."""
    return raw[1] >> 4 & 3 if raw[0] >> 4 == 6 else raw[1] & 3


def corrupt(raw: bytes) -> bytes:
    """Flip one bit of the last byte; the TCP checksum no longer matches."""
    return raw[:-1] + bytes([raw[-1] ^ 0x10])


def clamp_mss(raw: bytes, mss: int) -> bytes:
    """Lower the MSS option of a SYN, as a tunnel's router does."""
    packet = parse(raw)
    options, at = bytearray(packet.options), 0
    while at < len(options) and options[at] != 0:
        if options[at] == 1:
            at += 1
            continue
        if options[at] == 2 and struct.unpack("!H", options[at + 2 : at + 4])[0] > mss:
            options[at + 2 : at + 4] = struct.pack("!H", mss)
        at += options[at + 1]
    start = len(raw) - len(packet.payload) - len(options) - 20
    body = raw[start : start + 16] + b"\0\0" + raw[start + 18 : start + 20] + bytes(options) + packet.payload
    total = checksum(_pseudo_header(packet.src, packet.dst, TCP, len(body)) + body)
    return raw[:start] + body[:16] + struct.pack("!H", total) + body[18:]


def too_big(packet: Packet, router: str, mtu: int) -> bytes:
    """The router's answer to a packet above its MTU: ICMP type 3 code 4 (RFC 1191) or ICMPv6 type 2 (RFC 8201)."""
    if packet.version == 4:
        body = struct.pack("!BBHHH", 3, 4, 0, 0, mtu) + packet.raw[:28]
        body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
        return ip_bytes(router, packet.src, ICMP, body)
    body = struct.pack("!BBHI", 2, 0, 0, mtu) + packet.raw[:1184]
    total = checksum(_pseudo_header(router, packet.src, ICMPV6, len(body)) + body)
    return ip_bytes(router, packet.src, ICMPV6, body[:2] + struct.pack("!H", total) + body[4:])


def unreachable(packet: Packet, router: str, code: int) -> bytes:
    """Destination unreachable with ``code`` (RFC 792; RFC 4443 for IPv6)."""
    if packet.version == 4:
        body = struct.pack("!BBHI", 3, code, 0, 0) + packet.raw[:28]
        body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
        return ip_bytes(router, packet.src, ICMP, body)
    body = struct.pack("!BBHI", 1, code, 0, 0) + packet.raw[:1184]
    total = checksum(_pseudo_header(router, packet.src, ICMPV6, len(body)) + body)
    return ip_bytes(router, packet.src, ICMPV6, body[:2] + struct.pack("!H", total) + body[4:])
