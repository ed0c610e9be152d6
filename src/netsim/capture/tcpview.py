"""The fast way from a capture file to TCP records, for the checker.

`TcpDecoder` turns batches of frames into `TcpRecord`s, `TcpCapture` puts a reader before it.
The common frame (Ethernet, IPv4 without options, TCP with no options or only timestamps) is
taken apart by one unpacking; every other goes through `unwrap.Unwrapper`. A test holds the
two ways to the same result.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from netsim.base.packet import ABSENT, OPT_MSS, OPT_NOP, OPT_SACK_OK, OPT_TS, SYN
from netsim.capture.frames import INBOUND, LINK_ETHERNET, LINK_NONE, OUTBOUND, FrameBatch, Interface
from netsim.capture.reader import CaptureReader
from netsim.capture.record import (
    NOTE_BAD_OFFSET,
    NOTE_CUT,
    NOTE_INBOUND,
    NOTE_OUTBOUND,
    NOTE_RESERVED,
    IcmpRecord,
    TcpRecord,
)
from netsim.capture.source import TcpSource
from netsim.capture.unwrap import FOUND, ICMP, Unwrapper
from netsim.wire.icmp import is_error, next_hop_mtu
from netsim.wire.options import TcpOptions, decode_options

_ETHERNET_IPV4_TCP: Final = Struct(">HBBHHHBB14xIIHHHHIII")
"""From the Ethernet type on: 2 + 20 (IPv4) + 20 (TCP) + 12 (the usual timestamps option)."""
_TCP: Final = Struct(">4xIIHHHH")
_IPV6_TCP: Final = Struct(">IHBB36xIIHHHHIII")
"""40 octets of IPv6 without extension headers, 20 of TCP, 12 of options."""
_NOP_NOP_TS: Final = 0x0101080A
_NOTHING_FRAGMENTED: Final = 0x3FFF
_FLAGS: Final = 0x1FF
_RESERVED: Final = 0x0E00
_MANY_LISTS: Final = 1000


def _only_timestamps() -> TcpOptions:
    options = TcpOptions()
    options.layout = bytes((OPT_NOP, OPT_NOP, OPT_TS))
    return options


NO_OPTIONS: Final = TcpOptions()
"""Shared by every record without options."""
ONLY_TIMESTAMPS: Final = _only_timestamps()
"""Shared by every record whose options are NOP, NOP, timestamps; the values are in the record."""


class TcpDecoder:
    """Frames to TCP records, with counts of everything else. Counters as in `TcpSource`."""

    def __init__(self, *, fast: bool = True) -> None:
        self.tcp_frames = 0
        self.skipped: dict[str, int] = {}
        self.cut_frames = 0
        self.unwrapper = Unwrapper()
        self.icmp: list[IcmpRecord] = []
        self._fast = fast
        self._known: dict[bytes, TcpOptions] = {}
        self._ts_val = ABSENT
        self._ts_ecr = ABSENT

    def decode(self, batch: FrameBatch, interfaces: list[Interface]) -> list[TcpRecord]:
        """The TCP records of a batch, in order; possibly none."""
        records: list[TcpRecord] = []
        buf = batch.buf
        unpack_from = _ETHERNET_IPV4_TCP.unpack_from
        limit = len(buf) - 66 if self._fast else -1
        directions = batch.directions
        frame = batch.first - 1
        # Declared, they are machine integers where this is compiled.
        ethertype: int
        version: int
        tos: int
        total: int
        ip_id: int
        fragment: int
        ttl: int
        protocol: int
        seq: int
        ack: int
        offset: int
        wnd: int
        csum: int
        urg: int
        option: int
        ts_val: int
        ts_ecr: int
        for t_ns, start, stop, wire, number in batch.spans:
            frame += 1
            if stop - start < wire:
                self.cut_frames += 1
            if start <= limit and number >= 0 and interfaces[number].linktype == LINK_ETHERNET:
                (
                    ethertype, version, tos, total, ip_id, fragment, ttl, protocol,
                    seq, ack, offset, wnd, csum, urg, option, ts_val, ts_ecr,
                ) = unpack_from(buf, start + 12)  # fmt: skip
                end = start + 14 + total
                if (
                    ethertype == 0x0800 and version == 0x45 and protocol == 6
                    and fragment & _NOTHING_FRAGMENTED == 0 and total >= 40 and end - start <= wire
                ):  # fmt: skip
                    notes = 0
                    if end > stop:
                        notes = NOTE_CUT
                        end = stop
                    header = offset >> 12 << 2
                    if header == 20 and end - start >= 54:
                        options = NO_OPTIONS
                        ts_val = ts_ecr = ABSENT
                    elif header == 32 and option == _NOP_NOP_TS and end - start >= 66:
                        options = ONLY_TIMESTAMPS
                    elif 20 < header <= total - 20 and start + 34 + header <= end:
                        if offset & SYN:
                            options = self._of_syn(buf, start + 54, start + 34 + header)
                            ts_val = self._ts_val
                            ts_ecr = self._ts_ecr
                        else:
                            options = decode_options(buf, start + 54, start + 34 + header)
                            ts_val = options.ts_val
                            ts_ecr = options.ts_ecr
                    else:
                        header = 0
                    if header:
                        if offset & _RESERVED:
                            notes |= NOTE_RESERVED
                        if directions:
                            notes |= _direction_note(directions.get(frame - batch.first, 0))
                        payload = total - 20 - header
                        if payload >= 0:
                            records.append(
                                TcpRecord(
                                    frame, t_ns, number, buf[start + 26 : start + 38], seq, ack, offset & _FLAGS, wnd,
                                    payload, ts_val, ts_ecr, options, ip_id, ttl, tos, fragment & 0x4000 != 0,
                                    csum, urg, header, notes, buf, start + 34, end,
                                )
                            )  # fmt: skip
                            continue
                elif ethertype == 0x86DD and start + 86 <= len(buf):
                    record = _plain_ipv6(batch, frame)
                    if record is not None:
                        records.append(record)
                        continue
            direction = directions.get(frame - batch.first, 0) if directions else 0
            record = self._slow(batch, frame, direction, interfaces)
            if record is not None:
                records.append(record)
        self.tcp_frames += len(records)
        return records

    def _of_syn(self, buf: bytes, start: int, stop: int) -> TcpOptions:
        """The options of a SYN, shared by all alike but for their timestamps: those go to `_ts_val`, `_ts_ecr`."""
        at = _stamps_at(buf, start, stop)
        key = buf[start:at] + buf[at + 8 : stop] if at < stop else buf[start:stop]
        options = self._known.get(key)
        if options is None:
            options = decode_options(buf, start, stop)
            if len(self._known) < _MANY_LISTS:
                self._known[key] = options
        if at < stop:
            self._ts_val = int.from_bytes(buf[at : at + 4], "big")
            self._ts_ecr = int.from_bytes(buf[at + 4 : at + 8], "big")
        else:
            self._ts_val = options.ts_val
            self._ts_ecr = options.ts_ecr
        return options

    def _slow(self, batch: FrameBatch, frame: int, direction: int, interfaces: list[Interface]) -> TcpRecord | None:
        """Any frame at all, through every encapsulation."""
        t_ns, start, stop, wire, number = batch.spans[frame - batch.first]
        if number < 0:
            self._skip("not-a-packet")
            return None
        unwrapper = self.unwrapper
        linktype = interfaces[number].linktype if number >= 0 else LINK_NONE
        answer = unwrapper.find(batch.buf, start, stop, wire, linktype, t_ns, direction)
        if answer == FOUND:
            return _build(unwrapper, frame, t_ns, number)
        self._skip(answer)
        if answer == ICMP:
            self._icmp(frame, t_ns, number)
        return None

    def _skip(self, reason: str) -> None:
        self.skipped[reason] = self.skipped.get(reason, 0) + 1

    def take_icmp(self) -> list[IcmpRecord]:
        """ICMP errors about TCP met since the last call, in order."""
        errors = self.icmp
        if errors:
            self.icmp = []
        return errors

    def _icmp(self, frame: int, t_ns: int, interface: int) -> None:
        """Note an ICMP error that quotes TCP; everything else about ICMP is of no interest here."""
        view = self.unwrapper
        buf, at = view.buf, view.at
        if at + 8 > view.stop or not is_error(view.version, buf[at]):
            return
        quoted = Unwrapper()
        size = view.stop - at - 8
        # The quotation is cut by its nature: give it the length of the frame that it once was.
        linktype = 228 if view.version == 4 else 229
        if quoted.find(buf, at + 8, view.stop, max(size, 65535), linktype, t_ns, 0) not in (FOUND, "truncated"):
            return
        tcp = quoted.at
        if quoted.protocol != 6 or tcp + 8 > view.stop:
            return
        half = len(view.addresses) // 2
        mtu = next_hop_mtu(view.version, buf[at], buf[at + 1], buf[at + 4 : at + 8])
        key = quoted.addresses + quoted.buf[tcp : tcp + 4]
        seq = int.from_bytes(quoted.buf[tcp + 4 : tcp + 8], "big")
        self.icmp.append(
            IcmpRecord(frame, t_ns, interface, view.addresses[:half], view.version, buf[at], buf[at + 1], mtu, key, seq)
        )


def _stamps_at(buf: bytes, start: int, stop: int) -> int:
    """Where the two numbers of the timestamps option begin in the usual lists of SYNs; `stop` in any other."""
    if stop - start < 16 or buf[start] != OPT_MSS or buf[start + 1] != 4:
        return stop
    kind = buf[start + 4]
    if kind == OPT_SACK_OK:
        # Linux: MSS, SACK permitted, timestamps...
        return start + 8 if buf[start + 5 : start + 8] == b"\x02\x08\x0a" else stop
    if kind != OPT_NOP or stop - start < 20 or buf[start + 5 : start + 7] != b"\x03\x03":
        return stop
    # macOS and FreeBSD: MSS, NOP, window scale, ...
    found = buf[start + 8 : start + 12] in (b"\x01\x01\x08\x0a", b"\x04\x02\x08\x0a")
    return start + 12 if found else stop


def _direction_note(direction: int) -> int:
    return NOTE_OUTBOUND if direction == OUTBOUND else NOTE_INBOUND if direction == INBOUND else 0


def _plain_ipv6(batch: FrameBatch, frame: int) -> TcpRecord | None:
    """The record of an Ethernet frame with IPv6 and TCP, whole and without extension headers; None for another."""
    index = frame - batch.first
    t_ns, start, stop, wire, number = batch.spans[index]
    buf = batch.buf
    first: int
    length: int
    protocol: int
    ttl: int
    seq: int
    ack: int
    offset: int
    wnd: int
    csum: int
    urg: int
    option: int
    ts_val: int
    ts_ecr: int
    (
        first, length, protocol, ttl, seq, ack, offset, wnd, csum, urg, option, ts_val, ts_ecr,
    ) = _IPV6_TCP.unpack_from(buf, start + 14)  # fmt: skip
    end = start + 54 + length
    header = offset >> 12 << 2
    payload = length - header
    if protocol != 6 or first >> 28 != 6 or end > stop or end - start > wire or header < 20 or payload < 0:
        return None
    if header == 20:
        options = NO_OPTIONS
        ts_val = ts_ecr = ABSENT
    elif header == 32 and option == _NOP_NOP_TS:
        options = ONLY_TIMESTAMPS
    else:
        options = decode_options(buf, start + 74, start + 54 + header)
        ts_val, ts_ecr = options.ts_val, options.ts_ecr
    notes = _direction_note(batch.directions.get(index, 0)) if batch.directions else 0
    if offset & _RESERVED:
        notes |= NOTE_RESERVED
    return TcpRecord(
        frame, t_ns, number, buf[start + 22 : start + 58], seq, ack, offset & _FLAGS, wnd,
        payload, ts_val, ts_ecr, options, -1, ttl, first >> 20 & 0xFF, True,
        csum, urg, header, notes, buf, start + 54, end,
    )  # fmt: skip


def _build(view: Unwrapper, frame: int, t_ns: int, interface: int) -> TcpRecord:
    """The record of the TCP header that the unwrapper found (20 octets of it are there)."""
    buf, at, stop = view.buf, view.at, view.stop
    seq, ack, offset, wnd, csum, urg = _TCP.unpack_from(buf, at)
    header = offset >> 12 << 2
    notes = view.notes
    if offset & _RESERVED:
        notes |= NOTE_RESERVED
    options = NO_OPTIONS
    payload = view.length - header
    if header < 20 or payload < 0:
        notes |= NOTE_BAD_OFFSET
        header = 20
        payload = 0
    elif header > 20:
        if header == 32 and at + 32 <= stop and buf[at + 20 : at + 24] == b"\x01\x01\x08\x0a":
            options = ONLY_TIMESTAMPS
        else:
            options = decode_options(buf, at + 20, min(at + header, stop), at + header)
    ts_val, ts_ecr = options.ts_val, options.ts_ecr
    if options is ONLY_TIMESTAMPS:
        ts_val = int.from_bytes(buf[at + 24 : at + 28], "big")
        ts_ecr = int.from_bytes(buf[at + 28 : at + 32], "big")
    return TcpRecord(
        frame, t_ns, interface, view.addresses + buf[at : at + 4], seq, ack, offset & _FLAGS, wnd,
        payload, ts_val, ts_ecr, options, view.ip_id, view.ttl, view.tos, view.df,
        csum, urg, header, notes, buf, at, stop,
    )  # fmt: skip


class TcpCapture(TcpSource):
    """A capture file as a source of TCP records. See `TcpSource` for the counters."""

    def __init__(self, reader: CaptureReader, *, fast: bool = True) -> None:
        super().__init__()
        self.reader = reader
        self._decoder = TcpDecoder(fast=fast)
        self.skipped = self._decoder.skipped

    def read_batch(self) -> list[TcpRecord]:
        """The next records, at least one; [] at the end. Never raises on any content of the file."""
        reader, decoder = self.reader, self._decoder
        while True:
            batch = reader.read_batch()
            if batch is None:
                self.damage = reader.damage
                return []
            records = decoder.decode(batch, reader.interfaces)
            if self.first_ns < 0:
                self.first_ns = batch.spans[0][0]
            self.last_ns = batch.spans[-1][0]
            self.frames = reader.frames
            self.tcp_frames = decoder.tcp_frames
            self.cut_frames = decoder.cut_frames
            self.reassembled = decoder.unwrapper.reassembled
            if records:
                return records

    def take_icmp(self) -> list[IcmpRecord]:
        """ICMP errors about TCP met since the last call, in order."""
        return self._decoder.take_icmp()

    @property
    def drops_reported(self) -> int:
        """Packets that the capturing system itself says it lost (pcapng only)."""
        return self.reader.drops_reported

    @property
    def progress(self) -> tuple[int, int]:
        """(octets of the file consumed, its size or 0 if unknown)."""
        return self.reader.progress

    def close(self) -> None:
        """Close the file."""
        self.reader.close()


def open_tcp(path: str) -> TcpCapture:
    """Open a capture ("-" is standard input) for its TCP. CaptureError if it is none."""
    return TcpCapture(CaptureReader(path))
