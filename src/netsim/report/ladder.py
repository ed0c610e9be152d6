"""The ladder diagram as text: time, both ends' states down the sides, arrows between them.

Plain text is made first, at a given width, from nothing but the items: the same items give
the same text everywhere. Styles ride along (`report.cells`) and are dropped or painted at
the end. 80 columns suffice; more are used for window, timestamps and arrival times.
"""

from __future__ import annotations

import textwrap
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from netsim.base.units import MS, format_seconds
from netsim.report.cells import Line
from netsim.report.items import LEFT, Arrow, Gap, Item, Ladder, NoteMark, StateMark, TimerMark, fold
from netsim.report.options import short_options

if TYPE_CHECKING:
    from netsim.base.reasons import Reason

MIN_WIDTH: Final = 80
MAX_WIDTH: Final = 140
WIDE: Final = 100
"""From this width on, arrows show the window and their arrival time."""
STATE_WIDTH: Final = 12
"""SYN-RECEIVED and ESTABLISHED fit."""
LEAD: Final = 2
"""Dashes before an arrow's label."""


class Options:
    """How to draw.

    width: columns, at least 80      show_all: no folding, every timer
    explain: a sentence under each step, with its citation
    """

    __slots__ = ("explain", "show_all", "width")

    def __init__(self, *, width: int = MIN_WIDTH, show_all: bool = False, explain: bool = False) -> None:
        self.width = min(max(width, MIN_WIDTH), MAX_WIDTH)
        self.show_all = show_all
        self.explain = explain


class _Row:
    """What stands on one line: at most one arrow, a state or a note on each side."""

    __slots__ = ("arrow", "notes", "reasons", "states", "t_ns")

    def __init__(self, t_ns: int) -> None:
        self.t_ns = t_ns
        self.arrow: Arrow | None = None
        self.states: dict[int, StateMark] = {}
        self.notes: dict[int, TimerMark | NoteMark] = {}
        self.reasons: list[Reason] = []

    @classmethod
    def of(cls, item: Item) -> _Row:
        """A row that begins with an item."""
        row = cls(item.t_ns)
        row.add(item)
        return row

    def takes(self, item: Item) -> bool:
        """Whether the item belongs on this line: same time, its side free, nothing out of order."""
        if item.t_ns != self.t_ns:
            return False
        if isinstance(item, StateMark):
            if self.arrow is not None:
                return item.side == self.arrow.side and self._same(item, self.arrow) and item.side not in self.states
            before = self.states.get(item.side)
            note = self.notes.get(item.side)
            if note is not None and not (isinstance(note, TimerMark) and note.expired):
                return False
            return before is None or (before.state in ("LISTEN", "CLOSED") and self._same(item, before))
        if isinstance(item, Arrow):
            others = [*self.states.values(), *self.notes.values()]
            return self.arrow is None and not self.notes and all(self._same(item, other) for other in others)
        return False

    @staticmethod
    def _same(one: Item, two: Item) -> bool:
        return (one.side, one.who, one.tag) == (two.side, two.who, two.tag)

    def add(self, item: Item) -> None:
        """Take the item."""
        if isinstance(item, Arrow):
            self.arrow = item
        elif isinstance(item, StateMark):
            self.states[item.side] = item
        elif isinstance(item, TimerMark | NoteMark):
            self.notes[item.side] = item
        told = isinstance(item, NoteMark) and item.kind == "told"  # what the user learns needs no reason of its own
        if item.reason is not None and not told and all(item.reason.text != known.text for known in self.reasons):
            self.reasons.append(item.reason)


class _Drawer:
    """Draws one ladder: holds the columns."""

    def __init__(self, ladder: Ladder, options: Options) -> None:
        self.ladder = ladder
        self.options = options
        items = [item for item in ladder.items if self._is_shown(item)]
        self.items = items if options.show_all else fold(items)
        self.digits = _time_digits(self.items)
        longest = max((len(self._time(item.t_ns)) for item in self.items), default=5)
        self.time_end = max(8, longest + 1)
        who = [max((len(i.who) + 1 for i in ladder.items if i.who and i.side == side), default=0) for side in (0, 1)]
        tag = max((len(item.tag) + 1 for item in ladder.items if item.tag), default=0)
        self.left = self.time_end + 2
        self.left_width = max(STATE_WIDTH + who[LEFT] + tag, len(ladder.left) if len(ladder.left) < 30 else 0)
        right_width = max(STATE_WIDTH + who[1] + tag, len(ladder.right) if len(ladder.right) < 20 else 0)
        self.right = options.width - right_width
        self.from_column = self.left + self.left_width + 1
        self.to_column = self.right - 1  # exclusive
        self.wide = options.width >= WIDE
        self.explained = ""

    def _is_shown(self, item: Item) -> bool:
        if isinstance(item, TimerMark):
            return self.options.show_all or not item.detail
        if isinstance(item, NoteMark):
            return self.options.show_all or self.options.explain or not item.detail
        return True

    def _time(self, t_ns: int) -> str:
        return format_seconds(t_ns, self.digits)

    # --- the whole ----------------------------------------------------------------------

    def draw(self) -> list[Line]:
        """Header, rows, notes."""
        lines = self._header()
        rows = self._rows()
        head = Line()
        head.put(self.time_end - len("time"), "time", "dim")
        head.put(self.left, self.ladder.left, "title")
        head.put(self.right, self.ladder.right, "title")
        lines.append(head)
        if self.ladder.left_state or self.ladder.right_state:
            first = Line()
            start = self._time(self.items[0].t_ns if self.items else 0)
            first.put(self.time_end - len(start), start, "time")
            first.put(self.left, self.ladder.left_state, "state")
            first.put(self.right, self.ladder.right_state, "state")
            lines.append(first)
        for row in rows:
            lines += self._gap(row) if isinstance(row, Gap) else self._row(row)
        for note in self.ladder.notes:
            for text in textwrap.wrap(note, self.options.width - 2):
                lines.append(Line())
                lines[-1].put(1, text, "dim")
        return lines

    def _header(self) -> list[Line]:
        lines: list[Line] = []
        width = self.options.width
        for text in textwrap.wrap(self.ladder.title, width - 2):
            lines.append(Line())
            lines[-1].put(1, text, "title")
        if self.ladder.subtitle or self.ladder.corner:
            room = width - 2 - (len(self.ladder.corner) + 2 if self.ladder.corner else 0)
            wrapped = textwrap.wrap(self.ladder.subtitle, room) or [""]
            for number, text in enumerate(wrapped):
                lines.append(Line())
                lines[-1].put(1, text)
                if number == 0 and self.ladder.corner:
                    lines[-1].put(width - len(self.ladder.corner), self.ladder.corner, "dim")
        if lines:
            lines.append(Line())
        return lines

    def _rows(self) -> list[_Row | Gap]:
        rows: list[_Row | Gap] = []
        started: list[TimerMark] = []
        for item in [*self.items, None]:
            last = rows[-1] if rows else None
            if item is not None and not isinstance(item, Gap) and isinstance(last, _Row) and last.takes(item):
                last.add(item)
                continue
            if isinstance(item, TimerMark) and not item.expired and item.side not in (mark.side for mark in started):
                started.append(item)  # told after the segment that leaves at the same instant
                continue
            rows += [_Row.of(mark) for mark in started]
            started = []
            if item is not None:
                rows.append(item if isinstance(item, Gap) else _Row.of(item))
        return rows

    def _gap(self, gap: Gap) -> list[Line]:
        text = f"{gap.segments:,} segments, {gap.length:,} bytes"
        if gap.lost:
            text += f", {gap.lost:,} lost"
        if gap.resent:
            text += f", {gap.resent:,} resent"
        row = Line()
        row.put(self.time_end - 3, "⋮", "dim")
        row.put(self.left, text, "dim")
        hint = "(--all shows them)"
        row.put(self.options.width - len(hint), hint, "dim")
        return [row]

    # --- one row --------------------------------------------------------------------------

    def _row(self, row: _Row) -> list[Line]:
        first = Line()
        time = self._time(row.t_ns)
        notes_only = row.arrow is None and not row.states
        is_set = notes_only and all(isinstance(note, TimerMark) and not note.expired for note in row.notes.values())
        if not is_set:
            first.put(self.time_end - len(time), time, "time")
        for side, mark in row.states.items():
            self._put_side(first, side, self._label_of(mark, mark.state), "state")
        lines = [first]
        for side, note in row.notes.items():
            self._note(first, side, note, beside_state=side in row.states)
        if row.arrow is not None:
            lines += self._arrow(first, row.arrow)
            if row.arrow.side not in row.states and (row.arrow.who or row.arrow.tag):
                self._put_side(first, row.arrow.side, self._label_of(row.arrow, ""), "dim")
        if self.options.explain:
            for reason in row.reasons:
                if reason.text != self.explained or len(row.reasons) == 1:
                    lines += self._explanation(reason)
                self.explained = reason.text
        return lines

    @staticmethod
    def _label_of(item: Item, text: str) -> str:
        return " ".join(part for part in (item.who, item.tag, text) if part)

    def _put_side(self, line: Line, side: int, text: str, style: str) -> None:
        line.put(self.left if side == LEFT else self.right, text, style)

    def _note(self, line: Line, side: int, note: TimerMark | NoteMark, *, beside_state: bool) -> None:
        """A timer or a note: at its side's column, or next to the state that stands there."""
        if isinstance(note, TimerMark):
            text, style = f"⏲ {note.text}", "timer"
        else:
            sign = {"rejected": "✗ ", "call": "● ", "finding": "! "}.get(note.kind, "")
            text, style = sign + note.text, "lost" if note.kind == "rejected" else "note"
        text = self._label_of(note, text)
        width = self.options.width
        if side == LEFT:
            start = self.from_column if beside_state else self.left
            line.put(start, _cut(text, width - start), style)
        elif beside_state:
            text = _cut(text, self.to_column - self.from_column)
            line.put(self.to_column - len(text), text, style)
        else:
            text = _cut(text, width - self.left)
            line.put(min(self.right, width - len(text)), text, style)

    # --- arrows ----------------------------------------------------------------------------

    def _arrow(self, line: Line, arrow: Arrow) -> list[Line]:
        """Draw the arrow into its line; returns the lines that must follow it."""
        start, end = self.from_column, self.to_column
        to_right = arrow.side == LEFT
        if self.wide and arrow.lost is None:
            # The time of arrival, beyond the arrow's head.
            text = "" if arrow.arrival_ns is None else self._time(arrow.arrival_ns)
            width = len(self._time(max(item.t_ns for item in self.items))) + 1
            if to_right:
                end -= width
                line.put(end + 1, text, "dim")
            else:
                line.put(start + width - 1 - len(text), text, "dim")
                start += width
        label, below = self._label(arrow, end - start - LEAD - (4 if arrow.lost is None else 6))
        column = start if to_right else end - LEAD - len(label) - 2
        line.put(start, "─" * (end - start), "arrow")
        line.put(column + (LEAD if to_right else 0), f" {label} ", _style(arrow))
        follow: list[Line] = []
        if arrow.lost is None:
            line.put(end - 1 if to_right else start, "▶" if to_right else "◀", "arrow")
        else:
            follow += self._death(line, arrow, start, end, len(label) + LEAD + 2)
        if below:
            follow.append(Line())
            place = start + LEAD + 1 if to_right else end - LEAD - 1 - len(below)
            follow[-1].put(max(self.left, min(place, self.options.width - len(below))), below, "dim")
        return follow

    def _death(self, line: Line, arrow: Arrow, start: int, end: int, used: int) -> list[Line]:
        """Let the arrow die on the way (or at its end), and say of what: beside it, or below."""
        to_right = arrow.side == LEFT
        text = arrow.lost or "lost"
        width = self.options.width
        stub = 3  # dashes after the label, before it dies
        if to_right:
            spot = end - 1 if arrow.lost_at_end else max(start + used + stub, (start + end) // 2)
            room = width - spot - 2
        else:
            spot = start if arrow.lost_at_end else min(end - used - stub - 1, (start + end) // 2)
            room = spot - self.left - 1
        beside = not arrow.lost_at_end and len(text) <= room
        if not beside and not arrow.lost_at_end and to_right:
            closer = start + used + stub
            if len(text) <= width - closer - 2:
                spot, beside = closer, True
        elif not beside and not arrow.lost_at_end:
            closer = end - used - stub - 1
            if len(text) <= closer - self.left - 1:
                spot, beside = closer, True
        if to_right:
            line.put(spot + 1, " " * (end - spot - 1))
        else:
            line.put(start, " " * (spot - start))
        line.put(spot, "✗", "lost")
        if beside:
            line.put(spot + 2 if to_right else spot - 1 - len(text), text, "lost")
            return []
        below = Line()
        text = f"✗ {text}" if not arrow.lost_at_end else f"✗ {text}, on arrival"
        place = min(spot, width - len(text)) if to_right else max(self.left, spot - len(text) + 1)
        below.put(max(self.left, place), _cut(text, width - self.left), "lost")
        return [below]

    def _label(self, arrow: Arrow, room: int) -> tuple[str, str]:
        """The arrow's label in at most `room` columns, and what of it must go below."""
        head = arrow.names
        if arrow.seq is not None:
            head += f" seq {arrow.seq}"
        if arrow.ack is not None:
            head += f" ack {arrow.ack}"
        if arrow.length:
            head += f" len {arrow.length}"
        tail = ""
        if arrow.resent is not None:
            tail += f" ↻ {arrow.resent}".rstrip()
        if arrow.copy:
            tail += " (duplicate)"
        for change in arrow.changes if arrow.lost is None else ():
            tail += f" ({change})"
        if arrow.note:
            tail += f" {arrow.note}"
        window = f" win {arrow.win}" if arrow.win is not None and (self.wide or arrow.win == 0) else ""
        is_syn = "SYN" in arrow.names
        # Timestamps have their values where there is room; a bare TS tells something only on a SYN.
        levels = ((0, 1, 2) if is_syn else (0, 2)) if self.wide else ((1, 2) if is_syn else (2,))
        for win in dict.fromkeys((window, " win 0" if arrow.win == 0 else "")):
            for level in levels:
                options = short_options(arrow.words, level)
                label = head + win + (f" <{options}>" if options else "") + tail
                if len(label) <= room:
                    return label, ""
        options = short_options(arrow.words, levels[0])
        label = head + (" win 0" if arrow.win == 0 else "") + tail
        if len(label) > room:
            label = label.replace(arrow.names, _letters(arrow.names), 1)
        return _cut(label, room), _cut(f"<{options}>" if options else "", self.options.width - self.left)

    # --- explanations ------------------------------------------------------------------------

    def _explanation(self, reason: Reason) -> list[Line]:
        """`↳ sentence`, wrapped, its citation at the right end."""
        width = self.options.width
        indent = self.left + 2
        wrapped = textwrap.wrap(reason.text, width - indent) or [""]
        lines: list[Line] = []
        for number, text in enumerate(wrapped):
            lines.append(Line())
            if number == 0:
                lines[-1].put(self.left, "↳", "explain")
            lines[-1].put(indent, text, "explain")
        if reason.cite:
            for text in textwrap.wrap(reason.cite, width - indent):
                if indent + len(wrapped[-1]) + 2 + len(text) > width or text != reason.cite:
                    lines.append(Line())
                lines[-1].put(width - len(text), text, "cite")
        return lines


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(0, room - 1)] + "…"


def _letters(names: str) -> str:
    """`SA` for `SYN,ACK`: where the names do not fit. Other words stay."""
    parts = names.split(",")
    return "".join(part[0] for part in parts) if all(part.isupper() and len(part) == 3 for part in parts) else names


def _style(arrow: Arrow) -> str:
    if arrow.lost is not None:
        return "lost"
    if arrow.resent is not None:
        return "resent"
    for flag, style in (("RST", "rst"), ("SYN", "syn"), ("FIN", "fin")):
        if flag in arrow.names:
            return style
    return ""


def _time_digits(items: list[Item]) -> int:
    """3 digits (milliseconds), or 6 where milliseconds would not tell one end's doings from the other's.

    That is where segments fly for less than half a millisecond, and in ladders shorter than 20 ms.
    """
    known = [item for item in items if not isinstance(item, Gap)]
    times = [item.t_ns for item in known]
    if times and 0 < max(times) - min(times) < 20 * MS:
        return 6
    arrows = [item for item in known if isinstance(item, Arrow)]
    flights = sorted(arrow.arrival_ns - arrow.t_ns for arrow in arrows if arrow.arrival_ns is not None)
    if not flights:  # a tap saw them: how soon one side follows the other
        gaps = [two.t_ns - one.t_ns for one, two in pairwise(arrows) if one.side != two.side]
        return 6 if sum(0 < gap < MS // 2 for gap in gaps) > 2 else 3
    return 6 if 0 < flights[len(flights) // 2] < MS // 2 else 3


def draw(ladder: Ladder, options: Options | None = None) -> list[Line]:
    """The ladder as styled lines: give them to `cells.plain` or `cells.paint`."""
    return _Drawer(ladder, options if options is not None else Options()).draw()
