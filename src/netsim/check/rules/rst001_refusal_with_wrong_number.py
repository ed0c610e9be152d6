"""RST001 refusal-with-wrong-number."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK
from netsim.check.flow import MASK
from netsim.check.look import Look
from netsim.check.model import AT_RST, ERROR, LIKELY, NEED_BOTH, Meta, Rule
from netsim.check.states import STAGE_SYN_SENT

PAGE: Final = """
## What it does

Reports a reset that answers a SYN but does not acknowledge it (no ACK, or a wrong number).

## Why it matters

In SYN-SENT a reset counts only if it acknowledges the SYN; the client ignores this one and waits
for its timeout instead of failing at once.

## Example

```
1  client ── SYN seq 1,000 ──▶ server
2  client ◀── RST,ACK seq 0 ack 999 ── server   ← here: 1,001 expected
```

## What it must not claim

The SYN it answers may be one that the capture lacks; hence "likely".

## References

RFC 9293 §3.5.2, §3.10.7.1, §3.10.7.3
"""


class Rst001(Rule):
    """Reports a reset that answers a SYN but does not acknowledge it (no ACK, or a wrong number)."""

    meta = Meta("RST001", "refusal-with-wrong-number", ERROR, "RFC 9293 §3.5.2, §3.10.7.1, §3.10.7.3", NEED_BOTH, PAGE)
    moments = (AT_RST,)

    def look(self, x: Look) -> None:
        """Reports a reset that answers a SYN but does not acknowledge it (no ACK, or a wrong number)."""
        syn = x.p.syn
        if syn is None or x.h.syn is not None or x.p.stage != STAGE_SYN_SENT or x.h.packets > 1 or syn.flags & ACK:
            return
        if not x.r.flags & ACK:
            x.report(x.h, "Its reset answers a SYN without acknowledging it.", LIKELY, 0, syn)
        elif (x.r.ack - syn.seq - 1) & MASK > syn.payload_len:
            x.report(x.h, "Its reset acknowledges a number that is not the SYN's.", LIKELY, 0, syn)
