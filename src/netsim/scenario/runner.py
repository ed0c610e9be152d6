"""Runs a scenario: builds its world, carries out its script, judges what came of it.

`run(scenario)` does all of it. `Run` is the same in steps, for the stepper: look at
`world`, call `step`, and `finish` when nothing is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.base import events as ev
from netsim.report.record import Recorder
from netsim.report.rows import SegmentRow
from netsim.scenario.director import Director
from netsim.scenario.expect import judge
from netsim.scenario.faults import put_in_force
from netsim.scenario.match import Wire
from netsim.scenario.outcome import Delivery, RunResult
from netsim.scenario.world import build_world

if TYPE_CHECKING:
    from netsim.scenario.model import Intervention, Scenario
    from netsim.scenario.outcome import Verdict


class RunSink(ev.Sink):
    """Takes every event of a run: to the recorder, to whoever else listens, and to the director."""

    def __init__(self, recorder: Recorder, extra: ev.Sink | None) -> None:
        self.recorder = recorder
        self.extra = extra
        self.director: Director | None = None

    def emit(self, event: ev.Event) -> None:
        """Record it first, so that whoever looks at it finds its row."""
        self.recorder.emit(event)
        if self.extra is not None:
            self.extra.emit(event)
        director = self.director
        if director is None:
            return
        if isinstance(event, ev.PacketSent):
            self._packet(director, event, "sent")
        elif isinstance(event, ev.PacketDelivered):
            self._packet(director, event, "received")
        elif isinstance(event, ev.PacketDropped):
            self._packet(director, event, "dropped")
        elif not isinstance(event, ev.SegmentSent | ev.SegmentReceived | ev.SegmentProcessed):
            director.see_event(event)

    def _packet(
        self, director: Director, event: ev.PacketSent | ev.PacketDelivered | ev.PacketDropped, seen: str
    ) -> None:
        row = self.recorder.row_of(event.packet)
        if row is not None:
            director.see_packet(row, seen)


class Run:
    """A run that can be stopped between any two events of the simulator.

    seed:   overrides the scenario's             sink: gets every event besides the recorder
    record: False runs without building events: fast, and only what applications saw can be judged
    """

    def __init__(
        self, scenario: Scenario, *, seed: int | None = None, sink: ev.Sink | None = None, record: bool = True
    ) -> None:
        self.scenario = scenario
        self.seed = scenario.seed if seed is None else seed
        addresses = {host.address: host.name for host in scenario.hosts.values()}
        addresses |= {router.address: router.name for router in scenario.routers.values()}
        self.recorder = Recorder(addresses)
        self.recorder.hosts.extend(scenario.hosts)
        self.wire = Wire(self.recorder)
        self._sink = RunSink(self.recorder, sink)
        self.recording = record or bool(scenario.faults) or _waits_for_events(scenario)
        self.world = build_world(scenario, self.seed, self._sink if self.recording else ev.NullSink())
        put_in_force(scenario, self.world, self.wire)
        self.director = Director(scenario, self.world, self.wire)
        self.director.begin()
        if self.director.needs_events:
            self._sink.director = self.director
        self._changes = sorted(
            (change for change in scenario.interventions if change.step is not None),
            key=lambda change: change.step or 0,
        )
        self.over = False

    def step(self) -> bool:
        """One event of the simulator, after the interventions that are due. False: the run is over."""
        while self.intervene() is not None:
            pass
        if not self.over and not self.world.sim.step(self.scenario.until_ns):
            self.over = True
        return not self.over

    def intervene(self) -> Intervention | None:
        """Carry out the next intervention if it is due now; None: none is."""
        if not self._changes or (self._changes[0].step or 0) > self.world.sim.steps:
            return None
        change = self._changes.pop(0)
        self.director.intervene(change, self.world.now_ns)
        return change

    def finish(self) -> RunResult:
        """Run to the end and judge."""
        until_ns = self.scenario.until_ns
        while self._changes and not self.over:
            self.step()
        if not self.over:
            self.world.run(-1 if self.world.sim.next_at() is None else until_ns)
            self.over = True
        return self._result()

    def _result(self) -> RunResult:
        director = self.director
        for party in director.parties.by_name.values():
            if party.conn:
                self.wire.connections.setdefault(party.name, (party.host, party.conn))
        result = RunResult(
            self.scenario,
            self.seed,
            self.recorder,
            self.wire,
            self._simulated_ns(),
            self.world.sim.steps,
            flows=director.flows,
            notes=director.notes,
            problems=director.problems,
            step_times=director.step_times,
        )
        for name, party in director.parties.by_name.items():
            peer = party.peer()
            result.deliveries[name] = Delivery(
                sent=party.taken,
                received=party.received,
                peer_sent=0 if peer is None else peer.stream.length,
                intact=party.wrong_at < 0,
                first_difference=party.wrong_at,
                error=party.error,
            )
        result.verdicts = self._verdicts(result)
        return result

    def _simulated_ns(self) -> int:
        """When the last thing happened; time may stand at `until` where nothing was left to happen."""
        if self.world.sim.next_at() is None:
            return self.recorder.last_ns if self.recording else self.world.sim.last_ns
        return self.world.now_ns

    def _verdicts(self, result: RunResult) -> list[Verdict]:
        return judge(result, recorded=self.recording)

    def rows_around(self, verdict: Verdict, before: int = 2, after: int = 2) -> list[SegmentRow]:
        """The segments around the trouble of a failed expectation, for a small ladder."""
        return around(self.recorder.segments, verdict, before, after)


def around(rows: list[SegmentRow], verdict: Verdict, before: int = 2, after: int = 2) -> list[SegmentRow]:
    """The segments around the first that a failed expectation speaks of."""
    if not verdict.rows:
        return []
    first = verdict.rows[0] - 1
    return rows[max(0, first - before) : first + after + 1]


def _waits_for_events(scenario: Scenario) -> bool:
    return any(step.on is not None and step.on.kind not in ("step", "time") for step in scenario.script)


def run(scenario: Scenario, *, seed: int | None = None, sink: ev.Sink | None = None, record: bool = True) -> RunResult:
    """Run a scenario from beginning to end. The same scenario and seed give the same result, event by event."""
    return Run(scenario, seed=seed, sink=sink, record=record).finish()
