"""`netsim run`, `scenarios` and `states` as a user calls them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from netsim.cli import COMMANDS, main

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "80"}
HEAVY = {"scapy", "textual", "matplotlib", "jsonschema", "rich", "numpy"}


def call(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main(argv)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_run_shows_a_ladder_and_a_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "run", "three-way-handshake")
    assert code == 0
    for text in ("SYN seq 0", "SYN,ACK seq 0 ack 1", "ACK seq 1 ack 1", "ESTABLISHED", "✓ 5 of 5 expectations"):
        assert text in out


@pytest.mark.parametrize("form", ["text", "json", "mermaid", "svg"])
def test_forms(capsys: pytest.CaptureFixture[str], tmp_path: Path, form: str) -> None:
    target = tmp_path / "out"
    code, out, _ = call(capsys, "run", "last-ack-lost", "--format", form, "-o", str(target))
    assert (code, out) == (0, "")
    text = target.read_text(encoding="utf-8")
    start = {"text": " last-ack-lost", "json": "{", "mermaid": "sequenceDiagram", "svg": "<svg"}[form]
    assert text.startswith(start)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_same_seed_same_digest_whatever_the_hash_seed() -> None:
    digests = set()
    for seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-m", "netsim", "run", "reliable-ordered-delivery", "--format", "json"],
            env={**ENVIRONMENT, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        digests.add(json.loads(done.stdout)["digest"])
    assert len(digests) == 1


def test_a_failing_expectation_exits_1(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "name: mine\ntitle: fails\nhosts: {client: {}, server: {}}\nlinks: [{between: [client, server]}]\n"
        "script:\n  - {at: 0s, host: server, listen: 80}\n  - {at: 0s, host: client, connect: 'server:80'}\n"
        "expect:\n  - {host: client, state: TIME-WAIT}\n",
        encoding="utf-8",
    )
    code, out, err = call(capsys, "run", str(path))
    assert code == 1, err
    assert "✗ 0 of 1 expectation" in out
    assert call(capsys, "run", str(path), "--quiet")[:2] == (1, "")


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["run", "last-ack-lots"], "last-ack-lost"),
        (["run", "no/such.yaml"], "no/such.yaml"),
        (["run", "three-way-handshake", "--connection", "9"], "no connection 9"),
        (["run", "three-way-handshake", "--set", "delay"], "KEY=VALUE"),
        (["run", "three-way-handshake", "--set", "nonsense=1"], "nonsense"),
        (["run", "three-way-handshake", "--format", "xml"], "xml"),
        (["run", "three-way-handshake", "--plot", "x.gif"], ".png"),
        (["run", "three-way-handshake", "--pcap", "/no/such/place/x.pcap"], "/no/such/place"),
        (["run", "three-way-handshake", "-o", "/no/such/place/x"], "/no/such/place"),
        (["run", "three-way-handshake", "--tap", "server"], "--pcap"),
        (["run", "three-way-handshake", "--pcap", "x.pcap", "--tap", "nobody"], "client, server"),
        (["scenarios", "cooking"], "topics are"),
        (["states", "--covered-by", "nothing"], "nothing"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_mistakes_exit_2_with_one_clear_message(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = call(capsys, *argv)
    assert code == 2
    assert says in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str], command: str) -> None:
    code, out, _ = call(capsys, command, "--help")
    assert code == 0
    assert "Usage: netsim" in out
    assert f"netsim {command}" in out.split("Usage:")[1].partition("\n")[2], "an example"


def test_pcap_to_stdout_is_only_a_capture() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "netsim", "run", "three-way-handshake", "--pcap", "-"],
        env=ENVIRONMENT, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout[:4] in (b"\x4d\x3c\xb2\xa1", b"\xd4\xc3\xb2\xa1")
    assert b"SYN-SENT" not in done.stdout


def test_run_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom netsim.cli import main\ncode = main(['run', 'three-way-handshake'])\n"
        f"heavy = {HEAVY!r} & {{name.split('.')[0] for name in sys.modules}}\n"
        "sys.exit(f'imported: {heavy}' if heavy else code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_colour_only_where_it_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\x1b[" not in call(capsys, "run", "three-way-handshake")[1]
    assert "\x1b[" in call(capsys, "run", "three-way-handshake", "--color", "always")[1]
    assert "\x1b[" not in call(capsys, "run", "three-way-handshake", "--color", "never")[1]


def test_a_terminal_without_unicode_gets_ascii() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "netsim", "run", "last-ack-lost"],
        env={**ENVIRONMENT, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    done.stdout.decode("ascii")
    assert b"SYN-SENT     -- SYN seq 0" in done.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m netsim run bulk --set bytes=200kB --all | head -1"
    done = subprocess.run(
        ["bash", "-c", command], env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc to see when the run has begun")
def test_ctrl_c_exits_130() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "netsim", "run", "bulk", "--set", "bytes=2GB", "--quiet"],
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        # Interrupt it when it is certainly past its imports: it has used half a second of CPU.
        ticks = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[11]
        if int(ticks) >= 100:
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "Traceback" not in err


def test_a_bug_is_told_in_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import click

    @click.command()
    def broken() -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("netsim.scenario.command.run", broken)
    monkeypatch.delenv("NETSIM_DEBUG", raising=False)
    code, _, err = call(capsys, "run")
    assert code == 3
    assert "ZeroDivisionError: oops" in err
    assert "NETSIM_DEBUG=1" in err
    monkeypatch.setenv("NETSIM_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["run"])


def test_scenarios_lists_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    listed = json.loads(call(capsys, "scenarios", "--format", "json")[1])["scenarios"]
    names = [entry["name"] for entry in listed]
    assert len(names) == len(set(names)) >= 40
    text = call(capsys, "scenarios")[1]
    for name in names:
        assert f"   {name}" in text
    assert max(map(len, text.splitlines())) <= 80


def test_states_marks_what_a_scenario_took(capsys: pytest.CaptureFixture[str]) -> None:
    edges = json.loads(call(capsys, "states", "--covered-by", "four-way-teardown", "--format", "json")[1])["edges"]
    taken = {(edge["old"], edge["new"]) for edge in edges if edge["covered_by"]}
    assert {("ESTABLISHED", "FIN-WAIT-1"), ("FIN-WAIT-2", "TIME-WAIT"), ("TIME-WAIT", "CLOSED")} <= taken
    assert ("FIN-WAIT-1", "CLOSING") not in taken


def test_progress_changes_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from netsim.scenario import command
    from netsim.scenario.loader import load

    scenario = load("bulk", {"bytes": "200kB", "loss": "2%"})
    alone = command._carry_out(scenario, 3, record=True, progress=False).digest
    monkeypatch.setattr(command, "STRIDE", 7)
    monkeypatch.setattr(command.time, "monotonic", iter(range(10**9)).__next__)
    watched = command._carry_out(scenario, 3, record=True, progress=True).digest
    assert watched == alone
    assert "s simulated" in capsys.readouterr().err
