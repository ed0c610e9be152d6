"""A TCP peer that does what its script says, right or wrong, in place of one of the two kernels."""

from __future__ import annotations

import queue
import struct
import time
from typing import Any

from . import wire
from .agent import pattern
from .lab import ADDRESS, PORT, TAG, Lab
from .link import OTHER

NOP, EOL = b"\1", b"\0"
SACK_OK = b"\4\2"
BITS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "E": 64, "C": 128}
MODULUS = 2**32


def mss(value: int) -> bytes:
    """The MSS option."""
    return struct.pack("!BBH", 2, 4, value)


def scale(shift: int) -> bytes:
    """The window scale option."""
    return struct.pack("!BBB", 3, 3, shift)


def timestamps(value: int, echo: int) -> bytes:
    """The timestamps option."""
    return struct.pack("!BBII", 8, 10, value % MODULUS, echo % MODULUS)


def padded(options: bytes) -> bytes:
    """Options filled up with NOPs in front to a multiple of four."""
    return NOP * (-len(options) % 4) + options


class Peer:
    """One scripted end of one connection.

    Sequence numbers given to it and kept by it are relative: 0 is the SYN, 1 the first byte. It never sends anything
    that the script did not order, and takes every packet of the kernel in the order of arrival.
    """

    def __init__(self, lab: Lab, *, isn: int = 1_000_000, port: int | None = None) -> None:
        assert lab.script is not None
        assert lab.script_port is not None
        self.lab, self.side = lab, lab.script
        self.out = lab.script_port
        self.address, self.remote = ADDRESS[self.side][lab.family], ADDRESS[OTHER[self.side]][lab.family]
        self.port = port or (PORT if self.side == "server" else 41_000)
        self.remote_port = PORT if self.side == "client" else 0
        self.isn, self.remote_isn = isn, 0
        self.nxt, self.rcv_nxt = 0, 0
        self.ident = 1
        self.use_timestamps = False
        self.ts_base, self.ts_recent, self.last_ack = 500_000, 0, 0
        self.window = 65_535
        self.tos = 0
        self._began = time.monotonic()

    # --- sending --------------------------------------------------------------------------------------------

    def ts_now(self) -> int:
        """The peer's timestamp clock: milliseconds."""
        return self.ts_base + int((time.monotonic() - self._began) * 1000)

    def sack(self, *blocks: tuple[int, int]) -> bytes:
        """A SACK option of blocks in the kernel's relative numbers."""
        body = b"".join(struct.pack("!II", *((self.remote_isn + n) % MODULUS for n in block)) for block in blocks)
        return struct.pack("!BB", 5, 2 + len(body)) + body

    def send(
        self,
        flags: str = "A",
        data: int | bytes = 0,
        *,
        seq: int | None = None,
        ack: int | None = None,
        window: int | None = None,
        options: bytes = b"",
        plain: bool = False,
        wrong: tuple[str, str, str] | None = None,
        near: bool = False,
        nowhere: bool = False,
        **fields: Any,
    ) -> int:
        """Send one segment.

        Args:
            flags: letters of FSRPAUEC
            data: so many bytes of the numbered stream, or these bytes
            seq: relative; None continues, and moves on what comes next
            ack: relative; None acknowledges all that came in order
            window: as in the header; None the usual one
            options: besides the timestamps, which are added once negotiated unless ``plain``
            plain: leave the timestamps out
            wrong: (kind, words, citation) when this segment breaks a rule
            near: only a tap at this side can know that it does
            nowhere: no single tap can know that it does
            fields: more fields of :class:`traces.make.wire.Segment`

        Returns:
            The relative sequence number behind the segment.

        """
        start = self.nxt if seq is None else seq
        payload = pattern(TAG[self.side], start - 1, data) if isinstance(data, int) and data else data or b""
        assert isinstance(payload, bytes)
        if self.use_timestamps and not plain:
            options = NOP * 2 + timestamps(self.ts_now(), self.ts_recent) + options
        fields.setdefault("tos", self.tos)
        fields.setdefault("ident", self.ident)
        self.ident += 1
        segment = wire.Segment(
            seq=(self.isn + start) % MODULUS,
            ack=(self.remote_isn + (self.rcv_nxt if ack is None else ack)) % MODULUS if "A" in flags else 0,
            flags=sum(BITS[letter] for letter in flags),
            window=self.window if window is None else window,
            options=padded(options),
            payload=payload,
            **fields,
        )
        if "A" in flags:
            self.last_ack = self.rcv_nxt if ack is None else ack
        end = start + len(payload) + ("S" in flags) + ("F" in flags)
        if seq is None:
            self.nxt = end
        self.lab.script_sent += 1
        if wrong is not None:
            kind, words, cite = wrong
            seen_from = [] if nowhere else [self.side] if near else ["client", "server"]
            where = {"frame": self.lab.script_sent, "side": self.side, "seen_from": seen_from}
            self.lab.violations.append({**where, "kind": kind, "what": words, "cite": cite})
        self.out.emit(wire.packet_bytes(segment, self.address, self.port, self.remote, self.remote_port))
        return end

    # --- receiving ------------------------------------------------------------------------------------------

    def recv(self, timeout_s: float = 10.0) -> wire.Packet:
        """The kernel's next TCP segment, taken into account.

        Raises:
            TimeoutError: none came.

        """
        while True:
            try:
                packet = wire.parse(self.out.inbox.get(timeout=timeout_s))
            except queue.Empty:
                raise TimeoutError("the scripted peer waits in vain") from None
            if packet.is_tcp and packet.dport == self.port:
                self._take(packet)
                return packet

    def _take(self, packet: wire.Packet) -> None:
        if packet.flags & wire.SYN:
            self.remote_isn, self.remote_port, self.rcv_nxt = packet.seq, packet.sport, 1
        options = parse_options(packet.options)
        rel = self.rel(packet)
        if 8 in options and rel <= self.last_ack:
            self.ts_recent = struct.unpack("!I", options[8][:4])[0]
        if rel == self.rcv_nxt:
            self.rcv_nxt += packet.seq_len - bool(packet.flags & wire.SYN)

    def rel(self, packet: wire.Packet) -> int:
        """The packet's sequence number relative to the kernel's ISN."""
        return (packet.seq - self.remote_isn) % MODULUS

    def rel_ack(self, packet: wire.Packet) -> int:
        """The packet's acknowledgement relative to this peer's ISN."""
        return (packet.ack - self.isn) % MODULUS

    def wait(self, flags: int = 0, timeout_s: float = 10.0) -> wire.Packet:
        """The next segment that has all these flag bits; others are taken and passed over."""
        while True:
            packet = self.recv(timeout_s)
            if packet.flags & flags == flags:
                return packet

    def wait_data(self, upto: int, *, acking: bool = False, timeout_s: float = 10.0) -> None:
        """Take segments until all data below relative ``upto`` have come in order."""
        while self.rcv_nxt < upto:
            before = self.rcv_nxt
            self.recv(timeout_s)
            if acking and self.rcv_nxt != before:
                self.send()

    def wait_ack(self, upto: int, timeout_s: float = 10.0) -> wire.Packet:
        """Take segments until the kernel has acknowledged up to relative ``upto``."""
        while True:
            packet = self.recv(timeout_s)
            if packet.flags & wire.ACK and self.rel_ack(packet) >= upto:
                return packet

    def drain(self, seconds: float) -> list[wire.Packet]:
        """Take whatever comes for so long."""
        found, deadline = [], time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                found.append(self.recv(left))
            except TimeoutError:
                break
        return found

    # --- the usual moves ------------------------------------------------------------------------------------

    def offer(self, packet: wire.Packet | None = None) -> bytes:
        """Options for a SYN, or for a SYN-ACK: of MSS, SACK and timestamps those that ``packet`` offered."""
        theirs = {2, 4, 8} if packet is None else set(parse_options(packet.options))
        options = mss(1460)
        if 4 in theirs:
            options += SACK_OK
        if 8 in theirs:
            options += timestamps(self.ts_now(), self.ts_recent)
        return options

    def accept(self, options: bytes | None = None, **fields: Any) -> wire.Packet:
        """Passive open: answer the kernel's SYN, wait for its ACK."""
        packet = self.wait(wire.SYN)
        theirs = parse_options(packet.options)
        chosen = self.offer(packet) if options is None else options
        self.send(fields.pop("flags", "SA"), options=chosen, **fields)
        self.use_timestamps = 8 in theirs and 8 in parse_options(chosen)
        self.wait(wire.ACK)
        return packet

    def open(self, options: bytes | None = None, **fields: Any) -> wire.Packet:
        """Active open: SYN, wait for the kernel's SYN-ACK, ACK."""
        chosen = self.offer() if options is None else options
        self.send(fields.pop("flags", "S"), options=chosen, **fields)
        packet = self.wait(wire.SYN | wire.ACK)
        self.use_timestamps = 8 in parse_options(packet.options)
        self.send()
        return packet

    def close_second(self) -> None:
        """The kernel has closed or will: take its FIN, send ours with the ACK, wait for the last ACK."""
        while not self.wait(wire.FIN).flags & wire.FIN:
            pass
        self.send("FA")
        self.wait_ack(self.nxt)

    def close_first(self) -> None:
        """Send FIN, take the kernel's, acknowledge it."""
        self.send("FA")
        self.wait(wire.FIN)
        self.send()


def parse_options(raw: bytes) -> dict[int, bytes]:
    """Option kinds and their bodies."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(raw) and raw[at] != 0:
        if raw[at] == 1:
            at += 1
            continue
        if at + 1 >= len(raw) or raw[at + 1] < 2:
            break
        found[raw[at]] = raw[at + 2 : at + raw[at + 1]]
        at += raw[at + 1]
    return found
