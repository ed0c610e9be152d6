"""RTX003 resent-sacked-data."""

from __future__ import annotations

from typing import Final

from netsim.check.cause import FAST
from netsim.check.flow import SACK_NEWS_NS
from netsim.check.look import Look
from netsim.check.model import AT_RESEND, DEVIATION, LIKELY, NEED_AT_SENDER, NEED_BOTH, Meta, Rule

PAGE: Final = """
## What it does

Reports bytes sent again in fast recovery although a SACK that reached the sender reported them as
received.

## Why it matters

SACK exists to avoid exactly that; the sender wastes its recovery on what is not lost.

## Example

```
 9  client ◀── ack 1 <sack 1449:2897> ── server
12  client ── seq 1,449 len 1,448 ──▶ server   ← here
```

## What it must not claim

After a timeout the sender must forget SACKs, so go-back is not reported; nor is anything without a
tap at the sender, nor what a SACK has reported within the last 2 ms: the resend may have been under way.

## References

RFC 6675 §4, §5
"""


class Rtx003(Rule):
    """Resent sacked data."""

    meta = Meta("RTX003", "resent-sacked-data", DEVIATION, "RFC 6675 §4, §5", NEED_BOTH | NEED_AT_SENDER, PAGE)
    moments = (AT_RESEND,)

    def look(self, x: Look) -> None:
        """Resent sacked data."""
        resend = x.resend
        if resend is None or resend.spurious != "sacked" or resend.cause != FAST or not x.n:
            return
        for told_ns, left, right in x.h.sack_news or ():
            if left < resend.end and resend.start < right and x.r.t_ns - told_ns <= SACK_NEWS_NS:
                return  # reported while the resend was on its way out
        x.report(x.h, "It sends bytes again that a SACK had reported as received.", LIKELY, 0, x.p.last)
