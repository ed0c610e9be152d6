"""From a name or a path to a debugger: scenario, packetdrill script or capture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netsim.base.errors import UsageError
from netsim.step.debugger import Debugger, Origin

if TYPE_CHECKING:
    from netsim.packetdrill.config import RunOptions
    from netsim.step.source import Source

CAPTURES = (".pcap", ".pcapng", ".cap", ".dmp")


def open_debugger(
    name: str,
    *,
    seed: int | None = None,
    overrides: dict[str, str] | None = None,
    profile: str | None = None,
    connection: int | None = None,
    wishes: RunOptions | None = None,
) -> Debugger:
    """A debugger on a scenario (a name or a file), a packetdrill script (.pkt) or a capture.

    `wishes`: how a script is to be run, where there is more to say than its profile.
    """
    if name == "-":
        raise UsageError("stepping needs a file: it is read again for every branch, and commands may come from stdin")
    path = Path(name)
    if path.suffix == ".pkt" or wishes is not None:
        return Debugger(_script(name, profile, wishes))
    if path.suffix in CAPTURES or (path.is_file() and _begins_like_a_capture(path)):
        if overrides or profile is not None or seed is not None:
            raise UsageError(f"--set, --profile and --seed belong to scenarios; {name} is a capture: it has happened")
        return Debugger(_capture(name, connection))
    if connection is not None:
        raise UsageError("--connection goes with a capture")
    from netsim.scenario import catalog
    from netsim.scenario.loader import load
    from netsim.step.source import ScenarioSource

    scenario = load(name, overrides, profile=profile)
    builtin = catalog.path_of(name) if scenario.file == f"{name}.yaml" else None
    raw = (builtin if builtin is not None else Path(scenario.file)).read_bytes()
    source = ScenarioSource(scenario, seed)
    return Debugger(source, Origin(scenario, raw, source.seed, profile))


def _begins_like_a_capture(path: Path) -> bool:
    from netsim.capture.bytestream import CAPTURE_MAGIC

    with path.open("rb") as file:
        return file.read(4) in CAPTURE_MAGIC


def _script(name: str, profile: str | None, wishes: RunOptions | None) -> Source:
    from netsim.step.script import open_script

    return open_script(name, profile, wishes)


def _capture(name: str, connection: int | None) -> Source:
    from netsim.step.capture import open_capture

    return open_capture(name, connection)
