"""A node of the network: what a link delivers to. Routers are nodes, and so is every host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.base.seams import mypyc_attr

if TYPE_CHECKING:
    from netsim.base.packet import Packet
    from netsim.sim.link import Channel


@mypyc_attr(allow_interpreted_subclasses=True)
class Node:
    """The base of hosts and routers. `channels` are the outgoing directions of its links."""

    def __init__(self, name: str, addresses: list[str]) -> None:
        self.name = name
        self.addresses = addresses
        self.channels: list[Channel] = []
        self.routes: dict[str, Channel] = {}
        self.default_route: Channel | None = None

    def receive(self, now_ns: int, packet: Packet) -> None:
        """A packet arrived over one of the node's links."""
        raise NotImplementedError

    def route_to(self, address: str) -> Channel | None:
        """The channel towards `address`; None if there is no way."""
        return self.routes.get(address, self.default_route)
