"""At run time: what the command line imports, and that its errors are for people."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from netsim.cli import COMMANDS

SRC = Path(__file__).parents[2] / "src"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SRC)}
HEAVY = ["scapy", "textual", "matplotlib", "networkx", "jsonschema", "rich", "numpy"]


def loaded_after(*argv: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after `netsim ARGV`."""
    code = (
        "import json, sys, contextlib, io\n"
        "from netsim.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        f"    code = main({list(argv)!r})\n"
        "print(json.dumps([code, sorted({name.split('.')[0] for name in sys.modules})]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, env=ENVIRONMENT
    )
    code_and_names = json.loads(done.stdout.splitlines()[-1])
    assert code_and_names[0] == 0, done.stderr
    return set(code_and_names[1])


def test_help_imports_nothing_heavy() -> None:
    assert not loaded_after("--help") & {*HEAVY, "ruamel", "lark"}


def netsim(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "netsim", *argv],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=ENVIRONMENT,
    )


def test_help_lists_every_command() -> None:
    text = netsim("--help").stdout
    for name in COMMANDS:
        assert f"  {name} " in text


def test_version_says_how_it_runs() -> None:
    text = netsim("--version").stdout
    assert text.startswith("netsim ")
    assert "(pure Python)" in text or "(compiled)" in text


@pytest.mark.parametrize("argv", [["rnu"], ["--frobnicate"], []], ids=["command", "option", "nothing"])
def test_usage_errors_exit_2_without_a_traceback(argv: list[str]) -> None:
    done = netsim(*argv)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()


def test_a_mistyped_command_gets_a_hint() -> None:
    assert "Did you mean 'run'?" in netsim("rnu").stderr
