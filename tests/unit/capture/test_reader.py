"""Readers: every format gives the same frames; damage ends reading, is told, and loses nothing before it."""

from __future__ import annotations

import gzip
import io
import struct
import sys
from pathlib import Path

import pytest
from scapy.utils import PcapNgWriter, rdpcap
from scapy.utils import PcapWriter as ScapyPcapWriter

from netsim.base.errors import CaptureError
from netsim.capture import bytestream
from netsim.capture.frames import INBOUND, OUTBOUND, Frame
from netsim.capture.reader import CaptureReader
from tests.unit.capture import files

T0 = 1_700_000_000_123_456_789


def _read(path: str) -> tuple[list[Frame], CaptureReader]:
    with CaptureReader(path) as reader:
        return list(reader), reader


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
def test_pcap_in_every_order_and_resolution(tmp_path: Path, order: str, nanoseconds: bool, zipped: bool) -> None:
    packets = [(T0 + n * 1_000_001, files.frame(n, bytes(n))) for n in range(5)]
    raw = files.pcap(packets, order=order, nanoseconds=nanoseconds)
    frames, reader = _read(files.save(tmp_path / "a", raw, zipped=zipped))
    unit = 1 if nanoseconds else 1000
    assert [frame.t_ns for frame in frames] == [t_ns // unit * unit for t_ns, _ in packets]
    assert [frame.data for frame in frames] == [data for _, data in packets]
    assert [frame.number for frame in frames] == [1, 2, 3, 4, 5]
    assert [frame.linktype for frame in frames] == [1] * 5
    assert (reader.damage, reader.frames, reader.format) == (None, 5, "pcap")
    consumed, size = reader.progress
    assert consumed == size > 0


def test_scapy_reads_the_same_pcap(tmp_path: Path) -> None:
    packets = [(T0 + n * 10**6, files.frame(n)) for n in range(4)]
    path = files.save(tmp_path / "a.pcap", files.pcap(packets))
    frames, _ = _read(path)
    theirs = rdpcap(path)
    assert [bytes(packet) for packet in theirs] == [frame.data for frame in frames]
    assert [int(packet.time * 10**6) for packet in theirs] == [frame.t_ns // 1000 for frame in frames]


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_we_read_what_scapy_writes(tmp_path: Path, kind: str) -> None:
    path = str(tmp_path / "a")
    writer = ScapyPcapWriter(path, linktype=1) if kind == "pcap" else PcapNgWriter(path)
    from scapy.layers.l2 import Ether

    for n in range(3):
        packet = Ether(files.frame(n))
        packet.time = 1_700_000_000 + n
        writer.write(packet)
    writer.close()
    frames, reader = _read(path)
    assert reader.format == kind
    assert [frame.data for frame in frames] == [files.frame(n) for n in range(3)]
    assert [frame.t_ns for frame in frames] == [(1_700_000_000 + n) * 10**9 for n in range(3)]


def test_a_snaplen_cut_keeps_the_length_on_the_wire(tmp_path: Path) -> None:
    data = files.frame(1, bytes(500))
    frames, _ = _read(files.save(tmp_path / "a", files.pcap([(T0, data)], snaplen=60)))
    assert (len(frames[0].data), frames[0].wire_len) == (60, len(data))


def test_the_modified_pcap_has_longer_record_headers(tmp_path: Path) -> None:
    data = files.frame()
    raw = struct.pack("<IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 65535, 1)
    for second in (5, 6):
        raw += struct.pack("<IIIIIHBB", second, 7, len(data), len(data), 2, 8, 0, 0) + data
    frames, reader = _read(files.save(tmp_path / "a", raw))
    assert [(frame.t_ns, frame.data) for frame in frames] == [(5_000_007_000, data), (6_000_007_000, data)]
    assert reader.damage is None


def test_frames_across_pieces_of_the_file(tmp_path: Path) -> None:
    # More than one piece of 256 KiB, with frames that straddle the seams.
    packets = [(T0 + n, files.frame(n, bytes(1400 + n % 50))) for n in range(500)]
    frames, reader = _read(files.save(tmp_path / "a", files.pcap(packets, nanoseconds=True)))
    assert len(files.pcap(packets)) > 2 * bytestream.CHUNK
    assert [frame.data for frame in frames] == [data for _, data in packets]
    assert reader.damage is None
    ng = files.section() + files.interface(options=files.option(9, b"\x09"))
    ng += b"".join(files.enhanced(data, t_ns) for t_ns, data in packets)
    frames, reader = _read(files.save(tmp_path / "b", ng))
    assert [(frame.t_ns, frame.data) for frame in frames] == packets
    assert reader.damage is None


# --- pcapng --------------------------------------------------------------------------


def test_pcapng_sections_and_interfaces_of_both_orders(tmp_path: Path) -> None:
    raw = files.section("<") + files.interface(1) + files.interface(101, options=files.option(9, b"\x09"))
    raw += files.enhanced(files.frame(1), 5, number=0) + files.enhanced(files.ip(2), 6, number=1)
    raw += files.section(">") + files.interface(101, order=">", options=files.option(9, b"\x03", ">"))
    raw += files.enhanced(files.ip(3), 7, number=0, order=">")
    frames, reader = _read(files.save(tmp_path / "a", raw))
    assert [(frame.t_ns, frame.linktype, frame.interface) for frame in frames] == [
        (5_000, 1, 0), (6, 101, 1), (7_000_000, 101, 2),
    ]  # fmt: skip
    assert [frame.data for frame in frames] == [files.frame(1), files.ip(2), files.ip(3)]
    assert [interface.linktype for interface in reader.interfaces] == [1, 101, 101]
    assert reader.damage is None


@pytest.mark.parametrize(
    ("resolution", "offset", "ticks", "t_ns"),
    [
        (b"\x06", None, 1_500_000, 1_500_000_000),
        (b"\x09", None, 2**33, 2**33),
        (b"\x00", None, 3, 3_000_000_000),
        (b"\x0c", None, 1_999, 1),
        (b"\x8a", None, 1024, 1_000_000_000),
        (b"\xa0", None, 2**31, 500_000_000),
        (b"\x09", 10, 5, 10_000_000_005),
        (b"\x09", -10, 5, -9_999_999_995),
        (b"\x7f", None, 10**18, 0),
    ],
)
def test_clock_resolutions_and_offsets(
    tmp_path: Path, resolution: bytes, offset: int | None, ticks: int, t_ns: int
) -> None:
    options = files.option(9, resolution)
    if offset is not None:
        options += files.option(14, struct.pack("<q", offset))
    raw = files.section() + files.interface(options=options) + files.enhanced(files.frame(), ticks)
    frames, _ = _read(files.save(tmp_path / "a", raw))
    assert [frame.t_ns for frame in frames] == [t_ns]


def test_comments_directions_and_drop_counts(tmp_path: Path) -> None:
    options = files.option(1, "erster Kömmentar".encode()) + files.option(2, struct.pack("<I", 2))
    options += files.option(1, b"second") + files.option(4, struct.pack("<Q", 3)) + files.option(0, b"")
    raw = files.section() + files.interface()
    raw += files.enhanced(files.frame(1), 1, options=options)
    raw += files.enhanced(files.frame(2), 2, options=files.option(2, struct.pack("<I", 1)))
    raw += files.enhanced(files.frame(3), 3)
    for total in (4, 9):  # the second statistics block counts on from the first
        raw += files.block(5, struct.pack("<III", 0, 0, 0) + files.option(5, struct.pack("<Q", total)))
    frames, reader = _read(files.save(tmp_path / "a", raw))
    assert [frame.comments for frame in frames] == [("erster Kömmentar", "second"), (), ()]
    assert [frame.direction for frame in frames] == [OUTBOUND, INBOUND, 0]
    assert reader.drops_reported == 12


def test_simple_and_old_packet_blocks_count_as_frames(tmp_path: Path) -> None:
    data = files.frame(9, bytes(99))
    raw = files.section() + files.interface(snaplen=60)
    raw += files.block(2, struct.pack("<HHIIII", 0, 5, 0, 77, len(data), len(data)) + data)
    raw += files.block(3, struct.pack("<I", len(data)) + data[:60])
    frames, reader = _read(files.save(tmp_path / "a", raw))
    assert [(frame.t_ns, len(frame.data), frame.wire_len) for frame in frames] == [
        (77_000, len(data), len(data)), (77_000, 60, len(data)),
    ]  # fmt: skip
    assert reader.drops_reported == 5


def test_unknown_blocks_are_passed_over_and_journal_entries_counted(tmp_path: Path) -> None:
    raw = files.section() + files.interface() + files.block(0x0BAD, b"x" * 40) + files.enhanced(files.frame(1), 1)
    raw += files.block(9, b"__REALTIME=1\n\0\0\0") + files.block(4, b"names") + files.enhanced(files.frame(2), 2)
    raw += files.block(10, bytes(3_000_000)) + files.enhanced(files.frame(3), 3)
    frames, reader = _read(files.save(tmp_path / "a", raw))
    assert [(frame.number, frame.linktype) for frame in frames] == [(1, 1), (2, -1), (3, 1), (4, 1)]
    assert frames[3].data == files.frame(3)
    assert reader.damage is None


# --- damage --------------------------------------------------------------------------


def test_every_truncation_of_a_pcap_keeps_the_frames_before_it(tmp_path: Path) -> None:
    packets = [(T0, files.frame(n, bytes(n))) for n in range(3)]
    raw = files.pcap(packets)
    ends = [24]
    for _, data in packets:
        ends.append(ends[-1] + 16 + len(data))
    for size in range(24, len(raw)):
        frames, reader = _read(files.save(tmp_path / "a", raw[:size]))
        whole = sum(end <= size for end in ends) - 1
        assert len(frames) == whole
        if size in ends:
            assert reader.damage is None
        else:
            assert reader.damage is not None
            assert (reader.damage.kind, reader.damage.offset) == ("truncated", ends[whole])


def test_every_truncation_of_a_pcapng_keeps_the_frames_before_it(tmp_path: Path) -> None:
    parts = [files.section(), files.interface()] + [files.enhanced(files.frame(n), n) for n in range(3)]
    raw = b"".join(parts)
    ends = [sum(len(part) for part in parts[: n + 1]) for n in range(len(parts))]
    for size in range(4, len(raw)):
        frames, reader = _read(files.save(tmp_path / "a", raw[:size]))
        complete = sum(end <= size for end in ends)
        assert len(frames) == max(0, complete - 2)
        if size in ends:
            assert reader.damage is None
        else:
            assert reader.damage is not None
            assert (reader.damage.kind, reader.damage.offset) == ("truncated", ends[complete - 1] if complete else 0)


@pytest.mark.parametrize("claimed", [2**20 + 1, 2**31, 2**32 - 1])
def test_a_hostile_length_in_a_pcap_is_corruption_not_memory(tmp_path: Path, claimed: int) -> None:
    good = files.pcap([(T0, files.frame())])
    raw = good + struct.pack("<IIII", 1, 2, claimed, claimed) + bytes(2_000_000)
    frames, reader = _read(files.save(tmp_path / "a", raw))
    assert len(frames) == 1
    assert reader.damage is not None
    assert (reader.damage.kind, reader.damage.offset) == ("corrupt", len(good))
    assert str(claimed) in reader.damage.what


def _bad(kind: str) -> bytes:
    frame = files.frame()
    if kind == "short":
        return struct.pack("<II", 6, 8) + bytes(20)
    if kind == "unaligned":
        return struct.pack("<II", 6, 33) + bytes(40)
    if kind == "huge":
        return struct.pack("<II", 6, 0xFFFFFFFC) + bytes(100)
    if kind == "lengths-differ":
        return files.enhanced(frame, 1)[:-4] + struct.pack("<I", 12)
    if kind == "interface":
        return files.enhanced(frame, 1, number=1)
    if kind == "captured":
        return files.block(6, struct.pack("<IIIII", 0, 0, 0, 500, 500) + frame)
    if kind == "too-short-body":
        return files.block(6, bytes(16))
    if kind == "section-magic":
        return struct.pack("<II", 0x0A0D0D0A, 28) + bytes(16) + struct.pack("<I", 28)
    if kind == "version":
        return files.block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 2, 0, -1))
    return files.block(1, b"\x01\0\0\0")


@pytest.mark.parametrize(
    "kind",
    ["short", "unaligned", "huge", "lengths-differ", "interface", "captured", "too-short-body", "section-magic",
     "version", "interface-body"],
)  # fmt: skip
def test_corrupt_blocks_end_the_reading_with_their_offset(tmp_path: Path, kind: str) -> None:
    good = files.section() + files.interface() + files.enhanced(files.frame(), 1)
    frames, reader = _read(files.save(tmp_path / "a", good + _bad(kind) + files.enhanced(files.frame(), 2)))
    assert len(frames) == 1
    assert reader.damage is not None
    assert (reader.damage.kind, reader.damage.offset) == ("corrupt", len(good))


def test_a_cut_gzip_gives_what_it_holds(tmp_path: Path) -> None:
    packets = [(T0, files.frame(n, bytes(range(256)) * 4)) for n in range(200)]
    zipped = gzip.compress(files.pcap(packets), mtime=0)
    frames, reader = _read(files.save(tmp_path / "a", zipped[: len(zipped) // 2]))
    assert 0 < len(frames) < 200
    assert reader.damage is not None
    assert "gzip" in reader.damage.what
    broken = bytearray(zipped)
    broken[len(zipped) // 2] ^= 0xFF
    frames, reader = _read(files.save(tmp_path / "b", bytes(broken)))
    assert reader.damage is not None


def test_several_gzip_members_follow_one_another(tmp_path: Path) -> None:
    raw = files.pcap([(T0, files.frame(n)) for n in range(6)])
    data = gzip.compress(raw[:100]) + gzip.compress(raw[100:]) + bytes(64)
    frames, reader = _read(files.save(tmp_path / "a", data))
    assert (len(frames), reader.damage) == (6, None)


def test_a_gzip_bomb_is_read_in_pieces(tmp_path: Path) -> None:
    stream = bytestream.open_stream(files.save(tmp_path / "a", bytes(50_000_000), zipped=True))
    total = 0
    while piece := stream.read(bytestream.CHUNK):
        assert len(piece) <= bytestream.CHUNK
        total += len(piece)
    assert total == 50_000_000


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\xd4\xc3\xb2\xa1\x02\x00", "ends inside the pcap header"),
        (b"not a capture at all, but text\n", "no capture file"),
        (b"\x0a\x0d\x0d", "no capture file"),
        (b"snoop\0\0\0\0\0\0\2\0\0\0\4" + bytes(40), "snoop"),
        (b"\x28\xb5\x2f\xfd" + bytes(40), "zstd"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x1f\x8b" + b"\xff" * 50, "gzip"),
        (gzip.compress(b"", mtime=0), "empty"),
        (gzip.compress(b"text inside a gzip file, long enough", mtime=0), "no capture file"),
    ],
)
def test_what_is_no_capture_is_an_error_that_says_so(tmp_path: Path, content: bytes, says: str) -> None:
    path = files.save(tmp_path / "a.pcap", content)
    with pytest.raises(CaptureError, match=says) as caught:
        CaptureReader(path)
    assert str(caught.value).startswith(path)


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="no such file"):
        CaptureReader(str(tmp_path / "missing.pcap"))
    with pytest.raises(CaptureError, match="is a directory"):
        CaptureReader(str(tmp_path))
    with pytest.raises(CaptureError, match="cannot be opened"):
        CaptureReader("a\0b")


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = files.pcap([(T0, files.frame(n)) for n in range(3)])

    class _Stdin:
        closed = False
        buffer = io.BufferedReader(io.BytesIO(gzip.compress(raw)))

        def isatty(self) -> bool:
            return False

    monkeypatch.setattr(sys, "stdin", _Stdin())
    frames, reader = _read("-")
    assert (len(frames), reader.name, reader.progress[1]) == (3, "standard input", 0)
    assert not _Stdin.buffer.closed
