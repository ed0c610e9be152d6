"""OPT015 sack-reneged."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import FIN, RST, SYN
from netsim.check.evidence import LATER, order_of
from netsim.check.look import Look, grouped
from netsim.check.model import AT_ACK, DEVIATION, LIKELY, NEED_BOTH, Meta, Rule

PAGE: Final = """
## What it does

Reports a receiver that had reported bytes by SACK, and later sends an ACK that does not cover
them, without any SACK block.

## Why it matters

It has thrown the bytes away again. That is allowed as a last resort and discouraged; the sender
must resend what it believed delivered, after a timeout.

## Example

```
 9  client ◀── ack 1 <sack 1449:2897> ── server
15  client ◀── ack 1 ── server   ← here: no SACK any more
```

## What it must not claim

Order of sending must be proven by timestamps or IP identification.

## References

RFC 2018 §8
"""


class Opt015(Rule):
    """Sack reneged."""

    meta = Meta("OPT015", "sack-reneged", DEVIATION, "RFC 2018 §8", NEED_BOTH, PAGE)
    moments = (AT_ACK,)

    def look(self, x: Look) -> None:
        """Sack reneged."""
        p = x.p
        last = x.h.last
        if not p.sacked or x.r.opts.sack or x.ack < p.una or last is None or x.n:
            return
        if x.r.flags & (SYN | RST | FIN) or not last.opts.sack or order_of(x.h, x.r, last) != LATER:
            return
        inside = [block for block in p.sacked if block[0] <= x.ack < block[1]]
        if not inside and (x.ack != p.una or x.ack >= p.sacked[0][0]):
            return
        left, right = inside[0] if inside else p.sacked[0]
        what = f"{grouped(p.rel(left))} to {grouped(p.rel(right))}"
        x.report(x.h, f"It had reported {what} as received, and no longer does.", LIKELY, 0, last)
