"""What every command of the command line has in common: options, output files, progress, colour.

Results go to stdout or `--output`, diagnostics to stderr. A file is written whole or not at all.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from netsim.base.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

F = TypeVar("F", bound="Callable[..., Any]")

COLOR_CHOICES: Final = ("auto", "always", "never")
MIN_WIDTH: Final = 80


def format_option(*formats: str) -> Callable[[F], F]:
    """`--format`: one of `formats`, the first is the default; argument `output_format`."""
    return click.option(
        "--format", "output_format", type=click.Choice(formats), default=formats[0], show_default=True,
        help="Form of the output.",
    )  # fmt: skip


def output_option(function: F) -> F:
    """`--output FILE` (`-` = stdout); argument `output`: str or None."""
    return click.option(
        "-o", "--output", metavar="FILE", default=None, help="Write the output to FILE ('-': standard output)."
    )(function)


def examples(*commands: str) -> str:
    """The end of a command's help: complete command lines, one below the other."""
    return "\n".join(["\b", "Examples:", *(f"  {command}" for command in commands)])


def quiet_option(function: F) -> F:
    """`--quiet`; argument `quiet`: bool."""
    return click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors; the exit code tells.")(function)


def color_option(function: F) -> F:
    """`--color auto|always|never`; argument `color`: str (give it to `use_color`)."""
    return click.option(
        "--color", type=click.Choice(COLOR_CHOICES), default="auto", show_default=True,
        help="Colours; auto: on a terminal, unless NO_COLOR is set.",
    )(function)  # fmt: skip


def seed_option(function: F) -> F:
    """`--seed N`; argument `seed`: int or None."""
    return click.option("--seed", type=click.IntRange(min=0), default=None, help="Seed of everything random.")(function)


def use_color(choice: str, output: str | None = None) -> bool:
    """Whether to colour what goes to `output` (None or "-": stdout)."""
    if choice != "auto":
        return choice == "always"
    if output not in (None, "-") or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty()


def terminal_width(output: str | None = None) -> int:
    """Columns to draw in: COLUMNS, or the terminal's width; 80 where there is none. At least 80."""
    if "COLUMNS" not in os.environ and (output not in (None, "-") or not sys.stdout.isatty()):
        return MIN_WIDTH
    return max(MIN_WIDTH, shutil.get_terminal_size((MIN_WIDTH, 24)).columns)


def write_bytes(path: str, data: bytes) -> None:
    """Write a file whole or not at all. Raises UsageError where the place cannot be written."""
    _write_pieces(path, (data,))


def _write_pieces(path: str, pieces: Iterable[bytes]) -> None:
    """Into a temporary file beside the target, then renamed."""
    target = Path(path)
    if target.exists() and not target.is_file():
        # A device or a pipe (/dev/stdout, /dev/null, >(less)): it can only be written directly.
        with target.open("wb") as stream:
            stream.writelines(pieces)
        return
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.writelines(pieces)
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(target)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink()
        raise UsageError(f"{path}: cannot write: {error.strerror}") from None


def write_text(output: str | None, text: str) -> None:
    """The text to stdout (`None` or "-") or, atomically, to a file. Ends with one newline."""
    if not text.endswith("\n"):
        text += "\n"
    if output in (None, "-"):
        # Not click.echo: it strips styles that --color=always asked for.
        sys.stdout.write(_encodable(text))
    else:
        write_bytes(str(output), text.encode("utf-8"))


def write_parts(output: str | None, parts: Iterable[str]) -> None:
    """As `write_text`, for a text too long to hold: its parts as they come. The last one ends the line."""
    if output in (None, "-"):
        for part in parts:
            sys.stdout.write(_encodable(part))
    else:
        _write_pieces(str(output), (part.encode("utf-8") for part in parts))


def _encodable(text: str) -> str:
    """The text with what stdout cannot encode replaced (a Latin-1 terminal must not end in an error)."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def unicode_works() -> bool:
    """Whether stdout can carry the ladder's characters; where not, draw as with `--ascii`."""
    try:
        "─▶◀✗↻⏲⋮═✓↳".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


@contextmanager
def progress(items: Sequence[Any], label: str, *, quiet: bool = False) -> Iterator[Iterator[Any]]:
    """Iterate with a progress bar on stderr, if stderr is a terminal and `quiet` is not set.

    Usage: `with progress(paths, "checking") as bar: for path in bar: ...`
    """
    if quiet or not sys.stderr.isatty():
        yield iter(items)
        return
    with click.progressbar(items, label=label, file=sys.stderr) as bar:
        yield iter(bar)
