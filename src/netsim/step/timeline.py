"""The timeline: record forwards, look backwards.

Applications are coroutines and cannot be copied, so going back never runs anything. While a
run goes forward, the timeline notes after every step what changed: each endpoint's snapshot
in a list of its own, the packets in flight as differences with a whole set now and then.
A look at any step is an index look-up: exact, and as quick at step 100,000 as at step 1.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from netsim.base import events as ev

if TYPE_CHECKING:
    from netsim.step.source import Flight, Key, Source
    from netsim.tcp.snapshot import Snapshot

EVENT: Final = 1
SEGMENT: Final = 2
STATE: Final = 4
TIMER: Final = 8
WHAT_IF: Final = 16
KINDS: Final = {"event": EVENT, "segment": SEGMENT, "state": STATE, "timer": TIMER}
"""What one can step by."""

_SEGMENT_EVENTS: Final = (ev.SegmentSent, ev.SegmentReceived, ev.PacketDropped, ev.PacketDelivered)
KEYFRAME: Final = 128
"""So often the packets in flight are noted as a whole."""


class Mark:
    """One step: when it was, what it was, and which events of the tape belong to it.

    kinds: EVENT, SEGMENT, ... or-ed together      steps: steps of the engine made so far
    words: the intervention that this step is, "" for a step of the run
    """

    __slots__ = ("end", "first", "kinds", "steps", "t_ns", "words")

    def __init__(self, t_ns: int, steps: int, first: int, end: int, kinds: int, words: str) -> None:
        self.t_ns = t_ns
        self.steps = steps
        self.first = first
        self.end = end
        self.kinds = kinds
        self.words = words


class Timeline:
    """Everything that was, by step number. Step 0 is before anything happened."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.marks: list[Mark] = []
        self.times: list[int] = []
        self.over = False
        self.arrived: dict[int, int] = {}
        """uid of a packet -> the step at which it reached its destination; likewise `dropped`."""
        self.dropped: dict[int, int] = {}
        self.entered: dict[int, int] = {}
        """uid of a packet -> the step at which it was sent."""
        self._places: dict[Key, list[int]] = {}
        self._snapshots: dict[Key, list[Snapshot | None]] = {}
        self._last: dict[Key, Snapshot] = {}
        self._focus: dict[str, tuple[list[int], list[int]]] = {}
        self._ends: tuple[list[int], list[tuple[str, str]]] = ([], [])
        self._changes: dict[Key, tuple[list[int], list[tuple[str, str]]]] = {}
        self._flying: dict[int, Flight] = {}
        self._deltas: list[tuple[tuple[Flight, ...], tuple[int, ...]] | None] = []
        self._keyframes: list[dict[int, Flight]] = []
        self._note("", 0)

    # --- going forward ----------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.marks)

    @property
    def last(self) -> int:
        """The furthest step that has been recorded."""
        return len(self.marks) - 1

    def extend(self) -> bool:
        """Record one more step. False: the run is over."""
        while not self.over:
            first = len(self.source.events)
            words = self.source.advance()
            if words is None:
                self.over = True
                if len(self.source.events) > first:
                    self._note("", first)
                    return True
                return False
            if not words and first == len(self.source.events) and not self._changed():
                self.marks[-1].steps = self.source.steps  # an application woke up and did nothing
                continue
            self._note(words, first)
            return True
        return False

    def reach(self, index: int) -> int:
        """Record until step `index` is there; the step that could be reached."""
        while self.last < index and self.extend():
            pass
        return min(index, self.last)

    def reach_end(self) -> int:
        """Record everything; the last step."""
        while self.extend():
            pass
        return self.last

    def _changed(self) -> bool:
        return (
            self.source.snapshots() != self._last
            or {flight.uid: flight for flight in self.source.flights()} != self._flying
        )

    def _note(self, words: str, first: int) -> None:
        source = self.source
        index = len(self.marks)
        events = source.events
        kinds = EVENT | (WHAT_IF if words else 0)
        for place in range(first, len(events)):
            kinds |= self._see(events[place], index)
        self.marks.append(Mark(source.now_ns, source.steps, first, len(events), kinds, words))
        self.times.append(source.now_ns)
        self._note_snapshots(index)
        self._note_flights(index)

    def _see(self, event: ev.Event, index: int) -> int:
        """Note where packets begin and end and who acts; returns the kinds of step that the event makes."""
        if isinstance(event, ev.PacketSent):
            self.entered.setdefault(event.packet.uid, index)
            return SEGMENT
        if isinstance(event, ev.PacketDelivered):
            self.arrived[event.packet.uid] = index
            return SEGMENT
        if isinstance(event, ev.PacketDropped):
            self.dropped[event.packet.uid] = index
            return SEGMENT
        if isinstance(event, ev.PacketImpaired):
            if event.packet.uid not in self.entered:
                self.entered[event.packet.uid] = index
            return SEGMENT
        if event.conn:
            self._act(event, index)
        if isinstance(event, ev.SegmentSent | ev.SegmentReceived):
            return SEGMENT
        if isinstance(event, ev.StateChanged):
            places, changes = self._changes.setdefault((event.host, event.conn), ([], []))
            places.append(index)
            changes.append((event.old, event.new))
            return STATE
        return TIMER if isinstance(event, ev.TimerExpired) else 0

    def _act(self, event: ev.Event, index: int) -> None:
        places, conns = self._focus.setdefault(event.host, ([], []))
        if not conns or conns[-1] != event.conn:
            places.append(index)
            conns.append(event.conn)
        if isinstance(event, ev.SegmentReceived | ev.SegmentSent):
            segment = event.segment
            addresses = self.source.recorder.addresses
            two = (addresses.get(segment.src, ""), addresses.get(segment.dst, ""))
            self._pair(two if isinstance(event, ev.SegmentSent) else (two[1], two[0]), index)

    def _pair(self, pair: tuple[str, str], index: int) -> None:
        if not all(pair):
            return
        order = {name: place for place, name in enumerate(self.source.hosts)}
        left, right = sorted(pair, key=lambda name: order.get(name, len(order)))
        places, pairs = self._ends
        if not pairs or pairs[-1] != (left, right):
            places.append(index)
            pairs.append((left, right))

    def _note_snapshots(self, index: int) -> None:
        now = self.source.snapshots()
        for key, snapshot in now.items():
            if self._last.get(key) != snapshot:
                self._places.setdefault(key, []).append(index)
                self._snapshots.setdefault(key, []).append(snapshot)
        for key in self._last:
            if key not in now:
                self._places[key].append(index)
                self._snapshots[key].append(None)
        self._last = now

    def _note_flights(self, index: int) -> None:
        mark = self.marks[index]
        flying = self._flying
        known = None
        if index and not mark.words:
            known = self.source.flights_after(flying, self.source.events[mark.first : mark.end])
        if known is None:
            now = {flight.uid: flight for flight in self.source.flights()}
            added = [flight for uid, flight in now.items() if flying.get(uid) != flight]
            removed = [uid for uid in flying if uid not in now]
        else:
            added, removed = known
        self._deltas.append((tuple(added), tuple(removed)) if added or removed else None)
        for uid in removed:
            del flying[uid]
        for flight in added:
            flying[flight.uid] = flight
        if index % KEYFRAME == 0:
            self._keyframes.append(dict(flying))

    # --- looking back -----------------------------------------------------------------------

    def snapshot(self, index: int, key: Key) -> Snapshot | None:
        """The variables of one endpoint at a step. None: there was no such connection (any more)."""
        places = self._places.get(key)
        if places is None:
            return None
        at = bisect_right(places, index)
        return self._snapshots[key][at - 1] if at else None

    def snapshots(self, index: int) -> dict[Key, Snapshot]:
        """Every endpoint at a step, as the simulator would have shown them then."""
        found = {key: self.snapshot(index, key) for key in self._places}
        return {key: snapshot for key, snapshot in found.items() if snapshot is not None}

    def flights(self, index: int) -> list[Flight]:
        """The packets in flight at a step, in the order of arrival."""
        frame = index // KEYFRAME
        flying = dict(self._keyframes[frame])
        for place in range(frame * KEYFRAME + 1, index + 1):
            delta = self._deltas[place]
            if delta is not None:
                for uid in delta[1]:
                    flying.pop(uid, None)
                for flight in delta[0]:
                    flying[flight.uid] = flight
        return sorted(flying.values(), key=lambda flight: (flight.arrives_ns, flight.uid))

    def events(self, index: int) -> list[ev.Event]:
        """What happened in a step."""
        mark = self.marks[index]
        return self.source.events[mark.first : mark.end]

    def conn(self, index: int, host: str) -> int:
        """The number of the connection of a host that acted last; 0: none has."""
        places, conns = self._focus.get(host, ([], []))
        at = bisect_right(places, index)
        return conns[at - 1] if at else 0

    def ends(self, index: int) -> tuple[str, str]:
        """The two hosts that talked last, left and right; at first the first two."""
        places, pairs = self._ends
        at = bisect_right(places, index)
        if at:
            return pairs[at - 1]
        hosts = self.source.hosts
        if pairs:
            return pairs[0]
        return (hosts[0], hosts[1]) if len(hosts) > 1 else (hosts[0] if hosts else "", "")

    def pairs(self) -> list[tuple[str, str]]:
        """The pairs of hosts that talked, in order."""
        return self._ends[1]

    def change_of_state(self, index: int, key: Key) -> tuple[str, str] | None:
        """The last change of state of an endpoint up to a step, as (old, new)."""
        places, changes = self._changes.get(key, ([], []))
        at = bisect_right(places, index)
        return changes[at - 1] if at else None

    def fate(self, uid: int, index: int) -> str:
        """What was known of a packet at a step: "flying", "arrived" or "lost"."""
        if self.arrived.get(uid, index + 1) <= index:
            return "arrived"
        return "lost" if self.dropped.get(uid, index + 1) <= index else "flying"

    def digest(self, index: int) -> str:
        """A digest of everything that a look at this step shows."""
        return state_digest(self.times[index], self.snapshots(index), self.flights(index))

    def find_time(self, t_ns: int) -> int:
        """The last step at or before a time, as far as is recorded."""
        return max(0, bisect_right(self.times, t_ns) - 1)


def state_digest(t_ns: int, snapshots: dict[Key, Snapshot], flights: list[Flight]) -> str:
    """SHA-256 over time, snapshots and packets in flight, in a fixed order."""
    digest = hashlib.sha256(str(t_ns).encode())
    for key in sorted(snapshots):
        digest.update(repr((key, list(snapshots[key].as_dict().items()))).encode())
    for flight in sorted(each.as_tuple() for each in flights):
        digest.update(repr(flight).encode())
    return digest.hexdigest()
