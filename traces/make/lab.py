"""Two hosts, one link: what a plan works with."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from .faults import Rule
from .link import Link, Port, ScriptPort, TunPort
from .link import Path as LinkPath

ADDRESS = {
    "client": {4: "192.0.2.1", 6: "2001:db8:1::1"},
    "server": {4: "198.51.100.1", 6: "2001:db8:2::1"},
}
PORT = 9000
TAG = {"client": "c", "server": "s"}
STANDARD_SYSCTL: dict[str, Any] = {
    "net.ipv4.tcp_rmem": "4096 131072 6291456",
    "net.ipv4.tcp_wmem": "4096 16384 4194304",
    "net.ipv4.tcp_no_metrics_save": 1,
}
"""Linux's own defaults where this machine's may differ, and no memory between connections."""


class HostProcess:
    """The main process's handle on one :mod:`traces.make.agent`."""

    def __init__(self, side: str, setup: dict[str, Any]) -> None:
        self.side = side
        ours, theirs = socket.socketpair()
        agent = Path(__file__).with_name("agent.py")
        self.process = subprocess.Popen([sys.executable, "-S", str(agent), json.dumps(setup)], stdin=theirs.fileno())
        theirs.close()
        ours.settimeout(15)
        data, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
        if not data:
            raise RuntimeError(f"the {side}'s namespace could not be made (root is needed)")
        self.tun: int | None = descriptors[0] if descriptors else None
        ours.settimeout(None)
        self._channel = ours
        self._stream = ours.makefile("rw")
        self._waiting: dict[int, Future[dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._next = 1
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._stream:
            answer = json.loads(line)
            future = self._waiting.pop(answer["id"])
            if "failed" in answer:
                future.set_exception(RuntimeError(f"{self.side}: {answer['failed']}"))
            else:
                future.set_result(answer)

    def start(self, do: str, **command: Any) -> Future[dict[str, Any]]:
        """Give a command, do not wait."""
        future: Future[dict[str, Any]] = Future()
        with self._lock:
            number = self._next
            self._next += 1
            self._waiting[number] = future
            self._stream.write(json.dumps({"id": number, "do": do, **command}) + "\n")
            self._stream.flush()
        return future

    def do(self, do: str, **command: Any) -> dict[str, Any]:
        """Give a command and wait for its answer."""
        return self.start(do, **command).result(timeout=150)

    def stop(self) -> None:
        """End the process; its namespace and device go with it."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self._stream.close()
        self._channel.close()


@dataclass
class Socket:
    """One application socket in a host's namespace."""

    host: Host
    sid: int
    outcome: str = ""
    local_port: int = 0
    reading: Future[dict[str, Any]] | None = None

    def _start(self, do: str, **command: Any) -> Future[dict[str, Any]]:
        return self.host.process.start(do, sid=self.sid, **command)

    def send(self, count: int, flags: int = 0) -> int:
        """Send ``count`` bytes of this host's numbered stream; waits until the kernel took them."""
        return int(self._start("send", count=count, flags=flags).result(150)["sent"])

    def start_send(self, count: int) -> Future[dict[str, Any]]:
        """Send without waiting."""
        return self._start("send", count=count)

    def start_recv(self, count: int | None = None, *, once: bool = False) -> Future[dict[str, Any]]:
        """Receive without waiting."""
        return self._start("recv", count=count, once=once, peer_tag=TAG[self.host.other])

    def recv(self, count: int | None = None, *, expect: str | None = None, once: bool = False) -> str:
        """Receive ``count`` bytes (None: to the end) and check that they are the peer's stream.

        Raises:
            AssertionError: the outcome is not the expected one (``ok`` with a count, ``end`` without).

        """
        answer = self.start_recv(count, once=once).result(150)
        wanted = expect or ("end" if count is None else "ok")
        if answer["outcome"] != wanted:
            raise AssertionError(f"{self.host.side} receives {answer}, expected {wanted}")
        return str(answer["outcome"])

    def shutdown(self) -> None:
        """Close the sending half."""
        self._start("shutdown").result(15)

    def close(self, how: str = "close") -> None:
        """Close, ``abort`` (RST) or ``vanish`` (no segment at all, as if the host had crashed)."""
        self._start("close", how=how).result(15)

    def start_close(self) -> Future[dict[str, Any]]:
        """Close without waiting."""
        return self._start("close")

    def accept(self) -> Socket:
        """Take a connection from this listener."""
        return Socket(self.host, self._start("accept").result(90)["sid"])

    def info(self) -> dict[str, Any]:
        """TCP_INFO now."""
        answer: dict[str, Any] = self._start("info").result(15)["tcp_info"]
        return answer

    def option(self, level: int, option: int, value: int) -> None:
        """Set a socket option."""
        self._start("option", level=level, option=option, value=value).result(15)


@dataclass
class Host:
    """One side: its process and how to open sockets there."""

    side: str
    process: HostProcess
    family: int
    congestion: str = "cubic"

    @property
    def other(self) -> str:
        """The other side's name."""
        return "server" if self.side == "client" else "client"

    def listen(self, port: int = PORT, **kw: Any) -> Socket:
        """Passive OPEN."""
        kw |= {"family": self.family, "congestion": self.congestion}
        answer = self.process.do("listen", local=ADDRESS[self.side][self.family], port=port, **kw)
        return Socket(self, answer["sid"], local_port=port)

    def connect(self, port: int = PORT, *, expect: str | None = "connected", **kw: Any) -> Socket:
        """Active OPEN of the other side.

        Raises:
            AssertionError: the outcome is not ``expect`` (None: any will do).

        """
        return self.connected(self.start_connect(port, **kw), expect)

    def start_connect(self, port: int = PORT, **kw: Any) -> Future[dict[str, Any]]:
        """Active OPEN without waiting; see :meth:`connected`."""
        local, remote = ADDRESS[self.side][self.family], ADDRESS[self.other][self.family]
        kw |= {"family": self.family, "congestion": self.congestion}
        return self.process.start("connect", local=local, address=remote, port=port, **kw)

    def connected(self, future: Future[dict[str, Any]], expect: str | None = "connected") -> Socket:
        """The socket of :meth:`start_connect`.

        Raises:
            AssertionError: the outcome is not ``expect`` (None: any will do).

        """
        answer = future.result(150)
        if expect is not None and answer["outcome"] != expect:
            raise AssertionError(f"connect ended with {answer['outcome']}, expected {expect}")
        return Socket(self, answer["sid"], answer["outcome"], answer["local_port"])


def _setup(side: str, family: int, mtu: int, sysctl: dict[str, Any], clock_offset_ns: int) -> dict[str, Any]:
    device = "tun0"
    address = ADDRESS[side][family]
    commands = [["ip", "link", "set", "lo", "up"]]
    values = {**STANDARD_SYSCTL, "net.ipv6.conf.all.disable_ipv6": 1 if family == 4 else 0}
    if family == 6:
        values |= {"net.ipv6.conf.tun0.router_solicitations": 0, "net.ipv6.conf.tun0.addr_gen_mode": 1}
    width = "32" if family == 4 else "128"
    add = ["ip", f"-{family}", "addr", "add", f"{address}/{width}", "dev", device]
    commands.append([*add, "nodad"] if family == 6 else add)
    commands.append(["ip", "link", "set", device, "mtu", str(mtu), "up"])
    commands.append(["ip", f"-{family}", "route", "add", "default", "dev", device])
    return {
        "device": device,
        "tag": TAG[side],
        "clock_offset_ns": clock_offset_ns,
        "sysctl": values | sysctl,
        "commands": commands,
    }


@dataclass
class Lab:
    """Both hosts and the link, made and taken down as a context manager.

    ``script`` names the side that a scripted peer plays in place of a kernel.
    """

    family: int = 4
    mtu: dict[str, int] = field(default_factory=lambda: {"client": 1500, "server": 1500})
    sysctl: dict[str, dict[str, Any]] = field(default_factory=lambda: {"client": {}, "server": {}})
    rules: list[Rule] = field(default_factory=list)
    paths: dict[str, LinkPath] = field(default_factory=lambda: {"client": LinkPath(), "server": LinkPath()})
    seed: int = 1
    script: str | None = None
    congestion: dict[str, str] = field(default_factory=lambda: {"client": "cubic", "server": "cubic"})
    violations: list[dict[str, Any]] = field(default_factory=list)
    script_sent: int = 0

    def __enter__(self) -> Lab:
        self.link = Link(self.rules, self.paths, self.seed)
        self.hosts: dict[str, Host] = {}
        self.script_port: ScriptPort | None = None
        ports: dict[str, Port] = {}
        try:
            for side in ("client", "server"):
                if side == self.script:
                    self.script_port = ports[side] = ScriptPort()
                    continue
                setup = _setup(side, self.family, self.mtu[side], self.sysctl[side], self.link.clock_offset_ns)
                process = HostProcess(side, setup)
                self.hosts[side] = Host(side, process, self.family, self.congestion[side])
                assert process.tun is not None
                ports[side] = TunPort(process.tun)
        except BaseException:
            self._stop_hosts()
            raise
        self.before = {side: host.process.do("counters")["counters"] for side, host in self.hosts.items()}
        self.link.start(ports)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        try:
            self.link.stop()
        finally:
            self._stop_hosts()

    def _stop_hosts(self) -> None:
        for host in self.hosts.values():
            host.process.stop()
            if host.process.tun is not None:
                os.close(host.process.tun)

    @property
    def client(self) -> Host:
        """The host that opens actively."""
        return self.hosts["client"]

    @property
    def server(self) -> Host:
        """The host that listens."""
        return self.hosts["server"]

    def pair(self, listen: dict[str, Any] | None = None, **connect: Any) -> tuple[Socket, Socket]:
        """An established connection: the client's socket and the server's."""
        listener = self.server.listen(**(listen or {}))
        client = self.client.connect(**connect)
        return client, listener.accept()

    def counters(self) -> dict[str, dict[str, int]]:
        """What each kernel counted since the start; zeros left out."""
        found: dict[str, dict[str, int]] = {}
        for side, host in self.hosts.items():
            now, old = host.process.do("counters")["counters"], self.before[side]
            found[side] = {key: now[key] - old.get(key, 0) for key in now if now[key] != old.get(key, 0)}
        return found

    def logs(self) -> dict[str, list[dict[str, Any]]]:
        """What the applications called."""
        return {side: host.process.do("log")["log"] for side, host in self.hosts.items()}
