"""When did something happen? Moments of a script (while it runs) and of expectations (afterwards)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.base import events as ev
from netsim.base.packet import FIN, RST, SYN
from netsim.report.rows import SegmentRow
from netsim.scenario.match import Wire, all_rows, fits

if TYPE_CHECKING:
    from netsim.report.record import Recorder
    from netsim.report.rows import PacketRow
    from netsim.scenario.model import Moment

_TOLD = {"refused": "connection-refused", "reset": "connection-reset", "timed-out": "timed-out"}


def event_fits(moment: Moment, event: ev.Event, wire: Wire) -> bool:
    """Whether the event is what the moment waits for (moments of packets, steps and fixed times apart)."""
    if event.host != moment.host:
        return False
    if moment.connection is not None and wire.endpoint(moment.connection) != (event.host, event.conn):
        return False
    if moment.kind == "timer":
        return isinstance(event, ev.TimerExpired) and event.timer == moment.what
    if moment.kind == "received":
        return isinstance(event, ev.Delivered) and event.offset >= moment.value > event.offset - event.byte_count
    if isinstance(event, ev.StateChanged):
        return _change_fits(moment, event)
    if moment.kind == "event" and moment.what in _TOLD:
        return isinstance(event, ev.Notified) and event.what == _TOLD[moment.what]
    return False


def _change_fits(moment: Moment, event: ev.StateChanged) -> bool:
    if moment.kind == "state":
        return event.new == moment.what
    if moment.kind == "left":
        return event.old == moment.what
    if moment.kind != "event":
        return False
    if moment.what in ("connected", "accepted"):
        return event.new == "ESTABLISHED" and (moment.what == "connected" or event.old != "SYN-SENT")
    if moment.what in ("received-fin", "eof"):
        return event.cause.startswith("rcv-fin")
    return moment.what == "closed" and event.new == "CLOSED"


def row_fits_event(moment: Moment, row: PacketRow, seen: str) -> bool:
    """The packet, seen "sent" or "received", is what the moment waits for: received-syn, received-rst, sent-fin."""
    if moment.kind != "event" or not isinstance(row, SegmentRow):
        return False
    flags = row.segment.flags
    if seen == "sent":
        return moment.what == "sent-fin" and row.sender == moment.host and bool(flags & FIN)
    if row.receiver != moment.host:
        return False
    return (moment.what == "received-syn" and bool(flags & SYN)) or (
        moment.what == "received-rst" and bool(flags & RST)
    )


class Watch:
    """One moment that a run waits for: `fired_ns` once it has come."""

    __slots__ = ("done", "left", "match_left", "moment")

    def __init__(self, moment: Moment) -> None:
        self.moment = moment
        self.left = moment.nth
        self.match_left = 1
        if moment.match is not None and moment.match.nth is not None:
            self.match_left = moment.match.nth
        self.done = False

    def sees_packet(self, row: PacketRow, seen: str, wire: Wire) -> bool:
        """A packet was sent, received or dropped: True if this is the moment."""
        if self.done:
            return False
        if self.moment.kind == "segment":
            assert self.moment.match is not None
            if seen != self.moment.seen or not fits(self.moment.match, row, wire):
                return False
            self.match_left -= 1
            if self.match_left > 0:
                return False
        elif not row_fits_event(self.moment, row, seen):
            return False
        return self._count()

    def sees_event(self, event: ev.Event, wire: Wire) -> bool:
        """An event happened: True if this is the moment."""
        return not self.done and event_fits(self.moment, event, wire) and self._count()

    def sees_step(self, step_id: str) -> bool:
        """A step of the script is done: True if this is the moment."""
        return not self.done and self.moment.kind == "step" and self.moment.what == step_id and self._count()

    def _count(self) -> bool:
        self.left -= 1
        self.done = self.left <= 0
        return self.done


def time_of(moment: Moment, recorder: Recorder, wire: Wire, step_times: dict[str, list[int]]) -> int | None:
    """When the moment came in a run that is over (ns); None: it did not."""
    times = _times(moment, recorder, wire, step_times)
    if len(times) < moment.nth:
        return None
    return times[moment.nth - 1] + moment.plus_ns


def _times(moment: Moment, recorder: Recorder, wire: Wire, step_times: dict[str, list[int]]) -> list[int]:
    if moment.kind == "time":
        return [moment.value] * moment.nth
    if moment.kind == "step":
        return step_times.get(moment.what, [])
    if moment.kind == "segment":
        assert moment.match is not None
        rows = [row for row in all_rows(recorder) if fits(moment.match, row, wire)]
        if moment.match.nth is not None:
            rows = rows[moment.match.nth - 1 : moment.match.nth]
        return sorted(at_ns for row in rows if (at_ns := _seen_at(row, moment.seen)) is not None)
    if moment.kind == "event" and moment.what in ("received-syn", "received-rst", "sent-fin"):
        seen = "sent" if moment.what == "sent-fin" else "received"
        rows = [row for row in all_rows(recorder) if row_fits_event(moment, row, seen)]
        return sorted(at_ns for row in rows if (at_ns := _seen_at(row, seen)) is not None)
    return [item.t_ns for item in recorder.moments if item.row is None and event_fits(moment, item.event, wire)]


def _seen_at(row: PacketRow, seen: str) -> int | None:
    if seen == "sent":
        return row.sent_ns
    if seen == "dropped":
        return row.sent_ns if row.dropped is not None else None
    return row.received_ns if row.dropped is None else None
