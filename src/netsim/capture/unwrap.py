"""From a frame to the transport header of its innermost IP packet, through tunnels and fragments.

The slow, general way. `tcpview` has a fast one for the common case, and a test that both
agree. What is not TCP gets a reason, for the count of what was skipped.
"""

from __future__ import annotations

from typing import Final

from netsim.capture import link
from netsim.capture.fragments import Reassembler
from netsim.capture.frames import INBOUND, OUTBOUND
from netsim.capture.record import (
    NOTE_CUT,
    NOTE_INBOUND,
    NOTE_IP_TOO_LONG,
    NOTE_LENGTH_FROM_FRAME,
    NOTE_OUTBOUND,
    NOTE_REASSEMBLED,
    NOTE_TUNNELLED,
)

PROTO_ICMP: Final = 1
PROTO_IPIP: Final = 4
PROTO_TCP: Final = 6
PROTO_UDP: Final = 17
PROTO_IPV6: Final = 41
PROTO_GRE: Final = 47
PROTO_AH: Final = 51
PROTO_ICMPV6: Final = 58
PROTO_MPLS: Final = 137

_EXTENSIONS: Final = (0, 43, 60, 135, 139, 140)
"""Hop-by-hop, routing, destination options, mobility, HIP, shim6: (length + 1) * 8 octets each."""
_FRAGMENT: Final = 44
_VXLAN_PORTS: Final = (4789, 8472)
_GENEVE_PORT: Final = 6081
_NAMES: Final = {
    PROTO_ICMP: "icmp", 2: "igmp", PROTO_UDP: "udp", 50: "esp", PROTO_ICMPV6: "icmp", 89: "ospf", 132: "sctp",
}  # fmt: skip
_MAX_LAYERS: Final = 24
_MAX_ROUNDS: Final = 4
"""Datagrams put together for one frame: fragments of fragments occur in tunnels, and in attacks."""

_MORE: Final = "more"
"""Answer of a step: not there yet, `place` has the next layer."""
FOUND: Final = ""
ICMP: Final = "icmp"


class Unwrapper:
    """Finds the transport header.

    After `find` returned FOUND (TCP) or ICMP, the attributes hold:

    buf, at:     the transport header starts at buf[at] (buf is another one if fragments were put together)
    stop:        captured bytes of the IP packet end before this
    length:      octets of the transport header and payload by the IP header
    addresses:   source and destination, raw, one after the other
    protocol:    what the innermost IP packet carries
    version, ttl, tos, df, ip_id, notes: of the innermost IP header, as in `TcpRecord`
    """

    def __init__(self) -> None:
        self.reassembler = Reassembler()
        self.reassembled = 0
        self._place = link.Place()
        self.buf = b""
        self.at = 0
        self.stop = 0
        self.length = 0
        self.addresses = b""
        self.version = 4
        self.ttl = 0
        self.tos = 0
        self.df = False
        self.ip_id = -1
        self.notes = 0
        self.protocol = 0
        self._wire_stop = 0
        self._t_ns = 0
        self._rounds = 0

    def find(self, buf: bytes, at: int, stop: int, wire_len: int, linktype: int, t_ns: int, direction: int) -> str:
        """Walk down from the link layer. FOUND, ICMP, or the reason why there is no TCP here."""
        self.buf = buf
        self.stop = stop
        self._wire_stop = max(at + wire_len, stop)
        self._t_ns = t_ns
        self.notes = 0
        self._rounds = 0
        place = self._place
        link.enter_link(place, linktype, buf, at, stop)
        direction = direction or place.direction
        if direction == OUTBOUND:
            self.notes = NOTE_OUTBOUND
        elif direction == INBOUND:
            self.notes = NOTE_INBOUND
        for _ in range(_MAX_LAYERS):
            answer = self._layer()
            if answer != _MORE:
                return answer
        return "malformed"

    def _layer(self) -> str:
        """One step down from `place`."""
        place = self._place
        kind = place.ethertype
        if kind == link.BY_NIBBLE:
            if place.at >= self.stop:
                return "truncated"
            nibble = self.buf[place.at] >> 4
            kind = link.IPV4 if nibble == 4 else link.IPV6 if nibble == 6 else link.NOT_IP
        if kind == link.IPV4:
            answer = self._ipv4(place.at)
        elif kind == link.IPV6:
            answer = self._ipv6(place.at)
        elif kind == link.ARP:
            return "arp"
        elif kind == link.CUT:
            return "truncated" if self.stop < self._wire_stop else "not-ip"
        elif kind == link.UNKNOWN_LINK:
            return "unknown-linktype"
        else:
            return self._enter(kind)
        return self._transport() if answer == FOUND else answer

    def _enter(self, kind: int) -> str:
        """An encapsulation between link and IP."""
        place, buf, stop = self._place, self.buf, self.stop
        if kind in (link.MPLS, link.MPLS_MULTICAST):
            link.enter_mpls(place, buf, place.at, stop)
        elif kind == link.PPPOE_SESSION:
            link.enter_pppoe(place, buf, place.at, stop)
        elif kind == link.ETHERNET:
            link.enter_ethernet(place, buf, place.at, stop)
        elif kind == link.PPP:
            link.enter_ppp(place, buf, place.at, stop)
        else:
            return "not-ip"
        return _MORE

    # --- IP -----------------------------------------------------------------------------

    def _ipv4(self, at: int) -> str:
        """RFC 791 §3.1."""
        buf = self.buf
        if self.stop - at < 20:
            return "truncated" if self.stop < self._wire_stop else "malformed"
        header = (buf[at] & 15) * 4
        total = buf[at + 2] << 8 | buf[at + 3]
        if buf[at] >> 4 != 4 or header < 20:
            return "malformed"
        if total == 0:
            total = self._wire_stop - at
            self.notes |= NOTE_LENGTH_FROM_FRAME
        if total < header:
            return "malformed"
        self._set_extent(at, total)
        if at + header > self.stop:
            return "truncated" if self.stop < self._wire_stop else "malformed"
        fragment = buf[at + 6] << 8 | buf[at + 7]
        if fragment & 0x3FFF:
            return self._fragment4(at, header, total, fragment)
        self.version = 4
        self.addresses = buf[at + 12 : at + 20]
        self.tos = buf[at + 1]
        self.ttl = buf[at + 8]
        self.df = bool(fragment & 0x4000)
        self.ip_id = buf[at + 4] << 8 | buf[at + 5]
        self.protocol = buf[at + 9]
        self.at = at + header
        self.length = total - header
        return FOUND

    def _fragment4(self, at: int, header: int, total: int, fragment: int) -> str:
        buf = self.buf
        if self.stop < at + total:
            return "fragment"
        key = b"4" + buf[at + 12 : at + 20] + buf[at + 9 : at + 10] + buf[at + 4 : at + 6]
        # The header of the datagram: the first fragment's, without flags, offset and length (0 = by the frame).
        front = buf[at : at + 2] + b"\0\0" + buf[at + 4 : at + 6] + bytes([buf[at + 6] & 0x40, 0])
        front += buf[at + 8 : at + header]
        data = buf[at + header : at + total]
        more = bool(fragment & 0x2000)
        return self._reassemble(key, front, (fragment & 0x1FFF) * 8, more, data, link.IPV4)

    def _ipv6(self, at: int) -> str:
        """RFC 8200 §3 and §4: the header and its chain of extension headers."""
        buf = self.buf
        if self.stop - at < 40:
            return "truncated" if self.stop < self._wire_stop else "malformed"
        if buf[at] >> 4 != 6:
            return "malformed"
        length = buf[at + 4] << 8 | buf[at + 5]
        if length == 0 and self._wire_stop > at + 40 and buf[at + 6] != 59:
            length = self._wire_stop - at - 40  # a jumbogram (RFC 2675) or an offload giant
            self.notes |= NOTE_LENGTH_FROM_FRAME
        self._set_extent(at, 40 + length)
        self.version = 6
        self.addresses = buf[at + 8 : at + 40]
        self.tos = (buf[at] & 15) << 4 | buf[at + 1] >> 4
        self.ttl = buf[at + 7]
        self.df = True
        self.ip_id = -1
        return self._extensions(at, at + 40, at + 40 + length)

    def _extensions(self, ip_at: int, at: int, end: int) -> str:
        buf = self.buf
        protocol = buf[ip_at + 6]
        protocol_at = ip_at + 6
        while protocol in _EXTENSIONS or protocol in (_FRAGMENT, PROTO_AH):
            if at + 8 > self.stop:
                return "truncated" if self.stop < end else "malformed"
            if protocol == _FRAGMENT:
                size = 8
                word = buf[at + 2] << 8 | buf[at + 3]
                if word & 0xFFF9:
                    return self._fragment6(ip_at, protocol_at, at, end, word)
            elif protocol == PROTO_AH:
                size = (buf[at + 1] + 2) * 4
            else:
                size = (buf[at + 1] + 1) * 8
                if protocol == 43 and buf[at + 3] and at + size <= self.stop and size >= 24:
                    self._final_destination(at, size)
            protocol = buf[at]
            protocol_at = at
            at += size
            if at > self.stop:
                return "truncated" if self.stop < end else "malformed"
        self.protocol = protocol
        self.at = at
        self.length = end - at
        return FOUND

    def _final_destination(self, at: int, size: int) -> None:
        """A routing header with segments left: the pseudo header has the last address (RFC 8200 §8.1, RFC 8754)."""
        last = at + 8 if self.buf[at + 2] == 4 else at + size - 16
        self.addresses = self.addresses[:16] + self.buf[last : last + 16]

    def _fragment6(self, ip_at: int, protocol_at: int, at: int, end: int, word: int) -> str:
        buf = self.buf
        if self.stop < end:
            return "fragment"
        key = b"6" + self.addresses + buf[at + 4 : at + 8]
        # The unfragmentable part, whose last next-header field now names what followed the fragment header.
        front = bytearray(buf[ip_at:at])
        front[4] = front[5] = 0
        front[protocol_at - ip_at] = buf[at]
        return self._reassemble(key, bytes(front), word & 0xFFF8, bool(word & 1), buf[at + 8 : end], link.IPV6)

    def _reassemble(self, key: bytes, front: bytes, offset: int, more: bool, data: bytes, kind: int) -> str:
        whole = self.reassembler.add(key, self._t_ns, front, offset, more, data)
        if whole is None:
            return "fragment"
        self._rounds += 1
        if self._rounds > _MAX_ROUNDS:
            return "malformed"
        self.reassembled += 1
        self.buf = whole
        self.stop = len(whole)
        self._wire_stop = len(whole)
        self._place.set(kind, 0)
        answer = self._ipv4(0) if kind == link.IPV4 else self._ipv6(0)
        self.notes = self.notes & ~NOTE_LENGTH_FROM_FRAME | NOTE_REASSEMBLED
        return answer

    def _set_extent(self, at: int, total: int) -> None:
        """The IP packet says that it is `total` octets long: padding after it is none of its bytes."""
        end = at + total
        if end > self._wire_stop:
            self.notes |= NOTE_IP_TOO_LONG
        if end > self.stop:
            self.notes |= NOTE_CUT
        else:
            self.stop = end
        self._wire_stop = end

    # --- what IP carries --------------------------------------------------------------------

    def _transport(self) -> str:
        """TCP and ICMP are the end of the way; tunnels lead on."""
        protocol = self.protocol
        if protocol == PROTO_TCP:
            return FOUND if self.at + 20 <= self.stop else "truncated" if self.notes & NOTE_CUT else "malformed"
        place = self._place
        if protocol == PROTO_UDP:
            return self._udp()
        if protocol in (PROTO_IPIP, PROTO_IPV6):
            place.set(link.IPV4 if protocol == PROTO_IPIP else link.IPV6, self.at)
        elif protocol == PROTO_GRE:
            link.enter_gre(place, self.buf, self.at, self.stop)
        elif protocol == PROTO_MPLS:
            link.enter_mpls(place, self.buf, self.at, self.stop)
        elif protocol == PROTO_AH and self.at + 8 <= self.stop:
            self.protocol = self.buf[self.at]
            size = (self.buf[self.at + 1] + 2) * 4
            self.at += size
            self.length -= size
            return self._transport() if self.length >= 0 and self.protocol != PROTO_AH else "malformed"
        else:
            return _NAMES.get(protocol, "other-ip")
        self.notes = (self.notes | NOTE_TUNNELLED) & ~NOTE_LENGTH_FROM_FRAME
        return _MORE

    def _udp(self) -> str:
        """A datagram is skipped, unless a VXLAN or Geneve tunnel runs in it."""
        buf, at = self.buf, self.at
        if at + 8 > self.stop:
            return "udp"
        port = buf[at + 2] << 8 | buf[at + 3]
        inside = (port in _VXLAN_PORTS and link.enter_vxlan(self._place, buf, at + 8, self.stop)) or (
            port == _GENEVE_PORT and link.enter_geneve(self._place, buf, at + 8, self.stop)
        )
        if not inside:
            return "udp"
        self.notes |= NOTE_TUNNELLED
        return _MORE
