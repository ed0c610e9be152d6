"""Reading a capture of any supported kind: pcap, pcapng, gzip of either, from a file or standard input.

    with CaptureReader("a.pcapng.gz") as reader:
        for frame in reader:
            ...
        if reader.damage: ...

A damaged file is no error: every frame before the damage is yielded, then reading ends and
`damage` says where and what. CaptureError is raised only where nothing can be read at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netsim.base.errors import CaptureError
from netsim.capture.bytestream import ByteStream, open_stream
from netsim.capture.frames import LINK_NONE, Frame, FrameBatch, Interface
from netsim.capture.pcap import FILE_HEADER, PcapParser, pcap_order
from netsim.capture.pcapng import SECTION, PcapngParser
from netsim.capture.record import Damage

_FOREIGN: Final = (
    (b"snoop\0\0\0", "a Solaris snoop file"),
    (b"RTSS", "a Network Monitor file"),
    (b"GMBU", "a Network Monitor file"),
    (b"TRSNIFF", "a Sniffer file"),
    (b"BZh", "compressed with bzip2"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"\xfd7zXZ", "compressed with xz"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x04\x22\x4d\x18", "compressed with lz4"),
)
_HEAD: Final = 28


class CaptureReader:
    """A capture, read forwards once. `path` may be "-" for standard input.

    path:   as given                                    format: "pcap" or "pcapng"
    damage: None, or where and why reading ended early  frames: frames yielded so far
    """

    def __init__(self, path: str, stream: ByteStream | None = None) -> None:
        self.path = path
        self.name = "standard input" if path == "-" else path
        self.frames = 0
        self._stream = stream if stream is not None else open_stream(path)
        try:
            self._parser = self._detect()
        except CaptureError:
            self._stream.close()
            raise

    @property
    def format(self) -> str:
        """The file format: "pcap" or "pcapng"."""
        return "pcap" if isinstance(self._parser, PcapParser) else "pcapng"

    @property
    def interfaces(self) -> list[Interface]:
        """The interfaces met so far, by number."""
        return self._parser.interfaces

    @property
    def damage(self) -> Damage | None:
        """Where and why reading ended before the file's end; None if it did not."""
        return self._parser.damage

    @property
    def drops_reported(self) -> int:
        """Packets that the capturing system itself says it lost (pcapng only)."""
        return self._parser.drops_reported

    @property
    def progress(self) -> tuple[int, int]:
        """(octets of the file consumed, its size or 0 if unknown)."""
        return self._stream.progress()

    def _detect(self) -> PcapParser | PcapngParser:
        """Read the first octets and choose the parser; CaptureError if they are no capture's."""
        head = b""
        while len(head) < _HEAD:
            wanted = 4 - len(head) if len(head) < 4 else _HEAD - len(head)
            if len(head) >= 4 and pcap_order(head[:4]):
                wanted = FILE_HEADER - len(head)
                if wanted == 0:
                    break
            more = self._stream.read(wanted)
            if not more:
                break
            head += more
        if not head:
            raise CaptureError(self._stream.fault or "the file is empty", file=self.name)
        if pcap_order(head[:4]):
            if len(head) < FILE_HEADER:
                raise CaptureError("the file ends inside the pcap header", file=self.name, offset=len(head))
            return PcapParser(self._stream, head)
        if head[:4] == SECTION.to_bytes(4, "big"):
            return PcapngParser(self._stream, head)
        for magic, what in _FOREIGN:
            if head.startswith(magic):
                message = f"this is {what}; convert or unpack it first (expected pcap, pcapng, or gzip of either)"
                raise CaptureError(message, file=self.name, offset=0)
        raise CaptureError("this is no capture file: neither pcap nor pcapng", file=self.name, offset=0)

    def read_batch(self) -> FrameBatch | None:
        """The next frames, uncopied, at least one; None at the end."""
        batch = self._parser.read_batch()
        if batch is not None:
            self.frames += len(batch.spans)
        return batch

    def __iter__(self) -> Iterator[Frame]:
        while (batch := self.read_batch()) is not None:
            yield from self.unfold(batch)

    def unfold(self, batch: FrameBatch) -> Iterator[Frame]:
        """The frames of a batch as objects with their own copy of the bytes."""
        interfaces = self.interfaces
        for index, (t_ns, start, stop, wire, number) in enumerate(batch.spans):
            linktype = LINK_NONE if number < 0 else interfaces[number].linktype
            comments = batch.comments.get(index, ())
            direction = batch.directions.get(index, 0)
            data = batch.buf[start:stop]
            yield Frame(batch.first + index, t_ns, data, wire, linktype, max(number, 0), comments, direction)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def __enter__(self) -> CaptureReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
