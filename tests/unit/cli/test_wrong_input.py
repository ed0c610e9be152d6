"""What is wrong on a command line is said in one line, with exit code 2, and nothing is written."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from netsim.cli import COMMANDS, main

CAPTURE = Path(__file__).parents[3] / "traces" / "linux" / "ack-lost.client.pcap"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in: a capture, a folder of scripts, a text."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pcap").write_bytes(CAPTURE.read_bytes())
    (tmp_path / "scripts").mkdir()
    for name in ("one", "two"):
        (tmp_path / "scripts" / f"{name}.pkt").write_text(
            "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n", encoding="ascii"
        )
    (tmp_path / "text.txt").write_text("hello\n", encoding="ascii")
    return tmp_path


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("run nosuch.yaml", "nosuch.yaml: no such file"),
        ("run scripts", "scripts: it is a folder, and no scenario is called so"),
        ("run a.pcap", "a.pcap: it is a capture; look at it with `netsim check a.pcap`"),
        ("run bulk --set nosuch=1", "--set nosuch=1: no such parameter"),
        ("run three-way-handshake --connection 4", "there is no connection 4 in this run: it has only 1"),
        ("step nosuch.yaml --plain", "nosuch.yaml: no such file"),
        ("step a.pcap --plain --set msl=1s", "--set, --profile and --seed belong to scenarios"),
        ("step a.pcap --plain --seed 3", "--set, --profile and --seed belong to scenarios"),
        ("step three-way-handshake --quiz nosuch", "nosuch: cannot be read: No such file or directory"),
        ("check nosuch.pcap", "nosuch.pcap: no such file"),
        ("check a.pcap --baseline nosuch", "nosuch: no such file"),
        ("check a.pcap --annotate a.pcap", "--annotate writes pcapng, and a.pcap is the capture itself"),
        ("step nosuch.pkt --plain", "nosuch.pkt: no such file"),
        ("step - --plain", "stepping needs a file"),
        ("check nosuch.pcap --annotate o.pcapng --plot o.svg", "nosuch.pcap: no such file\n"),
        ("packetdrill nosuch", "nosuch: no such file or folder"),
        ("packetdrill scripts --step", "--step opens one script; scripts is a folder of them"),
        ("packetdrill scripts --pcap text.txt", "--pcap text.txt: several scripts need a folder, and this is a file"),
    ],
)
def test_it_is_told_in_a_line(line: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert main(line.split()) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(said)
    assert captured.out == ""
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_ends_with_command_lines_to_copy(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    _, _, examples = capsys.readouterr().out.partition("Examples:\n")
    lines = [line.strip() for line in examples.splitlines()]
    assert lines
    assert all(f"netsim {command}" in line for line in lines)


def test_a_scenario_from_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stdin(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))

    stdin("name: mine\nhosts: {a: {}, b: {}}\nlinks: [{between: [a, b]}]\n")
    assert main(["run", "-"]) == 0
    assert " mine\n" in capsys.readouterr().out
    stdin("hosts: {a: {}, b: {}}\nlinks: [{between: [a, c]}]\n")
    assert main(["run", "-"]) == 2
    assert capsys.readouterr().err.startswith("standard input:2:23: unknown host 'c'")
