"""The TCP MD5 signature of a segment (RFC 2385 §2.0)."""

from __future__ import annotations

import hashlib
import ipaddress

from netsim.base.packet import Segment


def segment_digest(seg: Segment, key: bytes) -> bytes:
    """MD5 over the pseudo-header, the TCP header without options (checksum 0), the data and the key.

    The header length in the digest counts the options; the pseudo-header's length is that of the segment.
    """
    source, destination = ipaddress.ip_address(seg.src), ipaddress.ip_address(seg.dst)
    header_bytes = 20 + seg.options_bytes()
    length = header_bytes + len(seg.payload)
    if source.version == 4:
        pseudo = source.packed + destination.packed + bytes((0, 6)) + length.to_bytes(2, "big")
    else:
        pseudo = source.packed + destination.packed + length.to_bytes(4, "big") + bytes((0, 0, 0, 6))
    offset_and_flags = (header_bytes // 4) << 12 | (seg.flags & 0x1FF)
    header = (
        seg.sport.to_bytes(2, "big")
        + seg.dport.to_bytes(2, "big")
        + seg.seq.to_bytes(4, "big")
        + seg.ack.to_bytes(4, "big")
        + offset_and_flags.to_bytes(2, "big")
        + seg.wnd.to_bytes(2, "big")
        + bytes(2)
        + seg.urg.to_bytes(2, "big")
    )
    return hashlib.md5(pseudo + header + seg.payload + key, usedforsecurity=False).digest()


def sign(seg: Segment, key: bytes) -> None:
    """Fill in the digest of a segment whose layout has the option already."""
    seg.md5 = segment_digest(seg, key)


def is_signed(seg: Segment, key: bytes) -> bool:
    """The segment carries the right digest."""
    return seg.md5 is not None and seg.md5 == segment_digest(seg, key)
