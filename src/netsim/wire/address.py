"""IP addresses: text as people write it, bytes as they travel, and one normal form.

Everywhere in netsim an address is text in its normal form (RFC 5952 for IPv6), so that two
addresses are equal exactly when their texts are. The caches are bounded: a capture of a
flood from random addresses must not fill the memory.
"""

from __future__ import annotations

import ipaddress
from typing import Final

_CACHE_LIMIT: Final = 65536
_PACKED: Final[dict[str, bytes]] = {}
_TEXT: Final[dict[bytes, str]] = {}


def normalise(text: str) -> str:
    """The normal form of an address: `2001:DB8:0::1` becomes `2001:db8::1`. ValueError if it is none."""
    return to_text(to_bytes(text))


def is_ipv6(text: str) -> bool:
    """The address (in any form) is an IPv6 address."""
    return ":" in text


def to_bytes(text: str) -> bytes:
    """The 4 or 16 octets of an address. ValueError if the text is no address (zone ids are none)."""
    packed = _PACKED.get(text)
    if packed is None:
        if "%" in text:
            raise ValueError(f"'{text}' is not an IP address: a zone (%...) has no place on the wire")
        try:
            packed = ipaddress.ip_address(text).packed
        except ValueError:
            raise ValueError(f"'{text}' is not an IP address; write for example 10.0.0.1 or 2001:db8::1") from None
        if len(_PACKED) >= _CACHE_LIMIT:
            _PACKED.clear()
        _PACKED[text] = packed
    return packed


def to_text(packed: bytes) -> str:
    """The normal text of 4 or 16 octets. ValueError on any other length."""
    text = _TEXT.get(packed)
    if text is None:
        if len(packed) == 4:
            text = f"{packed[0]}.{packed[1]}.{packed[2]}.{packed[3]}"
        elif len(packed) == 16:
            text = _text6(packed)
        else:
            raise ValueError(f"an address has 4 or 16 octets, not {len(packed)}")
        if len(_TEXT) >= _CACHE_LIMIT:
            _TEXT.clear()
        _TEXT[packed] = text
    return text


def _text6(packed: bytes) -> str:
    """RFC 5952 §4: lower case, no leading zeros, the first longest run of two or more zero groups as `::`.

    IPv4-mapped addresses are written in the mixed notation (RFC 5952 §5).
    """
    if packed[:12] == b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff":
        return f"::ffff:{packed[12]}.{packed[13]}.{packed[14]}.{packed[15]}"
    groups = [packed[i] << 8 | packed[i + 1] for i in range(0, 16, 2)]
    best_start, best_length = 0, 1
    start = 0
    while start < 8:
        length = 0
        while start + length < 8 and groups[start + length] == 0:
            length += 1
        if length > best_length:
            best_start, best_length = start, length
        start += length + 1
    if best_length < 2:
        return ":".join([f"{group:x}" for group in groups])
    head = ":".join([f"{group:x}" for group in groups[:best_start]])
    tail = ":".join([f"{group:x}" for group in groups[best_start + best_length :]])
    return head + "::" + tail
