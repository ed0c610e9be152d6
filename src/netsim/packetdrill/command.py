"""`netsim packetdrill`: run scripts in virtual time and tell how they ended."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING

import click

from netsim.base.errors import UsageError
from netsim.packetdrill import outcome as verdicts
from netsim.packetdrill.config import IP_VERSIONS, PROFILES, RunOptions
from netsim.report.console import examples

if TYPE_CHECKING:
    from netsim.packetdrill.batch import Summary
    from netsim.packetdrill.outcome import Outcome

_COLOURS = {"passed": "green", "failed": "red", "unsupported": "yellow"}


def _pairs(values: tuple[str, ...], what: str, value_needed: bool) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for text in values:
        name, equals, value = text.partition("=")
        if not name or (value_needed and not equals):
            raise UsageError(f"{what} '{text}' is not NAME=VALUE")
        pairs.append((name, value))
    return pairs


def _step(paths: tuple[str, ...], options: RunOptions) -> int:
    """Hand one script to `netsim step`, which is a command of the same group; it opens where the script stopped."""
    context = click.get_current_context().parent
    group = context.command if context is not None else None
    command = group.get_command(context, "step") if isinstance(group, click.Group) and context is not None else None
    if command is None or len(paths) != 1:
        raise UsageError("--step opens exactly one script")
    from pathlib import Path

    if Path(paths[0]).is_dir():
        raise UsageError(f"--step opens one script; {paths[0]} is a folder of them")
    return int(command.main([paths[0], "--end"], standalone_mode=False, obj=options) or 0)


def _export(name: str, side: str | None, profile: str | None, output: str | None) -> int:
    """Write a scenario as a script."""
    from netsim.packetdrill.export import export
    from netsim.report.console import write_text

    write_text(output, export(name, side, profile=profile or "linux"))
    return 0


@click.command(
    epilog=examples(
        "netsim packetdrill tests/packetdrill -j 2", "netsim packetdrill --export last-ack-lost -o last-ack-lost.pkt"
    )
)
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "junit"]), default="text", help="Form of the output."
)
@click.option("--output", "-o", type=click.Path(dir_okay=False, writable=True), help="Write there instead of stdout.")
@click.option("-D", "--define", "defines", multiple=True, metavar="NAME[=VALUE]", help="Define a symbol; repeatable.")
@click.option("--sysctl", "sysctls", multiple=True, metavar="NAME=VALUE", help="Set a variable first; repeatable.")
@click.option("--profile", type=click.Choice(PROFILES), help="The stack under test [default: by the script's content].")
@click.option("--ip-version", type=click.Choice(IP_VERSIONS), help="Overrides the script's own --ip_version.")
@click.option("--tolerance-usecs", type=click.IntRange(min=0), help="Default tolerance; a script's own wins.")
@click.option("--mtu", type=click.IntRange(68, 65535), help="Default MTU, 1500; a script's own wins.")
@click.option("-j", "--jobs", type=click.IntRange(1, 256), default=1, help="Number of processes.")
@click.option("--ladder", is_flag=True, help="Show every script's run as a ladder (one process).")
@click.option("--pcap", metavar="PATH", help="Write what crossed the wire: a file, or a folder for several scripts.")
@click.option("--export", metavar="SCENARIO", help="Write a scenario as a script instead (--side: which host).")
@click.option("--side", metavar="HOST", help="With --export: the host under test [default: who opens].")
@click.option("--step", is_flag=True, help="Open one script in the stepper, where it failed.")
@click.option("--quiet", "-q", is_flag=True, help="Only the summary.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colours.")
def packetdrill(
    paths: tuple[str, ...],
    form: str,
    output: str | None,
    defines: tuple[str, ...],
    sysctls: tuple[str, ...],
    profile: str | None,
    ip_version: str | None,
    tolerance_usecs: int | None,
    mtu: int | None,
    jobs: int,
    ladder: bool,
    pcap: str | None,
    export: str | None,
    side: str | None,
    step: bool,
    quiet: bool,
    color: str,
) -> int:
    """Run packetdrill scripts against netsim's own TCP, in virtual time, without privileges.

    PATH is a script, a folder (searched for *.pkt), a pattern, or - for stdin. Nothing in a script is
    executed: its shell commands and code blocks are interpreted.
    """
    if export is not None:
        return _export(export, side, profile, output)
    options = RunOptions(
        profile=profile,
        defines=dict(_pairs(defines, "-D", False)),
        sysctls=_pairs(sysctls, "--sysctl", True),
        ip_version=ip_version,
        tolerance_us=tolerance_usecs,
        mtu=mtu,
        record=step or ladder or pcap is not None,
    )
    if step:
        return _step(paths, options)
    if not paths:
        raise click.UsageError("name a script, a folder or -; or a scenario with --export")
    from netsim.packetdrill.batch import Summary, find_scripts, run_all

    scripts = find_scripts(list(paths))
    if options.record:
        jobs = 1
    summary = Summary()
    outcomes: list[Outcome] = []
    with click.open_file(output or "-", "w", encoding="utf-8") as stream:
        use_colour = _use_colour(color, stream)
        for outcome in run_all(scripts, options, jobs):
            summary.add(outcome)
            if pcap is not None and not outcome.broken:
                _write_pcap(outcome, pcap, len(scripts))
            if form == "text":
                _tell(outcome, stream, use_colour, quiet, len(scripts))
                if ladder and not outcome.broken:
                    from netsim.packetdrill.report import ladder_text
                    from netsim.report.console import terminal_width

                    click.echo(ladder_text(outcome, terminal_width(output), color=use_colour), file=stream)
            else:
                outcome.events, outcome.packets, outcome.steps = [], [], []
                outcomes.append(outcome)
        if form == "json":
            _write_json(outcomes, summary, stream)
        elif form == "junit":
            from netsim.packetdrill.junit import write_junit

            write_junit(outcomes, stream)
        else:
            for line in summary.lines(lambda text, what: _styled(text, what, use_colour)):
                click.echo(line, file=stream)
    return summary.exit_code


def _write_pcap(outcome: Outcome, target: str, scripts: int) -> None:
    """One script: into the file `target`. Several: into the folder, named after the scripts."""
    from pathlib import Path

    from netsim.packetdrill.report import write_capture

    path = Path(target)
    if scripts > 1:
        if path.exists() and not path.is_dir():
            raise UsageError(f"--pcap {target}: several scripts need a folder, and this is a file")
        path = path / Path(outcome.path).with_suffix(".pcap").as_posix().lstrip("./").replace("/", "__")
        path.parent.mkdir(parents=True, exist_ok=True)
    frames = write_capture(outcome, str(path))
    click.echo(f"{path}: {frames} packets", err=True)


def _use_colour(color: str, stream: IO[str]) -> bool:
    import os

    if color == "auto":
        return stream.isatty() and "NO_COLOR" not in os.environ
    return color == "always"


def _styled(text: str, what: str, use_colour: bool) -> str:
    colour = _COLOURS.get(what)
    return click.style(text, fg=colour) if use_colour and colour else text


def _tell(outcome: Outcome, stream: IO[str], use_colour: bool, quiet: bool, total: int) -> None:
    """One script's line, and its story if it did not pass."""
    from netsim.packetdrill.report import failure_text

    if quiet:
        return
    if outcome.result == verdicts.PASSED:
        if total <= 40:
            click.echo(_styled("passed", "passed", use_colour) + f"  {outcome.path}", file=stream)
        for line in outcome.printed + outcome.warnings:
            click.echo(f"    {line}", file=stream)
        return
    click.echo(_styled(outcome.result, outcome.result, use_colour) + f"  {outcome.path}", file=stream)
    click.echo(outcome.text or failure_text(outcome), file=stream)
    click.echo("", file=stream)


def _write_json(outcomes: list[Outcome], summary: Summary, stream: IO[str]) -> None:
    document = {
        "schema": "netsim.packetdrill/1",
        "passed": summary.passed,
        "failed": summary.failed,
        "unsupported": summary.unsupported,
        "scripts": [outcome.as_dict() for outcome in outcomes],
    }
    click.echo(json.dumps(document, indent=2), file=stream)
