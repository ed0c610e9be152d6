"""ECN001 ect-on-syn."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import SYN
from netsim.check.look import Look
from netsim.check.model import AT_ECN, LIKELY, NOTE, Meta, Rule

PAGE: Final = """
## What it does

Reports a SYN or SYN-ACK whose IP header says that it is ECN-capable.

## Why it matters

ECN is not agreed yet; some firewalls drop such packets. RFC 3168 forbids it, RFC 8311 allows it to
experiments only.

## Example

```
1  client ── SYN (ECT(0)) ──▶ server   ← here
```

## What it must not claim

Networks rewrite the byte: the bits may not be the sender's. It is a habit of Windows, and RFC 8311
allows it to experiments, so it is a note.

## References

RFC 3168 §6.1.1; RFC 8311 §4.3
"""


class Ecn001(Rule):
    """Reports a SYN or SYN-ACK whose IP header says that it is ECN-capable."""

    meta = Meta("ECN001", "ect-on-syn", NOTE, "RFC 3168 §6.1.1; RFC 8311 §4.3", 0, PAGE)
    moments = (AT_ECN,)

    def look(self, x: Look) -> None:
        """Reports a SYN or SYN-ACK whose IP header says that it is ECN-capable."""
        if x.r.flags & SYN and x.r.tos & 3 in (1, 2):
            x.report(x.h, "Its SYN is marked ECN-capable.", LIKELY)
