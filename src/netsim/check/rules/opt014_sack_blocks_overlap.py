"""OPT014 sack-blocks-overlap."""

from __future__ import annotations

from typing import Final

from netsim.check.evidence import sack_blocks
from netsim.check.look import Look
from netsim.check.model import AT_SACK, ERROR, Meta, Rule

PAGE: Final = """
## What it does

Reports two SACK blocks of one segment that overlap, where the first is not a DSACK.

## Why it matters

Each block is an isolated run of received bytes; overlapping ones show a receiver whose queue is
confused.

## Example

```
9  client ◀── ack 1 <sack 2000:4000, 3000:5000> ── server   ← here
```

## What it must not claim

A first block inside the second is a DSACK and legal.

## References

RFC 2018 §3
"""


class Opt014(Rule):
    """Reports two SACK blocks of one segment that overlap, where the first is not a DSACK."""

    meta = Meta("OPT014", "sack-blocks-overlap", ERROR, "RFC 2018 §3", 0, PAGE)
    moments = (AT_SACK,)

    def look(self, x: Look) -> None:
        """Reports two SACK blocks of one segment that overlap, where the first is not a DSACK."""
        blocks = sack_blocks(x)
        for index, (left, right) in enumerate(blocks):
            for other_left, other_right in blocks[index + 1 :]:
                if left < other_right and other_left < right:
                    if index == 0 and ((other_left <= left and right <= other_right) or right <= x.ack):
                        continue
                    x.report(x.h, "Two of its SACK blocks overlap.")
                    return
