"""The last lines of a run: what was expected and did not happen, and the verdict in one line."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from netsim.base.units import SEC, format_duration, format_seconds
from netsim.report.cells import Line, line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netsim.report.json import Expectation
    from netsim.report.record import Recorder


def counted(count: int, noun: str) -> str:
    """`1 segment`, `1,200 segments`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def simulated(t_ns: int) -> str:
    """Simulated time for people: `350 ms`, `122.7 s`."""
    return f"{format_seconds(t_ns, 1)} s" if t_ns >= 10 * SEC else format_duration(t_ns)


def _wall(seconds: float) -> str:
    """Time it took, for people: `4 ms`, `1.3 s`."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{max(1, round(seconds * 1000))} ms"


def verdict_lines(
    recorder: Recorder,
    expectations: Sequence[Expectation],
    simulated_ns: int,
    wall_s: float | None,
    width: int,
    excerpts: dict[int, list[Line]] | None = None,
) -> list[Line]:
    """Failed expectations with what happened instead, then one line for all.

    wall_s:   seconds it took, told where there is room; None leaves it out.
    excerpts: position of an expectation -> the piece of the ladder where the trouble is.
    """
    lines: list[Line] = []
    failed = [each for each in expectations if not each.passed]
    for position, each in enumerate(expectations):
        if each.passed:
            continue
        lines.append(Line())
        for number, text in enumerate(textwrap.wrap(each.text, width - 3) or [""]):
            lines.append(line((" ✗ " if number == 0 else "   ", "fail"), (text, "title")))
        for detail in each.detail.splitlines():
            lines += [line((f"   {text}", "")) for text in textwrap.wrap(detail, width - 3) or [""]]
        lines += (excerpts or {}).get(position, [])
    lines.append(Line())
    lost = sum(row.dropped is not None for row in recorder.segments)
    resent = sum(row.retransmission for row in recorder.segments)
    parts = [counted(len(recorder.segments), "segment")]
    parts += [f"{lost:,} lost"] if lost else []
    parts += [f"{resent:,} resent"] if resent else []
    took = "" if wall_s is None else f" in {_wall(wall_s)}"
    facts = [", ".join(parts), f"{simulated(simulated_ns)} simulated"]
    good = len(expectations) - len(failed)
    if expectations:
        facts.insert(0, f"{good:,} of {counted(len(expectations), 'expectation')}")
    mark = ("✗", "fail") if failed else ("✓", "pass") if expectations else ("·", "")
    whole = [fact.replace(" ", "\xa0") for fact in facts]  # a line ends between facts, not within one
    texts = textwrap.wrap(" · ".join(whole), width - 3)
    if len(texts[-1]) + len(took) <= width - 3:
        texts[-1] += took  # it differs from run to run: it never moves anything
    for number, text in enumerate(texts):
        head = [(" ", ""), mark, (" ", "")] if number == 0 else [("   ", "")]
        lines.append(line(*head, (text.replace("\xa0", " "), "")))
    return lines
