"""Captures to measure with: long transfers, and many short connections. Frames are cut at 96 octets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from struct import Struct

_FILE = Struct("<IHHiIII")
_FRAME = Struct("<IIII")
_HEADERS = Struct(">12sHBBHHHBBH4s4sHHIIHHHH")
_SNAP = 96
_MSS = 1448
_SYN_OPTIONS = bytes.fromhex("020405b40402080a") + bytes(8) + bytes.fromhex("01030307")
_STEP_US = 40

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


class _File:
    """Writes frames with a clock that advances by 40 microseconds a frame."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("wb", buffering=1 << 20)
        self.file.write(_FILE.pack(0xA1B2C3D4, 2, 4, 0, 0, _SNAP, 1))
        self.now_us = 1_700_000_000_000_000
        self.count = 0
        self.ident = {0: 0, 1: 0}

    def frame(
        self, ends: tuple[bytes, int, bytes, int], side: int, seq: int, ack: int, flags: int, size: int, options: bytes
    ) -> None:
        """One segment from `ends[:2]` to `ends[2:]`."""
        self.now_us += _STEP_US
        self.count += 1
        src, sport, dst, dport = ends
        self.ident[side] = (self.ident[side] + 1) & 0xFFFF
        total = 40 + len(options) + size
        data = _HEADERS.pack(
            bytes(12), 0x0800, 0x45, 0, total, self.ident[side], 0x4000, 64, 6, 0, src, dst,
            sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, (5 + len(options) // 4) << 12 | flags, 65000, 0, 0,
        ) + options  # fmt: skip
        data += bytes(min(size, _SNAP - len(data)))
        self.file.write(_FRAME.pack(self.now_us // 1_000_000, self.now_us % 1_000_000, len(data), total + 14) + data)


def _stamps(now_us: int, echo_us: int) -> bytes:
    return (
        b"\1\1\x08\x0a"
        + (now_us // 1000 & 0xFFFFFFFF).to_bytes(4, "big")
        + (echo_us // 1000 & 0xFFFFFFFF).to_bytes(4, "big")
    )


def _transfer(file: _File, index: int) -> Iterator[None]:
    """One connection: handshake, then two data segments and their ACK for ever. A step is three frames or fewer."""
    client, server = bytes((10, 1, index >> 8, index & 255)), bytes((10, 2, 0, 1))
    there = (client, 40000 + index, server, 80)
    back = (server, 80, client, 40000 + index)
    chance = Random(index)
    iss, irs = chance.getrandbits(32), chance.getrandbits(32)
    heard = sent = file.now_us
    syn = bytearray(_SYN_OPTIONS)
    syn[8:12] = (file.now_us // 1000 & 0xFFFFFFFF).to_bytes(4, "big")
    file.frame(there, 0, iss, 0, SYN, 0, bytes(syn))
    yield
    syn[8:16] = _stamps(file.now_us, heard)[4:]
    file.frame(back, 1, irs, iss + 1, SYN | ACK, 0, bytes(syn))
    heard = file.now_us
    yield
    sent = file.now_us
    file.frame(there, 0, iss + 1, irs + 1, ACK, 0, _stamps(sent, heard))
    yield
    seq = iss + 1
    while True:
        for _ in range(2):
            sent = file.now_us
            file.frame(there, 0, seq, irs + 1, ACK, _MSS, _stamps(sent, heard))
            seq += _MSS
        yield
        heard = file.now_us
        file.frame(back, 1, irs + 1, seq, ACK, 0, _stamps(heard, sent))
        yield


def transfers(path: Path, packets: int, connections: int = 20) -> int:
    """Interleaved bulk transfers, `packets` frames or a few more; returns how many."""
    file = _File(path)
    flows = [_transfer(file, index) for index in range(connections)]
    while file.count < packets:
        for flow in flows:
            next(flow)
    file.file.close()
    return file.count


def flood(path: Path, connections: int) -> int:
    """So many SYNs from different addresses and ports, each answered once, never completed; returns the frames."""
    file = _File(path)
    server = bytes((10, 2, 0, 1))
    for index in range(connections):
        client = bytes((10, 100 + (index >> 16), index >> 8 & 255, index & 255))
        port = 1024 + index * 7 % 60000
        isn = index * 2654435761
        file.frame((client, port, server, 80), 0, isn, 0, SYN, 0, b"\2\4\5\xb4")
        file.frame((server, 80, client, port), 1, isn ^ 0x5A5A5A5A, isn + 1, SYN | ACK, 0, b"\2\4\5\xb4")
    file.file.close()
    return file.count


def exchanges(path: Path, connections: int) -> int:
    """So many whole short connections, ten packets each: handshake, request, answer, both FINs; returns the frames."""
    file = _File(path)
    server = bytes((10, 2, 0, 1))
    for index in range(connections):
        client = bytes((10, 100 + (index >> 16), index >> 8 & 255, index & 255))
        there, back = (client, 1024 + index * 7 % 60000, server, 80), (server, 80, client, 1024 + index * 7 % 60000)
        seq, ack = index * 2654435761 + 1, index * 40503 + 1
        file.frame(there, 0, seq - 1, 0, SYN, 0, b"\2\4\5\xb4")
        file.frame(back, 1, ack - 1, seq, SYN | ACK, 0, b"\2\4\5\xb4")
        file.frame(there, 0, seq, ack, ACK, 0, b"")
        file.frame(there, 0, seq, ack, PSH | ACK, 200, b"")
        file.frame(back, 1, ack, seq + 200, ACK, 0, b"")
        file.frame(back, 1, ack, seq + 200, PSH | ACK, 1000, b"")
        file.frame(there, 0, seq + 200, ack + 1000, ACK, 0, b"")
        file.frame(back, 1, ack + 1000, seq + 200, FIN | ACK, 0, b"")
        file.frame(there, 0, seq + 200, ack + 1001, FIN | ACK, 0, b"")
        file.frame(back, 1, ack + 1001, seq + 201, ACK, 0, b"")
    file.file.close()
    return file.count
