"""Stock applications: source, sink, echo, request and response, a slow reader.

The coroutines read as a user would write them. `Drain` and `Fill` do the work of a sink and of a
source without a coroutine, at the moment when the socket is ready: for long transfers.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from netsim.apps.pattern import first_difference, pattern
from netsim.apps.task import sleep
from netsim.base.errors import NetsimError
from netsim.host.errors import SocketError
from netsim.host.watch import Watcher

if TYPE_CHECKING:
    from netsim.apps.socket import AppHost, AppSocket
    from netsim.host.socket import TcpSocket
    from netsim.host.udp import UdpSocket

App = Callable[["AppHost"], Coroutine[Any, Any, Any]]

_CHUNK: Final = 1 << 16


class DataError(NetsimError):
    """The bytes that arrived are not those that were sent. It never happens, or netsim has a bug."""

    exit_code = 3


def check_pattern(data: bytes, offset: int) -> None:
    """DataError if `data`, received at this stream offset, is not the pattern."""
    index = first_difference(data, offset)
    if index >= 0:
        raise DataError(f"byte {offset + index} of the stream is not the one that was sent")


def source(to: str, port: int, count: int, *, close: bool = True) -> App:
    """Connect and send `count` bytes of the pattern."""

    async def run(host: AppHost) -> AppSocket:
        sock = await host.connect(to, port)
        offset = 0
        while offset < count:
            size = min(_CHUNK, count - offset)
            await sock.send(pattern(offset, size))
            offset += size
        if close:
            sock.close()
        return sock

    return run


def sink(port: int, *, verify: bool = True) -> App:
    """Accept one connection and read it to the end; returns how many bytes came."""

    async def run(host: AppHost) -> int:
        conn = await host.listen(port).accept()
        total = 0
        while data := await conn.recv():
            if verify:
                check_pattern(data, total)
            total += len(data)
        conn.close()
        return total

    return run


def echo(port: int) -> App:
    """Accept connections for ever and send back what each sends."""

    async def serve(conn: AppSocket) -> None:
        try:
            while data := await conn.recv():
                await conn.send(data)
        finally:
            if not conn.raw.closed:
                conn.close()

    async def run(host: AppHost) -> None:
        listener = host.listen(port)
        while True:
            conn = await listener.accept()
            host.spawn(serve(conn), f"{host.name}/echo {conn.peer()[1]}")

    return run


def responder(port: int, request_bytes: int, response_bytes: int) -> App:
    """Answer each request of `request_bytes` with `response_bytes` of the pattern, on every connection."""

    async def serve(conn: AppSocket) -> None:
        while await conn.recv(1, peek=True):
            await conn.recv_exactly(request_bytes)
            await conn.send(pattern(0, response_bytes))
        conn.close()

    async def run(host: AppHost) -> None:
        listener = host.listen(port)
        while True:
            conn = await listener.accept()
            host.spawn(serve(conn), f"{host.name}/responder {conn.peer()[1]}")

    return run


def requester(
    to: str, port: int, request_bytes: int, response_bytes: int, *, times: int = 1, pause: str | int = 0
) -> App:
    """Send so many requests, one after another's response; returns how long each took (ns)."""

    async def run(host: AppHost) -> list[int]:
        sock = await host.connect(to, port)
        took: list[int] = []
        for _ in range(times):
            started = host.now_ns
            await sock.send(pattern(0, request_bytes))
            check_pattern(await sock.recv_exactly(response_bytes), 0)
            took.append(host.now_ns - started)
            await sleep(pause)
        sock.close()
        return took

    return run


def slow_reader(port: int, size: int, every: str | int) -> App:
    """Accept one connection and read `size` bytes at a time, with a pause after each; returns the total."""

    async def run(host: AppHost) -> int:
        conn = await host.listen(port).accept()
        total = 0
        while data := await conn.recv(size):
            check_pattern(data, total)
            total += len(data)
            await sleep(every)
        conn.close()
        return total

    return run


class Drain(Watcher):
    """Reads a socket empty whenever something comes, and closes it at the end of the stream.

    total: bytes read      finished_at_ns: when the stream ended, -1 before      error: errno name
    """

    def __init__(self, socket: TcpSocket, *, verify: bool = False, close: bool = True) -> None:
        self.socket = socket
        self.verify = verify
        self.close = close
        self.total = 0
        self.finished_at_ns = -1
        self.error = ""
        socket.watcher = self

    def socket_changed(self, now_ns: int, socket: TcpSocket | UdpSocket) -> None:
        """Read what there is."""
        tcp = self.socket
        if tcp.slot is None or self.finished_at_ns >= 0:
            return
        try:
            while True:
                if not tcp.has_news():
                    return
                data = tcp.recv(now_ns, 1 << 20)
                if not data:
                    break
                if self.verify:
                    check_pattern(data, self.total)
                self.total += len(data)
        except SocketError as error:
            self.error = error.errno_name
        self.finished_at_ns = now_ns
        if self.close:
            tcp.close(now_ns)


class Fill(Watcher):
    """Writes `count` bytes of the pattern into a socket as it has room, then closes it.

    sent: bytes taken by the socket so far      error: errno name
    """

    def __init__(self, socket: TcpSocket, count: int, *, close: bool = True) -> None:
        self.socket = socket
        self.count = count
        self.close = close
        self.sent = 0
        self.done = False
        self.error = ""
        socket.watcher = self

    def socket_changed(self, now_ns: int, socket: TcpSocket | UdpSocket) -> None:
        """Write what fits, once there is a good deal of room."""
        tcp = self.socket
        conn = tcp.connection
        if self.done or conn is None or not tcp.is_connected():
            return
        free = conn.writable_bytes()
        if free * 3 < conn.ep.sender.capacity and not conn.is_closed() and free < self.count - self.sent:
            return
        try:
            while self.sent < self.count:
                self.sent += tcp.send(now_ns, pattern(self.sent, min(_CHUNK, self.count - self.sent)))
        except SocketError as error:
            if error.errno_name == "EAGAIN":
                return
            self.error = error.errno_name
        self.done = True
        if self.close and not tcp.closed:
            tcp.close(now_ns)


class Acceptor(Watcher):
    """Accepts every connection of a listening socket at once and puts a `Drain` on it: a sink server."""

    def __init__(self, listener: TcpSocket, *, verify: bool = False) -> None:
        self.listener = listener
        self.verify = verify
        self.drains: list[Drain] = []
        listener.watcher = self

    def socket_changed(self, now_ns: int, socket: TcpSocket | UdpSocket) -> None:
        """Accept what waits."""
        while True:
            try:
                conn = self.listener.accept(now_ns)
            except SocketError:
                return
            drain = Drain(conn, verify=self.verify)
            self.drains.append(drain)
            drain.socket_changed(now_ns, conn)
