"""A capture of every scenario is what the simulator knows, and tshark finds nothing wrong with it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from netsim.report.pcap import frames_at, write_pcap
from netsim.report.rows import SegmentRow
from netsim.scenario import catalog
from netsim.scenario.loader import load
from netsim.scenario.outcome import RunResult
from netsim.scenario.runner import run

LARGE = ("bulk", "shared-bottleneck", "window-scaling")
FEW = ("three-way-handshake", "four-way-teardown", "sack-recovery", "udp-and-tcp", "pmtu-discovery", "ipv6-handshake")
FIELDS = ("tcp.seq_raw", "tcp.ack_raw", "tcp.flags", "tcp.len", "tcp.checksum.status", "ip.checksum.status")


def tshark(path: Path, *arguments: str) -> list[str]:
    command = ["tshark", "-r", str(path), "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.splitlines()


def check(result: RunResult, tap: str, path: Path) -> None:
    write_pcap(result.recorder, str(path), tap)
    assert tshark(path, "-Y", "_ws.malformed") == []
    fields = [part for field in FIELDS for part in ("-e", field)]
    lines = tshark(path, "-Y", "tcp && !icmp && !icmpv6", "-T", "fields", *fields)
    rows = {id(row.packet): row for row in result.recorder.segments}
    wanted = [(packet, rows.get(id(packet))) for _, packet in frames_at(result.recorder, tap)]
    tcp = [(packet, row) for packet, row in wanted if hasattr(packet, "seq")]
    assert len(lines) == len(tcp)
    for line, (packet, row) in zip(lines, tcp, strict=True):
        seq, ack, flags, length, tcp_status, ip_status = line.split("\t")
        assert (int(seq), int(ack), int(flags, 16)) == (packet.seq, packet.ack, packet.flags)
        assert int(length) == len(packet.payload)
        if isinstance(row, SegmentRow):
            assert (row.seq, row.length) == (int(seq), int(length))
        assert tcp_status == ("0" if packet.corrupted else "1")
        assert ip_status in ("1", "")


@pytest.mark.tshark
@pytest.mark.parametrize("name", FEW)
def test_a_few_captures(name: str, tmp_path: Path) -> None:
    result = run(load(name))
    for tap in list(result.scenario.hosts)[:2]:
        check(result, tap, tmp_path / f"{tap}.pcap")


@pytest.mark.tshark
@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in catalog.names() if name not in FEW])
def test_every_capture(name: str, tmp_path: Path) -> None:
    result = run(load(name, {"bytes": "1MB"} if name == "bulk" else {}))
    for tap in result.scenario.hosts:
        check(result, tap, tmp_path / f"{tap}.pcap")
