"""What a script's descriptor numbers stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.packetdrill.errqueue import ErrorQueue

if TYPE_CHECKING:
    from netsim.host.socket import TcpSocket
    from netsim.host.udp import UdpSocket
    from netsim.packetdrill.flow import Flow


class Block(Exception):
    """The call would have to wait."""


class Descriptor:
    """Base. `nonblocking`: O_NONBLOCK is set."""

    def __init__(self) -> None:
        self.nonblocking = False


class SocketFile(Descriptor):
    """A TCP socket, and the connection as the script sees it."""

    def __init__(self, socket: TcpSocket, flow: Flow) -> None:
        super().__init__()
        self.socket = socket
        self.flow = flow
        self.fast_open = 0
        self.errors = ErrorQueue()
        self.write_edges = 0
        """How often the socket became writable again (for edge-triggered epoll)."""
        self.writable = False
        self.extra: dict[str, int] = {}
        """Options that only this layer knows, by name."""

    def activity(self) -> tuple[int, int, int, bool]:
        """Changes whenever edge-triggered epoll has something new to tell."""
        conn = self.socket.connection
        arrived = conn.ep.receiver.buffer.total + conn.ep.receiver.fin_done if conn is not None else 0
        waiting = len(self.socket.listener.accepted) if self.socket.listener is not None else 0
        closed = conn is not None and conn.is_closed()
        return arrived + waiting, self.errors.arrivals, self.write_edges, closed


class UdpFile(Descriptor):
    """A UDP socket."""

    def __init__(self, socket: UdpSocket) -> None:
        super().__init__()
        self.socket = socket


class PipeEnd(Descriptor):
    """One end of a pipe; both share `buffer`."""

    def __init__(self, buffer: bytearray, writes: bool) -> None:
        super().__init__()
        self.buffer = buffer
        self.writes = writes


class ZeroFile(Descriptor):
    """A file of zeroes that a script's dd made."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.offset = 0


class EpollEntry:
    """What epoll watches on one descriptor. `seen`: the activity at the last report (edge-triggered)."""

    def __init__(self, events: int, data: int) -> None:
        self.events = events
        self.data = data
        self.seen: tuple[int, int, int, bool] | None = None
        self.armed = True


class EpollFile(Descriptor):
    """An epoll instance."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[int, EpollEntry] = {}
