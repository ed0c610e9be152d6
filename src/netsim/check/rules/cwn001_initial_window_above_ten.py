"""CWN001 initial-window-above-ten."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import FIN, SYN
from netsim.check.evidence import agreed, round_trip
from netsim.check.flow import FREE
from netsim.check.look import Look, grouped
from netsim.check.model import (
    AT_DATA,
    CERTAIN,
    DEVIATION,
    LIKELY,
    NEED_BOTH,
    NEED_FAR_WHOLE,
    NEED_HANDSHAKE,
    Meta,
    Rule,
)

PAGE: Final = """
## What it does

Reports a sender that sends more than ten segments (at least 14,600 bytes) before the first
acknowledgement of data.

## Why it matters

Nothing is known of the path yet. A larger burst overruns short queues, its own and others'.

## Example

```
 4  client ◀── seq 1 len 1,448 ── server
...
63  client ◀── seq 85,433 len 1,448 ── server   ← here: no ACK yet
```

## What it must not claim

An acknowledgement that the capture lacks: the burst must come within nine tenths of a round trip,
in which none could have arrived. As a lost ACK of the handshake makes the round trip seem longer than
it is, the finding is never more than "likely".

## References

RFC 6928 §2; RFC 5681 §3.1
"""


class Cwn001(Rule):
    """Initial window above ten."""

    meta = Meta(
        "CWN001",
        "initial-window-above-ten",
        DEVIATION,
        "RFC 6928 §2; RFC 5681 §3.1",
        NEED_BOTH | NEED_HANDSHAKE | NEED_FAR_WHOLE,
        PAGE,
    )
    moments = (AT_DATA,)

    def look(self, x: Look) -> None:
        """Initial window above ten."""
        h = x.h
        if not x.n or h.law == FREE or h.una > h.iss + 1 + h.tfo_bytes or not agreed(x.c) or h.dupacks or h.sacked:
            return
        allowed = h.law + h.iss + 1 - h.tfo_bytes
        sent = x.end - (x.r.flags & FIN) - h.iss - 1 - h.tfo_bytes
        if sent <= allowed or h.head >= len(h.sent):
            return
        first = h.sent[h.head]
        if first.flags & SYN and h.head + 1 < len(h.sent):
            first = h.sent[h.head + 1]
        rtt = round_trip(h)
        if rtt > 1_000_000 and x.r.t_ns - first.t_ns < rtt * 9 // 10:
            segments = (sent + h.seg_max - 1) // h.seg_max
            text = f"It sends {segments} segments ({grouped(sent)} bytes) before the first acknowledgement."
            x.report(h, text, CERTAIN if sent > allowed + 2 * h.seg_max else LIKELY, 0, first)
