"""ACK001 ack-goes-backwards."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import RST, SYN
from netsim.check.evidence import LATER, order_of
from netsim.check.flow import unwrap
from netsim.check.look import Look, grouped
from netsim.check.model import AT_ACK, CERTAIN, ERROR, Meta, Rule

PAGE: Final = """
## What it does

Reports an acknowledgement below one that the same end sent earlier, where the order of sending is
proven by its timestamps or IP identification.

## Why it matters

RCV.NXT only grows. An end that takes acknowledged data back has lost them (a restarted or failed-
over peer), or two machines share the address.

## Example

```
8  client ◀── ack 20,000 (ts 500) ── server
9  client ◀── ack 15,000 (ts 501) ── server   ← here
```

## What it must not claim

Packets that overtook each other look the same; without proof of their order the rule is silent.

## References

RFC 9293 §3.4, §3.10.7.4
"""


class Ack001(Rule):
    """Ack goes backwards."""

    meta = Meta("ACK001", "ack-goes-backwards", ERROR, "RFC 9293 §3.4, §3.10.7.4", 0, PAGE)
    moments = (AT_ACK,)

    def look(self, x: Look) -> None:
        """Ack goes backwards."""
        last = x.h.last
        if x.old_ack < 0 or x.ack >= x.old_ack or last is None or x.old_ack > x.p.nxt or x.r.flags & (SYN | RST):
            return
        if unwrap(x.old_ack, last.ack) < x.old_ack or order_of(x.h, x.r, last) != LATER:
            return
        x.report(
            x.h, f"It acknowledges {grouped(x.p.rel(x.ack))} after it had acknowledged {grouped(x.p.rel(x.old_ack))}.",
            CERTAIN, 0, last,
        )  # fmt: skip
