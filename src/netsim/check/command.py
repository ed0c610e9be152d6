"""`netsim check`: parse, check each capture, print."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from netsim.base.errors import CaptureError, UsageError
from netsim.check import outputs, select, text
from netsim.report.console import (
    color_option,
    examples,
    format_option,
    output_option,
    quiet_option,
    terminal_width,
    use_color,
    write_parts,
    write_text,
)  # fmt: skip

if TYPE_CHECKING:
    from netsim.check.engine import Report
    from netsim.check.model import Finding, Rule
    from netsim.check.text import Tally

MAX_FINDINGS = 30
"""How many the text report shows."""
VANTAGES = ("auto", "client", "server", "between")


class _Bar:
    """A progress bar on standard error. It appears at the first report of progress: a small capture makes none."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._bar: Any = None
        self._task: Any = None

    def update(self, done: int, whole: int) -> None:
        """So many octets of so many (0: not known)."""
        if self._bar is None:
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self._path, total=None)
            self._bar.start()
        self._bar.update(self._task, completed=done, total=whole or None)

    def stop(self) -> None:
        """Take it away."""
        if self._bar is not None:
            self._bar.stop()


def _progress_bar(quiet: bool, path: str) -> tuple[Callable[[int, int], None] | None, Callable[[], None]]:
    """A progress callback and its end; nothing unless standard error is a terminal."""
    if quiet or not sys.stderr.isatty():
        return None, lambda: None
    bar = _Bar(path)
    return bar.update, bar.stop


def _check_one(path: str, rules: tuple[Rule, ...], vantage: int, quiet: bool) -> Report:
    from netsim.check.engine import check_file

    update, stop = _progress_bar(quiet, path)
    try:
        return check_file(path, rules, vantage, update)
    finally:
        stop()


def _check_many(
    paths: tuple[str, ...], wanted: list[str], unwanted: list[str], vantage: int, jobs: int, quiet: bool, folder: str
) -> tuple[list[Report], list[CaptureError]]:
    """Every capture's report in the order given, and what could not be read. `folder`: of processes, if any."""
    from netsim.check.rules import RULES

    reports: list[Report] = []
    errors: list[CaptureError] = []
    if folder:
        from netsim.check.processes import check_each

        for result in check_each(paths, wanted, unwanted, vantage, jobs, folder):
            if isinstance(result, CaptureError):
                errors.append(result)
            else:
                reports.append(result)
        return reports, errors
    rules = select.chosen(RULES, wanted, unwanted)
    for path in paths:
        try:
            reports.append(_check_one(path, rules, vantage, quiet))
        except CaptureError as error:
            errors.append(error)
    return reports, errors


def _review(
    report: Report, severity: str, known: set[str], wanted: list[str], everything: bool
) -> tuple[Tally, list[Finding]]:
    """Go through the findings once: the count of those that count, and the first of them."""
    select.filter_report(report, severity)
    tally = text.Tally()
    first: list[Finding] = []
    for finding in report.each_finding():
        if known and outputs.fingerprint(report, finding) in known:
            tally.known += 1
            continue
        tally.add(finding)
        tally.failed = tally.failed or select.fails(finding, wanted)
        if everything or len(first) < MAX_FINDINGS:
            first.append(finding)
    return tally, first


def _text(report: Report, tally: Tally, shown: list[Finding], everything: bool) -> str:
    """One capture's report for people."""
    from netsim.check import proof
    from netsim.check.second_look import fetch

    lines = [*text.headline(report), "", *text.totals(report), ""]
    rows = text.table(report, everything)
    lines += [*rows, ""] if rows else []
    frames = {frame for finding in shown for frame in proof.shown_frames(finding)}
    records = fetch(report.path, frames) if report.path != "-" else {}
    bases = proof.Bases()
    for finding in shown:
        connection = outputs.connection_of(report, finding)
        if connection is not None:
            bases.add(connection)
        lines += [*proof.finding_lines(finding, connection, records, bases, report), ""]
    if tally.total > len(shown):
        lines += [f" … {tally.total - len(shown):,} more findings (--all shows them)", ""]
    lines.append(tally.verdict())
    return "\n".join(lines) + "\n"


def _painted(report: str, color: bool) -> str:
    """The text report, in colours if asked for."""
    if not color:
        return report
    from netsim.check.colours import coloured
    from netsim.report.cells import paint
    from netsim.report.console import unicode_works

    return paint(coloured(report.removesuffix("\n")), color=True, ascii_only=not unicode_works())


def live_report(report: Report) -> tuple[str, int]:
    """Text and exit code, with the defaults of the options, for what was checked while it was captured."""
    tally, shown = _review(report, "note", set(), [], False)
    return _text(report, tally, shown, False), 1 if tally.failed else 0


def _ladder(report: Report, number: int, everything: bool, color: str, output: str | None) -> str:
    from netsim.check.ladder_view import build
    from netsim.report.cells import paint
    from netsim.report.console import unicode_works
    from netsim.report.ladder import Options, draw

    if report.path == "-":
        raise UsageError("--connection reads the capture twice: give a file, not standard input")
    ladder = build(report, number)
    options = Options(width=terminal_width(output), show_all=everything)
    return paint(draw(ladder, options), color=use_color(color, output), ascii_only=not unicode_works())


def _annotate(reports: list[Report], target: str) -> None:
    """Write the capture back with our findings as comments."""
    from netsim.capture.writer import annotate

    if len(reports) != 1 or reports[0].path == "-":
        raise UsageError("--annotate works on one capture file at a time")
    from pathlib import Path

    same = Path(target).exists() and Path(target).samefile(reports[0].path)
    if same and not target.endswith(".pcapng"):
        raise UsageError(f"--annotate writes pcapng, and {target} is the capture itself: give another name")
    annotate(reports[0].path, target, outputs.comments(reports[0]))


def _plot(reports: list[Report], connection: int | None, target: str) -> None:
    """Draw a connection of the one capture."""
    from netsim.check.plot import plot_connection

    if len(reports) != 1:
        raise UsageError("--plot works on one capture at a time")
    plot_connection(reports[0], connection, target)


def _write(
    output: str | None, output_format: str, reports: list[Report], rules: tuple[Rule, ...], parts: list[str]
) -> None:
    if output_format == "json":
        write_parts(output, outputs.json_parts(reports))
    elif output_format == "junit":
        write_text(output, outputs.to_junit(reports, rules))
    elif output_format == "sarif":
        write_text(output, outputs.to_sarif(reports, rules))
    else:
        write_text(output, "\n".join(parts))


@click.command(
    epilog=examples("netsim check office.pcapng", "netsim check office.pcapng --select ACK,WND --format json")
)
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@click.option("--connection", type=click.IntRange(min=0), metavar="N", help="Show connection N as a ladder.")
@click.option("--select", "selected", multiple=True, metavar="CODES", help="Only these rules or families (ACK003,WND).")
@click.option("--ignore", "ignored", multiple=True, metavar="CODES", help="Not these rules or families.")
@click.option("--severity", type=click.Choice(["error", "deviation", "note"]), default="note", show_default=True,
              help="Show findings of this severity or worse.")  # fmt: skip
@click.option("--vantage", type=click.Choice(VANTAGES), default="auto", show_default=True, help="Where the tap was.")
@click.option("--baseline", metavar="FILE", help="Findings listed in FILE are known and do not count.")
@click.option("--write-baseline", "new_baseline", metavar="FILE", help="Write the findings to FILE as a baseline.")
@click.option("--annotate", metavar="OUT.pcapng", help="Write the capture back with the findings as packet comments.")
@click.option("--plot", metavar="FILE", help="Draw time-sequence, RTT, window and throughput (PNG or SVG).")
@click.option("-j", "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes to use.")
@click.option("--all", "everything", is_flag=True, help="Show every connection, segment and finding.")
@format_option("text", "json", "junit", "sarif")
@output_option
@quiet_option
@color_option
def check(
    captures: tuple[str, ...], connection: int | None, selected: tuple[str, ...], ignored: tuple[str, ...],
    severity: str, vantage: str, baseline: str | None, new_baseline: str | None, annotate: str | None,
    plot: str | None, jobs: int, everything: bool, output_format: str, output: str | None, quiet: bool, color: str,
) -> int:  # fmt: skip
    """Check captured traces: states, causes, violations.

    Reads pcap and pcapng (also gzipped; - is standard input), rebuilds every TCP connection, says
    why each segment was sent again, and reports what breaks the RFCs, worst first.
    Exit code 1: errors or deviations were found; 2: a capture cannot be read.
    """
    from netsim.check.rules import RULES

    wanted, unwanted = select.codes(selected, RULES), select.codes(ignored, RULES)
    known = outputs.read_baseline(baseline) if baseline else set()
    at = 0 if vantage == "auto" else VANTAGES.index(vantage)
    several = jobs > 1 and len(captures) > 1
    with TemporaryDirectory(prefix="netsim-") if several else nullcontext("") as folder:
        reports, errors = _check_many(captures, wanted, unwanted, at, jobs, quiet, folder)
        for error in errors:
            click.echo(str(error), err=True)
        failed = False
        parts: list[str] = []
        for report in reports:
            tally, shown = _review(report, severity, known, wanted, everything)
            failed = failed or tally.failed
            if connection is not None:
                parts.append(_ladder(report, connection, everything, color, output))
            elif output_format == "text" and not quiet:
                parts.append(_painted(_text(report, tally, shown, everything), use_color(color, output)))
        if annotate and reports:
            _annotate(reports, annotate)
        if new_baseline:
            write_text(new_baseline, outputs.write_baseline(reports))
        if plot and reports:
            _plot(reports, connection, plot)
        if (reports or output_format != "text") and (not quiet or output):
            _write(output, output_format, reports, select.chosen(RULES, wanted, unwanted), parts)
    return 2 if errors else 1 if failed else 0
