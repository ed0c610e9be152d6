"""A listening socket's queues: half-open connections, and open ones that wait to be accepted."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from netsim.host.slot import Slot

if TYPE_CHECKING:
    from netsim.host.slot import Key
    from netsim.host.socket import TcpSocket


class Listener:
    """What a host keeps for one listening socket.

    spare:    a connection in LISTEN that the next SYN takes
    half_open: connections in SYN-RECEIVED by their pair of sockets
    accepted: established ones, in order, until the application accepts them
    backlog:  how many may wait in `accepted` (one more is let in, as BSD and Linux do)
    syn_limit: how many may be half-open
    """

    __slots__ = (
        "accepted", "backlog", "cookies_sent", "dropped_syns", "half_open", "local_addr", "local_port",
        "opened_fast", "overflowed", "socket", "spare", "syn_limit",
    )  # fmt: skip

    def __init__(self, socket: TcpSocket, local_addr: str, local_port: int, backlog: int, syn_limit: int) -> None:
        self.socket = socket
        self.local_addr = local_addr
        self.local_port = local_port
        self.backlog = backlog
        self.syn_limit = syn_limit
        self.spare: Slot | None = None
        self.half_open: dict[Key, Slot] = {}
        self.accepted: deque[Slot] = deque()
        self.opened_fast: list[Slot] = []
        """Connections that Fast Open made here and whose handshake may not be over yet."""
        self.dropped_syns = 0
        self.overflowed = 0
        self.cookies_sent = 0

    def accept_queue_is_full(self) -> bool:
        """Linux: full when more than `backlog` wait already."""
        return len(self.accepted) > self.backlog

    def fast_open_pending(self) -> int:
        """How many connections of Fast Open still wait for the end of their handshake (RFC 7413 §5.1)."""
        pending = [slot for slot in self.opened_fast if not slot.conn.ep.syn_acked]
        self.opened_fast = [slot for slot in pending if not slot.conn.is_closed()]
        return len(self.opened_fast)

    def syn_queue_is_full(self) -> bool:
        """No room for another half-open connection."""
        return len(self.half_open) >= self.syn_limit
