"""ECN009 echo-after-cwr."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ECE, RST, SYN
from netsim.check.evidence import ecn_agreed
from netsim.check.look import Look
from netsim.check.model import AT_ECN, ERROR, LIKELY, NEED_BOTH, NEED_HANDSHAKE, NEED_WHOLE, Meta, Rule

PAGE: Final = """
## What it does

Reports ECE in an acknowledgement of data sent after CWR, although no new congestion mark was seen
since.

## Why it matters

CWR ends the echo. A receiver that goes on makes the sender halve its window again and again.

## Example

```
12  client ── seq 9,000 len 1,448 CWR ──▶ server
14  client ◀── ack 11,896 ECE ── server   ← here
```

## What it must not claim

A router behind the tap may have marked another segment: needs more than one round trip of echoes,
and stays "likely".

## References

RFC 3168 §6.1.3
"""


class Ecn009(Rule):
    """Echo after cwr."""

    meta = Meta("ECN009", "echo-after-cwr", ERROR, "RFC 3168 §6.1.3", NEED_BOTH | NEED_HANDSHAKE | NEED_WHOLE, PAGE)
    moments = (AT_ECN,)

    def look(self, x: Look) -> None:
        """Echo after cwr."""
        if not x.r.flags & ECE or x.r.flags & (SYN | RST) or ecn_agreed(x.c) != 1 or x.p.cwr_end < 0:
            return
        if x.ack >= x.p.cwr_end + 2 * x.p.seg_max and x.p.ce_pending is None and x.p.ce_after is False:
            x.report(x.h, "It goes on with ECE although it has got CWR.", LIKELY, 0, x.h.last)
