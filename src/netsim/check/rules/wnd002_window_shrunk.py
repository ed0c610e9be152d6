"""WND002 window-shrunk."""

from __future__ import annotations

from typing import Final

from netsim.check.evidence import EARLIER, LATER, SAME, agreed, ids_order, is_near
from netsim.check.look import Look, grouped
from netsim.check.model import AT_WINDOW, CERTAIN, DEVIATION, LIKELY, NEED_BOTH, NEED_HANDSHAKE, Meta, Rule

PAGE: Final = """
## What it does

Reports a window whose right edge lies before one offered earlier, by more than the rounding of the
window scale.

## Why it matters

Data may already be on their way to the space that is taken back; they are dropped and must be sent
again.

## Example

```
8  client ── ack 1,000 win 8,000 ──▶ server   edge 9,000
9  client ── ack 1,000 win 2,000 ──▶ server   ← here: edge 3,000
```

## What it must not claim

Reordered ACKs look the same: the order must be proven by timestamps or IP identification. Without them
the finding is "likely" where the tap is at the host, and silent elsewhere. Once the peer's FIN has
arrived nothing more can come, and the window says nothing.

## References

RFC 9293 §3.8.6 (SHLD-14)
"""


class Wnd002(Rule):
    """Window shrunk."""

    meta = Meta("WND002", "window-shrunk", DEVIATION, "RFC 9293 §3.8.6 (SHLD-14)", NEED_BOTH | NEED_HANDSHAKE, PAGE)
    moments = (AT_WINDOW,)

    def look(self, x: Look) -> None:
        """Window shrunk."""
        h = x.h
        last = x.p.edge_record
        if last is None or x.ack < x.old_ack or not agreed(x.c) or x.old_edge - x.edge <= (1 << h.shift):
            return
        if x.old_edge - x.edge > max(h.max_wnd, 65535):
            # More than was ever offered: not this connection's numbers.
            return
        if 0 <= x.p.fin < x.ack:
            return  # the peer's FIN has arrived: nothing more can come, the window says nothing
        if x.old and not x.n:
            return  # an ACK that what its sender sent later has overtaken
        order = _order(x)
        if order == EARLIER or (order == SAME and (x.c.reordered or not is_near(h))):
            return  # it was overtaken, or nothing tells that it was not
        lost = grouped(x.old_edge - x.edge)
        x.report(
            h, f"It takes back {lost} bytes of window: the edge moves from {grouped(x.p.rel(x.old_edge))} to "
            f"{grouped(x.p.rel(x.edge))}.", CERTAIN if order == LATER else LIKELY, 0, last,
        )  # fmt: skip


def _order(x: Look) -> int:
    """Was it sent LATER than all that was seen of its sender, or EARLIER than some? SAME if nothing tells."""
    h = x.h
    if x.ack > x.old_ack:
        return LATER  # no host acknowledges less than it has: all that was seen acknowledges less
    if x.r.ts_val >= 0:
        if x.ticked:
            return LATER
        if x.r.ts_val != h.ts_val:
            return EARLIER
    return ids_order(h, x.r, h.last) if h.last is not None else SAME
