"""A host in the simulated network: receives from links, sends on links."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.base.events import PacketDropped, PacketSent
from netsim.base.packet import IcmpMessage, Packet, Segment
from netsim.drive.offload import split
from netsim.drive.pump import Outlet
from netsim.drive.station import Station
from netsim.sim import reasons
from netsim.sim.node import Node
from netsim.sim.router import FRAGMENTATION_NEEDED, PACKET_TOO_BIG6, is_icmp_error

if TYPE_CHECKING:
    from netsim.host.host import Host
    from netsim.sim.kernel import Simulator
    from netsim.sim.link import Channel, PacketNumbers


class Interface(Outlet):
    """The host's way out: numbers its packets, finds the link, and cuts offloaded segments."""

    def __init__(self, host: Host, node: Node, numbers: PacketNumbers) -> None:
        self.host = host
        self.node = node
        self.numbers = numbers

    def transmit(self, now_ns: int, packet: Packet) -> None:
        """Give a packet to the link towards its destination."""
        channel = self.node.route_to(packet.dst)
        host = self.host
        if channel is None or host.owns(packet.dst):
            self._drop(now_ns, packet, channel)
            return
        if host.profile.tso and isinstance(packet, Segment) and self._offload(now_ns, packet):
            return
        packet.uid = self.numbers.next()
        if host.sink.recording:
            host.sink.emit(PacketSent(now_ns, host.name, packet, channel.link_name))
        if not channel.send(now_ns, packet):
            self._too_big(now_ns, packet, channel)

    def _offload(self, now_ns: int, segment: Segment) -> bool:
        """Cut a segment larger than its connection's MSS. False: it was not made for offload."""
        conn = self.host.connection_of(segment)
        if conn is None:
            return False
        mss = conn.ep.sender.piece_bytes(conn.ep, segment)
        if len(segment.payload) <= mss:
            return False
        for piece in split(segment, mss):
            self.transmit(now_ns, piece)
        return True

    def _drop(self, now_ns: int, packet: Packet, channel: Channel | None) -> None:
        """No way, or a packet to the host itself (which has no loopback)."""
        if self.host.sink.recording:
            reason = reasons.NO_ROUTE if channel is None else reasons.NO_LOOPBACK
            self.host.sink.emit(PacketDropped(now_ns, self.host.name, packet, self.host.name, reason))

    def _too_big(self, now_ns: int, packet: Packet, channel: Channel) -> None:
        """The first link cannot carry it: the stack is told at once, as by a router."""
        host = self.host
        if host.sink.recording:
            host.sink.emit(PacketDropped(now_ns, host.name, packet, channel.link_name, reasons.TOO_BIG))
        if is_icmp_error(packet):
            return
        kind, code = PACKET_TOO_BIG6 if ":" in packet.src else FRAGMENTATION_NEEDED
        host.handle_packet(now_ns, IcmpMessage(packet.src, packet.src, kind, code, packet, channel.mtu))


class HostNode(Node):
    """The node of a host: every arrival is handled and pumped at once."""

    def __init__(self, host: Host, sim: Simulator, numbers: PacketNumbers) -> None:
        super().__init__(host.name, host.addresses)
        self.host = host
        self.station = Station(host, sim, Interface(host, self, numbers))

    def receive(self, now_ns: int, packet: Packet) -> None:
        """A packet arrived from a link."""
        self.station.receive(now_ns, packet)

    def pump(self, now_ns: int) -> None:
        """After calls on the host's sockets: send what there is to send, and set the alarm."""
        self.station.pump(now_ns)
