"""UDP in scenarios: a bound port that may echo, and single datagrams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.host.errors import SocketError
from netsim.scenario.party import Parties, Soon
from netsim.scenario.pattern import pattern

if TYPE_CHECKING:
    from netsim.drive.virtual import World
    from netsim.scenario.model import Step


class UdpParty(Soon):
    """An application on a UDP port: reads everything, and echoes if it is told to."""

    def __init__(self, parties: Parties, host: str, now_ns: int, port: int, echo: bool) -> None:
        super().__init__(parties, host)
        self.raw = parties.world.host(host).udp_socket()
        self.raw.bind(now_ns, "", port)
        self.raw.watcher = self
        self.echo = echo
        self.received: list[bytes] = []

    def look(self, now_ns: int) -> None:
        """Take what has come."""
        while True:
            try:
                data, address, port = self.raw.receive_from(now_ns, 65535)
            except SocketError:
                return
            self.received.append(data)
            if self.echo:
                self.raw.send_to(now_ns, data, address, port)


def send_datagram(world: World, step: Step, now_ns: int) -> None:
    """Send one datagram from the step's host."""
    args = step.args
    socket = world.host(step.host).udp_socket()
    if args["local_port"]:
        socket.bind(now_ns, "", args["local_port"])
    data = args["data"] if args["data"] is not None else pattern(0, args["bytes"])
    socket.send_to(now_ns, data, world.resolve(args["host"]), args["port"])
