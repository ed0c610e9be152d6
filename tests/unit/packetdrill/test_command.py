"""`netsim packetdrill`: files, folders, output forms, exit codes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from netsim.cli import main

GOOD = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n+0 listen(3, 1) = 0\n"
BAD = GOOD + "+0 < S 0:0(0) win 100 <mss 1460>\n+0 > R 0:0(0)\n"
LACKING = GOOD + "+0 fork() = 0\n"
BROKEN = "hello\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "good.pkt").write_text(GOOD)
    (tmp_path / "a" / "bad.pkt").write_text(BAD)
    (tmp_path / "b" / "lacking.pkt").write_text(LACKING)
    (tmp_path / "b" / "notes.txt").write_text("not a script")
    return tmp_path


def test_one_good_script(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["packetdrill", str(folder / "a" / "good.pkt")]) == 0
    out = capsys.readouterr().out
    assert "passed" in out
    assert "1 of 1 passed" in out


def test_a_folder_with_summary_per_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["packetdrill", str(folder)]) == 1
    out = capsys.readouterr().out
    assert "1 of 3 passed, 1 failed, 1 unsupported" in out
    assert "the packet differs: flags" in out
    assert "'fork' is not supported" in out
    table = out[out.index("unsupported\n") :].splitlines()  # a long name is cut at its beginning
    lines = [line for line in table if line.split() and line.split()[0].endswith("/a")]
    assert lines
    assert lines[-1].split()[1:3] == ["1", "1"]


def test_processes_do_not_change_the_result(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["packetdrill", str(folder), "--format", "json"])
    one = json.loads(capsys.readouterr().out)
    main(["packetdrill", str(folder), "--format", "json", "-j", "2"])
    two = json.loads(capsys.readouterr().out)
    for document in (one, two):
        for script in document["scripts"]:
            script.pop("wall_s")
    assert one == two


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["packetdrill", str(folder), "--format", "json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "netsim.packetdrill/1"
    assert (document["passed"], document["failed"], document["unsupported"]) == (1, 1, 1)
    bad = document["scripts"][0]
    assert Path(bad["path"]).name == "bad.pkt"
    assert bad["result"] == "failed"
    assert bad["line"] == 5
    assert bad["expected"] == "R 0:0(0)"
    assert bad["actual"].startswith("S. 0:0(0) ack 1")
    assert bad["ip_version"] == "ipv4"
    assert isinstance(bad["simulated_ns"], int)


def test_junit(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.xml"
    assert main(["packetdrill", str(folder), "--format", "junit", "--output", str(target)]) == 1
    suite = ElementTree.parse(target).getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    assert {case.get("name") for case in suite} == {"good", "bad", "lacking"}


def test_a_broken_script_is_exit_code_2_and_does_not_stop_the_others(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a" / "broken.pkt").write_text(BROKEN)
    assert main(["packetdrill", str(folder)]) == 2
    out = capsys.readouterr().out
    assert "broken.pkt:1:1: 'hello' cannot stand here" in out
    assert "1 of 4 passed" in out


def test_patterns(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["packetdrill", str(folder / "*" / "good.pkt")]) == 0
    assert main(["packetdrill", str(folder / "*" / "nothing.pkt")]) == 2
    assert "nothing matches" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such-file.pkt"], "no such file or folder"),
        (["--sysctl", "x", "FILE"], "not NAME=VALUE"),
        (["--profile", "windows", "FILE"], "windows"),
        (["--ip-version", "ipv5", "FILE"], "ipv5"),
        ([], "name a script, a folder or -"),
    ],
)
def test_usage_errors(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    file = str(folder / "a" / "good.pkt")
    assert main(["packetdrill", *(file if item == "FILE" else item for item in arguments)]) == 2
    assert message in capsys.readouterr().err


def test_ladder_and_pcap(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "x.pcap"
    assert main(["packetdrill", str(folder / "a" / "bad.pkt"), "--ladder", "--pcap", str(target)]) == 1
    captured = capsys.readouterr()
    assert "SYN,ACK seq 0 ack 1" in captured.out
    assert "2 packets" in captured.err
    assert target.stat().st_size > 100


def test_the_story_of_a_failure(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["packetdrill", str(folder / "a" / "bad.pkt"), "--color", "never"])
    lines = capsys.readouterr().out.splitlines()
    names = next(line for line in lines if line.split()[:2] == ["flags", "seq"])
    expected = next(line for line in lines if line.startswith("  expected  R "))
    actual = next(line for line in lines if line.startswith("  actual    S."))
    marks = lines[lines.index(actual) + 1]
    column = names.index("flags")
    assert expected[column] == "R"
    assert actual[column] == "S"
    assert marks[column] == "^"
    assert any("RFC 9293" in line and line.startswith("  why") for line in lines)
    assert any("state=SYN-RECEIVED" in line for line in lines)


def test_step_opens_one_script_only(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = str(folder / "a" / "good.pkt")
    assert main(["packetdrill", good, good, "--step"]) == 2
    assert "exactly one script" in capsys.readouterr().err
    assert main(["packetdrill", good, "--step"]) == 2  # no terminal here
    assert "needs a terminal" in capsys.readouterr().err


def test_a_misspelt_call_is_bad_input_and_says_what_was_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "slip.pkt"
    path.write_text("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 lisen(3, 1) = 0\n", encoding="utf-8")
    assert main(["packetdrill", str(path)]) == 2
    told = capsys.readouterr().out
    assert f"{path}:2:4: there is no system call 'lisen'" in told
    assert "did you mean listen?" in told


def test_a_misspelt_symbol_says_what_was_meant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "slip.pkt"
    path.write_text("0 socket(..., SOCK_STREEM, IPPROTO_TCP) = 3\n", encoding="utf-8")
    assert main(["packetdrill", str(path)]) == 1
    assert "the symbol 'SOCK_STREEM' is not known (did you mean SOCK_STREAM?)" in capsys.readouterr().out
