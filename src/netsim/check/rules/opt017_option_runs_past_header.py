"""OPT017 option-runs-past-header."""

from __future__ import annotations

from typing import Final

from netsim.check.look import Look
from netsim.check.model import AT_OPTIONS, ERROR, Meta, Rule

PAGE: Final = """
## What it does

Reports an option whose length is below 2 or runs past the end of the header.

## Why it matters

Everything behind it is unreadable; careless parsers hang or crash on it.

## Example

```
1  client ── SYN <kind 8, length 40 in 12 octets of options> ──▶ server   ← here
```

## What it must not claim

Options cut off by the capture's snaplen are not judged.

## References

RFC 9293 §3.1 (MUST-7, MUST-68)
"""


class Opt017(Rule):
    """Reports an option whose length is below 2 or runs past the end of the header."""

    meta = Meta("OPT017", "option-runs-past-header", ERROR, "RFC 9293 §3.1 (MUST-7, MUST-68)", 0, PAGE)
    moments = (AT_OPTIONS,)

    def look(self, x: Look) -> None:
        """Reports an option whose length is below 2 or runs past the end of the header."""
        if x.r.opts.problem == "length":
            x.report(x.h, f"Its option of kind {x.r.opts.problem_kind} runs past the header or has no length.")
