"""CLS001 data-after-fin."""

from __future__ import annotations

from typing import Final

from netsim.check.look import Look, grouped
from netsim.check.model import AT_DATA, CERTAIN, ERROR, Meta, Rule

PAGE: Final = """
## What it does

Reports data at sequence numbers behind the sender's own FIN.

## Why it matters

The FIN says that no more data come. Whatever follows is dropped or breaks the stream.

## Example

```
10  client ── FIN,ACK seq 1,001 ──▶ server
11  client ── seq 1,002 len 100 ──▶ server   ← here
```

## What it must not claim

A retransmission of data before the FIN is in order.

## References

RFC 9293 §3.6, §3.10.4
"""


class Cls001(Rule):
    """Reports data at sequence numbers behind the sender's own FIN."""

    meta = Meta("CLS001", "data-after-fin", ERROR, "RFC 9293 §3.6, §3.10.4", 0, PAGE)
    moments = (AT_DATA,)

    def look(self, x: Look) -> None:
        """Reports data at sequence numbers behind the sender's own FIN."""
        h = x.h
        if h.fin >= 0 and x.n and x.seq + x.n > h.fin:
            over = grouped(x.seq + x.n - h.fin)
            x.report(h, f"It sends data up to {over} bytes behind its own FIN.", CERTAIN, 0, h.fin_record)
