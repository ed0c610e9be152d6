"""ECN007 ecn-flags-without-agreement."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK, AE, CWR, ECE, SYN
from netsim.check.evidence import agreed, ecn_agreed
from netsim.check.look import Look
from netsim.check.model import AT_ECN, CERTAIN, DEVIATION, NEED_BOTH, Meta, Rule

PAGE: Final = """
## What it does

Reports ECE or CWR outside the handshake on a connection that did not agree on ECN, and a SYN-ACK
that accepts ECN although the SYN did not offer it.

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
    """ECE or CWR on a connection that did not agree on ECN."""

    meta = Meta("ECN007", "ecn-flags-without-agreement", DEVIATION, "RFC 3168 §6.1.1, §6.1.2", NEED_BOTH, PAGE)
    moments = (AT_ECN,)

    def look(self, x: Look) -> None:
        """ECE or CWR on a connection that did not agree on ECN."""
        syn = x.p.syn
        if x.r.flags & (SYN | ACK) == SYN | ACK and syn is not None and x.c.open != "simultaneous":
            if x.r.flags & (ECE | AE) == ECE and not syn.flags & (ECE | CWR):
                x.report(x.h, "Its SYN-ACK accepts ECN, which the SYN did not offer.", CERTAIN, 0, syn)
            return
        if x.r.flags & (ECE | CWR) and not x.r.flags & (SYN | AE) and agreed(x.c) and ecn_agreed(x.c) == 0:
            x.report(x.h, "It sets ECE or CWR although ECN was not agreed on.", CERTAIN, 0, x.h.syn)
