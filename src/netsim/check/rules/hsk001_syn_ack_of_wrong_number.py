"""HSK001 syn-ack-of-wrong-number."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK
from netsim.check.flow import MASK
from netsim.check.look import Look
from netsim.check.model import AT_SYN, ERROR, LIKELY, NEED_BOTH, Meta, Rule

PAGE: Final = """
## What it does

Reports a SYN-ACK whose acknowledgement is not the SYN's sequence number plus one (plus data on the
SYN, if any).

## Why it matters

The client must answer it with a reset and cannot connect. It comes from a confused middlebox, a
replayed answer, or a server that mixes up connections.

## Example

```
1  client ── SYN seq 1000 ──▶ server
2  client ◀── SYN,ACK seq 5000 ack 1002 ── server   ← here: 1001 expected
```

## What it must not claim

A SYN with another ISN may have been sent before and not been captured; hence "likely".

## References

RFC 9293 §3.10.7.3
"""


class Hsk001(Rule):
    """Syn ack of wrong number."""

    meta = Meta("HSK001", "syn-ack-of-wrong-number", ERROR, "RFC 9293 §3.10.7.3", NEED_BOTH, PAGE)
    moments = (AT_SYN,)

    def look(self, x: Look) -> None:
        """Syn ack of wrong number."""
        r = x.r
        syn = x.p.syn
        if not r.flags & ACK or syn is None or syn.flags & ACK:
            return
        prior = x.c.prior_syn
        if prior is not None and r.ack == (prior.seq + 1 + prior.payload_len) & MASK:
            return
        over = (r.ack - syn.seq - 1) & MASK
        if over <= syn.payload_len:
            return
        off = over if over < 0x80000000 else over - (MASK + 1)
        x.report(x.h, f"Its SYN-ACK acknowledges a number {off:+,} from the one that follows the SYN.", LIKELY, 0, syn)
