"""The ladder around a step, row by row, knowing only what was known by then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base import events as ev
from netsim.base.units import format_seconds
from netsim.report.cells import Line
from netsim.report.rows import SegmentRow

if TYPE_CHECKING:
    from netsim.report.rows import PacketRow
    from netsim.step.timeline import Timeline

FLYING: Final = "flying"
ARRIVED: Final = "arrived"
LOST: Final = "lost"


class Rung:
    """One row of the ladder: states entered on either side, and at most one packet or note.

    index: its step     row: the packet that left, or None      to_right: its direction
    fate:  FLYING, ARRIVED or LOST, as known at the step one looks from
    """

    __slots__ = ("fate", "index", "left", "left_who", "note", "right", "right_who", "row", "t_ns", "to_right")

    def __init__(self, index: int, t_ns: int) -> None:
        self.index = index
        self.t_ns = t_ns
        self.left = ""
        self.right = ""
        self.left_who = ""
        self.right_who = ""
        self.row: PacketRow | None = None
        self.to_right = True
        self.fate = FLYING
        self.note = ""


def _is_right(timeline: Timeline, host: str) -> bool:
    """Hosts stand left or right: the first is left, of a pair the second right."""
    hosts = timeline.source.hosts
    return host != (hosts[0] if hosts else "") if len(hosts) <= 2 else _right_of_many(timeline, host)


def _right_of_many(timeline: Timeline, host: str) -> bool:
    for left, right in timeline.pairs():
        if host in (left, right):
            return host == right
    return False


def rungs_at(timeline: Timeline, index: int, now: int) -> list[Rung]:
    """The rungs of one step, with the fates known at step `now`."""
    mark = timeline.marks[index]
    found: list[Rung] = []
    for event in timeline.events(index):
        if isinstance(event, ev.StateChanged):
            _add_state(found, event, index, _is_right(timeline, event.host))
        elif isinstance(event, ev.SegmentSent | ev.PacketSent | ev.PacketImpaired):
            packet = event.segment if isinstance(event, ev.SegmentSent) else event.packet
            if isinstance(event, ev.PacketImpaired) and event.what != "duplicate":
                continue
            row = timeline.source.recorder.row_of(packet)
            if row is not None and all(rung.row is not row for rung in found):
                _add_packet(found, row, index, mark.t_ns, _is_right(timeline, row.sender))
                found[-1].fate = timeline.fate(row.uid, now) if timeline.source.has_network else ARRIVED
        elif isinstance(event, ev.SegmentReceived):
            row = timeline.source.recorder.row_of(event.segment)
            if row is not None and row.sent_ns is None and all(rung.row is not row for rung in found):
                _add_packet(found, row, index, mark.t_ns, not _is_right(timeline, event.host))
                found[-1].fate = ARRIVED
        elif isinstance(event, ev.TimerExpired):
            rung = Rung(index, mark.t_ns)
            rung.note = f"⏲ {event.host}: {event.timer} expires"
            found.append(rung)
        elif isinstance(event, ev.LinkChanged):
            rung = Rung(index, mark.t_ns)
            rung.note = f"{event.link}: {event.detail}"
            found.append(rung)
    if mark.words:
        rung = Rung(index, mark.t_ns)
        rung.note = mark.words
        found.insert(0, rung)
    return found


def _add_state(found: list[Rung], event: ev.StateChanged, index: int, right: bool) -> None:
    last = found[-1] if found else None
    taken = last is not None and (last.right if right else last.left)
    other = last is not None and last.row is not None and last.to_right == right
    if last is None or taken or other or last.note:
        last = Rung(index, event.t_ns)
        found.append(last)
    if right:
        last.right, last.right_who = event.new, event.host
    else:
        last.left, last.left_who = event.new, event.host


def _add_packet(found: list[Rung], row: PacketRow, index: int, t_ns: int, right: bool) -> None:
    last = found[-1] if found else None
    if last is None or last.row is not None or last.note or (last.left if right else last.right):
        last = Rung(index, t_ns)
        found.append(last)
    last.row, last.to_right = row, not right


def rungs_of(timeline: Timeline, index: int, count: int, ahead: int) -> list[Rung]:
    """The last `count` rungs up to a step, and at most `ahead` rungs after it (if they are recorded)."""
    before: list[Rung] = []
    place = index
    while place >= 0 and len(before) < count:
        before = rungs_at(timeline, place, index) + before
        place -= 1
    after: list[Rung] = []
    place = index + 1
    while place <= timeline.last and len(after) < ahead:
        after += rungs_at(timeline, place, place)
        place += 1
    return before[-count:] + after[:ahead]


def label(row: PacketRow, room: int) -> str:
    """What stands on a packet's arrow, in at most `room` columns; the most telling first."""
    if not isinstance(row, SegmentRow):
        return row.kind.upper()[:room]
    again = " ↻" if row.retransmission else ""
    names = row.names or "no flags"
    parts = [f"{names} seq {row.rel_seq}"]
    parts.append(f"{parts[0]} ack {row.rel_ack}" if row.rel_ack is not None else parts[0])
    parts.append(f"{parts[1]} len {row.length}" if row.length else parts[1])
    short = f"{names} {row.rel_seq}" if row.length or set(names.split(",")) & {"SYN", "FIN", "RST"} else names
    if row.rel_ack is not None:
        compact = f"{short} ack {row.rel_ack}"
    else:
        compact = short
    for text in (parts[2], parts[1], compact, short, names):
        if len(text + again) <= room:
            return text + again
    return row.flags[:room]  # letters: a word cut short would name other flags


def draw_rung(rung: Rung, width: int, *, current: bool, ahead: bool = False, who: bool = False) -> Line:
    """A rung as a styled line of at most `width` columns (46 suffice)."""
    line = Line()
    line.put(0, "▸" if current else " ", "title")
    time = format_seconds(rung.t_ns)
    line.put(max(1, 8 - len(time)), time, "dim" if ahead else "time")
    side = 12 + (8 if who else 0)
    start, end = 9 + side + 1, width
    left = f"{rung.left_who} {rung.left}" if who and rung.left else rung.left
    line.put(9, left[:side], "dim" if ahead else "state")
    if rung.right:
        right = f"{rung.right_who} {rung.right}" if who else rung.right
        wide = width >= 46 + 24
        place = width - (side if wide else len(right[:side]))
        line.put(place, right[:side], "dim" if ahead else "state")
        end = place - 1
    elif width >= 46 + 24:
        end = width - side - 1
    if rung.note:
        line.put(start if rung.left else 9, rung.note[: width - (start if rung.left else 9)], "timer")
    if rung.row is not None:
        _draw_arrow(line, rung, start, end, ahead)
    return line


def _draw_arrow(line: Line, rung: Rung, start: int, end: int, ahead: bool) -> None:
    assert rung.row is not None
    room = end - start
    text = label(rung.row, max(3, room - 6))
    style = "dim" if ahead else _style(rung)
    body = f" {text} "
    dash = "┄" if rung.fate == FLYING else "─"
    fill = max(0, room - len(body) - 1)
    tip = {FLYING: "▷" if rung.to_right else "◁", LOST: "✗"}.get(rung.fate, "▶" if rung.to_right else "◀")
    if rung.to_right:
        lead = min(2, fill)
        line.put(start, dash * lead + body + dash * (fill - lead) + tip, style)
    else:
        tail = min(2, fill)
        line.put(start, tip + dash * (fill - tail) + body + dash * tail, style)


def _style(rung: Rung) -> str:
    row = rung.row
    if rung.fate == LOST:
        return "lost"
    if isinstance(row, SegmentRow):
        if row.retransmission:
            return "resent"
        for flag, style in (("RST", "rst"), ("SYN", "syn"), ("FIN", "fin")):
            if flag in row.names:
                return style
    return "arrow"
