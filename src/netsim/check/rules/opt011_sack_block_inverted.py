"""OPT011 sack-block-inverted."""

from __future__ import annotations

from typing import Final

from netsim.check.flow import MASK
from netsim.check.look import Look
from netsim.check.model import AT_SACK, ERROR, Meta, Rule

PAGE: Final = """
## What it does

Reports a SACK block whose right edge does not lie after its left edge.

## Why it matters

It describes nothing. A sender that trusts it may mark half of the sequence space as received.

## Example

```
9  client ◀── ack 1 <sack 2897:1449> ── server   ← here
```

## What it must not claim

Who garbled it: a middlebox that shifts sequence numbers and forgets the option is common.

## References

RFC 2018 §3
"""


class Opt011(Rule):
    """Reports a SACK block whose right edge does not lie after its left edge."""

    meta = Meta("OPT011", "sack-block-inverted", ERROR, "RFC 2018 §3", 0, PAGE)
    moments = (AT_SACK,)

    def look(self, x: Look) -> None:
        """Reports a SACK block whose right edge does not lie after its left edge."""
        for left, right in x.r.opts.sack:
            if (right - left - 1) & MASK >= 0x80000000:
                x.report(x.h, "It sends a SACK block that is empty or inverted.")
                return
