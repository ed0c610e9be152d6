"""Routers: forward, count TTL down, and answer with ICMP where a packet cannot go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.events import PacketDropped, PacketSent
from netsim.base.packet import IcmpMessage
from netsim.sim import reasons
from netsim.sim.impair import copy_packet
from netsim.sim.node import Node

if TYPE_CHECKING:
    from netsim.base.events import Sink
    from netsim.base.packet import Packet
    from netsim.base.reasons import Reason
    from netsim.sim.link import PacketNumbers

# (type, code) for IPv4 (RFC 792, RFC 1191) and IPv6 (RFC 4443).
UNREACHABLE_NET: Final = (3, 0)
FRAGMENTATION_NEEDED: Final = (3, 4)
TIME_EXCEEDED: Final = (11, 0)
NO_ROUTE6: Final = (1, 0)
PACKET_TOO_BIG6: Final = (2, 0)
TIME_EXCEEDED6: Final = (3, 0)


def is_icmp_error(packet: Packet) -> bool:
    """An ICMP error, about which no further error may be sent (RFC 1122 §3.2.2, RFC 4443 §2.4)."""
    return isinstance(packet, IcmpMessage) and packet.quoted is not None


class Router(Node):
    """Forwards what is not addressed to it (RFC 1812 §5.2; RFC 8200 for IPv6)."""

    def __init__(self, name: str, addresses: list[str], sink: Sink, numbers: PacketNumbers) -> None:
        super().__init__(name, addresses)
        self._sink = sink
        self._numbers = numbers
        self.forwarded = 0
        self.dropped = 0

    def receive(self, now_ns: int, packet: Packet) -> None:
        """Forward one packet, or say why not."""
        if packet.dst in self.addresses:
            self._drop(now_ns, packet, reasons.NOT_FOR_US)
            return
        if packet.ttl <= 1:
            self._drop(now_ns, packet, reasons.TTL)
            self._answer(now_ns, packet, TIME_EXCEEDED, TIME_EXCEEDED6, 0)
            return
        channel = self.route_to(packet.dst)
        if channel is None:
            self._drop(now_ns, packet, reasons.NO_ROUTE)
            self._answer(now_ns, packet, UNREACHABLE_NET, NO_ROUTE6, 0)
            return
        if self._sink.recording:
            packet = copy_packet(packet)  # the record keeps the packet as it was sent
        packet.ttl -= 1
        if channel.send(now_ns, packet):
            self.forwarded += 1
            return
        self._drop(now_ns, packet, reasons.TOO_BIG)
        if packet.df or ":" in packet.src:
            self._answer(now_ns, packet, FRAGMENTATION_NEEDED, PACKET_TOO_BIG6, channel.mtu)

    def _drop(self, now_ns: int, packet: Packet, reason: Reason) -> None:
        self.dropped += 1
        if self._sink.recording:
            self._sink.emit(PacketDropped(now_ns, self.name, packet, self.name, reason))

    def _answer(self, now_ns: int, packet: Packet, kind4: tuple[int, int], kind6: tuple[int, int], mtu: int) -> None:
        """Tell the sender by ICMP, from the router's address of the same family."""
        if is_icmp_error(packet):
            return
        six = ":" in packet.src
        source = next((address for address in self.addresses if (":" in address) == six), "")
        channel = self.route_to(packet.src)
        if not source or channel is None:
            return
        icmp_type, icmp_code = kind6 if six else kind4
        message = IcmpMessage(source, packet.src, icmp_type, icmp_code, packet, mtu)
        message.uid = self._numbers.next()
        if self._sink.recording:
            self._sink.emit(PacketSent(now_ns, self.name, message, channel.link_name))
        channel.send(now_ns, message)
