"""RST004 resets-answered-with-resets."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import RST
from netsim.check.look import Look
from netsim.check.model import AT_RST, ERROR, LIKELY, NEED_BOTH, Meta, Rule

PAGE: Final = """
## What it does

Reports two ends that answer resets with resets, four times each.

## Why it matters

A reset is never answered, or two ends without a connection would go on for ever.

## Example

```
20  client ── RST seq 5 ──▶ server
21  client ◀── RST seq 9 ── server
22  client ── RST seq 5 ──▶ server   ← here, again and again
```

## What it must not claim

Several resets from one end alone each answer a segment in flight and are in order.

## References

RFC 9293 §3.5.2, §3.10.7.1
"""


class Rst004(Rule):
    """Reports two ends that answer resets with resets, four times each."""

    meta = Meta("RST004", "resets-answered-with-resets", ERROR, "RFC 9293 §3.5.2, §3.10.7.1", NEED_BOTH, PAGE)
    moments = (AT_RST,)

    def look(self, x: Look) -> None:
        """Reports two ends that answer resets with resets, four times each."""
        h = x.h
        p = x.p
        if p.last is not None and p.last.flags & RST and (h.last is None or p.last.frame > h.last.frame):
            h.rst_count += 1
            if h.rst_count >= 4 and p.rst_count >= 3:
                x.report(h, "Both ends answer resets with resets.", LIKELY, 0, p.last)
