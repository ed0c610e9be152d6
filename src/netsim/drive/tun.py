"""Real time: our host at the end of a TUN device, talking to a real kernel. Linux only, needs privileges.

The same host, sockets and applications as in the simulation; only time and packets are real.
The simulator's heap holds the alarms; an event runs at its own deadline, once the clock has
passed it, so that the stack never sees a time before its deadline.
"""

from __future__ import annotations

import os
import select
import struct
import sys
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from netsim.apps.runtime import Runtime
from netsim.apps.socket import AppHost
from netsim.base.errors import UsageError
from netsim.base.events import NullSink
from netsim.base.units import MS, SEC
from netsim.drive.station import Alone, Collector, Station
from netsim.host.host import Host
from netsim.sim.kernel import Simulator
from netsim.sim.link import PacketNumbers
from netsim.tcp.profile.base import Profile
from netsim.wire.codec import decode_packet, encode_packet
from netsim.wire.malformed import Malformed

if TYPE_CHECKING:
    from netsim.apps.task import Task
    from netsim.base.events import Sink

_TUNSETIFF: Final = 0x400454CA
_IFF_TUN: Final = 0x0001
_IFF_NO_PI: Final = 0x1000
_READ_BYTES: Final = 65_536
_BATCH: Final = 256
"""Packets read before the alarms get their turn."""


def _open(name: str) -> int:
    """The device's file descriptor. UsageError: not on this system, or not allowed."""
    if sys.platform != "linux":
        raise UsageError("TUN devices are a feature of Linux")
    import fcntl

    try:
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    except OSError as error:
        raise UsageError(f"cannot open the TUN device '{name}': {error.strerror} (it needs CAP_NET_ADMIN)") from None
    return device


class TunDevice:
    """A TUN device: whole IP packets in, whole IP packets out.

    The kernel's end of it gets its address and is set up by whoever made it
    (`ip addr add ... dev NAME; ip link set NAME up`).
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.malformed = 0
        self._fd = _open(name)

    def fileno(self) -> int:
        """For select."""
        return self._fd

    def read(self) -> bytes | None:
        """The next packet from the kernel; None if there is none now."""
        try:
            return os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return None

    def write(self, data: bytes) -> bool:
        """A packet for the kernel. False: its queue is full, the packet is lost."""
        try:
            os.write(self._fd, data)
        except (BlockingIOError, OSError):
            return False
        return True

    def close(self) -> None:
        """The device disappears, unless it was made persistent."""
        os.close(self._fd)


class RealTime:
    """One host at a TUN device. `start` applications, then `run` until something is true."""

    def __init__(
        self,
        name: str,
        addresses: list[str],
        device: TunDevice,
        *,
        profile: Profile | None = None,
        seed: int | str = 1,
        sink: Sink | None = None,
        mtu: int = 1500,
    ) -> None:
        self.sim = Simulator(seed)
        self.device = device
        profile = profile or Profile()
        self.host = Host(
            name, addresses, profile,
            sink=sink if sink is not None else NullSink(), rng=self.sim.rng(f"host {name}"), mtu=mtu,
        )  # fmt: skip
        self._out = Collector(self.host, device.name, PacketNumbers())
        self._station = Station(self.host, self.sim, self._out)
        self.runtime = Runtime(self.sim, Alone(self._station))
        self._started_ns = time.monotonic_ns()

    def start(self, app: Callable[[AppHost], Coroutine[Any, Any, Any]], name: str = "") -> Task:
        """Start an application on the host."""
        return self.runtime.spawn(app(AppHost(self.host, self.runtime)), name or getattr(app, "__name__", "app"))

    def run(self, until: Callable[[], bool], limit_ns: int = 60 * SEC) -> bool:
        """Let time pass until `until()` is true. False: `limit_ns` passed before."""
        end_ns = self._clock_ns() + limit_ns
        while not until():
            now_ns = self._clock_ns()
            if now_ns >= end_ns:
                return False
            self.sim.run(now_ns)
            self._read(now_ns)
            self._write()
            self._wait(end_ns)
        return True

    def _clock_ns(self) -> int:
        return time.monotonic_ns() - self._started_ns

    def _read(self, now_ns: int) -> None:
        for _ in range(_BATCH):
            data = self.device.read()
            if data is None:
                return
            packet = decode_packet(data)
            if isinstance(packet, Malformed):
                self.device.malformed += 1
            else:
                self._station.receive(now_ns, packet)

    def _write(self) -> None:
        while self._out.packets:
            self.device.write(encode_packet(self._out.packets.popleft()))

    def _wait(self, end_ns: int) -> None:
        """Until a packet comes, the next event is due, or `until` deserves another look."""
        at_ns = min(self.sim.next_at() or end_ns, end_ns, self._clock_ns() + MS)
        timeout_ns = at_ns - self._clock_ns()
        if timeout_ns > 0:
            select.select([self.device], [], [], timeout_ns / SEC)
