"""ECN002 ect-on-pure-ack."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import FIN, RST, SYN
from netsim.check.evidence import OTHER_ECN, ecn_agreed
from netsim.check.look import Look
from netsim.check.model import AT_ECN, DEVIATION, LIKELY, NEED_BOTH, NEED_HANDSHAKE, Meta, Rule

PAGE: Final = """
## What it does

Reports a pure acknowledgement marked ECN-capable, with classic ECN or none.

## Why it matters

A congestion mark on it reaches nobody who would slow down, because losses of ACKs are not detected.

## Example

```
9  client ── ack 1,449 (ECT(0)) ──▶ server   ← here
```

## What it must not claim

DCTCP and Accurate ECN do so by design; networks rewrite the byte.

## References

RFC 3168 §6.1.4
"""


class Ecn002(Rule):
    """Reports a pure acknowledgement marked ECN-capable, with classic ECN or none."""

    meta = Meta("ECN002", "ect-on-pure-ack", DEVIATION, "RFC 3168 §6.1.4", NEED_BOTH | NEED_HANDSHAKE, PAGE)
    moments = (AT_ECN,)

    def look(self, x: Look) -> None:
        """Reports a pure acknowledgement marked ECN-capable, with classic ECN or none."""
        if x.n == 0 and not x.r.flags & (SYN | FIN | RST) and x.r.tos & 3 in (1, 2) and ecn_agreed(x.c) != OTHER_ECN:
            x.report(x.h, "It marks a pure acknowledgement ECN-capable.", LIKELY)
