"""HSK008 syn-isn-changed."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK
from netsim.check.look import Look
from netsim.check.model import AT_SYN, ERROR, LIKELY, Meta, Rule

PAGE: Final = """
## What it does

Reports a SYN that is sent again, with another initial sequence
number.

## Why it matters

A retransmission repeats the numbers of the original. With two numbers under way the server answers
one of them, and the client takes the answer for an old duplicate.

## Example

```
1   0.0  client ── SYN seq 1000 ──▶ server
2   1.0  client ── SYN seq 7777 ──▶ server   ← here
```

## What it must not claim

An application may give up and begin anew from the same port; the wait between 0.9 and 7.5 seconds
without any answer makes a retransmission likely, no more.

## References

RFC 9293 §3.4.1, §3.8.1
"""


class Hsk008(Rule):
    """Syn isn changed."""

    meta = Meta("HSK008", "syn-isn-changed", ERROR, "RFC 9293 §3.4.1, §3.8.1", 0, PAGE)
    moments = (AT_SYN,)

    def look(self, x: Look) -> None:
        """Syn isn changed."""
        prior = x.c.prior_syn
        if prior is None or x.r.flags & ACK or x.h.packets > 1 or prior.opts.layout != x.r.opts.layout:
            return
        if 1_000_000 <= x.r.t_ns - prior.t_ns <= 7_500_000_000:
            x.report(x.h, "It sends its SYN again with another initial sequence number.", LIKELY, 0, prior)
