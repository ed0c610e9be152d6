"""`netsim capture`: capture live packets, or a demonstration on loopback, into a file."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

import click

from netsim.base.errors import CaptureError, UsageError
from netsim.base.units import SEC, parse_duration
from netsim.report.console import examples

if TYPE_CHECKING:
    from netsim.capture.live import LiveSource
    from netsim.capture.writer import CaptureWriter
    from netsim.check.engine import Report

_DEMO_NAMES = (
    "handshake", "transfer", "teardown", "handshake-transfer-teardown", "half-close", "refused", "abort",
)  # fmt: skip


class _Duration(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    """`10s`, `500ms`, or a plain number of seconds; in nanoseconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Nanoseconds."""
        text = str(value)
        try:
            span = parse_duration(f"{text}s" if text.replace(".", "", 1).isdigit() else text)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if span <= 0:
            self.fail("a capture must last longer than that", param, ctx)
        return span


@click.command(
    epilog=examples(
        'netsim capture -i eth0 --filter "tcp port 443" --duration 10s -o out.pcapng',
        "netsim capture -i lo --count 100 --check",
        "netsim capture --demo teardown",
        "netsim capture --demo half-close -o mine.pcap && netsim check mine.pcap",
    )
)
@click.option("-i", "--interface", metavar="NAME", help="Interface to listen on (see --list-interfaces).")
@click.option("-f", "--filter", "bpf", default="", metavar="BPF", help="Keep only what matches, e.g. 'tcp port 443'.")
@click.option("-c", "--count", type=click.IntRange(min=1), help="Stop after this many packets.")
@click.option("-d", "--duration", type=_Duration(), metavar="TIME", help="Stop after this time: 10s, 500ms, 2min.")
@click.option("-o", "--output", metavar="FILE", help="Write there: pcapng or pcap by extension, - for stdout.")
@click.option(
    "--demo", type=click.Choice(_DEMO_NAMES), help="Make a small real conversation on loopback and capture it."
)
@click.option("--ipv6", is_flag=True, help="With --demo: over IPv6.")
@click.option("--check", is_flag=True, help="Check the connections as they are captured, and report at the end.")
@click.option("--promiscuous", is_flag=True, help="Also packets that are not for this machine.")
@click.option("--list-interfaces", is_flag=True, help="List this machine's interfaces and stop.")
@click.option("--quiet", "-q", is_flag=True, help="No live count, no summary.")
def capture(
    interface: str | None, bpf: str, count: int | None, duration: int | None, output: str | None, demo: str | None,
    ipv6: bool, check: bool, promiscuous: bool, list_interfaces: bool, quiet: bool,
) -> int:  # fmt: skip
    """Capture live packets into a file. Needs privileges; Ctrl-C ends it with the file whole."""
    from netsim.capture.live import interface_names

    if list_interfaces:
        for name in interface_names():
            click.echo(name)
        return 0
    if output is None and not check and demo is None:
        raise UsageError("say where to write with -o FILE (pcapng or pcap by extension), or --check, or both")
    if output == "-" and sys.stdout.isatty():
        raise UsageError("a capture is no text for a terminal; pipe it: netsim capture ... -o - | netsim check -")
    if output == "-" and check:
        raise UsageError("--check reports on stdout; write the capture to a file")
    if demo is not None:
        if interface or bpf or count or duration:
            raise UsageError(
                "--demo chooses interface, filter and end itself; leave out -i, --filter, --count, --duration"
            )
        return _demo(demo, ipv6, output, check, quiet)
    if ipv6:
        raise UsageError("--ipv6 belongs to --demo; a live capture has both versions unless --filter says ip or ip6")
    if interface is None:
        names = ", ".join(interface_names())
        raise UsageError(f"say on which interface with -i NAME; this machine has {names}. Or try --demo handshake")
    return _live(interface, bpf, count or 0, duration or 0, output, check, promiscuous, quiet)


def _writer(output: str, linktype: int, name: str) -> CaptureWriter:
    from netsim.capture.writer import PcapWriter, open_writer

    return PcapWriter("-", linktype) if output == "-" else open_writer(output, linktype, name=name)


def _demo(name: str, ipv6: bool, output: str | None, check: bool, quiet: bool) -> int:
    """Play a demonstration, write it, and check it if asked."""
    import tempfile
    from pathlib import Path

    from netsim.capture.demo import DEMOS, LOOPBACK, describe, play

    linktype, frames = play(name, ipv6=ipv6)
    if output is None and not check:
        click.echo(f"{name}: {DEMOS[name][0]}, by this machine's kernel\n")
        for line in describe(linktype, frames):
            click.echo(line)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        target = output if output is not None else str(Path(folder) / f"{name}.pcapng")
        with _writer(target, linktype, LOOPBACK) as out:
            for t_ns, data, wire, direction in frames:
                out.write(t_ns, data, wire, direction=direction)
        if not quiet:
            place = f" in {output}" if output not in (None, "-") else ""
            click.echo(f"{name}: {len(frames)} packets{place}: {DEMOS[name][0]}", err=True)
            if place:
                click.echo(f"The simulator's beside it: netsim compare {output}", err=True)
        return _check_file(target, output or f"{name}, by this machine's kernel") if check else 0


def _check_file(path: str, name: str) -> int:
    """Check a capture file and print the report, as `netsim check` would; `name` is what it is called there."""
    from netsim.check.command import live_report
    from netsim.check.engine import check_file

    report = check_file(path)
    report.name = name
    text, code = live_report(report)
    click.echo(text, nl=False)
    return code


def _live(
    interface: str, bpf: str, count: int, duration_ns: int, output: str | None, check: bool,
    promiscuous: bool, quiet: bool,
) -> int:  # fmt: skip
    """Capture until the end is reached or Ctrl-C comes; the file is whole either way."""
    from netsim.capture.live import LiveCapture, LiveSource

    report: Report | None = None
    with LiveCapture(interface, bpf, promiscuous=promiscuous) as live:
        writer = None if output is None else _writer(output, live.linktype, interface)
        source = LiveSource(live, writer, count=count, duration_ns=duration_ns)
        meter = _Meter(source, quiet)
        source.on_step = meter.show
        with _Stopper(source):
            try:
                if check:
                    report = _check_as_it_comes(source, output or "-")
                else:
                    while source.step() is not None:
                        meter.show()
                dropped = source.finish()
                if writer is not None:
                    writer.close()
            except CaptureError:
                if writer is not None:
                    writer.abandon()  # it could not be written: no half file
                raise
            except BaseException:
                if writer is not None:
                    writer.close()  # whatever went wrong, what was captured cannot be captured again
                raise
    meter.summary(dropped, output)
    if report is None:
        return 0
    report.name = output or f"live on {interface}"
    from netsim.check.command import live_report

    text, code = live_report(report)
    click.echo(text, nl=False)
    return code


def _check_as_it_comes(source: LiveSource, path: str) -> Report:
    """Check while capturing; the report is printed when the file is complete, for it quotes frames."""
    from netsim.check.engine import check_source
    from netsim.check.rules import RULES

    return check_source(path, source, RULES)


class _Meter:
    """The live count, on stderr and only on a terminal."""

    def __init__(self, source: LiveSource, quiet: bool) -> None:
        self._source = source
        self._quiet = quiet
        self._live = not quiet and sys.stderr.isatty()
        self._shown = -1

    def show(self) -> None:
        """Refresh the count if it changed."""
        if self._live and self._source.frames != self._shown:
            self._shown = self._source.frames
            click.echo(f"\r{self._shown:,} packets, {self._source.tcp_frames:,} TCP (Ctrl-C ends)", err=True, nl=False)

    def summary(self, dropped: int, output: str | None) -> None:
        """The last line: what there is now."""
        if self._quiet:
            return
        source = self._source
        lasted = max(0, source.last_ns - source.first_ns) / SEC
        place = f" in {output}" if output not in (None, "-") else ""
        lost = f"; {dropped:,} more were lost because the machine was too slow" if dropped else ""
        clear = "\r\x1b[K" if self._live else ""
        text = f"{clear}{source.frames:,} packets, {source.tcp_frames:,} TCP, {lasted:.3f} s{place}{lost}"
        click.echo(text, err=True)


class _Stopper:
    """While it is entered, SIGINT and SIGTERM end the capture instead of the program."""

    def __init__(self, source: LiveSource) -> None:
        self._source = source
        self._before: list[tuple[int, object]] = []

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._source.stop()

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._before.append((number, signal.signal(number, self._stop)))
            except ValueError:
                return  # not in the main thread: the caller must stop the source itself

    def __exit__(self, *_: object) -> None:
        for number, before in self._before:
            signal.signal(number, before)  # type: ignore[arg-type]
