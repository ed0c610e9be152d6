"""A failing expectation shows the ladder around the place where it fails."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from netsim.scenario.command import run

SCENARIO = """\
hosts: {client: {}, server: {}}
script:
  - {at: 0s, host: server, listen: 80}
  - {at: 0s, host: client, connect: 'server:80'}
  - {at: 1s, host: client, send: 100 kB}
expect:
  - {none: {from: server, ack: 50681}, text: "byte 50680 stays unacknowledged"}
  - {none: {flags: RST}}
"""


def test_the_excerpt_marks_the_segment(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    done = CliRunner().invoke(run, [str(path), "--color", "never"])
    assert done.exit_code == 1
    report = done.output.partition("✗ byte 50680 stays unacknowledged")[2].splitlines()
    arrows = [line for line in report if "──" in line]
    assert len(arrows) == 5
    assert "ack 50681 ← here" in arrows[2]
    assert "✗ 1 of 2 expectations" in report[-1]
