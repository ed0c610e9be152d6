"""OPT016 option-length-wrong."""

from __future__ import annotations

from typing import Final

from netsim.check.look import Look
from netsim.check.model import AT_OPTIONS, ERROR, Meta, Rule

PAGE: Final = """
## What it does

Reports a known option with a length that it cannot have.

## Why it matters

The receiver cannot read it, and may lose the options behind it.

## Example

```
1  client ── SYN <mss, length 5> ──▶ server   ← here
```

## What it must not claim

Options cut off by the capture's snaplen are not judged.

## References

RFC 9293 §3.1 (MUST-68); RFC 7323 §2.2, §3.2; RFC 2018 §2, §3
"""


class Opt016(Rule):
    """Reports a known option with a length that it cannot have."""

    meta = Meta(
        "OPT016", "option-length-wrong", ERROR, "RFC 9293 §3.1 (MUST-68); RFC 7323 §2.2, §3.2; RFC 2018 §2, §3", 0, PAGE
    )
    moments = (AT_OPTIONS,)

    def look(self, x: Look) -> None:
        """Reports a known option with a length that it cannot have."""
        for kind, data in x.r.opts.other:
            size = len(data)
            wrong = (
                (kind == 2 and size != 2) or (kind == 3 and size != 1) or (kind == 4 and size != 0)
                or (kind == 5 and (size == 0 or size % 8 != 0)) or (kind == 8 and size != 8)
                or (kind == 19 and size != 16)
            )  # fmt: skip
            if wrong:
                x.report(x.h, f"Its option of kind {kind} has the impossible length {size + 2}.")
                return
