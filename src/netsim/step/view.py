"""A look at one step: both ends' variables, timers, packets in flight, the ladder so far, and why.

Everything an interface shows comes from here, as numbers and short texts; no interface looks
at the run itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base import events as ev
from netsim.base.seqnum import seq_diff
from netsim.base.units import format_duration, format_seconds
from netsim.report.rows import SegmentRow
from netsim.step.rungs import Rung, rungs_of
from netsim.step.words import Why, explain, segment_words

if TYPE_CHECKING:
    from netsim.report.rows import PacketRow
    from netsim.step.timeline import Timeline
    from netsim.tcp.snapshot import Snapshot

UNKNOWN: Final = "?"
INFINITE: Final = 1 << 30
"""An ssthresh from here on is "arbitrarily high" (RFC 5681)."""


class Field:
    """One variable of a TCB: its RFC name, its value for people, and what it was a step ago ("" = the same)."""

    __slots__ = ("before", "name", "value")

    def __init__(self, name: str, value: str, before: str = "") -> None:
        self.name = name
        self.value = value
        self.before = before


def _relative(number: int, base: int, known: bool) -> str:
    return f"{seq_diff(number, base)}" if known else UNKNOWN


def _time(value_ns: int) -> str:
    return format_duration(value_ns) if value_ns > 0 else "-"


def variables(snapshot: Snapshot) -> dict[str, str]:
    """The variables of a TCB for people; sequence numbers relative to iss and irs."""
    synced = snapshot.state not in ("CLOSED", "LISTEN", "SYN-SENT")
    sent = snapshot.state not in ("CLOSED", "LISTEN")
    huge = snapshot.ssthresh >= INFINITE
    found = {
        "snd.una": _relative(snapshot.snd_una, snapshot.iss, sent),
        "snd.nxt": _relative(snapshot.snd_nxt, snapshot.iss, sent),
        "snd.wnd": str(snapshot.snd_wnd),
        "rcv.nxt": _relative(snapshot.rcv_nxt, snapshot.irs, synced),
        "rcv.wnd": str(snapshot.rcv_wnd),
        "cwnd": str(snapshot.cwnd),
        "ssthresh": "∞" if huge else str(snapshot.ssthresh),
        "phase": snapshot.phase,
        "srtt": _time(snapshot.srtt_ns),
        "rttvar": _time(snapshot.rttvar_ns),
        "rto": _time(snapshot.rto_ns),
        "backoff": str(snapshot.backoff),
        "mss": str(snapshot.mss),
        "flight": str(snapshot.flight),
        "unsent": str(snapshot.unsent),
        "readable": str(snapshot.bytes_readable),
        "snd.wl1": _relative(snapshot.snd_wl1, snapshot.irs, synced),
        "snd.wl2": _relative(snapshot.snd_wl2, snapshot.iss, sent),
        "iss": str(snapshot.iss) if sent else UNKNOWN,
        "irs": str(snapshot.irs) if synced else UNKNOWN,
    }
    runs = [
        f"{_relative(left, snapshot.irs, True)}-{_relative(right, snapshot.irs, True)}"
        for left, right in snapshot.out_of_order
    ]
    found["out-of-order"] = " ".join(runs) or "-"
    return found


class Space:
    """The sender's sequence space in bytes from the ISN.

    [0, una) is acknowledged, [una, nxt) in flight, [nxt, edge) may be sent, from `edge` on
    it may not; `unsent` bytes wait to be sent.
    """

    __slots__ = ("edge", "nxt", "una", "unsent")

    def __init__(self, snapshot: Snapshot) -> None:
        self.una = seq_diff(snapshot.snd_una, snapshot.iss)
        self.nxt = seq_diff(snapshot.snd_nxt, snapshot.iss)
        self.edge = max(self.nxt, self.una + min(snapshot.snd_wnd, max(snapshot.cwnd, 0)))
        self.unsent = snapshot.unsent


class End:
    """One endpoint at a step.

    state, before: its state now and a step ago      fields: its TCB (empty: there is none)
    last:          its last change of state as (old, new, words), or None
    """

    __slots__ = ("before", "conn", "fields", "host", "last", "note", "snapshot", "space", "state")

    def __init__(self, host: str, conn: int, state: str, before: str) -> None:
        self.host = host
        self.conn = conn
        self.state = state
        self.before = before
        self.fields: list[Field] = []
        self.snapshot: Snapshot | None = None
        self.space: Space | None = None
        self.last: tuple[str, str] | None = None
        self.note = ""


class Packet:
    """A packet in flight: its number in the run, what it is, from where to where, and when it arrives."""

    __slots__ = ("arrives_ns", "row", "sender", "target", "text", "uid")

    def __init__(self, uid: int, text: str, sender: str, target: str, arrives_ns: int, row: PacketRow | None) -> None:
        self.uid = uid
        self.text = text
        self.sender = sender
        self.target = target
        self.arrives_ns = arrives_ns
        self.row = row


class View:
    """One step of a timeline, to look at."""

    def __init__(self, timeline: Timeline, index: int) -> None:
        self.timeline = timeline
        self.index = index
        self.mark = timeline.marks[index]
        self.recorder = timeline.source.recorder
        self.focus: SegmentRow | None = None
        """The segment that a predicate is being asked about."""

    @property
    def t_ns(self) -> int:
        """When."""
        return self.mark.t_ns

    def why(self) -> Why:
        """What happened, and why."""
        if self.index == 0 and self.mark.end == 0:
            why = Why()
            why.headlines.append("Nothing has happened yet")
            return why
        return explain(self.timeline.events(self.index), self.recorder, self.mark.words)

    def ends(self) -> list[End]:
        """The two ends that talk."""
        return [self.end(host) for host in self.timeline.ends(self.index) if host]

    def end(self, host: str, conn: int = 0) -> End:
        """One endpoint: the host's connection that acted last, or the one given."""
        timeline, index = self.timeline, self.index
        conn = conn or timeline.conn(index, host)
        snapshot = timeline.snapshot(index, (host, conn))
        earlier = timeline.snapshot(index - 1, (host, conn)) if index else None
        state = self._state(index, host, conn, snapshot)
        before = self._state(index - 1, host, conn, earlier) if index else state
        end = End(host, conn, state, before)
        end.last = self._last_change(host, conn)
        if snapshot is None:
            if timeline.source.has_tcb:
                end.note = "the script plays it: it has no TCB" if host in timeline.source.opaque else "no TCB"
            else:
                end.fields = self._seen(host)
            return end
        end.snapshot = snapshot
        old = variables(earlier) if earlier is not None else {}
        for name, value in variables(snapshot).items():
            was = old.get(name, value)
            end.fields.append(Field(name, value, was if was != value else ""))
        if snapshot.state not in ("CLOSED", "LISTEN"):
            end.space = Space(snapshot)
        return end

    def _seen(self, host: str) -> list[Field]:
        """The variables as far as a tap can tell; `?` for what it cannot."""
        source, marks = self.timeline.source, self.timeline.marks
        now = source.seen(self.mark.steps, host)
        old = source.seen(marks[self.index - 1].steps, host) if self.index else now
        names = (
            "snd.una",
            "snd.nxt",
            "snd.wnd",
            "rcv.nxt",
            "rcv.wnd",
            "cwnd",
            "ssthresh",
            "srtt",
            "rto",
            "mss",
            "flight",
        )
        found = []
        for name in names:
            value, was = now.get(name, UNKNOWN), old.get(name, UNKNOWN)
            found.append(Field(name, value, was if was != value else ""))
        return found

    def _state(self, index: int, host: str, conn: int, snapshot: Snapshot | None) -> str:
        if snapshot is not None:
            return snapshot.state
        change = self._change_at(index, host, conn)
        if change is not None:
            return change[1]
        source = self.timeline.source
        return "CLOSED" if source.has_tcb and host not in source.opaque else UNKNOWN

    def _change_at(self, index: int, host: str, conn: int) -> tuple[str, str] | None:
        return self.timeline.change_of_state(index, (host, conn))

    def _last_change(self, host: str, conn: int) -> tuple[str, str] | None:
        return self._change_at(self.index, host, conn)

    def changed_now(self, end: End) -> bool:
        """The end changed its state in this very step."""
        return any(
            isinstance(event, ev.StateChanged) and (event.host, event.conn) == (end.host, end.conn)
            for event in self.timeline.events(self.index)
        )

    def flights(self) -> list[Packet]:
        """The packets in flight, in the order of arrival."""
        found = []
        for flight in self.timeline.flights(self.index):
            row = self.recorder.row_of_uid(flight.uid)
            text = segment_words(row) if row is not None else "a packet"
            found.append(Packet(flight.uid, text, flight.sender, flight.target, flight.arrives_ns, row))
        return found

    def timers(self) -> list[tuple[int, str, str]]:
        """Running timers as (deadline, host, name), the earliest first."""
        found = [
            (at_ns, host, timer)
            for (host, _), snapshot in self.timeline.snapshots(self.index).items()
            for timer, at_ns in snapshot.timers
        ]
        return sorted(found)

    def segment(self) -> SegmentRow | None:
        """The segment that this step is about: sent, received or lost; of several the last sent."""
        best: SegmentRow | None = None
        for event in self.timeline.events(self.index):
            packet = getattr(event, "segment", None) or getattr(event, "packet", None)
            row = self.recorder.row_of(packet) if packet is not None else None
            if isinstance(row, SegmentRow) and (best is None or isinstance(event, ev.SegmentSent)):
                best = row
        return best

    def segments(self) -> list[SegmentRow]:
        """Every segment that this step touches."""
        found: list[SegmentRow] = []
        for event in self.timeline.events(self.index):
            packet = getattr(event, "segment", None) or getattr(event, "packet", None)
            row = self.recorder.row_of(packet) if packet is not None else None
            if isinstance(row, SegmentRow) and row not in found:
                found.append(row)
        return found

    def rungs(self, count: int, ahead: int = 0) -> list[Rung]:
        """The last `count` rungs of the ladder up to this step, and up to `ahead` of the steps after it."""
        return rungs_of(self.timeline, self.index, count, ahead)

    def clock(self) -> str:
        """The time: `2.350 s`."""
        return f"{format_seconds(self.t_ns)} s"
