"""Reports of very many connections: rows in a file, counts as they come, output in pieces, several processes."""

from __future__ import annotations

import json
import pickle
import tracemalloc
from pathlib import Path

import pytest
from benchmarks import captures
from click.testing import CliRunner

from netsim.check import store
from netsim.check.command import check
from netsim.check.engine import Report, check_file, report_json
from netsim.check.model import SEVERITIES
from netsim.check.outputs import json_parts
from netsim.check.processes import pack, unpack
from netsim.check.rules import RULES

TRACES = Path(__file__).parents[3] / "traces"


@pytest.fixture(scope="module")
def exchanges(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Fifteen hundred whole connections, whose rows do not fit into the first piece of memory."""
    path = tmp_path_factory.mktemp("captures") / "exchanges.pcap"
    captures.exchanges(path, 1_500)
    return str(path)


def test_rows_come_back_from_the_file(exchanges: str) -> None:
    report = check_file(exchanges)
    connections = report.connections
    assert connections.on_disk
    assert len(connections) == 1_500
    assert [c.ident for c in connections] == list(range(1_500))
    assert connections[1_499].first_frame == 14_991
    assert connections[-1].first_frame == 14_991
    assert [c.ident for c in connections[10:13]] == [10, 11, 12]
    assert connections.opened == {"handshake": 1_500}
    assert connections.closed == {"fin": 1_500}
    assert {(c.client.byte_count, c.server.byte_count, c.packets) for c in connections} == {(200, 1000, 10)}
    with pytest.raises(IndexError):
        connections[1_500]


def test_json_in_pieces_is_the_whole(exchanges: str) -> None:
    report = check_file(exchanges)
    assert json.loads("".join(json_parts([report])))["captures"] == [report_json(report)]


def test_memory_does_not_grow_with_connections_that_are_over(exchanges: str, tmp_path: Path) -> None:
    """What is held at the end of 1,500 and of 3,000 connections: some octets more for each."""
    more = tmp_path / "more.pcap"
    captures.exchanges(more, 3_000)
    held = []
    for path in (exchanges, str(more)):
        tracemalloc.start()
        report = check_file(path)
        held.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert report.connections
    assert held[1] - held[0] < 1_500 * 40 + store.IN_MEMORY


def _passed_on(report: Report, folder: Path) -> Report:
    """As from one process to another."""
    return unpack(pickle.loads(pickle.dumps(pack(report, str(folder)))), report.path, RULES)


@pytest.mark.parametrize("spilled", [False, True])
def test_reports_pass_between_processes(spilled: bool, exchanges: str, tmp_path: Path) -> None:
    path = exchanges if spilled else str(TRACES / "violations" / "syn-isn-changes.server.pcap")
    report = check_file(path)
    before = report_json(report)
    assert report_json(_passed_on(report, tmp_path)) == before


def test_several_processes_say_the_same_in_the_same_order(exchanges: str) -> None:
    files = [str(path) for path in sorted((TRACES / "violations").glob("*.pcap"))[:6]]
    files.insert(2, exchanges)
    for form in ("json", "text", "sarif"):
        one = CliRunner().invoke(check, [*files, "--format", form])
        two = CliRunner().invoke(check, [*files, "--format", form, "-j", "3"])
        assert one.output == two.output
        assert one.return_value == two.return_value


def test_the_smallest_of_many() -> None:
    firsts = store.Firsts()
    for number in range(10_000):
        firsts.add((number * 7919 % 10_007, number))
    assert firsts.count == 10_000
    everything = sorted((number * 7919 % 10_007, number) for number in range(10_000))
    assert firsts.smallest() == everything[: store.SHOWN]


def test_findings_are_worst_first_and_filtered() -> None:
    report = check_file(str(TRACES / "violations" / "syn-isn-changes.server.pcap"))
    grades = [SEVERITIES.index(finding.meta.severity) for finding in report.findings()]
    assert grades == sorted(grades)
    assert grades
    report.connections.worst = 0
    assert all(f.meta.severity == "error" for f in report.connections.findings())
    assert all(f.meta.severity == "error" for c in report.connections for f in c.findings)
