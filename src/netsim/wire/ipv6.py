"""The IPv6 header (RFC 8200 §3). Encoding writes no extension headers; decoding passes over them."""

from __future__ import annotations

from struct import Struct
from typing import Final

from netsim.base.packet import Packet
from netsim.wire.ipv4 import IpHeader
from netsim.wire.malformed import Malformed

_HEADER: Final = Struct(">IHBB16s16s")
HEADER_BYTES: Final = 40
_EXTENSIONS: Final = (0, 43, 60, 135, 139, 140)
"""Hop-by-hop, routing, destination options, mobility, HIP, shim6: (length + 1) * 8 octets each."""
_FRAGMENT: Final = 44
_AUTHENTICATION: Final = 51


def encode_ipv6(packet: Packet, src: bytes, dst: bytes, protocol: int, payload_bytes: int) -> bytes:
    """The header for a payload of that many octets; a length of 0 stands for more than 65,535."""
    length = payload_bytes if payload_bytes <= 65535 else 0
    return _HEADER.pack(6 << 28 | packet.tos << 20, length, protocol, packet.ttl, src, dst)


def decode_ipv6(data: bytes, start: int, stop: int, *, quoted: bool = False) -> IpHeader | Malformed:
    """The header and its extension headers at data[start:stop]. `quoted`: the packet may be cut short."""
    if stop - start < HEADER_BYTES:
        return Malformed("truncated", stop - start, f"an IPv6 header has 40 octets; {stop - start} are there")
    first, length, protocol, ttl, src, dst = _HEADER.unpack_from(data, start)
    at = start + HEADER_BYTES
    end = at + length if length else stop
    if end > stop:
        if not quoted:
            return Malformed("truncated", stop - start, f"the packet claims {length} octets; {stop - at} are there")
        end = stop
    while protocol in _EXTENSIONS or protocol in (_FRAGMENT, _AUTHENTICATION):
        if at + 8 > end:
            return Malformed("truncated", at - start, f"extension header {protocol} is cut short")
        if protocol == _FRAGMENT:
            if (data[at + 2] << 8 | data[at + 3]) & 0xFFF9:
                return Malformed("fragment", at - start, "a fragment of a packet")
            size = 8
        elif protocol == _AUTHENTICATION:
            size = (data[at + 1] + 2) * 4
        else:
            size = (data[at + 1] + 1) * 8
        protocol = data[at]
        at += size
        if at > end:
            return Malformed("truncated", at - size - start, f"an extension header claims {size} octets")
    out = IpHeader(src, dst, protocol, at, end)
    out.ttl = ttl
    out.tos = first >> 20 & 0xFF
    return out
