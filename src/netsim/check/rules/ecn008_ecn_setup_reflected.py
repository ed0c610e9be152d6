"""ECN008 ecn-setup-reflected."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK, AE, CWR, ECE, SYN
from netsim.check.look import Look
from netsim.check.model import AT_ECN, CERTAIN, DEVIATION, NEED_BOTH, Meta, Rule

PAGE: Final = """
## What it does

Reports a SYN-ACK that repeats both ECE and CWR of the SYN.

## Why it matters

The answer to an ECN-setup SYN has ECE alone. Old broken hosts copy the flags back; the client must
take that as a refusal.

## Example

```
1  client ── SYN,ECE,CWR ──▶ server
2  client ◀── SYN,ACK,ECE,CWR ── server   ← here
```

## What it must not claim

With Accurate ECN (the AE flag) the combination has a meaning and is not reported.

## References

RFC 3168 §6.1.1
"""


class Ecn008(Rule):
    """Reports a SYN-ACK that repeats both ECE and CWR of the SYN."""

    meta = Meta("ECN008", "ecn-setup-reflected", DEVIATION, "RFC 3168 §6.1.1", NEED_BOTH, PAGE)
    moments = (AT_ECN,)

    def look(self, x: Look) -> None:
        """Reports a SYN-ACK that repeats both ECE and CWR of the SYN."""
        syn = x.p.syn
        flags = x.r.flags
        if flags & (SYN | ACK) != SYN | ACK or flags & (ECE | CWR) != ECE | CWR or syn is None or flags & AE:
            return
        if syn.flags & (ECE | CWR) == ECE | CWR and not syn.flags & AE:
            x.report(x.h, "Its SYN-ACK repeats both ECN flags of the SYN.", CERTAIN, 0, syn)
