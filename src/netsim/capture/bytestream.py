"""The bytes of a capture: a file, a gzip file or standard input, read forwards once in bounded pieces."""

from __future__ import annotations

import sys
import zlib
from pathlib import Path
from typing import BinaryIO, Final

from netsim.base.errors import CaptureError

CHUNK: Final = 256 * 1024
"""Octets asked for at a time."""

CAPTURE_MAGIC: Final = (
    b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x0a\x0d\x0d\x0a",
)  # fmt: skip
"""What captures begin with: pcap in either byte order, with micro- or nanoseconds, and pcapng."""
_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_WBITS: Final = 31


class ByteStream:
    """Bytes in order, already decompressed.

    offset: octets handed out so far      fault: "" or why the bytes stopped early (damaged gzip, read error)
    """

    def __init__(self, file: BinaryIO, size: int, *, owned: bool = True) -> None:
        self._file = file
        self._owned = owned
        self._size = size
        self._consumed = 0
        self._gzip: zlib._Decompress | None = None
        self._pending = b""
        self._gzip_open = False
        self.offset = 0
        self.fault = ""
        head = self._raw(2)
        while len(head) == 1 and (more := self._raw(1)):
            head += more
        self._head = head
        if head == _GZIP_MAGIC:
            self._start_gzip(head)

    @property
    def compressed(self) -> bool:
        """The stream is gzip."""
        return self._gzip is not None

    def progress(self) -> tuple[int, int]:
        """(octets of the file consumed, its size or 0 if unknown)."""
        return (self._consumed, self._size)

    def read(self, limit: int) -> bytes:
        """Up to `limit` octets; b"" at the end or after a fault. Never raises."""
        if self._gzip is not None:
            data = self._read_gzip(limit)
        elif self._head:
            data, self._head = self._head[:limit], self._head[limit:]
        else:
            data = self._raw(limit)
        self.offset += len(data)
        return data

    def close(self) -> None:
        """Close the file, unless it is standard input."""
        if self._owned:
            self._file.close()

    def _raw(self, limit: int) -> bytes:
        """Up to `limit` octets of the file itself (what a pipe has now, so that a live one is followed)."""
        try:
            read1 = getattr(self._file, "read1", None)
            data: bytes = read1(limit) if read1 is not None else self._file.read(limit)
        except (OSError, ValueError) as error:
            self.fault = f"the file cannot be read on: {error}"
            return b""
        self._consumed += len(data)
        return data

    def _start_gzip(self, pending: bytes) -> None:
        self._gzip = zlib.decompressobj(_GZIP_WBITS)
        self._pending = pending
        self._gzip_open = True

    def _read_gzip(self, limit: int) -> bytes:
        """Decompress until some octets come out. Members follow one another (RFC 1952 §2.2)."""
        while not self.fault and self._gzip is not None:
            if not self._gzip_open:
                if len(self._pending) < 2:
                    self._pending += self._raw(CHUNK)
                if self._pending[:2] != _GZIP_MAGIC:
                    return b""  # the end, or padding after the last member
                self._start_gzip(self._pending)
            if not self._pending:
                self._pending = self._raw(CHUNK)
                if not self._pending:
                    self.fault = self.fault or "the gzip stream ends in the middle"
                    return b""
            try:
                data = self._gzip.decompress(self._pending, limit)
            except zlib.error as error:
                self.fault = f"the gzip stream is corrupt ({error})"
                return b""
            if self._gzip.eof:
                self._pending = self._gzip.unused_data
                self._gzip_open = False
            else:
                self._pending = self._gzip.unconsumed_tail
            if data:
                return data
        return b""


def open_stream(path: str) -> ByteStream:
    """Open a file, or standard input for `-`. CaptureError says why not."""
    if path == "-":
        if sys.stdin is None or sys.stdin.closed:
            raise CaptureError("standard input is closed", file="standard input")
        if sys.stdin.isatty():
            raise CaptureError("a capture is expected on standard input, not a terminal", file="standard input")
        return ByteStream(sys.stdin.buffer, 0, owned=False)
    try:
        file = Path(path).open("rb")  # noqa: SIM115 (the stream owns it)
        size = Path(path).stat().st_size
    except FileNotFoundError:
        raise CaptureError("no such file", file=path) from None
    except IsADirectoryError:
        raise CaptureError("is a directory, not a capture", file=path) from None
    except (OSError, ValueError) as error:
        raise CaptureError(f"cannot be opened: {getattr(error, 'strerror', None) or error}", file=path) from None
    return ByteStream(file, size)
