"""Runs plans and writes their files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from . import pcap
from .plan import Plan
from .truth import dumps, nstat_names, truth

TRACES = Path(__file__).resolve().parent.parent
ATTEMPTS = 4


class UnlikeError(Exception):
    """A run that does not show what its plan promises."""


def directory(plan: Plan, root: Path = TRACES) -> Path:
    """Where a plan's files go."""
    return root / plan.family


def run(plan: Plan) -> tuple[dict[str, Any], dict[str, list[pcap.Frame]]]:
    """Run a plan once, in fresh namespaces.

    Returns:
        The truth and the frames of both sides.

    Raises:
        UnlikeError: the kernels counted something else than the plan expects.

    """
    with plan.lab() as lab:
        plan.work(lab)
        lab.link.wait_quiet(plan.quiet_ms)
        counters, logs = lab.counters(), lab.logs()
    content = truth(plan, lab, counters, logs, lab.violations)
    for side, wanted in plan.expect.items():
        seen = nstat_names(counters[side])
        for name, value in wanted.items():
            got = seen.get(f"Tcp{name}", seen.get(f"TcpExt{name}", 0))
            low, high = value if isinstance(value, tuple) else (value, value)
            if not low <= got <= high:
                raise UnlikeError(f"{side}'s {name} is {got}, expected {value}")
    for side, resent in content["resent"].items():
        counted = content["counters"][side]["TcpRetransSegs"]
        if len(resent) != counted:
            raise UnlikeError(f"{side}'s kernel counted {counted} resent segments, its capture shows {len(resent)}")
    return content, lab.link.frames


def make(plan: Plan, root: Path = TRACES) -> str:
    """Run a plan until it shows what it promises, write its three files, say how it went.

    Raises:
        UnlikeError: it never did.

    """
    problems = []
    for _ in range(ATTEMPTS):
        try:
            content, frames = run(plan)
        except (UnlikeError, AssertionError, TimeoutError) as error:
            problems.append(str(error))
            print(f"  {plan.name}: {error}; again", file=sys.stderr, flush=True)
            continue
        folder = directory(plan, root)
        folder.mkdir(parents=True, exist_ok=True)
        for side, kept in frames.items():
            pcap.write(folder / content["files"][side], kept)
        (folder / f"{plan.name}.json").write_text(dumps(content))
        lost = sum(event["what"] == "drop" for event in content["events"])
        counts = {side: value["TcpRetransSegs"] for side, value in content["counters"].items()}
        return f"frames {content['frames']}, dropped {lost}, resent {counts}"
    raise UnlikeError(f"{plan.name}: {'; '.join(problems)}")
