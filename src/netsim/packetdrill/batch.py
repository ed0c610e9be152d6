"""Many scripts: finding them, running them (in several processes if wished), counting per folder."""

from __future__ import annotations

import glob
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from netsim.base.errors import InvariantViolation, ScriptSyntaxError, UsageError
from netsim.packetdrill import outcome as verdicts
from netsim.packetdrill.config import RunOptions, choose_profile, symbols_for
from netsim.packetdrill.outcome import Outcome
from netsim.packetdrill.parser import parse, read_script


def find_scripts(arguments: list[str]) -> list[str]:
    """Files as they are, folders searched for *.pkt (sorted), patterns expanded. UsageError if nothing is found."""
    found: list[str] = []
    for argument in arguments:
        path = Path(argument)
        if argument == "-" or path.is_file():
            found.append(argument)
        elif path.is_dir():
            inside = sorted(str(item) for item in path.rglob("*.pkt"))
            if not inside:
                raise UsageError(f"{argument}: no *.pkt file in this folder")
            found += inside
        elif glob.has_magic(argument):
            matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207 - the pattern may be absolute
            if not matches:
                raise UsageError(f"{argument}: nothing matches this pattern")
            found += find_scripts(matches)
        else:
            raise UsageError(f"{argument}: no such file or folder")
    return list(dict.fromkeys(found))


def run_file(path: str, options: RunOptions) -> Outcome:
    """Read and run one script; a script that cannot be read becomes a failed outcome that says where."""
    from netsim.packetdrill.run import run_script

    started = time.perf_counter()
    name = "<stdin>" if path == "-" else path
    try:
        text = read_script(path)
        profile = options.profile or choose_profile(text, path)
        script = parse(text, name, symbols_for(profile, options.defines, options.ip_version))
        outcome = run_script(script, options, profile)
    except ScriptSyntaxError as error:
        outcome = Outcome(name, options.ip_version or "", options.profile or "")
        outcome.result = verdicts.FAILED
        outcome.broken = True
        outcome.line = error.line or 0
        outcome.message = error.message
        outcome.text = str(error)
    except (InvariantViolation, AssertionError, RecursionError) as error:
        outcome = Outcome(name, options.ip_version or "", options.profile or "")
        outcome.result = verdicts.FAILED
        outcome.message = f"a bug in netsim: {type(error).__name__}: {error}"
    outcome.wall_s = time.perf_counter() - started
    return outcome


def _run_for_parent(job: tuple[str, RunOptions]) -> Outcome:
    """In a worker: the story is told here, so that the recorded events need not travel."""
    from netsim.packetdrill.report import failure_text

    outcome = run_file(*job)
    if outcome.result != verdicts.PASSED and not outcome.text:
        outcome.text = failure_text(outcome)
    outcome.events, outcome.packets, outcome.steps = [], [], []
    return outcome


def run_all(paths: list[str], options: RunOptions, workers: int = 1) -> Iterator[Outcome]:
    """Run every script, in the order given whatever the number of processes."""
    if workers <= 1 or len(paths) < 2:
        for path in paths:
            yield run_file(path, options)
        return
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(max_workers=workers) as pool:
        yield from pool.map(_run_for_parent, [(path, options) for path in paths], chunksize=16)


class Summary:
    """Counts, in all and per folder."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0
        self.unsupported = 0
        self.broken = 0
        self.folders: dict[str, list[int]] = {}

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        folder = str(Path(outcome.path).parent)
        counts = self.folders.setdefault(folder, [0, 0, 0])
        if outcome.result == verdicts.PASSED:
            self.passed += 1
            counts[0] += 1
        elif outcome.result == verdicts.FAILED:
            self.failed += 1
            counts[1] += 1
            self.broken += outcome.broken
        else:
            self.unsupported += 1
            counts[2] += 1

    @property
    def exit_code(self) -> int:
        """0 all passed; 2 a script could not be read; 1 something failed or is not supported."""
        if self.broken:
            return 2
        return 1 if self.failed or self.unsupported else 0

    def lines(self, style: Callable[[str, str], str]) -> list[str]:
        """The table per folder (when there is more than one) and the total. `style(text, what)` colours."""
        lines: list[str] = []
        if len(self.folders) > 1:
            width = min(70, max(len(name) for name in self.folders))
            lines.append(f"{'folder':<{width}}  passed  failed  unsupported")
            for name, (passed, failed, unsupported) in self.folders.items():
                shown = name if len(name) <= width else "…" + name[-(width - 1) :]
                row = f"{shown:<{width}}  {passed:>6}  {failed or '·':>6}  {unsupported or '·':>11}"
                lines.append(style(row, "failed" if failed else "unsupported" if unsupported else "plain"))
        total = self.passed + self.failed + self.unsupported
        text = f"{self.passed} of {total} passed"
        if self.failed:
            text += f", {self.failed} failed"
        if self.unsupported:
            text += f", {self.unsupported} unsupported"
        lines.append(style(text, "passed" if self.passed == total else "failed"))
        return lines
