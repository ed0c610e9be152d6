"""SEQ005 urgent-pointer-without-urg."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import URG
from netsim.check.look import Look
from netsim.check.model import AT_SEGMENT, NOTE, POSSIBLE, Meta, Rule

PAGE: Final = """
## What it does

Reports an urgent pointer other than zero in a segment without the URG flag.

## Why it matters

The field means nothing then, so this is legal; but stacks send zero, and anything else was put
there by something odd.

## Example

```
5  client ── ACK (urgent pointer 4660) ──▶ server   ← here
```

## What it must not claim

That anything goes wrong: receivers ignore the field.

## References

RFC 9293 §3.1
"""


class Seq005(Rule):
    """Reports an urgent pointer other than zero in a segment without the URG flag."""

    meta = Meta("SEQ005", "urgent-pointer-without-urg", NOTE, "RFC 9293 §3.1", 0, PAGE)
    moments = (AT_SEGMENT,)

    def look(self, x: Look) -> None:
        """Reports an urgent pointer other than zero in a segment without the URG flag."""
        if x.r.urg and not x.r.flags & URG:
            x.report(x.h, f"Its urgent pointer is {x.r.urg} although URG is not set.", POSSIBLE)
