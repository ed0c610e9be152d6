"""What is measured, and by whom: every case has runners, and every runner is a command line."""

from __future__ import annotations

import os
import re
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
    """One kind of work.

    family: cases whose rounds alternate, because their rates are held against each other
    unit: what a rate counts, "s" where only the time matters
    """

    def __init__(self, family: str, name: str, title: str, unit: str, runners: list[Runner]) -> None:
        self.family = family
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
    return [Runner(name, [peers_python(), str(HERE / "peers" / script), *arguments], {"PYTHONPATH": ""})]


def _tool(name: str, packets: int, *command: str) -> list[Runner]:
    if shutil.which(command[0]) is None:
        return []
    return [Runner(name, [sys.executable, str(HERE / "peers" / "tool.py"), str(packets), *command])]


FIELDS = [
    "frame.number", "tcp.stream", "tcp.seq", "tcp.ack", "tcp.len", "tcp.analysis.flags", "tcp.analysis.retransmission",
    "tcp.analysis.duplicate_ack", "tcp.analysis.bytes_in_flight", "tcp.analysis.ack_rtt",
]  # fmt: skip
"""What a script that wants tshark's analysis asks for."""


def all_cases(sources: list[str], folder: Path, scale: float, families: list[str]) -> list[Case]:
    """The cases of these families; captures are written into `folder`.

    scale: shrinks or enlarges the work (1: as documented)
    """
    makers = {
        "bulk": _bulk_cases, "connections": _connection_cases, "check": _check_cases, "many": _many_cases,
        "commands": _command_cases,
    }  # fmt: skip
    return [case for name in families for case in makers[name](sources, folder, scale)]


FAMILIES = ("bulk", "connections", "check", "many", "commands")


def yardstick(sources: list[str]) -> Runner:
    """A loop that has nothing to do with us, run in every round: how fast is this machine just now?"""
    return ours(sources[:1], "yardstick")[0]


def _bulk_cases(sources: list[str], _folder: Path, scale: float) -> list[Case]:
    size = int(100_000_000 * scale)
    large, small, lossy = str(size), str(size // 10), str(size // 4)
    peers = _peer("ns-3", "ns3", "ns3_bulk.py", large) + _peer("ns.py", "ns.py", "nspy_bulk.py", large)
    title = f"One transfer of {size / 1e6:g} MB, 100 Mbit/s, 10 ms"
    flows = ours(sources, "bulk-flows", large)
    return [
        Case("bulk", "bulk", title, "segments", ours(sources, "bulk", large) + peers),
        Case("bulk", "bulk-tenth", "A tenth of the bytes", "segments", ours(sources, "bulk", small)),
        Case("bulk", "bulk-loss", "1 % loss, a quarter of the bytes", "segments", ours(sources, "bulk-loss", lossy)),
        Case("bulk", "bulk-flows", "The same bytes over 100 connections", "segments", flows),
    ]


def _connection_cases(sources: list[str], _folder: Path, scale: float) -> list[Case]:
    size, segments, many = int(20_000_000 * scale), int(200_000 * scale), int(10_000 * min(scale, 1))
    cases = []
    for key, count in (("10", 10), ("10000", many)):
        idle = ours(sources, "idle-connections", str(count), str(size))
        busy = ours(sources, "busy-connections", str(count), str(segments))
        idle_title = f"{size / 1e6:g} MB beside {count:,} idle connections"
        busy_title = f"{segments:,} segments over {count:,} connections, two at a time"
        cases += [
            Case("connections", f"idle-{key}", idle_title, "segments", idle),
            Case("connections", f"busy-{key}", busy_title, "segments", busy),
        ]
    return cases


def _check_cases(sources: list[str], folder: Path, scale: float) -> list[Case]:
    whole, tenth = folder / "transfers.pcap", folder / "tenth.pcap"
    flood, flood_tenth = folder / "flood.pcap", folder / "flood-tenth.pcap"
    packets = captures.transfers(whole, int(1_000_000 * scale))
    fewer = captures.transfers(tenth, int(100_000 * scale))
    flooded = captures.flood(flood, int(200_000 * scale))
    flooded_tenth = captures.flood(flood_tenth, int(20_000 * scale))
    fields = [argument for field in FIELDS for argument in ("-e", field)]
    path, few = str(whole), str(int(50_000 * scale))
    peers = [
        *_tool("tshark -z expert,tcp", packets, "tshark", "-n", "-q", "-r", path, "-z", "expert,tcp"),
        *_tool("tshark, analysis fields", packets, "tshark", "-n", "-r", path, "-T", "fields", *fields),
        *_tool("tcptrace", packets, "tcptrace", "-n", path),
        *_peer("scapy, raw reader", "scapy", "readers.py", "scapy-raw", path, str(packets)),
        *_peer("scapy, dissecting", "scapy", "readers.py", "scapy", path, few),
        *_peer("dpkt", "dpkt", "readers.py", "dpkt", path, str(packets)),
    ]
    title = f"Checking a capture of {packets:,} packets, 20 transfers"
    tenth_title = f"The same transfers, {fewer:,} packets"
    flood_title = f"Checking a SYN flood of {flooded // 2:,} connections"
    flood_tenth_title = f"A flood of {flooded_tenth // 2:,} connections"
    return [
        Case("check", "check", title, "packets", ours(sources, "check", path) + peers),
        Case("check", "check-tenth", tenth_title, "packets", ours(sources, "check", str(tenth))),
        Case("check", "check-flood", flood_title, "packets", ours(sources, "check", str(flood))),
        Case("check", "check-flood-tenth", flood_tenth_title, "packets", ours(sources, "check", str(flood_tenth))),
    ]


def _many_cases(sources: list[str], folder: Path, scale: float) -> list[Case]:
    paths = [str(folder / f"one-of-four-{index}.pcap") for index in range(4)]
    for path in paths:
        captures.transfers(Path(path), int(100_000 * scale))
    title = f"`netsim check` on four captures of {int(100_000 * scale):,} packets"
    return [
        Case("many", "many-1", f"{title}, one process (by the clock)", "s", ours(sources, "check-many", "1", *paths)),
        Case("many", "many-2", "The same with `-j 2` (by the clock)", "s", ours(sources, "check-many", "2", *paths)),
    ]


def _command_cases(sources: list[str], _folder: Path, _scale: float) -> list[Case]:
    scripts = str(ROOT / "tests" / "packetdrill" / "rfc")
    handshake = ours(sources, "start-up", "run", "three-way-handshake")
    return [
        Case("commands", "packetdrill", "Packetdrill scripts of the RFC's own set, one core", "scripts",
             ours(sources, "packetdrill", scripts)),
        Case("commands", "help", "`netsim --help`", "s", ours(sources, "start-up", "--help")),
        Case("commands", "run", "`netsim run three-way-handshake`", "s", handshake),
    ]  # fmt: skip


def versions() -> dict[str, str]:
    """Which peers are here, and which version of each."""
    code = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"
    found = {}
    for package in ("ns3", "ns.py", "scapy", "dpkt"):
        done = subprocess.run([peers_python(), "-c", code, package], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            found["ns-3" if package == "ns3" else package] = done.stdout.strip().partition(".post")[0]
    for tool, option in (("tshark", "--version"), ("tcptrace", "-v")):
        if shutil.which(tool):
            done = subprocess.run([tool, option], capture_output=True, text=True, check=False)
            number = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
            found[tool] = number[0] if number else "of unknown version"
    return found
