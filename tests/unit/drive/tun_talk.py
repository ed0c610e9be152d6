"""Runs inside a network namespace of its own: our host and the kernel of this machine talk over a TUN device.

The kernel's sockets and our host live in one process and one loop. Prints one line of JSON.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import replace

from netsim.apps.pattern import pattern
from netsim.base.events import ListSink, SegmentReceived, SegmentSent, StateChanged
from netsim.base.units import SEC
from netsim.drive.tun import RealTime, TunDevice
from netsim.tcp.profile.base import Profile

KERNEL = {4: "10.99.0.1", 6: "fd99::1"}
OURS = {4: "10.99.0.2", 6: "fd99::2"}
SIZE = 300_000


class KernelSocket:
    """A non-blocking socket of the kernel that sends everything, then half-closes, and reads to the end."""

    def __init__(self, sock: socket.socket, to_send: bytes) -> None:
        self.sock = sock
        self.sock.setblocking(False)
        self.to_send = to_send
        self.shut = False
        self.received = b""
        self.eof = False

    def turn(self) -> None:
        try:
            while self.to_send:
                self.to_send = self.to_send[self.sock.send(self.to_send) :]
            if not self.shut:
                self.shut = True
                self.sock.shutdown(socket.SHUT_WR)
        except (BlockingIOError, OSError):
            pass
        try:
            while not self.eof:
                data = self.sock.recv(1 << 16)
                self.received += data
                self.eof = not data
        except BlockingIOError:
            pass


def main(mode: str, version: int) -> None:
    device = TunDevice("tun0")
    for command in (
        "addr add 10.99.0.1/24 dev tun0", "-6 addr add fd99::1/64 dev tun0 nodad", "link set tun0 up",
    ):  # fmt: skip
        subprocess.run(["ip", *command.split()], check=True)
    sink = ListSink()
    profile = replace(Profile(), msl_ns=SEC // 4)
    world = RealTime("ours", [OURS[4], OURS[6]], device, profile=profile, sink=sink)
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    got: list[bytes] = []

    async def serve(host):
        conn = await host.listen(80).accept()
        await talk(conn)

    async def call(host):
        await talk(await host.connect(KERNEL[version], 8080))

    async def talk(conn):
        await conn.send(pattern(0, SIZE))
        got.append(await conn.recv_all())
        conn.close()

    ends: list[KernelSocket] = []
    if mode == "server":
        world.start(serve)
        world.run(lambda: bool(world.host.tcp.listeners))
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.connect_ex((OURS[version], 80))
        ends.append(KernelSocket(sock, pattern(7, SIZE)))
    else:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.bind((KERNEL[version], 8080))
        listener.listen()
        listener.setblocking(False)
        world.start(call)

    def over() -> bool:
        if not ends:
            try:
                ends.append(KernelSocket(listener.accept()[0], pattern(7, SIZE)))
            except BlockingIOError:
                return False
        ends[0].turn()
        return bool(got) and ends[0].eof and not world.host.tcp.slots

    finished = world.run(over, 20 * SEC)
    states = [event.new for event in sink.events if isinstance(event, StateChanged)]
    sys.stdout.write(json.dumps({
        "finished": finished,
        "ours_right": bool(got) and got[0] == pattern(7, SIZE),
        "kernels_right": bool(ends) and ends[0].received == pattern(0, SIZE),
        "states": states,
        "malformed": device.malformed,
        "resent": sum(e.retransmission for e in sink.events if isinstance(e, SegmentSent)),
        "timestamps": all(
            e.segment.has_ts for e in sink.events if isinstance(e, SegmentReceived) and not e.segment.flags & 4
        ),
    }))  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
