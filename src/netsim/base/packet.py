"""What travels: IP packets carrying a TCP segment, a UDP datagram or an ICMP message.

One object per packet: the IP fields sit in the base class `Packet`, so that a link,
a tap or a router need not look inside. Plain classes with slots: they are made once per
packet on the hot path. `netsim.wire` turns them into bytes and back.

Addresses are text ("10.0.0.1", "2001:db8::1"); whoever builds one from outside input
normalises it first (`wire.address.normalise`).
"""

from __future__ import annotations

from typing import Final

# Control bits, RFC 9293 §3.1.
FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
PSH: Final = 0x08
ACK: Final = 0x10
URG: Final = 0x20
ECE: Final = 0x40
CWR: Final = 0x80
AE: Final = 0x100
"""Accurate ECN (RFC 9768), the former NS bit."""

FLAG_NAMES: Final = (
    (SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (PSH, "PSH"), (ACK, "ACK"),
    (URG, "URG"), (ECE, "ECE"), (CWR, "CWR"), (AE, "AE"),
)  # fmt: skip
FLAG_LETTERS: Final = "FSRPAUECN"
"""scapy's letters, from the lowest bit up."""

# ECN codepoints, RFC 3168 §5.
NOT_ECT: Final = 0
ECT1: Final = 1
ECT0: Final = 2
CE: Final = 3

# Option kinds (IANA, TCP parameters).
OPT_EOL: Final = 0
OPT_NOP: Final = 1
OPT_MSS: Final = 2
OPT_WSCALE: Final = 3
OPT_SACK_OK: Final = 4
OPT_SACK: Final = 5
OPT_TS: Final = 8
OPT_MD5: Final = 19
OPT_TFO: Final = 34
OPT_EXP: Final = 254

ABSENT: Final = -1
"""In an integer option field: the segment does not carry the option."""

_TIMESTAMPS_ONLY: Final = bytes((OPT_NOP, OPT_NOP, OPT_TS))

NO_BLOCKS: Final[tuple[tuple[int, int], ...]] = ()


class Packet:
    """An IP packet; the base of the three kinds.

    ttl:   time to live (hop limit)
    tos:   the whole traffic class byte: DSCP << 2 | ECN
    df:    don't fragment (IPv4); IPv6 routers never fragment
    ip_id: IPv4 identification, 0 if the sender leaves it so
    uid:   serial number given by the network when the packet is first sent; 0 before.
           A copy made by the network has its own uid and the original's in `copy_of`.
    corrupted: the network flipped bits: the checksum is wrong and the receiver drops it
    starts_ns, arrives_ns, place: of the link that carries it: when its transmission starts and when it
           arrives, and its place in the order of events
    """

    __slots__ = (
        "arrives_ns", "copy_of", "corrupted", "df", "dst", "ip_id", "place", "src", "starts_ns", "tos", "ttl", "uid",
    )  # fmt: skip

    def __init__(self, src: str, dst: str) -> None:
        self.src = src
        self.dst = dst
        self.ttl = 64
        self.tos = 0
        self.df = True
        self.ip_id = 0
        self.uid = 0
        self.copy_of = 0
        self.corrupted = False
        self.starts_ns = 0
        self.arrives_ns = 0
        self.place = 0

    def ip_header_bytes(self) -> int:
        """20 for IPv4, 40 for IPv6 (no options, no extension headers)."""
        return 40 if ":" in self.src else 20

    def wire_bytes(self) -> int:
        """Length of the whole IP packet."""
        return self.ip_header_bytes()


class Segment(Packet):
    """A TCP segment.

    `wnd` is the 16-bit field as it stands on the wire (not yet scaled); None never occurs.
    Options are fields, with ABSENT (-1), None, False or () for "not there"; `layout` is
    the sequence of option kinds as they stand on the wire, one byte each, with every NOP
    and EOL of padding in its place. `layout` decides what is encoded and in which order.

    opt_mss:    MSS, bytes           opt_wscale: shift count
    sack_ok:    SACK permitted       sack: blocks ((left, right), ...), first = most important
    ts_val, ts_ecr: timestamps, when OPT_TS is in the layout (`has_ts`)
    tfo:        None, b"" (a request for a cookie) or the cookie; tfo_exp: sent as
                experimental option 254 with magic 0xF989
    md5:        None or the 16-byte digest (RFC 2385)
    other:      unknown, ill-formed or repeated options ((kind, data), ...), in the order of their
                kinds in `layout`; where it holds all options of a kind, that kind's field is absent
    encap_sport, encap_dport: UDP ports of RFC 6951-like encapsulation, 0 if none
    """

    __slots__ = (
        "ack", "dport", "encap_dport", "encap_sport", "flags", "layout", "md5", "opt_mss",
        "opt_wscale", "other", "payload", "sack", "sack_ok", "seq", "sport", "tfo", "tfo_exp",
        "ts_ecr", "ts_val", "urg", "wnd",
    )  # fmt: skip

    def __init__(
        self,
        src: str,
        dst: str,
        sport: int,
        dport: int,
        seq: int,
        ack: int,
        flags: int,
        wnd: int,
        payload: bytes = b"",
    ) -> None:
        super().__init__(src, dst)
        self.sport = sport
        self.dport = dport
        self.seq = seq
        self.ack = ack
        self.flags = flags
        self.wnd = wnd
        self.urg = 0
        self.payload = payload
        self.layout = b""
        self.opt_mss = -1
        self.opt_wscale = -1
        self.sack_ok = False
        self.ts_val = 0
        self.ts_ecr = 0
        self.sack: tuple[tuple[int, int], ...] = NO_BLOCKS
        self.tfo: bytes | None = None
        self.tfo_exp = False
        self.md5: bytes | None = None
        self.other: tuple[tuple[int, bytes], ...] = ()
        self.encap_sport = 0
        self.encap_dport = 0

    @property
    def has_ts(self) -> bool:
        """The segment carries the timestamps option."""
        layout = self.layout
        if layout == _TIMESTAMPS_ONLY:
            return True  # what nearly every segment carries
        if not self.other:
            return OPT_TS in layout
        return layout.count(OPT_TS) > sum([kind == OPT_TS for kind, _ in self.other])

    def seg_len(self) -> int:
        """SEG.LEN: octets of sequence space, counting SYN and FIN (RFC 9293 §3.4)."""
        return len(self.payload) + ((self.flags & 2) >> 1) + (self.flags & 1)

    def options_bytes(self) -> int:
        """Length of the options part of the header, padding included."""
        layout = self.layout
        if not layout:
            return 0
        if layout == _TIMESTAMPS_ONLY:
            return 12  # what nearly every segment carries
        total = 0
        for other_kind, data in self.other:
            total += 2 + len(data)
            at = layout.rfind(other_kind)  # a field, if present, stands for the first of its kind
            layout = layout[:at] + layout[at + 1 :]
        for kind in layout:
            if kind <= OPT_NOP:
                total += 1
            elif kind == OPT_TS:
                total += 10
            elif kind == OPT_MSS:
                total += 4
            elif kind == OPT_SACK:
                total += 2 + 8 * len(self.sack)
            elif kind == OPT_WSCALE:
                total += 3
            elif kind == OPT_SACK_OK:
                total += 2
            elif kind == OPT_MD5:
                total += 18
            elif self.tfo is not None and kind == (OPT_EXP if self.tfo_exp else OPT_TFO):
                total += 2 + len(self.tfo) + (2 if self.tfo_exp else 0)
        return (total + 3) // 4 * 4

    def wire_bytes(self) -> int:
        """Length of the whole IP packet."""
        size = (60 if ":" in self.src else 40) + len(self.payload)
        if self.layout:
            size += self.options_bytes()
        if self.encap_dport:
            size += 8
        return size

    def flags_letters(self) -> str:
        """scapy's way: `S`, `SA`, `PA`, `FA`, `RA`."""
        return "".join(letter for bit, letter in enumerate(FLAG_LETTERS) if self.flags >> bit & 1)

    def flags_names(self) -> str:
        """For people: `SYN,ACK`."""
        return ",".join(name for mask, name in FLAG_NAMES if self.flags & mask)

    def copy(self) -> Segment:
        """A segment equal in every field (the payload is shared)."""
        other = Segment(
            self.src, self.dst, self.sport, self.dport, self.seq, self.ack, self.flags, self.wnd, self.payload
        )
        other.ttl, other.tos, other.df, other.ip_id = self.ttl, self.tos, self.df, self.ip_id
        other.uid, other.copy_of, other.corrupted = self.uid, self.copy_of, self.corrupted
        other.urg, other.layout = self.urg, self.layout
        other.opt_mss, other.opt_wscale, other.sack_ok = self.opt_mss, self.opt_wscale, self.sack_ok
        other.ts_val, other.ts_ecr, other.sack = self.ts_val, self.ts_ecr, self.sack
        other.tfo, other.tfo_exp, other.md5, other.other = self.tfo, self.tfo_exp, self.md5, self.other
        other.encap_sport, other.encap_dport = self.encap_sport, self.encap_dport
        return other

    def __repr__(self) -> str:
        text = f"<{self.flags_names() or 'none'} {self.src}:{self.sport}>{self.dst}:{self.dport} seq {self.seq}"
        if self.flags & ACK:
            text += f" ack {self.ack}"
        return text + f" len {len(self.payload)} win {self.wnd}>"


class UdpDatagram(Packet):
    """A UDP datagram."""

    __slots__ = ("dport", "payload", "sport")

    def __init__(self, src: str, dst: str, sport: int, dport: int, payload: bytes) -> None:
        super().__init__(src, dst)
        self.sport = sport
        self.dport = dport
        self.payload = payload

    def wire_bytes(self) -> int:
        """Length of the whole IP packet."""
        return self.ip_header_bytes() + 8 + len(self.payload)


class IcmpMessage(Packet):
    """An ICMP or ICMPv6 message; `quoted` is the packet whose fate it reports, if any.

    icmp_type, icmp_code: the numbers on the wire (they differ between ICMP and ICMPv6)
    mtu: next-hop MTU of "fragmentation needed" / "packet too big", else 0
    """

    __slots__ = ("icmp_code", "icmp_type", "mtu", "payload", "quoted")

    def __init__(
        self, src: str, dst: str, icmp_type: int, icmp_code: int, quoted: Packet | None = None, mtu: int = 0
    ) -> None:
        super().__init__(src, dst)
        self.icmp_type = icmp_type
        self.icmp_code = icmp_code
        self.quoted = quoted
        self.mtu = mtu
        self.payload = b""

    def wire_bytes(self) -> int:
        """Length of the whole IP packet: ICMP quotes the IP header and eight octets or more."""
        quoted = 0 if self.quoted is None else self.quoted.ip_header_bytes() + 8
        return self.ip_header_bytes() + 8 + quoted + len(self.payload)
