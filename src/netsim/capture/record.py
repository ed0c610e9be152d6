"""What the checker sees of a captured packet: one light record per TCP segment.

A record points into the buffer that the file was read into; nothing is copied. It is valid
for as long as anybody keeps it, but it keeps that whole buffer (up to a few hundred kB)
alive: who keeps a record beyond the current batch calls `release()` first, after which
payload and checksum can no longer be asked for.
"""

from __future__ import annotations

import zlib
from struct import Struct
from typing import Final

from netsim.base.packet import ACK, FIN, FLAG_LETTERS, FLAG_NAMES, SYN
from netsim.wire import address
from netsim.wire.checksum import PROTO_TCP, ones_sum, pseudo_sum
from netsim.wire.options import TcpOptions

CSUM_OK: Final = 1
CSUM_BAD: Final = 2
CSUM_PARTIAL: Final = 3
"""Only the pseudo header is summed: the sender left the rest to its network card (offload)."""
CSUM_UNVERIFIABLE: Final = 0
"""Not all of the segment was captured."""
CSUM_NAMES: Final = ("unverifiable", "ok", "bad", "partial")

# Bits of `TcpRecord.notes`.
NOTE_REASSEMBLED: Final = 0x01
"""Put together from IP fragments; `frame` is the one that made it whole."""
NOTE_LENGTH_FROM_FRAME: Final = 0x02
"""The IP header says length 0 (a segmentation-offload giant): the length is the frame's own."""
NOTE_TUNNELLED: Final = 0x04
"""Found inside a tunnel (GRE, IP-in-IP, VXLAN); VLAN, PPPoE and MPLS do not count."""
NOTE_BAD_OFFSET: Final = 0x08
"""The data offset is below 5 or points past the IP packet: no options and no payload are given."""
NOTE_CUT: Final = 0x10
"""The capture cut this frame (snaplen): captured bytes end before the IP packet does."""
NOTE_IP_TOO_LONG: Final = 0x20
"""The IP header claims more octets than the frame had on the wire."""
NOTE_INBOUND: Final = 0x40
"""The capture says: received by the capturing host (cooked captures, pcapng flags)."""
NOTE_OUTBOUND: Final = 0x80
"""The capture says: sent by the capturing host."""
NOTE_RESERVED: Final = 0x100
"""A reserved bit of the TCP header is set."""

_EMPTY: Final = b""
MAX_HEADER: Final = 60
_WORDS: Final = [Struct(f">{count}I") for count in range(MAX_HEADER // 4 + 1)]
"""So many 32-bit words."""


class TcpRecord:
    """One captured TCP segment.

    frame:       1-based position in the file, counting every frame (as Wireshark counts)
    t_ns:        capture time, ns since 1970 (or whatever the capture's clock counts from)
    interface:   pcapng interface number over all sections of the file; 0 in a pcap
    key:         the direction as raw bytes, source first: addresses and ports as on the wire
                 (4+4+2+2 = 12 octets for IPv4, 16+16+2+2 = 36 for IPv6). Use it as a dict key;
                 `reverse_key(key)` is the other direction
    seq, ack, flags, wnd, urg: as on the wire; `ack` holds the field even without the ACK bit,
                 `wnd` is not scaled; `flags` are the bits of `base.packet` (9 of them, AE included)
    payload_len: octets of payload by the IP header's length, not by what was captured
    ts_val, ts_ecr: the timestamps option, -1 if absent
    opts:        the other options (`wire.options.TcpOptions`). The object may be shared between
                 records: never change it, and take timestamps from the record, not from it
    ip_id:       IPv4 identification; -1 for IPv6
    ttl, tos:    time to live / hop limit; the whole traffic class byte (`tos & 3` is ECN)
    df:          the don't-fragment bit (always True for IPv6)
    header_len:  octets of the TCP header by its data offset (20 for NOTE_BAD_OFFSET)
    notes:       NOTE_* bits
    buf, tcp_at, end_at: where it lies: the TCP header starts at buf[tcp_at], captured bytes of
                 this IP packet end before buf[end_at]
    """

    __slots__ = (
        "ack", "buf", "csum", "df", "end_at", "flags", "frame", "header_len", "interface", "ip_id", "key",
        "notes", "opts", "payload_len", "seq", "sum_status", "t_ns", "tcp_at", "tos", "ts_ecr", "ts_val", "ttl", "urg",
        "wnd",
    )  # fmt: skip

    def __init__(
        self, frame: int, t_ns: int, interface: int, key: bytes, seq: int, ack: int, flags: int, wnd: int,
        payload_len: int, ts_val: int, ts_ecr: int, opts: TcpOptions, ip_id: int, ttl: int, tos: int, df: bool,
        csum: int, urg: int, header_len: int, notes: int, buf: bytes, tcp_at: int, end_at: int,
    ) -> None:  # fmt: skip
        self.frame = frame
        self.t_ns = t_ns
        self.interface = interface
        self.key = key
        self.seq = seq
        self.ack = ack
        self.flags = flags
        self.wnd = wnd
        self.payload_len = payload_len
        self.ts_val = ts_val
        self.ts_ecr = ts_ecr
        self.opts = opts
        self.ip_id = ip_id
        self.ttl = ttl
        self.tos = tos
        self.df = df
        self.csum = csum
        self.urg = urg
        self.header_len = header_len
        self.notes = notes
        self.buf = buf
        self.tcp_at = tcp_at
        self.end_at = end_at
        self.sum_status = -1

    # --- addresses -----------------------------------------------------------------

    @property
    def ip_version(self) -> int:
        """4 or 6."""
        return 4 if len(self.key) == 12 else 6

    @property
    def src(self) -> str:
        """Source address, normal text."""
        return address.to_text(self.key[: (len(self.key) - 4) // 2])

    @property
    def dst(self) -> str:
        """Destination address, normal text."""
        return address.to_text(self.key[(len(self.key) - 4) // 2 : -4])

    @property
    def sport(self) -> int:
        """Source port."""
        return self.key[-4] << 8 | self.key[-3]

    @property
    def dport(self) -> int:
        """Destination port."""
        return self.key[-2] << 8 | self.key[-1]

    # --- the segment ---------------------------------------------------------------

    @property
    def seg_len(self) -> int:
        """SEG.LEN: octets of sequence space, counting SYN and FIN (RFC 9293 §3.4)."""
        return self.payload_len + ((self.flags & SYN) >> 1) + (self.flags & FIN)

    @property
    def has_ts(self) -> bool:
        """The timestamps option is there."""
        return self.ts_val >= 0

    def flags_letters(self) -> str:
        """scapy's way: `S`, `SA`, `PA`, `FA`, `RA`."""
        return "".join([letter for bit, letter in enumerate(FLAG_LETTERS) if self.flags >> bit & 1])

    def flags_names(self) -> str:
        """For people: `SYN,ACK`."""
        return ",".join([name for mask, name in FLAG_NAMES if self.flags & mask])

    # --- the captured bytes ----------------------------------------------------------

    @property
    def captured_payload_len(self) -> int:
        """How many octets of the payload were captured: at most `payload_len`; 0 after `release()`."""
        return max(0, min(self.payload_len, self.end_at - self.tcp_at - self.header_len))

    def payload(self) -> bytes:
        """A copy of the captured payload."""
        start = self.tcp_at + self.header_len
        return self.buf[start : start + self.captured_payload_len]

    def payload_crc(self, start: int = 0, stop: int = -1) -> int:
        """CRC-32 of payload octets [start, stop) (default: to the end), to compare content; -1 if not all captured.

        Cheap (about 1 ns an octet, nothing copied) and the same on every run.
        """
        if stop < 0:
            stop = self.payload_len
        if not 0 <= start <= stop <= self.captured_payload_len:
            return -1
        base = self.tcp_at + self.header_len
        return zlib.crc32(memoryview(self.buf)[base + start : base + stop])

    def checksum_status(self) -> int:
        """CSUM_OK, CSUM_BAD, CSUM_PARTIAL or CSUM_UNVERIFIABLE; computed when first asked (0.3 ns an octet).

        An all-zero field is CSUM_PARTIAL too: some drivers leave it so for the card to fill. An answer
        outlasts the octets; a question that comes after them is CSUM_UNVERIFIABLE.
        """
        if self.sum_status < 0:
            size = self.header_len + self.payload_len
            at = self.tcp_at
            if self.end_at - at < size or self.notes & NOTE_BAD_OFFSET:
                return CSUM_UNVERIFIABLE
            # ones_sum() at once, for the usual case; any number is congruent to the sum of its words modulo 65535.
            key = self.key
            total: int = sum(_WORDS[(len(key) >> 2) - 1].unpack_from(key), PROTO_TCP + size)
            if size <= MAX_HEADER and size & 3 == 0:
                total += sum(_WORDS[size >> 2].unpack_from(self.buf, at))
            else:
                octets = int.from_bytes(self.buf[at : at + size], "big")
                total += octets << 8 if size & 1 else octets
            self.sum_status = CSUM_OK if total % 65535 == 0 else self._offload_status(size)
        return self.sum_status

    def _offload_status(self, size: int) -> int:
        """CSUM_PARTIAL if the checksum was left to the network card, else CSUM_BAD."""
        if self.csum == 0:
            return CSUM_PARTIAL
        # The kernel stores the folded, not complemented sum of the pseudo header; for a giant, with
        # or without the length, depending on the driver (a TSO engine adds each segment's own).
        half = (len(self.key) - 4) // 2
        for length in (size, 0):
            pseudo = pseudo_sum(self.key[:half], self.key[half : 2 * half], PROTO_TCP, length)
            if self.csum == ones_sum(_EMPTY, pseudo):
                return CSUM_PARTIAL
        return CSUM_BAD

    def release(self) -> None:
        """Let go of the file's buffer; every field stays, payload and checksum are gone."""
        self.buf = _EMPTY
        self.tcp_at = 0
        self.end_at = 0

    def __repr__(self) -> str:
        text = f"<frame {self.frame} {self.flags_names() or 'none'} {self.src}:{self.sport}>{self.dst}:{self.dport}"
        text += f" seq {self.seq}"
        if self.flags & ACK:
            text += f" ack {self.ack}"
        return text + f" len {self.payload_len} win {self.wnd}>"


class IcmpRecord:
    """One captured ICMP or ICMPv6 error that quotes a TCP segment.

    frame, t_ns, interface: as in `TcpRecord`
    src:       who sent the error (raw octets)
    version:   4 or 6: the numbers of type and code differ
    icmp_type, icmp_code: as on the wire
    mtu:       of "fragmentation needed" or "packet too big", else 0
    key:       the direction of the quoted segment, as `TcpRecord.key`
    seq:       sequence number of the quoted segment
    """

    __slots__ = ("frame", "icmp_code", "icmp_type", "interface", "key", "mtu", "seq", "src", "t_ns", "version")

    def __init__(
        self, frame: int, t_ns: int, interface: int, src: bytes, version: int,
        icmp_type: int, icmp_code: int, mtu: int, key: bytes, seq: int,
    ) -> None:  # fmt: skip
        self.frame = frame
        self.t_ns = t_ns
        self.interface = interface
        self.src = src
        self.version = version
        self.icmp_type = icmp_type
        self.icmp_code = icmp_code
        self.mtu = mtu
        self.key = key
        self.seq = seq


class Damage:
    """Where and why a capture file stopped being readable.

    offset: byte offset in the (uncompressed) stream of what could not be read
    what:   a sentence for people
    kind:   "truncated" (the file ends inside something) or "corrupt"
    """

    __slots__ = ("kind", "offset", "what")

    def __init__(self, offset: int, what: str, kind: str) -> None:
        self.offset = offset
        self.what = what
        self.kind = kind

    def __repr__(self) -> str:
        return f"Damage(byte {self.offset}: {self.what})"


def reverse_key(key: bytes) -> bytes:
    """The key of the opposite direction."""
    half = (len(key) - 4) // 2
    return key[half : 2 * half] + key[:half] + key[-2:] + key[-4:-2]


def make_key(src: str, sport: int, dst: str, dport: int) -> bytes:
    """The key of a direction given as text addresses and ports."""
    return address.to_bytes(src) + address.to_bytes(dst) + sport.to_bytes(2, "big") + dport.to_bytes(2, "big")
