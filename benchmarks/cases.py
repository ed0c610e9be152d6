"""What is measured, and by whom: every case has runners, and every runner is a command line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks import captures

HERE = Path(__file__).parent
ROOT = HERE.parent


class Runner:
    """Somebody who does a case's work, in a process of its own that prints one line of JSON."""

    def __init__(self, name: str, command: list[str], env: dict[str, str] | None = None) -> None:
        self.name = name
        self.command = command
        self.env = {**os.environ, **(env or {})}


class Case:
    """One kind of work. `unit`: what a rate counts, "s" where only the time matters."""

    def __init__(self, name: str, title: str, unit: str, runners: list[Runner]) -> None:
        self.name = name
        self.title = title
        self.unit = unit
        self.runners = runners


def ours(sources: list[str], case: str, *arguments: str) -> list[Runner]:
    """Each of our builds on one case of `benchmarks.measure`."""
    found = []
    for source in sources:
        env = {"PYTHONPATH": os.pathsep.join([str(Path(source).resolve()), str(ROOT)])}
        found.append(Runner(kind(source), [sys.executable, "-m", "benchmarks.measure", case, *arguments], env))
    return found


def kind(source: str) -> str:
    """ "compiled" or "interpreted"."""
    return "compiled" if list(Path(source).glob("netsim/base/seqnum.*.so")) else "interpreted"


def peers_python() -> str:
    """The Python that has ns3, scapy and dpkt: NETSIM_PEERS_PYTHON, or the one that runs this."""
    return os.environ.get("NETSIM_PEERS_PYTHON", sys.executable)


def _has(package: str) -> bool:
    """Is this distribution installed there? Importing it to see could take half a minute."""
    command = [peers_python(), "-c", f"import importlib.metadata as m; m.version({package!r})"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _peer(name: str, package: str, script: str, *arguments: str) -> list[Runner]:
    if not _has(package):
        return []
    return [Runner(name, [peers_python(), str(HERE / "peers" / script), *arguments])]


def _tool(name: str, packets: int, *command: str) -> list[Runner]:
    if shutil.which(command[0]) is None:
        return []
    return [Runner(name, [sys.executable, str(HERE / "peers" / "tool.py"), str(packets), *command])]


def all_cases(sources: list[str], folder: Path, scale: float, *, with_captures: bool = True) -> list[Case]:
    """Every case; captures are written into `folder`. `scale` shrinks or enlarges the work (1: as documented)."""
    size = int(100_000_000 * scale)
    small, large = str(size // 10), str(size)
    transfers, flood = folder / "transfers.pcap", folder / "flood.pcap"
    packets = flooded = 0
    if with_captures:
        packets = captures.transfers(transfers, int(1_000_000 * scale))
        flooded = captures.flood(flood, int(200_000 * scale))
    few = int(50_000 * scale)
    scripts = str(ROOT / "tests" / "packetdrill" / "rfc")
    return [
        Case("bulk", f"One transfer of {size / 1e6:g} MB, 100 Mbit/s, 10 ms", "segments",
             ours(sources, "bulk", large) + _peer("ns-3 (PyPI)", "ns3", "ns3_bulk.py", large)),
        Case("bulk-tenth", "The same with a tenth of the bytes (is time linear?)", "segments",
             ours(sources, "bulk", small)),
        Case("bulk-loss", "The same with 1 % loss", "segments", ours(sources, "bulk-loss", small)),
        Case("bulk-flows", "The same over 100 connections", "segments", ours(sources, "bulk-flows", large)),
        Case("idle-10", "5 MB beside 10 idle connections", "segments", ours(sources, "idle-connections", "10")),
        Case("idle-10000", "5 MB beside 10,000 idle connections", "segments",
             ours(sources, "idle-connections", "10000")),
        Case("check", f"Checking a capture of {packets:,} packets, 20 transfers", "packets",
             ours(sources, "check", str(transfers))
             + _tool("tshark -z expert,tcp", packets, "tshark", "-n", "-q", "-r", str(transfers), "-z", "expert,tcp")
             + _tool("tcptrace", packets, "tcptrace", "-n", str(transfers))
             + _peer("scapy, raw reader", "scapy", "readers.py", "scapy-raw", str(transfers), str(packets))
             + _peer("scapy, dissecting", "scapy", "readers.py", "scapy", str(transfers), str(few))
             + _peer("dpkt", "dpkt", "readers.py", "dpkt", str(transfers), str(packets))),
        Case("check-flood", f"Checking a SYN flood of {flooded // 2:,} connections", "packets",
             ours(sources, "check", str(flood))),
        Case("packetdrill", "Packetdrill scripts of the RFC's own set, one core", "scripts",
             ours(sources, "packetdrill", scripts)),
        Case("help", "`netsim --help`", "s", ours(sources, "start-up", "--help")),
        Case("run", "`netsim run three-way-handshake`", "s", ours(sources, "start-up", "run", "three-way-handshake")),
        Case("yardstick", "An empty loop of Python (the machine, not us)", "rounds",
             ours(sources[:1], "yardstick")),
    ]  # fmt: skip
