"""ACK005 two-full-segments-unacknowledged."""

from __future__ import annotations

from typing import Final

from netsim.check.look import Look, span
from netsim.check.model import AT_ACK, DEVIATION, LIKELY, NEED_AT_SENDER, NEED_BOTH, NEED_WHOLE, Meta, Rule
from netsim.check.states import STAGE_OPEN

PAGE: Final = """
## What it does

Reports a host that left two or more full-sized segments unacknowledged for over 250 ms.

## Why it matters

At least every second full-sized segment should be acknowledged at once. A receiver that waits for
its delayed-ACK timer instead slows a starting sender to a crawl.

## Example

```
 8   1.000  client ◀── seq 1 len 1,448 ── server
 9   1.001  client ◀── seq 1,449 len 1,448 ── server
10   1.290  client ── ack 2,897 ──▶ server   ← here
```

## What it must not claim

Needs a tap at the acknowledging host. Receivers that merge segments (GRO) acknowledge more at once;
only waiting is reported.

## References

RFC 9293 §3.8.6.3 (SHLD-19); RFC 5681 §4.2
"""


class Ack005(Rule):
    """Reports a host that left two or more full-sized segments unacknowledged for over 250 ms."""

    meta = Meta(
        "ACK005",
        "two-full-segments-unacknowledged",
        DEVIATION,
        "RFC 9293 §3.8.6.3 (SHLD-19); RFC 5681 §4.2",
        NEED_BOTH | NEED_WHOLE | NEED_AT_SENDER,
        PAGE,
    )
    moments = (AT_ACK,)

    def look(self, x: Look) -> None:
        """Reports a host that left two or more full-sized segments unacknowledged for over 250 ms."""
        p = x.p
        if x.ack <= p.una or p.holes or x.h.stage != STAGE_OPEN or not x.h.pure_acks or x.h.wnd == 0:
            return
        if (p.resends and p.resends[-1].end > p.una) or p.head + 1 >= len(p.sent):
            return
        full = [record for record in p.sent[p.head :] if record.payload_len == p.seg_max]
        if len(full) < 2 or x.r.t_ns - full[1].t_ns < 250_000_000:
            return
        if x.h.last is not None and x.h.last.t_ns >= full[1].t_ns:
            return
        waited = span(x.r.t_ns - full[1].t_ns)
        x.report(x.h, f"It leaves two full-sized segments unacknowledged for {waited}.", LIKELY, 0, full[1])
