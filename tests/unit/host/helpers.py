"""Two hosts on a link, and shortcuts for calls on their sockets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netsim.base.events import Event, ListSink, PacketDropped, SegmentSent, StateChanged
from netsim.base.packet import Packet, Segment
from netsim.base.units import MS, SEC
from netsim.drive.virtual import World
from netsim.host.errors import SocketError
from netsim.host.host import Host
from netsim.host.settings import HostSettings
from netsim.host.socket import TcpSocket
from netsim.tcp.profile.base import Profile

A = "10.0.0.1"
B = "10.0.0.2"


class Two:
    """Hosts a and b, 10 ms apart. Calls happen now; `run` lets time pass."""

    def __init__(
        self, *, profile: Profile | None = None, settings: HostSettings | None = None, **changes: object
    ) -> None:
        self.sink = ListSink()
        self.world = World(1, self.sink)
        profile = replace(profile or Profile(), **changes)  # type: ignore[arg-type]
        self.a: Host = self.world.add_host("a", profile=profile)
        self.b: Host = self.world.add_host("b", profile=profile, settings=settings)
        self.link = self.world.add_link("a", "b", delay="10ms", rate="1Gbit/s")
        self.world.prepare()

    @property
    def now(self) -> int:
        return self.world.now_ns

    def pump(self) -> None:
        self.world.pump("a")
        self.world.pump("b")

    def run(self, ms: int = 0) -> None:
        """Let `ms` pass (0: until nothing is scheduled)."""
        self.pump()
        self.world.run(self.now + ms * MS if ms else -1)

    def listen(self, port: int = 80, backlog: int = 8, host: Host | None = None) -> TcpSocket:
        socket = (host or self.b).tcp_socket()
        socket.bind(self.now, "", port)
        socket.listen(self.now, backlog)
        return socket

    def connect(self, port: int = 80, source: int = 0, host: Host | None = None, to: str = B) -> TcpSocket:
        socket = (host or self.a).tcp_socket()
        if source:
            socket.bind(self.now, "", source)
        expect("EINPROGRESS", socket.connect, self.now, to, port)
        self.pump()
        return socket

    def pair(self, port: int = 80) -> tuple[TcpSocket, TcpSocket]:
        """A client and a server socket, connected."""
        listener = self.listen(port)
        client = self.connect(port)
        self.run(50)
        return client, listener.accept(self.now)

    def put(self, packet: Packet, to: str = "b") -> None:
        """A packet from nowhere arrives at a host now."""
        node = self.world.network.nodes[to]
        node.receive(self.now, packet)

    def events(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.sink.events if isinstance(event, kind)]

    def drops(self) -> list[str]:
        return [event.reason.code for event in self.sink.events if isinstance(event, PacketDropped)]

    def states(self, host: str) -> list[str]:
        return [e.new for e in self.sink.events if isinstance(e, StateChanged) and e.host == host]

    def sent(self, host: str) -> list[Segment]:
        return [e.segment for e in self.sink.events if isinstance(e, SegmentSent) and e.host == host]


def expect(errno_name: str, function, *args, **kwargs) -> None:
    """The call fails with this error."""
    with pytest.raises(SocketError) as info:
        function(*args, **kwargs)
    assert info.value.errno_name == errno_name


HOUR = 3600 * SEC
