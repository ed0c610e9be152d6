"""Where steps come from: something that can be run forward one step at a time and looked at."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from netsim.base import events as ev
from netsim.scenario.runner import Run

if TYPE_CHECKING:
    from netsim.report.record import Recorder
    from netsim.scenario.model import Intervention, Scenario
    from netsim.scenario.outcome import RunResult
    from netsim.tcp.snapshot import Snapshot

Key = tuple[str, int]
"""(host, connection number)."""


class Flight:
    """One packet on its way. Two are equal when every field is.

    uid: its number in the run    sender, target: the nodes at the ends of the channel that carries it
    starts_ns: when its transmission starts    arrives_ns: when it reaches `target`
    """

    __slots__ = ("arrives_ns", "sender", "starts_ns", "target", "uid")

    def __init__(self, uid: int, sender: str, target: str, starts_ns: int, arrives_ns: int) -> None:
        self.uid = uid
        self.sender = sender
        self.target = target
        self.starts_ns = starts_ns
        self.arrives_ns = arrives_ns

    def as_tuple(self) -> tuple[int, str, str, int, int]:
        """Every field."""
        return (self.uid, self.sender, self.target, self.starts_ns, self.arrives_ns)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Flight) and self.as_tuple() == other.as_tuple()

    def __hash__(self) -> int:
        return hash(self.as_tuple())


class Source:
    """Something to step through.

    name, title: for people       hosts: in the order in which they stand, left to right
    events:      everything that happened so far; the source appends, readers only read
    can_fork:    what-if is possible (the run can be executed again)
    has_tcb:     endpoints can be looked into; a capture knows only what a tap sees
    """

    name: str = ""
    title: str = ""
    seed: int = 0
    can_fork: bool = False
    has_tcb: bool = True
    has_network: bool = True
    opaque: tuple[str, ...] = ()
    """Hosts that have no TCB to look into, though others have."""
    unit: str = "step"

    def __init__(self, recorder: Recorder, hosts: list[str]) -> None:
        self.recorder = recorder
        self.hosts = hosts
        self.events: list[ev.Event] = []

    @property
    def now_ns(self) -> int:
        """The time that has been reached."""
        raise NotImplementedError

    @property
    def steps(self) -> int:
        """How many steps of the engine were made: interventions are placed by this number."""
        raise NotImplementedError

    def advance(self) -> str | None:
        """Make one step. None: it is over; else "" or the words of an intervention that was carried out."""
        raise NotImplementedError

    def snapshots(self) -> dict[Key, Snapshot]:
        """The endpoints' variables now."""
        raise NotImplementedError

    def flights(self) -> list[Flight]:
        """The packets on their way now, in the order of arrival."""
        raise NotImplementedError

    def flights_after(self, before: dict[int, Flight], events: list[ev.Event]) -> tuple[list[Flight], list[int]] | None:
        """What `events` changed about the packets in flight: (new or changed, uids that are gone).

        None: that cannot be told from the events; compare all of `flights` with `before`.
        """
        return None

    def seen(self, steps: int, host: str) -> dict[str, str]:
        """What a tap can tell of an end's variables after so many steps (where `has_tcb` is False)."""
        return {}


class _Tape(ev.Sink):
    """Appends every event to the source's list."""

    def __init__(self) -> None:
        self.events: list[ev.Event] = []

    def emit(self, event: ev.Event) -> None:
        """Keep it."""
        self.events.append(event)


class ScenarioSource(Source):
    """A scenario in virtual time."""

    can_fork = True

    def __init__(self, scenario: Scenario, seed: int | None = None, changes: list[Intervention] | None = None) -> None:
        self.scenario = copy(scenario)
        self.scenario.interventions = [*scenario.interventions, *(changes or [])]
        tape = _Tape()
        self.run = Run(self.scenario, seed=seed, sink=tape)
        super().__init__(self.run.recorder, list(scenario.hosts))
        self.events = tape.events
        self.name = scenario.name
        self.title = scenario.title
        self.seed = self.run.seed

    @property
    def now_ns(self) -> int:
        """Virtual time."""
        return self.run.world.now_ns

    @property
    def steps(self) -> int:
        """Steps of the simulator."""
        return self.run.world.sim.steps

    def advance(self) -> str | None:
        """One intervention that is due, or one event of the simulator."""
        change = self.run.intervene()
        if change is not None:
            return describe_change(change)
        return "" if self.run.step() else None

    def snapshots(self) -> dict[Key, Snapshot]:
        """Every live connection."""
        return self.run.world.snapshots()

    def flights(self) -> list[Flight]:
        """What is on every link."""
        return [
            Flight(each.packet.uid, each.channel.source.name, each.channel.target.name, each.starts_ns, each.arrives_ns)
            for each in self.run.world.in_flight()
        ]

    def flights_after(self, before: dict[int, Flight], events: list[ev.Event]) -> tuple[list[Flight], list[int]] | None:
        """Look only at the ends of the queues, where a network of plain links can have changed."""
        if self.scenario.routers:
            return None
        sent = 0
        gone: list[int] = []
        for event in events:
            if isinstance(event, ev.PacketSent | ev.PacketImpaired):
                sent += 1
            elif isinstance(event, ev.PacketDelivered | ev.PacketDropped):
                gone.append(event.packet.uid)
            elif isinstance(event, ev.LinkChanged):
                return None
        added: dict[int, Flight] = {}
        load = 0
        for channel in self.run.world.network.channels():
            load += channel.load()
            for each in channel.newest(sent):
                flight = Flight(
                    each.packet.uid, channel.source.name, channel.target.name, each.starts_ns, each.arrives_ns
                )
                if before.get(flight.uid) != flight:
                    added[flight.uid] = flight
        removed = [uid for uid in gone if uid in before and uid not in added]
        new = sum(1 for uid in added if uid not in before)
        if len(before) - len(removed) + new != load:
            return None
        return list(added.values()), removed

    def finish(self) -> RunResult:
        """Run to the end and judge the expectations."""
        return self.run.finish()


def describe_change(change: Intervention) -> str:
    """An intervention in words: `packet 7 is dropped`."""
    if change.packet is not None:
        from netsim.base.units import format_duration

        did = {"drop": "is dropped", "duplicate": "is duplicated", "corrupt": "is corrupted", "edit": "is altered"}
        words = did.get(change.what) or f"is delayed by {format_duration(change.by_ns)}"
        return f"what if: packet {change.packet} {words}"
    if change.what == "link":
        return f"what if: link {change.link.get('name', '')} is changed"
    who = change.connection or change.host
    if change.what == "expire":
        return f"what if: the {change.timer} timer of {who} expires now"
    return f"what if: {who} calls {change.what.upper()}"
