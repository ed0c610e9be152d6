"""Scenarios exported as scripts: our own interpreter takes them all, and a real Linux kernel agrees."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from netsim.base.errors import UsageError
from netsim.packetdrill.batch import run_file
from netsim.packetdrill.config import RunOptions
from netsim.packetdrill.export import export
from netsim.scenario.catalog import names

ASKED = [
    ("three-way-handshake", "client"), ("three-way-handshake", "server"), ("four-way-teardown", "client"),
    ("three-segment-teardown", "client"), ("three-segment-teardown", "server"), ("half-close", "client"),
    ("last-ack-lost", "client"), ("last-ack-lost", "server"), ("syn-lost", "client"), ("syn-lost", "server"),
    ("syn-ack-lost", "client"), ("syn-ack-lost", "server"), ("handshake-ack-lost", "client"), ("fin-lost", "client"),
    ("data-lost-timeout", "client"), ("data-lost-timeout", "server"), ("ack-lost", "server"),
    ("connection-refused", "client"), ("abort-with-rst", "client"), ("abort-with-rst", "server"),
    ("close-with-unread-data", "server"), ("keep-alive", "client"), ("keep-alive", "server"),
    ("duplication", "client"), ("reordering", "server"), ("corruption", "server"), ("fast-retransmit", "server"),
    ("half-open", "client"),
]  # fmt: skip
"""Scenario and the host that the kernel plays."""


def exported(name: str, side: str, folder: Path) -> Path:
    path = folder / f"{name}-{side}.pkt"
    path.write_text(export(name, side), encoding="utf-8")
    return path


@pytest.mark.parametrize(("name", "side"), ASKED)
def test_our_own_interpreter_accepts_what_is_exported(name: str, side: str, tmp_path: Path) -> None:
    outcome = run_file(str(exported(name, side, tmp_path)), RunOptions(profile="linux"))
    assert outcome.result == "passed", f"{outcome.line}: {outcome.message}"


def test_what_a_script_cannot_tell_is_refused_with_a_reason() -> None:
    with pytest.raises(UsageError, match="connections with segments"):
        export("syn-flood", "server")
    with pytest.raises(UsageError, match="hosts are: client, server"):
        export("three-way-handshake", "nobody")


def test_every_scenario_is_exported_or_refused() -> None:
    refused: list[str] = []
    for name in names():
        if name in ("bulk", "shared-bottleneck", "window-scaling", "slow-start"):
            continue  # long
        try:
            text = export(name)
        except UsageError as refusal:
            text = f"// {name}: {refusal}"
            refused.append(name)
        assert text.startswith(f"// {name}")
    assert len(refused) < 15, refused


@pytest.mark.kernel
@pytest.mark.parametrize(("name", "side"), ASKED)
def test_a_real_kernel_agrees(name: str, side: str, tmp_path: Path) -> None:
    tool = shutil.which("packetdrill")
    if tool is None:
        pytest.skip("needs the packetdrill tool on PATH")
    path = exported(name, side, tmp_path)
    space = f"ns-export-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", space], check=True)
    try:
        subprocess.run(["ip", "netns", "exec", space, "ip", "link", "set", "lo", "up"], check=True)
        done = subprocess.run(
            ["ip", "netns", "exec", space, tool, str(path)], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
    finally:
        subprocess.run(["ip", "netns", "del", space], check=False)
