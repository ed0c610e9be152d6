"""The one pump: after every input or call, drain what the host wants to send, then ask for its deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.base.seams import mypyc_attr

if TYPE_CHECKING:
    from netsim.base.packet import Packet
    from netsim.host.host import Host


@mypyc_attr(allow_interpreted_subclasses=True)
class Outlet:
    """Where a host's packets go: a simulated link, a TUN device, a script."""

    def transmit(self, now_ns: int, packet: Packet) -> None:
        """Take one packet."""
        raise NotImplementedError


def pump(now_ns: int, host: Host, outlet: Outlet) -> int | None:
    """Drain `poll_transmit` into `outlet`; returns `next_deadline`. Every driver calls this and nothing else."""
    while True:
        packet = host.poll_transmit(now_ns)
        if packet is None:
            return host.next_deadline()
        outlet.transmit(now_ns, packet)
