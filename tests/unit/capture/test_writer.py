"""Writers: what they write is read back exactly, by us and by scapy; no half file is ever left."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.utils import rdpcap

from netsim.base.errors import CaptureError, UsageError
from netsim.capture.frames import INBOUND, LINK_ETHERNET, LINK_RAW, OUTBOUND, Frame, Interface
from netsim.capture.reader import CaptureReader
from netsim.capture.writer import PcapngWriter, PcapWriter, annotate, open_writer
from tests.unit.capture import files

T0 = 1_700_000_000_123_456_789


def _read(path: Path) -> list[Frame]:
    with CaptureReader(str(path)) as reader:
        frames = list(reader)
        assert reader.damage is None
    return frames


@pytest.mark.parametrize("name", ["a.pcap", "a.pcapng", "a.pcap.gz", "a.pcapng.gz", "a.cap"])
def test_what_is_written_is_read_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with open_writer(str(path), LINK_ETHERNET) as out:
        for n in range(5):
            out.write(T0 + n, files.frame(n, bytes(n)), 1500 if n == 3 else 0)
        assert not path.exists()
    frames = _read(path)
    assert [(frame.t_ns, frame.data, frame.linktype) for frame in frames] == [
        (T0 + n, files.frame(n, bytes(n)), LINK_ETHERNET) for n in range(5)
    ]
    assert [frame.wire_len for frame in frames] == [1500 if n == 3 else len(files.frame(n, bytes(n))) for n in range(5)]
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    if not name.endswith(".gz"):
        assert [bytes(packet) for packet in rdpcap(str(path))] == [frame.data for frame in frames]


def test_the_bytes_are_the_same_every_time(tmp_path: Path) -> None:
    for name in ("a.pcap", "a.pcapng", "a.pcap.gz"):
        written = []
        for place in ("one", "two"):
            (tmp_path / place).mkdir(exist_ok=True)
            path = tmp_path / place / name
            with open_writer(str(path)) as out:
                out.write(T0, files.ip())
            written.append(path.read_bytes())
        assert written[0] == written[1]


def test_microseconds_on_request(tmp_path: Path) -> None:
    with PcapWriter(str(tmp_path / "a.pcap"), LINK_RAW, nanoseconds=False) as out:
        out.write(T0, files.ip())
    assert [frame.t_ns for frame in _read(tmp_path / "a.pcap")] == [T0 // 1000 * 1000]


COMMENTS = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1), max_size=3)


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.binary(max_size=70), COMMENTS, st.sampled_from([0, 1, 2]))))
def test_pcapng_keeps_comments_directions_and_interfaces(
    tmp_path_factory: pytest.TempPathFactory, packets: list[tuple[int, bytes, list[str], int]]
) -> None:
    path = tmp_path_factory.mktemp("ng") / "a.pcapng"
    with PcapngWriter(str(path), LINK_RAW, name="client") as out:
        second = out.add_interface(Interface(LINK_ETHERNET, name="server"))
        for index, (t_ns, data, comments, direction) in enumerate(packets):
            number = second if index % 2 else 0
            out.write(t_ns, data, comments=comments, interface=number, direction=direction)
    with CaptureReader(str(path)) as reader:
        frames = list(reader)
        assert [interface.name for interface in reader.interfaces] == ["client", "server"]
    assert [(frame.t_ns, frame.data, list(frame.comments), frame.direction) for frame in frames] == packets
    assert [frame.interface for frame in frames] == [index % 2 for index in range(len(packets))]


def test_what_pcap_cannot_hold_is_refused(tmp_path: Path) -> None:
    with PcapWriter(str(tmp_path / "a.pcap")) as out:
        with pytest.raises(UsageError, match="no comments"):
            out.write(0, b"", comments=["x"])
        with pytest.raises(UsageError, match="one interface"):
            out.write(0, b"", interface=1)
        out.write(-5, b"x")
        out.write(2**80, b"y")
    assert [frame.t_ns for frame in _read(tmp_path / "a.pcap")] == [0, 2**32 * 10**9 - 1]
    with PcapngWriter(str(tmp_path / "a.pcapng")) as out, pytest.raises(UsageError, match="interface 1 was not added"):
        out.write(0, b"", interface=1)


def test_after_an_exception_the_old_file_is_still_there(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(b"old")
    out = open_writer(str(path))

    def fail() -> None:
        with out:
            out.write(0, b"data")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.pcap"]
    out.close()
    out.abandon()
    assert path.read_bytes() == b"old"


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    for bad in (tmp_path / "missing" / "a.pcap", tmp_path):
        with pytest.raises(CaptureError, match=r"cannot be written|is a directory"):
            open_writer(str(bad))
    with open_writer("/dev/null") as out:
        out.write(0, b"data")


def test_a_very_long_comment_is_shortened_at_a_character(tmp_path: Path) -> None:
    with PcapngWriter(str(tmp_path / "a.pcapng")) as out:
        out.write(0, b"data", comments=["ö" * 40_000])
    (frame,) = _read(tmp_path / "a.pcapng")
    assert frame.comments == ("ö" * (65532 // 2),)


def test_annotating_keeps_everything_and_adds(tmp_path: Path) -> None:
    source = tmp_path / "a.pcapng"
    with PcapngWriter(str(source), LINK_RAW, name="one") as out:
        out.write(T0, files.ip(1), comments=["was there"], direction=INBOUND)
        number = out.add_interface(Interface(LINK_ETHERNET, name="two"))
        out.write(T0 + 1, files.frame(2), 2000, interface=number, direction=OUTBOUND)
        out.write(T0 + 2, files.ip(3))
    assert annotate(str(source), str(source), {1: ["found"], 3: ["a", "b"], 99: ["nowhere"]}) == 3
    frames = _read(source)
    assert [frame.comments for frame in frames] == [("was there", "found"), (), ("a", "b")]
    assert [(frame.t_ns, frame.wire_len, frame.linktype, frame.direction) for frame in frames] == [
        (T0, len(files.ip(1)), LINK_RAW, INBOUND), (T0 + 1, 2000, LINK_ETHERNET, OUTBOUND),
        (T0 + 2, len(files.ip(3)), LINK_RAW, 0),
    ]  # fmt: skip


def test_annotating_a_pcap_makes_a_pcapng(tmp_path: Path) -> None:
    source = files.save(tmp_path / "a.pcap", files.pcap([(T0, files.frame(n)) for n in range(3)], nanoseconds=True))
    assert annotate(source, str(tmp_path / "b.pcapng"), {2: ["here"]}) == 3
    frames = _read(tmp_path / "b.pcapng")
    assert [frame.comments for frame in frames] == [(), ("here",), ()]
    assert [frame.t_ns for frame in frames] == [T0] * 3
    with pytest.raises(CaptureError):
        annotate(str(tmp_path / "missing"), str(tmp_path / "c.pcapng"), {})
    assert not (tmp_path / "c.pcapng").exists()
