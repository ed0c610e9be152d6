"""OPT001 mss-outside-syn."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import SYN
from netsim.check.look import Look
from netsim.check.model import AT_OPTIONS, ERROR, Meta, Rule

PAGE: Final = """
## What it does

Reports an MSS option in a segment without SYN.

## Why it matters

The option has a meaning only while the connection is opened; elsewhere it is ignored, and shows a
broken sender or a middlebox that rewrites what it should not.

## Example

```
5  client ── ACK seq 1 <mss 1460> ──▶ server   ← here
```

## What it must not claim

Whether the host or something between it and the tap put it there.

## References

RFC 9293 §3.7.1 (MUST-65)
"""


class Opt001(Rule):
    """Reports an MSS option in a segment without SYN."""

    meta = Meta("OPT001", "mss-outside-syn", ERROR, "RFC 9293 §3.7.1 (MUST-65)", 0, PAGE)
    moments = (AT_OPTIONS,)

    def look(self, x: Look) -> None:
        """Reports an MSS option in a segment without SYN."""
        if x.r.opts.mss >= 0 and not x.r.flags & SYN:
            x.report(x.h, f"It sends an MSS option ({x.r.opts.mss}) outside the handshake.")
