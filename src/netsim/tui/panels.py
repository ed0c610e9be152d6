"""The screen's panels. Each is given a view and shows it; none knows anything of TCP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widgets import Static

from netsim.base.units import format_seconds
from netsim.report.cells import STYLES, Line, line
from netsim.step import show
from netsim.step.rungs import draw_rung

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netsim.step.debugger import Debugger
    from netsim.step.view import End, View


def text_of(lines: list[Line]) -> Text:
    """Styled lines as rich text."""
    made = Text(no_wrap=True, overflow="ellipsis", end="")
    for number, each in enumerate(lines):
        if number:
            made.append("\n")
        for piece, style in each.spans():
            made.append(piece, STYLES.get(style, "") or None)
    return made


class Panel(Static):
    """A panel that draws itself anew whenever its size or its content changes."""

    def __init__(self, id: str, title: str = "") -> None:  # noqa: A002  textual's own name
        super().__init__("", id=id, markup=False)
        self.border_title = title
        self.debugger: Debugger | None = None

    def show(self, debugger: Debugger) -> None:
        """Take the debugger's current step and draw it."""
        self.debugger = debugger
        self.redraw()

    def redraw(self) -> None:
        """Draw again, at the present size."""
        if self.debugger is not None and self.content_size.width > 0 and self.content_size.height > 0:
            self.update(text_of(self.lines(self.debugger.view(), self.debugger)))

    def on_resize(self) -> None:
        """A new size: draw again."""
        self.redraw()

    def lines(self, view: View, debugger: Debugger) -> list[Line]:
        """What to show."""
        raise NotImplementedError


class LadderPanel(Panel):
    """The ladder up to the current step. A click on a row goes to its step; the wheel steps."""

    class Chosen(Message):
        """A row was clicked: `index` is its step."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    class Turned(Message):
        """The wheel was turned: `forward` or back."""

        def __init__(self, forward: bool) -> None:
            super().__init__()
            self.forward = forward

    _places: list[int] = []  # noqa: RUF012  set anew by every drawing

    def lines(self, view: View, debugger: Debugger) -> list[Line]:
        """A head with the hosts' names, then the rows."""
        width, height = self.content_size
        left, right = debugger.timeline.ends(view.index)
        many = len(debugger.hosts) > 2
        rungs = view.rungs(max(1, height - 1))
        head = Line()
        head.put(9, left, "title")
        head.put(max(width - 12, 22), right, "title")
        self._places = [rung.index for rung in rungs]
        made = [head]
        for place, rung in enumerate(rungs):
            last = place == len(rungs) - 1
            made.append(draw_rung(rung, width, current=last and rung.index == view.index, who=many))
        if not rungs or rungs[-1].index != view.index:
            now = Line()
            now.put(0, "▸", "title")
            time = format_seconds(view.t_ns)
            now.put(max(1, 8 - len(time)), time, "time")
            texts = [*view.why().headlines, *view.why().minor, "an application runs"]
            now.put(9, texts[0][: max(1, width - 9)], "dim")
            made.append(now)
            if len(made) > height and self._places:
                del made[1]
                self._places.pop(0)
            self._places.append(view.index)
        return made

    def on_click(self, event: events.Click) -> None:
        """Go to the step of the row under the pointer."""
        place = event.get_content_offset(self)
        if place is not None and 1 <= place.y <= len(self._places):
            self.post_message(self.Chosen(self._places[place.y - 1]))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """One step forward."""
        event.stop()
        self.post_message(self.Turned(True))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """One step back."""
        event.stop()
        self.post_message(self.Turned(False))


class EndPanel(Panel):
    """One end: its state, its TCB, its sequence space. What the step changed is marked."""

    def __init__(self, id: str, side: int) -> None:  # noqa: A002
        super().__init__(id)
        self.side = side

    def lines(self, view: View, debugger: Debugger) -> list[Line]:
        """The state; the variables in two columns, as many as fit; the bar."""
        ends = view.ends()
        if self.side >= len(ends):
            return []
        end = ends[self.side]
        self.border_title = end.host
        width, height = self.content_size
        came = f" ← {end.before}" if end.before != end.state else ""
        made = [line((end.state, "state"), (came, "resent"))]
        if end.note:
            made.append(line((end.note, "dim")))
            return made
        made += self._fields(end, width, height - 2)
        if end.space is not None and len(made) < height:
            made.append(show.space_bar(end, width))
        return made

    @staticmethod
    def _fields(end: End, width: int, rows: int) -> list[Line]:
        known = {field.name: field for field in end.fields}
        names = [name for name in show.ORDER if name in known]
        half = width // 2
        made: list[Line] = []
        for place in range(0, min(len(names), 2 * rows), 2):
            row = Line()
            pair = [known[name] for name in names[place : place + 2]]
            for column, field in enumerate(pair):
                start = column * half
                row.put(start, f"{field.name} ", "dim")
                at = start + max(len(field.name) + 1, 8 if half >= 20 else 0)
                room = (half if column == 0 else width - half) - (at - start) - 1
                changed = bool(field.before)
                text = f"{field.value} ← {field.before}" if changed else field.value
                if changed and len(text) > room:
                    text = f"{field.value}*"
                row.put(at, text[: max(1, room)], "resent" if changed else "")
            made.append(row)
        return made


class FlightPanel(Panel):
    """What is in flight, and when it arrives."""

    def lines(self, view: View, debugger: Debugger) -> list[Line]:
        """As many packets as fit, and how many more there are."""
        flights = view.flights()
        width, height = self.content_size
        if not debugger.timeline.source.has_tcb:
            return [line(("? (a tap does not see)", "dim"))]
        if not flights:
            return [line(("(nothing)", "dim"))]
        right = debugger.timeline.ends(view.index)[1]
        shown = flights if len(flights) <= height else flights[: max(1, height - 1)]
        made = []
        for packet in shown:
            sign = "→" if packet.target == right else "←"
            time = format_seconds(packet.arrives_ns)
            room = max(4, width - len(str(packet.uid)) - len(time) - 4)
            text = packet.text if len(packet.text) <= room else _short(packet.text, room)
            row = line((f"{packet.uid} ", "flags"), (f"{sign} ", "title"), (text, ""))
            row.put(max(len(row.text) + 1, width - len(time)), time, "time")
            made.append(row)
        if len(flights) > len(shown):
            made.append(line((f"and {len(flights) - len(shown)} more", "dim")))
        return made


def _short(text: str, room: int) -> str:
    """A packet's words without `seq` and `ack` where there is little room."""
    words = text.replace(" seq ", " ").replace(" ack ", "/").replace(" len ", "+")
    return words if len(words) <= room else words[: room - 1] + "…"


class TimerPanel(Panel):
    """Pending timers with their deadlines."""

    def lines(self, view: View, debugger: Debugger) -> list[Line]:
        """The earliest first."""
        width, height = self.content_size
        if not debugger.timeline.source.has_tcb:
            return [line(("? (a tap does not see)", "dim"))]
        timers = view.timers()
        if not timers:
            return [line(("(none)", "dim"))]
        made = []
        for at_ns, host, timer in timers[:height]:
            time = format_seconds(at_ns)
            row = line((f"{timer} ", "timer"), (host, ""))
            row.put(max(len(row.text) + 1, width - len(time)), time, "time")
            made.append(row)
        return made


class DiagramPanel(Panel):
    """The state diagram with both ends in it."""

    def lines(self, view: View, debugger: Debugger) -> list[Line]:
        """The diagram, and each end's last transition."""
        return show.diagram(view.ends())


_WEIGHTS: Final = ((" is lost", 3), (" → ", 3), (" expires", 3), (" sends ", 2), (" receives ", 1))
"""What a headline with these words is worth where there is no room for all; others are worth 0."""


def _summary(headlines: Sequence[str], width: int, rows: int) -> list[Line]:
    """The headlines as one sentence; where they do not fit, the least telling are left out, which `…` says."""
    left = list(headlines)
    while True:
        text = "; ".join(left)
        made = show.wrapped(
            f"{text[:1].upper()}{text[1:]}{'.' if len(left) == len(headlines) else ' …'}", width, "flags"
        )
        if len(made) <= rows or len(left) == 1:
            return made[:rows]
        left.remove(min(left, key=_weight))


def _weight(headline: str) -> int:
    return next((weight for words, weight in _WEIGHTS if words in headline), 0)


class WhyPanel(Panel):
    """What just happened, and why; or the answer to a command."""

    def __init__(self) -> None:
        super().__init__("why", "why")
        self.message: list[Line] = []

    def say(self, lines: list[Line], title: str) -> None:
        """Show the answer to a command until the next step."""
        self.message = lines
        self.border_title = title
        self.redraw()

    def clear(self) -> None:
        """Back to the step."""
        self.message = []
        self.border_title = "why"

    def lines(self, view: View, debugger: Debugger) -> list[Line]:
        """Headlines and reasons, wrapped, as much as fits."""
        width, height = self.content_size
        if self.message:
            return self.message[:height]
        why = view.why()
        heads = why.headlines or why.minor[:2] or ["an application runs"]
        made = _summary(heads, width, max(1, height - 2) if why.reasons else height)
        for text, cite in why.reasons:
            piece = show.wrapped(f"↳ {text} {cite}".rstrip(), width, "")
            if len(made) + len(piece) > height:
                break
            made += piece
        return made
