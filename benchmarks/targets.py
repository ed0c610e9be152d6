"""The targets of docs/performance.md, computed from the measured rows: reached, or short by how much."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from benchmarks.table import Row, ratio, significant, times

Measured = tuple[str, bool]
"""What to print, and whether it reaches the target."""
Rows = dict[tuple[str, str], Row]


class Target:
    """One line of the table. `find` raises KeyError where a row that it needs was not measured."""

    def __init__(self, work: str, wanted: str, find: Callable[[Rows], Measured]) -> None:
        self.work = work
        self.wanted = wanted
        self.find = find


def _rate(case: str, build: str, least: float) -> Callable[[Rows], Measured]:
    def find(rows: Rows) -> Measured:
        row = rows[case, build]
        return row.figure(), row.rate() >= least

    return find


def _times(case: str, build: str, peer: str, least: float) -> Callable[[Rows], Measured]:
    def find(rows: Rows) -> Measured:
        value = ratio(rows[case, build], rows[case, peer])
        return times(value), value >= least

    return find


def _cost(case: str, than: str, build: str, most: float) -> Callable[[Rows], Measured]:
    """Cost per unit of work of one case, in that of another."""

    def find(rows: Rows) -> Measured:
        value = ratio(rows[than, build], rows[case, build])
        return f"{value:.2f}x", value <= most

    return find


def _longer(case: str, than: str, build: str, most: float) -> Callable[[Rows], Measured]:
    """How many times longer all of one case took than all of another."""

    def find(rows: Rows) -> Measured:
        value = rows[case, build].seconds() / rows[than, build].seconds()
        return f"{value:.1f}x", value <= most

    return find


def _memory(case: str, than: str, build: str, most: float) -> Callable[[Rows], Measured]:
    def find(rows: Rows) -> Measured:
        big, small = rows[case, build].memory_mb(), rows[than, build].memory_mb()
        return f"{big / small:.2f}x ({small:.0f} MB and {big:.0f} MB)", big <= most * small

    return find


def _bytes_each(case: str, build: str, most: float) -> Callable[[Rows], Measured]:
    def find(rows: Rows) -> Measured:
        value = median(each["bytes_each"] for each in rows[case, build].rounds)
        return f"{significant(value):,} bytes", value <= most

    return find


def _seconds(case: str, build: str, most: float) -> Callable[[Rows], Measured]:
    def find(rows: Rows) -> Measured:
        row = rows[case, build]
        return row.figure(), row.seconds() <= most

    return find


def _of_build(build: str) -> list[Target]:
    ten = build == "compiled"
    least, checker = (250_000, 1_000_000) if ten else (25_000, 150_000)
    peer, tshark = (10.0, 20.0) if ten else (1.0, 2.5)
    pages = [
        ("`bulk`", f"{least:,} segments/s", _rate("bulk", build, least)),
        ("`bulk`, beside ns-3", f"at least {peer:g}x", _times("bulk", build, "ns-3", peer)),
        ("1 % loss, cost per segment", "at most 2x", _cost("bulk-loss", "bulk", build, 2)),
        ("100 connections, cost per segment", "at most 2x", _cost("bulk-flows", "bulk", build, 2)),
        ("ten times the bytes, time", "at most 11x", _longer("bulk", "bulk-tenth", build, 11)),
        ("10,000 idle connections instead of 10, cost per segment", "at most 1.3x",
         _cost("idle-10000", "idle-10", build, 1.3)),
        ("10,000 busy connections instead of 10, cost per segment", "at most 1.3x",
         _cost("busy-10000", "busy-10", build, 1.3)),
        ("memory of an idle connection's end", "under 6 kB", _bytes_each("idle-10000", build, 6000)),
        ("checker", f"{checker:,} packets/s", _rate("check", build, checker)),
        ("checker, beside `tshark -z expert,tcp`", f"at least {tshark:g}x",
         _times("check", build, "tshark -z expert,tcp", tshark)),
        ("checker's memory, ten times the packets", "flat: at most 1.1x", _memory("check", "check-tenth", build, 1.1)),
        ("SYN flood, cost per packet beside transfers", "at most 2x", _cost("check-flood", "check", build, 2)),
        ("SYN flood's memory, ten times the connections", "at most 2x",
         _memory("check-flood", "check-flood-tenth", build, 2)),
        ("four captures, `-j 2` beside one process", "at most 0.7x the time", _longer("many-2", "many-1", build, 0.7)),
        ("packetdrill scripts, one core", "100 scripts/s", _rate("packetdrill", build, 100)),
        ("`netsim --help`", "0.3 s", _seconds("help", build, 0.3)),
        ("`netsim run three-way-handshake`", "0.6 s", _seconds("run", build, 0.6)),
    ]  # fmt: skip
    return [Target(work, wanted, find) for work, wanted, find in pages]


BUILDS = ("interpreted", "compiled")
TARGETS = {build: _of_build(build) for build in BUILDS}


def table(rows: list[Row]) -> str:
    """Markdown: a line per target, with both builds' figures; targets that nothing measured are left out."""
    by_key = {(row.case, row.runner): row for row in rows}
    lines = ["| What | Target, interpreted | | Target, compiled | |", "|---|---|---|---|---|"]
    for pair in zip(*TARGETS.values(), strict=True):
        cells = [_cells(target, by_key) for target in pair]
        if any(cells):
            shown = [f"{target.wanted} | {cell or 'not measured'}" for target, cell in zip(pair, cells, strict=True)]
            lines.append(f"| {pair[0].work} | {' | '.join(shown)} |")
    return "\n".join(lines)


def _cells(target: Target, by_key: Rows) -> str:
    """`yes: 1.2x` or `**short**: 1.4x`; "" where it was not measured."""
    try:
        figure, reached = target.find(by_key)
    except KeyError:
        return ""
    return f"yes: {figure}" if reached else f"**short**: {figure}"
