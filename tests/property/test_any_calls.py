"""Whatever two applications call in whatever order, over a bad network: no call does anything but return or
raise a SocketError, the state machine takes only edges of its table, and every connection ends."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from netsim.base.units import MS, SEC
from netsim.drive.virtual import World
from netsim.host.errors import SocketError
from netsim.host.poll import MSG_MORE, MSG_OOB, MSG_PEEK, SHUT_RD, SHUT_RDWR, SHUT_WR
from netsim.host.socket import TcpSocket
from netsim.sim.chance import Duplication, During, Loss, Reordering
from netsim.tcp.profile.base import Profile
from netsim.tcp.profile.freebsd import FREEBSD
from netsim.tcp.profile.linux import LINUX

from .invariants import Invariants, Watch

MAX_STEPS = 30_000
LAST_CALL_NS = 400 * SEC

CALLS = (
    "connect", "listen", "accept", "send", "send-more", "send-urgent", "recv", "peek", "shutdown-read",
    "shutdown-write", "shutdown-both", "close", "abort", "linger", "nodelay", "cork", "uncork", "keepalive",
    "small-buffer", "user-timeout", "poll", "reset-host",
)  # fmt: skip

PAUSES_MS = (0, 0, 0, 1, 5, 10, 11, 21, 45, 300, 1100, 70_000)

CHANGES: dict[str, tuple[object, ...]] = {
    "msl_ns": (SEC, 30 * SEC),
    "use_timestamps": (True, False),
    "use_sack": (True, False),
    "rcv_buffer": (1500, 65535),
    "snd_buffer": (2000, 65536),
    "time_wait_ignores_rst": (True, False),
    "insecure_rst": (True, False),
    "insecure_syn": (True, False),
    "time_wait_reuse": (True, False),
    "fin_wait_2_ns": (0, 2 * SEC),
    "nagle": (True, False),
    "r2_retries": (3, 15),
    "r2_ns": (0,),
    "syn_ack_retries": (2, 7),
}


def some_profile(rng: Random) -> Profile:
    profile = rng.choice([Profile(), LINUX, FREEBSD])
    changes = {name: rng.choice(values) for name, values in CHANGES.items() if rng.random() < 0.4}
    return replace(profile, **changes)  # type: ignore[arg-type]


Call = tuple[int, str, int, str]
"""Milliseconds since the call before, host, which of its sockets, what."""

OPENINGS: tuple[tuple[Call, ...], ...] = (
    (),
    ((0, "b", 0, "listen"), (0, "a", 0, "connect"), (50, "b", 0, "accept")),
    ((0, "b", 0, "listen"), (0, "a", 0, "connect"), (50, "b", 0, "accept")),
    ((0, "b", 0, "listen"), (0, "a", 0, "connect")),
    ((0, "a", 0, "connect"), (0, "b", 0, "connect")),
    ((0, "a", 0, "connect"), (0, "b", 0, "connect"), (50, "a", 0, "send")),
    ((0, "a", 0, "connect"), (10, "b", 0, "connect")),
)


def some_calls(rng: Random) -> list[Call]:
    calls = list(rng.choice(OPENINGS))
    vocabulary = rng.sample(CALLS, rng.randrange(2, 9))
    first_only = rng.random() < 0.6
    for _ in range(rng.randrange(1, 25)):
        index = 0 if first_only else rng.randrange(2)
        calls.append((rng.choice(PAUSES_MS), rng.choice("ab"), index, rng.choice(vocabulary)))
    return calls


class Anything:
    """Two hosts with two sockets each, and a list of calls on them."""

    def __init__(self, seed: int) -> None:
        rng = Random(f"any calls {seed}")
        self.watch = Watch()
        self.world = World(seed, self.watch)
        for name in ("a", "b"):
            self.world.add_host(name, profile=some_profile(rng))
        self.world.add_link("a", "b", rate=10_000_000, delay="10ms")
        self.calls = calls = some_calls(rng)
        # Ports that both sides know make simultaneous opens and reuse of a pair happen.
        self.fixed = rng.random() < 0.7
        loss = rng.choice([0.0, 0.0, 0.1, 0.4])
        down_ms = rng.choice([0, 0, 0, 60, 500])
        if down_ms:
            self.world.at(down_ms * MS, lambda now_ns: self.world.network.links["a-b"].change(now_ns, up=False))
        for kind in (Loss(rng, loss), Duplication(rng, loss / 2), Reordering(rng, loss / 2, 30 * MS)):
            self.world.network.add_impairer("a-b", During(0, 30 * SEC, kind))
        self.world.prepare()
        self.sockets: dict[tuple[str, int], TcpSocket] = {}
        self.accepted: list[tuple[str, TcpSocket]] = []
        self.errors: dict[str, int] = {}
        at_ns = 0
        for pause_ms, host, index, call in calls:
            at_ns += pause_ms * MS
            self.world.at(at_ns, self._caller(host, index, call))
        self.world.at(at_ns + LAST_CALL_NS, self._close_all)

    def _socket(self, host: str, index: int) -> TcpSocket:
        socket = self.sockets.get((host, index))
        if socket is None or socket.closed:
            socket = self.sockets[(host, index)] = self.world.host(host).tcp_socket()
            socket.set_option(self.world.now_ns, "SO_REUSEADDR", 1)
            if self.fixed:
                try:
                    socket.bind(self.world.now_ns, "", 1000 + index)
                except SocketError as error:
                    if error.errno_name != "EADDRINUSE":
                        raise
        return socket

    def _caller(self, host: str, index: int, call: str):
        def act(now_ns: int) -> None:
            if call == "reset-host":
                self.accepted = [each for each in self.accepted if not self._tried_close(each, now_ns, host)]
            else:
                for socket in self._targets(host, index, call):
                    try:
                        self._call(socket, host, call, now_ns)
                    except SocketError as error:
                        self.errors[error.errno_name] = self.errors.get(error.errno_name, 0) + 1
            self.world.pump(host)

        return act

    def _targets(self, host: str, index: int, call: str) -> list[TcpSocket]:
        """The socket itself, and what it accepted."""
        targets = [self._socket(host, index)]
        if call not in ("connect", "listen", "accept"):
            targets += [socket for where, socket in self.accepted if where == host and not socket.closed]
        return targets

    def _tried_close(self, each: tuple[str, TcpSocket], now_ns: int, host: str) -> bool:
        if each[0] != host or each[1].closed:
            return False
        each[1].close(now_ns)
        return True

    def _call(self, socket: TcpSocket, host: str, call: str, now_ns: int) -> None:
        other = self.world.resolve("b" if host == "a" else "a")
        if call == "connect":
            socket.connect(now_ns, other, 1000)
        elif call == "listen":
            if not socket.local_port:
                socket.bind(now_ns, "", 1000)
            socket.listen(now_ns, 2)
        elif call == "accept":
            self.accepted.append((host, socket.accept(now_ns)))
        elif call.startswith("send"):
            flags = {"send-more": MSG_MORE, "send-urgent": MSG_OOB}.get(call, 0)
            socket.send(now_ns, bytes(3000), flags)
        elif call in ("recv", "peek"):
            socket.recv(now_ns, 2000, MSG_PEEK if call == "peek" else 0)
        elif call.startswith("shutdown"):
            how = {"shutdown-read": SHUT_RD, "shutdown-write": SHUT_WR}.get(call, SHUT_RDWR)
            socket.shutdown(now_ns, how)
        elif call == "close":
            socket.close(now_ns)
        elif call == "abort":
            socket.abort(now_ns)
        elif call == "poll":
            socket.poll_mask()
            socket.get_option(now_ns, "TCP_INFO")
            socket.get_option(now_ns, "SO_ERROR")
        else:
            name, value = {
                "linger": ("SO_LINGER", (1, 0)),
                "nodelay": ("TCP_NODELAY", 1),
                "cork": ("TCP_CORK", 1),
                "uncork": ("TCP_CORK", 0),
                "keepalive": ("SO_KEEPALIVE", 1),
                "small-buffer": ("SO_RCVBUF", 600),
                "user-timeout": ("TCP_USER_TIMEOUT", 3000),
            }[call]
            socket.set_option(now_ns, name, value)

    def _close_all(self, now_ns: int) -> None:
        """The applications end: every socket is closed, so every connection must end by itself."""
        for socket in [*self.sockets.values(), *(socket for _, socket in self.accepted)]:
            if not socket.closed:
                socket.close(now_ns)
        self.world.pump("a")
        self.world.pump("b")

    def run(self) -> None:
        Invariants(self.world, self.watch).run_to_the_end(MAX_STEPS)

    def check_end(self) -> None:
        assert "EPROTO" not in self.errors, "an error of the core that the sockets do not know"
        self.check_nothing_left()

    def check_nothing_left(self) -> None:
        """Nothing is left, except what waits for a peer that closed everything (FIN-WAIT-2 has no limit by the RFC)."""
        for host in self.world.hosts.values():
            left = [str(conn.state) for conn in host.connections.values()]
            if host.profile.fin_wait_2_ns == 0:
                left = [state for state in left if state != "FIN-WAIT-2"]
            assert left == [], f"{host.name} still has {left}:\n{self.watch.tail()}"
            assert host.tcp.listeners == {}
            assert host.tcp.bound == {}


@pytest.mark.parametrize("block", range(10))
def test_any_calls_in_any_order(block: int) -> None:
    for seed in range(block * 30, block * 30 + 30):
        check(seed)


@pytest.mark.long
@pytest.mark.parametrize("block", range(10, 60))
def test_any_calls_in_any_order_long(block: int) -> None:
    for seed in range(block * 100, block * 100 + 100):
        check(seed)


def check(seed: int) -> None:
    try:
        anything = Anything(seed)
        anything.run()
        anything.check_end()
    except Exception as error:
        raise AssertionError(f"seed {seed}: {error}") from error
