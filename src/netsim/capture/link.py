"""Link layers: where in a frame the network layer begins, and what it is.

Every function answers in ethertypes (RFC 9542), whatever the link's own numbers are.
Source of the link types: the registry of the pcap and pcapng formats.
"""

from __future__ import annotations

from typing import Final

from netsim.capture import frames

IPV4: Final = 0x0800
ARP: Final = 0x0806
IPV6: Final = 0x86DD
ETHERNET: Final = 0x6558
"""Transparent Ethernet bridging: a whole Ethernet frame follows."""
MPLS: Final = 0x8847
MPLS_MULTICAST: Final = 0x8848
PPPOE_SESSION: Final = 0x8864
PPP: Final = 0x880B
BY_NIBBLE: Final = -2
"""Raw IP: the version nibble tells."""
NOT_IP: Final = -1
CUT: Final = -3
"""The captured bytes end before the network layer begins."""
UNKNOWN_LINK: Final = -4

_VLAN: Final = (0x8100, 0x88A8, 0x9100, 0x9200)
_PPP_TYPES: Final = {0x0021: IPV4, 0x0057: IPV6, 0x0281: MPLS, 0x0283: MPLS_MULTICAST}
_AF_INET: Final = 2
_AF_INET6: Final = (10, 24, 28, 30)
"""Linux, NetBSD and OpenBSD, FreeBSD, macOS."""


class Place:
    """Where the network layer begins: `at`, its `ethertype` (or a negative answer), and the frame's direction."""

    __slots__ = ("at", "direction", "ethertype")

    def __init__(self) -> None:
        self.at = 0
        self.ethertype = NOT_IP
        self.direction = 0

    def set(self, ethertype: int, at: int) -> None:
        """Both at once."""
        self.ethertype = ethertype
        self.at = at


def _u16(buf: bytes, at: int) -> int:
    return buf[at] << 8 | buf[at + 1]


def enter_link(place: Place, linktype: int, buf: bytes, at: int, stop: int) -> None:
    """Pass over the link header of a frame that lies at [at, stop)."""
    place.direction = 0
    if linktype == frames.LINK_ETHERNET:
        enter_ethernet(place, buf, at, stop)
    elif linktype in (
        frames.LINK_RAW, frames.LINK_RAW_BSD, frames.LINK_RAW_OPENBSD, frames.LINK_IPV4, frames.LINK_IPV6,
    ):  # fmt: skip
        place.set(BY_NIBBLE, at)
    elif linktype == frames.LINK_SLL:
        _enter_cooked(place, buf, at, stop, 16, 0, 2, 14)
    elif linktype == frames.LINK_SLL2:
        _enter_cooked(place, buf, at, stop, 20, 10, 8, 0)
    elif linktype in (frames.LINK_NULL, frames.LINK_LOOP):
        _enter_loopback(place, buf, at, stop)
    elif linktype in (frames.LINK_PPP, frames.LINK_PPP_HDLC):
        enter_ppp(place, buf, at, stop)
    elif linktype == frames.LINK_PPPOE:
        enter_pppoe(place, buf, at, stop)
    elif linktype == frames.LINK_C_HDLC:
        place.set(_u16(buf, at + 2) if stop - at >= 4 else CUT, at + 4)
    elif linktype == frames.LINK_MPLS:
        place.set(MPLS, at)
    elif linktype == frames.LINK_NONE:
        place.set(NOT_IP, at)
    else:
        place.set(UNKNOWN_LINK, at)


def enter_ethernet(place: Place, buf: bytes, at: int, stop: int) -> None:
    """Ethernet II, 802.3 with LLC and SNAP, any number of VLAN tags (802.1Q, QinQ)."""
    if stop - at < 14:
        place.set(CUT, stop)
        return
    ethertype = _u16(buf, at + 12)
    at += 14
    while ethertype in _VLAN:
        if stop - at < 4:
            place.set(CUT, stop)
            return
        ethertype = _u16(buf, at + 2)
        at += 4
    if ethertype < 0x0600:
        _enter_llc(place, buf, at, stop)
    else:
        place.set(ethertype, at)


def _enter_llc(place: Place, buf: bytes, at: int, stop: int) -> None:
    """802.2 LLC: only SNAP with an Ethernet type carries IP (RFC 1042)."""
    if stop - at >= 8 and buf[at : at + 6] == b"\xaa\xaa\x03\x00\x00\x00":
        place.set(_u16(buf, at + 6), at + 8)
    else:
        place.set(NOT_IP if stop - at >= 3 else CUT, at)


def _enter_cooked(
    place: Place, buf: bytes, at: int, stop: int, size: int, type_at: int, hardware_at: int, protocol_at: int
) -> None:
    """Linux cooked capture, version 1 (LINKTYPE 113) and 2 (276)."""
    if stop - at < size:
        place.set(CUT, stop)
        return
    kind = buf[at + type_at] if size == 20 else _u16(buf, at + type_at)
    if kind == 4:
        place.direction = frames.OUTBOUND
    elif kind <= 2:
        place.direction = frames.INBOUND
    protocol = _u16(buf, at + protocol_at)
    at += size
    while protocol in _VLAN and stop - at >= 4:
        protocol = _u16(buf, at + 2)
        at += 4
    if protocol == 4:
        _enter_llc(place, buf, at, stop)
    else:
        place.set(protocol, at)


def _enter_loopback(place: Place, buf: bytes, at: int, stop: int) -> None:
    """BSD loopback: the address family in four octets, in the capturing host's order or the network's."""
    if stop - at < 4:
        place.set(CUT, stop)
        return
    family = int.from_bytes(buf[at : at + 4], "big")
    if family > 0xFFFF:
        family = int.from_bytes(buf[at : at + 4], "little")
    if family == _AF_INET:
        place.set(IPV4, at + 4)
    elif family in _AF_INET6:
        place.set(IPV6, at + 4)
    else:
        place.set(NOT_IP, at + 4)


def enter_ppp(place: Place, buf: bytes, at: int, stop: int) -> None:
    """PPP (RFC 1661), with or without the HDLC address and control octets and protocol compression."""
    if stop - at >= 2 and buf[at] == 0xFF and buf[at + 1] == 0x03:
        at += 2
    if stop - at < 2:
        place.set(CUT, stop)
        return
    if buf[at] & 1:
        protocol = buf[at]
        at += 1
    else:
        protocol = _u16(buf, at)
        at += 2
    place.set(_PPP_TYPES.get(protocol, NOT_IP), at)


def enter_pppoe(place: Place, buf: bytes, at: int, stop: int) -> None:
    """PPPoE session stage (RFC 2516 §4): six octets, then PPP. Discovery (code not 0) carries no IP."""
    if stop - at < 8:
        place.set(CUT, stop)
    elif buf[at] != 0x11 or buf[at + 1] != 0:
        place.set(NOT_IP, at)
    else:
        enter_ppp(place, buf, at + 6, stop)


def enter_mpls(place: Place, buf: bytes, at: int, stop: int) -> None:
    """MPLS label stack (RFC 3032); what is below is told by its first nibble (RFC 4928), 0 = a pseudowire."""
    while True:
        if stop - at < 4:
            place.set(CUT, stop)
            return
        bottom = buf[at + 2] & 1
        at += 4
        if bottom:
            break
    nibble = buf[at] >> 4 if at < stop else -1
    if nibble < 0:
        place.set(CUT, stop)
    elif nibble in (4, 6):
        place.set(BY_NIBBLE, at)
    elif nibble == 0:
        enter_ethernet(place, buf, at + 4, stop)
    else:
        place.set(NOT_IP, at)


def enter_gre(place: Place, buf: bytes, at: int, stop: int) -> None:
    """GRE (RFC 2784, 2890), its PPTP variant (RFC 2637), and ERSPAN mirrors inside it."""
    if stop - at < 4:
        place.set(CUT, stop)
        return
    flags = _u16(buf, at)
    ethertype = _u16(buf, at + 2)
    version = flags & 7
    if flags & 0x4000 or version > 1:
        place.set(NOT_IP, at)
        return
    at += 4
    if flags & 0x8000:
        at += 4
    if flags & 0x2000:
        at += 4
    if flags & 0x1000:
        at += 4
    if version == 1 and flags & 0x0080:
        at += 4
    if ethertype == 0x88BE:
        at += 8 if flags & 0x1000 else 0
        ethertype = ETHERNET
    elif ethertype == 0x22EB:
        at += 20 if at + 12 <= stop and buf[at + 11] & 1 else 12
        ethertype = ETHERNET
    place.set(ethertype if at < stop else CUT, min(at, stop))


def enter_vxlan(place: Place, buf: bytes, at: int, stop: int) -> bool:
    """VXLAN (RFC 7348 §5); False if these are no VXLAN octets."""
    if stop - at < 8 or buf[at] & 0x08 == 0 or buf[at + 7] != 0:
        return False
    enter_ethernet(place, buf, at + 8, stop)
    return True


def enter_geneve(place: Place, buf: bytes, at: int, stop: int) -> bool:
    """Geneve (RFC 8926 §3.4); False if these are no Geneve octets."""
    if stop - at < 8 or buf[at] >> 6 != 0:
        return False
    place.set(_u16(buf, at + 2), min(at + 8 + (buf[at] & 0x3F) * 4, stop))
    return True
