"""OPT020 timestamp-goes-backwards."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import RST
from netsim.check.evidence import EARLIER, LATER, SAME, ids_order
from netsim.check.flow import MASK
from netsim.check.look import Look, grouped
from netsim.check.model import AT_STAMP, CERTAIN, ERROR, LIKELY, Meta, Rule

PAGE: Final = """
## What it does

Reports a timestamp below one that the same end sent earlier.

## Why it matters

The clock must not run backwards: the receiver takes the segment for an old duplicate and drops it
(PAWS), and the connection stalls.

## Example

```
8  client ── seq 1 len 100 <ts 500:9> ──▶ server
9  client ── seq 101 len 100 <ts 400:9> ──▶ server   ← here
```

## What it must not claim

Segments that overtook each other look the same. The rule speaks if the IP identification proves the
order, or (as "likely") if the segment carries new data in order and nothing in the capture is out
of order.

## References

RFC 7323 §4.1, §5.4
"""


class Opt020(Rule):
    """Reports a timestamp below one that the same end sent earlier."""

    meta = Meta("OPT020", "timestamp-goes-backwards", ERROR, "RFC 7323 §4.1, §5.4", 0, PAGE)
    moments = (AT_STAMP,)

    def look(self, x: Look) -> None:
        """Reports a timestamp below one that the same end sent earlier."""
        h = x.h
        last = h.last
        if last is None or (x.r.ts_val - h.ts_val) & MASK < 0x80000000 or x.r.flags & RST:
            return
        order = ids_order(h, x.r, last)
        if order == EARLIER or (order == SAME and (not x.n or x.seq != h.nxt or x.c.reordered)):
            return
        if order == LATER and (x.r.ts_val - last.ts_val) & MASK < 0x80000000:
            return  # both were overtaken by the one whose clock stood higher
        by = (h.ts_val - x.r.ts_val) & MASK
        x.report(h, f"Its timestamp goes back by {grouped(by)}.", CERTAIN if order == LATER else LIKELY, 0, last)
