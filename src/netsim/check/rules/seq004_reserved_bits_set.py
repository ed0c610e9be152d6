"""SEQ004 reserved-bits-set."""

from __future__ import annotations

from typing import Final

from netsim.check.look import Look
from netsim.check.model import AT_SEGMENT, AT_SYN, DEVIATION, Meta, Rule

PAGE: Final = """
## What it does

Reports a segment in which one of the three reserved header bits is set.

## Why it matters

They must be zero in what is sent. A set bit means damage, a tunnel's mistake, or a covert channel,
and some firewalls drop it.

## Example

```
1  client ── SYN (reserved bits 0b010) ──▶ server   ← here
```

## What it must not claim

The ninth flag, Accurate ECN's AE (formerly NS), is not reserved.

## References

RFC 9293 §3.1
"""


class Seq004(Rule):
    """Reports a segment in which one of the three reserved header bits is set."""

    meta = Meta("SEQ004", "reserved-bits-set", DEVIATION, "RFC 9293 §3.1", 0, PAGE)
    moments = (
        AT_SEGMENT,
        AT_SYN,
    )

    def look(self, x: Look) -> None:
        """Reports a segment in which one of the three reserved header bits is set."""
        r = x.r
        if len(r.buf) > r.tcp_at + 12 and r.buf[r.tcp_at + 12] & 0x0E:
            x.report(x.h, "It sets reserved bits of the header.")
