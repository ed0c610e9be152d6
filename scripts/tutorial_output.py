"""Fills the console blocks of docs/tutorial.md with what the commands print.

A block begins with ```console and `$ netsim ...`; all lines after that one are replaced.
A long output is cut in the middle.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from netsim.cli import main as netsim  # noqa: E402

PATH = ROOT / "docs" / "tutorial.md"
_BLOCK = re.compile(r"```console\n\$ netsim (?P<command>[^\n]*)\n(?P<output>.*?)```\n", re.DOTALL)
MOST_LINES = 60


def output_of(command: str) -> str:
    """What `netsim COMMAND` prints at 80 columns without colour, less the time that it took."""
    os.environ.pop("NO_COLOR", None)
    os.environ["COLUMNS"] = "80"
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    arguments = [word.strip('"') for word in command.split()]
    with contextlib.redirect_stdout(printed):
        netsim([*arguments, *(["--color", "never", "--width", "80"] if arguments[0] == "run" else [])])
    printed.seek(0)
    text = re.sub(r"simulated in [0-9.]+ m?s", "simulated", printed.read())
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    if len(lines) > MOST_LINES:
        half = MOST_LINES // 2
        lines = [*lines[:half], f"     ⋮    ({len(lines) - 2 * half} lines more)", *lines[-half:]]
    return "\n".join(lines) + "\n"


def page(text: str) -> str:
    """The page with every console block filled anew."""
    return _BLOCK.sub(
        lambda found: f"```console\n$ netsim {found['command']}\n{output_of(found['command'])}```\n", text
    )


def main() -> None:
    """Write it."""
    PATH.write_text(page(PATH.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
