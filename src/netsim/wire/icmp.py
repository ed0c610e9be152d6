"""ICMP and ICMPv6 messages (RFC 792, 1191, 4443), errors with the packet that they quote.

Of a quoted packet the IP header and the first eight octets of its transport header stand in
`IcmpMessage.quoted`; whatever is quoted beyond them stands in `IcmpMessage.payload`, so that
encoding gives back the same octets. `mtu` holds the last four octets of the header where they
are an MTU, or where the message is no error (an echo's identifier and number).
"""

from __future__ import annotations

from typing import Final

from netsim.base.packet import IcmpMessage
from netsim.wire.address import to_text
from netsim.wire.checksum import PROTO_ICMPV6, checksum, ones_sum, pseudo_sum
from netsim.wire.malformed import Malformed

HEADER_BYTES: Final = 8
QUOTED_TRANSPORT: Final = 8
"""Octets of the transport header that every error quotes at least (RFC 792): ports and sequence number."""

UNREACHABLE: Final = 3
FRAGMENTATION_NEEDED: Final = 4
V6_UNREACHABLE: Final = 1
V6_PACKET_TOO_BIG: Final = 2
_ERRORS_V4: Final = (3, 4, 5, 11, 12)
"""Destination unreachable, source quench, redirect, time exceeded, parameter problem."""


def is_error(version: int, icmp_type: int) -> bool:
    """The message reports on a packet and quotes it. In ICMPv6 that is every type below 128."""
    return icmp_type in _ERRORS_V4 if version == 4 else icmp_type < 128


def next_hop_mtu(version: int, icmp_type: int, icmp_code: int, rest: bytes) -> int:
    """The MTU in the header's last four octets; 0 if the message has none (or an old router left it 0)."""
    if version == 4:
        return rest[2] << 8 | rest[3] if icmp_type == UNREACHABLE and icmp_code == FRAGMENTATION_NEEDED else 0
    return int.from_bytes(rest, "big") if icmp_type == V6_PACKET_TOO_BIG else 0


def encode_icmp(message: IcmpMessage, src: bytes, dst: bytes, quoted: bytes) -> bytes:
    """The message; `quoted` is the quoted packet's IP header and eight octets, already encoded, or b""."""
    body = message.mtu.to_bytes(4, "big") + quoted + message.payload
    head = bytes((message.icmp_type, message.icmp_code))
    initial = 0
    if len(src) == 16:
        initial = pseudo_sum(src, dst, PROTO_ICMPV6, 4 + len(body))
    value = checksum(head + b"\0\0" + body, initial)
    if message.corrupted:
        value ^= 1
    return head + value.to_bytes(2, "big") + body


def decode_icmp(data: bytes, start: int, stop: int, src: bytes, dst: bytes) -> IcmpMessage | Malformed:
    """The message at data[start:stop], the quotation of an error still in its payload. Offsets are from `start`."""
    if stop - start < HEADER_BYTES:
        return Malformed("icmp-header", stop - start, f"an ICMP header has 8 octets; {stop - start} are there")
    version = 4 if len(src) == 4 else 6
    kind, code = data[start], data[start + 1]
    rest = data[start + 4 : start + 8]
    message = IcmpMessage(to_text(src), to_text(dst), kind, code)
    if is_error(version, kind):
        message.mtu = next_hop_mtu(version, kind, code, rest)
    else:
        message.mtu = int.from_bytes(rest, "big")
    message.payload = data[start + HEADER_BYTES : stop]
    initial = 0 if version == 4 else pseudo_sum(src, dst, PROTO_ICMPV6, stop - start)
    message.corrupted = ones_sum(data[start:stop], initial) != 0xFFFF
    return message
