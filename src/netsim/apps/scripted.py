"""Sockets driven by timed calls: "at 1 s, send 1000 bytes", "on FIN, close".

A `Talker` does what a script says when it says it, and what cannot be done yet as soon as it
can: data waits for the handshake and for room, a close waits for the data before it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from netsim.host.errors import SocketError
from netsim.host.poll import MSG_OOB, POLLIN, SHUT_RD, SHUT_WR
from netsim.host.watch import Watcher
from netsim.sim.kernel import APPLICATION, Action, Simulator

if TYPE_CHECKING:
    from netsim.apps.runtime import Surroundings
    from netsim.host.socket import TcpSocket
    from netsim.host.udp import UdpSocket

READ_AUTO: Final = "auto"
READ_NONE: Final = "none"
READ_DRIP: Final = "drip"

_AFTER_NOTHING: Final = 0
_AFTER_DATA_SHUTDOWN: Final = 1
_AFTER_DATA_CLOSE: Final = 2


class Talker(Watcher):
    """One end of one connection, driven from outside.

    received: everything read so far      eof: the stream's end was read
    error:    errno name of what went wrong, "" if nothing did
    read_mode: "auto" reads what comes, "none" nothing (until `read` is called), "drip" some at a time
    """

    def __init__(
        self, socket: TcpSocket, sim: Simulator, surroundings: Surroundings, *, read_mode: str = READ_AUTO
    ) -> None:
        self.socket = socket
        self.sim = sim
        self.surroundings = surroundings
        self.received = bytearray()
        self.eof = False
        self.error = ""
        self.read_mode = read_mode
        self.drip_bytes = 1
        self.drip_every_ns = 0
        self._pending: list[tuple[bytes, bool, bool]] = []
        self._then = _AFTER_NOTHING
        self._dripping = False
        socket.watcher = self

    # --- calls ------------------------------------------------------------------------------

    def connect(self, now_ns: int, address: str, port: int) -> None:
        """Open the connection. SocketError: it cannot even be tried."""
        try:
            self.socket.connect(now_ns, address, port)
        except SocketError as error:
            if error.errno_name != "EINPROGRESS":
                raise

    def send(self, now_ns: int, data: bytes, *, push: bool = False, urgent: bool = False) -> None:
        """Send data now, or when it can be sent. SocketError EPIPE: this side is closed already."""
        if self._then != _AFTER_NOTHING or self.socket.write_shut or self.socket.closed:
            raise SocketError("EPIPE")
        self._pending.append((data, push, urgent))
        self._flush(now_ns)

    def read(self, now_ns: int, count: int = -1) -> bytes:
        """Read up to `count` bytes that are there (-1: all of them)."""
        wanted = count if count >= 0 else 1 << 40
        taken = bytearray()
        while wanted > 0 and not self.eof and not self.error:
            try:
                data = self.socket.recv(now_ns, min(wanted, 1 << 20))
            except SocketError as error:
                if error.errno_name != "EAGAIN":
                    self.error = error.errno_name
                break
            if not data:
                self.eof = True
            taken += data
            wanted -= len(data)
        self.received += taken
        return bytes(taken)

    def shutdown(self, now_ns: int) -> None:
        """Half-close (SHUT_WR), after the handshake and after the data that waits."""
        self._then = max(self._then, _AFTER_DATA_SHUTDOWN)
        self._flush(now_ns)

    def shutdown_reading(self, now_ns: int) -> None:
        """SHUT_RD: read no more."""
        self.socket.shutdown(now_ns, SHUT_RD)

    def close(self, now_ns: int) -> None:
        """Let go of the socket, after the data that waits."""
        self._then = _AFTER_DATA_CLOSE
        self._flush(now_ns)

    def abort(self, now_ns: int) -> None:
        """Reset the connection at once; data that waits is lost."""
        self._pending.clear()
        if not self.socket.closed:
            self.socket.abort(now_ns)

    def unsent_bytes(self) -> int:
        """Bytes that the socket has not taken yet."""
        return sum(len(data) for data, _, _ in self._pending)

    # --- what happens ------------------------------------------------------------------------

    def socket_changed(self, now_ns: int, socket: TcpSocket | UdpSocket) -> None:
        """Go on with what waits."""
        if self.socket.closed:
            return
        if self._pending or self._then:
            self._flush(now_ns)
        if self.socket.closed:
            return
        if self.read_mode == READ_AUTO:
            self.read(now_ns)
        elif self.read_mode == READ_DRIP:
            self._drip(now_ns)
        conn = self.socket.connection
        if conn is not None and conn.is_closed() and not self.error:
            self.error = self.socket.pending_error()

    def _flush(self, now_ns: int) -> None:
        conn = self.socket.connection
        if conn is None or self.socket.closed:
            return
        opening = not self.socket.is_connected() and not conn.is_closed()
        while self._pending and not opening:
            data, push, urgent = self._pending[0]
            try:
                taken = self.socket.send(now_ns, data, MSG_OOB if urgent else 0, push=push)
            except SocketError as error:
                if error.errno_name == "EAGAIN":
                    return
                self.error = self.error or error.errno_name
                self._pending.clear()
                break
            if taken < len(data):
                self._pending[0] = (data[taken:], push, urgent)
            else:
                self._pending.pop(0)
        if self._pending or (opening and self._then == _AFTER_DATA_SHUTDOWN):
            return
        if self._then == _AFTER_DATA_CLOSE:
            self.socket.close(now_ns)
        elif self._then == _AFTER_DATA_SHUTDOWN and not self.socket.write_shut and not conn.is_closed():
            self.socket.shutdown(now_ns, SHUT_WR)

    def _drip(self, now_ns: int) -> None:
        """Read a little, and again after a while, as long as there is something."""
        if self._dripping or self.eof or self.error or not self.socket.poll_mask() & POLLIN:
            return
        self._dripping = True
        self.sim.schedule(now_ns + self.drip_every_ns, APPLICATION, _Drip(self))

    def drip(self, now_ns: int) -> None:
        """The next drip is due."""
        self._dripping = False
        if not self.socket.closed:
            self.read(now_ns, self.drip_bytes)
            self._drip(now_ns)


class _Drip(Action):
    """A slow reader's next read."""

    def __init__(self, talker: Talker) -> None:
        self._talker = talker

    def run(self, now_ns: int) -> bool:
        """Read some bytes; then the host may have a window to announce."""
        self._talker.drip(now_ns)
        self._talker.surroundings.pump(self._talker.socket.host)
        return True

    def describe(self) -> str:
        """`server reads 1 bytes`."""
        return f"{self._talker.socket.host.name} reads {self._talker.drip_bytes} bytes"


class Welcome(Watcher):
    """Accepts a listening socket's connections at once, up to `limit`, and tells `on_accept`."""

    def __init__(
        self,
        sim: Simulator,
        surroundings: Surroundings,
        listener: TcpSocket,
        on_accept: Callable[[int, Talker], None],
        *,
        read_mode: str = READ_AUTO,
        limit: int = -1,
    ) -> None:
        self.sim = sim
        self.surroundings = surroundings
        self.listener = listener
        self.on_accept = on_accept
        self.read_mode = read_mode
        self.limit = limit
        self.talkers: list[Talker] = []
        listener.watcher = self

    def socket_changed(self, now_ns: int, socket: TcpSocket | UdpSocket) -> None:
        """Accept what waits."""
        while self.limit < 0 or len(self.talkers) < self.limit:
            try:
                conn = self.listener.accept(now_ns)
            except SocketError:
                return
            talker = Talker(conn, self.sim, self.surroundings, read_mode=self.read_mode)
            self.talkers.append(talker)
            self.on_accept(now_ns, talker)
            talker.socket_changed(now_ns, conn)
