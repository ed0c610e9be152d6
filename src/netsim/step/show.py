"""Views as styled lines: for plain mode, and for the screen's panels."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from netsim.base.units import format_duration, format_seconds
from netsim.report.cells import Line, line
from netsim.step.rungs import draw_rung
from netsim.step.words import headline

if TYPE_CHECKING:
    from netsim.step.debugger import Debugger
    from netsim.step.view import End, View

ORDER: Final = (
    "snd.una", "snd.nxt", "rcv.nxt", "snd.wnd", "cwnd", "ssthresh", "rto", "srtt", "rcv.wnd", "flight",
    "unsent", "readable", "phase", "mss", "rttvar", "backoff", "iss", "irs", "snd.wl1", "snd.wl2",
)  # fmt: skip
"""The order of the variables on the screen, the most telling first."""


def header(debugger: Debugger) -> str:
    """`step 11 of 14 · 2.350 s`, with the branch if there are several."""
    unit = debugger.timeline.source.unit
    total = "…" if debugger.total is None else str(debugger.total)
    text = f"{unit} {debugger.cursor} of {total} · {format_seconds(debugger.view().t_ns)} s"
    return text if len(debugger.branches) == 1 else f"{text} · branch {debugger.branch.name}"


def _wrapped(text: str, width: int, indent: str, style: str = "") -> list[Line]:
    return [line((piece, style)) for piece in
            textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent)]  # fmt: skip


def wrapped(text: str, width: int, style: str) -> list[Line]:
    """A sentence in lines of at most `width` columns."""
    return _wrapped(text, max(10, width), "", style)


def step_lines(debugger: Debugger, width: int) -> list[Line]:
    """One step: where it is, what happened, the first reason."""
    view = debugger.view()
    why = view.why()
    made = [line((header(debugger), "time"))]
    for text in why.headlines[:6] or why.minor[:3]:
        made += _wrapped(text, width, "  ", "flags")
    if not why.headlines and not why.minor:
        made.append(line(("  an application runs", "dim")))
    for text, cite in why.reasons[:1]:
        made += _wrapped(f"↳ {text} {cite}".rstrip(), width, "    ", "explain")
    return made


def why_lines(view: View, width: int) -> list[Line]:
    """Everything that a step did, with every reason."""
    why = view.why()
    made: list[Line] = []
    for text in [*why.headlines, *why.minor]:
        made += _wrapped(text, width, "  ", "flags")
    for text, cite in why.reasons:
        made += _wrapped(f"↳ {text} {cite}".rstrip(), width, "    ")
    return made or [line(("nothing happened", "dim"))]


def tcb_lines(end: End, width: int) -> list[Line]:
    """A TCB in two columns (more where there is room); what changed in this step shows what it was."""
    changed = "" if end.state == end.before else f"  ← {end.before}"
    made = [line((end.host, "title"), (" ", ""), (end.state, "state"), (changed, "resent"))]
    if end.note:
        made.append(line((f"  {end.note}", "dim")))
    columns = max(1, min(3, (width - 2) // 34))
    rows = -(-len(end.fields) // columns)
    for number in range(rows):
        row = Line()
        for column in range(columns):
            place = column * rows + number
            if place < len(end.fields):
                field = end.fields[place]
                start = 2 + column * 38
                row.put(start, f"{field.name:12}", "dim")
                at = row.put(start + 13, field.value, "flags" if field.before else "")
                if field.before:
                    row.put(at + 1, f"← {field.before}", "resent")
        made.append(row)
    return made


def flight_lines(view: View) -> list[Line]:
    """What is on its way: number, what, from, to, when it arrives."""
    flights = view.flights()
    if not flights:
        return [line(("nothing is in flight", "dim"))]
    return [
        line((f"{packet.uid:4d}  ", "flags"), (packet.text, ""),
             (f"  {packet.sender} → {packet.target}, arrives {format_seconds(packet.arrives_ns)}", "dim"))
        for packet in flights
    ]  # fmt: skip


def timer_lines(view: View) -> list[Line]:
    """Pending timers: name, host, deadline, and how long that is from now."""
    timers = view.timers()
    if not timers:
        return [line(("no timer is running", "dim"))]
    return [
        line(("⏲ ", "timer"), (f"{timer} {host} ", ""), (format_seconds(at_ns), "time"),
             (f"  in {format_duration(at_ns - view.t_ns)}", "dim"))
        for at_ns, host, timer in timers
    ]  # fmt: skip


def space_lines(end: End, width: int) -> list[Line]:
    """The sender's sequence space as a bar, with its legend."""
    if end.space is None:
        return [line((f"{end.host} has no sequence space now", "dim"))]
    space = end.space
    made = [space_bar(end, width - 12, f"{end.host:10.10} ")]
    made.append(line((f"           █ acknowledged to {space.una}  ▓ in flight to {space.nxt}"
                      f"  ░ may be sent to {space.edge}  · may not", "dim")))  # fmt: skip
    return made


def space_bar(end: End, width: int, prefix: str = "") -> Line:
    """`████▓▓▓░░░···`: the window around snd.una drawn to scale."""
    space = end.space
    made = Line()
    made.add(prefix, "title")
    if space is None:
        made.add("-", "dim")
        return made
    behind = max(1, (space.edge - space.una) // 4) if space.una else 0
    low = max(0, space.una - behind)
    high = max(space.edge + max(1, (space.edge - low) // 6), space.nxt, 1)
    scale = max(1, high - low)

    def place(number: int) -> int:
        return min(width, max(0, (number - low) * width // scale))

    una, nxt, edge = place(space.una), place(space.nxt), place(space.edge)
    if space.nxt > space.una and nxt == una:
        nxt = una + 1
    edge = max(edge, nxt)
    made.add("█" * una, "pass")
    made.add("▓" * (nxt - una), "resent")
    made.add("░" * (edge - nxt), "time")
    made.add("·" * max(0, width - edge), "dim")
    return made


def ladder_lines(debugger: Debugger, width: int, count: int) -> list[Line]:
    """The ladder up to the current step."""
    view = debugger.view()
    many = len(debugger.hosts) > 2
    rungs = view.rungs(count)
    left, right = debugger.timeline.ends(debugger.cursor)
    head = Line()
    head.put(4, "time", "dim")
    head.put(9, left, "title")
    head.put(max(width - 12, 24), right, "title")
    made = [head]
    for place, rung in enumerate(rungs):
        current = rung.index == view.index and place == len(rungs) - 1
        made.append(draw_rung(rung, width, current=current, who=many))
    return made


# --- the state diagram -----------------------------------------------------------------------

DIAGRAM: Final = (
    "              CLOSED",
    "        ╭──────┴──────╮",
    "     LISTEN ──────▶ SYN-SENT",
    "        ╰─▶ SYN-RECEIVED │",
    "                 ╰──┬────╯",
    "               ESTABLISHED",
    "         ╭──────────┴──────────╮",
    "     FIN-WAIT-1 ─▶ CLOSING    CLOSE-WAIT",
    "         ▼            │        ▼",
    "     FIN-WAIT-2       │       LAST-ACK",
    "         ╰─▶ TIME-WAIT ◀╯       ╰─▶ CLOSED",
)
"""RFC 9293, figure 5, small."""


def diagram(ends: list[End]) -> list[Line]:
    """The state diagram, each end's state marked, and under it each end's last transition."""
    marks: dict[str, str] = {}
    for end in ends:
        marks[end.state] = marks.get(end.state, "") + (end.host[:1].upper() or "?")
    before = {end.last[0] for end in ends if end.last is not None and end.last[1] == end.state}
    made = []
    for text in DIAGRAM:
        row = Line()
        row.add(text, "dim")
        for state in _states_of(text):
            start = text.index(state)
            if text.endswith("╰─▶ CLOSED") and state == "CLOSED":
                continue
            if state in marks:
                row.put(start, state, "state")
                row.put(max(0, start - len(marks[state]) - 1), marks[state] + "▸", "title")
            elif state in before:
                row.put(start, state, "resent")
            else:
                row.put(start, state, "")
        made.append(row)
    for end in ends:
        last = f"{end.last[0]} → {end.last[1]}" if end.last is not None else end.state
        made.append(line((f"{end.host[:1].upper()} {end.host}: ", "title"), (last, "state" if end.last else "dim")))
    return made


def _states_of(text: str) -> list[str]:
    names = ("SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "LAST-ACK",
             "SYN-SENT", "CLOSING", "CLOSED", "LISTEN")  # fmt: skip
    return [name for name in names if name in text]


# --- branches --------------------------------------------------------------------------------


def diff_lines(debugger: Debugger, one: str, two: str, width: int) -> list[Line]:
    """Two branches side by side around their first difference."""
    first = debugger.difference(one, two)
    if first is None:
        return [line((f"{one} and {two} are the same from start to end", ""))]
    half = (width - 3) // 2
    head = Line()
    head.put(0, one, "title")
    head.put(half + 3, two, "title")
    made = [line((f"first difference at step {first}", "flags")), head]
    a, b = debugger.get_branch(one).timeline, debugger.get_branch(two).timeline
    for index in range(max(0, first - 2), first + 6):
        if a.reach(index) != index and b.reach(index) != index:
            break
        left = _short(a, index, half)
        right = _short(b, index, half)
        sign = "≠" if index >= first and left != right else " "
        row = Line()
        row.put(0, left, "")
        row.put(half + 1, sign, "fail")
        row.put(half + 3, right, "")
        made.append(row)
    return made


def _short(timeline: object, index: int, width: int) -> str:
    from netsim.step.timeline import Timeline

    assert isinstance(timeline, Timeline)
    if timeline.reach(index) != index:
        return "(over)"
    mark = timeline.marks[index]
    texts = [headline(event, timeline.source.recorder) for event in timeline.events(index)]
    text = mark.words or next((each for each in texts if each), "-")
    full = f"{format_seconds(mark.t_ns):>8} {text}"
    return full if len(full) <= width else full[: width - 1] + "…"
