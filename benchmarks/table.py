"""From measurements to the table in docs/performance.md, the plot beside it, and the stored baseline."""

from __future__ import annotations

import json
from math import floor, log10
from pathlib import Path
from statistics import median
from typing import Any

BEGIN = "<!-- {}: begin -->"
END = "<!-- {}: end -->"
OURS = ("interpreted", "compiled")
"""What our builds are called; every other runner is a peer."""
SLOWER = 0.8
"""A rate below this part of the baseline's is a regression: 20 %."""


class Row:
    """One runner on one case: its rounds, each {"round", "work", "seconds", "rss_mb"}, oldest first."""

    def __init__(
        self, family: str, case: str, title: str, unit: str, runner: str, rounds: list[dict[str, float]]
    ) -> None:
        self.family = family
        self.case = case
        self.title = title
        self.unit = unit
        self.runner = runner
        self.rounds = rounds

    def rates(self) -> list[float]:
        """Work per second of CPU time, round by round."""
        return [each["work"] / each["seconds"] for each in self.rounds]

    def rate(self) -> float:
        """The median."""
        return median(self.rates())

    def seconds(self) -> float:
        """Median CPU time."""
        return median(each["seconds"] for each in self.rounds)

    def memory_mb(self) -> float:
        """The largest resident set of any round, MB."""
        return max(each.get("rss_mb", 0.0) for each in self.rounds)

    def figure(self) -> str:
        """For people: `128,000 segments/s` or `0.21 s`."""
        if self.unit == "s":
            return f"{self.seconds():.2f} s"
        return f"{significant(self.rate()):,} {self.unit}/s"


def significant(value: float) -> int:
    """Three significant digits: more would pretend."""
    return round(round(value, min(0, 3 - len(str(int(value))))))


def times(value: float) -> str:
    """`0.45x`, `8.1x`, `120x`."""
    return f"{value:.2f}x" if value < 1 else f"{value:.1f}x" if value < 10 else f"{significant(value)}x"


def ratio(of: Row, to: Row) -> float:
    """How many times faster: the median of the ratios of the same rounds (they alternate, so load cancels).

    KeyError: they have no round in common.
    """
    others = dict(zip((each["round"] for each in to.rounds), to.rates(), strict=True))
    mine = zip((each["round"] for each in of.rounds), of.rates(), strict=True)
    shared = [rate / others[number] for number, rate in mine if number in others]
    if not shared:
        raise KeyError(of.case, to.case)
    return median(shared)


def table(rows: list[Row]) -> str:
    """Markdown: a line per case and runner, with the ratio to each of our builds."""
    lines = ["| Work | By | Rate | Ours is faster by | Memory |", "|---|---|---|---|---|"]
    for case in dict.fromkeys(row.case for row in rows):
        group = [row for row in rows if row.case == case]
        our = [row for row in group if row.runner in OURS]
        for index, row in enumerate(group):
            title = row.title if index == 0 else ""
            by = f"**netsim, {row.runner}**" if row in our else row.runner
            faster = "" if row in our else ", ".join(f"{times(ratio(each, row))} ({each.runner})" for each in our)
            memory = "" if row.unit in ("s", "scripts") else f"{row.memory_mb():.0f} MB"
            lines.append(f"| {title} | {by} | {row.figure()} | {faster} | {memory} |")
    return "\n".join(lines)


def insert(text: str, name: str, between: str) -> str:
    """`text` with what stands between the markers `name` replaced. ValueError: a marker is missing."""
    head, begin, rest = text.partition(BEGIN.format(name))
    _, end, tail = rest.partition(END.format(name))
    if not begin or not end:
        raise ValueError(f"the page lacks the markers {BEGIN.format(name)} and {END.format(name)}")
    return f"{head}{begin}\n{between.strip()}\n{end}{tail}"


def baseline_of(rows: list[Row]) -> dict[str, float]:
    """Rates by "case/runner" of our builds, relative to the yardstick's in the same rounds.

    So a machine that is slow, or busy just then, is not taken for slow code.
    """
    yards = {row.family: row for row in rows if row.case == "yardstick"}
    return {
        f"{row.case}/{row.runner}": ratio(row, yards[row.family])
        for row in rows
        if row.runner in OURS and row.case != "yardstick"
    }


def regressions(now: dict[str, float], before: dict[str, float]) -> list[str]:
    """One line for everything that is 20 % or more slower than the baseline."""
    return [
        f"{name}: {now[name] / before[name]:.0%} of the baseline's rate"
        for name in sorted(now.keys() & before.keys())
        if now[name] < SLOWER * before[name]
    ]


def load_rows(text: str) -> list[Row]:
    """Rows from the JSON that `dump_rows` wrote."""
    return [Row(**each) for each in json.loads(text)]


def dump_rows(rows: list[Row]) -> str:
    """Every round of every row, for later."""
    data: list[dict[str, Any]] = [vars(row) for row in rows]
    return json.dumps(data, indent=1) + "\n"


def plot(rows: list[Row], path: Path) -> None:
    """Bars of the cases that have peers, on a logarithmic axis."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    names = list(dict.fromkeys(row.case for row in rows if row.runner not in OURS))
    if not names:
        return
    figure = Figure(figsize=(8, 1 + 0.42 * sum(row.case in names for row in rows)), layout="constrained")
    for index, case in enumerate(names):
        group = sorted((row for row in rows if row.case == case), key=Row.rate)
        axes = figure.add_subplot(len(names), 1, index + 1)
        colors = ["#1f77b4" if row.runner in OURS else "#aaaaaa" for row in group]
        bars = axes.barh([_label(row) for row in group], [row.rate() for row in group], color=colors)
        axes.bar_label(bars, [f"{significant(row.rate()):,}" for row in group], padding=3)
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.margins(x=0.2)
        axes.set_xlim(left=10 ** floor(log10(group[0].rate()) - 0.1))
        axes.set_title(group[0].title, fontsize=10)
        axes.set_xlabel(f"{group[0].unit} per second of CPU time")
    figure.savefig(path, metadata={"Date": None})


def _label(row: Row) -> str:
    return f"netsim, {row.runner}" if row.runner in OURS else row.runner
