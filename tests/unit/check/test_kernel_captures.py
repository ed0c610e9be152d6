"""The real kernel as the judge: counters of resends on the sender's side, no finding on what conforms."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from netsim.capture.record import TcpRecord
from netsim.capture.tcpview import open_tcp
from netsim.check.engine import Checker, Report, check_file
from netsim.check.rules import RULES

TRACES = Path(__file__).parents[3] / "traces"
CONFORMING = sorted((TRACES / "linux").glob("*.json"))
BREAKS_A_SHOULD = {"window-shrinks"}
"""Linux told by a sysctl to do what RFC 9293 discourages; the file says so itself."""

COUNTERS = {
    "TcpRetransSegs": "retransmission",
    "TcpExtTCPTimeouts": "timeout_retransmission",
    "TcpExtTCPFastRetrans": "fast_retransmission",
    "TcpExtTCPLossProbes": "tail_loss_probe",
}
UNSEEN = {
    # The timer's last expiry gives the connection up (tcp_write_timeout: ETIMEDOUT) and sends nothing. The counter
    # grows, no packet leaves; a peer that heard nothing more looks the same to the tap.
    ("connect-timeout", "client", "TcpExtTCPTimeouts"): 1,
    ("user-timeout", "client", "TcpExtTCPTimeouts"): 1,
    # TCP_DEFER_ACCEPT: the timer of the half-open connection runs out after a second, finds the bare ACK of the
    # handshake and puts the SYN-ACK off (inet_csk's syn_ack_recalc: no resend); the next expiry sends it.
    ("defer-accept", "server", "TcpExtTCPTimeouts"): 1,
}  # fmt: skip
"""Expiries of a timer that send nothing: (capture, side, counter) to how many. No tap can see them."""


def _sides() -> list[tuple[str, str]]:
    return [(path.stem, side) for path in CONFORMING for side in json.loads(path.read_text())["files"]]


def _truth(name: str) -> dict[str, Any]:
    truth: dict[str, Any] = json.loads((TRACES / "linux" / f"{name}.json").read_text())
    return truth


def _senders(path: Path) -> dict[int, str]:
    source = open_tcp(str(path))
    found = {}
    while batch := source.read_batch():
        found.update({record.frame: record.src for record in batch})
    source.close()
    return found


@pytest.mark.parametrize(("name", "side"), _sides())
def test_resends_equal_the_kernels_counters_and_nothing_is_found(name: str, side: str) -> None:
    truth = _truth(name)
    path = TRACES / "linux" / truth["files"][side]
    report = check_file(str(path))
    senders = _senders(path)
    address = truth["hosts"][side]["address"]
    for counter, category in COUNTERS.items():
        if counter not in truth["counters"].get(side, {}):
            continue
        own = [f for c in report.connections for f in c.frames(category) if senders[f] == address]
        assert len(own) == truth["counters"][side][counter] - UNSEEN.get((name, side, counter), 0), (counter, own)
    if name not in BREAKS_A_SHOULD:
        assert [f.message for f in report.findings() if not f.meta.off] == []


def _drop(records: list[TcpRecord], name: str, seed: int) -> Report:
    chance = random.Random(f"{name}/{seed}")
    checker = Checker(name, RULES)
    for record in records:
        if chance.random() >= 0.05:
            checker.tracker.feed(record)
    return checker.finish()


def _survives(path: Path, seeds: range) -> None:
    source = open_tcp(str(path))
    records: list[TcpRecord] = []
    while batch := source.read_batch():
        records.extend(batch)
    source.close()
    for seed in seeds:
        report = _drop(records, path.name, seed)
        wrong = [f for f in report.findings() if f.confidence == "certain" and f.meta.severity != "note"]
        assert [(seed, f.meta.code, f.frames) for f in wrong] == []


@pytest.mark.parametrize("path", sorted((TRACES / "linux").glob("*.pcap")), ids=lambda path: path.name)
def test_with_five_percent_missing_nothing_is_certain(path: Path) -> None:
    if path.name.split(".")[0] not in BREAKS_A_SHOULD:
        _survives(path, range(3))


@pytest.mark.long
@pytest.mark.parametrize("path", sorted((TRACES / "linux").glob("*.pcap")), ids=lambda path: path.name)
def test_with_five_percent_missing_many_times(path: Path) -> None:
    if path.name.split(".")[0] not in BREAKS_A_SHOULD:
        _survives(path, range(100))
