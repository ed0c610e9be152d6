"""WND004 data-into-closed-window."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import FIN
from netsim.check.evidence import agreed, knows_closed
from netsim.check.look import Look, grouped
from netsim.check.model import AT_DATA, CERTAIN, ERROR, NEED_BOTH, NEED_FAR_WHOLE, NEED_HANDSHAKE, Meta, Rule

PAGE: Final = """
## What it does

Reports more than a probe's one byte of new data sent beyond the edge while the window is closed.

## Why it matters

The receiver cannot take it. Only a probe of one byte is allowed, to learn when the window opens.

## Example

```
 8  client ── ack 5,000 win 0 ──▶ server
30  client ◀── seq 5,000 len 1,448 ── server   ← here
```

## What it must not claim

Data that were on their way when the window closed were allowed by the edge of that time and are not
reported.

## References

RFC 9293 §3.8.6.1, §3.10.7.4
"""


class Wnd004(Rule):
    """Reports more than a probe's one byte of new data sent beyond the edge while the window is closed."""

    meta = Meta(
        "WND004",
        "data-into-closed-window",
        ERROR,
        "RFC 9293 §3.8.6.1, §3.10.7.4",
        NEED_BOTH | NEED_HANDSHAKE | NEED_FAR_WHOLE,
        PAGE,
    )
    moments = (AT_DATA,)

    def look(self, x: Look) -> None:
        """Reports more than a probe's one byte of new data sent beyond the edge while the window is closed."""
        h = x.h
        if x.n <= 1 or x.p.wnd != 0 or h.edge < 0 or x.end - (x.r.flags & FIN) <= h.edge or not agreed(x.c):
            return
        if not knows_closed(x):
            return
        x.report(h, f"It sends {grouped(x.n)} bytes although the window is closed.", CERTAIN, 0, x.p.last)
