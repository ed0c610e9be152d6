"""OPT013 sack-below-ack."""

from __future__ import annotations

from typing import Final

from netsim.check.evidence import sack_blocks
from netsim.check.look import Look
from netsim.check.model import AT_SACK, ERROR, Meta, Rule

PAGE: Final = """
## What it does

Reports a SACK block, other than the first, that lies below the acknowledgement number of the same
segment.

## Why it matters

What the cumulative ACK covers is not reported again, except as a duplicate in the first block
(DSACK). Such a block is stale and wastes the room of a useful one.

## Example

```
9  client ◀── ack 5000 <sack 7000:8000, 2000:3000> ── server   ← here: the second block
```

## What it must not claim

The first block below the ACK is a DSACK and legal.

## References

RFC 2018 §3, §4; RFC 2883 §4
"""


class Opt013(Rule):
    """Sack below ack."""

    meta = Meta("OPT013", "sack-below-ack", ERROR, "RFC 2018 §3, §4; RFC 2883 §4", 0, PAGE)
    moments = (AT_SACK,)

    def look(self, x: Look) -> None:
        """Sack below ack."""
        if x.ack < 0:
            return
        for left, right in sack_blocks(x)[1:]:
            if right > left and left < x.ack:
                x.report(x.h, "It sends a SACK block below its own acknowledgement number.")
                return
