"""`python -m tests.kernel.differential MODE FIRST LAST`: agreement with this machine's kernel, and the differences."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from .compare import compare
from .scripts import MODES, generate
from .sides import ask_kernel, ask_netsim, to_json, with_results


def _fork(name: str, path: Path, answer: Path, tool: str) -> int:
    child = os.fork()
    if child:
        return child
    try:
        answer.write_text(to_json(ask_kernel(name, path, tool)), encoding="utf-8")
    except BaseException as error:
        sys.stderr.write(f"{path}: {error!r}\n")
        os._exit(1)
    os._exit(0)


def script_for_kernel(name: str, seed: int) -> str:
    """The script with the results of calls that netsim predicts."""
    text = generate(name, seed)
    return with_results(text, ask_netsim(name, text).calls)


def kernel_answers(name: str, seeds: range, folder: Path, tool: str, jobs: int) -> None:
    """Ask the kernel for every script whose answer is not in `folder` yet."""
    running: set[int] = set()
    for seed in seeds:
        path = folder / f"{name}{seed}.pkt"
        answer = folder / f"{name}{seed}.json"
        text = script_for_kernel(name, seed)
        if answer.exists() and path.exists() and path.read_text() == text:
            continue
        path.write_text(text)
        running.add(_fork(name, path, answer, tool))
        while len(running) >= jobs:
            running.discard(os.wait()[0])
    while running:
        running.discard(os.wait()[0])


def differences_of(
    name: str, seeds: range, folder: Path, *, windows: bool = False, strict: bool = False, info: bool = True
) -> dict[int, list[str]]:  # fmt: skip
    """Script number -> where netsim and the kernel differ; those that agree are left out."""
    found: dict[int, list[str]] = {}
    for seed in seeds:
        mine = ask_netsim(name, generate(name, seed))
        answer = json.loads((folder / f"{name}{seed}.json").read_text())
        ours = json.loads(to_json(mine))
        lines = compare(ours, answer, mine.times, windows=windows, strict=strict, info=info)
        if lines:
            found[seed] = lines
    return found


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", help="one of " + ", ".join(MODES) + ", or 'all'")
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "netsim-differential")
    parser.add_argument("--tool", default=os.environ.get("PACKETDRILL") or shutil.which("packetdrill"))
    parser.add_argument("-j", type=int, default=6, help="scripts at a time (they mostly sleep)")
    parser.add_argument("--windows", action="store_true", help="compare window fields and scales too")
    parser.add_argument("--strict", action="store_true", help="compare how data is cut and pushed too")
    parser.add_argument("--no-info", action="store_true", help="do not compare TCP_INFO")
    parser.add_argument("--again", action="store_true", help="ask the kernel a second time where it differs")
    parser.add_argument("-q", action="store_true", help="only the counts")
    given = parser.parse_args()
    if given.tool is None:
        parser.error("needs the real packetdrill: on the path, or named by --tool or PACKETDRILL")
    given.folder.mkdir(parents=True, exist_ok=True)
    seeds = range(given.first, given.last)
    for name in MODES if given.mode == "all" else given.mode.split(","):
        kernel_answers(name, seeds, given.folder, given.tool, given.j)
        wish = {"windows": given.windows, "strict": given.strict, "info": not given.no_info}
        found = differences_of(name, seeds, given.folder, **wish)
        for seed in found if given.again else ():
            (given.folder / f"{name}{seed}.json").unlink()
        if given.again and found:
            kernel_answers(name, seeds, given.folder, given.tool, max(1, given.j // 2))
            found = differences_of(name, seeds, given.folder, **wish)
        for seed, lines in found.items():
            if not given.q:
                sys.stdout.write(f"{name}{seed}:\n" + "\n".join(lines) + "\n")
        sys.stdout.write(f"{name}: {len(seeds) - len(found)} of {len(seeds)} agree\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
