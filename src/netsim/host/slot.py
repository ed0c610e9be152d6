"""A connection's place at its host: the connection, who owns it, and when it must be woken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.tcp.timers import NEVER

if TYPE_CHECKING:
    from netsim.host.listener import Listener
    from netsim.host.socket import TcpSocket
    from netsim.tcp.connection import Connection

Key = tuple[str, int, str, int]
"""(local address, local port, remote address, remote port)."""

NO_KEY: Final[Key] = ("", 0, "", 0)


class Slot:
    """One connection of a host.

    key:      its pair of sockets, NO_KEY while it only listens
    socket:   the socket that owns it; None before accept and after close (an orphan)
    listener: the listener that made it and to which it belongs until it is accepted
    dirty:    it waits in the host's line to be polled; behind: the next one in the line
    wake_ns, later_ns: its next entries on the host's heap of deadlines (NEVER: none)
    """

    __slots__ = ("behind", "conn", "dirty", "key", "later_ns", "listener", "socket", "wake_ns")

    def __init__(self, conn: Connection, key: Key = NO_KEY) -> None:
        self.conn = conn
        self.key = key
        self.socket: TcpSocket | None = None
        self.listener: Listener | None = None
        self.dirty = False
        self.behind: Slot | None = None
        self.wake_ns = NEVER
        self.later_ns = NEVER
