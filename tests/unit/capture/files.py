"""Capture files made by hand for the tests, octet by octet, in every variant of the formats."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

from netsim.base.packet import ACK, Segment
from netsim.capture.frames import LINK_ETHERNET, LINK_RAW
from netsim.wire.codec import encode_packet

ETHERNET4 = bytes.fromhex("0200000000010200000000020800")
ETHERNET6 = bytes.fromhex("02000000000102000000000286dd")


def segment(seq: int = 1, payload: bytes = b"abc", *, six: bool = False, options: bool = True) -> Segment:
    """A data segment with the usual timestamps."""
    src, dst = ("2001:db8::1", "2001:db8::2") if six else ("10.0.0.1", "10.0.0.2")
    out = Segment(src, dst, 40000, 80, seq, 7, ACK, 500, payload)
    if options:
        out.layout = b"\x01\x01\x08"
        out.ts_val, out.ts_ecr = 1000, 2000
    return out


def ip(seq: int = 1, payload: bytes = b"abc", *, six: bool = False) -> bytes:
    """An IP packet."""
    return encode_packet(segment(seq, payload, six=six))


def frame(seq: int = 1, payload: bytes = b"abc") -> bytes:
    """An Ethernet frame."""
    return ETHERNET4 + ip(seq, payload)


def pcap(
    packets: list[tuple[int, bytes]], *, order: str = "<", nanoseconds: bool = False, linktype: int = LINK_ETHERNET,
    snaplen: int = 262144,
) -> bytes:  # fmt: skip
    """A pcap with frames (t_ns, data), cut to `snaplen`."""
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, linktype)
    for t_ns, data in packets:
        seconds, fraction = divmod(t_ns, 10**9)
        kept = data[:snaplen]
        tick = fraction if nanoseconds else fraction // 1000
        out += struct.pack(order + "IIII", seconds, tick, len(kept), len(data)) + kept
    return out


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block."""
    body += bytes(-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def option(code: int, data: bytes, order: str = "<") -> bytes:
    """A pcapng option."""
    return struct.pack(order + "HH", code, len(data)) + data + bytes(-len(data) % 4)


def section(order: str = "<") -> bytes:
    """A section header block."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(linktype: int = LINK_ETHERNET, *, order: str = "<", snaplen: int = 0, options: bytes = b"") -> bytes:
    """An interface description block."""
    return block(1, struct.pack(order + "HHI", linktype, 0, snaplen) + options, order)


def enhanced(
    data: bytes, ticks: int, *, number: int = 0, order: str = "<", options: bytes = b"", wire: int = -1
) -> bytes:
    """An enhanced packet block."""
    head = struct.pack(
        order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data) if wire < 0 else wire
    )
    return block(6, head + data + bytes(-len(data) % 4) + options, order)


def save(path: Path, data: bytes, *, zipped: bool = False) -> str:
    """Write it, and return the path as text."""
    path.write_bytes(gzip.compress(data, mtime=0) if zipped else data)
    return str(path)


RAW = LINK_RAW
