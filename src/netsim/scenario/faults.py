"""The scenario's faults and single changes as rules of the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.packet import OPT_MSS, OPT_SACK, OPT_SACK_OK, OPT_TS, OPT_WSCALE, Packet, Segment
from netsim.report.rows import SegmentRow
from netsim.scenario.match import Wire, fits
from netsim.sim.impair import Corrupt, Delay, Directory, Drop, Duplicate, Effect, Match, Rule, StripOption, Verdict

if TYPE_CHECKING:
    from random import Random

    from netsim.drive.virtual import World
    from netsim.scenario.model import Edit, Fault, Intervention, Scenario
    from netsim.scenario.model import Match as Description

_KINDS: Final = {"mss": OPT_MSS, "ws": OPT_WSCALE, "sack-ok": OPT_SACK_OK, "ts": OPT_TS, "sack": OPT_SACK}


class RowMatch(Match):
    """Matches by the recorder's row of the packet, so that faults and expectations mean the same."""

    def __init__(self, description: Description, wire: Wire, rng: Random | None, chance: float) -> None:
        super().__init__()
        self._description = description
        self._wire = wire
        self._rng = rng
        self._chance = chance

    def accepts_content(self, source: str, packet: Packet, offset: int, resent: bool, directory: Directory) -> bool:
        """The packet's row fits the description (and chance is on the side of the fault)."""
        row = self._wire.recorder.row_of(packet)
        if row is None or not fits(self._description, row, self._wire):
            return False
        return self._rng is None or self._rng.random() < self._chance


class EditFields(Effect):
    """Sets header fields; sequence numbers may be relative."""

    def __init__(self, edit: Edit, wire: Wire) -> None:
        self._edit = edit
        self._wire = wire

    def apply(self, verdict: Verdict, rule: str) -> None:
        """The packet travels on changed."""
        edit = self._edit
        row = self._wire.recorder.row_of(verdict.packet)
        packet = verdict.change("edit", rule)
        if edit.ttl is not None:
            packet.ttl = edit.ttl
        if not isinstance(packet, Segment):
            return
        if edit.seq is not None:
            base = 0 if edit.seq[0] or not isinstance(row, SegmentRow) else packet.seq - row.rel_seq
            packet.seq = (base + edit.seq[1]) & 0xFFFFFFFF
        if edit.ack is not None:
            base = 0 if edit.ack[0] or not isinstance(row, SegmentRow) else packet.ack - (row.rel_ack or 0)
            packet.ack = (base + edit.ack[1]) & 0xFFFFFFFF
        if edit.flags is not None:
            packet.flags = edit.flags
        if edit.win is not None:
            packet.wnd = edit.win
        if edit.payload is not None:
            packet.payload = edit.payload


def effects_of(what: str, by_ns: int, edit: Edit | None, wire: Wire) -> list[Effect]:
    """What a fault or an intervention of the kind `what` does to a packet."""
    if what == "drop":
        return [Drop()]
    if what == "delay":
        return [Delay(by_ns)]
    if what == "duplicate":
        return [Duplicate()]
    if what == "corrupt":
        return [Corrupt()]
    assert edit is not None
    return [EditFields(edit, wire), *(StripOption(_KINDS[name]) for name in edit.strip)]


def put_in_force(scenario: Scenario, world: World, wire: Wire) -> None:
    """Interventions at packets first, then the faults in their order."""
    for change in scenario.interventions:
        if change.packet is not None and change.step is None:
            world.network.add_rule(_rule_of_change(change, wire))
    for index, fault in enumerate(scenario.faults):
        world.network.add_rule(_rule_of_fault(fault, index, world, wire), fault.link or "")


def _rule_of_change(change: Intervention, wire: Wire) -> Rule:
    assert change.packet is not None
    name = f"{change.what} packet {change.packet}"
    return Rule(name, Match(uid=change.packet), effects_of(change.what, change.by_ns, change.edit, wire))


def _rule_of_fault(fault: Fault, index: int, world: World, wire: Wire) -> Rule:
    rng = world.sim.rng(f"fault {index}") if fault.chance is not None else None
    match = RowMatch(fault.match, wire, rng, fault.chance or 0.0)
    effects = effects_of(fault.what, fault.by_ns, fault.edit, wire)
    return Rule(
        fault.name, match, effects, nth=fault.nth, every=fault.every or 0, count=fault.count or 0
    )  # fmt: skip
