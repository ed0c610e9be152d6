"""The debugger: a cursor on a timeline, breakpoints, and branches. No terminal, no text layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.errors import UsageError
from netsim.base.hints import did_you_mean
from netsim.scenario.model import Intervention
from netsim.step.branches import Branch, first_difference, fork, save
from netsim.step.predicate import Predicate, parse
from netsim.step.timeline import EVENT, KINDS, SEGMENT
from netsim.step.view import View
from netsim.step.words import headline

if TYPE_CHECKING:
    from netsim.scenario.model import Scenario
    from netsim.step.source import Source
    from netsim.step.timeline import Timeline

PREFETCH: Final = 2000
"""So many steps are recorded at once in the beginning: short runs know their length."""


class Origin:
    """What a branch is executed again from: the scenario, its text, its seed and profile."""

    def __init__(self, scenario: Scenario, raw: bytes, seed: int, profile: str | None) -> None:
        self.scenario = scenario
        self.raw = raw
        self.seed = seed
        self.profile = profile


class Debugger:
    """Moves over a run, forwards and backwards.

    source: what is stepped through     origin: what forks are made from (None: there is no what-if)
    """

    def __init__(self, source: Source, origin: Origin | None = None) -> None:
        self.origin = origin
        self.branch = Branch("main", source, [], "", 0)
        self.branches: dict[str, Branch] = {"main": self.branch}
        self.breakpoints: list[Predicate] = []
        self.timeline.reach(PREFETCH)

    # --- where we are -----------------------------------------------------------------------

    @property
    def timeline(self) -> Timeline:
        """The timeline of the branch that is shown."""
        return self.branch.timeline

    @property
    def cursor(self) -> int:
        """The step that is shown."""
        return self.branch.cursor

    @property
    def hosts(self) -> list[str]:
        """The hosts' names."""
        return self.timeline.source.hosts

    def view(self, index: int | None = None) -> View:
        """A look at a step; the current one by default."""
        return View(self.timeline, self.cursor if index is None else index)

    @property
    def total(self) -> int | None:
        """The number of the last step, None while it is not known."""
        return self.timeline.last if self.timeline.over else None

    # --- movement ---------------------------------------------------------------------------

    def goto(self, index: int) -> int:
        """Go to a step, or as far as the run goes; the step reached."""
        self.branch.cursor = self.timeline.reach(max(0, index))
        if not self.timeline.over and self.timeline.last - self.cursor < 50:
            self.timeline.reach(self.cursor + 100)
        return self.cursor

    def forward(self, kind: str = "event") -> bool:
        """To the next event, segment, change of state or timer. False: there is none, nothing moved."""
        found = self._scan(self.cursor + 1, KINDS[kind])
        if found is None:
            return False
        self.goto(found)
        return True

    def _scan(self, index: int, wanted: int) -> int | None:
        while self.timeline.reach(index) == index:
            if self.timeline.marks[index].kinds & wanted:
                return index
            index += 1
        return None

    def back(self, kind: str = "event") -> bool:
        """Like `forward`, backwards. Step 0 counts as an event."""
        wanted = KINDS[kind]
        for index in range(self.cursor - 1, -1, -1):
            if self.timeline.marks[index].kinds & wanted:
                if index == 0 and wanted != EVENT:
                    break
                self.branch.cursor = index
                return True
        return False

    def start(self) -> None:
        """To step 0."""
        self.branch.cursor = 0

    def end(self) -> None:
        """To the last step."""
        self.branch.cursor = self.timeline.reach_end()

    def goto_time(self, t_ns: int) -> int:
        """To the last step at or before a time."""
        while self.timeline.times[-1] <= t_ns and self.timeline.extend():
            pass
        self.branch.cursor = self.timeline.find_time(t_ns)
        return self.cursor

    def search(self, text: str, *, backwards: bool = False) -> bool:
        """To the next (or last) step with a headline, a reason or a segment that contains the text."""
        wanted = text.lower()
        index = self.cursor
        while True:
            index += -1 if backwards else 1
            if index < 0 or self.timeline.reach(index) != index:
                return False
            if wanted in self._text_of(index):
                self.branch.cursor = index
                return True

    def _text_of(self, index: int) -> str:
        mark = self.timeline.marks[index]
        parts = [mark.words]
        for event in self.timeline.events(index):
            parts.append(headline(event, self.timeline.source.recorder))
            reason = getattr(event, "reason", None)
            if reason is not None:
                parts += [reason.text, reason.cite]
        return "\n".join(parts).lower()

    # --- breakpoints ------------------------------------------------------------------------

    def add_break(self, text: str) -> Predicate:
        """A new breakpoint. UsageError: the condition is wrong."""
        predicate = parse(text, self.hosts)
        self.breakpoints.append(predicate)
        return predicate

    def delete_break(self, number: int) -> Predicate:
        """Remove a breakpoint by its number, from 1. UsageError: there is none."""
        if not 1 <= number <= len(self.breakpoints):
            raise UsageError(f"there is no breakpoint {number}; there are {len(self.breakpoints)}")
        return self.breakpoints.pop(number - 1)

    def run_on(self, *, backwards: bool = False) -> Predicate | None:
        """Go on until a breakpoint becomes true (backwards: to where one had last become true).

        None: none did, and the cursor stands at the end (or the start).
        """
        index = self.cursor
        while True:
            index += -1 if backwards else 1
            if index < 0 or self.timeline.reach(index) != index:
                self.branch.cursor = max(0, min(index, self.timeline.last))
                return None
            hit = self.hit(index)
            if hit is not None:
                self.branch.cursor = index
                return hit

    def hit(self, index: int) -> Predicate | None:
        """The breakpoint that becomes true at a step: it holds, and did not hold a step before."""
        view = self.view(index)
        before = self.view(index - 1) if index else None
        for predicate in self.breakpoints:
            momentary = "segment." in predicate.text
            if predicate.holds(view) and (momentary or before is None or not predicate.holds(before)):
                return predicate
        return None

    # --- what if ----------------------------------------------------------------------------

    def what_if(self, change: Intervention | None, name: str = "") -> Branch:
        """Fork here, carry out a change (None: none), and go on in the new branch.

        UsageError: this source cannot be forked, the name is taken, or the change is not possible now.
        """
        origin = self.origin
        if origin is None:
            raise UsageError("what-if needs a scenario: this run cannot be executed again")
        if name in self.branches:
            raise UsageError(f"there is a branch '{name}' already")
        name = name or self._free_name()
        branch = fork(origin.scenario, origin.seed, self.branch, self.cursor, name, change)
        if change is not None:
            branch.cursor = branch.timeline.reach(self.cursor + 1)
        branch.timeline.reach(self.cursor + PREFETCH)
        self.branches[name] = branch
        self.branch = branch
        return branch

    def _free_name(self) -> str:
        number = len(self.branches)
        while f"branch-{number}" in self.branches:
            number += 1
        return f"branch-{number}"

    def switch(self, name: str) -> Branch:
        """Show another branch, at the step where it was left. UsageError: there is none of that name."""
        self.branch = self.get_branch(name)
        return self.branch

    def get_branch(self, name: str) -> Branch:
        """A branch by name. UsageError: there is none."""
        if name not in self.branches:
            hint = did_you_mean(name, self.branches)
            raise UsageError(f"there is no branch '{name}'; there are: {', '.join(self.branches)}.{hint}")
        return self.branches[name]

    def difference(self, one: str, two: str) -> int | None:
        """The first step at which two branches differ; None: nowhere."""
        return first_difference(self.get_branch(one), self.get_branch(two))

    def save(self, path: str) -> str:
        """Write the branch that is shown as a scenario file; returns what was done."""
        if self.origin is None:
            raise UsageError("only branches of a scenario can be saved")
        return save(self.branch, self.origin.scenario, self.origin.raw, path, self.origin.profile)

    def packet_of(self, number: int) -> int:
        """The uid of the packet in flight with that number. UsageError: it is not on its way now."""
        flights = self.view().flights()
        if any(packet.uid == number for packet in flights):
            return number
        there = ", ".join(f"{packet.uid} ({packet.text})" for packet in flights) or "nothing"
        raise UsageError(f"packet {number} is not on its way now; in flight: {there}")

    def frame(self, number: int) -> int:
        """The step of the n-th segment. UsageError: there is none."""
        index: int | None = 0
        seen = 0
        while index is not None:
            index = self._scan(index + 1, SEGMENT)
            if index is None:
                break
            for row in self.view(index).segments():
                if row.n == number:
                    return index
                seen = max(seen, row.n)
        raise UsageError(f"there is no segment {number}; the run has {seen}")
