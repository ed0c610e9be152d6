"""ECN003 ect-on-retransmission."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import SYN
from netsim.check.evidence import ecn_agreed
from netsim.check.look import Look
from netsim.check.model import AT_RESEND, ERROR, LIKELY, NEED_BOTH, NEED_HANDSHAKE, Meta, Rule

PAGE: Final = """
## What it does

Reports a retransmitted segment marked ECN-capable on a connection with classic ECN.

## Why it matters

It must not be: an attacker could send marked copies of old segments and make the receiver slow its
sender down.

## Example

```
12  client ── seq 1,449 len 1,448 (ECT(0)) ──▶ server   ← here: sent before in frame 8
```

## What it must not claim

Networks rewrite the byte: the bits may not be the sender's.

## References

RFC 3168 §6.1.5
"""


class Ecn003(Rule):
    """Reports a retransmitted segment marked ECN-capable on a connection with classic ECN."""

    meta = Meta("ECN003", "ect-on-retransmission", ERROR, "RFC 3168 §6.1.5", NEED_BOTH | NEED_HANDSHAKE, PAGE)
    moments = (AT_RESEND,)

    def look(self, x: Look) -> None:
        """Reports a retransmitted segment marked ECN-capable on a connection with classic ECN."""
        if x.resend is not None and x.n and x.resend.first is not None and x.r.tos & 3 in (1, 2):
            if ecn_agreed(x.c) == 1 and not x.r.flags & SYN:
                x.report(x.h, "It marks a retransmission ECN-capable.", LIKELY, 0, x.resend.first)
