"""RTX002 resent-after-ack."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import SYN
from netsim.capture.record import CSUM_BAD
from netsim.check.flow import MASK
from netsim.check.look import Look
from netsim.check.model import AT_RESEND, DEVIATION, LIKELY, NEED_AT_SENDER, NEED_BOTH, Meta, Rule
from netsim.check.states import STAGE_OPEN

PAGE: Final = """
## What it does

Reports data sent again although their acknowledgement had reached the sender at least 20 ms before.

## Why it matters

Acknowledged segments are taken off the retransmission queue. Resending them wastes the path and
shows a sender that lost track.

## Example

```
 9   1.040  client ◀── ack 1,449 ── server
10   1.250  client ── seq 1 len 1,448 ──▶ server   ← here
```

## What it must not claim

Needs a tap at the sender; further away the ACK may have been lost behind the tap, which the
timestamp that the segment echoes may tell. Keep-alives and probes are not data. An ACK on a segment
that lies beyond the host's own window is dropped with it.

## References

RFC 9293 §3.8.1, §3.10.7.4, fifth step
"""


class Rtx002(Rule):
    """Reports data sent again although their acknowledgement had reached the sender at least 20 ms before."""

    meta = Meta(
        "RTX002",
        "resent-after-ack",
        DEVIATION,
        "RFC 9293 §3.8.1, §3.10.7.4, fifth step",
        NEED_BOTH | NEED_AT_SENDER,
        PAGE,
    )
    moments = (AT_RESEND,)

    def look(self, x: Look) -> None:
        """Reports data sent again although their acknowledgement had reached the sender at least 20 ms before."""
        resend = x.resend
        if resend is None or resend.spurious != "acked" or not x.n or x.r.flags & SYN or x.h.stage != STAGE_OPEN:
            return
        if 0 <= x.h.una_doubt < resend.end:
            return  # only a segment of old numbers acknowledged it, whose ACK the host need not look at
        last = x.p.last
        if last is not None and last.checksum_status() == CSUM_BAD:
            return  # its acknowledgement was damaged
        if x.n == 1 and x.seq == x.h.nxt - 1:
            return  # a keep-alive
        if x.r.ts_ecr >= 0 and x.p.ts_val >= 0 and 0 < (x.p.ts_val - x.r.ts_ecr) & MASK < 0x80000000:
            return  # it echoes an older clock: the acknowledgement may have been lost behind the tap
        if x.h.last_ack < x.p.nxt and 0 <= x.p.edge <= x.p.nxt:
            return  # what the peer sends now lies beyond the window, and its ACKs with it
        if x.r.t_ns - x.h.una_ns > 20_000_000:
            x.report(x.h, "It sends data again whose acknowledgement it has.", LIKELY, 0, x.p.last)
