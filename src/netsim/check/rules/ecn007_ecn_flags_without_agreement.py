"""ECN007 ecn-flags-without-agreement."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import AE, CWR, ECE, SYN
from netsim.check.evidence import agreed, ecn_agreed
from netsim.check.look import Look
from netsim.check.model import AT_ECN, CERTAIN, DEVIATION, NEED_BOTH, NEED_HANDSHAKE, Meta, Rule

PAGE: Final = """
## What it does

Reports ECE or CWR outside the handshake on a connection that did not agree on ECN.

## Why it matters

The flags mean nothing then; they are a leftover of some broken stack or middlebox.

## Example

```
1  client ── SYN ──▶ server
5  client ── ACK,ECE seq 1 ──▶ server   ← here
```

## What it must not claim

Accurate ECN uses the same bits as a counter and is not judged.

## References

RFC 3168 §6.1.1, §6.1.2
"""


class Ecn007(Rule):
    """Reports ECE or CWR outside the handshake on a connection that did not agree on ECN."""

    meta = Meta(
        "ECN007", "ecn-flags-without-agreement", DEVIATION, "RFC 3168 §6.1.1, §6.1.2", NEED_BOTH | NEED_HANDSHAKE, PAGE
    )
    moments = (AT_ECN,)

    def look(self, x: Look) -> None:
        """Reports ECE or CWR outside the handshake on a connection that did not agree on ECN."""
        if x.r.flags & (ECE | CWR) and not x.r.flags & (SYN | AE) and agreed(x.c) and ecn_agreed(x.c) == 0:
            x.report(x.h, "It sets ECE or CWR although ECN was not agreed on.", CERTAIN, 0, x.h.syn)
