"""Every built-in scenario in every form; its capture as tshark reads it equals the JSON."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ET
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from netsim.report.cells import plain
from netsim.report.json import run_object
from netsim.report.ladder import Options, draw
from netsim.report.mermaid import mermaid
from netsim.report.pcap import tap_host, write_pcap
from netsim.report.svg import svg
from netsim.scenario import catalog
from netsim.scenario.command import expectations_of, ladder_of
from netsim.scenario.loader import load
from netsim.scenario.outcome import RunResult
from netsim.scenario.runner import run

SMALLER = {"bulk": {"bytes": "300kB", "loss": "1%"}}
FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "E": 64, "C": 128, "N": 256}


@cache
def result_of(name: str) -> RunResult:
    return run(load(name, SMALLER.get(name)))


@pytest.mark.parametrize("name", catalog.names())
def test_every_form_can_be_drawn(name: str) -> None:
    result = result_of(name)
    ladder = ladder_of(result)
    for width in (80, 120):
        for explain in (False, True):
            lines = draw(ladder, Options(width=width, explain=explain))
            text = plain(lines)
            assert max(map(len, text.splitlines())) <= width
            plain(lines, ascii_only=True).encode("ascii")
    assert len(text.splitlines()) < 900, "a ladder that nobody reads"
    ET.fromstring(svg(ladder))
    assert mermaid(ladder).startswith("sequenceDiagram")


@pytest.mark.parametrize("name", catalog.names())
def test_states_on_the_ladder_are_the_endpoints_states(name: str) -> None:
    """What the JSON says of an end's states is what its segments say."""
    recorder = result_of(name).recorder
    for row in recorder.segments:
        if row.conn_from:
            record = recorder.endpoints[row.sender, row.conn_from]
            at = [state for t_ns, state, _ in record.changes if row.sent_ns is not None and t_ns <= row.sent_ns]
            assert row.from_state in (*at, record.initial, *record.states), (name, row.n)


@pytest.mark.tshark
@pytest.mark.parametrize("name", catalog.names())
def test_tshark_reads_what_the_json_says(name: str, tmp_path: Path) -> None:
    result = result_of(name)
    recorder = result.recorder
    tap = tap_host(recorder, list(result.scenario.hosts), None)
    path = tmp_path / "run.pcapng"
    write_pcap(recorder, str(path), tap)
    fields = ["frame.time_epoch", "tcp.flags", "tcp.seq_raw", "tcp.ack_raw", "tcp.len", "tcp.checksum.status",
              "_ws.malformed"]  # fmt: skip
    command = ["tshark", "-n", "-r", str(path), "-o", "tcp.check_checksum:TRUE", "-Y", "tcp && !icmp && !icmpv6",
               "-T", "fields", *(part for field in fields for part in ("-e", field))]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    seen = [line.split("\t") for line in done.stdout.splitlines()]
    made = run_object(recorder, scenario=name, seed=1, expectations=expectations_of(result), simulated_ns=0, wall_s=0,
                      absolute=True)  # fmt: skip
    wanted = []
    damaged = 0
    for row in json.loads(json.dumps(made))["segments"]:
        if row["changes"] and "edit" in row["changes"] and row["to"] == tap:
            pytest.skip("a segment is altered on its way to the tap: the JSON has it as it was sent")
        bits = sum(FLAGS[letter] for letter in row["flags"])
        told = (bits, row["seq"], row["ack"], row["len"])
        if row["from"] == tap and row["copy_of"] is None and row["sent_ns"] is not None:
            wanted.append((row["sent_ns"], *told))
        if row["to"] == tap and row["received_ns"] is not None:
            wanted.append((row["received_ns"], *told))
            damaged += "corrupt" in row["changes"]
    found = []
    for time, flags, seq, ack, length, _, malformed in seen:
        assert not malformed, f"{name}: {malformed}"
        bits = int(flags, 16)
        found.append((int(Decimal(time) * 10**9), bits, int(seq), int(ack) if bits & 16 else None, int(length)))
    key = [tuple(-1 if part is None else part for part in row) for row in found]
    assert sorted(key) == sorted(tuple(-1 if part is None else part for part in row) for row in wanted)
    assert sum(status != "1" for *_, status, _ in seen) == damaged
