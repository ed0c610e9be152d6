"""ECN005 ce-not-echoed."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ECE, RST, SYN
from netsim.check.evidence import ecn_agreed
from netsim.check.flow import unwrap
from netsim.check.look import Look
from netsim.check.model import AT_ECN, ERROR, LIKELY, NEED_BOTH, NEED_HANDSHAKE, NEED_WHOLE, Meta, Rule

PAGE: Final = """
## What it does

Reports an acknowledgement of a segment that passed with a congestion mark (CE), without the ECE
flag.

## Why it matters

The receiver must tell the sender of the mark in every ACK until the sender answers with CWR;
otherwise congestion goes unnoticed.

## Example

```
8  client ── seq 1 len 1,448 (CE) ──▶ server
9  client ◀── ack 1,449 ── server   ← here: no ECE
```

## What it must not claim

A router behind the tap may have wiped the mark; the segment may have arrived as an unmarked copy.

## References

RFC 3168 §6.1.3
"""


class Ecn005(Rule):
    """Ce not echoed."""

    meta = Meta("ECN005", "ce-not-echoed", ERROR, "RFC 3168 §6.1.3", NEED_BOTH | NEED_HANDSHAKE | NEED_WHOLE, PAGE)
    moments = (AT_ECN,)

    def look(self, x: Look) -> None:
        """Ce not echoed."""
        marked = x.p.ce_pending
        if marked is None or x.ack < 0 or x.r.flags & (ECE | SYN | RST) or ecn_agreed(x.c) != 1:
            return
        if x.ack >= unwrap(x.p.nxt, marked.seq) + marked.seg_len and not x.p.resends and marked.payload_len:
            x.report(x.h, "It acknowledges a segment marked CE without ECE.", LIKELY, 0, marked)
