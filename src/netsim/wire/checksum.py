"""The Internet checksum (RFC 1071) and its pseudo headers (RFC 9293 §3.1, RFC 8200 §8.1).

The sum of 16-bit words in one's complement arithmetic is the number itself modulo 65535,
because 2^16 = 1 (mod 65535): so the whole message is read as one big integer and reduced
once, at the speed of the integer division rather than of a loop.
"""

from __future__ import annotations

from typing import Final

PROTO_ICMP: Final = 1
PROTO_TCP: Final = 6
PROTO_UDP: Final = 17
PROTO_ICMPV6: Final = 58


def ones_sum(data: bytes | bytearray | memoryview, initial: int = 0) -> int:
    """The one's complement sum of `data` as 16-bit words, on top of `initial`: 0 .. 65535.

    An odd last octet counts as the high half of a word. The sum is 0 only if every word is
    zero: one's complement has two zeros, and 0xFFFF is the other.
    """
    total = int.from_bytes(data, "big")
    if len(data) & 1:
        total <<= 8
    total += initial
    if total == 0:
        return 0
    return total % 65535 or 65535


def checksum(data: bytes | bytearray | memoryview, initial: int = 0) -> int:
    """The checksum field for `data` (whose own checksum field is zero): RFC 1071 §1."""
    return ones_sum(data, initial) ^ 0xFFFF


def pseudo_sum(src: bytes, dst: bytes, protocol: int, length: int) -> int:
    """The unreduced sum of the pseudo header, for `initial`: addresses of 4 or 16 octets, upper-layer length."""
    return int.from_bytes(src, "big") + int.from_bytes(dst, "big") + protocol + (length >> 16) + (length & 0xFFFF)
