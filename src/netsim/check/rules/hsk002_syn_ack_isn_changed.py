"""HSK002 syn-ack-isn-changed."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK
from netsim.check.look import Look
from netsim.check.model import AT_SYN, ERROR, LIKELY, NEED_BOTH, Meta, Rule
from netsim.check.states import STAGE_OPEN, STAGE_SYN_RECEIVED

PAGE: Final = """
## What it does

Reports a second SYN-ACK to the same SYN with another initial sequence number while the connection
is being opened.

## Why it matters

A retransmission repeats the numbers of the original. The client takes the second one for an old
duplicate and answers with a reset or a challenge ACK; often two machines share an address.

## Example

```
1  client ── SYN seq 1000 ──▶ server
2  client ◀── SYN,ACK seq 5000 ack 1001 ── server
3  client ◀── SYN,ACK seq 9000 ack 1001 ── server   ← here
```

## What it must not claim

More than three seconds later the server may have forgotten the first attempt and begun anew; that
is allowed and stays silent.

## References

RFC 9293 §3.4.1, §3.10.7.4
"""


class Hsk002(Rule):
    """Syn ack isn changed."""

    meta = Meta("HSK002", "syn-ack-isn-changed", ERROR, "RFC 9293 §3.4.1, §3.10.7.4", NEED_BOTH, PAGE)
    moments = (AT_SYN,)

    def look(self, x: Look) -> None:
        """Syn ack isn changed."""
        r = x.r
        known = x.h.syn
        if not r.flags & ACK or known is None or not known.flags & ACK or known.seq == r.seq:
            return
        if (
            x.h.stage in (STAGE_SYN_RECEIVED, STAGE_OPEN)
            and not x.h.data_packets
            and known.ack == r.ack
            and r.t_ns - known.t_ns < 3_000_000_000
        ):
            x.report(x.h, "It answers the same SYN once more with another initial sequence number.", LIKELY, 0, known)
