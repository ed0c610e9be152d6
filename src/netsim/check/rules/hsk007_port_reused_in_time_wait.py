"""HSK007 port-reused-in-time-wait."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK
from netsim.base.seqnum import seq_lt
from netsim.check.flow import MASK
from netsim.check.look import Look, span
from netsim.check.model import AT_SYN, ERROR, LIKELY, Meta, Rule

PAGE: Final = """
## What it does

Reports a new SYN on the same addresses and ports within a minute of the last connection's end, with
an ISN that is not above the old numbers and no newer timestamp.

## Why it matters

The end that closed first waits twice the segment lifetime, so that old segments die out. Earlier
reuse is safe only if the new numbers or timestamps are above the old ones; otherwise old data can
slip into the new connection.

## Example

```
10  client ── FIN,ACK seq 900,000 ──▶ server
...
13  client ── SYN seq 5,000 ──▶ server   ← here: 1 s later, below 900,001
```

## What it must not claim

A connection that ended with a reset leaves no TIME-WAIT; its reuse is not reported.

## References

RFC 9293 §3.6.1 (MUST-13, MAY-2); RFC 6191
"""


class Hsk007(Rule):
    """Port reused in time wait."""

    meta = Meta("HSK007", "port-reused-in-time-wait", ERROR, "RFC 9293 §3.6.1 (MUST-13, MAY-2); RFC 6191", 0, PAGE)
    moments = (AT_SYN,)

    def look(self, x: Look) -> None:
        """Port reused in time wait."""
        tomb = x.c.previous
        r = x.r
        if tomb is None or r.flags & ACK or tomb.reset or not tomb.active or x.h.packets > 1:
            return
        same = tomb.client_key == x.h.addr_key
        old = tomb.client_nxt if same else tomb.server_nxt
        if old < 0 or r.t_ns - tomb.closed_ns > 60_000_000_000 or seq_lt(old & MASK, r.seq):
            return
        if r.ts_val >= 0 and tomb.ts_val >= 0 and same and (r.ts_val - tomb.ts_val - 1) & MASK < 0x80000000:
            return
        waited = span(r.t_ns - tomb.closed_ns)
        x.report(
            x.h, f"It uses the same addresses and ports {waited} after the last connection, with a lower ISN.", LIKELY
        )
