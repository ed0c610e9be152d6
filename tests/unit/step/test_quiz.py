"""Grading answer files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netsim.cli import main

RIGHT = """\
- {from: client, flags: SYN, seq: 0, ack: null, state: SYN-SENT}
- {from: server, flags: [ACK, SYN], seq: 0, ack: 1, state: SYN-RECEIVED}
- {from: client, flags: ACK, seq: 1, ack: 1, state: ESTABLISHED}
"""


def grade(tmp_path: Path, text: str, *more: str) -> int:
    file = tmp_path / "answers.yaml"
    file.write_text(text, encoding="utf-8")
    return main(["step", "three-way-handshake", "--quiz", str(file), *more])


def test_all_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert grade(tmp_path, RIGHT, "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "netsim.quiz/1"
    assert (found["points"], found["possible"]) == (15, 15)
    assert found["questions"][1]["source"].startswith("RFC 9293")


def test_mistakes_are_told_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert grade(tmp_path, RIGHT.replace("ack: 1, state: SYN", "ack: 0, state: SYN")) == 1
    out = capsys.readouterr().out
    assert "14 of 15" in out
    assert "ack is 1, not 0" in out


def test_missing_answers_count_as_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert grade(tmp_path, RIGHT.splitlines()[0]) == 1
    assert "5 of 15" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("just words", "a list of answers was expected"),
        ("- {from: client", "not YAML"),
        (RIGHT + RIGHT, "only 3 segments are sent"),
        ("- {colour: red}", "was not asked"),
    ],
)
def test_wrong_files(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str) -> None:
    assert grade(tmp_path, text) == 2
    assert message in capsys.readouterr().err


def test_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["step", "three-way-handshake", "--format", "json"]) == 2
    assert main(["step", "three-way-handshake"]) == 2
    assert "--plain" in capsys.readouterr().err
    assert main(["step", "three-way-handshake", "--quiz", str(tmp_path / "no.yaml")]) == 2
    assert main(["step", "no-such-thing", "--plain"]) == 2
    assert main(["step", "three-way-handshake", "--connection", "1", "--plain"]) == 2
