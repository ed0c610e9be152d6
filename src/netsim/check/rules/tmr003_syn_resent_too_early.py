"""TMR003 syn-resent-too-early."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK, SYN
from netsim.base.units import SEC
from netsim.check.flow import MASK, UNKNOWN
from netsim.check.look import Look, span
from netsim.check.model import AT_RESEND, CERTAIN, DEVIATION, NEED_AT_SENDER, Meta, Rule

SURE_TICKS: Final = 900
"""That many ticks of the timestamp clock are 0.9 s or more: a tick is at least 1 ms (RFC 7323 §5.4)."""

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

On the way to a tap in the network two SYNs may come closer together: there the rule speaks only if the
host's own timestamp clock says the same. Copies made by the capture are told apart by that clock, by
their IP identification, or by coming within a fraction of a millisecond. A SYN
that met an old connection at the peer goes out again as soon as that is reset, and is not reported.

## References

RFC 6298 §2.1
"""


class Tmr003(Rule):
    """Reports a SYN sent again less than 0.9 seconds after the one before."""

    meta = Meta("TMR003", "syn-resent-too-early", DEVIATION, "RFC 6298 §2.1", NEED_AT_SENDER, PAGE)
    moments = (AT_RESEND,)

    def look(self, x: Look) -> None:
        """Reports a SYN sent again less than 0.9 seconds after the one before."""
        resend = x.resend
        if resend is None or x.r.flags & (SYN | ACK) != SYN or resend.first is None:
            return
        old = x.c.previous
        if old is not None and resend.first.t_ns <= old.closed_ns:
            return
        if not 0 <= resend.waited_ns < SEC * 9 // 10 or x.p.packets:
            return
        ticks = UNKNOWN
        if x.r.ts_val >= 0 and resend.first.ts_val >= 0:
            ticks = (x.r.ts_val - resend.first.ts_val) & MASK
        if ticks == 0 or ticks >= SURE_TICKS:
            return  # a copy of the same packet, or held up on its way to the tap: by its own clock it waited
        text = f"It sends its SYN again after {span(resend.waited_ns)}."
        x.report(x.h, text, CERTAIN, 0, resend.first, anywhere=0 < ticks < SURE_TICKS // 10)
