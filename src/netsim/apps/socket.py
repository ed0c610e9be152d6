"""What an application holds: a host to open sockets on, and sockets to await.

async def client(host):
sock = await host.connect("server", 80)
await sock.send(b"hello")
print(await sock.recv(1000))
sock.close()
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from netsim.apps.task import Readiness, Task, sleep
from netsim.host.errors import SocketError
from netsim.host.poll import MSG_MORE, MSG_OOB, MSG_PEEK, POLLIN, POLLOUT, SHUT_RD, SHUT_RDWR, SHUT_WR

if TYPE_CHECKING:
    from netsim.apps.runtime import Runtime
    from netsim.host.host import Host
    from netsim.host.socket import TcpSocket
    from netsim.host.sockopt import Value
    from netsim.host.udp import UdpSocket

_SEND_CHUNK = 1 << 18


class AppHost:
    """A host as its applications see it."""

    def __init__(self, host: Host, runtime: Runtime) -> None:
        self.host = host
        self.runtime = runtime

    @property
    def name(self) -> str:
        """The host's name."""
        return self.host.name

    @property
    def now_ns(self) -> int:
        """Virtual time."""
        return self.runtime.sim.now_ns

    async def connect(
        self,
        to: str,
        port: int,
        *,
        family: str = "",
        source_port: int = 0,
        options: dict[str, Value] | None = None,
    ) -> AppSocket:
        """Open a connection to a host (by name or address) and wait until it is open.

        `options` are set before, by name (`{"TCP_NODELAY": 1}`). SocketError: it failed.
        """
        sock = AppSocket(self.host.tcp_socket(), self.runtime)
        for name, value in (options or {}).items():
            sock.set_option(name, value)
        if source_port:
            sock.bind(source_port)
        await sock.connect(to, port, family=family)
        return sock

    def listen(
        self, port: int, *, backlog: int = 128, address: str = "", options: dict[str, Value] | None = None
    ) -> AppListener:
        """Listen on a port; `options` are inherited by accepted sockets. SocketError EADDRINUSE."""
        socket = self.host.tcp_socket()
        now_ns = self.now_ns
        for name, value in (options or {}).items():
            socket.set_option(now_ns, name, value)
        socket.bind(now_ns, address, port)
        socket.listen(now_ns, backlog)
        self.runtime.surroundings.pump(self.host)
        return AppListener(socket, self.runtime)

    def udp(self, port: int = 0, *, address: str = "") -> AppUdpSocket:
        """A UDP socket, bound to a port (0: a free one)."""
        socket = self.host.udp_socket()
        socket.bind(self.now_ns, address, port)
        return AppUdpSocket(socket, self.runtime)

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str = "") -> Task:
        """Start another task."""
        return self.runtime.spawn(coroutine, name or f"{self.name}/{len(self.runtime.tasks) + 1}")

    async def sleep(self, duration: str | int) -> None:
        """Let virtual time pass."""
        await sleep(duration)


class AppSocket:
    """A TCP socket to await. `raw` is the POSIX-like socket beneath it."""

    def __init__(self, raw: TcpSocket, runtime: Runtime) -> None:
        self.raw = raw
        self.runtime = runtime

    def _now(self) -> int:
        return self.runtime.sim.now_ns

    def _pump(self) -> None:
        self.runtime.surroundings.pump(self.raw.host)

    def bind(self, port: int, address: str = "") -> None:
        """Take a local port (and address) before connecting."""
        self.raw.bind(self._now(), address, port)

    async def connect(self, to: str, port: int, *, family: str = "") -> None:
        """Open the connection and wait until it is open. SocketError: ECONNREFUSED, ETIMEDOUT, ..."""
        address = self.runtime.surroundings.resolve(to, family)
        try:
            self.raw.connect(self._now(), address, port)
        except SocketError as error:
            if error.errno_name != "EINPROGRESS":
                raise
        self._pump()
        while not self.raw.is_connected():
            error_name = self.raw.take_error()
            if error_name:
                raise SocketError(error_name, f"connect to {to} port {port}")
            await Readiness(self.raw, POLLOUT)
            if self.raw.closed:
                raise SocketError("EBADF")

    async def send(self, data: bytes, *, more: bool = False, urgent: bool = False, push: bool = False) -> None:
        """Send all of `data`, waiting for room as needed. SocketError: EPIPE, ECONNRESET, ..."""
        flags = (MSG_MORE if more else 0) | (MSG_OOB if urgent else 0)
        offset = 0
        while offset < len(data):
            try:
                chunk = data[offset : offset + _SEND_CHUNK] if len(data) > _SEND_CHUNK else data[offset:]
                offset += self.raw.send(self._now(), chunk, flags, push=push)
            except SocketError as error:
                if error.errno_name != "EAGAIN":
                    raise
                await Readiness(self.raw, POLLOUT)
            else:
                self._pump()

    async def recv(self, max_bytes: int = 65536, *, peek: bool = False) -> bytes:
        """Up to `max_bytes`, waiting for at least one; b"" at the end of the stream."""
        flags = MSG_PEEK if peek else 0
        while True:
            try:
                data = self.raw.recv(self._now(), max_bytes, flags)
            except SocketError as error:
                if error.errno_name != "EAGAIN":
                    raise
                await Readiness(self.raw, POLLIN)
            else:
                self._pump()
                return data

    async def recv_exactly(self, count: int) -> bytes:
        """Exactly `count` bytes. SocketError ECONNABORTED: the stream ended before."""
        parts: list[bytes] = []
        wanted = count
        while wanted > 0:
            data = await self.recv(wanted)
            if not data:
                raise SocketError("ECONNABORTED", f"the stream ended after {count - wanted} of {count} bytes")
            parts.append(data)
            wanted -= len(data)
        return b"".join(parts)

    async def recv_all(self) -> bytes:
        """Everything up to the end of the stream."""
        parts: list[bytes] = []
        while True:
            data = await self.recv()
            if not data:
                return b"".join(parts)
            parts.append(data)

    def shutdown(self, how: int = SHUT_WR) -> None:
        """Half-close: SHUT_WR by default."""
        self.raw.shutdown(self._now(), how)
        self._pump()

    def close(self) -> None:
        """Let go of the socket; the connection finishes by itself."""
        self.raw.close(self._now())
        self.runtime.closed(self.raw)
        self._pump()

    def abort(self) -> None:
        """Reset the connection."""
        self.raw.abort(self._now())
        self.runtime.closed(self.raw)
        self._pump()

    def set_option(self, name: str, value: Value) -> None:
        """setsockopt by name: `sock.set_option("TCP_NODELAY", 1)`."""
        self.raw.set_option(self._now(), name, value)
        self._pump()

    def get_option(self, name: str) -> Value:
        """getsockopt by name."""
        return self.raw.get_option(self._now(), name)

    def peer(self) -> tuple[str, int]:
        """The peer's address and port."""
        return self.raw.getpeername()


class AppListener:
    """A listening socket to await."""

    def __init__(self, raw: TcpSocket, runtime: Runtime) -> None:
        self.raw = raw
        self.runtime = runtime

    async def accept(self) -> AppSocket:
        """The next connection, waiting for one."""
        while True:
            try:
                raw = self.raw.accept(self.runtime.sim.now_ns)
            except SocketError as error:
                if error.errno_name != "EAGAIN":
                    raise
                await Readiness(self.raw, POLLIN)
            else:
                return AppSocket(raw, self.runtime)

    def close(self) -> None:
        """Stop listening; connections not accepted are reset."""
        self.raw.close(self.runtime.sim.now_ns)
        self.runtime.closed(self.raw)
        self.runtime.surroundings.pump(self.raw.host)


class AppUdpSocket:
    """A UDP socket to await."""

    def __init__(self, raw: UdpSocket, runtime: Runtime) -> None:
        self.raw = raw
        self.runtime = runtime

    def send_to(self, data: bytes, to: str, port: int) -> None:
        """Send one datagram."""
        address = self.runtime.surroundings.resolve(to)
        self.raw.send_to(self.runtime.sim.now_ns, data, address, port)
        self.runtime.surroundings.pump(self.raw.host)

    def connect(self, to: str, port: int) -> None:
        """Fix the peer, so that ICMP errors are reported."""
        self.raw.connect(self.runtime.sim.now_ns, self.runtime.surroundings.resolve(to), port)

    async def recv_from(self, max_bytes: int = 65536) -> tuple[bytes, str, int]:
        """The next datagram: data, address, port."""
        while True:
            try:
                return self.raw.receive_from(self.runtime.sim.now_ns, max_bytes)
            except SocketError as error:
                if error.errno_name != "EAGAIN":
                    raise
                await Readiness(self.raw, POLLIN)

    def close(self) -> None:
        """Let go of the port."""
        self.raw.close(self.runtime.sim.now_ns)
        self.runtime.closed(self.raw)


__all__ = ["SHUT_RD", "SHUT_RDWR", "SHUT_WR", "AppHost", "AppListener", "AppSocket", "AppUdpSocket", "SocketError"]
