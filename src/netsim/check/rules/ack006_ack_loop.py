"""ACK006 ack-loop."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import FIN, RST, SYN
from netsim.check.look import Look
from netsim.check.model import AT_ACK, DEVIATION, LIKELY, NEED_BOTH, Meta, Rule

PAGE: Final = """
## What it does

Reports two ends that answer each other's empty acknowledgements with empty acknowledgements, twenty
times each within two seconds.

## Why it matters

Each takes the other's number for unacceptable and must answer. Challenge ACKs are rate-limited so
that this dies out; where they are not, it burns CPU and bandwidth for ever.

## Example

```
100  client ── ack 5,000 ──▶ server
101  client ◀── ack 9,000 ── server
102  client ── ack 5,000 ──▶ server
...  and so on   ← here
```

## What it must not claim

Who began: often a middlebox forged or translated something.

## References

RFC 5961 §7; RFC 9293 §3.10.7.4
"""


class Ack006(Rule):
    """Ack loop."""

    meta = Meta("ACK006", "ack-loop", DEVIATION, "RFC 5961 §7; RFC 9293 §3.10.7.4", NEED_BOTH, PAGE)
    moments = (AT_ACK,)

    def look(self, x: Look) -> None:
        """Ack loop."""
        h = x.h
        p = x.p
        if x.n or x.r.flags & (SYN | FIN | RST) or x.ack != x.old_ack or x.fresh_sack or x.r.opts.sack:
            h.loop_n = 0
            return
        if h.loop_n == 0 or (p.last is not None and (p.last.payload_len or p.loop_n == 0)):
            h.loop_ns = x.r.t_ns
            h.loop_n = 1
            return
        h.loop_n += 1
        if h.loop_n >= 20 and p.loop_n >= 19 and x.r.t_ns - h.loop_ns < 2_000_000_000:
            x.report(h, "Both ends answer each other's empty acknowledgements without end.", LIKELY, 0, p.last)
