"""The TCP header (RFC 9293 §3.1), in IP or in UDP (the encapsulation of RFC 6951's kind)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from netsim.base.packet import Segment
from netsim.wire.address import to_text
from netsim.wire.checksum import PROTO_TCP, checksum, ones_sum, pseudo_sum
from netsim.wire.malformed import Malformed
from netsim.wire.options import apply_options, decode_options, encode_options

_HEADER: Final = Struct(">HHIIHHHH")
HEADER_BYTES: Final = 20
_FLAGS: Final = 0x1FF


def encode_tcp(segment: Segment, src: bytes, dst: bytes) -> bytes:
    """Header, options and payload with a right checksum (a wrong one if `corrupted`).

    Inside UDP the checksum field is 0: the datagram's own covers the segment (as FreeBSD does it).
    """
    options = encode_options(segment)
    offset = (HEADER_BYTES + len(options)) << 10 | segment.flags & _FLAGS
    header = _HEADER.pack(segment.sport, segment.dport, segment.seq, segment.ack, offset, segment.wnd, 0, segment.urg)
    if segment.encap_dport:
        return header + options + segment.payload
    size = HEADER_BYTES + len(options) + len(segment.payload)
    total = ones_sum(segment.payload, pseudo_sum(src, dst, PROTO_TCP, size))
    value = checksum(header + options, total)
    if segment.corrupted:
        value ^= 1
    return header[:16] + value.to_bytes(2, "big") + header[18:] + options + segment.payload


def decode_tcp(
    data: bytes, start: int, stop: int, src: bytes, dst: bytes, *, encapsulated: bool = False
) -> Segment | Malformed:
    """The segment at data[start:stop]; `corrupted` says that its checksum is wrong. Offsets are from `start`."""
    if stop - start < HEADER_BYTES:
        return Malformed("tcp-header", stop - start, f"a TCP header has 20 octets or more; {stop - start} are there")
    sport, dport, seq, ack, offset, wnd, csum, urg = _HEADER.unpack_from(data, start)
    header = offset >> 12 << 2
    if header < HEADER_BYTES or start + header > stop:
        return Malformed("tcp-data-offset", 12, f"the data offset says {header} octets of header")
    segment = Segment(
        to_text(src), to_text(dst), sport, dport, seq, ack, offset & _FLAGS, wnd, data[start + header : stop]
    )
    segment.urg = urg
    if header > HEADER_BYTES:
        options = decode_options(data, start + HEADER_BYTES, start + header)
        if options.problem:
            at = HEADER_BYTES + options.problem_at
            return Malformed("tcp-option-length", at, f"option kind {options.problem_kind} has an impossible length")
        apply_options(segment, options)
    if not (encapsulated and csum == 0):
        pseudo = pseudo_sum(src, dst, PROTO_TCP, stop - start)
        segment.corrupted = ones_sum(data[start:stop], pseudo) != 0xFFFF
    return segment
