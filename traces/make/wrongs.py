"""What the plans of a misbehaving peer share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .lab import Lab, Socket
from .peer import Peer
from .plan import Work, plan

MSS = 1448


def fault(name: str, shows: str, side: str, **options: Any) -> Callable[[Work], Work]:
    """Register a plan in which a scripted peer plays ``side`` and breaks a rule."""
    return plan(name, shows, family="violations", script=side, **options)


def serve(
    lab: Lab, options: bytes | None = None, *, connect: dict[str, Any] | None = None, **how: Any
) -> tuple[Peer, Socket]:
    """The kernel connects, the script answers: the peer and the kernel's socket."""
    peer = Peer(lab, **how)
    start = lab.client.start_connect(**(connect or {}))
    peer.accept(options)
    return peer, lab.client.connected(start)


def call(
    lab: Lab,
    options: bytes | None = None,
    *,
    listen: dict[str, Any] | None = None,
    read: bool = True,
    **how: Any,
) -> tuple[Peer, Socket]:
    """The script connects, the kernel answers: the peer and the kernel's accepted socket, read to its end if asked."""
    peer = Peer(lab, **how)
    listener = lab.server.listen(**(listen or {}))
    peer.open(options)
    return peer, accepted(listener, read=read)


def accepted(listener: Socket, *, read: bool = True) -> Socket:
    """The listener's next connection, with a reader that takes everything up to the end."""
    sock = listener.accept()
    if read:
        sock.reading = sock.start_recv()
    return sock


def end(peer: Peer, sock: Socket) -> None:
    """The kernel closes first, the script follows in good order."""
    sock.shutdown()
    peer.close_second()
    if sock.reading is not None:
        sock.reading.result(15)
    sock.close()


def cut(peer: Peer, sock: Socket) -> None:
    """The kernel aborts: for connections whose state nobody can trust any more."""
    if sock.reading is not None:
        sock.reading.result(15)
    sock.close("abort")
    peer.drain(0.3)
