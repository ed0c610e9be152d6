"""`netsim capture --demo NAME`: a small real TCP conversation on this machine's loopback, captured.

Client and server are two sockets of this process; the kernel does the TCP. Between the
steps the capture is given time to fall silent, so that delayed acknowledgements come where
they belong and the file reads like a lesson. Only frames of the conversation's own ports
are kept.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Final

from netsim.base.errors import UsageError
from netsim.base.packet import ACK, SYN
from netsim.base.units import format_seconds
from netsim.capture.frames import FrameBatch, Interface
from netsim.capture.live import LiveCapture, LiveFrame
from netsim.capture.record import TcpRecord, reverse_key
from netsim.capture.tcpview import TcpDecoder

LOOPBACK: Final = "lo"
_QUIET_S: Final = 0.06
"""Longer than the longest delayed acknowledgement of an idle loopback connection (40 ms)."""
_TIMEOUT_S: Final = 5.0
_REQUEST: Final = b"GET /lesson HTTP/1.0\r\n\r\n"
_RESPONSE: Final = b"".join([b"line %04d of the lesson\n" % number for number in range(200)])


class Stage:
    """Two ends on loopback and the capture between them. `ports` are the conversation's own."""

    def __init__(self, live: LiveCapture, family: socket.AddressFamily) -> None:
        self.live = live
        self.family = family
        self.host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        self.frames: list[LiveFrame] = []
        self.ports: set[int] = set()
        self._open: list[socket.socket] = []

    def quiet(self) -> None:
        """Take frames until none has come for a while."""
        while frames := self.live.poll(_QUIET_S):
            self.frames += frames

    def new_socket(self) -> socket.socket:
        """A socket that the stage closes at the end, if nobody did before."""
        made = socket.socket(self.family, socket.SOCK_STREAM)
        made.settimeout(_TIMEOUT_S)
        self._open.append(made)
        return made

    def listen(self) -> socket.socket:
        """A listening socket on a free port."""
        listener = self.new_socket()
        listener.bind((self.host, 0))
        listener.listen(1)
        self.ports.add(listener.getsockname()[1])
        return listener

    def connect(self) -> tuple[socket.socket, socket.socket]:
        """Client and server ends of a new connection, after its handshake."""
        listener = self.listen()
        client = self.new_socket()
        client.connect((self.host, listener.getsockname()[1]))
        server, _ = listener.accept()
        server.settimeout(_TIMEOUT_S)
        self._open.append(server)
        self.quiet()
        return client, server

    def send(self, source: socket.socket, target: socket.socket, data: bytes) -> None:
        """Send and receive all of `data`."""
        source.sendall(data)
        left = len(data)
        while left:
            got = target.recv(65536)
            if not got:
                raise UsageError("the demonstration's connection ended early; is loopback filtered?")
            left -= len(got)
        self.quiet()

    def finish(self, *ends: socket.socket) -> None:
        """Each end says FIN in turn, after the other's was acknowledged."""
        for end in ends:
            end.shutdown(socket.SHUT_WR)
            self.quiet()

    def close(self) -> None:
        """Close what is still open."""
        for each in self._open:
            with contextlib.suppress(OSError):
                each.close()
        self.quiet()

    def own_frames(self) -> list[LiveFrame]:
        """The captured frames that belong to the conversation."""
        records = records_of(self.live.linktype, self.frames)
        own = [record.frame for record in records if record.sport in self.ports or record.dport in self.ports]
        return [self.frames[number - 1] for number in own]


def _handshake(stage: Stage) -> None:
    stage.connect()


def _transfer(stage: Stage) -> None:
    client, server = stage.connect()
    stage.send(client, server, _REQUEST)
    stage.send(server, client, _RESPONSE)


def _teardown(stage: Stage) -> None:
    client, server = stage.connect()
    stage.finish(client, server)


def _whole(stage: Stage) -> None:
    client, server = stage.connect()
    stage.send(client, server, _REQUEST)
    stage.send(server, client, _RESPONSE)
    stage.finish(client, server)


def _half_close(stage: Stage) -> None:
    client, server = stage.connect()
    stage.send(client, server, _REQUEST)
    stage.finish(client)
    stage.send(server, client, _RESPONSE)
    stage.finish(server)


def _refused(stage: Stage) -> None:
    listener = stage.listen()
    port = listener.getsockname()[1]
    listener.close()
    client = stage.new_socket()
    with contextlib.suppress(ConnectionRefusedError):
        client.connect((stage.host, port))
        raise UsageError(f"port {port} was taken by another program just now; try again")
    stage.quiet()


def _abort(stage: Stage) -> None:
    client, server = stage.connect()
    stage.send(client, server, _REQUEST)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    stage.quiet()
    with contextlib.suppress(ConnectionResetError):
        server.recv(1)


DEMOS: Final[dict[str, tuple[str, Callable[[Stage], None]]]] = {
    "handshake": ("three segments open a connection", _handshake),
    "transfer": ("a request and a response of 4,800 bytes with their acknowledgements", _transfer),
    "teardown": ("four segments close a connection: FIN, ACK, FIN, ACK", _teardown),
    "handshake-transfer-teardown": ("a whole short life: open, request, response, close", _whole),
    "half-close": ("the client has sent its FIN, the server's data still flows", _half_close),
    "refused": ("nobody listens: the SYN is answered by RST", _refused),
    "abort": ("SO_LINGER with time 0: the connection ends with RST instead of FIN", _abort),
}
"""Every demonstration: what it shows, and how it is played."""


def records_of(linktype: int, frames: list[LiveFrame]) -> list[TcpRecord]:
    """The TCP records of captured frames, numbered from 1."""
    decoder = TcpDecoder()
    interfaces = [Interface(linktype)]
    out: list[TcpRecord] = []
    for number, (t_ns, data, wire, _) in enumerate(frames, 1):
        batch = FrameBatch(data, number)
        batch.spans.append((t_ns, 0, len(data), wire, 0))
        out += decoder.decode(batch, interfaces)
    return out


def describe(linktype: int, frames: list[LiveFrame]) -> Iterator[str]:
    """One line per segment: time, direction, flags, relative numbers. The first sender is the client."""
    records = records_of(linktype, frames)
    first_seq: dict[bytes, int] = {}
    for record in records:
        if record.flags & SYN:
            first_seq.setdefault(record.key, record.seq)
        arrow = "client ──▶ server" if record.key == records[0].key else "client ◀── server"
        text = f"{record.flags_names()} seq {record.seq - first_seq.get(record.key, record.seq) & 0xFFFFFFFF}"
        if record.flags & ACK:
            text += f" ack {record.ack - first_seq.get(reverse_key(record.key), record.ack - 1) & 0xFFFFFFFF}"
        if record.payload_len:
            text += f" len {record.payload_len}"
        yield f" {format_seconds(record.t_ns - records[0].t_ns, 6):>9}  {arrow}  {text}"


def play(name: str, *, ipv6: bool = False, iface: str = LOOPBACK) -> tuple[int, list[LiveFrame]]:
    """Play and capture one demonstration; (link type, its frames in order).

    UsageError without privileges, for an unknown name, or where loopback does not work. Frames of the
    closing that the demonstration is not about (its sockets being closed at the end) are left out for
    those that end before: `handshake`, `transfer`.
    """
    if name not in DEMOS:
        raise UsageError(f"there is no demonstration '{name}'; there are {', '.join(DEMOS)}")
    family = socket.AF_INET6 if ipv6 else socket.AF_INET
    with LiveCapture(iface) as live:
        stage = Stage(live, family)
        try:
            DEMOS[name][1](stage)
            frames = stage.own_frames()
        except OSError as error:
            raise UsageError(f"the demonstration failed on this machine's loopback: {error}") from None
        finally:
            stage.close()
    if not frames:
        raise UsageError(f"nothing was captured on {iface}; is the interface up?")
    return live.linktype, frames
