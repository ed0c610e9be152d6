"""TMR003 syn-resent-too-early."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK, SYN
from netsim.check.look import Look, span
from netsim.check.model import AT_RESEND, CERTAIN, DEVIATION, Meta, Rule

PAGE: Final = """
## What it does

Reports a SYN sent again less than 0.9 seconds after the one before.

## Why it matters

As long as no round trip has been measured the timer should be one second; a shorter one floods a
slow path with SYNs.

## Example

```
1   0.000  client ── SYN ──▶ server
2   0.250  client ── SYN ──▶ server   ← here
```

## What it must not claim

Copies made by the capture are told apart by their IP identification, or by coming within a fraction
of a millisecond. A SYN that met an old connection at the peer goes out again as soon as that is
reset, and is not reported.

## References

RFC 6298 §2.1
"""


class Tmr003(Rule):
    """Reports a SYN sent again less than 0.9 seconds after the one before."""

    meta = Meta("TMR003", "syn-resent-too-early", DEVIATION, "RFC 6298 §2.1", 0, PAGE)
    moments = (AT_RESEND,)

    def look(self, x: Look) -> None:
        """Reports a SYN sent again less than 0.9 seconds after the one before."""
        resend = x.resend
        if resend is None or x.r.flags & (SYN | ACK) != SYN or resend.first is None:
            return
        old = x.c.previous
        if old is not None and resend.first.t_ns <= old.closed_ns:
            return
        if 0 <= resend.waited_ns < 900_000_000 and x.p.packets == 0:
            x.report(x.h, f"It sends its SYN again after {span(resend.waited_ns)}.", CERTAIN, 0, resend.first)
