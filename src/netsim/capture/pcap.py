"""The classic pcap file format: micro- and nanoseconds, both byte orders.

Source: the format's specification (draft-ietf-opsawg-pcap describes what libpcap has
written since 1998). The "modified" variant of some old kernels has longer record headers.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from netsim.capture.bytestream import CHUNK, ByteStream
from netsim.capture.frames import MAX_FRAME, FrameBatch, Interface
from netsim.capture.record import Damage

_MICRO: Final = 0xA1B2C3D4
_NANO: Final = 0xA1B23C4D
_MODIFIED: Final = 0xA1B2CD34
FILE_HEADER: Final = 24


def pcap_order(magic: bytes) -> str:
    """Byte order of a pcap by its first four octets: "<", ">" or "" if it is no pcap."""
    for order, name in (("<", "little"), (">", "big")):
        number = int.from_bytes(magic, "little" if name == "little" else "big")
        if number in (_MICRO, _NANO, _MODIFIED):
            return order
    return ""


class PcapParser:
    """Takes a pcap apart. `header` is the file's first 24 octets."""

    def __init__(self, stream: ByteStream, header: bytes) -> None:
        order = pcap_order(header[:4])
        fields = Struct(order + "IHHiIII").unpack(header)
        magic = int(fields[0])
        self.nanoseconds = magic == _NANO
        self.interfaces = [Interface(int(fields[6]) & 0x03FFFFFF, int(fields[5]), 10**9 if self.nanoseconds else 10**6)]
        self.damage: Damage | None = None
        self.drops_reported = 0
        self._stream = stream
        self._struct = Struct(order + "IIII")
        self._extra = 8 if magic == _MODIFIED else 0
        self._rest = b""
        self._offset = FILE_HEADER
        """Offset in the stream of the first octet of `_rest`."""
        self._next = 1
        self._done = False

    def read_batch(self) -> FrameBatch | None:
        """The frames of the next piece of the file; None at the end. `damage` tells of a bad one."""
        while not self._done:
            more = self._stream.read(CHUNK)
            if not more:
                self._finish()
                return None
            batch = FrameBatch(self._rest + more if self._rest else more, self._next)
            self._split(batch)
            if batch.spans:
                self._next += len(batch.spans)
                return batch
        return None

    def _split(self, batch: FrameBatch) -> None:
        """Find the frames that lie whole in the batch's buffer; keep the rest for later."""
        buf = batch.buf
        spans = batch.spans
        unpack_from = self._struct.unpack_from
        tick = 1 if self.nanoseconds else 1000
        header = 16 + self._extra
        size = len(buf)
        at = 0
        seconds: int
        fraction: int
        captured: int
        wire: int
        while at + header <= size:
            seconds, fraction, captured, wire = unpack_from(buf, at)
            start = at + header
            stop = start + captured
            if stop > size:
                if captured > MAX_FRAME:
                    what = f"a frame claims {captured} captured octets: the record header is corrupt"
                    self.damage = Damage(self._offset + at, what, "corrupt")
                    self._done = True
                break
            spans.append((seconds * 1_000_000_000 + fraction * tick, start, stop, wire, 0))
            at = stop
        self._rest = buf[at:]
        self._offset += at

    def _finish(self) -> None:
        self._done = True
        if self._stream.fault:
            self.damage = Damage(self._offset, self._stream.fault, "corrupt")
        elif self._rest:
            part = "record header" if len(self._rest) < 16 + self._extra else "frame"
            self.damage = Damage(self._offset, f"the file ends in the middle of a {part}", "truncated")
