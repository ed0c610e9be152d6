"""From a recorder to the items of a ladder: which conversation, which sides, what is worth a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base import events as ev
from netsim.base.errors import UsageError
from netsim.base.packet import IcmpMessage, UdpDatagram
from netsim.base.units import format_duration, format_seconds
from netsim.report.items import LEFT, RIGHT, Arrow, Item, Ladder, NoteMark, StateMark, TimerMark, is_dull
from netsim.report.rows import ARRIVED, DROPPED, HAPPENED, PROCESSED, SENT, PacketRow, SegmentRow

if TYPE_CHECKING:
    from netsim.report.record import Recorder
    from netsim.report.rows import EndpointRecord, Moment

QUIET_TIMERS: Final = frozenset({"pacing"})
"""Timers that fire too often to be told."""
TIMER_WORDS: Final = {
    "delayed-ACK": "delayed ACK",
    "loss-probe": "tail loss probe",
    "override": "silly-window override",
    "FIN-WAIT-2": "FIN-WAIT-2 time-out",
}
CHANGE_WORDS: Final = {"delay": "delayed", "reorder": "delayed", "corrupt": "corrupted", "edit": "altered"}


def ordinal(count: int) -> str:
    """`1st`, `2nd`, `3rd`, `4th`, `11th`."""
    if 10 <= count % 100 <= 20:
        return f"{count}th"
    return f"{count}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(count % 10, 'th') }"


class Sides:
    """Which host stands on which side, and which flows the ladder shows."""

    def __init__(self, recorder: Recorder, hosts: list[str], flow: int | None) -> None:
        pairs: dict[int, tuple[str, str]] = {}
        for row in recorder.segments:
            if row.flow not in pairs and row.sender:
                pairs[row.flow] = (row.sender, recorder.receiver_of(row))
        if flow is not None and flow not in pairs:
            known = f"1 to {len(pairs)}" if len(pairs) > 1 else "only 1" if pairs else "none"
            raise UsageError(f"there is no connection {flow} in this run: it has {known}")
        order = {name: place for place, name in enumerate(dict.fromkeys([*hosts, *recorder.hosts]))}
        self.hidden_flows = 0
        shown = {number: pair for number, pair in pairs.items() if flow in (None, number)}
        names = {name for pair in shown.values() for name in pair if name}
        hub = _hub(shown, order) if len(names) > 2 else None
        if hub is not None:
            shown = {number: pair for number, pair in shown.items() if hub in pair}
            names = {name for pair in shown.values() for name in pair if name}
        self.hidden_flows = len(pairs) - len(shown) if flow is None else 0
        self.flows = set(shown)
        self.names = sorted(names, key=lambda name: order.get(name, len(order)))
        if hub is None or len(self.names) < 3:
            self.left, self.right = self.names[:1], self.names[1:2]
        elif hub == self.names[0]:
            self.left, self.right = [hub], self.names[1:]
        else:
            self.left, self.right = [name for name in self.names if name != hub], [hub]
        if flow is None and not pairs:
            self.left, self.right = recorder.hosts[:1], recorder.hosts[1:2]
        self.several = len(self.flows) > 1
        self.hub = hub or ""

    def side(self, host: str) -> int | None:
        """LEFT, RIGHT, or None for a host that is not shown."""
        if host in self.left:
            return LEFT
        return RIGHT if host in self.right else None

    def who(self, host: str) -> str:
        """The host's name where its side has several, else ""."""
        for side in (self.left, self.right):
            if host in side and len(side) > 1:
                return host
        return ""


def _hub(pairs: dict[int, tuple[str, str]], order: dict[str, int]) -> str | None:
    """The host that takes part in the most flows; of equals the last in order, as servers are."""
    count: dict[str, int] = {}
    for pair in pairs.values():
        for name in dict.fromkeys(pair):
            if name:
                count[name] = count.get(name, 0) + 1
    return max(count, key=lambda name: (count[name], order.get(name, -1))) if count else None


class Builder:
    """Turns moments into items, one method per kind of moment."""

    def __init__(self, recorder: Recorder, hosts: list[str], flow: int | None) -> None:
        self.recorder = recorder
        self.sides = Sides(recorder, hosts, flow)
        self.items: list[Item] = []
        self.arrows: dict[tuple[str, int], Arrow] = {}
        self._timer_set: dict[tuple[str, int, str], tuple[int, int]] = {}
        self._twice: set[tuple[str, int]] = set()
        self._listened: set[str] = set()
        self._flow_of: dict[tuple[str, int], int] = {}
        # what an endpoint sends tells its conversation; what reaches it may be a stray of an earlier one
        for row in recorder.segments:
            if row.conn_from:
                self._flow_of.setdefault((row.sender, row.conn_from), row.flow)
        for row in recorder.segments:
            if row.conn_to:
                self._flow_of.setdefault((row.receiver, row.conn_to), row.flow)
        self._numbers = {flow: place for place, flow in enumerate(sorted(self.sides.flows), 1)}

    def build(self) -> list[Item]:
        """The items, in order."""
        for moment in self.recorder.moments:
            if moment.row is not None:
                self._packet(moment, moment.row)
            elif moment.kind == HAPPENED:
                self._happened(moment.event)
        for item in self.items:
            if isinstance(item, Arrow):
                item.dull = is_dull(item)
        return self.items

    def _tag(self, flow: int) -> str:
        return f"#{self._numbers[flow]}" if self.sides.several and flow in self._numbers else ""

    def _add(self, item: Item, host: str, flow: int) -> None:
        item.who = self.sides.who(host)
        item.tag = self._tag(flow)
        self.items.append(item)

    # --- packets ----------------------------------------------------------------------

    def _packet(self, moment: Moment, row: PacketRow) -> None:
        key = (row.kind, row.n)
        if isinstance(row, SegmentRow) and row.flow not in self.sides.flows:
            return
        if moment.kind == SENT:
            self._sent(row, key)
        elif moment.kind == ARRIVED and key not in self.arrows and row.sent_ns is None:
            self._sent(row, key)
        elif moment.kind == DROPPED and key in self.arrows:
            pass  # the arrow itself tells: it knew its fate when it was drawn
        elif moment.kind == PROCESSED and isinstance(row, SegmentRow) and row.accepted is False:
            if row.at_state != row.to_state:
                return  # not in order, yet it moved the state: that tells more
            side = self.sides.side(row.receiver)
            if side is not None and row.outcome is not None and not self._answered(moment.t_ns, side, row):
                words = row.outcome.code.replace("-", " ")
                note = NoteMark(moment.t_ns, side, f"not accepted: {words}", "rejected", reason=row.outcome)
                self._add(note, row.receiver, row.flow)

    def _answered(self, t_ns: int, side: int, row: SegmentRow) -> bool:
        """Whether the segment's own answer stands there, given for the very same reason."""
        for item in reversed(self.items):
            if item.t_ns != t_ns:
                break
            if isinstance(item, Arrow) and item.side == side and item.reason is not None:
                return row.outcome is not None and item.reason.code == row.outcome.code
        return False

    def _sent(self, row: PacketRow, key: tuple[str, int]) -> None:
        receiver = self.recorder.receiver_of(row)
        side = self.sides.side(row.sender)
        if side is None:
            other = self.sides.side(receiver)
            if other is None:
                return
            side = 1 - other
        elif row.kind != "tcp" and receiver and self.sides.side(receiver) is None:
            return
        arrow = _arrow(row, side)
        self.arrows[key] = arrow
        flow = row.flow if isinstance(row, SegmentRow) else 0
        self._add(arrow, row.sender, flow)
        if self.sides.side(row.sender) is None and row.sender:
            arrow.who = row.sender
        if row.drop_where and row.drop_where == receiver:
            arrow.lost_at_end = True

    # --- everything else ----------------------------------------------------------------

    def _happened(self, event: ev.Event) -> None:
        side = self.sides.side(event.host)
        flow = self._flow_of.get((event.host, event.conn), 0)
        if event.conn and flow and flow not in self.sides.flows:
            return
        if isinstance(event, ev.LinkChanged):
            self._add(NoteMark(event.t_ns, LEFT, f"{event.link}: {event.detail}", "link"), "", 0)
        if side is None:
            return
        item: Item | None = None
        if isinstance(event, ev.StateChanged):
            item = StateMark(event.t_ns, side, event.old, event.new, event.reason)
            if event.new == "LISTEN" and event.old == "CLOSED":
                return  # shown from the start
        elif isinstance(event, ev.TimerSet):
            item = self._timer_started(event, side)
        elif isinstance(event, ev.TimerExpired):
            item = self._timer_fired(event, side)
        elif isinstance(event, ev.Called):
            text = f"{event.call} {event.detail}".rstrip() + (f" → {event.result}" if event.result else "")
            item = NoteMark(event.t_ns, side, text, "call", detail=not event.result)
        elif isinstance(event, ev.Notified):
            item = NoteMark(event.t_ns, side, f"user told: {event.what}", "told", detail=True, reason=event.reason)
        elif isinstance(event, ev.Noted):
            words = event.reason.code.replace("-", " ")
            plain = event.reason.code == "crash"  # the host is gone: nothing below makes sense without it
            item = NoteMark(event.t_ns, side, words, "noted", detail=not plain, reason=event.reason)
        if item is not None:
            self._add(item, event.host, flow)

    def _timer_started(self, event: ev.TimerSet, side: int) -> TimerMark:
        key = (event.host, event.conn, event.timer)
        self._timer_set[key] = (event.t_ns, event.at_ns)
        name = TIMER_WORDS.get(event.timer, event.timer)
        again = ""
        if event.timer == "2MSL":
            again = " again" if (event.host, event.conn) in self._twice else ""
            self._twice.add((event.host, event.conn))
        text = f"{name}{again}, until {format_seconds(event.at_ns)}"
        is_detail = event.timer != "2MSL"
        return TimerMark(event.t_ns, side, text, expired=False, detail=is_detail, reason=event.reason)

    def _timer_fired(self, event: ev.TimerExpired, side: int) -> TimerMark:
        name = TIMER_WORDS.get(event.timer, event.timer)
        started = self._timer_set.get((event.host, event.conn, event.timer))
        text = name if started is None else f"{name} {format_duration(event.t_ns - started[0])}"
        if event.timer == "2MSL":
            text = "2MSL over"
        elif event.timer in ("RTO", "persist", "keep-alive") and event.count:
            text += f", {ordinal(event.count)} time"
        is_detail = event.timer in QUIET_TIMERS
        return TimerMark(event.t_ns, side, text, expired=True, detail=is_detail, reason=event.reason)


def _arrow(row: PacketRow, side: int) -> Arrow:
    """The arrow of one row."""
    t_ns = row.sent_ns if row.sent_ns is not None else row.received_ns or 0
    if not isinstance(row, SegmentRow):
        arrow = Arrow(t_ns, side, _other_words(row))
        arrow.length = len(row.packet.payload) if isinstance(row.packet, UdpDatagram) else 0
    else:
        arrow = Arrow(t_ns, side, row.names or "no flags", row.reason)
        arrow.n, arrow.seq, arrow.ack = row.n, row.rel_seq, row.rel_ack
        arrow.length, arrow.win, arrow.words = row.length, row.win, row.words
        if row.retransmission:
            arrow.resent = row.cause
    arrow.arrival_ns = row.received_ns
    arrow.copy = row.copy_of is not None
    arrow.lost = _lost_words(row)
    arrow.changes = [CHANGE_WORDS.get(what, what) for what, _ in row.changes if what != "duplicate"]
    return arrow


def _lost_words(row: PacketRow) -> str | None:
    if row.dropped is None:
        return None
    if row.drop_rule:
        return f'dropped by rule "{row.drop_rule}"'
    if row.drop_reason is None:
        return "lost"
    return "lost: " + row.drop_reason.code.removeprefix("link-").replace("-", " ")


ICMP_WORDS: Final = {(3, 0): "net unreachable", (3, 1): "host unreachable", (3, 2): "protocol unreachable",
                     (3, 3): "port unreachable", (11, 0): "time exceeded", (4, 0): "source quench"}  # fmt: skip
ICMP6_WORDS: Final = {(1, 0): "no route", (1, 3): "address unreachable", (1, 4): "port unreachable",
                      (3, 0): "time exceeded"}  # fmt: skip


def _other_words(row: PacketRow) -> str:
    """What a packet that is no segment is, for people."""
    packet = row.packet
    if isinstance(packet, UdpDatagram):
        return f"UDP {packet.sport} > {packet.dport}"
    if not isinstance(packet, IcmpMessage):
        return "IP packet"
    version = 6 if ":" in packet.src else 4
    kind = (packet.icmp_type, packet.icmp_code)
    if version == 4 and kind == (3, 4):
        return f"ICMP fragmentation needed, MTU {packet.mtu}"
    if version == 6 and packet.icmp_type == 2:
        return f"ICMPv6 packet too big, MTU {packet.mtu}"
    words = (ICMP_WORDS if version == 4 else ICMP6_WORDS).get(kind, f"type {kind[0]} code {kind[1]}")
    return f"{'ICMP' if version == 4 else 'ICMPv6'} {words}"


def _first_state(recorder: Recorder, host: str) -> str:
    """The state to show for a host before anything happens."""
    mine: list[EndpointRecord] = [record for (name, _), record in recorder.endpoints.items() if name == host]
    if not mine or not (mine[0].changes or mine[0].segments_sent):
        return ""
    first = mine[0]
    if first.initial == "CLOSED" and first.changes and first.changes[0][1] == "LISTEN":
        return "LISTEN"
    return first.initial


def ladder_from(recorder: Recorder, hosts: list[str] | None = None, connection: int | None = None) -> Ladder:
    """The ladder of a recorded run.

    hosts:      names in the order in which they should stand, left to right; then by appearance
    connection: show only this conversation (numbered from 1); None: all that fit one ladder

    Raises UsageError for a connection that does not exist.
    """
    builder = Builder(recorder, hosts or [], connection)
    items = builder.build()
    sides = builder.sides
    ladder = Ladder(", ".join(sides.left), ", ".join(sides.right), items)
    if len(sides.left) == 1:
        ladder.left_state = _first_state(recorder, sides.left[0])
    if len(sides.right) == 1:
        ladder.right_state = _first_state(recorder, sides.right[0])
    if sides.hidden_flows:
        total = sides.hidden_flows + len(sides.flows)
        ladder.notes.append(
            f"{len(sides.flows)} of {total} connections are shown, those of {sides.hub}; --connection N shows another"
        )
    return ladder


def make_absolute(ladder: Ladder, recorder: Recorder) -> None:
    """Replace the relative numbers on a ladder's arrows by those on the wire."""
    rows = {row.n: row for row in recorder.segments}
    for item in ladder.items:
        if isinstance(item, Arrow) and item.n:
            row = rows[item.n]
            item.seq, item.ack = row.seq, row.ack
