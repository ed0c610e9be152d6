"""Writing captures: pcap and pcapng, nanoseconds, deterministic bytes, never half a file.

    with open_writer("out.pcapng", LINK_RAW) as out:
        out.write(t_ns, data, comments=("why",))

The file grows under a temporary name beside its place and is renamed when it is complete;
after an exception nothing is left behind. `-` writes to standard output as it goes.
"""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, cast

from netsim.base.errors import CaptureError, UsageError
from netsim.capture.frames import LINK_NONE, LINK_RAW, Interface
from netsim.capture.pcapng import (
    BYTE_ORDER_MAGIC,
    ENHANCED_PACKET,
    INTERFACE,
    OPT_COMMENT,
    OPT_END,
    SECTION,
    STATISTICS,
)
from netsim.capture.reader import CaptureReader

_PCAP_NANO: Final = 0xA1B23C4D
_PCAP_MICRO: Final = 0xA1B2C3D4
_SNAPLEN: Final = 262144
_MAX_OPTION: Final = 65535 - 3
_TSRESOL: Final = 9
_IF_NAME: Final = 2
_EPB_FLAGS: Final = 2
_ISB_IFRECV: Final = 4
_ISB_IFDROP: Final = 5
_LATEST: Final = 2**32 * 1_000_000_000 - 1
"""Last instant that the 32-bit seconds of a pcap can say (in the year 2106)."""


class _Output:
    """A file that appears under its name only when it is whole."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._partial: Path | None = None
        self._raw: BinaryIO | None = None
        target = Path(path)
        if path == "-":
            self._file: BinaryIO = sys.stdout.buffer
            return
        try:
            if target.exists() and not target.is_file():
                if target.is_dir():
                    raise CaptureError("is a directory", file=path)
                self._file = target.open("wb")  # a pipe or a device: nothing to rename
            else:
                self._partial = target.with_name(f".{target.name}.{os.getpid()}.part")
                self._file = self._partial.open("wb")
        except OSError as error:
            raise CaptureError(f"cannot be written: {error.strerror or error}", file=path) from None
        if path.endswith(".gz"):
            self._raw = self._file
            # No name and no time in the header: the same capture gives the same bytes.
            zipped = gzip.GzipFile(filename="", mode="wb", fileobj=self._raw, mtime=0)
            self._file = cast(BinaryIO, zipped)

    def write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise CaptureError(f"cannot be written: {error.strerror or error}", file=self.path) from None

    def flush(self) -> None:
        self._file.flush()

    def finish(self, *, keep: bool) -> None:
        """Close; put the file in its place, or remove it."""
        try:
            if self.path == "-":
                self._file.flush()
                return
            self._file.close()
            if self._raw is not None:
                self._raw.close()
            if self._partial is not None:
                if keep:
                    self._partial.replace(self.path)
                else:
                    self._partial.unlink(missing_ok=True)
        except OSError as error:
            if self._partial is not None:
                self._partial.unlink(missing_ok=True)
            if keep:
                raise CaptureError(f"cannot be written: {error.strerror or error}", file=self.path) from None


class CaptureWriter:
    """What both formats have in common. Use as a context manager, or call `close` or `abandon`.

    frames: frames written so far
    """

    def __init__(self, path: str) -> None:
        self.frames = 0
        self._output = _Output(path)
        self._open = True

    def write(
        self, t_ns: int, data: bytes, wire_len: int = 0, *, comments: Iterable[str] = (),
        interface: int = 0, direction: int = 0,
    ) -> None:  # fmt: skip
        """Write one frame captured at `t_ns`; `wire_len` is its length on the wire, if more than `data`."""
        raise NotImplementedError

    def flush(self) -> None:
        """Hand what was written to the operating system."""
        self._output.flush()

    def close(self) -> None:
        """Complete the file and put it in its place."""
        if self._open:
            self._open = False
            self._output.finish(keep=True)

    def abandon(self) -> None:
        """Give up: no file is left (one of the same name stays as it was)."""
        if self._open:
            self._open = False
            self._output.finish(keep=False)

    def __enter__(self) -> CaptureWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()


class PcapWriter(CaptureWriter):
    """The classic format, little-endian. It has no room for comments: they are refused."""

    def __init__(self, path: str, linktype: int = LINK_RAW, *, nanoseconds: bool = True) -> None:
        super().__init__(path)
        self._tick = 1 if nanoseconds else 1000
        magic = _PCAP_NANO if nanoseconds else _PCAP_MICRO
        fields = (magic, 2 | 4 << 16, 0, 0, _SNAPLEN, linktype)
        self._output.write(b"".join([field.to_bytes(4, "little") for field in fields]))

    def write(
        self, t_ns: int, data: bytes, wire_len: int = 0, *, comments: Iterable[str] = (),
        interface: int = 0, direction: int = 0,
    ) -> None:  # fmt: skip
        """Write one frame; UsageError for comments or a second interface."""
        if interface:
            raise UsageError("a pcap file has one interface; write pcapng")
        for _ in comments:
            raise UsageError("a pcap file has no comments; write pcapng")
        seconds, fraction = divmod(min(max(t_ns, 0), _LATEST), 1_000_000_000)
        header = (seconds, fraction // self._tick, len(data), max(wire_len, len(data)))
        self._output.write(b"".join([field.to_bytes(4, "little") for field in header]) + data)
        self.frames += 1


class PcapngWriter(CaptureWriter):
    """The newer format, little-endian, one section, nanoseconds, comments per frame."""

    def __init__(self, path: str, linktype: int = LINK_RAW, *, name: str = "") -> None:
        super().__init__(path)
        section = BYTE_ORDER_MAGIC.to_bytes(4, "little") + b"\x01\0\0\0" + b"\xff" * 8
        self._output.write(_block(SECTION, section))
        self._interfaces = 0
        if linktype != LINK_NONE:
            self.add_interface(Interface(linktype, _SNAPLEN, 10**9, 0, name))

    def add_interface(self, interface: Interface) -> int:
        """Describe another interface; its number for `write`."""
        body = (
            interface.linktype.to_bytes(2, "little") + b"\0\0" + min(interface.snaplen, 2**32 - 1).to_bytes(4, "little")
        )
        if interface.name:
            body += _option(_IF_NAME, interface.name.encode("utf-8", "replace"))
        body += _option(_TSRESOL, b"\x09") + _option(OPT_END, b"")
        self._output.write(_block(INTERFACE, body))
        self._interfaces += 1
        return self._interfaces - 1

    def add_statistics(self, t_ns: int, received: int, dropped: int, interface: int = 0) -> None:
        """Say how many frames an interface received and how many were lost for want of room."""
        ticks = min(max(t_ns, 0), 2**64 - 1)
        fields = (interface, ticks >> 32, ticks & 0xFFFFFFFF)
        body = b"".join([field.to_bytes(4, "little") for field in fields])
        body += _option(_ISB_IFRECV, received.to_bytes(8, "little")) + _option(
            _ISB_IFDROP, dropped.to_bytes(8, "little")
        )
        self._output.write(_block(STATISTICS, body + _option(OPT_END, b"")))

    def write(
        self, t_ns: int, data: bytes, wire_len: int = 0, *, comments: Iterable[str] = (),
        interface: int = 0, direction: int = 0,
    ) -> None:  # fmt: skip
        """Write one frame with any number of comments; `direction` is INBOUND, OUTBOUND or 0 for unknown."""
        if not 0 <= interface < self._interfaces:
            raise UsageError(f"interface {interface} was not added to the writer")
        ticks = min(max(t_ns, 0), 2**64 - 1)
        fields = (interface, ticks >> 32, ticks & 0xFFFFFFFF, len(data), max(wire_len, len(data)))
        body = b"".join([field.to_bytes(4, "little") for field in fields]) + data + bytes(-len(data) % 4)
        options = b"".join([_option(OPT_COMMENT, text.encode("utf-8", "replace")) for text in comments])
        if direction:
            options += _option(_EPB_FLAGS, direction.to_bytes(4, "little"))
        if options:
            body += options + _option(OPT_END, b"")
        self._output.write(_block(ENHANCED_PACKET, body))
        self.frames += 1


def _block(kind: int, body: bytes) -> bytes:
    """A pcapng block: its length stands before and after the body."""
    length = (len(body) + 12).to_bytes(4, "little")
    return kind.to_bytes(4, "little") + length + body + length


def _option(code: int, data: bytes) -> bytes:
    if len(data) > _MAX_OPTION:
        data = data[:_MAX_OPTION].decode("utf-8", "ignore").encode()
    return code.to_bytes(2, "little") + len(data).to_bytes(2, "little") + data + bytes(-len(data) % 4)


def is_pcapng_name(path: str) -> bool:
    """The extension says pcapng (`.pcapng`, `.ntar`, with or without `.gz`)."""
    return path.lower().removesuffix(".gz").endswith((".pcapng", ".ntar"))


def open_writer(path: str, linktype: int = LINK_RAW, *, name: str = "") -> CaptureWriter:
    """A writer by the file's extension: pcapng for `.pcapng`, pcap for everything else."""
    if is_pcapng_name(path):
        return PcapngWriter(path, linktype, name=name)
    return PcapWriter(path, linktype)


def annotate(source: str, target: str, comments: Mapping[int, Iterable[str]]) -> int:
    """Copy a capture to a pcapng with more comments (by frame number). Returns the number of frames written.

    Times, lengths, link types, interface names, directions and comments already there are kept.
    Frames beyond damage in the source are not there to copy. The target may be the source itself.
    """
    with CaptureReader(source) as reader:
        out = PcapngWriter(target, LINK_NONE)
        with out:
            _copy(reader, out, comments)
        return out.frames


def _copy(reader: CaptureReader, out: PcapngWriter, comments: Mapping[int, Iterable[str]]) -> None:
    described = 0
    while (batch := reader.read_batch()) is not None:
        for interface in reader.interfaces[described:]:
            out.add_interface(interface)
            described += 1
        for frame in reader.unfold(batch):
            if frame.linktype == LINK_NONE:
                continue
            texts = (*frame.comments, *comments.get(frame.number, ()))
            out.write(
                frame.t_ns, frame.data, frame.wire_len, comments=texts,
                interface=frame.interface, direction=frame.direction,
            )  # fmt: skip
