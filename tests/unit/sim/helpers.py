"""A tiny network for the tests of the simulator: nodes that only collect what arrives."""

from __future__ import annotations

from netsim.base.events import ListSink
from netsim.base.packet import ACK, Packet, Segment
from netsim.sim.impair import Directory
from netsim.sim.kernel import Simulator
from netsim.sim.link import LinkSettings
from netsim.sim.network import Network
from netsim.sim.node import Node
from netsim.sim.queue import QueuePolicy

A = "10.0.0.1"
B = "10.0.0.2"


class Collector(Node):
    def __init__(self, name: str, addresses: list[str]) -> None:
        super().__init__(name, addresses)
        self.got: list[tuple[int, Packet]] = []

    def receive(self, now_ns: int, packet: Packet) -> None:
        self.got.append((now_ns, packet))

    def times(self) -> list[int]:
        return [t for t, _ in self.got]

    def uids(self) -> list[int]:
        return [packet.uid for _, packet in self.got]


class Book(Directory):
    """Knows hosts a and b, and says that everyone is in `state`."""

    def __init__(self) -> None:
        self.state = "ESTABLISHED"

    def host_of(self, address: str) -> str:
        return {A: "a", B: "b"}.get(address, "")

    def state_of(self, source: str, packet: Packet) -> str:
        return self.state


class Pair:
    """Nodes a and b on one link."""

    def __init__(self, settings: LinkSettings, *, queue: QueuePolicy | None = None, seed: int = 1) -> None:
        self.sim = Simulator(seed)
        self.sink = ListSink()
        self.book = Book()
        self.net = Network(self.sim, self.sink, self.book)
        self.a = Collector("a", [A])
        self.b = Collector("b", [B])
        self.net.add_node(self.a)
        self.net.add_node(self.b)
        self.link = self.net.add_link("a", "b", settings, queue=queue)
        self.net.compute_routes()

    def send(self, packet: Packet, node: Node | None = None) -> bool:
        sender = node or self.a
        packet.uid = self.net.numbers.next()
        channel = sender.route_to(packet.dst)
        assert channel is not None
        return channel.send(self.sim.now_ns, packet)

    def send_data(self, length: int, seq: int = 0, flags: int = ACK) -> Segment:
        packet = segment(length, seq, flags)
        assert self.send(packet)
        return packet

    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.sink.events]


def segment(length: int, seq: int = 0, flags: int = ACK, src: str = A, dst: str = B) -> Segment:
    """A segment whose IP packet is 40 bytes longer than its payload."""
    return Segment(src, dst, 1000, 80, seq & 0xFFFFFFFF, 0, flags, 65535, bytes(length))
