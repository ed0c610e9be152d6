"""OPT004 window-scale-over-14."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import SYN
from netsim.check.look import Look
from netsim.check.model import AT_OPTIONS, ERROR, Meta, Rule

PAGE: Final = """
## What it does

Reports a window scale above 14.

## Why it matters

A larger one would allow windows so large that old and new sequence numbers could not be told apart.
The receiver must use 14 instead, so the two ends disagree about the window.

## Example

```
1  client ── SYN <ws 15> ──▶ server   ← here
```

## What it must not claim

Nothing: the option is there to see.

## References

RFC 7323 §2.3
"""


class Opt004(Rule):
    """Reports a window scale above 14."""

    meta = Meta("OPT004", "window-scale-over-14", ERROR, "RFC 7323 §2.3", 0, PAGE)
    moments = (AT_OPTIONS,)

    def look(self, x: Look) -> None:
        """Reports a window scale above 14."""
        if x.r.flags & SYN and x.r.opts.wscale > 14:
            x.report(x.h, f"It offers a window scale of {x.r.opts.wscale}; 14 is the most.")
