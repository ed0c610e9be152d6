"""ACK004 acknowledgement-withheld."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import SYN
from netsim.check.flow import MASK
from netsim.check.look import Look, span
from netsim.check.model import AT_ACK, ERROR, LIKELY, NEED_AT_SENDER, NEED_BOTH, NEED_WHOLE, Meta, Rule
from netsim.check.states import STAGE_OPEN

PAGE: Final = """
## What it does

Reports an acknowledgement that came more than half a second after the data it covers reached the
host.

## Why it matters

A delayed ACK must be delayed by less than 0.5 seconds, or the sender's timer runs out and data are
sent again for nothing.

## Example

```
8   1.000  client ◀── seq 1 len 100 ── server
9   1.730  client ── ack 101 ──▶ server   ← here: 730 ms
```

## What it must not claim

Needs a tap at the acknowledging host: elsewhere the delay may be the network's. Data that
were not sent again meanwhile may have been acknowledged by a packet that the capture lacks; and data
that an access point kept for a sleeping host are acknowledged one by one once it wakes.

## References

RFC 9293 §3.8.6.3 (MUST-40)
"""


class Ack004(Rule):
    """Acknowledgement withheld."""

    meta = Meta(
        "ACK004",
        "acknowledgement-withheld",
        ERROR,
        "RFC 9293 §3.8.6.3 (MUST-40)",
        NEED_BOTH | NEED_WHOLE | NEED_AT_SENDER,
        PAGE,
    )
    moments = (AT_ACK,)

    def look(self, x: Look) -> None:
        """Acknowledgement withheld."""
        p = x.p
        if x.ack <= p.una or p.head >= len(p.sent) or x.h.stage != STAGE_OPEN or not p.resends or x.h.wnd == 0:
            return
        if x.ack < p.nxt:
            return  # it goes through them one by one: they arrive only now (kept for a sleeping host, say)
        oldest = p.sent[p.head]
        age = x.r.t_ns - oldest.t_ns
        if age < 550_000_000 or not oldest.payload_len or oldest.flags & SYN:
            return
        if p.resends[-1].record.t_ns < oldest.t_ns or (x.h.last is not None and x.h.last.t_ns >= oldest.t_ns):
            return
        if x.r.ts_ecr >= 0 and 0 < (p.resends[-1].record.ts_val - x.r.ts_ecr) & MASK < 0x80000000:
            return  # it echoes the first copy, so it has not looked at the later ones yet: they arrive only now
        waited = span(age // 1_000_000 * 1_000_000)
        x.report(
            x.h, f"It acknowledges data {waited} after they arrived; they were sent again meanwhile.", LIKELY, 0, oldest
        )
