"""JUnit XML, for continuous integration."""

from __future__ import annotations

from pathlib import Path
from typing import IO
from xml.sax.saxutils import escape, quoteattr

from netsim.packetdrill import outcome as verdicts
from netsim.packetdrill.outcome import Outcome


def _clean(text: str) -> str:
    """XML has no way to write most control characters."""
    return "".join(letter if letter >= " " or letter in "\n\t" else "?" for letter in text)


def write_junit(outcomes: list[Outcome], stream: IO[str]) -> None:
    """One test case per script; "unsupported" counts as skipped."""
    failures = sum(outcome.result == verdicts.FAILED for outcome in outcomes)
    skipped = sum(outcome.result == verdicts.UNSUPPORTED for outcome in outcomes)
    seconds = sum(outcome.wall_s for outcome in outcomes)
    stream.write('<?xml version="1.0" encoding="utf-8"?>\n')
    stream.write(
        f'<testsuite name="packetdrill" tests="{len(outcomes)}" failures="{failures}" errors="0"'
        f' skipped="{skipped}" time="{seconds:.3f}">\n'
    )
    for outcome in outcomes:
        path = Path(outcome.path)
        stream.write(
            f"  <testcase classname={quoteattr(_clean(str(path.parent)))} name={quoteattr(_clean(path.stem))}"
            f' time="{outcome.wall_s:.3f}"'
        )
        if outcome.result == verdicts.PASSED:
            stream.write("/>\n")
            continue
        message = quoteattr(_clean(f"line {outcome.line}: {outcome.message}"))
        tag = "failure" if outcome.result == verdicts.FAILED else "skipped"
        detail = escape(_clean(f"expected {outcome.expected}\nactual   {outcome.actual}"))
        stream.write(f">\n    <{tag} message={message}>{detail}</{tag}>\n  </testcase>\n")
    stream.write("</testsuite>\n")
