"""Hypothesis strategies for packets."""

from __future__ import annotations

import ipaddress

from hypothesis import strategies as st

from netsim.base.packet import (
    OPT_EOL,
    OPT_EXP,
    OPT_MD5,
    OPT_MSS,
    OPT_NOP,
    OPT_SACK,
    OPT_SACK_OK,
    OPT_TFO,
    OPT_TS,
    OPT_WSCALE,
    IcmpMessage,
    Packet,
    Segment,
    UdpDatagram,
)

U8 = st.integers(0, 0xFF)
U16 = st.integers(0, 0xFFFF)
U32 = st.integers(0, 0xFFFFFFFF)
V4 = st.integers(0, 2**32 - 1).map(lambda number: str(ipaddress.IPv4Address(number)))
_GROUP = st.one_of(st.just(0), st.just(0), U16)
V6 = st.lists(_GROUP, min_size=8, max_size=8).map(lambda groups: ":".join(f"{group:x}" for group in groups))
PAYLOAD = st.one_of(st.just(b""), st.binary(max_size=64), st.integers(0, 3000).map(bytes))
_UNKNOWN = [6, 7, 9, 14, 28, 69, 172, 253, 255]


@st.composite
def _one_option(draw: st.DrawFn) -> tuple[int, bytes]:
    """A kind and its data: well-formed, ill-formed in length, or unknown."""
    kind = draw(
        st.sampled_from([OPT_MSS, OPT_WSCALE, OPT_SACK_OK, OPT_SACK, OPT_TS, OPT_MD5, OPT_TFO, OPT_EXP, *_UNKNOWN])
    )
    size = {OPT_MSS: 2, OPT_WSCALE: 1, OPT_SACK_OK: 0, OPT_TS: 8, OPT_MD5: 16}.get(kind)
    if kind == OPT_SACK:
        size = 8 * draw(st.integers(1, 4))
    if size is None or draw(st.integers(0, 9)) == 0:
        size = draw(st.integers(0, 12))
    data = draw(st.binary(min_size=size, max_size=size))
    if kind == OPT_EXP and size >= 2 and draw(st.booleans()):
        data = b"\xf9\x89" + data[2:]
    return kind, data


@st.composite
def option_bytes(draw: st.DrawFn) -> bytes:
    """A well-formed options part of a header: at most 40 octets, padded with NOP or EOL."""
    out = b""
    for _ in range(draw(st.integers(0, 5))):
        if draw(st.booleans()):
            out += bytes([OPT_NOP])
        kind, data = draw(_one_option())
        piece = bytes([kind, len(data) + 2]) + data
        if len(out) + len(piece) <= 40:
            out += piece
    out = out[:40]
    fill = -len(out) % 4
    return out + (bytes([OPT_EOL]) * fill if draw(st.booleans()) else bytes([OPT_NOP]) * fill)


def _ip(draw: st.DrawFn, packet: Packet) -> None:
    packet.ttl = draw(U8)
    packet.tos = draw(U8)
    packet.corrupted = draw(st.booleans())
    if ":" not in packet.src:
        packet.ip_id = draw(U16)
        packet.df = draw(st.booleans())


@st.composite
def addresses(draw: st.DrawFn) -> tuple[str, str]:
    from netsim.wire.address import normalise

    family = draw(st.sampled_from([V4, V6]))
    return normalise(draw(family)), normalise(draw(family))


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    from netsim.wire.options import apply_options, decode_options

    src, dst = draw(addresses())
    segment = Segment(
        src, dst, draw(U16), draw(U16), draw(U32), draw(U32), draw(st.integers(0, 0x1FF)), draw(U16), draw(PAYLOAD)
    )
    segment.urg = draw(U16)
    raw = draw(option_bytes())
    apply_options(segment, decode_options(raw, 0, len(raw)))
    if draw(st.integers(0, 4)) == 0:
        segment.encap_sport, segment.encap_dport = draw(st.integers(1, 0xFFFF)), 9899
    _ip(draw, segment)
    return segment


@st.composite
def datagrams(draw: st.DrawFn) -> UdpDatagram:
    src, dst = draw(addresses())
    datagram = UdpDatagram(src, dst, draw(U16), draw(st.integers(0, 9898)), draw(PAYLOAD))
    datagram.sport %= 9899
    _ip(draw, datagram)
    return datagram


@st.composite
def quoted(draw: st.DrawFn, src: str, dst: str) -> Packet:
    """A packet with only those fields that an ICMP error quotes: the IP header and eight octets."""
    packet: Packet
    if draw(st.booleans()):
        packet = Segment(src, dst, draw(U16), draw(U16), draw(U32), 0, 0, 0)
    else:
        packet = UdpDatagram(src, dst, draw(U16), draw(U16), b"")
    packet.ttl, packet.tos = draw(U8), draw(U8)
    if ":" not in src:
        packet.ip_id, packet.df = draw(U16), draw(st.booleans())
    return packet


@st.composite
def messages(draw: st.DrawFn) -> IcmpMessage:
    src, dst = draw(addresses())
    six = ":" in src
    kind, code = draw(
        st.sampled_from(
            [(1, 0), (1, 4), (2, 0), (3, 0), (128, 0), (129, 0)]
            if six
            else [(3, 0), (3, 3), (3, 4), (11, 0), (8, 0), (0, 0)]
        )
    )
    message = IcmpMessage(src, dst, kind, code)
    error = kind < 128 if six else kind in (3, 11)
    if error:
        message.quoted = draw(quoted(dst, src))
        if (six and kind == 2) or (not six and code == 4):
            message.mtu = draw(st.integers(0, 0xFFFF))
    else:
        message.mtu = draw(U32)
        message.payload = draw(PAYLOAD)
    _ip(draw, message)
    return message


PACKETS = st.one_of(segments(), datagrams(), messages())


# Written out, because compiled classes do not tell their slots.
_IP_FIELDS = ("src", "dst", "ttl", "tos", "df", "ip_id", "corrupted")
_FIELDS = {
    "Segment": (
        "sport", "dport", "seq", "ack", "flags", "wnd", "urg", "payload", "layout", "opt_mss", "opt_wscale", "sack_ok",
        "ts_val", "ts_ecr", "sack", "tfo", "tfo_exp", "md5", "other", "encap_sport", "encap_dport",
    ),
    "UdpDatagram": ("sport", "dport", "payload"),
    "IcmpMessage": ("icmp_type", "icmp_code", "mtu", "payload"),
}  # fmt: skip


def fields(packet: Packet | None) -> dict[str, object]:
    """Every field of a packet that travels, for comparison; of a quoted packet likewise."""
    if packet is None:
        return {}
    kind = type(packet).__name__
    out: dict[str, object] = {"class": kind}
    out |= {name: getattr(packet, name) for name in (*_IP_FIELDS, *_FIELDS[kind])}
    if isinstance(packet, IcmpMessage):
        out["quoted"] = fields(packet.quoted)
    return out
