"""The commands as a user meets them: formats, exit codes, baseline, selection, ladder, comparison."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from netsim.capture.reader import CaptureReader
from netsim.check.compare import compare
from netsim.check.engine import check_file
from netsim.check.model import CATEGORIES
from netsim.check.rules import RULES
from netsim.check.rules.quality import QUALITY
from netsim.check.trace import from_capture
from netsim.cli import main

TRACES = Path(__file__).parents[3] / "traces"
CLEAN = str(TRACES / "linux" / "tail-loss.client.pcap")
FAULTY = str(TRACES / "violations" / "ack-of-unsent-data.client.pcap")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def netsim(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        out = capsys.readouterr()
        return code, out.out, out.err

    return call


def test_clean_capture(netsim: Run) -> None:
    code, out, err = netsim("check", CLEAN)
    assert code == 0
    assert "resent  1 segment: 1 tail probe" in out
    assert out.endswith(" ✓ no findings\n")
    assert err == ""


def test_findings_come_with_their_frames_and_the_source(netsim: Run) -> None:
    code, out, _ = netsim("check", FAULTY)
    assert code == 1
    assert "error ACK003 ack-of-unsent-data · connection 0 · server 198.51.100.1:9000 · certain" in out
    assert "← here" in out
    assert "RFC 9293 §3.10.7.4, fifth step. More: netsim rules ACK003" in out


def test_evidence_shows_what_the_rule_looks_at(netsim: Run) -> None:
    def evidence(name: str) -> str:
        return netsim("check", str(TRACES / "violations" / f"{name}.client.pcap"))[1]

    assert "client ── seq 1 len 100 <mss 1000,ts " in evidence("option-on-wrong-segment")
    assert "client ── seq 1 len 200 ECT(0) ──▶ server   ← here" in evidence("ecn-capable-syn")
    assert "PSH,ACK,URG seq 1 len 100 urg 0" in evidence("urgent-nonsense")
    assert "client ◀── ACK seq 1 ack 3,001 win 0 ── server" in evidence("zero-window-ignored")
    waits = evidence("no-backoff").split("TMR001")[1].split("note")[0]
    assert waits.count(" ──▶ server") == 3
    assert "also frame 7\n" in evidence("window-taken-back")


def test_windows_in_the_evidence_are_octets(netsim: Run) -> None:
    out = netsim("check", str(TRACES / "linux" / "window-shrinks.server.pcap"))[1]
    assert "the edge moves from 81,953 to 81,217." in out
    ack, window = 8_001, 73_216
    assert f"ack {ack:,} win {window:,} ── server   ← here" in out
    assert ack + window == 81_217


def test_colours_on_demand_change_no_word(netsim: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    many = [str(TRACES / "violations" / f"{name}.server.pcap") for name in ("optimistic-ack", "window-taken-back")]
    _, plain, _ = netsim("check", FAULTY, CLEAN, *many)
    _, painted, _ = netsim("check", FAULTY, CLEAN, *many, "--color", "always")
    assert "\x1b[" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted).rstrip("\n") == plain.rstrip("\n")
    assert "\x1b[1;31merror\x1b[0m" in painted
    assert "\x1b[1;33mdeviation\x1b[0m" in painted
    assert "\x1b[1;32m ✓ no findings\x1b[0m" in painted
    monkeypatch.setenv("NO_COLOR", "1")
    _, refused, _ = netsim("check", FAULTY, "--color", "auto")
    assert "\x1b[" not in refused


def test_a_probe_with_new_data_is_no_resend(netsim: Run) -> None:
    _, out, _ = netsim("check", str(TRACES / "linux" / "bottleneck-shared.client.pcap"))
    assert "resent  11 segments: 10 fast, 1 tail probe\n" in out
    assert "also    1 tail probe with new data\n" in out


def test_json_has_every_promised_key(netsim: Run) -> None:
    code, out, _ = netsim("check", FAULTY, CLEAN, "--format", "json")
    assert code == 1
    document = json.loads(out)
    assert document["schema"] == "netsim.check/1"
    faulty, clean = document["captures"]
    assert {"path", "packets", "tcp_packets", "skipped", "truncated", "quality", "connections"} <= set(faulty)
    (connection,) = faulty["connections"]
    assert {
        "id", "ip_version", "first_frame", "last_frame", "packets", "vantage", "client", "server", "open", "close",
        "analysis", "findings",
    } <= set(connection)  # fmt: skip
    assert set(connection["client"]) == {"addr", "port", "final_state", "bytes", "mss"}
    assert set(connection["analysis"]) == set(CATEGORIES)
    (finding,) = connection["findings"]
    assert (finding["rule"], finding["side"], finding["frames"]) == ("ACK003", "server", [6])
    assert {"rule", "name", "severity", "side", "confidence", "frames", "message", "source"} <= set(finding)
    assert len(clean["connections"][0]["analysis"]["tail_loss_probe"]) == 1


def test_selection_and_severity(netsim: Run) -> None:
    assert netsim("check", FAULTY, "--ignore", "ACK")[0] == 0
    assert netsim("check", FAULTY, "--select", "WND,OPT")[0] == 0
    assert netsim("check", FAULTY, "--select", "ack-of-unsent-data", "--severity", "error")[0] == 1
    code, _, err = netsim("check", FAULTY, "--select", "XYZ")
    assert code == 2
    assert "no rule or family is called 'XYZ'" in err


def test_documented_habits_do_not_fail_unless_selected(netsim: Run) -> None:
    path = str(TRACES / "linux" / "timeout-backoff.client.pcap")
    code, out, _ = netsim("check", path)
    assert code == 0
    assert "note RTX004" in out


def test_baseline_hides_what_is_known(netsim: Run, tmp_path: Path) -> None:
    file = str(tmp_path / "known.json")
    assert netsim("check", FAULTY, "--write-baseline", file, "-q")[0] == 1
    code, out, _ = netsim("check", FAULTY, "--baseline", file)
    assert code == 0
    assert "1 finding of the baseline not shown" in out
    code, _, err = netsim("check", FAULTY, "--baseline", str(tmp_path / "none.json"))
    assert code == 2
    assert "no such file" in err
    (tmp_path / "bad.json").write_text("{]")
    assert netsim("check", FAULTY, "--baseline", str(tmp_path / "bad.json"))[0] == 2


def test_junit_and_sarif(netsim: Run) -> None:
    _, out, _ = netsim("check", FAULTY, "--format", "junit")
    suite = ET.fromstring(out).find("testsuite")
    assert suite is not None
    assert suite.get("failures") == "1"
    assert len(suite) == len(RULES)
    _, out, _ = netsim("check", FAULTY, "--format", "sarif")
    (run,) = json.loads(out)["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["ACK003"]


def test_annotated_copy_carries_the_findings(netsim: Run, tmp_path: Path) -> None:
    target = tmp_path / "noted.pcapng"
    assert netsim("check", FAULTY, "--annotate", str(target), "-q")[0] == 1
    with CaptureReader(str(target)) as reader:
        comments = {frame.number: frame.comments for frame in reader if frame.comments}
    assert any("ACK003" in text for text in comments[6])


def test_one_connection_as_a_ladder(netsim: Run) -> None:
    code, out, _ = netsim(
        "check", str(TRACES / "linux" / "handshake-transfer-teardown.client.pcap"), "--connection", "0"
    )
    assert code == 0
    for word in ("SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "TIME-WAIT", "CLOSED"):
        assert word in out
    code, _, err = netsim("check", CLEAN, "--connection", "7")
    assert code == 2
    assert "it has only number 0" in err


def test_plot(netsim: Run, tmp_path: Path) -> None:
    target = tmp_path / "c.svg"
    assert netsim("check", CLEAN, "--plot", str(target), "-q")[0] == 0
    assert target.read_text().lstrip().startswith("<?xml")
    assert netsim("check", CLEAN, "--plot", str(tmp_path / "c.doc"), "-q")[0] == 2


def test_unreadable_files_are_one_message_and_two(netsim: Run, tmp_path: Path) -> None:
    (tmp_path / "no.pcap").write_bytes(b"hello, this is no capture at all")
    code, _, err = netsim("check", str(tmp_path / "no.pcap"))
    assert code == 2
    assert err.count("\n") == 1
    assert netsim("check", str(tmp_path / "missing.pcap"))[0] == 2


def test_truncated_file_is_analysed_up_to_the_damage(netsim: Run, tmp_path: Path) -> None:
    data = Path(CLEAN).read_bytes()
    (tmp_path / "cut.pcap").write_bytes(data[: len(data) * 2 // 3])
    code, out, _ = netsim("check", str(tmp_path / "cut.pcap"), "--format", "json")
    (capture,) = json.loads(out)["captures"]
    assert code == 0
    assert capture["truncated"]
    assert "CAP010" in {item["code"] for item in capture["quality"]}
    assert capture["connections"][0]["packets"] > 5


def test_several_processes_give_the_same(netsim: Run) -> None:
    files = [CLEAN, FAULTY, str(TRACES / "linux" / "half-close.server.pcap")]
    alone = netsim("check", *files, "--format", "json")
    assert netsim("check", *files, "--format", "json", "-j", "2") == alone


def test_rules_list_and_pages(netsim: Run) -> None:
    _, out, _ = netsim("rules")
    assert f" {len(RULES) + len(QUALITY)} rules." in out
    for rule in RULES:
        page = rule.meta.page
        for heading in ("What it does", "Why it matters", "Example", "What it must not claim", "References"):
            assert f"## {heading}\n" in page, rule.meta.code
        assert "here" in page
        assert rule.meta.name == rule.meta.name.lower()
    code, out, _ = netsim("rules", "ACK003")
    assert code == 0
    assert "# ACK003 ack-of-unsent-data" in out
    code, _, err = netsim("rules", "ACK03")
    assert code == 2
    assert "did you mean ACK003" in err


def test_codes_and_names_are_unique_and_there_are_sixty() -> None:
    metas = [rule.meta for rule in RULES] + list(QUALITY)
    assert len({meta.code for meta in metas}) == len({meta.name for meta in metas}) == len(metas) >= 60


def test_pages_in_docs_are_up_to_date() -> None:
    folder = Path(__file__).parents[3] / "docs" / "rules"
    from netsim.check.rules_command import page

    for meta in [rule.meta for rule in RULES] + list(QUALITY):
        assert (folder / f"{meta.code}.md").read_text(encoding="utf-8") == page(meta), meta.code


@pytest.mark.parametrize(
    "name",
    ["handshake-transfer-teardown", "fast-retransmit-sack", "tail-loss", "half-close", "fin-lost", "syn-lost",
     "abort-with-rst", "connection-refused", "simultaneous-close", "server-speaks-first"],
)  # fmt: skip
def test_the_model_does_what_the_kernel_did(netsim: Run, name: str) -> None:
    code, out, _ = netsim("compare", str(TRACES / "linux" / f"{name}.client.pcap"), "--format", "json")
    document = json.loads(out)
    assert document["schema"] == "netsim.compare/1"
    assert document["differences"] == []
    assert (code, document["equal"], document["first_divergence"]) == (0, True, None)
    assert document["aligned"] > 1


def test_derived_scenario_runs(netsim: Run, tmp_path: Path) -> None:
    file = str(tmp_path / "derived.yaml")
    netsim("compare", CLEAN, "--emit", file, "-q")
    code, out, _ = netsim("run", file, "--format", "json")
    assert code == 0
    assert json.loads(out)["endpoints"]["client"]["bytes_sent"] == 10_000


def test_comparison_finds_the_first_divergence(netsim: Run) -> None:
    code, out, _ = netsim("compare", "three-way-handshake", "four-way-teardown", "--format", "json")
    document = json.loads(out)
    assert code == 1
    assert document["aligned"] == 3
    assert document["first_divergence"] == document["differences"][0]
    assert set(document["first_divergence"]) == {"a", "b", "field", "a_value", "b_value"}
    code, out, _ = netsim("compare", "three-way-handshake", "three-way-handshake")
    assert code == 0
    assert "✓ the same conversation" in out


def test_what_only_one_side_has_stands_in_its_own_order(netsim: Run) -> None:
    """B's round trips are a thousand times shorter: its clock says nothing of where a segment stands in A."""
    capture = str(TRACES / "loopback-handshake-transfer-teardown.pcap")
    for words, column in (("three-way-handshake", capture), 1), ((capture, "three-way-handshake"), 0):
        _, out, _ = netsim("compare", *words, "--format", "json")
        differences = [each for each in json.loads(out)["differences"] if each["field"] == "segment"]
        numbers = [each["ab"[column]] for each in differences]
        assert numbers == list(range(4, 12))


def test_other_segmentation_of_the_same_bytes_is_no_difference() -> None:
    a = from_capture(str(TRACES / "linux" / "handshake-transfer-teardown.client.pcap"))
    b = from_capture(str(TRACES / "linux" / "handshake-transfer-teardown.client.pcap"))
    place = next(i for i, line in enumerate(b.lines) if line.length > 1000)
    first, second = (type(b.lines[0])(b.lines[place].record, "server", 0, 0, 0, 0) for _ in range(2))
    whole = b.lines[place]
    for part, offset, size in ((first, 0, 700), (second, 700, whole.length - 700)):
        part.seq, part.ack, part.length, part.t_ns = whole.seq + offset, whole.ack, size, whole.t_ns
    b.lines[place : place + 1] = [first, second]
    result = compare(a, b)
    assert result.equal
    assert result.resegmented == 1


def test_time_is_compared_within_a_tolerance(netsim: Run) -> None:
    path = str(TRACES / "linux" / "handshake-transfer-teardown.client.pcap")
    assert netsim("compare", path, path, "--tolerance", "1ms", "-q")[0] == 0
    assert netsim("compare", path, "--tolerance", "20ms", "-q")[0] == 0
    assert netsim("compare", path, "--tolerance", "soon", "-q")[0] == 2


def test_states_and_closings_of_the_kernels_captures() -> None:
    expected = {
        "simultaneous-close.client": ("handshake", "simultaneous", "TIME-WAIT", "TIME-WAIT"),
        "simultaneous-open.client": ("simultaneous", "fin", "TIME-WAIT", "CLOSED"),
        "connection-refused.client": ("refused", "rst", "CLOSED", "CLOSED"),
        "abort-with-rst.client": ("handshake", "rst", "CLOSED", "CLOSED"),
        "connect-timeout.client": ("attempt", "none", "SYN-SENT", None),
        "server-speaks-first.client": ("handshake", "fin", "CLOSED", "TIME-WAIT"),
        "last-ack-lost.client": ("handshake", "fin", "TIME-WAIT", "CLOSED"),
    }
    for name, wanted in expected.items():
        (connection,) = check_file(str(TRACES / "linux" / f"{name}.pcap")).connections
        found = (connection.open, connection.close, connection.client.final_state, connection.server.final_state)
        assert found == wanted, name


def test_the_table_of_what_is_covered_names_every_rule_once() -> None:
    text = (TRACES.parent / "docs" / "checker.md").read_text(encoding="utf-8")
    table = text.split("## What is covered")[1].split("## ")[0]
    named = re.findall(r"\b[A-Z]{3}\d{3}\b", table)
    assert sorted(named) == sorted(rule.meta.code for rule in RULES)
