"""Branches: the same run from the start with a list of interventions; saved as a scenario file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netsim.base.errors import UsageError
from netsim.base.packet import FLAG_NAMES
from netsim.step.source import ScenarioSource, describe_change
from netsim.step.timeline import Timeline

if TYPE_CHECKING:
    from netsim.scenario.model import Edit, Intervention, Scenario
    from netsim.step.source import Source


class Branch:
    """One course of the run. `changes`: what was done by hand; `parent`, `forked_at`: where it left its origin.

    cursor: the step one looks at, kept while another branch is shown.
    """

    def __init__(self, name: str, source: Source, changes: list[Intervention], parent: str, forked_at: int) -> None:
        self.name = name
        self.changes = changes
        self.parent = parent
        self.forked_at = forked_at
        self.cursor = forked_at
        self.timeline = Timeline(source)

    @property
    def source(self) -> Source:
        """Where its steps come from."""
        return self.timeline.source

    def digest(self) -> str:
        """The digest of the whole run: it is run to its end."""
        self.timeline.reach_end()
        return self.source.recorder.digest

    def describe(self) -> str:
        """Where it comes from and what was changed."""
        if not self.changes:
            return (
                "as the scenario runs" if not self.parent else f"from {self.parent} at step {self.forked_at}, unchanged"
            )
        last = describe_change(self.changes[-1]).removeprefix("what if: ")
        return f"from {self.parent} at step {self.forked_at}: {last}"


def fork(scenario: Scenario, seed: int, parent: Branch, index: int, name: str, change: Intervention | None) -> Branch:
    """A branch that is like `parent` up to step `index`, and then carries out `change` (None: nothing).

    The scenario is executed again from its start; what the parent changed later is left out.
    """
    steps = parent.timeline.marks[index].steps
    kept = _changes_until(parent, index)
    if change is not None:
        change.step = steps
        kept.append(change)
    branch = Branch(name, ScenarioSource(scenario, seed, kept), kept, parent.name, index)
    branch.timeline.reach(index)
    return branch


def _changes_until(parent: Branch, index: int) -> list[Intervention]:
    """The parent's changes that had been carried out at a step of its timeline."""
    done = sum(1 for mark in parent.timeline.marks[: index + 1] if mark.words)
    before = len(parent.source.scenario.interventions) - len(parent.changes) if isinstance(
        parent.source, ScenarioSource) else 0  # fmt: skip
    own_of_file = sum(1 for change in _file_changes(parent, before) if change.step is not None)
    return parent.changes[: max(0, done - own_of_file)]


def _file_changes(parent: Branch, count: int) -> list[Intervention]:
    source = parent.source
    return source.scenario.interventions[:count] if isinstance(source, ScenarioSource) else []


def first_difference(one: Branch, two: Branch) -> int | None:
    """The first step at which two branches do not show the same; None: they are the same to the end."""
    a, b = one.timeline, two.timeline
    index = 0
    while True:
        has_a, has_b = a.reach(index) == index, b.reach(index) == index
        if not has_a and not has_b:
            return None
        if has_a != has_b or a.digest(index) != b.digest(index) or _events(one, index) != _events(two, index):
            return index
        index += 1


def _events(branch: Branch, index: int) -> list[str]:
    from netsim.step.words import headline

    return [headline(event, branch.source.recorder) for event in branch.timeline.events(index)]


# --- saving --------------------------------------------------------------------------------


def _number(value: tuple[bool, int]) -> Any:
    return f"abs {value[1]}" if value[0] else value[1]


def _edit(edit: Edit) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if edit.seq is not None:
        made["seq"] = _number(edit.seq)
    if edit.ack is not None:
        made["ack"] = _number(edit.ack)
    if edit.flags is not None:
        made["flags"] = ",".join(name for bit, name in FLAG_NAMES if edit.flags & bit)
    for name, value in (("win", edit.win), ("ttl", edit.ttl)):
        if value is not None:
            made[name] = value
    return made


def change_as_data(change: Intervention) -> dict[str, Any]:
    """An intervention as it stands in a scenario file."""
    data: dict[str, Any] = {}
    if change.packet is not None:
        data["packet"] = change.packet
    if change.step is not None:
        data["step"] = change.step
    if change.what == "delay":
        data["delay"] = f"{change.by_ns}ns"
    elif change.what == "edit":
        assert change.edit is not None
        data["edit"] = _edit(change.edit)
    elif change.what == "link":
        data["link"] = _link(change.link)
    else:
        data[change.what] = change.timer if change.what == "expire" else None
    if change.host:
        data["host"] = change.host
    if change.connection:
        data["connection"] = change.connection
    return data


def _link(args: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"name": args["name"]}
    for key, name, unit in (("delay_ns", "delay", "ns"), ("jitter_ns", "jitter", "ns"), ("rate_bps", "rate", "bit/s")):
        if key in args:
            made[name] = f"{args[key]}{unit}"
    for key in ("mtu", "loss", "up"):
        if key in args:
            made[key] = args[key]
    return made


def save(branch: Branch, scenario: Scenario, raw: bytes, path: str, profile: str | None) -> str:
    """Write the branch as a scenario file that `netsim run` reproduces; returns what was done, for people.

    The original's text is kept; seed, parameters and profiles are those of this run, the
    interventions are added, and expectations that the branch does not fulfil are left out.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    yaml = YAML()
    yaml.width = 120
    try:
        data = yaml.load(raw)
    except YAMLError as error:  # it was read before: a file cannot get here broken
        raise UsageError(f"the scenario cannot be read again: {error}") from None
    data["name"] = Path(path).stem
    data["title"] = f"{scenario.title or scenario.name} ({branch.describe()})"
    data["seed"] = branch.source.seed
    if scenario.parameters:
        for name, value in scenario.parameters.items():
            data.setdefault("parameters", {})[name] = value
    if profile is not None:
        for name in data["hosts"]:
            data["hosts"][name] = {**(data["hosts"][name] or {}), "profile": profile}
    items = list(data.get("interventions") or []) + [change_as_data(change) for change in branch.changes]
    if items:
        data["interventions"] = items
    dropped = _keep_fulfilled(data, branch)
    out = io.BytesIO()
    yaml.dump(data, out)
    try:
        Path(path).write_bytes(out.getvalue())
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from None
    left_out = f"; {dropped} expectations that it does not fulfil are left out" if dropped else ""
    return f"{path}: branch {branch.name} with {len(branch.changes)} changes{left_out}"


def _keep_fulfilled(data: dict[str, Any], branch: Branch) -> int:
    """Remove the expectations that the branch fails; returns how many."""
    source = branch.source
    if not data.get("expect") or not isinstance(source, ScenarioSource):
        return 0
    branch.timeline.reach_end()
    verdicts = source.finish().verdicts
    failed = [place for place, verdict in enumerate(verdicts) if not verdict.passed]
    for place in reversed(failed):
        del data["expect"][place]
    if not data["expect"]:
        del data["expect"]
    return len(failed)
