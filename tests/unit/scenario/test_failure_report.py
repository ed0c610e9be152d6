"""A failing expectation shows the ladder around the place where it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from netsim.cli import main

SCENARIO = """\
hosts: {client: {}, server: {}}
script:
  - {at: 0s, host: server, listen: 80}
  - {at: 0s, host: client, connect: 'server:80'}
  - {at: 1s, host: client, send: 100 kB}
expect:
  - {none: {from: client, seq: 50681}, text: "byte 50681 is not sent"}
  - {none: {flags: RST}}
"""


def test_the_excerpt_marks_the_segment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    assert main(["run", str(path), "--color", "never"]) == 1
    report = capsys.readouterr().out.partition("✗ byte 50681 is not sent")[2].splitlines()
    arrows = [line for line in report if "──" in line]
    assert len(arrows) == 5
    assert "seq 50681" in arrows[2]
    assert "← here" in arrows[2]
    assert "✗ 1 of 2 expectations" in report[-1]
