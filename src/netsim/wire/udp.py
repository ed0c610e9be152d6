"""The UDP header (RFC 768; RFC 8200 §8.1 for IPv6)."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import UdpDatagram
from netsim.wire.address import to_text
from netsim.wire.checksum import PROTO_UDP, checksum, ones_sum, pseudo_sum
from netsim.wire.malformed import Malformed

HEADER_BYTES: Final = 8


def encode_udp(sport: int, dport: int, payload: bytes, src: bytes, dst: bytes, *, corrupted: bool = False) -> bytes:
    """Header and payload with a right checksum, or a wrong one. A computed 0 is sent as 0xFFFF (RFC 768)."""
    size = HEADER_BYTES + len(payload)
    length = size if size <= 65535 else 0
    header = sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + length.to_bytes(2, "big")
    value = checksum(header, ones_sum(payload, pseudo_sum(src, dst, PROTO_UDP, size))) or 0xFFFF
    if corrupted:
        value = value ^ 1 or value ^ 2
    return header + value.to_bytes(2, "big") + payload


def decode_udp(data: bytes, start: int, stop: int, src: bytes, dst: bytes) -> UdpDatagram | Malformed:
    """The datagram at data[start:stop]. Over IPv4 a checksum of 0 means none. Offsets are from `start`."""
    if stop - start < HEADER_BYTES:
        return Malformed("udp-header", stop - start, f"a UDP header has 8 octets; {stop - start} are there")
    length = data[start + 4] << 8 | data[start + 5] or stop - start
    if length < HEADER_BYTES or start + length > stop:
        return Malformed("udp-length", 4, f"the UDP length {length} does not fit {stop - start} octets")
    stop = start + length
    sport = data[start] << 8 | data[start + 1]
    dport = data[start + 2] << 8 | data[start + 3]
    datagram = UdpDatagram(to_text(src), to_text(dst), sport, dport, data[start + HEADER_BYTES : stop])
    unchecked = len(src) == 4 and data[start + 6] == 0 and data[start + 7] == 0
    if not unchecked:
        datagram.corrupted = ones_sum(data[start:stop], pseudo_sum(src, dst, PROTO_UDP, length)) != 0xFFFF
    return datagram
