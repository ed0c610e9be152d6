"""SEQ006 urgent-pointer-at-nothing."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import URG
from netsim.check.look import Look
from netsim.check.model import AT_SEGMENT, DEVIATION, LIKELY, Meta, Rule

PAGE: Final = """
## What it does

Reports a segment with URG whose urgent pointer is zero.

## Why it matters

The pointer names the byte after the urgent data, relative to the segment's first byte; zero
announces urgent data that ended before the segment.

## Example

```
5  client ── PSH,ACK,URG seq 1 len 10 (urgent pointer 0) ──▶ server   ← here
```

## What it must not claim

The old reading of the pointer (at the last urgent byte) makes a pointer one too low legal; only
zero is reported.

## References

RFC 9293 §3.8.5
"""


class Seq006(Rule):
    """Reports a segment with URG whose urgent pointer is zero."""

    meta = Meta("SEQ006", "urgent-pointer-at-nothing", DEVIATION, "RFC 9293 §3.8.5", 0, PAGE)
    moments = (AT_SEGMENT,)

    def look(self, x: Look) -> None:
        """Reports a segment with URG whose urgent pointer is zero."""
        if x.r.flags & URG and x.r.urg == 0:
            x.report(x.h, "It sets URG with an urgent pointer of zero: nothing is urgent.", LIKELY)
