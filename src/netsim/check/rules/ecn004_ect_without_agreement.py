"""ECN004 ect-without-agreement."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import SYN
from netsim.check.evidence import agreed, ecn_agreed
from netsim.check.look import Look
from netsim.check.model import AT_ECN, ERROR, LIKELY, NEED_BOTH, NEED_HANDSHAKE, Meta, Rule

PAGE: Final = """
## What it does

Reports data marked ECN-capable although the handshake did not agree on ECN.

## Why it matters

Routers mark such packets instead of dropping them, and nobody reacts: the sender escapes congestion
control.

## Example

```
1  client ── SYN ──▶ server
5  client ── seq 1 len 1,448 (ECT(0)) ──▶ server   ← here
```

## What it must not claim

Networks rewrite the byte: the bits may not be the sender's. Hence "likely".

## References

RFC 3168 §6.1.1
"""


class Ecn004(Rule):
    """Reports data marked ECN-capable although the handshake did not agree on ECN."""

    meta = Meta("ECN004", "ect-without-agreement", ERROR, "RFC 3168 §6.1.1", NEED_BOTH | NEED_HANDSHAKE, PAGE)
    moments = (AT_ECN,)

    def look(self, x: Look) -> None:
        """Reports data marked ECN-capable although the handshake did not agree on ECN."""
        if x.n and not x.r.flags & SYN and x.r.tos & 3 in (1, 2) and agreed(x.c) and ecn_agreed(x.c) == 0:
            x.report(x.h, "It marks data ECN-capable, which the handshake did not agree on.", LIKELY, 0, x.h.syn)
