"""The IPv4 header (RFC 791 §3.1). Encoding writes no options; decoding passes over them."""

from __future__ import annotations

from struct import Struct
from typing import Final

from netsim.base.packet import Packet
from netsim.wire.checksum import checksum, ones_sum
from netsim.wire.malformed import Malformed

_HEADER: Final = Struct(">BBHHHBBH4s4s")
HEADER_BYTES: Final = 20
_DF: Final = 0x4000
_MF_OFFSET: Final = 0x3FFF


class IpHeader:
    """What both IP versions' decoders answer.

    protocol: what follows            at, stop: where it lies
    src, dst: raw octets              ok: the header's own checksum is right (IPv6 has none)
    """

    __slots__ = ("at", "df", "dst", "ip_id", "ok", "protocol", "src", "stop", "tos", "ttl")

    def __init__(self, src: bytes, dst: bytes, protocol: int, at: int, stop: int) -> None:
        self.src = src
        self.dst = dst
        self.protocol = protocol
        self.at = at
        self.stop = stop
        self.ttl = 64
        self.tos = 0
        self.df = True
        self.ip_id = 0
        self.ok = True

    def apply(self, packet: Packet) -> None:
        """Copy the header's fields into a packet."""
        packet.ttl = self.ttl
        packet.tos = self.tos
        packet.df = self.df
        packet.ip_id = self.ip_id


def encode_ipv4(packet: Packet, src: bytes, dst: bytes, protocol: int, payload_bytes: int) -> bytes:
    """The header for a payload of that many octets.

    A packet longer than 65,535 octets has a total length of 0, as captures of offload giants have.
    """
    total = HEADER_BYTES + payload_bytes
    if total > 65535:
        total = 0
    fragment = _DF if packet.df else 0
    header = _HEADER.pack(0x45, packet.tos, total, packet.ip_id, fragment, packet.ttl, protocol, 0, src, dst)
    return header[:10] + checksum(header).to_bytes(2, "big") + header[12:]


def decode_ipv4(data: bytes, start: int, stop: int, *, quoted: bool = False) -> IpHeader | Malformed:
    """The header at data[start:stop]. `quoted`: the packet may be cut short (inside an ICMP error)."""
    if stop - start < HEADER_BYTES:
        return Malformed("truncated", stop - start, f"an IPv4 header has 20 octets or more; {stop - start} are there")
    version, tos, total, ip_id, fragment, ttl, protocol, _, src, dst = _HEADER.unpack_from(data, start)
    header = (version & 15) * 4
    if header < HEADER_BYTES or start + header > stop:
        return Malformed("ip-header-length", 0, f"the IPv4 header claims {header} octets")
    if total == 0:
        total = stop - start
    if total < header:
        return Malformed("ip-total-length", 2, f"the total length {total} is shorter than the header")
    if start + total > stop and not quoted:
        return Malformed("truncated", stop - start, f"the packet claims {total} octets; {stop - start} are there")
    if fragment & _MF_OFFSET:
        return Malformed("fragment", 6, "a fragment of a packet")
    out = IpHeader(src, dst, protocol, start + header, min(start + total, stop))
    out.ttl = ttl
    out.tos = tos
    out.ip_id = ip_id
    out.df = fragment & _DF != 0
    out.ok = ones_sum(data[start : start + header]) == 0xFFFF
    return out
