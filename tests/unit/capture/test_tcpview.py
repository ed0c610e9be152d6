"""Frames to TCP records: the fast way and the general way agree, through every encapsulation."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.geneve import GENEVE
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import GRE, ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    fragment6,
)
from scapy.layers.l2 import ARP, LLC, SNAP, CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether, Loopback
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from netsim.base.packet import IcmpMessage, Segment
from netsim.capture.frames import FrameBatch, Interface
from netsim.capture.record import (
    CSUM_BAD,
    CSUM_OK,
    CSUM_PARTIAL,
    CSUM_UNVERIFIABLE,
    NOTE_BAD_OFFSET,
    NOTE_CUT,
    NOTE_INBOUND,
    NOTE_LENGTH_FROM_FRAME,
    NOTE_OUTBOUND,
    NOTE_REASSEMBLED,
    NOTE_TUNNELLED,
    TcpRecord,
    make_key,
    reverse_key,
)
from netsim.capture.tcpview import TcpDecoder
from netsim.wire.codec import encode_packet
from tests.unit.capture import files
from tests.unit.wire.strategies import segments

ETH = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}


def decode(
    *frames: bytes, linktype: int = 1, wire: int = 0, fast: bool = True, directions: dict[int, int] | None = None
) -> tuple[list[TcpRecord], TcpDecoder]:
    """Records of frames that lie one after the other in a buffer, as in a file."""
    batch = FrameBatch(b"".join(frames) + bytes(66), 1)
    at = 0
    for index, frame in enumerate(frames):
        batch.spans.append((index, at, at + len(frame), wire or len(frame), 0))
        at += len(frame)
    batch.directions = directions or {}
    decoder = TcpDecoder(fast=fast)
    return decoder.decode(batch, [Interface(linktype)]), decoder


# Written out, because compiled classes do not tell their slots.
RECORD_FIELDS = (
    "ack", "csum", "df", "flags", "frame", "header_len", "interface", "ip_id", "key", "notes", "payload_len", "seq",
    "t_ns", "tos", "ts_ecr", "ts_val", "ttl", "urg", "wnd",
)  # fmt: skip
OPTION_FIELDS = (
    "dirty_padding", "layout", "md5", "mss", "other", "problem", "problem_at", "problem_kind", "sack", "sack_ok", "tfo",
    "tfo_exp", "wscale",
)  # fmt: skip


def look(record: TcpRecord) -> dict[str, object]:
    """Every field of a record and of its options, but not where it lies."""
    out = {name: getattr(record, name) for name in RECORD_FIELDS}
    out |= {f"opts.{name}": getattr(record.opts, name) for name in OPTION_FIELDS}
    out["payload"] = record.payload()
    out["checksum"] = record.checksum_status()
    return out


def agrees(record: TcpRecord, segment: Segment) -> None:
    """The record tells what the segment says."""
    assert (record.src, record.dst, record.sport, record.dport) == (
        segment.src, segment.dst, segment.sport, segment.dport,
    )  # fmt: skip
    assert (record.seq, record.ack, record.flags, record.wnd, record.urg) == (
        segment.seq, segment.ack, segment.flags, segment.wnd, segment.urg,
    )  # fmt: skip
    assert (record.payload(), record.payload_len) == (segment.payload, len(segment.payload))
    assert (record.ttl, record.tos, record.df) == (segment.ttl, segment.tos, segment.df or ":" in segment.src)
    assert record.ip_id == (-1 if ":" in segment.src else segment.ip_id)
    if segment.has_ts:
        assert (record.ts_val, record.ts_ecr) == (segment.ts_val, segment.ts_ecr)
    else:
        assert (record.ts_val, record.has_ts) == (-1, False)
    opts = record.opts
    assert (opts.layout, opts.mss, opts.wscale, opts.sack_ok, opts.sack, opts.other) == (
        segment.layout, segment.opt_mss, segment.opt_wscale, segment.sack_ok, segment.sack, segment.other,
    )  # fmt: skip
    assert record.seg_len == segment.seg_len()
    assert record.key == make_key(segment.src, segment.sport, segment.dst, segment.dport)
    assert reverse_key(record.key) == make_key(segment.dst, segment.dport, segment.src, segment.sport)


@given(segments(), st.booleans())
def test_a_record_tells_what_the_segment_says(segment: Segment, fast: bool) -> None:
    segment.encap_sport = segment.encap_dport = 0
    ethernet = files.ETHERNET6 if ":" in segment.src else files.ETHERNET4
    (record,), decoder = decode(ethernet + encode_packet(segment), fast=fast)
    agrees(record, segment)
    assert record.checksum_status() in ((CSUM_BAD, CSUM_PARTIAL) if segment.corrupted else (CSUM_OK,))
    assert (record.frame, record.t_ns, record.notes) == (1, 0, 0)
    assert (decoder.tcp_frames, decoder.skipped, decoder.cut_frames) == (1, {}, 0)


@given(st.lists(segments(), min_size=1, max_size=4), st.data())
def test_the_fast_way_and_the_general_way_agree(several: list[Segment], data: st.DataObject) -> None:
    frames = []
    for segment in several:
        ethernet = files.ETHERNET6 if ":" in segment.src else files.ETHERNET4
        raw = bytearray(ethernet + encode_packet(segment))
        for _ in range(data.draw(st.integers(0, 2))):
            raw[data.draw(st.integers(12, min(len(raw) - 1, 70)))] ^= 1 << data.draw(st.integers(0, 7))
        frames.append(bytes(raw[: data.draw(st.sampled_from([len(raw), 80, 60, 54, 40]))]))
    wire = data.draw(st.sampled_from([0, 3100, 60]))
    direction = {0: data.draw(st.integers(0, 2))} if data.draw(st.booleans()) else {}
    quick, one = decode(*frames, wire=wire, directions=direction)
    general, other = decode(*frames, wire=wire, directions=direction, fast=False)
    assert [look(record) for record in quick] == [look(record) for record in general]
    assert (one.skipped, one.cut_frames, one.tcp_frames) == (other.skipped, other.cut_frames, other.tcp_frames)


# --- link layers and tunnels ------------------------------------------------------------

INNER4 = IP(src="10.0.0.1", dst="10.0.0.2", id=9) / TCP(sport=40000, dport=80, seq=5, flags="PA") / Raw(b"payload")
INNER6 = IPv6(src="2001:db8::1", dst="2001:db8::2") / TCP(sport=40000, dport=80, seq=5, flags="PA") / Raw(b"payload")
OUTER4 = IP(src="192.0.2.1", dst="192.0.2.2")
OUTER6 = IPv6(src="2001:db8:f::1", dst="2001:db8:f::2")

LINKS = {
    "ethernet": (1, lambda inner: Ether(**ETH) / inner),
    "ethernet padding": (1, lambda inner: Raw(bytes(Ether(**ETH) / inner) + bytes(20))),
    "vlan": (1, lambda inner: Ether(**ETH) / Dot1Q(vlan=5) / inner),
    "qinq": (1, lambda inner: Ether(**ETH) / Dot1AD(vlan=9) / Dot1Q(vlan=5) / inner),
    "three tags": (1, lambda inner: Ether(**ETH) / Dot1Q(vlan=9) / Dot1Q(vlan=5) / Dot1Q(vlan=6) / inner),
    "raw": (101, lambda inner: inner),
    "raw (BSD)": (12, lambda inner: inner),
    "raw (OpenBSD)": (14, lambda inner: inner),
    "cooked": (113, lambda inner: CookedLinux(pkttype=3, proto=_ethertype(inner)) / inner),
    "cooked v2": (276, lambda inner: CookedLinuxV2(pkttype=3, proto=_ethertype(inner)) / inner),
    "null little": (0, lambda inner: Raw(struct.pack("<I", _family(inner)) + bytes(inner))),
    "null big": (0, lambda inner: Raw(struct.pack(">I", _family(inner)) + bytes(inner))),
    "loop": (108, lambda inner: Raw(struct.pack(">I", _family(inner)) + bytes(inner))),
    "pppoe": (1, lambda inner: Ether(**ETH) / PPPoE(sessionid=3) / PPP() / inner),
    "pppoe alone": (51, lambda inner: PPPoE(sessionid=3) / PPP() / inner),
    "ppp": (9, lambda inner: PPP() / inner),
    "ppp hdlc": (50, lambda inner: Raw(b"\xff\x03" + bytes(PPP() / inner))),
    "ppp compressed": (9, lambda inner: Raw(bytes([0x57 if inner.version == 6 else 0x21]) + bytes(inner))),
    "cisco hdlc": (104, lambda inner: Raw(b"\x0f\x00" + struct.pack(">H", _ethertype(inner)) + bytes(inner))),
    "mpls": (1, lambda inner: Ether(**ETH) / MPLS(label=7, s=0) / MPLS(label=8, s=1) / inner),
    "mpls alone": (219, lambda inner: MPLS(label=8, s=1) / inner),
    "pseudowire": (1, lambda inner: Ether(**ETH) / MPLS(label=8, s=1) / Raw(bytes(4) + bytes(Ether(**ETH) / inner))),
}  # fmt: skip
TUNNELS = {
    "ip in ipv4": lambda inner: OUTER4 / inner,
    "ip in ipv6": lambda inner: OUTER6 / inner,
    "gre": lambda inner: OUTER4 / GRE() / inner,
    "gre with everything": lambda inner: OUTER4 / GRE(chksum_present=1, key_present=1, key=9, seqnum_present=1) / inner,
    "gre over ipv6": lambda inner: OUTER6 / GRE() / inner,
    "gre ethernet": lambda inner: OUTER4 / GRE(proto=0x6558) / Ether(**ETH) / inner,
    "vxlan": lambda inner: OUTER4 / UDP(sport=5, dport=4789) / VXLAN(vni=7) / Ether(**ETH) / inner,
    "vxlan vlan": lambda inner: OUTER6 / UDP(dport=8472) / VXLAN(vni=7) / Ether(**ETH) / Dot1Q(vlan=3) / inner,
    "geneve": lambda inner: OUTER4 / UDP(dport=6081) / GENEVE(proto=0x6558) / Ether(**ETH) / inner,
    "erspan": lambda inner: OUTER4 / GRE(proto=0x88BE, seqnum_present=1) / Raw(bytes(8) + bytes(Ether(**ETH) / inner)),
    "mpls in gre": lambda inner: OUTER4 / GRE(proto=0x8847) / MPLS(label=3, s=1) / inner,
    "two deep": lambda inner: OUTER4 / GRE() / OUTER6 / UDP(dport=4789) / VXLAN() / Ether(**ETH) / inner,
}  # fmt: skip


def _ethertype(inner: Packet) -> int:
    return 0x86DD if inner.version == 6 else 0x0800


def _family(inner: Packet) -> int:
    return 10 if inner.version == 6 else 2


def _is_inner(record: TcpRecord, six: bool) -> None:
    assert (record.src, record.dst) == (("2001:db8::1", "2001:db8::2") if six else ("10.0.0.1", "10.0.0.2"))
    assert (record.sport, record.seq, record.payload(), record.payload_len) == (40000, 5, b"payload", 7)
    assert record.checksum_status() == CSUM_OK


@pytest.mark.parametrize("six", [False, True])
@pytest.mark.parametrize("name", LINKS)
def test_link_layers(name: str, six: bool) -> None:
    linktype, build = LINKS[name]
    (record,), decoder = decode(bytes(build(INNER6 if six else INNER4)), linktype=linktype)
    _is_inner(record, six)
    assert record.notes == 0
    assert decoder.skipped == {}


def test_scapys_loopback_and_snap() -> None:
    _is_inner(decode(bytes(Loopback(type=2) / INNER4), linktype=0)[0][0], six=False)
    for family in (10, 24, 28, 30):
        _is_inner(decode(bytes(Loopback(type=family) / INNER6), linktype=0)[0][0], six=True)
    inner = bytes(INNER4)
    snap = Ether(dst=ETH["dst"], src=ETH["src"], type=8 + len(inner)) / Raw(bytes(LLC() / SNAP(code=0x0800)) + inner)
    _is_inner(decode(bytes(snap))[0][0], six=False)


@pytest.mark.parametrize("six", [False, True])
@pytest.mark.parametrize("name", TUNNELS)
def test_tunnels(name: str, six: bool) -> None:
    (record,), _ = decode(bytes(Ether(**ETH) / TUNNELS[name](INNER6 if six else INNER4)))
    _is_inner(record, six)
    assert record.notes == NOTE_TUNNELLED


@pytest.mark.parametrize(
    "chain",
    [
        IPv6ExtHdrHopByHop(),
        IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt(),
        IPv6ExtHdrRouting(addresses=["2001:db8::7"], segleft=0),
        IPv6ExtHdrFragment(offset=0, m=0, id=3),
    ],
)
def test_extension_headers(chain: Packet) -> None:
    raw = bytes(Ether(**ETH) / IPv6(src="2001:db8::1", dst="2001:db8::2") / chain / INNER6[TCP])
    (record,), _ = decode(raw)
    assert record.payload() == b"payload"
    assert record.checksum_status() == CSUM_OK


def test_authentication_header() -> None:
    tcp = bytes(INNER4)[20:]
    header = bytes.fromhex("0604000000000001000000020000000000000000") + bytes(4)
    raw = bytes(Ether(**ETH) / IP(src="10.0.0.1", dst="10.0.0.2", proto=51) / Raw(header + tcp))
    _is_inner(decode(raw)[0][0], six=False)
    six = IPv6(src="2001:db8::1", dst="2001:db8::2", nh=51) / Raw(header + bytes(INNER6)[40:])
    _is_inner(decode(bytes(Ether(**ETH) / six))[0][0], six=True)


def test_a_routing_header_with_segments_left_changes_the_destination_of_the_checksum() -> None:
    final = bytes(IPv6(src="2001:db8::1", dst="2001:db8::2") / INNER6[TCP])[40:]
    on_the_way = IPv6(src="2001:db8::1", dst="2001:db8::99", nh=43)
    routing = bytes([6, 2, 0, 1, 0, 0, 0, 0]) + bytes.fromhex("20010db8000000000000000000000002")
    (record,), _ = decode(bytes(Ether(**ETH) / on_the_way / Raw(routing + final)))
    _is_inner(record, six=True)


def test_a_cooked_capture_tells_the_direction() -> None:
    kinds = {0: NOTE_INBOUND, 1: NOTE_INBOUND, 2: NOTE_INBOUND, 3: 0, 4: NOTE_OUTBOUND}
    for kind, note in kinds.items():
        assert decode(bytes(CookedLinux(pkttype=kind) / INNER4), linktype=113)[0][0].notes == note
        assert decode(bytes(CookedLinuxV2(pkttype=kind, proto=0x800) / INNER4), linktype=276)[0][0].notes == note


@pytest.mark.parametrize(
    ("frame", "linktype", "reason"),
    [
        (Ether(**ETH) / ARP(), 1, "arp"),
        (Ether(**ETH) / IP() / UDP(), 1, "udp"),
        (Ether(**ETH) / IP() / UDP(dport=4789) / Raw(b"no vxlan"), 1, "udp"),
        (Ether(**ETH) / IP() / ICMP(), 1, "icmp"),
        (Ether(**ETH) / IP(proto=132) / Raw(bytes(20)), 1, "sctp"),
        (Ether(**ETH) / IP(proto=99) / Raw(bytes(20)), 1, "other-ip"),
        (Ether(type=0x88CC, **ETH) / Raw(bytes(50)), 1, "not-ip"),
        (Ether(type=40, **ETH) / Raw(bytes(40)), 1, "not-ip"),
        (Ether(type=0x8863, **ETH) / Raw(bytes(40)), 1, "not-ip"),
        (Raw(bytes(10)), 1, "not-ip"),
        (Raw(bytes(60)), 105, "unknown-linktype"),
        (Raw(b"\x75" + bytes(60)), 101, "not-ip"),
        (Raw(b"\x41" + bytes(60)), 228, "malformed"),
        (Ether(**ETH) / IP(ihl=15) / Raw(bytes(3)), 1, "malformed"),
        (Ether(**ETH) / IP(len=30, proto=6) / Raw(bytes(10)), 1, "malformed"),
        (Ether(**ETH) / IP(frag=3) / TCP(), 1, "fragment"),
    ],
)
def test_what_is_no_tcp_is_counted_by_reason(frame: Packet, linktype: int, reason: str) -> None:
    records, decoder = decode(bytes(frame), linktype=linktype)
    assert records == []
    assert decoder.skipped == {reason: 1}


def test_endless_nesting_ends() -> None:
    nested = INNER4
    for _ in range(40):
        nested = IP(src="10.0.0.1", dst="10.0.0.2") / nested
    records, decoder = decode(bytes(Ether(**ETH) / nested))
    assert (records, decoder.skipped) == ([], {"malformed": 1})


# --- lengths ----------------------------------------------------------------------------


@pytest.mark.parametrize("six", [False, True])
@pytest.mark.parametrize("cut", [54, 60, 66, 70, 86, 90, 100])
def test_a_snaplen_cut(cut: int, six: bool) -> None:
    segment = files.segment(payload=bytes(range(100)), six=six)
    raw = (files.ETHERNET6 if six else files.ETHERNET4) + encode_packet(segment)
    records, decoder = decode(raw[:cut], wire=len(raw))
    header = 14 + (40 if six else 20)
    if cut < header + 20:
        assert (records, decoder.skipped) == ([], {"truncated": 1})
        return
    (record,) = records
    assert record.notes == NOTE_CUT
    assert decoder.cut_frames == 1
    assert (record.payload_len, record.seq, record.wnd) == (100, 1, 500)
    assert record.payload() == bytes(range(100))[: max(0, cut - header - 32)]
    assert record.checksum_status() == CSUM_UNVERIFIABLE
    assert record.payload_crc() == -1
    assert record.ts_val == (1000 if cut >= header + 32 else -1)
    assert record.opts.problem == ("" if cut >= header + 32 else "cut")


def test_a_giant_without_ip_length_takes_the_frames() -> None:
    raw = files.ETHERNET4 + encode_packet(files.segment(payload=bytes(70000)))
    (record,), _ = decode(raw)
    assert (record.payload_len, record.notes) == (70000, NOTE_LENGTH_FROM_FRAME)
    (record,), _ = decode(raw[:200], wire=len(raw))
    assert (record.payload_len, record.notes) == (70000, NOTE_LENGTH_FROM_FRAME | NOTE_CUT)
    six = files.ETHERNET6 + encode_packet(files.segment(payload=bytes(70000), six=True))
    (record,), _ = decode(six)
    assert (record.payload_len, record.notes) == (70000, NOTE_LENGTH_FROM_FRAME)


@pytest.mark.parametrize("offset", [0, 4, 15])
@pytest.mark.parametrize("fast", [False, True])
def test_a_bogus_data_offset_is_told_not_hidden(offset: int, fast: bool) -> None:
    raw = bytearray(files.frame(payload=b"abc"))
    raw[14 + 20 + 12] = offset << 4
    (record,), _ = decode(bytes(raw), fast=fast)
    assert record.notes == NOTE_BAD_OFFSET
    assert (record.payload_len, record.header_len, record.seq) == (0, 20, 1)


# --- checksums, content ---------------------------------------------------------------------


def _with_checksum(value: int, payload: bytes = b"some payload") -> TcpRecord:
    raw = bytearray(files.frame(payload=payload))
    raw[14 + 20 + 16 : 14 + 20 + 18] = value.to_bytes(2, "big")
    return decode(bytes(raw))[0][0]


def test_checksum_status() -> None:
    right = decode(files.frame(payload=b"some payload"))[0][0]
    assert right.checksum_status() == CSUM_OK
    assert _with_checksum(right.csum ^ 1).checksum_status() == CSUM_BAD
    assert _with_checksum(0).checksum_status() == CSUM_PARTIAL
    # What Linux leaves to the card: the folded sum of the pseudo header, not complemented.
    pseudo = 0x0A00 + 0x0001 + 0x0A00 + 0x0002 + 6 + 32 + len(b"some payload")
    assert _with_checksum(pseudo).checksum_status() == CSUM_PARTIAL
    assert _with_checksum(pseudo - 32 - len(b"some payload")).checksum_status() == CSUM_PARTIAL
    assert _with_checksum(pseudo + 1).checksum_status() == CSUM_BAD


def test_content_can_be_compared_without_copying() -> None:
    one = decode(files.frame(1, b"hello world"))[0][0]
    two = decode(files.frame(7, b"world of"))[0][0]
    assert one.payload_crc(6, 11) == two.payload_crc(0, 5) != one.payload_crc(0, 5)
    assert one.payload_crc() == one.payload_crc(0, 11)
    assert one.payload_crc(0, 12) == one.payload_crc(5, 4) == -1
    one.release()
    assert (one.payload(), one.payload_crc(), one.checksum_status()) == (b"", -1, CSUM_UNVERIFIABLE)
    assert (one.seq, one.payload_len, one.src) == (1, 11, "10.0.0.1")
    assert repr(one) == "<frame 1 ACK 10.0.0.1:40000>10.0.0.2:80 seq 1 ack 7 len 11 win 500>"


# --- fragments -----------------------------------------------------------------------------

BIG4 = IP(src="10.0.0.1", dst="10.0.0.2", id=9, ttl=33) / TCP(sport=40000, dport=80, seq=5) / Raw(bytes(range(250)) * 8)
BIG6 = IPv6(src="2001:db8::1", dst="2001:db8::2", hlim=33) / TCP(sport=40000, dport=80, seq=5) / Raw(bytes(2000))


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [0, 0, 1, 2, 3, 3]])
@pytest.mark.parametrize("six", [False, True])
def test_fragments_in_any_order_are_put_together(order: list[int], six: bool) -> None:
    if six:
        pieces = fragment6(_with_fragment_header(), 600)
    else:
        pieces = fragment(BIG4, 520)
    assert len(pieces) == 4
    frames = [bytes(Ether(**ETH) / pieces[index]) for index in order]
    records, decoder = decode(*frames)
    whole = BIG6 if six else BIG4
    assert len(records) == 1
    record = records[0]
    assert record.payload() == bytes(whole[TCP].payload)
    assert record.checksum_status() == CSUM_OK
    assert (record.seq, record.ttl, record.notes) == (5, 33, NOTE_REASSEMBLED)
    assert decoder.unwrapper.reassembled == 1
    assert decoder.skipped["fragment"] >= 3


def _with_fragment_header() -> Packet:
    return IPv6(src="2001:db8::1", dst="2001:db8::2", hlim=33) / IPv6ExtHdrFragment(id=77) / BIG6[TCP]


def test_incomplete_overlapping_and_foreign_fragments_give_nothing() -> None:
    pieces = fragment(BIG4, 520)
    assert decode(*[bytes(Ether(**ETH) / piece) for piece in pieces[:-1]])[0] == []
    other = pieces[1].copy()
    other.id = 10
    assert decode(*[bytes(Ether(**ETH) / piece) for piece in (pieces[0], other, *pieces[2:])])[0] == []
    shifted = pieces[1].copy()
    shifted.frag -= 1
    frames = [bytes(Ether(**ETH) / piece) for piece in (pieces[0], shifted, *pieces[1:])]
    records, decoder = decode(*frames)
    assert records == []
    assert decoder.unwrapper.reassembler.given_up == 1
    cut = bytes(Ether(**ETH) / pieces[1])
    assert decode(bytes(Ether(**ETH) / pieces[0]), cut[:-10], wire=len(cut))[0] == []


# --- ICMP ------------------------------------------------------------------------------------


@pytest.mark.parametrize("six", [False, True])
@pytest.mark.parametrize("payload", [b"", b"more of it"])
def test_icmp_errors_about_tcp_are_noted(six: bool, payload: bytes) -> None:
    src, dst = ("2001:db8::9", "2001:db8::1") if six else ("10.0.0.9", "10.0.0.1")
    quoted = files.segment(seq=77, six=six)
    message = IcmpMessage(src, dst, 2 if six else 3, 0 if six else 4, quoted, 1280)
    message.payload = payload
    ethernet = files.ETHERNET6 if six else files.ETHERNET4
    records, decoder = decode(files.frame(), ethernet + encode_packet(message))
    assert len(records) == 1
    assert decoder.skipped == {"icmp": 1}
    (error,) = decoder.icmp
    assert (error.frame, error.version, error.mtu, error.seq) == (2, 6 if six else 4, 1280, 77)
    assert error.key == make_key(quoted.src, quoted.sport, quoted.dst, quoted.dport)
    assert error.icmp_type == message.icmp_type


def test_icmp_about_other_things_is_not_noted() -> None:
    udp = Ether(**ETH) / IP() / ICMP(type=3, code=3) / IP() / UDP()
    echo = Ether(**ETH) / IP() / ICMP() / Raw(bytes(INNER4))
    cut = Ether(**ETH) / IP() / ICMP(type=3, code=3) / Raw(bytes(INNER4)[:24])
    _, decoder = decode(bytes(udp), bytes(echo), bytes(cut))
    assert decoder.icmp == []
    assert decoder.skipped == {"icmp": 3}


def _syn_frame(options: bytes, seq: int) -> bytes:
    """Ethernet, IPv4, a SYN with these options; checksums are of no interest here."""
    options += bytes(-len(options) % 4)
    tcp = struct.pack(">HHIIHHHH", 40000, 80, seq, 0, (5 + len(options) // 4) << 12 | 2, 64000, 0, 0) + options
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0, b"\x0a\0\0\1", b"\x0a\0\0\2")
    return bytes(12) + b"\x08\0" + head + tcp


LISTS = (
    b"\2\4\5\xb4\4\2%s\1\3\3\7", b"\2\4\5\xb4\1\3\3\6\1\1%s\4\2\0\0", b"\2\4\5\xb4\1\3\3\6\4\2%s", b"\2\4\5\xb4",
    b"\2\4\5\xb4\1\3\3\10\1\1\4\2", b"\1\1%s", b"\2\4\5\xb4\1\1%s\4\2", b"\4\2\2\4\5\xb4%s", b"\2\4\5\xb4\4\2%s",
    b"\2\4\4\2\4\2%s\4\2", b"\2\3\5\xb4\4\2%s",
)  # fmt: skip


@given(
    st.lists(
        st.tuples(st.sampled_from(LISTS), st.binary(min_size=8, max_size=8), st.integers(0, 3)), min_size=1, max_size=12
    )
)
def test_shared_options_of_syns_are_what_each_says(chosen: list[tuple[bytes, bytes, int]]) -> None:
    frames = []
    for number, (layout, stamps, spoil) in enumerate(chosen):
        options = bytearray(layout.replace(b"%s", b"\x08\x0a" + stamps))
        if spoil == 3:
            options[stamps[0] % len(options)] = stamps[1]
        frames.append(_syn_frame(bytes(options)[:40], number))
    fast, _ = decode(*frames)
    slow, _ = decode(*frames, fast=False)
    assert [look(record) for record in fast] == [look(record) for record in slow]


def test_equal_lists_share_one_object() -> None:
    frames = [_syn_frame(LISTS[0].replace(b"%s", b"\x08\x0a" + bytes([n] * 8)), n) for n in range(1, 5)]
    records, _ = decode(*frames)
    assert len({id(record.opts) for record in records}) == 1
    assert [record.ts_val for record in records] == [0x01010101 * n for n in range(1, 5)]
