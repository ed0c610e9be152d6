"""What the simulator knows of every frame that a tap sees: sent again or not and why, and both ends' states.

A tap cannot know everything. Where it cannot, the truth says so: `Frame.hidden` for a resend whose original
the tap has not seen, None for a state that nothing at the tap could have told.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from netsim.base.events import TimerExpired
from netsim.base.packet import FIN, RST, SYN
from netsim.report.pcap import frames_at, write_pcap
from netsim.report.rows import PROCESSED, SENT, SegmentRow

if TYPE_CHECKING:
    from netsim.report.record import Recorder

NEW: Final = "not resent"
RESENT: Final = "resent, cause unknown"
COPY: Final = "copy"
DAMAGED: Final = "damaged"
LATE: Final = "overtaken"
STRAY: Final = "stray"

CAUSES: Final = {
    "timeout": "timeout", "syn": "timeout", "fin": "timeout", "fast": "fast", "partial": "fast", "sack": "fast",
    "rack": "fast", "tlp": "tail probe", "go-back": "go-back", "persist": "window probe", "keep-alive": "keep-alive",
}  # fmt: skip
"""The simulator's causes in the words of the matrix; every mechanism that repairs by ACKs is "fast"."""
_PROBES_WITH_NEW: Final = "tlp-new-data"
_ANSWERS_SYN: Final = "syn-ack-again"
_LONE: Final = ("timeout", "tail probe")
_TWIN_NS: Final = 200_000
_FOR_EVER_NS: Final = 1 << 62
_TELLING: Final = SYN | FIN | RST
_FIN_QUEUED: Final = {"FIN-WAIT-1": "ESTABLISHED", "LAST-ACK": "CLOSE-WAIT", "CLOSING": "CLOSE-WAIT"}
_FIN_LATE: Final = {"CLOSING": "LAST-ACK", "TIME-WAIT": "CLOSED"}
_BEFORE_FIN: Final = ("SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2")
_DELAYED_ACK_NS: Final = 1_000_000_000

_Flow = tuple[str, int, str, int]


def _flow_of(row: SegmentRow) -> _Flow:
    seg = row.segment
    return seg.src, seg.sport, seg.dst, seg.dport


class Frame:
    """One frame of a capture.

    number: position in the file          row: what the recorder has of it
    cause:  NEW, COPY, DAMAGED, LATE (overtaken on the way), STRAY (sent by others in an end's name, over what
            they sent, or by an earlier connection) or why it was sent again
    near:   the tap is at its sender
    hidden: to a tap it may look new: nothing of what it resends passed before, or it is a probe with new data
    lone:   the last segment outstanding, sent again for the first time: probe and timer may come at one moment
    twin:   sent again at the very moment: without an IP identification it is a copy to the tap
    states: (sender's, receiver's) state as the tap can know it after this frame, None where it cannot
    spoke:  which of the two the tap has heard by then (resets apart, which those without a connection send, too)
    """

    __slots__ = ("cause", "hidden", "lone", "near", "number", "row", "spoke", "states", "t_ns", "twin")

    def __init__(self, number: int, t_ns: int, row: SegmentRow, near: bool) -> None:
        self.number = number
        self.t_ns = t_ns
        self.row = row
        self.near = near
        self.cause = NEW
        self.hidden = False
        self.lone = False
        self.twin = False
        self.states: tuple[str | None, str | None] = (None, None)
        self.spoke = (False, False)

    def accepts(self, word: str) -> bool:
        """The word is right for it, or as right as a tap can be."""
        if word == self.cause or self.cause == STRAY:
            return True
        if self.cause == RESENT and word not in (NEW, COPY, LATE):
            return True  # FreeBSD repeats its FIN on every ACK: any mechanism may be behind it
        if self.lone and word in _LONE:
            return self.cause in _LONE
        return word == NEW if self.hidden else word == COPY and self.twin

    def accepts_state(self, which: int, state: str) -> bool:
        """The inferred state of its sender (0) or receiver (1) is right; "" is, of an end that was not heard."""
        truth = self.states[which]
        return truth is None or state == truth or (state == "" and not self.spoke[which])


class _End:
    """One host's end of a pair of addresses and ports, while a tap's frames go by.

    at, state, conn: the latest moment of the run of which the tap has a sign, and what this end was then
    doubt_ns:        something towards it did not get there, or it changed by itself: unknown until the tap
                     sees something of it later than this; -1: nothing of the kind
    forged:          others have sent in its name
    """

    __slots__ = ("at", "conn", "doubt_ns", "forged", "host", "spoke", "state")

    def __init__(self, host: str) -> None:
        self.spoke = False
        self.host = host
        self.at = -1
        self.conn = 0
        self.state: str | None = None
        self.doubt_ns = -1
        self.forged = False

    def reached(self, index: int, conn: int, state: str) -> None:
        """At moment `index` of the run this end was in `state`."""
        if index > self.at:
            self.at = index
            self.conn = conn
            self.state = state


class Truth:
    """All frames of a run as a tap at one host sees them."""

    def __init__(self, recorder: Recorder, tap: str) -> None:
        self.recorder = recorder
        self.tap = tap
        self.sent_at: dict[int, int] = {}
        self.processed_at: dict[int, tuple[int, str]] = {}
        self.new_probes: set[int] = set()
        probing: set[tuple[str, int]] = set()
        for index, moment in enumerate(recorder.moments):
            if moment.row is None:
                event = moment.event
                if isinstance(event, TimerExpired) and event.reason.code == _PROBES_WITH_NEW:
                    probing.add((event.host, event.conn))
                continue
            if moment.kind == SENT:
                self.sent_at.setdefault(id(moment.row), index)
                if (moment.row.sender, moment.row.conn_from) in probing:
                    probing.discard((moment.row.sender, moment.row.conn_from))
                    if isinstance(moment.row, SegmentRow) and not moment.row.retransmission:
                        self.new_probes.add(id(moment.row))
            elif moment.kind == PROCESSED:
                self.processed_at[id(moment.row)] = (index, getattr(moment.event, "state", ""))
        self.telling: dict[_Flow, list[tuple[int, SegmentRow]]] = {}
        self.forged: dict[_Flow, list[int]] = {}
        for row in recorder.segments:
            index = self.sent_at.get(id(row), -1)
            if ("injected", "") in row.changes:
                self.forged.setdefault(_flow_of(row), []).append(index)
            elif row.copy_of is None and row.segment.flags & _TELLING:
                self.telling.setdefault(_flow_of(row), []).append((index, row))
        self.slowest_ns = self._slowest()
        self.whole: set[int] = set()
        self.overtaken = self._overtaken()
        self.frames = self._frames()
        self._causes()
        self._states()

    def write(self, path: Path) -> Path:
        """Write the capture."""
        write_pcap(self.recorder, str(path), self.tap)
        return path

    def _frames(self) -> list[Frame]:
        found = []
        for number, (t_ns, packet) in enumerate(frames_at(self.recorder, self.tap), 1):
            row = self.recorder.row_of(packet)
            if isinstance(row, SegmentRow):
                found.append(Frame(number, t_ns, row, row.sender == self.tap))
        return found

    def _slowest(self) -> int:
        """After this nobody can take the answer to one thing for the answer to another."""
        found = 0
        for row in self.recorder.segments:
            if row.sent_ns is not None and row.received_ns is not None and not row.changes:
                found = max(found, row.received_ns - row.sent_ns)
        return 8 * found + _DELAYED_ACK_NS

    def _overtaken(self) -> set[int]:
        """Segments (by identity of their rows) that something sent later passed on the way."""
        found: set[int] = set()
        first: dict[_Flow, int] = {}
        for row in reversed(self.recorder.segments):
            if row.received_ns is None:
                continue
            flow = _flow_of(row)
            if row.received_ns > first.get(flow, _FOR_EVER_NS):
                found.add(id(row))
            first[flow] = min(row.received_ns, first.get(flow, _FOR_EVER_NS))
        return found

    # --- sent again, and why ------------------------------------------------------------

    def _causes(self) -> None:
        """Fill in `cause` and `hidden`."""
        seen: dict[_Flow, list[tuple[int, int]]] = {}
        uids: set[int] = set()
        last_sent: dict[tuple[_Flow, int], int] = {}
        forged: dict[_Flow, list[tuple[int, int]]] = {}
        newest: dict[_Flow, int] = {}
        highest: dict[_Flow, int] = {}
        resent: set[tuple[_Flow, int]] = set()
        last_seen: dict[tuple[_Flow, int, int], int] = {}
        fins: set[tuple[_Flow, int, int]] = set()
        for frame in self.frames:
            row = frame.row
            seg = row.segment
            flow = _flow_of(row)
            start, end = seg.seq, seg.seq + seg.seg_len()
            ranges = seen.setdefault(flow, [])
            original = row.copy_of.uid if row.copy_of is not None else row.uid
            arrived = row.arrived
            if not frame.near and arrived is not None and arrived.corrupted:
                frame.cause = DAMAGED
                frame.hidden = True  # plain segments are not summed as they pass
            elif original in uids:
                frame.cause = COPY
                frame.hidden = not seg.seg_len()  # equal pure ACKs in a row are normal
            elif row.retransmission:
                frame.cause = CAUSES[row.cause]
                if row.reason is not None and row.reason.code == _ANSWERS_SYN:
                    frame.cause = RESENT
                frame.hidden = not any(low < end and start < high for low, high in ranges)
                if frame.cause in _LONE:
                    frame.lone = end == highest.get(flow) and (flow, start) not in resent
                resent.add((flow, start))
                frame.twin = frame.t_ns - last_seen.get((flow, start, end), -_TWIN_NS) < _TWIN_NS
            elif seg.flags & FIN and (flow, row.conn_from, seg.seq + row.length) in fins:
                frame.cause = RESENT  # FreeBSD puts its FIN on every ACK of FIN-WAIT-1
                frame.twin = frame.t_ns - last_seen.get((flow, start, end), -_TWIN_NS) < _TWIN_NS
            sent = self.sent_at.get(id(row), -1)
            if ("injected", "") in row.changes or any(low < end and start < high for low, high in forged.get(flow, ())):
                frame.cause = STRAY
                forged.setdefault(flow, []).append((start, end))
            elif 0 < row.conn_from < newest.get(flow, 0):
                frame.cause = STRAY
            elif id(row) in self.new_probes:
                frame.cause = "tail probe"
                frame.hidden = True
            elif frame.cause == NEW and seg.seg_len() and sent < last_sent.get((flow, row.conn_from), -1):
                frame.cause = LATE
            newest[flow] = max(row.conn_from, newest.get(flow, 0))
            if frame.cause != DAMAGED:
                uids.add(original)
                if seg.flags & FIN:
                    fins.add((flow, row.conn_from, seg.seq + row.length))
                ranges.append((start, end))
                highest[flow] = max(end, highest.get(flow, 0))
                last_seen[flow, start, end] = frame.t_ns
                if seg.seg_len():
                    last_sent[flow, row.conn_from] = max(sent, last_sent.get((flow, row.conn_from), -1))

    # --- states --------------------------------------------------------------------------

    def _states(self) -> None:
        """Fill in `states`: where each end was after all that this frame and those before it tell of it."""
        ends: dict[_Flow, _End] = {}
        passed: set[tuple[_Flow, int, int]] = set()
        finished: set[tuple[_Flow, int]] = set()
        for frame in self.frames:
            row = frame.row
            flow = _flow_of(row)
            back = (flow[2], flow[3], flow[0], flow[1])
            own = ends.setdefault(flow, _End(row.sender))
            other = ends.setdefault(back, _End(self.recorder.receiver_of(row)))
            if ("injected", "") in row.changes:
                own.forged = True
            elif frame.cause != DAMAGED:
                original = row.copy_of if isinstance(row.copy_of, SegmentRow) else row
                state = original.from_state if original.conn_from else "CLOSED"
                own.reached(self.sent_at.get(id(original), -1), original.conn_from, state)
                passed.add((flow, row.seq, row.segment.flags & _TELLING))
                self.whole.add(id(original))
                own.spoke = own.spoke or not row.segment.flags & RST
                if frame.t_ns > own.doubt_ns:
                    own.doubt_ns = -1
            if row.segment.flags & FIN and not own.forged:
                finished.add((flow, row.conn_from))
            self._towards(frame, other, (flow, row.conn_from) in finished)
            frame.spoke = (own.spoke, other.spoke)
            frame.states = (self._state_of(own, flow, passed), self._state_of(other, back, passed))

    def _towards(self, frame: Frame, end: _End, fin_passed: bool) -> None:
        """The frame goes to `end`: what becomes of it there. `fin_passed`: the tap has seen the peer's FIN."""
        row = frame.row
        done = None if id(row) in self.overtaken else self.processed_at.get(id(row))
        silently = end.state is not None and row.at_state not in (None, end.state) and end.at < (done or (0,))[0]
        if done is not None and done[1]:
            before = end.state
            end.reached(done[0], row.conn_to, done[1])
            silently = silently and before != row.at_state
        before_fin = done is not None and done[1] in _BEFORE_FIN and fin_passed
        again = row.segment.flags & FIN and frame.cause != NEW  # some look at the ACK of what they have, some do not
        if done is None or not done[1] or before_fin or again or (silently and not self._closing(end, row)):
            end.doubt_ns = max(end.doubt_ns, frame.t_ns + self.slowest_ns)
        if row.segment.flags & RST and row.at_state == "TIME-WAIT":
            end.doubt_ns = _FOR_EVER_NS  # RFC 1337: some go, some stay

    def _closing(self, end: _End, row: SegmentRow) -> bool:
        """It has only queued a FIN, or sent one: that is dealt with elsewhere."""
        return row.at_state in ("FIN-WAIT-1", "LAST-ACK")

    def _state_of(self, end: _End, flow: _Flow, passed: set[tuple[_Flow, int, int]]) -> str | None:
        """The state as a tap can know it."""
        if end.doubt_ns >= 0 or end.forged or (end.host != self.tap and self._is_forged(flow, end.at)):
            return None
        fin_sent = queued = False
        for index, row in self.telling.get(flow, ()):
            if index > end.at or row.conn_from != end.conn:
                continue
            if (flow, row.seq, row.segment.flags & _TELLING) not in passed:
                return None
            if row.segment.flags & FIN and not fin_sent and id(row) in self.whole:
                fin_sent = True
                queued = row.from_state == "CLOSING"
        if not fin_sent and end.state in _FIN_QUEUED:
            # CLOSE was called and its FIN still waits behind data: nothing tells that.
            return _FIN_QUEUED[end.state]
        if queued and end.state in _FIN_LATE:
            # It was called before the peer's FIN came, but its own left after it.
            return _FIN_LATE[end.state]
        return "CLOSED" if end.state == "LISTEN" else end.state  # whether somebody listens is not visible

    def _is_forged(self, flow: _Flow, index: int) -> bool:
        """Somebody has sent to this end in its peer's name by then, behind the tap's back."""
        back = (flow[2], flow[3], flow[0], flow[1])
        return any(at <= index for at in self.forged.get(back, ()))
