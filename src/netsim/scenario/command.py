"""`netsim run` and `netsim scenarios`."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import click

from netsim.base.errors import UsageError
from netsim.base.units import format_duration, format_rate
from netsim.report.console import (
    color_option,
    examples,
    format_option,
    output_option,
    quiet_option,
    seed_option,
    terminal_width,
    unicode_works,
    use_color,
    write_text,
)

if TYPE_CHECKING:
    from types import FrameType

    from netsim.report.cells import Line
    from netsim.report.items import Ladder
    from netsim.report.json import Expectation
    from netsim.report.ladder import Options
    from netsim.scenario.model import Scenario
    from netsim.scenario.outcome import RunResult
    from netsim.sim.kernel import Simulator


STRIDE: Final = 20_000
"""Events of the simulator between two looks at the clock."""


def parse_overrides(texts: tuple[str, ...]) -> dict[str, str]:
    """`("bytes=100MB", …)` as a mapping. UsageError for a text without `=`."""
    overrides: dict[str, str] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise UsageError(f"--set {text}: write KEY=VALUE, for example --set delay=20ms")
        overrides[key.strip()] = value.strip()
    return overrides


def path_text(scenario: Scenario) -> str:
    """`client 10.0.0.1 ═ 50 ms, 10 Mbit/s ═ server 10.0.0.2`; for larger networks the number of nodes."""
    hosts = list(scenario.hosts.values())
    if len(hosts) == 2 and len(scenario.links) == 1 and not scenario.routers:
        left, right = hosts
        link = scenario.links[0]
        what = format_duration(link.delay_ns)
        if link.rate_bps:
            what += f", {format_rate(link.rate_bps)}"
        if link.loss:
            what += f", {link.loss:.2%} lost".replace(".00%", "%")
        return f"{left.name} {left.address} ═ {what} ═ {right.name} {right.address}"
    names = ", ".join(f"{host.name} {host.address}" for host in hosts[:4]) + (", …" if len(hosts) > 4 else "")
    more = f"; {len(scenario.routers)} routers" if len(scenario.routers) > 1 else "; 1 router" * len(scenario.routers)
    return f"{names}{more}"


def ladder_of(result: RunResult, connection: int | None = None) -> Ladder:
    """The ladder of a finished run, with its header and the scenario's own notes."""
    from netsim.report.build import ladder_from
    from netsim.report.items import LEFT, NoteMark

    scenario = result.scenario
    ladder = ladder_from(result.recorder, list(scenario.hosts), connection)
    ladder.title = f"{scenario.name} · {scenario.title}" if scenario.title else scenario.name
    ladder.subtitle = path_text(scenario)
    ladder.corner = f"seed {result.seed}"
    for at_ns, text in result.notes:
        place = next((n for n, item in enumerate(ladder.items) if item.t_ns > at_ns), len(ladder.items))
        ladder.items.insert(place, NoteMark(at_ns, LEFT, text, "noted"))
    return ladder


def expectations_of(result: RunResult) -> list[Expectation]:
    """The verdicts as the report takes them."""
    from netsim.report.json import Expectation

    return [Expectation(verdict.text, verdict.passed, verdict.detail) for verdict in result.verdicts]


def with_lesson(lines: list[Line], lesson: str, width: int) -> list[Line]:
    """The ladder's lines with the scenario's lesson between the header and the ladder."""
    import textwrap

    from netsim.report.cells import Line, line

    if not lesson:
        return lines
    place = next((number for number, each in enumerate(lines) if not each.text.strip()), 0)
    told = [line((f" {text}", "")) for text in textwrap.wrap(lesson, width - 2)]
    return [*lines[:place], Line(), *told, *lines[place:]]


def excerpts(result: RunResult, drawing: Options) -> dict[int, list[Line]]:
    """For each failed expectation (by its position) the piece of the ladder where the trouble is."""
    from netsim.report.items import excerpt
    from netsim.report.ladder import draw

    found: dict[int, list[Line]] = {}
    for position, verdict in enumerate(result.verdicts):
        if verdict.passed or not verdict.rows or len(found) >= 10:
            continue
        row = result.recorder.segments[verdict.rows[0] - 1]
        piece = excerpt(ladder_of(result, row.flow), verdict.rows)
        if piece.items:
            found[position] = draw(piece, drawing)
    return found


def _render(result: RunResult, wall_s: float, options: dict[str, Any]) -> str:
    """The run in the wanted form."""
    form: str = options["output_format"]
    connection: int | None = options["connection"]
    if form == "json":
        from netsim.report.json import dump, run_object

        return dump(
            run_object(
                result.recorder,
                scenario=result.scenario.name,
                seed=result.seed,
                expectations=expectations_of(result),
                simulated_ns=result.simulated_ns,
                wall_s=wall_s,
                absolute=options["absolute"],
                parameters=result.scenario.parameters,
            )
        )
    ladder = ladder_of(result, connection)
    if form == "mermaid":
        from netsim.report.mermaid import mermaid

        return mermaid(ladder, explain=options["explain"], show_all=options["show_all"])
    if form == "svg":
        from netsim.report.svg import svg

        return svg(ladder, explain=options["explain"], show_all=options["show_all"])
    from netsim.report.cells import paint
    from netsim.report.ladder import Options, draw
    from netsim.report.verdict import verdict_lines

    output: str | None = options["output"]
    if options["absolute"]:
        from netsim.report.build import make_absolute

        make_absolute(ladder, result.recorder)
    width = options["width"] or terminal_width(output)
    drawing = Options(width=width, show_all=options["show_all"], explain=options["explain"])
    lines = draw(ladder, drawing)
    if options["explain"]:
        lines = with_lesson(lines, result.scenario.lesson, drawing.width)
    if options["stats"]:
        from netsim.report.stats import statistics_lines

        lines += statistics_lines(result.recorder)
    lines += verdict_lines(
        result.recorder, expectations_of(result), result.simulated_ns, wall_s, drawing.width, excerpts(result, drawing)
    )
    ascii_only = options["ascii_only"] or (output in (None, "-") and not unicode_works())
    return paint(lines, color=use_color(options["color"], output), ascii_only=ascii_only)


class _Interruptible:
    """While it is entered, Ctrl-C ends the run between two of its events, and is raised again by `check`.

    Python delivers a signal only where it interprets, which compiled code does not do for minutes, or in the
    middle of an arithmetic operation on large numbers, where compiled code cannot take an exception.
    """

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._asked = False
        self._before: Any = None

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        self._simulator.stop()

    def check(self) -> None:
        """KeyboardInterrupt if Ctrl-C was pressed."""
        if self._asked:
            raise KeyboardInterrupt

    def __enter__(self) -> _Interruptible:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            with suppress(ValueError):  # only the main thread sees signals
                self._before = signal.signal(signal.SIGINT, self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)


def _carry_out(scenario: Scenario, seed: int | None, *, record: bool, progress: bool) -> RunResult:
    """Run it; `progress` tells on stderr how far it has come, once it has taken a second."""
    from netsim.scenario.runner import Run

    run = Run(scenario, seed=seed, record=record)
    shown = ""
    started = time.monotonic()
    simulator = run.world.sim
    with _Interruptible(simulator) as interruptible:
        while not scenario.interventions and run.world.run(scenario.until_ns, STRIDE) == STRIDE:
            interruptible.check()
            if progress and time.monotonic() - started > 1:
                text = f"{run.world.now_ns / 1e9:.1f} s simulated, {simulator.steps:,} events"
                click.echo(f"\r{text:<{len(shown)}}", err=True, nl=False)
                shown = text
        interruptible.check()
    if shown:
        click.echo(f"\r{' ' * len(shown)}\r", err=True, nl=False)
    return run.finish()


def _side_files(result: RunResult, options: dict[str, Any]) -> None:
    """`--pcap` and `--plot`."""
    if options["pcap"]:
        from netsim.report.pcap import tap_host, write_pcap

        tap = tap_host(result.recorder, list(result.scenario.hosts), options["tap"])
        frames = write_pcap(result.recorder, options["pcap"], tap)
        if options["pcap"] != "-":
            click.echo(f"{options['pcap']}: {frames} packets, as a tap at {tap} sees them", err=True)
    if options["plot"]:
        from netsim.report.plot import plot

        plot(result.recorder, options["plot"], title=result.scenario.name, connection=options["connection"])
        click.echo(f"{options['plot']}: written", err=True)


@click.command(
    epilog=examples(
        "netsim run last-ack-lost --explain",
        "netsim run bulk --set bytes=1MB --set loss=1% --plot bulk.png",
        "netsim run sack-recovery --format json -o run.json --pcap run.pcapng",
    )
)
@click.argument("scenario")
@format_option("text", "json", "mermaid", "svg")
@click.option("--explain", is_flag=True, help="Under each step, one sentence saying why, with its RFC section.")
@click.option("--all", "show_all", is_flag=True, help="Fold nothing: every segment, every timer.")
@click.option("--connection", type=click.IntRange(min=1), default=None, metavar="N", help="Show only connection N.")
@click.option("--stats", is_flag=True, help="Numbers of each connection: octets, losses, causes, times.")
@click.option("--absolute", is_flag=True, help="Sequence numbers as they are, not relative to the ISNs.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Plain ASCII.")
@click.option("--width", type=click.IntRange(80, 140), default=None, help="Columns to draw in.")
@click.option("--pcap", metavar="FILE", default=None, help="Write what a tap sees (.pcap, .pcapng; '-': stdout).")
@click.option("--tap", metavar="HOST", default=None, help="Where the tap is.  [default: client]")
@click.option("--plot", metavar="FILE", default=None, help="Time-sequence, window and RTT as .png or .svg.")
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Override a parameter (repeatable).")
@click.option(
    "--profile", type=click.Choice(["rfc", "linux", "freebsd"]), default=None, help="The stack of every host."
)
@seed_option
@output_option
@quiet_option
@color_option
def run(scenario: str, seed: int | None, quiet: bool, **options: Any) -> int:
    """Run SCENARIO, a built-in name or a YAML file (-: standard input), and show it as a ladder.

    The exit code is 0 if every expectation of the scenario holds, and 1 if one fails.
    """
    from netsim.scenario.expect import WITHOUT_RECORD
    from netsim.scenario.loader import load

    loaded = load(scenario, parse_overrides(options["overrides"]), profile=options["profile"])
    if options["tap"] and not options["pcap"]:
        raise UsageError("--tap says where --pcap FILE is captured; give --pcap as well")
    if options["pcap"] == "-" and not quiet and options["output"] in (None, "-"):
        quiet = True  # stdout carries the capture
    needs_record = not quiet or bool(options["pcap"] or options["plot"] or options["output"])
    started = time.perf_counter()
    # without a record a run is several times faster; only what applications saw can be judged then
    needs_record = needs_record or any(expectation.kind not in WITHOUT_RECORD for expectation in loaded.expect)
    result = _carry_out(loaded, seed, record=needs_record, progress=not quiet and sys.stderr.isatty())
    wall_s = time.perf_counter() - started
    _side_files(result, options)
    as_data = options["output_format"] == "json" and options["pcap"] != "-"
    if not quiet or as_data or options["output"] not in (None, "-"):
        # --quiet with JSON: nothing is recorded, so there are no segments, but the verdict and the times are told
        write_text(options["output"], _render(result, wall_s, options))
    return 0 if result.passed else 1


@click.command(epilog=examples("netsim scenarios closing", "netsim scenarios --format json"))
@click.argument("topic", required=False)
@format_option("text", "json")
@output_option
@color_option
def scenarios(topic: str | None, output_format: str, output: str | None, color: str) -> int:
    """List the built-in scenarios: name, what it shows, source. TOPIC narrows the list."""
    from netsim.scenario import catalog

    entries = catalog.entries()
    if topic is not None:
        wanted = topic.lower()
        topics = list(dict.fromkeys(entry.topic for entry in entries))
        entries = [entry for entry in entries if wanted in (entry.topic, entry.name) or wanted in entry.name]
        if not entries:
            raise UsageError(f"no topic or scenario '{topic}'; topics are: {', '.join(topics)}")
    if output_format == "json":
        from netsim.report.json import dump

        listed = [
            {"name": entry.name, "title": entry.title, "source": entry.source, "topic": entry.topic}
            for entry in entries
        ]  # fmt: skip
        write_text(output, dump({"schema": "netsim.scenarios/1", "scenarios": listed}))
        return 0
    write_text(output, _list_text(entries, color, output))
    return 0


def _list_text(entries: list[Any], color: str, output: str | None) -> str:
    """The list by topic: name, title, and the source where the line has room or below."""
    import textwrap

    from netsim.report.cells import Line, line, paint

    width = min(terminal_width(output), 120)
    column = max(len(entry.name) for entry in entries) + 4
    lines: list[Line] = []
    topic = ""
    for entry in entries:
        if entry.topic != topic:
            lines += [Line()] if topic else []
            lines.append(line((f" {entry.topic}", "title")))
            topic = entry.topic
        made = line(("   ", ""), (entry.name, "state"))
        for text in textwrap.wrap(entry.title, width - column - 1):
            made.put(column, text)
            lines.append(made)
            made = Line()
        made = lines.pop()
        end = len(made.text) + 2
        if end + len(entry.source) > width:
            lines.append(made)
            made, end = Line(), column
        made.put(max(end, width - len(entry.source)), entry.source, "cite")
        lines.append(made)
    lines += [Line(), line((f" {len(entries)} scenarios; show one: netsim run {entries[0].name}", "dim"))]
    return paint(lines, color=use_color(color, output), ascii_only=not unicode_works() and output in (None, "-"))
