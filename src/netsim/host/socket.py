"""TCP sockets with POSIX semantics that never block.

A call returns a value or raises `SocketError` with the name from errno.h; what would block is
EAGAIN. After a call the driver polls the host. `poll_mask` tells what is ready, and a
`Watcher` is told when that may have changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.host import fastopen_client, sockopt
from netsim.host.errors import SocketError, errno_of
from netsim.host.listener import Listener
from netsim.host.poll import (
    MSG_EOR,
    MSG_MORE,
    MSG_OOB,
    MSG_PEEK,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLPRI,
    POLLRDHUP,
    SHUT_RD,
    SHUT_RDWR,
    SHUT_WR,
)
from netsim.tcp.connection import CallError, Connection
from netsim.tcp.profile.base import ConnectionOptions
from netsim.tcp.state import CLOSED, LISTEN, SYN_RECEIVED, SYN_SENT, TIME_WAIT

if TYPE_CHECKING:
    from netsim.host.host import Host
    from netsim.host.slot import Slot
    from netsim.host.watch import Watcher

_WILD: Final = ("", "::", "0.0.0.0")


class TcpSocket:
    """One TCP socket of a host: fresh, bound, listening, connecting, connected or closed.

    slot:      its connection, once it has one      listener: its queues, once it listens
    linger:    SO_LINGER as (on, seconds)           closed: `close` was called
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self.local_addr = ""
        self.local_port = 0
        self.remote_addr = ""
        self.remote_port = 0
        self.slot: Slot | None = None
        self.listener: Listener | None = None
        self.watcher: Watcher | None = None
        self.closed = False
        self.reuse_address = False
        self.quick_ack = False
        self.receive_low_water = 1
        self.linger = (False, 0)
        self.syn_bytes = 0
        """How much of the data given to `connect` rides on the SYN or waits in the buffer."""
        self.fast_open_queue = 0
        """TCP_FASTOPEN: how many connections of Fast Open may wait for the end of their handshake; 0: it is off."""
        self.fast_open_keys: tuple[bytes, ...] = ()
        """TCP_FASTOPEN_KEY; empty: the host's."""
        self.fast_open_connect = False
        """TCP_FASTOPEN_CONNECT: `connect` waits for the first data, if a cookie is known."""
        self.fast_open_no_cookie = False
        """TCP_FASTOPEN_NO_COOKIE."""
        self.deferred = False
        """`connect` was called, and the SYN waits for data."""
        self.owns_port = False
        self.read_shut = False
        self.write_shut = False
        self.disconnected = False
        """`shutdown` ended the attempt to connect (Linux)."""
        self._told_connected = False
        self._told_error = False
        self._options = ConnectionOptions()

    # --- looks --------------------------------------------------------------------------

    @property
    def options(self) -> ConnectionOptions:
        """The options in force: the connection's own once there is one."""
        return self._options if self.slot is None else self.slot.conn.ep.options

    def option_targets(self) -> list[ConnectionOptions]:
        """Every set of options that a setsockopt changes: a listener's next connection takes them too."""
        targets = [self.options]
        if self.listener is not None and self.listener.spare is not None:
            targets.append(self.listener.spare.conn.ep.options)
        return targets

    @property
    def connection(self) -> Connection | None:
        """The connection behind the socket; None before connect and for listeners."""
        return None if self.slot is None else self.slot.conn

    def is_listening(self) -> bool:
        """`listen` was called."""
        return self.listener is not None

    def is_connected(self) -> bool:
        """The handshake is over, whatever came after it."""
        return self.slot is not None and self.slot.conn.ep.established_at_ns >= 0

    def check_open(self) -> None:
        """SocketError EBADF after `close`."""
        if self.closed:
            raise SocketError("EBADF")

    def getsockname(self) -> tuple[str, int]:
        """Local address and port; ("", 0) if unbound."""
        self.check_open()
        if self.slot is not None:
            return self.slot.conn.ep.local_addr, self.slot.conn.ep.local_port
        return self.local_addr, self.local_port

    def getpeername(self) -> tuple[str, int]:
        """The peer's address and port. ENOTCONN."""
        self.check_open()
        if self.slot is None or not self.is_connected() or self.slot.conn.is_closed():
            raise SocketError("ENOTCONN")
        return self.slot.conn.ep.remote_addr, self.slot.conn.ep.remote_port

    def pending_error(self) -> str:
        """The error that SO_ERROR would tell: a errno name or ""."""
        if self.slot is None or self._told_error:
            return ""
        return errno_of(self.slot.conn.error)

    def take_error(self) -> str:
        """SO_ERROR: the pending error, once."""
        error = self.pending_error()
        if error:
            self._told_error = True
        return error

    def poll_mask(self, wanted: int = POLLOUT) -> int:
        """What is ready: POLLIN, POLLPRI, POLLOUT, POLLERR, POLLHUP, POLLRDHUP (as Linux's tcp_poll).

        Without POLLOUT in `wanted` it is not looked whether there is room to write, which is the dearest question.
        """
        if self.listener is not None:
            return POLLIN if self.listener.accepted else 0
        if self.slot is None:
            return POLLOUT if self.deferred else POLLOUT | POLLHUP
        conn = self.slot.conn
        state = conn.state
        mask = POLLERR if self.pending_error() else 0
        read_over = self.read_shut or conn.ep.receiver.fin_done or state is CLOSED
        if state is CLOSED or (read_over and self.write_shut):
            mask |= POLLHUP
        if read_over:
            mask |= POLLIN | POLLRDHUP
        if state is SYN_SENT or (state is SYN_RECEIVED and not conn.ep.passive):
            return mask
        readable = conn.readable_bytes()
        if readable and readable >= self.receive_low_water:
            mask |= POLLIN
        if wanted & POLLOUT and (self.write_shut or state is CLOSED or self._has_room(conn)):
            mask |= POLLOUT
        if conn.ep.receiver.rcv.urgent:
            mask |= POLLPRI
        return mask

    def _has_room(self, conn: Connection) -> bool:
        """Writable: a third of the buffer is free (Linux, sk_stream_is_writeable), and little waits unsent."""
        free = conn.writable_bytes()
        sender = conn.ep.sender
        if free <= 0 or free < sender.buffer_cost() // 2:
            return False
        limit = sender.unsent_limit()
        return limit == 0 or 2 * conn.unsent_bytes() < limit

    # --- naming and opening ---------------------------------------------------------------

    def bind(self, now_ns: int, address: str, port: int) -> None:
        """Take a local address ("": any) and port (0: a free one). EINVAL, EADDRNOTAVAIL, EADDRINUSE."""
        self.check_open()
        if self.local_port or self.slot is not None:
            raise SocketError("EINVAL", "the socket is bound already")
        if address not in _WILD and address not in self.host.addresses:
            raise SocketError("EADDRNOTAVAIL")
        layer = self.host.tcp
        if port:
            layer.check_bind(self, address, port)
        else:
            port = layer.choose_port()
        self.local_addr = "" if address == "::" else address
        self.local_port = port
        layer.bind(self, port)
        self.owns_port = True

    def listen(self, now_ns: int, backlog: int = 128) -> None:
        """Wait for connections; at most about `backlog` wait to be accepted. Again: a new backlog."""
        self.check_open()
        if self.slot is not None:
            raise SocketError("EINVAL", "the socket is connected")
        backlog = max(0, backlog)
        limit = self.host.settings.syn_backlog or max(8, backlog)
        if self.listener is not None:
            self.listener.backlog = backlog
            self.listener.syn_limit = limit
            return
        if not self.local_port:
            self.bind(now_ns, "", 0)
        layer = self.host.tcp
        if any(other is not self and other.is_listening() for other in layer.bound.get(self.local_port, [])):
            for other in layer.bound[self.local_port]:
                if other.is_listening() and other.local_addr == self.local_addr:
                    raise SocketError("EADDRINUSE")
        settings = self.host.settings
        if settings.fast_open_every_listener and self.host.profile.tfo_server and not self.fast_open_queue:
            self.fast_open_queue = backlog
        listener = Listener(self, self.local_addr, self.local_port, backlog, limit)
        layer.listeners[(self.local_addr, self.local_port)] = listener
        self.listener = listener
        layer.spare(now_ns, listener)

    def accept(self, now_ns: int) -> TcpSocket:
        """The first connection that waits. EAGAIN: none; EINVAL: the socket does not listen."""
        self.check_open()
        if self.listener is None:
            raise SocketError("EINVAL", "the socket does not listen")
        if not self.listener.accepted:
            raise SocketError("EAGAIN")
        slot = self.listener.accepted.popleft()
        slot.listener = None
        child = TcpSocket(self.host)
        child.slot = slot
        child._options = slot.conn.ep.options
        child.reuse_address = self.reuse_address
        child.linger = self.linger
        child.receive_low_water = self.receive_low_water
        child._told_connected = True
        ep = slot.conn.ep
        child.local_addr, child.local_port = ep.local_addr, ep.local_port
        child.remote_addr, child.remote_port = ep.remote_addr, ep.remote_port
        slot.socket = child
        return child

    def connect(self, now_ns: int, address: str, port: int, *, data: bytes = b"", cookie: bytes | None = None) -> None:
        """Open a connection: raises EINPROGRESS the first time, EALREADY while the handshake lasts.

        Returns normally once, when it is open; EISCONN afterwards. A failed attempt's error
        is raised once. `data` and `cookie` are for Fast Open (RFC 7413).
        """
        self.check_open()
        if self.listener is not None:
            raise SocketError("EISCONN", "the socket listens")
        if self.slot is not None:
            self._connect_again(self.slot.conn)
            return
        if self.deferred:
            raise SocketError("EISCONN")
        if self.fast_open_connect and not data and cookie is None and fastopen_client.defers(self, now_ns, address):
            self.deferred = True
            self.remote_addr, self.remote_port = address, port
            return
        if self.fast_open_connect and cookie is None:
            cookie = b""
        self.open(now_ns, address, port, data, cookie)
        raise SocketError("EINPROGRESS")

    def open(
        self, now_ns: int, address: str, port: int, data: bytes, cookie: bytes | None, without_cookie: bool = False
    ) -> None:
        """Make the connection and send its SYN."""
        if not port:
            raise SocketError("EADDRNOTAVAIL", "port 0 cannot be connected to")
        had_port = self.local_port
        self.slot = self.host.tcp.open_active(now_ns, self, address, port, data, cookie, without_cookie)
        self._options = self.slot.conn.ep.options
        if not had_port:
            self.owns_port = True
        self.remote_addr, self.remote_port = address, port

    def _connect_again(self, conn: Connection) -> None:
        """connect() on a socket that has a connection: how is it getting on?"""
        error = self.take_error()
        if error:
            raise SocketError(error)
        if conn.state in (SYN_SENT, SYN_RECEIVED):
            raise SocketError("EALREADY")
        if conn.state is CLOSED and not self.is_connected():
            raise SocketError("ECONNABORTED")
        if self._told_connected:
            raise SocketError("EISCONN")
        self._told_connected = True

    # --- sending and receiving --------------------------------------------------------------

    def send(self, now_ns: int, data: bytes, flags: int = 0, *, push: bool = False) -> int:
        """Queue data; returns how many bytes were taken (at least one).

        EAGAIN: no room, or still connecting; EPIPE: closed for sending; ENOTCONN; a pending error, once.
        """
        conn = self._connection_for_data()
        error = self.take_error()
        if error:
            raise SocketError(error)
        waits = conn.state is SYN_RECEIVED and not conn.ep.passive and self.host.profile.syn_received_defers_shutdown
        if (self.write_shut and not waits) or conn.state is CLOSED:
            raise SocketError("EPIPE")
        if conn.state is SYN_SENT or (conn.state is SYN_RECEIVED and not conn.ep.passive):
            raise SocketError("EAGAIN")
        if not data:
            return 0
        try:
            taken = conn.send(
                now_ns, data, push=push, urgent=flags & MSG_OOB != 0, more=flags & MSG_MORE != 0,
                end_of_record=flags & MSG_EOR != 0,
            )  # fmt: skip
        except CallError as failure:
            raise SocketError("EPIPE", str(failure)) from None
        if taken == 0:
            raise SocketError("EAGAIN")
        assert self.slot is not None
        self.host.tcp.touch(self.slot)
        return taken

    def recv(self, now_ns: int, max_bytes: int, flags: int = 0) -> bytes:
        """Read up to `max_bytes`; b"" at the end of the stream.

        EAGAIN: nothing there yet; ENOTCONN; a pending error (after the data before it), once.
        """
        conn = self._connection_for_data()
        if flags & MSG_OOB:
            raise SocketError("EINVAL", "urgent data is read in line (RFC 9293 §3.8.5)")
        if max_bytes <= 0:
            return b""
        if conn.readable_bytes():
            data = conn.receive(now_ns, max_bytes, peek=flags & MSG_PEEK != 0)
            if conn.ep.receiver.ack_reason is not None and self.slot is not None:
                self.host.tcp.touch(self.slot)  # reading made a window update or an ACK due
            return data
        error = self.take_error()
        if error:
            raise SocketError(error)
        if self.disconnected:
            raise SocketError("ENOTCONN")
        if self.read_shut or conn.at_eof() or conn.state is CLOSED:
            return b""
        raise SocketError("EAGAIN")

    def has_news(self) -> bool:
        """`recv` would give or tell something: data, the end of the stream or an error (else it would raise EAGAIN)."""
        if self.slot is None:
            return not self.deferred
        conn = self.slot.conn
        if conn.readable_bytes() or self.read_shut or conn.at_eof() or conn.state is CLOSED:
            return True
        return self.pending_error() != ""

    def _connection_for_data(self) -> Connection:
        self.check_open()
        if self.slot is None:
            raise SocketError("EAGAIN" if self.deferred else "ENOTCONN")
        return self.slot.conn

    def send_fast(self, now_ns: int, data: bytes, address: str, port: int) -> int:
        """sendto with MSG_FASTOPEN, or the first send after a `connect` that waits for data (RFC 7413 §4.2.1).

        Returns how much rides on the SYN; 0: the connection is open, so send as always. EINPROGRESS: the SYN went
        without data; EALREADY: the handshake lasts; EISCONN.
        """
        self.check_open()
        return fastopen_client.send_fast(self, now_ns, data, address, port)

    def finish_connect(self) -> None:
        """What a second `connect` tells of the first one. SocketError EALREADY, EISCONN or the attempt's error."""
        if self.slot is not None:
            self._connect_again(self.slot.conn)

    # --- closing ----------------------------------------------------------------------------

    def shutdown(self, now_ns: int, how: int) -> None:
        """SHUT_RD, SHUT_WR or SHUT_RDWR. ENOTCONN without a connection; on a listener: stop listening."""
        self.check_open()
        if how not in (SHUT_RD, SHUT_WR, SHUT_RDWR):
            raise SocketError("EINVAL")
        if self.listener is not None:
            if how != SHUT_WR:
                self._stop_listening(now_ns)
            return
        if self.slot is None or self.slot.conn.state in (CLOSED, LISTEN):
            raise SocketError("ENOTCONN")
        if self.slot.conn.state is TIME_WAIT and self.host.profile.orphan_in_time_wait:
            raise SocketError("ENOTCONN", "TIME-WAIT is not the socket's any more")  # tcp_time_wait: tcp_done
        if self.slot.conn.state is SYN_SENT and self.host.profile.shutdown_ends_attempt:
            self.slot.conn.shutdown(now_ns)
            self.disconnected = True
            self.host.tcp.touch(self.slot)
            return
        if how != SHUT_WR:
            self.read_shut = True
            self.slot.conn.ep.read_shut = True
        if how != SHUT_RD and not self.write_shut:
            self.write_shut = True
            try:
                self.slot.conn.shutdown(now_ns)
            except CallError as failure:
                raise SocketError("ENOTCONN", str(failure)) from None
        self.host.tcp.touch(self.slot)

    def close(self, now_ns: int) -> None:
        """Let go. The connection finishes by itself; SO_LINGER with 0 seconds resets it instead."""
        self.check_open()
        self.closed = True
        self.watcher = None
        if self.owns_port:
            self.host.tcp.unbind(self)
        if self.listener is not None:
            self._stop_listening(now_ns)
        slot = self.slot
        if slot is None:
            return
        slot.socket = None
        conn = slot.conn
        if conn.is_closed():
            return
        if self.linger == (True, 0):
            conn.abort(now_ns)
        else:
            conn.close(now_ns)
        self.host.tcp.touch(slot)

    def abort(self, now_ns: int) -> None:
        """ABORT (RFC 9293 §3.10.5): reset the connection and let go."""
        self.linger = (True, 0)
        self.close(now_ns)

    def _stop_listening(self, now_ns: int) -> None:
        if self.listener is not None:
            self.host.tcp.close_listener(now_ns, self.listener)
            self.listener = None

    # --- options ----------------------------------------------------------------------------

    def set_option(self, now_ns: int, name: str, value: sockopt.Value) -> None:
        """setsockopt by name (see `netsim.host.sockopt`)."""
        sockopt.set_option(self, now_ns, name, value)

    def get_option(self, now_ns: int, name: str) -> sockopt.Value:
        """getsockopt by name (see `netsim.host.sockopt`)."""
        return sockopt.get_option(self, now_ns, name)
