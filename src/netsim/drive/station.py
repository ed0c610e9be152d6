"""A host with its alarm: what every driver in which time passes needs, virtual or real."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from netsim.apps.runtime import Surroundings
from netsim.base.errors import UsageError
from netsim.base.events import PacketSent
from netsim.drive.pump import Outlet, pump
from netsim.sim.kernel import TIMER, Action, Simulator

if TYPE_CHECKING:
    from netsim.base.packet import Packet
    from netsim.host.host import Host
    from netsim.sim.link import PacketNumbers


class Station:
    """A host, its way out, and its alarm on a simulator's heap."""

    def __init__(self, host: Host, sim: Simulator, outlet: Outlet) -> None:
        self.host = host
        self.sim = sim
        self.outlet = outlet
        self.alarm = Alarm(self, sim)

    def receive(self, now_ns: int, packet: Packet) -> None:
        """A packet arrived."""
        self.host.handle_packet(now_ns, packet)
        self.pump(now_ns)

    def pump(self, now_ns: int) -> None:
        """After every input or call: send what there is to send, and set the alarm."""
        deadline = pump(now_ns, self.host, self.outlet)
        if deadline is not None:
            self.alarm.ensure(deadline)


class Alarm(Action):
    """The alarm of a host. It is set lazily: it may ring early, find nothing due, and be set again."""

    def __init__(self, station: Station, sim: Simulator) -> None:
        self._station = station
        self._sim = sim
        self._wakes: list[int] = []  # instants on the kernel's heap, the earliest last

    def ensure(self, at_ns: int) -> None:
        """Ring at `at_ns` or earlier."""
        wakes = self._wakes
        if not wakes or at_ns < wakes[-1]:
            at_ns = max(at_ns, self._sim.now_ns)
            wakes.append(at_ns)
            self._sim.schedule(at_ns, TIMER, self)

    def run(self, now_ns: int) -> bool:
        """Ring: fire what is due."""
        self._wakes.pop()
        fired = self._station.host.handle_timeout(now_ns)
        self._station.pump(now_ns)
        return fired

    def describe(self) -> str:
        """`a timer of client`."""
        return f"a timer of {self._station.host.name}"


class Collector(Outlet):
    """Keeps the packets for a driver that writes them to a device itself."""

    def __init__(self, host: Host, link: str, numbers: PacketNumbers) -> None:
        self.packets: deque[Packet] = deque()
        self._host = host
        self._link = link
        self._numbers = numbers

    def transmit(self, now_ns: int, packet: Packet) -> None:
        """Number the packet, tell of it, keep it."""
        packet.uid = self._numbers.next()
        if self._host.sink.recording:
            self._host.sink.emit(PacketSent(now_ns, self._host.name, packet, self._link))
        self.packets.append(packet)


class Alone(Surroundings):
    """What applications see of the world where their host is the only one we know: addresses."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def resolve(self, name: str, family: str = "") -> str:
        """An address stays as it is; there are no names. UsageError."""
        if ":" in name or name.replace(".", "").isdigit():
            return name
        raise UsageError(f"'{name}' is not an address, and there is nobody to ask for names")

    def pump(self, host: Host) -> None:
        """Let the host send."""
        self._station.pump(self._station.sim.now_ns)
