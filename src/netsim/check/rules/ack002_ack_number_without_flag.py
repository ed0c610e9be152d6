"""ACK002 ack-number-without-flag."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK
from netsim.check.look import Look
from netsim.check.model import AT_SYN, NOTE, POSSIBLE, Meta, Rule

PAGE: Final = """
## What it does

Reports a SYN without the ACK flag whose acknowledgement field is not zero.

## Why it matters

The field means nothing there. Stacks send zero; tools that forge SYNs often do not, so it helps to
tell a scan from a client.

## Example

```
1  client ── SYN seq 7 (ack field 3735928559) ──▶ server   ← here
```

## What it must not claim

That it is an attack.

## References

RFC 9293 §3.1
"""


class Ack002(Rule):
    """Reports a SYN without the ACK flag whose acknowledgement field is not zero."""

    meta = Meta("ACK002", "ack-number-without-flag", NOTE, "RFC 9293 §3.1", 0, PAGE)
    moments = (AT_SYN,)

    def look(self, x: Look) -> None:
        """Reports a SYN without the ACK flag whose acknowledgement field is not zero."""
        if not x.r.flags & ACK and x.r.ack:
            x.report(x.h, "Its SYN has an acknowledgement number but no ACK flag.", POSSIBLE)
