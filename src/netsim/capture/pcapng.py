"""The pcapng file format: sections, interfaces, packet blocks, comments.

Source: the format's specification (draft-ietf-opsawg-pcapng).
"""

from __future__ import annotations

from struct import Struct
from typing import Final, Literal

from netsim.capture.bytestream import CHUNK, ByteStream
from netsim.capture.frames import (
    INBOUND,
    LINK_NONE,
    MAX_FRAME,
    MAX_INTERFACES,
    OUTBOUND,
    FrameBatch,
    Interface,
)
from netsim.capture.record import Damage

SECTION: Final = 0x0A0D0D0A
INTERFACE: Final = 1
OLD_PACKET: Final = 2
SIMPLE_PACKET: Final = 3
STATISTICS: Final = 5
ENHANCED_PACKET: Final = 6
JOURNAL: Final = 9
BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D

OPT_END: Final = 0
OPT_COMMENT: Final = 1
_EPB_FLAGS: Final = 2
_EPB_DROPS: Final = 4
_IF_NAME: Final = 2
_IF_TSRESOL: Final = 9
_IF_TSOFFSET: Final = 14
_ISB_IFDROP: Final = 5

_MAX_BLOCK: Final = MAX_FRAME + 65536
"""Longest block that is looked into; a longer one is skipped, or corruption if it must be looked into."""
_MAX_COMMENTS: Final = 64
_LOOKED_INTO: Final = (SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, ENHANCED_PACKET, STATISTICS)


class PcapngParser:
    """Takes a pcapng apart. `head` is what was read of the stream already (at least four octets)."""

    def __init__(self, stream: ByteStream, head: bytes) -> None:
        self.interfaces: list[Interface] = []
        self.damage: Damage | None = None
        self.drops_reported = 0
        self._stream = stream
        self._rest = head
        self._offset = 0
        """Offset in the stream of the first octet of `_rest`."""
        self._next = 1
        self._done = False
        self._skip = 0
        """Octets of a block too long to look into that are still to be passed over."""
        self._section_base = 0
        """Number of the section's first interface."""
        self._last_ns = 0
        self._statistics: dict[int, int] = {}
        self._set_order("<")
        self._at_start = True

    def _set_order(self, order: str) -> None:
        self._order = order
        self._two = Struct(order + "II")
        self._epb = Struct(order + "IIIIIII")
        self._pair = Struct(order + "HH")

    def read_batch(self) -> FrameBatch | None:
        """The frames of the next piece of the file; None at the end. `damage` tells of a bad block."""
        more = b""
        while not self._done:
            batch = FrameBatch(self._rest + more if self._rest else more, self._next)
            self._split(batch)
            if batch.spans:
                self._next += len(batch.spans)
                return batch
            if self._done:
                break
            more = self._stream.read(CHUNK)
            if not more:
                self._finish()
        return None

    def _fail(self, at: int, what: str) -> None:
        self.damage = Damage(self._offset + at, what, "corrupt")
        self._done = True

    def _split(self, batch: FrameBatch) -> None:
        """Walk over the blocks that lie whole in the batch's buffer; keep the rest for later."""
        buf = batch.buf
        size = len(buf)
        at = min(self._skip, size)
        self._skip -= at
        kind: int
        length: int
        while at + 12 <= size and not self._done:
            kind, length = self._two.unpack_from(buf, at)
            if kind == SECTION:
                if not self._read_order(buf, at):
                    break
                length = self._two.unpack_from(buf, at)[1]
            elif self._at_start:
                self._fail(at, "the file does not begin with a section header")
                break
            if length < 12 or length & 3:
                self._fail(at, f"a block claims a length of {length} octets: its header is corrupt")
                break
            if at + length > size:
                if length > _MAX_BLOCK:
                    if kind in _LOOKED_INTO:
                        self._fail(at, f"a block of type {kind} claims {length} octets: its header is corrupt")
                        break
                    if kind == JOURNAL:
                        batch.spans.append((self._last_ns, size, size, 0, LINK_NONE))
                    self._skip = length - (size - at)
                    at = size
                break
            if self._two.unpack_from(buf, at + length - 8)[1] != length:
                self._fail(at, "the two lengths of a block differ")
                break
            problem = self._block(batch, kind, at + 8, at + length - 4)
            if problem:
                self._fail(at, problem)
                break
            self._at_start = False
            at += length
        self._rest = buf[at:]
        self._offset += at

    def _block(self, batch: FrameBatch, kind: int, start: int, stop: int) -> str:
        """One whole block, body at [start, stop). Returns "" or what is wrong with it."""
        if kind == ENHANCED_PACKET:
            return self._enhanced(batch, start, stop)
        if kind == INTERFACE:
            return self._interface(batch.buf, start, stop)
        if kind == SIMPLE_PACKET:
            return self._simple(batch, start, stop)
        if kind == OLD_PACKET:
            return self._old(batch, start, stop)
        if kind == SECTION:
            return self._section(batch.buf, start, stop)
        if kind == STATISTICS:
            self._interface_statistics(batch.buf, start, stop)
        elif kind == JOURNAL:
            batch.spans.append((self._last_ns, start, start, 0, LINK_NONE))
        return ""

    # --- sections and interfaces -------------------------------------------------------

    def _read_order(self, buf: bytes, at: int) -> bool:
        magic = buf[at + 8 : at + 12]
        if magic == BYTE_ORDER_MAGIC.to_bytes(4, "little"):
            self._set_order("<")
        elif magic == BYTE_ORDER_MAGIC.to_bytes(4, "big"):
            self._set_order(">")
        else:
            self._fail(at, "a section header has no byte-order magic")
            return False
        return True

    def _section(self, buf: bytes, start: int, stop: int) -> str:
        if stop - start < 16:
            return "a section header is too short"
        major = self._pair.unpack_from(buf, start + 4)[0]
        if major != 1:
            return f"a section has format version {major}; only version 1 is known"
        self._section_base = len(self.interfaces)
        self._statistics.clear()
        return ""

    def _interface(self, buf: bytes, start: int, stop: int) -> str:
        if stop - start < 8:
            return "an interface description is too short"
        if len(self.interfaces) >= MAX_INTERFACES:
            return f"more than {MAX_INTERFACES} interfaces"
        linktype = self._pair.unpack_from(buf, start)[0]
        interface = Interface(linktype, int.from_bytes(buf[start + 4 : start + 8], self._endian()))
        at = start + 8
        while at + 4 <= stop:
            code, length = self._pair.unpack_from(buf, at)
            data = buf[at + 4 : min(at + 4 + length, stop)]
            if code == OPT_END:
                break
            if code == _IF_TSRESOL and length == 1 and data:
                exponent = data[0] & 0x7F
                interface.units = 2**exponent if data[0] & 0x80 else 10**exponent
            elif code == _IF_TSOFFSET and length == 8 and len(data) == 8:
                interface.offset_ns = int.from_bytes(data, self._endian(), signed=True) * 1_000_000_000
            elif code == _IF_NAME and len(data) <= 256:
                interface.name = data.rstrip(b"\0").decode("utf-8", "replace")
            at += 4 + (length + 3 & ~3)
        self.interfaces.append(interface)
        return ""

    def _endian(self) -> Literal["little", "big"]:
        return "little" if self._order == "<" else "big"

    def _interface_statistics(self, buf: bytes, start: int, stop: int) -> None:
        """Frames that the interface dropped for want of room: the last count of each interface is its total."""
        if stop - start < 12:
            return
        interface = int.from_bytes(buf[start : start + 4], self._endian())
        at = start + 12
        while at + 4 <= stop:
            code, length = self._pair.unpack_from(buf, at)
            if code == OPT_END:
                break
            if code == _ISB_IFDROP and length == 8 and at + 12 <= stop and interface < MAX_INTERFACES:
                drops = int.from_bytes(buf[at + 4 : at + 12], self._endian())
                self.drops_reported += max(0, drops - self._statistics.get(interface, 0))
                self._statistics[interface] = drops
            at += 4 + (length + 3 & ~3)

    # --- packets -------------------------------------------------------------------------

    def _time_ns(self, interface: Interface, high: int, low: int) -> int:
        ticks = high << 32 | low
        units = interface.units
        if units == 1_000_000:
            return ticks * 1000 + interface.offset_ns
        if units == 1_000_000_000:
            return ticks + interface.offset_ns
        return ticks * 1_000_000_000 // units + interface.offset_ns

    def _enhanced(self, batch: FrameBatch, start: int, stop: int, interface: int = -1) -> str:
        """A packet with its time and interface (that of the block, unless `interface` says another)."""
        if stop - start < 20:
            return "a packet block is too short"
        number: int
        high: int
        low: int
        captured: int
        wire: int
        _, _, number, high, low, captured, wire = self._epb.unpack_from(batch.buf, start - 8)
        if interface >= 0:
            number = interface
        number += self._section_base
        if number >= len(self.interfaces):
            return f"a packet names interface {number - self._section_base}, which is not described"
        data = start + 20
        if data + captured > stop or captured > MAX_FRAME:
            return f"a packet claims {captured} captured octets, more than its block holds"
        self._last_ns = self._time_ns(self.interfaces[number], high, low)
        options = data + (captured + 3 & ~3)
        if options + 4 <= stop:
            self._packet_options(batch, options, stop)
        batch.spans.append((self._last_ns, data, data + captured, wire, number))
        return ""

    def _old(self, batch: FrameBatch, start: int, stop: int) -> str:
        """The obsolete Packet Block (type 2): 16 bits of interface, then a count of drops, then as today's."""
        if stop - start < 20:
            return "a packet block is too short"
        number, drops = self._pair.unpack_from(batch.buf, start)
        problem = self._enhanced(batch, start, stop, number)
        if not problem and drops != 0xFFFF:
            self.drops_reported += drops
        return problem

    def _simple(self, batch: FrameBatch, start: int, stop: int) -> str:
        """A packet without a time (the previous frame's is given) on the section's first interface."""
        if stop - start < 4:
            return "a simple packet block is too short"
        if self._section_base >= len(self.interfaces):
            return "a packet stands before any interface description"
        wire = int.from_bytes(batch.buf[start : start + 4], self._endian())
        captured = min(wire, stop - start - 4)
        snaplen = self.interfaces[self._section_base].snaplen
        if snaplen:
            captured = min(captured, snaplen)
        captured = min(captured, MAX_FRAME)
        batch.spans.append((self._last_ns, start + 4, start + 4 + captured, wire, self._section_base))
        return ""

    def _packet_options(self, batch: FrameBatch, at: int, stop: int) -> None:
        """Comments, direction and drop count of a packet block; ill-formed options are passed over."""
        buf = batch.buf
        index = len(batch.spans)
        comments: list[str] = []
        while at + 4 <= stop:
            code, length = self._pair.unpack_from(buf, at)
            if code == OPT_END or at + 4 + length > stop:
                break
            data = buf[at + 4 : at + 4 + length]
            if code == OPT_COMMENT and len(comments) < _MAX_COMMENTS:
                comments.append(data.rstrip(b"\0").decode("utf-8", "replace"))
            elif code == _EPB_FLAGS and length == 4:
                direction = int.from_bytes(data, self._endian()) & 3
                if direction in (INBOUND, OUTBOUND):
                    batch.directions[index] = direction
            elif code == _EPB_DROPS and length == 8:
                self.drops_reported += int.from_bytes(data, self._endian())
            at += 4 + (length + 3 & ~3)
        if comments:
            batch.comments[index] = tuple(comments)

    def _finish(self) -> None:
        self._done = True
        if self._stream.fault:
            self.damage = Damage(self._offset, self._stream.fault, "corrupt")
        elif self._rest or self._skip:
            self.damage = Damage(self._offset, "the file ends in the middle of a block", "truncated")
