"""A host: addresses, a TCP and a UDP, ICMP; sans-IO.

Driven like a connection: `handle_packet`, `handle_timeout`, then `poll_transmit` until it
returns None, then `next_deadline`. Sockets are made here; after every call on a socket
the driver must poll as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from netsim.base.errors import UsageError
from netsim.base.events import PacketDelivered, PacketDropped
from netsim.base.packet import IcmpMessage, Packet, Segment, UdpDatagram
from netsim.host import reasons
from netsim.host.errors import SocketError
from netsim.host.fastopen import CookieCache, LinuxCookieCache
from netsim.host.isn import EphemeralPorts, IsnSource, Secret
from netsim.host.pmtu import PathMtuCache, is_too_big
from netsim.host.settings import HostSettings
from netsim.host.socket import TcpSocket
from netsim.host.tcp_layer import TcpLayer
from netsim.host.udp import UdpLayer, UdpSocket

if TYPE_CHECKING:
    from netsim.base.events import Sink
    from netsim.base.reasons import Reason
    from netsim.tcp.connection import Connection
    from netsim.tcp.profile.base import Profile
    from netsim.tcp.profile.route import RouteMetrics


class RandomBits(Protocol):
    """What a host needs of a generator: `random.Random` has it."""

    def getrandbits(self, k: int, /) -> int:
        """An integer of `k` random bits."""
        ...


class ConnectionNumbers:
    """Numbers the connections of a run: 1, 2, 3, ... Hosts of one run share one."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last = 0

    def next(self) -> int:
        """The next number."""
        self.last += 1
        return self.last


_ECHO: Final = (8, 0)
_ECHO_REPLY: Final = (0, 0)
_ECHO6: Final = (128, 0)
_ECHO_REPLY6: Final = (129, 0)


class Host:
    """One host of the network, or the local end of a TUN device.

    addresses: IPv4 and IPv6, the first of each family is used for sending
    profile:   the stack that new connections use
    rng:       a seeded generator, from which the host's secret comes
    mtu:       of its link
    """

    def __init__(
        self,
        name: str,
        addresses: list[str],
        profile: Profile,
        *,
        sink: Sink,
        rng: RandomBits,
        mtu: int = 1500,
        numbers: ConnectionNumbers | None = None,
        settings: HostSettings | None = None,
    ) -> None:
        if not addresses:
            raise UsageError(f"host '{name}' needs an address")
        self.name = name
        self.addresses = addresses
        self.profile = profile
        self.sink = sink
        self.mtu = mtu
        self.numbers = numbers or ConnectionNumbers()
        self.settings = settings or HostSettings()
        self.secret = Secret(rng.getrandbits(128).to_bytes(16, "big"))
        self.isn = IsnSource(self.secret)
        self.ports = EphemeralPorts(
            self.secret, self.settings.first_port, self.settings.last_port, self.settings.ports_in_order
        )  # fmt: skip
        self.cookies = LinuxCookieCache() if profile.fast_open_cache == "linux" else CookieCache()
        self.path_mtu = PathMtuCache(self.settings.path_mtu_age_ns)
        self.routes: dict[str, RouteMetrics] = {}
        """Metrics of routes by the peer's address."""
        self.out: list[Packet] = []  # hardly ever more than one
        self.tcp = TcpLayer(self)
        self.udp = UdpLayer(self)
        self._own = frozenset(addresses)

    # --- inputs -----------------------------------------------------------------------------

    def handle_packet(self, now_ns: int, packet: Packet) -> None:
        """A packet arrived at this host."""
        if packet.corrupted:
            self._drop(now_ns, packet, reasons.CORRUPTED)
            return
        if packet.dst not in self._own:
            self._drop(now_ns, packet, reasons.NOT_FOR_US)
            return
        if self.sink.recording:
            self.sink.emit(PacketDelivered(now_ns, self.name, packet))
        if isinstance(packet, Segment):
            self.tcp.handle_segment(now_ns, packet)
        elif isinstance(packet, UdpDatagram):
            self.udp.handle_datagram(now_ns, packet)
        elif isinstance(packet, IcmpMessage):
            self._handle_icmp(now_ns, packet)

    def _handle_icmp(self, now_ns: int, message: IcmpMessage) -> None:
        quoted = message.quoted
        if quoted is None:
            self._handle_echo(message)
            return
        if quoted.src not in self._own:
            self._drop(now_ns, message, reasons.QUOTE_UNKNOWN)
            return
        if is_too_big(message) and message.mtu and self.profile.pmtu_discovery:
            self.path_mtu.learn(now_ns, quoted.dst, message.mtu)
        if isinstance(quoted, Segment):
            self.tcp.handle_icmp(now_ns, message, quoted)
        elif isinstance(quoted, UdpDatagram):
            self.udp.handle_icmp(now_ns, message, quoted)

    def _handle_echo(self, message: IcmpMessage) -> None:
        six = ":" in message.src
        if not self.settings.ping or (message.icmp_type, message.icmp_code) != (_ECHO6 if six else _ECHO):
            return
        reply_type, reply_code = _ECHO_REPLY6 if six else _ECHO_REPLY
        reply = IcmpMessage(message.dst, message.src, reply_type, reply_code)
        reply.payload = message.payload
        reply.mtu = message.mtu  # identifier and sequence number stand there
        self.out.append(reply)

    def _drop(self, now_ns: int, packet: Packet, reason: Reason) -> None:
        if self.sink.recording:
            self.sink.emit(PacketDropped(now_ns, self.name, packet, self.name, reason))

    def handle_timeout(self, now_ns: int) -> bool:
        """Fire what is due. False: nothing was (deadlines are lower bounds, see `next_deadline`)."""
        return self.tcp.handle_timeout(now_ns)

    # --- outputs ----------------------------------------------------------------------------

    def poll_transmit(self, now_ns: int) -> Packet | None:
        """The next packet to send now, or None. Poll until None after every input and socket call."""
        if self.out:
            return self.out.pop(0)
        segment = self.tcp.poll_transmit(now_ns)
        if segment is None and self.out:
            return self.out.pop(0)
        return segment

    def next_deadline(self) -> int | None:
        """When to call `handle_timeout`: never later than needed, sometimes earlier; None: not at all."""
        return self.tcp.next_deadline()

    def reboot(self) -> None:
        """Lose all memory of connections, listeners and sockets, without a word to anybody (RFC 9293 §3.5.1).

        The host is up again at once. Its sockets are dead: whoever holds one must let go of it.
        """
        self.out.clear()
        self.path_mtu = PathMtuCache(self.settings.path_mtu_age_ns)
        self.tcp = TcpLayer(self)
        self.udp = UdpLayer(self)

    # --- sockets and looks --------------------------------------------------------------------

    def tcp_socket(self) -> TcpSocket:
        """A new TCP socket."""
        return TcpSocket(self)

    def udp_socket(self) -> UdpSocket:
        """A new UDP socket."""
        return UdpSocket(self)

    def owns(self, address: str) -> bool:
        """The address is one of the host's own."""
        return address in self._own

    def mtu_towards(self, now_ns: int, destination: str) -> int:
        """The largest packet for this destination: what routers said, else its route's MTU, else the link's."""
        route = self.routes.get(destination) if self.routes else None
        if route is None or not route.mtu:
            return self.path_mtu.get(now_ns, destination, self.mtu)
        return route.mtu if route.mtu_locked else self.path_mtu.get(now_ns, destination, route.mtu)

    def source_address(self, destination: str) -> str:
        """The address to send from. SocketError ENETUNREACH: this host has none of that family."""
        six = ":" in destination
        for address in self.addresses:
            if (":" in address) == six:
                return address
        raise SocketError("ENETUNREACH", f"host '{self.name}' has no IPv{6 if six else 4} address")

    @property
    def connections(self) -> dict[int, Connection]:
        """The live connections by their numbers, in order of creation; listening ones too."""
        found = [slot.conn for slot in self.tcp.slots.values()]
        found += [listener.spare.conn for listener in self.tcp.listeners.values() if listener.spare is not None]
        return {conn.ep.conn: conn for conn in sorted(found, key=_number)}

    def connection_of(self, segment: Segment) -> Connection | None:
        """The connection that sent this segment, if it still exists."""
        slot = self.tcp.slots.get((segment.src, segment.sport, segment.dst, segment.dport))
        return None if slot is None else slot.conn


def _number(conn: Connection) -> int:
    return conn.ep.conn
