"""Moves that many plans share."""

from __future__ import annotations

import socket
from typing import Any

from .lab import Lab, Socket

TCP = socket.IPPROTO_TCP
NODELAY = (TCP, socket.TCP_NODELAY, 1)
MAXSEG = socket.TCP_MAXSEG
CORK = socket.TCP_CORK
QUICKACK = socket.TCP_QUICKACK
USER_TIMEOUT = socket.TCP_USER_TIMEOUT
FASTOPEN = (TCP, socket.TCP_FASTOPEN, 5)
MSS = 1448
"""Payload of a full segment: MTU 1500 less 20 for IPv4, 20 for TCP, 12 for timestamps."""


def receive_buffer(size: int) -> tuple[int, int, int]:
    """SO_RCVBUF as an option triple."""
    return (socket.SOL_SOCKET, socket.SO_RCVBUF, size)


def finish(first: Socket, second: Socket) -> None:
    """Orderly close, ``first`` first; each reads to the other's end."""
    first.shutdown()
    second.recv()
    second.close()
    first.recv()
    first.close()


def transfer(sender: Socket, receiver: Socket, count: int) -> None:
    """Send ``count`` bytes while the other side reads them.

    Raises:
        AssertionError: they did not arrive whole.

    """
    reading = receiver.start_recv(count)
    sender.send(count)
    answer = reading.result(150)
    if answer["outcome"] != "ok":
        raise AssertionError(f"transfer ended with {answer}")


def upload(lab: Lab, count: int, **pair: Any) -> tuple[Socket, Socket]:
    """A whole connection: the client sends ``count`` bytes and closes first."""
    client, server = lab.pair(**pair)
    transfer(client, server, count)
    finish(client, server)
    return client, server


def download(lab: Lab, count: int, **pair: Any) -> tuple[Socket, Socket]:
    """A whole connection: a short request, ``count`` bytes of answer, the client closes first."""
    client, server = lab.pair(**pair)
    transfer(client, server, 120)
    transfer(server, client, count)
    finish(client, server)
    return client, server
