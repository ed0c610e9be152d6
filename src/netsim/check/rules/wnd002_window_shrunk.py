"""WND002 window-shrunk."""

from __future__ import annotations

from typing import Final

from netsim.capture.record import TcpRecord
from netsim.check.evidence import EARLIER, LATER, SAME, agreed, order_of
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

Reordered ACKs look the same; the order must be proven by timestamps or IP identification, else the
finding is only "likely", and silent where the capture shows reordering. Once the peer's FIN has
arrived nothing more can come, and the window says nothing.

## References

RFC 9293 §3.8.6 (SHLD-14)
"""


NETWORK_REORDERS_NS: Final = 5_000_000
NEAR_NS: Final = 1_500_000
"""Its answers come so fast that the tap is at this end, where nothing overtakes."""


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
        if h.last is not None and h.last is not last and _may_be_older(x, h.last):
            return
        order = order_of(h, x.r, last)
        if order == SAME and x.r.t_ns - last.t_ns < NETWORK_REORDERS_NS and not (0 <= h.turn_ns < NEAR_NS):
            return  # nothing tells which left first, and on the way they may have changed places
        if order == EARLIER or (order == SAME and x.c.reordered):
            return
        lost = grouped(x.old_edge - x.edge)
        x.report(
            h, f"It takes back {lost} bytes of window: the edge moves from {grouped(x.p.rel(x.old_edge))} to "
            f"{grouped(x.p.rel(x.edge))}.", CERTAIN if order == LATER else LIKELY, 0, last,
        )  # fmt: skip


def _may_be_older(x: Look, newest: TcpRecord) -> bool:
    """What its sender sent before `newest`, or, for all that can be told, may have sent before it."""
    order = order_of(x.h, x.r, newest)
    if order != SAME:
        return order == EARLIER
    return x.r.t_ns - newest.t_ns < NETWORK_REORDERS_NS and not (0 <= x.h.turn_ns < NEAR_NS)
