"""WND001 data-beyond-window."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import FIN
from netsim.check.evidence import agreed, knows_closed
from netsim.check.look import Look, grouped
from netsim.check.model import AT_DATA, CERTAIN, ERROR, NEED_BOTH, NEED_FAR_WHOLE, NEED_HANDSHAKE, Meta, Rule

PAGE: Final = """
## What it does

Reports data beyond the right edge of every window that the receiver ever offered.

## Why it matters

The receiver has no room there and may drop the data; a sender that ignores the window breaks flow
control.

## Example

```
8  client ── ack 1 win 4,096 ──▶ server
9  client ◀── seq 4,097 len 1,448 ── server   ← here
```

## What it must not claim

The bound is the farthest edge seen passing towards the sender, so an ACK that the capture lacks
could have allowed more: the rule is silent where packets towards the sender are missing. A one-byte
probe is allowed.

## References

RFC 9293 §3.8.6, §3.10.7.4
"""


class Wnd001(Rule):
    """Reports data beyond the right edge of every window that the receiver ever offered."""

    meta = Meta(
        "WND001",
        "data-beyond-window",
        ERROR,
        "RFC 9293 §3.8.6, §3.10.7.4",
        NEED_BOTH | NEED_HANDSHAKE | NEED_FAR_WHOLE,
        PAGE,
    )
    moments = (AT_DATA,)

    def look(self, x: Look) -> None:
        """Reports data beyond the right edge of every window that the receiver ever offered."""
        h = x.h
        if not x.n or h.edge < 0 or x.end - (x.r.flags & FIN) <= h.edge or not agreed(x.c):
            return
        if x.p.wnd == 0 and knows_closed(x):
            # Worse, and a rule of its own: WND004.
            return
        if x.n == 1 and x.seq == h.edge:
            return
        over = x.end - (x.r.flags & FIN) - h.edge
        x.report(
            h, f"It sends {grouped(over)} bytes beyond the window's edge at {grouped(h.rel(h.edge))}.",
            CERTAIN, 0, h.edge_record or x.p.syn,
        )  # fmt: skip
