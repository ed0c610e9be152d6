"""The public suites, where they are present: NETSIM_FBSD_SUITE and NETSIM_GOOGLE_SUITE name their folders.

NETSIM_FBSD_SUITE: a checkout of freebsd-net/tcp-testsuite. NETSIM_GOOGLE_SUITE: gtests/net/tcp of google/packetdrill.
The floors are what the project promises; the page docs/packetdrill.md says what is reached, and why the rest fails.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netsim.packetdrill.batch import find_scripts, run_all
from netsim.packetdrill.config import RunOptions


def _folder(variable: str) -> str:
    folder = os.environ.get(variable)
    if not folder or not Path(folder).is_dir():
        pytest.skip(f"{variable} does not name a folder")
    return folder


@pytest.mark.long
def test_freebsd_suite() -> None:
    outcomes = list(run_all(find_scripts([_folder("NETSIM_FBSD_SUITE")]), RunOptions()))
    passed = sum(outcome.result == "passed" for outcome in outcomes)
    assert passed >= 1102, [f"{item.path}:{item.line} {item.message}" for item in outcomes if item.result != "passed"]


@pytest.mark.long
def test_the_standard_variants_of_the_freebsd_suite() -> None:
    scripts = find_scripts([_folder("NETSIM_FBSD_SUITE")])
    standard = [name for name in scripts if "#ifdef STANDARD" in Path(name).read_text(encoding="utf-8")]
    outcomes = list(run_all(standard, RunOptions(profile="rfc")))
    assert len(outcomes) == 64
    assert [f"{item.path}:{item.line} {item.message}" for item in outcomes if item.result != "passed"] == []


@pytest.mark.long
def test_runs_of_the_suites_are_deterministic() -> None:
    scripts = find_scripts([_folder("NETSIM_FBSD_SUITE")])[::7]

    def verdicts() -> list[dict[str, object]]:
        found = [outcome.as_dict() for outcome in run_all(scripts, RunOptions())]
        for item in found:
            item.pop("wall_s")
        return found

    assert verdicts() == verdicts()
