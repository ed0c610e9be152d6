"""`netsim step`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from netsim.base.errors import UsageError
from netsim.report.console import (
    color_option,
    examples,
    format_option,
    output_option,
    seed_option,
    unicode_works,
    use_color,
)

if TYPE_CHECKING:
    from netsim.packetdrill.config import RunOptions
    from netsim.step.debugger import Debugger


@click.command(
    epilog=examples(
        "netsim step last-ack-lost",
        "netsim step traces/linux/ack-lost.client.pcap",
        r"printf 'n\nn\ntcb client\n' | netsim step last-ack-lost --plain",
    )
)
@click.argument("scenario")
@click.option("--plain", is_flag=True, help="A prompt, one line at a time; commands from stdin, so it can be scripted.")
@click.option("--quiz", metavar="FILE", default=None, help="Grade a YAML file of predicted segments.")
@format_option("text", "json")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Override a parameter (repeatable).")
@click.option(
    "--profile", type=click.Choice(["rfc", "linux", "freebsd"]), default=None, help="The stack of every host."
)
@click.option("--connection", type=click.IntRange(min=0), default=None, metavar="N", help="Of a capture: which one.")
@click.option("--theme", type=click.Choice(["dark", "light"]), default="dark", help="Of the screen.", show_default=True)
@click.option("--end", is_flag=True, help="Begin at the last step instead of the first.")
@click.option("--strict", is_flag=True, help="With --plain: exit with 1 if a command was wrong.")
@seed_option
@output_option
@color_option
@click.pass_obj
def step(wishes: RunOptions | None, /, scenario: str, seed: int | None, **options: Any) -> int:
    """Step through SCENARIO, forwards and backwards: a built-in name, a YAML file, a .pkt script or a capture.

    The keys are shown on the screen; ? explains them. Ask what if: drop a segment, expire a
    timer, close an end, and the run forks there.
    """
    from netsim.scenario.command import parse_overrides
    from netsim.tui.opening import open_debugger

    if options["output_format"] == "json" and not options["quiz"]:
        raise UsageError("--format json goes with --quiz FILE; for a run as JSON use `netsim run --format json`")
    debugger = open_debugger(
        scenario,
        seed=seed,
        overrides=parse_overrides(options["overrides"]),
        profile=options["profile"],
        connection=options["connection"],
        wishes=wishes,
    )
    if options["end"]:
        debugger.end()
    if options["quiz"]:
        return _grade(debugger, scenario, options)
    if options["plain"]:
        return _plain(debugger, options)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the screen needs a terminal; with a pipe, use --plain")
    from netsim.tui.app import Stepper

    app = Stepper(debugger, theme_name=options["theme"])
    app.run()
    return 3 if app.return_code else 0  # Textual has put the terminal right and shown what went wrong


def _plain(debugger: Debugger, options: dict[str, Any]) -> int:
    from netsim.report.console import terminal_width
    from netsim.tui.plain import session

    output: str | None = options["output"]
    if output not in (None, "-"):
        with open(str(output), "w", encoding="utf-8") as file:  # noqa: PTH123
            return session(debugger, sys.stdin, file, strict=options["strict"])
    tty = sys.stdout.isatty()
    return session(
        debugger, sys.stdin, sys.stdout,
        color=use_color(options["color"], output), ascii_only=not unicode_works(),
        width=terminal_width(output) if tty else 80, strict=options["strict"],
    )  # fmt: skip


def _grade(debugger: Debugger, name: str, options: dict[str, Any]) -> int:
    from netsim.report.console import write_text
    from netsim.report.json import dump
    from netsim.tui.answers import grade_text, read_answers

    from netsim.step.quiz import grade_file  # isort: skip

    result = grade_file(debugger, read_answers(options["quiz"]))
    result = {"schema": "netsim.quiz/1", "scenario": name, "seed": debugger.timeline.source.seed, **result}
    write_text(options["output"], dump(result) if options["output_format"] == "json" else grade_text(result))
    return 0 if result["points"] == result["possible"] else 1
