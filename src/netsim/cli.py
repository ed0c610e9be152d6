"""The `netsim` command: parse, hand over to one function, map errors to exit codes.

Each command lives in the `command` module of the package it belongs to and is imported
only when it is called, so that `netsim --help` starts at once. Exit codes: 0 clean, 1
findings, failed expectations or a difference, 2 bad input or usage, 3 a bug in netsim.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Final

import click

from netsim import __version__, is_compiled
from netsim.base.errors import NetsimError
from netsim.base.hints import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_USAGE: Final = 2
EXIT_BUG: Final = 3
EXIT_INTERRUPTED: Final = 130
EXIT_BROKEN_PIPE: Final = 141

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "run": ("netsim.scenario.command:run", "Run a scenario: ladder diagram, both ends' states, verdict."),
    "scenarios": ("netsim.scenario.command:scenarios", "List the built-in scenarios."),
    "step": ("netsim.tui.command:step", "Step through a scenario, forwards and backwards."),
    "check": ("netsim.check.command:check", "Check captured traces: states, causes, violations."),
    "compare": ("netsim.check.compare_command:compare", "Compare two scenarios or captures."),
    "capture": ("netsim.capture.command:capture", "Capture live packets (needs privileges)."),
    "packetdrill": ("netsim.packetdrill.command:packetdrill", "Run packetdrill scripts in virtual time."),
    "states": ("netsim.scenario.states_command:states", "Show the TCP state machine and what a run covered."),
    "rules": ("netsim.check.rules_command:rules", "List the checker's rules, or explain one."),
}
"""Every command: where it lives and its line in the help text. A package adds one line here."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which a user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command; None for a name that does not exist."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or fail with the nearest names."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            hint = did_you_mean(name, COMMANDS) or f" The commands are: {', '.join(COMMANDS)}."
            ctx.fail(f"No such command '{name}'.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _show_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"netsim {__version__} ({'compiled' if is_compiled() else 'pure Python'})")
        ctx.exit(0)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
    help="Show the version, and whether netsim runs compiled or as pure Python.",
)  # fmt: skip
def cli() -> None:
    """A networking protocol simulator with a real TCP inside.

    Start with:  netsim run three-way-handshake

    Shell completion:  eval "$(_NETSIM_COMPLETE=bash_source netsim)"  (or zsh_source, fish_source)
    """


def _run(argv: Sequence[str] | None) -> int:
    """Run the command line; returns the exit code; lets `main` see unexpected exceptions."""
    try:
        result = cli.main(args=None if argv is None else list(argv), prog_name="netsim", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        return EXIT_USAGE
    except NetsimError as error:
        click.echo(str(error), err=True)
        return error.exit_code
    return result if isinstance(result, int) else 0


def main(argv: Sequence[str] | None = None) -> int:
    """The entry point; returns the exit code and never lets a traceback through.

    argv: the arguments without the program's name; None takes them from `sys.argv`.
    With NETSIM_DEBUG=1 in the environment an unexpected exception shows its traceback.
    """
    try:
        code = _run(argv)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (`netsim run … | head`): nothing more to say, and nothing to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except OSError as error:
        if os.environ.get("NETSIM_DEBUG"):
            raise
        name = f"{error.filename}: " if error.filename else ""
        click.echo(f"{name}{error.strerror or error}", err=True)
        return EXIT_USAGE
    except Exception as error:
        if os.environ.get("NETSIM_DEBUG"):
            raise
        click.echo(f"This is a bug in netsim: {type(error).__name__}: {error}", err=True)
        click.echo("Run it again with NETSIM_DEBUG=1 for the traceback, and please report it.", err=True)
        return EXIT_BUG
    return code
