"""CWN002 faster-than-slow-start."""

from __future__ import annotations

from typing import Final

from netsim.check.evidence import agreed
from netsim.check.flow import FREE
from netsim.check.look import Look, grouped
from netsim.check.model import AT_DATA, DEVIATION, LIKELY, NEED_BOTH, NEED_HANDSHAKE, NEED_WHOLE, Meta, Rule

PAGE: Final = """
## What it does

Reports a sender whose bytes sent exceed the initial window plus twice the bytes acknowledged.

## Why it matters

Even slow start, the fastest growth any standard law allows, adds at most one byte to the window per
byte acknowledged. Who grows faster is not congestion-controlled.

## Example

```
20  client ── ack 14,481 ──▶ server
21  client ◀── ... seq 90,000 len 1,448 ── server   ← here: at most 14,600 + 2 × 14,480 allowed
```

## What it must not claim

Which law the sender follows. Acknowledgements missing from the capture make it look faster: the
rule is silent then.

## References

RFC 5681 §3.1; RFC 3465 §2.2; RFC 6928 §2
"""


class Cwn002(Rule):
    """Reports a sender whose bytes sent exceed the initial window plus twice the bytes acknowledged."""

    meta = Meta(
        "CWN002",
        "faster-than-slow-start",
        DEVIATION,
        "RFC 5681 §3.1; RFC 3465 §2.2; RFC 6928 §2",
        NEED_BOTH | NEED_WHOLE | NEED_HANDSHAKE,
        PAGE,
    )
    moments = (AT_DATA,)

    def look(self, x: Look) -> None:
        """Reports a sender whose bytes sent exceed the initial window plus twice the bytes acknowledged."""
        h = x.h
        if (
            not x.n
            or h.law == FREE
            or h.una <= h.iss + 1 + h.tfo_bytes
            or not agreed(x.c)
            or h.mode
            or h.sacked
            or h.dupacks
        ):
            return
        allowed = h.law + h.una + h.una
        slack = 3 * h.seg_max + (h.una - h.iss) // 16
        if x.end > allowed + slack and x.end <= h.edge:
            over = grouped(x.end - allowed)
            x.report(h, f"It is {over} bytes ahead of what slow start could allow at most.", LIKELY, 0, x.p.last)
