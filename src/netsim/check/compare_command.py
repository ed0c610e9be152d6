"""`netsim compare`: two of {scenario, capture}, or a capture against the simulated stack."""

from __future__ import annotations

import json
from pathlib import Path

import click

from netsim.base.errors import NetsimError, UsageError
from netsim.base.units import parse_duration
from netsim.report.console import examples, format_option, output_option, quiet_option, terminal_width, write_text

_SUFFIXES = (".pcap", ".pcapng", ".cap", ".gz", ".dmp")


def is_capture(word: str) -> bool:
    """A capture file, by its first octets or its name; anything else is a scenario."""
    path = Path(word)
    if not path.is_file():
        return word.endswith(_SUFFIXES)
    with path.open("rb") as file:
        head = file.read(4)
    return head in (
        b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x0a\x0d\x0d\x0a",
    ) or head[:2] == b"\x1f\x8b"  # fmt: skip


@click.command(epilog=examples("netsim compare capture.pcap", "netsim compare capture.pcap three-way-handshake"))
@click.argument("a")
@click.argument("b", required=False)
@click.option("--connection", type=click.IntRange(min=0), metavar="N", help="Connection of a capture (A's, if two).")
@click.option("--tolerance", metavar="TIME", help="Compare times as well, allowing this much (20ms).")
@click.option(
    "--tap", type=click.Choice(["client", "server"]), help="Where a scenario is tapped; default: as the capture."
)
@click.option("--emit", metavar="FILE", help="Save the scenario derived from a capture.")
@click.option("--all", "everything", is_flag=True, help="Show every segment.")
@format_option("text", "json")
@output_option
@quiet_option
def compare(
    a: str, b: str | None, connection: int | None, tolerance: str | None, tap: str | None, emit: str | None,
    everything: bool, output_format: str, output: str | None, quiet: bool,
) -> int:  # fmt: skip
    """Compare two scenarios or captures, segment by segment.

    Endpoints and initial sequence numbers are normalised, other segmentation of the same bytes is
    recognised. With one capture alone, the scenario behind it is derived (writes, round trip, losses,
    options, closing order) and run on the simulated stack: where does the real one differ?
    Exit code 1: they differ.
    """
    from netsim.check.compare import compare as align
    from netsim.check.compare import to_text
    from netsim.check.derive import derive
    from netsim.check.trace import Trace, from_capture, from_scenario

    if b is None and not is_capture(a):
        raise UsageError("one argument alone must be a capture; give two to compare scenarios")
    try:
        tolerance_ns = -1 if tolerance is None else parse_duration(tolerance)
    except ValueError as error:
        raise UsageError(str(error)) from None
    first: Trace | None = from_capture(a, connection) if is_capture(a) else None
    second: Trace | None = from_capture(b) if b is not None and is_capture(b) else None
    known = first or second
    at = tap or ("server" if known is not None and known.connection.vantage == "server" else "client")
    if b is None:
        assert first is not None
        text = derive(first, "derived-from-capture")
        if emit:
            write_text(emit, text)
        try:
            second = from_scenario("derived scenario", at, text=text)
        except NetsimError as error:
            raise UsageError(f"the derived scenario does not run: {error}") from None
    elif emit:
        raise UsageError("--emit saves the scenario derived from one capture: give no second argument")
    if first is None:
        first = from_scenario(a, at)
    if second is None:
        assert b is not None
        second = from_scenario(b, at)
    result = align(first, second, tolerance_ns)
    if output_format == "json":
        text = json.dumps(result.to_json()) + "\n"
    else:
        text = to_text(result, max(terminal_width(output), 100), everything)
    if not quiet or output:
        write_text(output, text)
    return 0 if result.equal else 1
