"""Our own scripts: `linux/`, `freebsd/` and `rfc/` hold one folder per state or subject.

The linux scripts were checked against a real kernel (6.18) with the real packetdrill; the kernel test does it again
where root and the tool are at hand. The others state what FreeBSD's sources and the RFCs say.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from netsim.packetdrill.batch import run_file
from netsim.packetdrill.config import RunOptions
from netsim.packetdrill.report import failure_text

HERE = Path(__file__).parent
SCRIPTS = sorted(path.relative_to(HERE).as_posix() for path in HERE.rglob("*.pkt"))


def test_there_are_scripts_for_every_profile() -> None:
    for profile in ("linux", "freebsd", "rfc"):
        assert sum(name.startswith(profile + "/") for name in SCRIPTS) >= 90


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(name: str) -> None:
    profile = name.split("/", 1)[0]
    outcome = run_file(str(HERE / name), RunOptions(profile=profile, tolerance_us=4_000))
    assert outcome.result == "passed", failure_text(outcome)


OF_ONE_VERSION = ("-ipv4.pkt", "-ipv6.pkt")
"""Scripts with an address, or an ICMP message, that the other version of IP has not."""


@pytest.mark.parametrize(
    "name", [name for name in SCRIPTS if name.startswith(("linux/", "rfc/")) and not name.endswith(OF_ONE_VERSION)]
)
def test_script_over_ipv6(name: str) -> None:
    # An MTU of 1520 leaves the MSS of 1460 that the scripts are written for.
    options = RunOptions(profile=name.split("/", 1)[0], tolerance_us=4_000, ip_version="ipv6", mtu=1520)
    outcome = run_file(str(HERE / name), options)
    assert outcome.result == "passed", failure_text(outcome)


@pytest.mark.kernel
@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in SCRIPTS if name.startswith("linux/")])
def test_the_real_kernel_agrees(name: str) -> None:
    tool = os.environ.get("PACKETDRILL") or shutil.which("packetdrill")
    if tool is None:
        pytest.skip("needs the real packetdrill (on the path, or named by PACKETDRILL)")
    namespace = f"netsim-pd-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", namespace], check=True)
    try:
        result = subprocess.run(
            ["ip", "netns", "exec", namespace, tool, "--tolerance_usecs=25000", "--send_omit_free", str(HERE / name)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        subprocess.run(["ip", "netns", "delete", namespace], check=True)
    assert result.returncode == 0, result.stdout + result.stderr
