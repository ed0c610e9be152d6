"""The network: nodes, links between them, routes, and the rules in force everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.base.errors import UsageError
from netsim.sim.impair import Directory, Impairer, Rule, RuleSet
from netsim.sim.link import Channel, InFlight, Link, LinkSettings, PacketNumbers, default_queue
from netsim.sim.router import Router

if TYPE_CHECKING:
    from netsim.base.events import Sink
    from netsim.base.packet import Packet
    from netsim.sim.kernel import Simulator
    from netsim.sim.node import Node
    from netsim.sim.queue import QueuePolicy


class Network:
    """Builds the network and answers questions about it.

    Add nodes, then links, then call `compute_routes` (again whenever the shape changes).
    Rules given to `add_rule` without a link judge a packet once: on the first link it
    takes from the host that sends it. Rules for a link judge what passes there.
    """

    def __init__(self, sim: Simulator, sink: Sink, directory: Directory) -> None:
        self.sim = sim
        self.sink = sink
        self.directory = directory
        self.numbers = PacketNumbers()
        self.nodes: dict[str, Node] = {}
        self.links: dict[str, Link] = {}
        self._costs: dict[str, int] = {}
        self._rules_at_hosts: RuleSet | None = None
        self._rules_at_links: dict[str, RuleSet] = {}

    # --- building -------------------------------------------------------------------------

    def add_node(self, node: Node) -> None:
        """Add a host or a router. UsageError: the name is taken."""
        if node.name in self.nodes:
            raise UsageError(f"there is a node '{node.name}' already")
        self.nodes[node.name] = node

    def add_router(self, name: str, addresses: list[str]) -> Router:
        """Add a router; its addresses are the sources of its ICMP messages."""
        router = Router(name, addresses, self.sink, self.numbers)
        self.add_node(router)
        return router

    def add_link(
        self,
        a: str,
        b: str,
        settings: LinkSettings,
        *,
        back: LinkSettings | None = None,
        queue: QueuePolicy | None = None,
        back_queue: QueuePolicy | None = None,
        name: str = "",
        cost: int = 1,
    ) -> Link:
        """Connect two nodes. `back` describes the way from `b` to `a` if it differs.

        `cost` is the weight for routing. UsageError: unknown node, or the name is taken.
        """
        if a == b:
            raise UsageError(f"a link needs two different ends, not '{a}' twice")
        ends = []
        for end in (a, b):
            if end not in self.nodes:
                raise UsageError(f"a link needs nodes that exist; there is no '{end}'")
            ends.append(self.nodes[end])
        name = name or f"{a}-{b}"
        if name in self.links:
            raise UsageError(f"there is a link '{name}' already")
        forward = self._channel(name, ends[0], ends[1], settings, queue)
        backward = self._channel(name, ends[1], ends[0], back or settings, back_queue)
        link = Link(name, forward, backward, self.sink)
        self.links[name] = link
        self._costs[name] = cost
        if self._rules_at_hosts is not None:
            self._place_rules_at_hosts(self._rules_at_hosts, link)
        return link

    def _channel(
        self, name: str, source: Node, target: Node, settings: LinkSettings, queue: QueuePolicy | None
    ) -> Channel:
        channel = Channel(
            self.sim, name, source, target, settings, queue or default_queue(), self.sink, self.numbers
        )  # fmt: skip
        source.channels.append(channel)
        return channel

    def compute_routes(self) -> None:
        """Give every node its routes. A node with one link sends everything over it."""
        for node in self.nodes.values():
            node.routes = {}
            node.default_route = node.channels[0] if len(node.channels) == 1 else None
        if all(len(node.channels) <= 1 for node in self.nodes.values()):
            return
        from netsim.sim.topology import shortest_path_routes

        links = [(link, self._costs[name]) for name, link in self.links.items()]
        routes = shortest_path_routes(self.nodes, links)
        for name, node in self.nodes.items():
            if node.default_route is None:
                node.routes = routes[name]

    # --- rules and chance -------------------------------------------------------------------

    def add_rule(self, rule: Rule, link: str = "") -> None:
        """Put a rule in force, everywhere or on one link. UsageError: no such link."""
        if link:
            if link not in self.links:
                raise UsageError(f"there is no link '{link}'")
            if link not in self._rules_at_links:
                rules = RuleSet(self.directory)
                self._rules_at_links[link] = rules
                self.links[link].forward.impairers.append(rules)
                self.links[link].backward.impairers.append(rules)
            self._rules_at_links[link].add(rule)
            return
        if self._rules_at_hosts is None:
            self._rules_at_hosts = RuleSet(self.directory)
            for each in self.links.values():
                self._place_rules_at_hosts(self._rules_at_hosts, each)
        self._rules_at_hosts.add(rule)

    def _place_rules_at_hosts(self, rules: RuleSet, link: Link) -> None:
        for channel in (link.forward, link.backward):
            if not isinstance(channel.source, Router):
                channel.impairers.insert(0, rules)

    def add_impairer(self, link: str, impairer: Impairer, from_node: str = "") -> None:
        """Put an impairer on a link: on both directions, or on the one that leaves `from_node`."""
        if link not in self.links:
            raise UsageError(f"there is no link '{link}'")
        chosen = self.links[link]
        if from_node:
            chosen.channel_from(from_node).impairers.append(impairer)
        else:
            chosen.forward.impairers.append(impairer)
            chosen.backward.impairers.append(impairer)

    # --- looks ------------------------------------------------------------------------------

    def channels(self) -> list[Channel]:
        """Every direction of every link, in the order of definition."""
        return [channel for link in self.links.values() for channel in (link.forward, link.backward)]

    def in_flight(self) -> list[InFlight]:
        """Every packet queued or on its way, in the order of arrival."""
        flights = [flight for channel in self.channels() for flight in channel.in_flight()]
        flights.sort(key=_arrival)
        return flights

    def find_in_flight(self, uid: int) -> InFlight | None:
        """The packet `uid`, if it is on its way."""
        return next((flight for flight in self.in_flight() if flight.packet.uid == uid), None)

    def find(self, packet: Packet) -> Channel | None:
        """The channel on which this packet is."""
        flight = self.find_in_flight(packet.uid)
        return None if flight is None else flight.channel


def _arrival(flight: InFlight) -> int:
    return flight.arrives_ns
