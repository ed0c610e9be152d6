"""Nanosecond pcap files: written by the link, read again by the checks."""

from __future__ import annotations

import struct
from pathlib import Path

RAW_IP = 101
ETHERNET = 1
_MAGIC_NS = 0xA1B23C4D
_MAGIC_US = 0xA1B2C3D4

Frame = tuple[int, bytes]


def write(path: Path, frames: list[Frame], linktype: int = RAW_IP) -> None:
    """Write frames of (nanoseconds since the epoch, bytes)."""
    out = [struct.pack("<IHHiIII", _MAGIC_NS, 2, 4, 0, 0, 262144, linktype)]
    for at_ns, raw in frames:
        out.append(struct.pack("<IIII", at_ns // 10**9, at_ns % 10**9, len(raw), len(raw)))
        out.append(raw)
    path.write_bytes(b"".join(out))


def read(path: Path) -> tuple[int, list[Frame]]:
    """Read a little-endian pcap of either resolution: its link type and its frames.

    Raises:
        ValueError: the file is not such a pcap, or it ends inside a frame.

    """
    data = path.read_bytes()
    magic, *_, linktype = struct.unpack("<IHHiIII", data[:24])
    if magic not in (_MAGIC_NS, _MAGIC_US):
        raise ValueError(f"{path}: not a little-endian pcap")
    unit = 1 if magic == _MAGIC_NS else 1000
    frames: list[Frame] = []
    at = 24
    while at < len(data):
        seconds, fraction, kept, _ = struct.unpack("<IIII", data[at : at + 16])
        raw = data[at + 16 : at + 16 + kept]
        if len(raw) != kept:
            raise ValueError(f"{path}: cut off inside frame {len(frames) + 1}")
        frames.append((seconds * 10**9 + fraction * unit, raw))
        at += 16 + kept
    return linktype, frames
