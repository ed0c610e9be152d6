"""`World`: simulator, network, hosts and applications in virtual time, as one thing to build and run.

world = World(seed=1)
world.add_host("client")
world.add_host("server")
world.add_link("client", "server", rate="10Mbit/s", delay="50ms")
world.start("server", serve)
world.start("client", fetch)
world.run()
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netsim.apps.runtime import Runtime, Surroundings
from netsim.apps.scripted import Talker, Welcome
from netsim.apps.socket import AppHost
from netsim.base.errors import UsageError
from netsim.base.events import NullSink, Sink
from netsim.base.packet import Packet, Segment
from netsim.base.units import parse_duration, parse_rate
from netsim.drive.hostnode import HostNode
from netsim.host.host import ConnectionNumbers, Host
from netsim.sim.impair import Directory
from netsim.sim.kernel import APPLICATION, Action, Simulator
from netsim.sim.link import LinkSettings
from netsim.sim.network import Network
from netsim.tcp.profile.base import Profile

if TYPE_CHECKING:
    from netsim.apps.task import Task
    from netsim.host.settings import HostSettings
    from netsim.host.socket import TcpSocket
    from netsim.sim.link import InFlight, Link
    from netsim.sim.queue import QueuePolicy
    from netsim.sim.router import Router
    from netsim.tcp.snapshot import Snapshot


class _Book(Directory):
    """What is known of the world's hosts, and what rules may ask about them."""

    def __init__(self) -> None:
        self.hosts: dict[str, Host] = {}
        self.nodes: dict[str, HostNode] = {}
        self._names: dict[str, str] = {}

    def enter(self, host: Host, node: HostNode) -> None:
        """A new host."""
        self.hosts[host.name] = host
        self.nodes[host.name] = node
        for address in host.addresses:
            self._names[address] = host.name

    def host_of(self, address: str) -> str:
        """Name of the host that owns `address`, "" if none."""
        return self._names.get(address, "")

    def state_of(self, source: str, packet: Packet) -> str:
        """State of the connection at `source` that sent this segment, "" if there is none."""
        host = self.hosts.get(source) or self.hosts.get(self.host_of(packet.src))
        if host is None or not isinstance(packet, Segment):
            return ""
        conn = host.connection_of(packet)
        return "" if conn is None else str(conn.state.value)

    def resolve(self, name: str, family: str = "") -> str:
        """The address of a host; an address stays as it is. UsageError: no such host or family."""
        host = self.hosts.get(name)
        if host is None:
            if ":" in name or name.replace(".", "").isdigit():
                return name
            raise UsageError(f"there is no host '{name}'; hosts are: {', '.join(self.hosts)}")
        for address in host.addresses:
            if not family or (":" in address) == (family == "inet6"):
                return address
        raise UsageError(f"host '{name}' has no {family} address")

    def pump(self, host: Host) -> None:
        """Let a host send what it wants to send."""
        node = self.nodes[host.name]
        node.pump(node.station.sim.now_ns)


class _Outlook(Surroundings):
    """The same book, as applications see it."""

    def __init__(self, book: _Book) -> None:
        self._book = book

    def resolve(self, name: str, family: str = "") -> str:
        """The address of a host."""
        return self._book.resolve(name, family)

    def pump(self, host: Host) -> None:
        """Let a host send what it wants to send."""
        self._book.pump(host)


class CallLater(Action):
    """Calls a function at an instant: scripted calls."""

    __slots__ = ("function", "text")

    def __init__(self, function: Callable[[int], None], text: str) -> None:
        self.function = function
        self.text = text

    def run(self, now_ns: int) -> bool:
        """Call it with the time."""
        self.function(now_ns)
        return True

    def describe(self) -> str:
        """What the caller said about it."""
        return self.text


class PendingTimer:
    """A look at one running protocol timer."""

    __slots__ = ("at_ns", "conn", "host", "timer")

    def __init__(self, at_ns: int, host: str, conn: int, timer: str) -> None:
        self.at_ns = at_ns
        self.host = host
        self.conn = conn
        self.timer = timer


class World:
    """Everything of one simulated run.

    seed: every random draw of the run comes from it      sink: where the events go
    offload: keep the profiles' TSO; otherwise every segment is one packet, which reads better
    """

    def __init__(self, seed: int | str = 1, sink: Sink | None = None, *, offload: bool = False) -> None:
        self.sim = Simulator(seed)
        self.sink: Sink = sink if sink is not None else NullSink()
        self.offload = offload
        self._book = _Book()
        self.network = Network(self.sim, self.sink, self._book)
        self.numbers = ConnectionNumbers()
        self._outlook = _Outlook(self._book)
        self.runtime = Runtime(self.sim, self._outlook)
        self._ready = False

    # --- building ---------------------------------------------------------------------------

    @property
    def hosts(self) -> dict[str, Host]:
        """The hosts by name, in order of definition."""
        return self._book.hosts

    @property
    def now_ns(self) -> int:
        """Virtual time."""
        return self.sim.now_ns

    def add_host(
        self,
        name: str,
        *,
        profile: Profile | None = None,
        addresses: list[str] | None = None,
        settings: HostSettings | None = None,
    ) -> Host:
        """Add a host. Without `addresses` the n-th gets 10.0.0.n and 2001:db8::n."""
        if name in self.network.nodes:
            raise UsageError(f"there is a node '{name}' already")
        profile = profile or Profile()
        if profile.tso and not self.offload:
            profile = replace(profile, tso=False)
        number = len(self.hosts) + 1
        if addresses is None:
            addresses = [f"10.0.{number >> 8}.{number & 255}", f"2001:db8::{number:x}"]
        for address in addresses:
            if self._book.host_of(address):
                raise UsageError(f"the address {address} belongs to host '{self._book.host_of(address)}' already")
        host = Host(
            name, addresses, profile,
            sink=self.sink, rng=self.sim.rng(f"host {name}"), numbers=self.numbers, settings=settings,
        )  # fmt: skip
        node = HostNode(host, self.sim, self.network.numbers)
        self.network.add_node(node)
        self._book.enter(host, node)
        self._ready = False
        return host

    def add_router(self, name: str, addresses: list[str] | None = None) -> Router:
        """Add a router. Without `addresses` the n-th gets 10.255.0.n and 2001:db8:ffff::n."""
        number = len(self.network.nodes) - len(self.hosts) + 1
        self._ready = False
        return self.network.add_router(name, addresses or [f"10.255.0.{number}", f"2001:db8:ffff::{number:x}"])

    def add_link(
        self,
        a: str,
        b: str,
        *,
        rate: str | int = 0,
        delay: str | int = 0,
        jitter: str | int = 0,
        mtu: int = 1500,
        queue: QueuePolicy | None = None,
        back_queue: QueuePolicy | None = None,
        back: LinkSettings | None = None,
        allow_reordering: bool = False,
        name: str = "",
        cost: int = 1,
    ) -> Link:
        """Connect two nodes. Rates and times as text ("10Mbit/s", "50ms") or in bit/s and ns; rate 0: infinite."""
        settings = LinkSettings(
            parse_rate(rate) if isinstance(rate, str) else rate,
            parse_duration(delay) if isinstance(delay, str) else delay,
            jitter_ns=parse_duration(jitter) if isinstance(jitter, str) else jitter,
            mtu=mtu,
            allow_reordering=allow_reordering,
        )
        self._ready = False
        return self.network.add_link(
            a, b, settings, back=back, queue=queue, back_queue=back_queue, name=name, cost=cost
        )  # fmt: skip

    def prepare(self) -> None:
        """Compute the routes and tell each host its MTU. `run` and `step` do it when it is due."""
        if self._ready:
            return
        self._ready = True
        self.network.compute_routes()
        for name, host in self.hosts.items():
            channels = self.network.nodes[name].channels
            if channels:
                host.mtu = min(channel.mtu for channel in channels)

    # --- applications and scripted calls --------------------------------------------------------

    def app_host(self, name: str) -> AppHost:
        """A host as its applications see it."""
        return AppHost(self.host(name), self.runtime)

    def host(self, name: str) -> Host:
        """A host by name. UsageError: there is none."""
        if name not in self.hosts:
            raise UsageError(f"there is no host '{name}'; hosts are: {', '.join(self.hosts) or 'none'}")
        return self.hosts[name]

    def start(
        self, host: str, app: Callable[[AppHost], Coroutine[Any, Any, Any]], *, at_ns: int = 0, name: str = ""
    ) -> Task:
        """Start an application on a host: `app(host)` is a coroutine."""
        self.prepare()
        label = name or f"{host}/{getattr(app, '__name__', 'app')}"
        return self.runtime.spawn(app(self.app_host(host)), label, max(at_ns, self.sim.now_ns))

    def at(self, at_ns: int, function: Callable[[int], None], text: str = "a scripted call") -> int:
        """Call `function(now_ns)` at an instant, after arrivals and timers; the handle serves `sim.cancel`."""
        return self.sim.schedule(at_ns, APPLICATION, CallLater(function, text))

    def resolve(self, name: str, family: str = "") -> str:
        """The address of a host by name."""
        return self._book.resolve(name, family)

    def pump(self, host: Host | str) -> None:
        """Let a host send, after calls on its sockets from outside."""
        self._book.pump(self.host(host) if isinstance(host, str) else host)

    def talker(self, socket: TcpSocket, *, read_mode: str = "auto") -> Talker:
        """Put timed calls on a socket (see `netsim.apps.scripted`); pump its host after each call."""
        return Talker(socket, self.sim, self._outlook, read_mode=read_mode)

    def welcome(
        self, listener: TcpSocket, on_accept: Callable[[int, Talker], None], *, read_mode: str = "auto", limit: int = -1
    ) -> Welcome:
        """Accept a listening socket's connections as they come, each as a `Talker`."""
        return Welcome(self.sim, self._outlook, listener, on_accept, read_mode=read_mode, limit=limit)

    # --- running ------------------------------------------------------------------------------

    def step(self) -> bool:
        """Run exactly one kernel event. False: nothing is scheduled any more."""
        self.prepare()
        return self.sim.step()

    def run(self, until_ns: int = -1, max_steps: int = -1) -> int:
        """Run until nothing is scheduled, or `until_ns`, or `max_steps`; how many events were run.

        AppError: an application failed.
        """
        self.prepare()
        # Many connections hold many objects, and segments come and go: the collector need not look at each few hundred.
        thresholds = gc.get_threshold()
        gc.set_threshold(50_000, 20, 50)
        try:
            return self.sim.run(until_ns, max_steps)
        finally:
            gc.set_threshold(*thresholds)

    # --- looks ----------------------------------------------------------------------------------

    def in_flight(self) -> list[InFlight]:
        """Every packet queued or on its way, in the order of arrival."""
        return self.network.in_flight()

    def timers(self) -> list[PendingTimer]:
        """Every running protocol timer, the earliest first."""
        found = [
            PendingTimer(at_ns, name, number, timer)
            for name, host in self.hosts.items()
            for number, conn in host.connections.items()
            for timer, at_ns in conn.snapshot().timers
        ]
        found.sort(key=_deadline)
        return found

    def snapshots(self) -> dict[tuple[str, int], Snapshot]:
        """A copy of every live connection's variables, by host and connection number."""
        return {
            (name, number): conn.snapshot()
            for name, host in self.hosts.items()
            for number, conn in host.connections.items()
        }


def _deadline(timer: PendingTimer) -> int:
    return timer.at_ns
