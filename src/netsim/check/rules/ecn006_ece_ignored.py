"""ECN006 ece-ignored."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import CWR
from netsim.check.evidence import ecn_agreed
from netsim.check.flow import MASK
from netsim.check.look import Look
from netsim.check.model import AT_DATA, ERROR, LIKELY, NEED_BOTH, NEED_HANDSHAKE, NEED_WHOLE, Meta, Rule

PAGE: Final = """
## What it does

Reports new data without CWR well after the receiver reported congestion with
ECE.

## Why it matters

The sender must halve its window once per round trip and say so with CWR; otherwise the receiver
reports for ever and the queue stays full.

## Example

```
 9  client ◀── ack 1,449 ECE ── server
30  client ── seq 30,000 len 1,448 ──▶ server   ← here: no CWR since
```

## What it must not claim

The CWR flag is on one segment only: where packets are missing the rule is silent.

## References

RFC 3168 §6.1.2
"""


class Ecn006(Rule):
    """Ece ignored."""

    meta = Meta("ECN006", "ece-ignored", ERROR, "RFC 3168 §6.1.2", NEED_BOTH | NEED_HANDSHAKE | NEED_WHOLE, PAGE)
    moments = (AT_DATA,)

    def look(self, x: Look) -> None:
        """Ece ignored."""
        h = x.h
        told = x.p.ece_from
        if told is None or h.cwr_due < 0 or x.r.flags & CWR or not x.n or ecn_agreed(x.c) != 1:
            return
        if x.seq < h.nxt or x.seq < h.cwr_due:
            return
        turn = max(3 * x.p.srtt, 1_000_000) if x.p.srtt else 100_000_000
        # With the echo of a later clock value, or of this one if nothing before had it, the sender has the ECE.
        older = 0 if x.p.ece_ticked else 1
        echoes = x.r.ts_ecr >= 0 and told.ts_val >= 0 and (x.r.ts_ecr - told.ts_val - older) & MASK < 0x80000000
        if echoes or x.r.t_ns - told.t_ns > turn:
            x.report(h, "It sends new data and has not answered ECE with CWR.", LIKELY, 0, told)
