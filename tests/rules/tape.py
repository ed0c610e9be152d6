"""A small vocabulary that fabricates captures: what a tap between two ends would have recorded.

    tape = Tape()
    tape.handshake()
    tape.client(1000)              # the client sends 1000 bytes, in order
    tape.server(ack=1001)          # the server acknowledges them
    assert tape.codes() == []

Numbers are relative to the ISNs, times in milliseconds since the last packet. Whatever is not
said is what a conforming end would do: the next sequence number, the latest acknowledgement
number, counting IP identifications, a running timestamp clock.
"""

from __future__ import annotations

import struct

from netsim.base.packet import ACK, ECE, FIN, PSH, RST, SYN, URG
from netsim.capture.record import NOTE_BAD_OFFSET, NOTE_RESERVED, TcpRecord, make_key, reverse_key
from netsim.check.engine import Checker, Report
from netsim.check.flow import VANTAGE_NAMES
from netsim.check.rules import RULES
from netsim.wire.checksum import PROTO_TCP, ones_sum, pseudo_sum
from netsim.wire.options import TcpOptions, decode_options

LETTERS = {"S": SYN, "A": ACK, "F": FIN, "R": RST, "P": PSH, "U": URG, "E": ECE, "C": 0x80}
MS = 1_000_000
MASK = 0xFFFFFFFF


def opt(kind: int, data: bytes = b"") -> bytes:
    """One option."""
    return bytes((kind, len(data) + 2)) + data


def mss(size: int) -> bytes:
    return opt(2, struct.pack(">H", size))


def ws(shift: int) -> bytes:
    return opt(3, bytes((shift,)))


SACK_OK = opt(4)


class End:
    """What one end would do next by itself."""

    def __init__(self, iss: int, key: bytes) -> None:
        self.iss = iss
        self.key = key
        self.nxt = 0
        self.got = 0
        self.ip_id = 100
        self.wnd = 1000
        self.ts = iss & 0xFFFF
        self.ts_recent = 0


class Tape:
    """Records packets; `codes()` checks them."""

    def __init__(self, *, stamps: bool = True, wrap: bool = False, version: int = 4) -> None:
        a, b = ("10.0.0.1", "10.0.0.2") if version == 4 else ("2001:db8::1", "2001:db8::2")
        key = make_key(a, 40000, b, 80)
        self.ends = (End(0xFFFFFF9C if wrap else 1000, key), End(5000, reverse_key(key)))
        self.stamps = stamps
        self.version = version
        self.t_ns = 1_700_000_000_000_000_000
        self.records: list[TcpRecord] = []

    def ports(self, sport: int) -> None:
        """From now on another connection, with this client port."""
        old = self.ends[0].key
        key = old[:-4] + sport.to_bytes(2, "big") + old[-2:]
        self.ends = (End(1000, key), End(5000, reverse_key(key)))

    def send(
        self, who: int, size: int = 0, *, flags: str = "A", seq: int | None = None, ack: int | None = None,
        wnd: int | None = None, after: float = 0.1, options: bytes | None = None,
        sack: tuple[tuple[int, int], ...] = (), ts: tuple[int, int] | None = None, ip_id: int | None = None,
        tos: int = 0, urg: int = 0, data: bytes = b"",
        reserved: int = 0, extra: bytes = b"", damaged: bool = False, offset: int = 0,
    ) -> int:  # fmt: skip
        """One packet from client (0) or server (1); its frame number.

        damaged: its checksum is wrong; offset: its data offset says so many words (and the checksum is right).
        """
        end, other = self.ends[who], self.ends[1 - who]
        self.t_ns += round(after * MS)
        bits = sum(LETTERS[letter] for letter in flags)
        seq = end.nxt if seq is None else seq
        ack = end.got if ack is None else ack
        payload = data or bytes((seq + i) & 0xFF for i in range(size))
        stamp = (self.t_ns // MS + end.ts) & MASK
        if options is None:
            options = b""
            if self.stamps and not bits & RST:
                value, echo = ts if ts is not None else (stamp, end.ts_recent)
                end.last_ts = value
                options = b"\x01\x01" + opt(8, struct.pack(">II", value & MASK, echo & MASK))
                if bits & ACK:
                    other.ts_recent = value
                elif bits & SYN:
                    other.ts_recent = value
        options += extra
        if sack:
            blocks = b"".join(struct.pack(">II", (a + other.iss) & MASK, (b + other.iss) & MASK) for a, b in sack)
            options += b"\x01\x01" + opt(5, blocks)
        options += b"\x00" * (-len(options) % 4)
        wire_ack = (ack + other.iss) & MASK if bits & ACK else (0 if not ack or not bits & SYN else ack)
        return self._put(
            end, bits, seq, wire_ack, end.wnd if wnd is None else wnd, options, payload, ip_id, tos, urg, reserved,
            damaged, offset,
        )  # fmt: skip

    def _put(
        self, end: End, bits: int, seq: int, wire_ack: int, wnd: int, options: bytes, payload: bytes,
        ip_id: int | None, tos: int, urg: int, reserved: int, damaged: bool, words: int,
    ) -> int:  # fmt: skip
        header_len = 20 + len(options)
        wire_seq = (seq + end.iss) & MASK
        sport, dport = end.key[-4:-2], end.key[-2:]
        offset = (words or header_len // 4) << 4 | reserved
        head = sport + dport + struct.pack(">IIBBHHH", wire_seq, wire_ack, offset, bits & 0xFF, wnd, 0, urg)
        segment = bytearray(head + options + payload)
        half = (len(end.key) - 4) // 2
        pseudo = pseudo_sum(end.key[:half], end.key[half : 2 * half], PROTO_TCP, len(segment))
        csum = (~ones_sum(bytes(segment), pseudo) & 0xFFFF) ^ (0x0101 if damaged else 0)
        segment[16:18] = csum.to_bytes(2, "big")
        decoded = decode_options(bytes(segment), 20, header_len)
        if ip_id is None:
            ip_id = end.ip_id & 0xFFFF
        end.ip_id = ip_id + 1
        if self.version == 6:
            ip_id = -1
        frame = len(self.records) + 1
        size = len(payload)
        notes = NOTE_RESERVED if reserved else 0
        if words:
            # As the reader gives it: no options and no payload can be told from the rest.
            decoded, size, header_len, notes = TcpOptions(), 0, 20, NOTE_BAD_OFFSET
        self.records.append(
            TcpRecord(
                frame, self.t_ns, 0, end.key, wire_seq, wire_ack, bits, wnd, size, decoded.ts_val,
                decoded.ts_ecr, decoded, ip_id, 64, tos, True, csum, urg, header_len, notes, bytes(segment), 0,
                len(segment),
            )
        )  # fmt: skip
        top = seq + len(payload) + (bits & SYN) // SYN + (bits & FIN)
        if not bits & RST:
            end.nxt = max(end.nxt, top)
            other = self.ends[1] if end is self.ends[0] else self.ends[0]
            if seq <= other.got and not damaged and not words:
                other.got = max(other.got, top)
        return frame

    def client(self, size: int = 0, **more: object) -> int:
        """A packet from the client."""
        return self.send(0, size, **more)  # type: ignore[arg-type]

    def server(self, size: int = 0, **more: object) -> int:
        """A packet from the server."""
        return self.send(1, size, **more)  # type: ignore[arg-type]

    def syn_options(self, who: int, *parts: bytes) -> bytes:
        """The usual options of a SYN, or these; with timestamps if the tape has them."""
        options = b"".join(parts) if parts else mss(1460) + SACK_OK + b"\x01" + ws(7)
        if parts and not any(part[:1] == b"\x03" for part in parts):
            # Without scaling a window is what its field says.
            self.ends[0].wnd = self.ends[1].wnd = 60_000
        if self.stamps:
            end = self.ends[who]
            stamp = (self.t_ns // MS + end.ts) & MASK
            self.ends[1 - who].ts_recent = stamp
            options += b"\x01\x01" + opt(8, struct.pack(">II", stamp, end.ts_recent))
        return options

    def syn(self, *parts: bytes, **more: object) -> int:
        """The client's SYN."""
        return self.client(flags=str(more.pop("flags", "S")), options=self.syn_options(0, *parts), wnd=60000, **more)

    def syn_ack(self, *parts: bytes, after: float = 20.0, **more: object) -> int:
        """The server's SYN-ACK."""
        flags = str(more.pop("flags", "SA"))
        return self.server(flags=flags, options=self.syn_options(1, *parts), wnd=60000, after=after, **more)

    def handshake(self, *parts: bytes, at_client: bool = True, flags: tuple[str, str] = ("S", "SA")) -> Tape:
        """SYN, SYN-ACK, ACK; round trip 20 ms, the tap at the client (or else at the server)."""
        self.syn(*parts, flags=flags[0])
        self.syn_ack(*parts, flags=flags[1], after=20.0 if at_client else 0.1)
        self.client(after=0.1 if at_client else 20.0)
        return self

    def close(self) -> Tape:
        """Both FINs and their acknowledgements, the client first."""
        self.client(flags="FA")
        self.server(flags="FA", after=20.0)
        self.client()
        return self

    def check(self, vantage: str = "unknown") -> Report:
        """Check the tape."""
        checker = Checker("tape", RULES, VANTAGE_NAMES.index(vantage))
        for record in self.records:
            checker.tracker.feed(record)
        return checker.finish()

    def codes(self, vantage: str = "unknown") -> list[str]:
        """The codes of all findings, sorted, without documented habits."""
        return sorted({f.meta.code for f in self.check(vantage).findings() if not f.meta.off})

    def without(self, *frames: int) -> Tape:
        """The same capture lacking these frames."""
        other = Tape(stamps=self.stamps)
        other.records = [record for record in self.records if record.frame not in frames]
        return other
