"""However a capture file is damaged: no crash, no hang, memory bounded, and frames before the damage intact."""

from __future__ import annotations

import gzip
import io
import random
import struct
import time
import tracemalloc

import pytest

from netsim.base.errors import CaptureError
from netsim.base.packet import IcmpMessage
from netsim.capture.bytestream import ByteStream
from netsim.capture.frames import MAX_FRAME
from netsim.capture.reader import CaptureReader
from netsim.capture.record import TcpRecord
from netsim.capture.tcpview import TcpCapture
from netsim.wire.codec import encode_packet
from tests.unit.capture import files

_FEW = 1_500
_MANY = 100_000
_BUDGET_SECONDS = 2.0
_BUDGET_BYTES = 16 * MAX_FRAME


def _frames() -> list[bytes]:
    """One of each kind that the decoder knows a way through."""
    inner4, inner6 = files.ip(5, b"inner"), files.ip(6, b"inner", six=True)
    four = bytes.fromhex("4500000000000000402f0000c0000201c0000202")
    gre = four[:2] + struct.pack(">H", 24 + len(inner6)) + four[4:] + b"\0\0\x86\xdd" + inner6
    vxlan_body = b"\x08" + bytes(7) + files.ETHERNET4 + inner4
    udp = struct.pack(">HHHH", 5, 4789, 8 + len(vxlan_body), 0) + vxlan_body
    vxlan = four[:2] + struct.pack(">H", 20 + len(udp)) + four[4:9] + b"\x11" + four[10:] + udp
    whole = files.ip(7, bytes(64))
    first = whole[:2] + struct.pack(">H", 60) + whole[4:6] + b"\x20\0" + whole[8:60]
    last = whole[:2] + struct.pack(">H", len(whole) - 40) + whole[4:6] + b"\0\x05" + whole[8:20] + whole[60:]
    error = IcmpMessage("10.0.0.9", "10.0.0.1", 3, 4, files.segment(), 1400)
    return [
        files.frame(1, b""),
        files.frame(2, b"payload"),
        files.ETHERNET6 + files.ip(3, b"six", six=True),
        files.ETHERNET4[:12] + b"\x81\0\0\x05\x88\x47\0\0\x11\x40" + inner4,
        files.ETHERNET4[:12] + b"\x88\x64\x11\0\0\x01" + struct.pack(">H", 2 + len(inner4)) + b"\0\x21" + inner4,
        files.ETHERNET4 + gre,
        files.ETHERNET4 + vxlan,
        files.ETHERNET4 + first,
        files.ETHERNET4 + last,
        files.ETHERNET4 + encode_packet(error),
    ]


def _seeds() -> list[bytes]:
    frames = _frames()
    timed = [(10**18 + n * 10**6, data) for n, data in enumerate(frames)]
    ng = files.section() + files.interface(options=files.option(9, b"\x09") + files.option(2, b"eth0"))
    ng += files.interface(101)
    for t_ns, data in timed:
        ng += files.enhanced(data, t_ns, options=files.option(1, b"a comment") + files.option(0, b""))
    ng += files.block(3, struct.pack("<I", 60) + frames[0][:60]) + files.block(5, bytes(12))
    ng += files.section(">") + files.interface(101, order=">") + files.enhanced(files.ip(9), 5, order=">")
    ng += files.block(2, struct.pack(">HHIIII", 0, 1, 0, 9, 60, 60) + files.ip(8)[:60], ">")
    return [
        files.pcap(timed),
        files.pcap(timed, order=">", nanoseconds=True),
        files.pcap([(t_ns, data[14:]) for t_ns, data in timed], linktype=101),
        files.pcap([(t_ns, bytes(2) + data) for t_ns, data in timed], linktype=113),
        files.pcap([(t_ns, data[12:14] + bytes(18) + data[14:]) for t_ns, data in timed], linktype=276),
        files.pcap([(t_ns, b"\2\0\0\0" + data[14:]) for t_ns, data in timed], linktype=0),
        ng,
        ng,
        gzip.compress(ng, mtime=0),
    ]


def _mutate(rng: random.Random, seeds: list[bytes]) -> bytes:
    """Flip bits, overwrite, cut out, repeat, splice and truncate."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        if not data:
            break
        at = rng.randrange(len(data))
        what = rng.randrange(7)
        if what == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif what == 1:
            data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif what == 2:
            value = rng.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, MAX_FRAME, rng.randrange(2**32), rng.randrange(300)))
            at &= ~3
            data[at : at + 4] = value.to_bytes(4, rng.choice(("little", "big")))
        elif what == 3:
            del data[at : at + rng.randrange(1, 64)]
        elif what == 4:
            data[at:at] = data[at : at + rng.randrange(1, 200)]
        elif what == 5:
            other = rng.choice(seeds)
            start = rng.randrange(len(other))
            data[at:] = other[start:]
        else:
            del data[at:]
    return bytes(data)


def _read(data: bytes) -> list[TcpRecord]:
    """Everything the checker would ask for. The frame's limits must hold for every record."""
    records: list[TcpRecord] = []
    stream = ByteStream(io.BytesIO(data), len(data))
    capture = TcpCapture(CaptureReader("mutated", stream))
    while batch := capture.read_batch():
        records += batch
        for record in batch:
            assert 0 <= record.captured_payload_len <= len(record.buf)
            assert len(record.payload()) == record.captured_payload_len
            assert len(record.key) in (12, 36)
            assert record.payload_len >= 0
            record.checksum_status()
            record.payload_crc()
            repr(record)
        capture.take_icmp()
    assert capture.tcp_frames == len(records)
    assert capture.frames == len(records) + sum(capture.skipped.values())
    if capture.damage is not None:
        assert capture.damage.offset >= 0
        assert capture.damage.what
    return records


def _survive(seed: int, count: int) -> None:
    rng = random.Random(seed)
    seeds = _seeds()
    refused = 0
    one_line = True
    for number in range(count):
        data = _mutate(rng, seeds)
        before = time.process_time()
        try:
            _read(data)
        except CaptureError as error:
            refused += 1
            one_line = one_line and "\n" not in str(error)
        except Exception as error:
            raise AssertionError(f"seed {seed}, file {number}: {data.hex()}") from error
        took = time.process_time() - before
        assert took < _BUDGET_SECONDS, f"seed {seed}, file {number} took {took:.1f} s: {data.hex()}"
    assert refused < count // 2
    assert one_line


def test_the_seeds_themselves_are_sound() -> None:
    for data in _seeds():
        assert len(_read(data)) >= 5


def test_mutated_files() -> None:
    _survive(1, _FEW)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 12))
def test_many_mutated_files(seed: int) -> None:
    _survive(seed, _MANY // 10)


def test_memory_is_bounded() -> None:
    rng = random.Random(99)
    seeds = _seeds()
    tracemalloc.start()
    try:
        for _ in range(300):
            data = _mutate(rng, seeds)
            tracemalloc.reset_peak()
            start = tracemalloc.get_traced_memory()[0]
            try:
                _read(data)
            except CaptureError:
                continue
            assert tracemalloc.get_traced_memory()[1] - start < _BUDGET_BYTES
    finally:
        tracemalloc.stop()


def test_hostile_fragments_stay_within_bounds() -> None:
    whole = files.ip(7, bytes(64))
    packets = []
    for n in range(3000):  # first fragments of ever new datagrams, then tiny overlapping pieces of one
        head = struct.pack(">BBHHH", 0x45, 0, 60, n, 0x2000)
        packets.append((n, files.ETHERNET4 + head + whole[8:60]))
    for n in range(3000):
        head = struct.pack(">BBHHH", 0x45, 0, 28, 7777, 0x2000 | n)
        packets.append((n, files.ETHERNET4 + head + whole[8:28]))
    before = time.process_time()
    assert _read(files.pcap(packets)) == []
    assert time.process_time() - before < _BUDGET_SECONDS


def test_frames_before_the_damage_are_intact() -> None:
    rng = random.Random(5)
    frames = [files.frame(n, bytes(n)) for n in range(20)]
    raw = files.pcap([(n * 10**6, data) for n, data in enumerate(frames)])
    for _ in range(200):
        at = rng.randrange(24, len(raw))
        damaged = raw[:at] + rng.randbytes(rng.randrange(1, 60))
        records = _read(damaged)
        end = 24
        whole = 0
        for data in frames:
            end += 16 + len(data)
            whole += end <= at
        assert [record.seq for record in records[:whole]] == list(range(whole))
