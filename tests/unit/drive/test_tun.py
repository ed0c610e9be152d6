"""A real Linux kernel opens, fills, empties and closes connections with our stack, over a TUN device."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from netsim.base.errors import UsageError
from netsim.drive.tun import TunDevice

SCRIPT = Path(__file__).with_name("tun_talk.py")
SOURCE = Path(__file__).parents[3] / "src"


@pytest.fixture
def namespace() -> Iterator[str]:
    name = f"netsim-tun-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode or not Path("/dev/net/tun").exists():
        pytest.skip(f"cannot make a network namespace with a TUN device: {made.stderr.strip()}")
    try:
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


@pytest.mark.kernel
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("mode", ["server", "client"])
def test_a_real_kernel_talks_to_our_stack(namespace: str, mode: str, version: int) -> None:
    done = subprocess.run(
        ["ip", "netns", "exec", namespace, sys.executable, str(SCRIPT), mode, str(version)],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["finished"], report
    assert report["ours_right"]
    assert report["kernels_right"]
    assert report["malformed"] == 0
    assert report["timestamps"], "the kernel agreed on timestamps"
    opening = ["LISTEN", "SYN-RECEIVED"] if mode == "server" else ["SYN-SENT"]
    assert report["states"][: len(opening) + 1] == [*opening, "ESTABLISHED"]
    assert report["states"][-1] == "CLOSED"
    assert {"FIN-WAIT-1", "CLOSE-WAIT"} & set(report["states"])


def test_without_the_right_to_it_the_device_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "plan9")
    with pytest.raises(UsageError, match="feature of Linux"):
        TunDevice("tun0")
