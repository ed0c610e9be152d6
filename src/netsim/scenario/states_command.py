"""`netsim states`: the state machine, and which of its edges scenarios take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from netsim.base import events as ev
from netsim.report.console import (
    color_option,
    examples,
    format_option,
    output_option,
    progress,
    seed_option,
    terminal_width,
    unicode_works,
    use_color,
    write_text,
)

if TYPE_CHECKING:
    from netsim.report.states import Coverage


class EdgeSink(ev.Sink):
    """Remembers which edges were taken."""

    def __init__(self) -> None:
        self.edges: dict[tuple[str, str, str], None] = {}

    def emit(self, event: ev.Event) -> None:
        """Take one event."""
        if isinstance(event, ev.StateChanged):
            self.edges[event.old, event.cause, event.new] = None


def coverage(scenarios: list[str], seed: int | None = None, *, quiet: bool = True) -> Coverage:
    """Run the scenarios and tell which edges each took. Raises what loading them raises."""
    from netsim.scenario.loader import load
    from netsim.scenario.runner import run

    covered: Coverage = {}
    with progress(scenarios, "running scenarios", quiet=quiet or len(scenarios) < 2) as bar:
        for name in bar:
            sink = EdgeSink()
            run(load(name), seed=seed, sink=sink)
            for key in sink.edges:
                covered.setdefault(key, []).append(name)
    return covered


@click.command(
    epilog=examples(
        "netsim states --covered-by four-way-teardown",
        "netsim states --covered-by all --format svg -o states.svg",
    )
)
@click.option(
    "--covered-by", "covered_by", metavar="SCENARIO", multiple=True,
    help="Run SCENARIO (repeatable; 'all': every built-in one) and mark the edges it takes.",
)  # fmt: skip
@click.option("--figure-5", "figure5", is_flag=True, help="Only the edges that figure 5 of RFC 9293 draws.")
@format_option("text", "mermaid", "dot", "svg", "json")
@seed_option
@output_option
@color_option
def states(
    covered_by: tuple[str, ...], figure5: bool, output_format: str, seed: int | None, output: str | None, color: str
) -> int:
    """Show the TCP state machine from the very table that the code uses."""
    from netsim.report import states as drawing

    names: list[str] = []
    for name in covered_by:
        if name == "all":
            from netsim.scenario import catalog

            names += [each for each in catalog.names() if each not in ("bulk", "shared-bottleneck")]
        else:
            names.append(name)
    covered = coverage(list(dict.fromkeys(names)), seed, quiet=False) if names else None
    if output_format == "json":
        from netsim.report.json import dump

        text = dump(drawing.json_object(covered))
    elif output_format == "mermaid":
        text = drawing.mermaid(covered, figure5=figure5)
    elif output_format == "dot":
        text = drawing.dot(covered, figure5=figure5)
    elif output_format == "svg":
        text = drawing.svg(covered)
    else:
        from netsim.report.cells import paint

        lines = drawing.text_lines(covered, min(terminal_width(output), 120), figure5=figure5)
        ascii_only = output in (None, "-") and not unicode_works()
        text = paint(lines, color=use_color(color, output), ascii_only=ascii_only)
    write_text(output, text)
    return 0
