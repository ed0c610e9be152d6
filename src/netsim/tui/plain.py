"""Plain mode: a prompt, one line at a time. For pipes, screen readers, tests and scripts."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from netsim.base.errors import NetsimError
from netsim.report.cells import Line, line, paint
from netsim.step import show
from netsim.step.commands import Console

if TYPE_CHECKING:
    from typing import TextIO

    from netsim.step.debugger import Debugger

PROMPT = "(step) "


def welcome(debugger: Debugger) -> list[Line]:
    """What is stepped through, and how to get help."""
    source = debugger.timeline.source
    title = f"{source.name} · {source.title}" if source.title else source.name
    return [line((title, "title")), line(("n next, p back, help lists the commands, q leaves", "dim")),
            line((show.header(debugger), "time"))]  # fmt: skip


def session(
    debugger: Debugger,
    commands: TextIO,
    out: TextIO,
    *,
    color: bool = False,
    ascii_only: bool = False,
    width: int = 80,
    strict: bool = False,
) -> int:
    """Read commands until `quit` or the end of the input; returns 1 if `strict` and one was wrong, else 0.

    On a terminal the prompt is asked for; otherwise each command is echoed after it, so that
    the text reads as a session.
    """
    console = Console(debugger, width=width)
    interactive = commands.isatty()
    wrong = 0

    def put(lines: list[Line]) -> None:
        out.write(paint(lines, color=color, ascii_only=ascii_only))
        out.flush()

    put(welcome(debugger))
    while not console.done:
        text = _read(commands, out, interactive)
        if text is None:
            break
        if not interactive:
            out.write(f"\n{PROMPT}{text}\n")
        try:
            put(console.execute(text))
        except NetsimError as error:
            wrong += 1
            put(console.complain(error))
    return 1 if wrong and strict else 0


def _read(commands: TextIO, out: TextIO, interactive: bool) -> str | None:
    """The next command, None at the end of the input."""
    if interactive and commands is sys.stdin:
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401  line editing and history
        try:
            return input(PROMPT)
        except EOFError:
            out.write("\n")
            return None
        except KeyboardInterrupt:
            out.write("\n")
            return ""
    text = commands.readline()
    return text.rstrip("\n") if text else None
