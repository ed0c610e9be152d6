"""SEQ003 retransmission-with-different-data."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import SYN
from netsim.capture.record import CSUM_BAD
from netsim.check.flow import MASK
from netsim.check.look import Look, grouped
from netsim.check.model import AT_RESEND, CERTAIN, ERROR, Meta, Rule

PAGE: Final = """
## What it does

Compares the payload of a segment that is sent again with what was sent at the same sequence numbers
before.

## Why it matters

A byte of the stream has one value. If copies differ, the receiver's data depend on which copy
arrives first: that is corruption or an attack on whoever listens in between.

## Example

```
5  client ── seq 1 len 100 "GET /a..." ──▶ server
9  client ── seq 1 len 100 "GET /b..." ──▶ server   ← here
```

## What it must not claim

Packets cut by the capture, or with a wrong checksum, are not compared; nor is the byte of a keep-
alive.

## References

RFC 9293 §3.8.1, §3.10.7.4, seventh step
"""


class Seq003(Rule):
    """Retransmission with different data."""

    meta = Meta(
        "SEQ003", "retransmission-with-different-data", ERROR, "RFC 9293 §3.8.1, §3.10.7.4, seventh step", 0, PAGE
    )
    moments = (AT_RESEND,)

    def look(self, x: Look) -> None:
        """Retransmission with different data."""
        resend = x.resend
        r = x.r
        if resend is None or resend.first is None or x.n == 0 or r.flags & SYN:
            return
        first = resend.first
        if not first.buf or first.flags & SYN or first.payload_len == 0:
            return
        ahead = (r.seq - first.seq) & MASK
        start, old_start = 0, ahead
        if ahead >= 0x80000000:
            start, old_start = (first.seq - r.seq) & MASK, 0
        size = min(x.n - start, first.payload_len - old_start)
        if size <= 0:
            return
        new = r.payload_crc(start, start + size)
        old = first.payload_crc(old_start, old_start + size)
        if new < 0 or old < 0 or new == old or first.checksum_status() == CSUM_BAD:
            return
        where = grouped(x.h.rel(x.seq) + start)
        x.report(x.h, f"It sends bytes from {where} on again with different content.", CERTAIN, 0, first)
