"""UDP: datagrams, carried because the same hosts carry them (RFC 768, RFC 1122 §4.1)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from netsim.base.events import Called, Delivered, PacketDropped
from netsim.base.packet import IcmpMessage, UdpDatagram
from netsim.host import reasons
from netsim.host.errors import SocketError
from netsim.host.poll import POLLERR, POLLIN, POLLOUT

if TYPE_CHECKING:
    from netsim.host.host import Host
    from netsim.host.watch import Watcher

_WILD: Final = ("", "::", "0.0.0.0")


_ERRORS_V4: Final = {
    (3, 0): ("ENETUNREACH", False), (3, 1): ("EHOSTUNREACH", False), (3, 2): ("ENOPROTOOPT", True),
    (3, 3): ("ECONNREFUSED", True), (3, 4): ("EMSGSIZE", False), (3, 5): ("EOPNOTSUPP", False),
    (3, 6): ("ENETUNREACH", True), (3, 7): ("EHOSTDOWN", True), (3, 8): ("ENONET", True), (3, 9): ("ENETUNREACH", True),
    (3, 10): ("EHOSTUNREACH", True), (3, 11): ("ENETUNREACH", False), (3, 12): ("EHOSTUNREACH", False),
    (3, 13): ("EHOSTUNREACH", True), (3, 14): ("EHOSTUNREACH", True), (3, 15): ("EHOSTUNREACH", True),
    (11, 0): ("EHOSTUNREACH", False), (11, 1): ("EHOSTUNREACH", False), (12, 0): ("EPROTO", True),
}  # fmt: skip
"""ICMP type and code -> errno, and whether Linux takes it for hard (net/ipv4/icmp.c: icmp_err_convert)."""
_ERRORS_V6: Final = {
    (1, 0): ("ENETUNREACH", False), (1, 1): ("EACCES", True), (1, 2): ("EHOSTUNREACH", False),
    (1, 3): ("EHOSTUNREACH", False), (1, 4): ("ECONNREFUSED", True), (1, 5): ("EACCES", True), (1, 6): ("EACCES", True),
    (2, 0): ("EMSGSIZE", False), (3, 0): ("EHOSTUNREACH", False), (4, 0): ("EPROTO", True), (4, 1): ("EPROTO", True),
    (4, 2): ("EPROTO", True),
}  # fmt: skip
"""The same for ICMPv6 (net/ipv6/icmp.c: icmpv6_err_convert)."""


class UdpSocket:
    """A UDP socket: POSIX semantics, never blocking. Errors are `SocketError`s."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.local_addr = ""
        self.local_port = 0
        self.remote_addr = ""
        self.remote_port = 0
        self.ttl = 64
        self.tos = 0
        self.dont_fragment = True
        self.closed = False
        self.error = ""
        self.watcher: Watcher | None = None
        self.dropped = 0
        self._queue: deque[UdpDatagram] = deque()
        self._queued_bytes = 0

    def bind(self, now_ns: int, address: str, port: int) -> None:
        """Take a local address ("": any) and port (0: a free one)."""
        self._check_open()
        if self.local_port:
            raise SocketError("EINVAL", "the socket is bound already")
        if address not in _WILD and address not in self.host.addresses:
            raise SocketError("EADDRNOTAVAIL")
        layer = self.host.udp
        port = port or layer.choose_port()
        if layer.is_taken(address, port):
            raise SocketError("EADDRINUSE", f"UDP port {port} is taken")
        self.local_addr = "" if address in _WILD else address
        self.local_port = port
        layer.sockets[(self.local_addr, port)] = self

    def connect(self, now_ns: int, address: str, port: int) -> None:
        """Fix the peer: only its datagrams are received, and `send` goes there."""
        self._check_open()
        self._autobind(now_ns)
        self.remote_addr = address
        self.remote_port = port

    def send(self, now_ns: int, data: bytes) -> int:
        """Send a datagram to the connected peer."""
        if not self.remote_port:
            raise SocketError("EDESTADDRREQ")
        return self.send_to(now_ns, data, self.remote_addr, self.remote_port)

    def send_to(self, now_ns: int, data: bytes, address: str, port: int) -> int:
        """Send one datagram. EMSGSIZE: it does not fit into the path's MTU (nothing is fragmented)."""
        self._check_open()
        self._raise_error()
        self._autobind(now_ns)
        source = self.local_addr or self.host.source_address(address)
        datagram = UdpDatagram(source, address, self.local_port, port, bytes(data))
        if datagram.wire_bytes() > self.host.path_mtu.get(now_ns, address, self.host.mtu):
            raise SocketError("EMSGSIZE")
        datagram.ttl, datagram.tos, datagram.df = self.ttl, self.tos, self.dont_fragment
        if self.host.sink.recording:
            detail = f"{len(data)} bytes to {address} port {port} (UDP)"
            self.host.sink.emit(Called(now_ns, self.host.name, 0, "SEND", detail))
        self.host.out.append(datagram)
        return len(data)

    def receive_from(self, now_ns: int, max_bytes: int, peek: bool = False) -> tuple[bytes, str, int]:
        """The next datagram's data (cut to `max_bytes`), and where it came from. EAGAIN: none."""
        self._check_open()
        self._raise_error()
        if not self._queue:
            raise SocketError("EAGAIN")
        datagram = self._queue[0]
        if not peek:
            self._queue.popleft()
            self._queued_bytes -= len(datagram.payload)
        return datagram.payload[:max_bytes], datagram.src, datagram.sport

    def receive(self, now_ns: int, max_bytes: int, peek: bool = False) -> bytes:
        """The next datagram's data. EAGAIN: none."""
        return self.receive_from(now_ns, max_bytes, peek)[0]

    def close(self, now_ns: int) -> None:
        """Let go of the port."""
        self._check_open()
        self.closed = True
        layer = self.host.udp
        if layer.sockets.get((self.local_addr, self.local_port)) is self:
            del layer.sockets[(self.local_addr, self.local_port)]

    def poll_mask(self) -> int:
        """POLLIN, POLLOUT, POLLERR."""
        mask = POLLOUT
        if self._queue:
            mask |= POLLIN
        if self.error:
            mask |= POLLERR | POLLIN
        return mask

    def deliver(self, now_ns: int, datagram: UdpDatagram) -> None:
        """A datagram for this socket arrived."""
        if self.remote_port and (datagram.src, datagram.sport) != (self.remote_addr, self.remote_port):
            self._lose(now_ns, datagram)
            return
        if self._queued_bytes + len(datagram.payload) > self.host.settings.udp_buffer:
            self._lose(now_ns, datagram)
            return
        self._queue.append(datagram)
        self._queued_bytes += len(datagram.payload)
        if self.host.sink.recording:
            self.host.sink.emit(Delivered(now_ns, self.host.name, 0, len(datagram.payload), 0))
        if self.watcher is not None:
            self.watcher.socket_changed(now_ns, self)

    def fail(self, now_ns: int, errno_name: str) -> None:
        """An ICMP error about a datagram of this (connected) socket: the next call reports it."""
        self.error = errno_name
        if self.watcher is not None:
            self.watcher.socket_changed(now_ns, self)

    def _lose(self, now_ns: int, datagram: UdpDatagram) -> None:
        self.dropped += 1
        if self.host.sink.recording:
            self.host.sink.emit(PacketDropped(now_ns, self.host.name, datagram, self.host.name, reasons.UDP_QUEUE_FULL))

    def _check_open(self) -> None:
        if self.closed:
            raise SocketError("EBADF")

    def _autobind(self, now_ns: int) -> None:
        if not self.local_port:
            self.bind(now_ns, "", 0)

    def _raise_error(self) -> None:
        if self.error:
            error, self.error = self.error, ""
            raise SocketError(error)


class UdpLayer:
    """A host's UDP: sockets by local address and port."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.sockets: dict[tuple[str, int], UdpSocket] = {}

    def is_taken(self, address: str, port: int) -> bool:
        """Is the port bound for this address, or for any?"""
        return any(
            bound == port and (where == address or "" in (where, address)) for where, bound in self.sockets
        )  # fmt: skip

    def choose_port(self) -> int:
        """A free ephemeral port."""
        ports = self.host.ports
        for _ in range(ports.candidates()):
            port = ports.next("udp", "", 0)
            if not self.is_taken("", port):
                return port
        raise SocketError("EADDRINUSE", "every ephemeral port is in use")

    def find(self, address: str, port: int) -> UdpSocket | None:
        """Who receives datagrams to this local socket."""
        return self.sockets.get((address, port)) or self.sockets.get(("", port))

    def handle_datagram(self, now_ns: int, datagram: UdpDatagram) -> None:
        """To its socket, or back as ICMP port unreachable (RFC 1122 §4.1.3.1)."""
        socket = self.find(datagram.dst, datagram.dport)
        if socket is not None:
            socket.deliver(now_ns, datagram)
            return
        host = self.host
        if host.sink.recording:
            host.sink.emit(PacketDropped(now_ns, host.name, datagram, host.name, reasons.NO_UDP_PORT))
        if host.settings.send_port_unreachable:
            six = ":" in datagram.src
            message = IcmpMessage(datagram.dst, datagram.src, 1 if six else 3, 4 if six else 3, datagram)
            host.out.append(message)

    def handle_icmp(self, now_ns: int, message: IcmpMessage, quoted: UdpDatagram) -> None:
        """An ICMP error about a datagram that this host sent: told to a connected socket."""
        socket = self.find(quoted.src, quoted.sport)
        if socket is None or (socket.remote_addr, socket.remote_port) != (quoted.dst, quoted.dport):
            return
        errors = _ERRORS_V6 if ":" in message.src else _ERRORS_V4
        errno_name, hard = errors.get((message.icmp_type, message.icmp_code), ("EHOSTUNREACH", False))
        if hard or self.host.settings.udp_soft_errors:
            socket.fail(now_ns, errno_name)
