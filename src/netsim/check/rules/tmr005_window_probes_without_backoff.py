"""TMR005 window-probes-without-backoff."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import FIN, RST, SYN
from netsim.check.look import Look, span
from netsim.check.model import AT_SEGMENT, DEVIATION, LIKELY, NEED_BOTH, Meta, Rule

LIMIT_NS: Final = 50_000_000_000
TIMES: Final = 6

PAGE: Final = """
## What it does

Reports a sender that probes a closed window at a constant interval, six or more times as long.

## Why it matters

The interval between probes should grow exponentially: a window may stay closed for hours, and the
receiver must answer each probe.

## Example

```
30  1.000  client ── seq 2,896 len 1 ──▶ server   (window 0)
32  1.300  client ── seq 2,896 len 1 ──▶ server
34  1.600  client ── seq 2,896 len 1 ──▶ server   ← here
```

## What it must not claim

An interval of more than 50 seconds may have reached its upper limit. A window that opened meanwhile
begins the count anew.

## References

RFC 9293 §3.8.6.1 (SHLD-30)
"""


class Tmr005(Rule):
    """Reports a sender that probes a closed window at a constant interval."""

    meta = Meta(
        "TMR005",
        "window-probes-without-backoff",
        DEVIATION,
        "RFC 9293 §3.8.6.1 (SHLD-30)",
        NEED_BOTH,
        PAGE,
    )
    moments = (AT_SEGMENT,)

    def look(self, x: Look) -> None:
        """Reports a sender that probes a closed window at a constant interval."""
        h = x.h
        last = h.probe_record
        if x.p.wnd != 0 or last is None or h.probe_gap <= 0 or x.n > 1 or x.r.flags & (SYN | RST | FIN):
            return
        if (x.seq != h.una - 1 and x.seq != h.nxt - 1 and x.seq != h.edge) or x.p.zero_since < 0:
            return
        gap = x.r.t_ns - last.t_ns
        closed = x.r.t_ns - x.p.zero_since
        steady = abs(gap - h.probe_gap) * 10 <= h.probe_gap
        if steady and gap < LIMIT_NS and closed >= TIMES * gap and h.probes >= TIMES - 1:
            x.report(h, f"It probes the closed window every {span(gap // 1_000_000 * 1_000_000)}.", LIKELY, 0, last)
