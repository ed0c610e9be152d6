"""`netsim capture` as its user meets it: clear refusals without privileges, whole files with them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from netsim.base.errors import UsageError
from netsim.capture.command import capture
from netsim.capture.frames import LINK_ETHERNET
from netsim.capture.live import LiveCapture, LiveSource, interface_names
from netsim.capture.reader import CaptureReader
from netsim.capture.writer import open_writer

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src")}


def _refused(*arguments: str) -> str:
    result = CliRunner().invoke(capture, list(arguments))
    assert isinstance(result.exception, UsageError | SystemExit), result.output
    return str(result.exception) + result.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "say where to write"),
        (["-o", "x.pcap"], "say on which interface with -i NAME; this machine has "),
        (["-i", "no-such-interface", "-o", "x.pcap"], "there is no interface 'no-such-interface'; this machine has "),
        (["--demo", "abort", "-i", "lo", "-o", "x.pcap"], "--demo chooses interface"),
        (["--ipv6", "-i", "lo", "-o", "x.pcap"], "--ipv6 belongs to --demo"),
        (["-o", "-", "--check", "-i", "lo"], "--check reports on stdout"),
        (["-d", "soon", "-i", "lo", "-o", "x"], "is not a duration"),
        (["-d", "0", "-i", "lo", "-o", "x"], "longer"),
        (["-c", "0", "-i", "lo", "-o", "x"], "0 is not in the range"),
        (["--demo", "nothing"], "is not one of"),
    ],
)
def test_misuse_is_refused_clearly(arguments: list[str], says: str) -> None:
    assert says in _refused(*arguments)


def test_the_interfaces_are_listed() -> None:
    result = CliRunner().invoke(capture, ["--list-interfaces"])
    assert result.output.split() == interface_names()


def _run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*options.pop("before", []), sys.executable, "-m", "netsim", "capture", *arguments],  # type: ignore[misc]
        capture_output=True, text=True, timeout=60, check=False, env=ENVIRONMENT, cwd=str(options.get("cwd", ROOT)),
    )  # fmt: skip


@pytest.mark.kernel
@pytest.mark.parametrize("arguments", [["-i", "lo"], ["--demo", "handshake"]])
def test_without_privileges_there_is_a_clear_message_and_no_file(tmp_path: Path, arguments: list[str]) -> None:
    target = tmp_path / "a.pcap"
    drop = ["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw"]
    done = _run(*arguments, "-o", str(target), before=drop)
    if done.returncode == 127:
        pytest.skip("needs setpriv (util-linux)")
    assert done.returncode == 2
    assert "capturing needs privileges: run it as root" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.kernel
def test_a_wrong_filter_is_refused(tmp_path: Path) -> None:
    done = _run("-i", "lo", "--filter", "tcp prt 80", "-o", str(tmp_path / "a.pcap"))
    assert done.returncode == 2
    assert "filter" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def _datagrams(count: int) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
    ):
        receiver.bind(("127.0.0.1", 0))
        for number in range(count):
            sender.sendto(b"%06d" % number, receiver.getsockname())


@pytest.mark.kernel
@pytest.mark.parametrize("name", ["a.pcap", "a.pcapng"])
def test_a_live_source_writes_what_it_sees_until_its_count(tmp_path: Path, name: str) -> None:
    with LiveCapture("lo") as live, open_writer(str(tmp_path / name), LINK_ETHERNET) as out:
        source = LiveSource(live, out, count=40)
        _datagrams(100)
        assert source.read_batch() == []
        assert source.frames == 40
        assert source.skipped["udp"] >= 30
        assert source.finish() == 0
    with CaptureReader(str(tmp_path / name)) as reader:
        frames = list(reader)
        assert reader.damage is None
    payloads = [frame.data[-6:] for frame in frames if frame.data[-6:].isdigit()]
    assert payloads == [b"%06d" % number for number in range(len(payloads))]  # each once, in order
    assert len(frames) == 40
    assert abs(frames[0].t_ns - time.time_ns()) < 60 * 10**9


@pytest.mark.kernel
def test_a_duration_ends_a_silent_capture() -> None:
    with LiveCapture("lo", "udp port 1 and udp port 2") as live:
        source = LiveSource(live, duration_ns=20_000_000)
        assert source.read_batch() == []
        assert source.stopped
        source.finish()


@pytest.mark.kernel
def test_dropped_frames_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    with LiveCapture("lo") as live, open_writer(str(path), LINK_ETHERNET) as out:
        assert live._raw is not None
        live._raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        source = LiveSource(live, out, count=1)
        _datagrams(200)
        source.read_batch()
        dropped = source.finish()
    assert dropped > 0
    with CaptureReader(str(path)) as reader:
        assert len(list(reader)) == 1
        assert reader.drops_reported == dropped


@pytest.mark.kernel
def test_ctrl_c_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    command = [sys.executable, "-m", "netsim", "capture", "-i", "lo", "--filter", "udp", "-o", str(path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        deadline = time.monotonic() + 20
        partial: list[Path] = []
        while time.monotonic() < deadline and not any(entry.stat().st_size > 200 for entry in partial):
            _datagrams(3)
            partial = [entry for entry in tmp_path.iterdir() if entry.name.endswith(".part")]
        assert not path.exists()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "packets" in errors
    assert "Traceback" not in errors
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.pcapng"]
    with CaptureReader(str(path)) as reader:
        assert len(list(reader)) >= 3
        assert reader.damage is None


@pytest.mark.kernel
def test_a_capture_on_standard_output(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "netsim", "capture", "--demo", "refused", "-o", "-"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True, env=ENVIRONMENT)
    path = tmp_path / "a.pcap"
    path.write_bytes(done.stdout)
    with CaptureReader(str(path)) as reader:
        assert len(list(reader)) == 2


@pytest.mark.kernel
def test_checking_while_capturing() -> None:
    done = _run("--demo", "half-close", "--check")
    assert done.returncode == 0, done.stderr
    assert "1 connection" in done.stdout
    done = _run("-i", "lo", "--check", "-d", "300ms", "-f", "udp port 1")
    assert done.returncode == 0, done.stderr
