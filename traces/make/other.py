"""Captures made in other ways: on a veth pair with offloads on, and on a namespace's own loopback."""

from __future__ import annotations

import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import pcap
from .lab import ADDRESS, STANDARD_SYSCTL, TAG, Host, HostProcess
from .moves import finish, transfer
from .runner import TRACES
from .truth import dumps, nstat_names

OTHERS: dict[str, tuple[str, Callable[[str], str]]] = {}
PATIENCE_S = 10.0


def _register(name: str, shows: str) -> Callable[[Callable[[str], str]], Callable[[str], str]]:
    def register(work: Callable[[str], str]) -> Callable[[str], str]:
        OTHERS[name] = (shows, work)
        return work

    return register


def _wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.02)


@contextmanager
def _process(side: str, address: dict[str, int | str] | None = None) -> Iterator[HostProcess]:
    setup: dict[str, Any] = {
        "tag": TAG[side],
        "clock_offset_ns": time.time_ns() - time.monotonic_ns(),
        "sysctl": {**STANDARD_SYSCTL, "net.ipv6.conf.all.disable_ipv6": 0, **(address or {})},
        "commands": [["ip", "link", "set", "lo", "up"]],
    }
    process = HostProcess(side, setup)
    try:
        yield process
    finally:
        process.stop()


class _Tool:
    """A capture program inside a namespace."""

    def __init__(self, process: HostProcess, argv: list[str]) -> None:
        self.pid = int(process.do("spawn", argv=argv)["pid"])

    def stop(self) -> None:
        """Ask it to write its file and end."""
        os.kill(self.pid, signal.SIGTERM)


def _deltas(process: HostProcess, before: dict[str, int]) -> dict[str, int]:
    now = process.do("counters")["counters"]
    return nstat_names({key: now[key] - before.get(key, 0) for key in now})


def _write(name: str, how: str, files: dict[str, list[pcap.Frame]], rest: dict[str, Any]) -> str:
    folder = TRACES / "other"
    folder.mkdir(parents=True, exist_ok=True)
    names = {side: f"{name}.pcap" if side == "tap" else f"{name}.{side}.pcap" for side in files}
    for side, frames in files.items():
        pcap.write(folder / names[side], frames, pcap.ETHERNET)
    content = {
        "name": name,
        "shows": OTHERS[name][0],
        "family": "other",
        "how": how,
        "made": f"python -m traces.make {name}",
        "kernel": f"{platform.system()} {platform.release().split('-')[0]}",
        "files": names,
        "frames": {side: len(frames) for side, frames in files.items()},
        **rest,
        "violations": [],
    }
    (folder / f"{name}.json").write_text(dumps(content))
    return f"frames {content['frames']}"


@_register(
    "veth-offload", "segmentation and checksum offload on: giants far above the MSS, checksums not yet filled in"
)
def veth_offload(name: str) -> str:
    """Two namespaces joined by a veth pair, tcpdump on both ends."""
    addresses = {side: ADDRESS[side][4] for side in ADDRESS}
    quiet: dict[str, int | str] = {"net.ipv6.conf.default.disable_ipv6": 1}
    with tempfile.TemporaryDirectory() as scratch, _process("client", quiet) as one, _process("server", quiet) as two:
        peer = str(two.process.pid)
        one.do("run", argv=["ip", "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", peer])
        hosts = {"client": Host("client", one, 4), "server": Host("server", two, 4)}
        tools, targets = [], {}
        for side, host in hosts.items():
            other = addresses[host.other]
            host.process.do("run", argv=["ip", "addr", "add", f"{addresses[side]}/32", "peer", other, "dev", "veth0"])
            host.process.do("run", argv=["ip", "link", "set", "veth0", "up"])
        for side, host in hosts.items():
            targets[side] = Path(scratch, f"{side}.pcap")
            options = ["-i", "veth0", "-U", "-s", "0", "--time-stamp-precision=nano", "--immediate-mode"]
            argv = ["tcpdump", "-Z", "root", *options, "-w", str(targets[side]), "tcp"]
            tools.append(_Tool(host.process, argv))
            _wait(lambda path=targets[side]: path.exists() and path.stat().st_size >= 24, "tcpdump")  # type: ignore[misc]
        before = {side: host.process.do("counters")["counters"] for side, host in hosts.items()}
        listener = hosts["server"].listen()
        client = hosts["client"].connect()
        server = listener.accept()
        transfer(client, server, 90_000)
        transfer(server, client, 30_000)
        finish(client, server)
        time.sleep(0.3)
        counters = {side: _deltas(host.process, before[side]) for side, host in hosts.items()}
        for tool in tools:
            tool.stop()
        time.sleep(0.3)
        files = {side: pcap.read(path)[1] for side, path in targets.items()}
        hosts_said = {side: {"kind": "linux", "address": addresses[side], "mtu": 1500} for side in hosts}
    how = "tcpdump on both ends of a veth pair, no link in between"
    return _write(name, how, files, {"hosts": hosts_said, "counters": counters})


def _loopback(name: str, family: int, *extra: str) -> str:
    address = {4: "127.0.0.1", 6: "::1"}[family]
    with tempfile.TemporaryDirectory() as scratch, _process("client") as process:
        target = Path(scratch, "lo.pcap")
        tool = _Tool(process, [sys.executable, str(Path(__file__).with_name("sniff.py")), "lo", str(target), *extra])
        _wait(target.with_suffix(".ready").exists, "scapy")
        before = process.do("counters")["counters"]
        common = {"family": family, "congestion": "cubic"}
        listener = process.do("listen", local=address, port=9000, **common)["sid"]
        client = process.do("connect", address=address, local=address, port=9000, **common)["sid"]
        server = process.do("accept", sid=listener)["sid"]
        process.do("send", sid=client, count=500)
        process.do("recv", sid=server, count=500, peer_tag=TAG["client"])
        process.do("send", sid=server, count=3_000)
        process.do("recv", sid=client, count=3_000, peer_tag=TAG["client"])
        process.do("shutdown", sid=client)
        process.do("recv", sid=server, peer_tag=TAG["client"])
        time.sleep(0.1)
        process.do("send", sid=server, count=200)
        process.do("recv", sid=client, count=200, peer_tag=TAG["client"])
        process.do("close", sid=server)
        process.do("recv", sid=client, peer_tag=TAG["client"])
        process.do("close", sid=client)
        time.sleep(0.3)
        counters = _deltas(process, before)
        tool.stop()
        _wait(target.with_suffix(".done").exists, "scapy's file")
        frames = pcap.read(target)[1]
    how = "scapy on the loopback of a fresh namespace; one tap sees both ends"
    hosts = {"client": {"kind": "linux", "address": address}, "server": {"kind": "linux", "address": address}}
    return _write(name, how, {"tap": frames}, {"hosts": hosts, "counters": {"both": counters}})


@_register("loopback", "handshake, transfer, half-close with data flowing on, four-way teardown on loopback")
def loopback(name: str) -> str:
    """One namespace's loopback, IPv4."""
    return _loopback(name, 4)


@_register("loopback-doubled", "the same conversation, every packet captured twice: on its way out and on its way in")
def loopback_doubled(name: str) -> str:
    """One namespace's loopback with both directions of the device kept."""
    return _loopback(name, 4, "both")


@_register("loopback-ipv6", "the same conversation on ::1")
def loopback_ipv6(name: str) -> str:
    """One namespace's loopback, IPv6."""
    return _loopback(name, 6)


def make(name: str) -> str:
    """Make one of these captures, say how it went."""
    return OTHERS[name][1](name)
