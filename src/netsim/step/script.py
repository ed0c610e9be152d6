"""A packetdrill script as something to step through: one step per event of the script."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netsim.packetdrill.config import RunOptions, choose_profile, symbols_for
from netsim.packetdrill.outcome import PASSED
from netsim.packetdrill.parser import parse, read_script
from netsim.packetdrill.run import ScriptRun
from netsim.report.record import Recorder
from netsim.step.source import Flight, Key, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from netsim.tcp.snapshot import Snapshot

PEER = "script"
HOST = "stack"
"""The two ends, as the packetdrill runner names them."""


class ScriptSource(Source):
    """Runs a script event by event. The peer is the script itself: only the host under test has a TCB."""

    has_network = False
    opaque = (PEER,)

    def __init__(self, run: ScriptRun, name: str) -> None:
        self.run = run
        config = run.config
        super().__init__(Recorder({config.local_addr: HOST, config.remote_addr: PEER}), [PEER, HOST])
        self.name = name
        self.title = f"packetdrill script, profile {config.profile}"
        self._steps = 0
        self._moves: Iterator[None] = run.stepwise()
        self._taken = 0
        self._told = False

    @property
    def now_ns(self) -> int:
        """Script time."""
        return self.run.machine.now_ns

    @property
    def steps(self) -> int:
        """Events of the script done."""
        return self._steps

    def advance(self) -> str | None:
        """The next event of the script; in the end the verdict if it is not that the script passed."""
        if self._told:
            return None
        over = False
        try:
            next(self._moves)
            self._steps += 1
        except StopIteration:
            over = self._told = True
        self._take()
        if not over:
            return ""
        outcome = self.run.outcome
        if outcome.result == PASSED:
            return None
        return f"line {outcome.line}: the script {outcome.result}: {outcome.message}"

    def _take(self) -> None:
        recorded = getattr(self.run.machine.sink, "events", [])
        for event in recorded[self._taken :]:
            self.recorder.emit(event)
            self.events.append(event)
        self._taken = len(recorded)

    def snapshots(self) -> dict[Key, Snapshot]:
        """The host's connections."""
        host = self.run.machine.host
        return {(HOST, number): conn.snapshot() for number, conn in host.connections.items()}

    def flights(self) -> list[Flight]:
        """A script has no network."""
        return []


def open_script(path: str, profile: str | None, wishes: RunOptions | None = None) -> ScriptSource:
    """Read a script, to be run as `wishes` say. ScriptSyntaxError: it cannot be read, or is wrong."""
    text = read_script(path)
    options = wishes or RunOptions(profile=profile, record=True)
    chosen = profile or choose_profile(text, path)
    script = parse(text, path, symbols_for(chosen, options.defines, options.ip_version))
    return ScriptSource(ScriptRun(script, options, chosen, record=True), Path(path).name)
