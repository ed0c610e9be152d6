"""TMR001 backoff-shrinks."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import SYN
from netsim.check.evidence import timeout_gap
from netsim.check.look import Look, span
from netsim.check.model import AT_RESEND, CERTAIN, ERROR, LIKELY, NEED_BOTH, Meta, Rule

PAGE: Final = """
## What it does

Reports a segment resent by timeout several times in a row where a wait is shorter than, or no
longer than, the one before (below a cap of one minute).

## Why it matters

Each timeout must double the next wait. A sender that does not back off keeps pouring into a network
that is already choking.

## Example

```
 9   1.0  client ── seq 1 len 100 ──▶ server
10   2.0  client ── seq 1 len 100 ──▶ server
11   4.0  client ── seq 1 len 100 ──▶ server
12   5.0  client ── seq 1 len 100 ──▶ server   ← here: 1 s after 2 s
```

## What it must not claim

Resends missing from the capture only make waits longer, never shorter, and the sum of all earlier
waits is below the next one; so a shrinking wait is certain, an equal one only likely. SYNs have
their own rule.

## References

RFC 6298 §5.5; RFC 9293 §3.8.1 (MUST-19)
"""


class Tmr001(Rule):
    """Backoff shrinks."""

    meta = Meta("TMR001", "backoff-shrinks", ERROR, "RFC 6298 §5.5; RFC 9293 §3.8.1 (MUST-19)", NEED_BOTH, PAGE)
    moments = (AT_RESEND,)

    def look(self, x: Look) -> None:
        """Backoff shrinks."""
        resend = x.resend
        if resend is None or x.r.flags & SYN or resend.start > x.h.una or resend.spurious == "acked":
            return
        before = timeout_gap(x.h, resend)
        if before == 0 or before > 55_000_000_000 or x.h.una_ns > x.r.t_ns - resend.waited_ns - before:
            return
        if resend.waited_ns < 1_000_000:
            return  # two at once: held up together on their way to the tap
        if resend.waited_ns * 100 < before * 90:
            confidence = CERTAIN
        elif resend.waited_ns * 100 < before * 103:
            confidence = LIKELY
        else:
            return
        longer = span(before // 1_000_000 * 1_000_000)
        shorter = span(resend.waited_ns // 1_000_000 * 1_000_000)
        text = f"After a wait of {longer} it waits only {shorter} before the next timeout."
        first = resend.first
        wait = [each.first.frame for each in x.h.resends or () if each.record is first and each.first is not None]
        x.report(x.h, text, confidence, 0, first, wait)
