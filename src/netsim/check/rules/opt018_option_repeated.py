"""OPT018 option-repeated."""

from __future__ import annotations

from typing import Final

from netsim.check.look import Look
from netsim.check.model import AT_OPTIONS, DEVIATION, Meta, Rule

PAGE: Final = """
## What it does

Reports the same known option twice in one segment.

## Why it matters

Which of the two counts is undefined; stacks differ. Middleboxes that append instead of replacing
cause it.

## Example

```
1  client ── SYN <mss 1460,mss 1380> ──▶ server   ← here
```

## What it must not claim

Which of the two was the sender's.

## References

RFC 9293 §3.1
"""


class Opt018(Rule):
    """Reports the same known option twice in one segment."""

    meta = Meta("OPT018", "option-repeated", DEVIATION, "RFC 9293 §3.1", 0, PAGE)
    moments = (AT_OPTIONS,)

    def look(self, x: Look) -> None:
        """Reports the same known option twice in one segment."""
        if not x.r.opts.other:
            return
        layout = x.r.opts.layout
        for kind in (2, 3, 4, 5, 8, 19):
            if layout.count(kind) > 1:
                x.report(x.h, f"It sends the option of kind {kind} {layout.count(kind)} times in one segment.")
                return
