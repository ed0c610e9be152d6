"""OPT021 timestamp-echo-never-sent."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK, RST
from netsim.check.flow import MASK
from netsim.check.look import Look, grouped
from netsim.check.model import AT_STAMP, CERTAIN, ERROR, NEED_BOTH, Meta, Rule

PAGE: Final = """
## What it does

Reports an echoed timestamp that its peer cannot have sent: above the newest one seen by more than
the peer's clock can have advanced since.

## Why it matters

The echo measures the round-trip time; a made-up one makes the sender believe in a shorter path and
resend too early, or hides that it resent for nothing.

## Example

```
8  client ── seq 1 len 100 <ts 500:9> ──▶ server
9  client ◀── ack 101 <ts 30:90000> ── server   ← here
```

## What it must not claim

A segment that the capture lacks could have carried a slightly newer timestamp: so the peer's clock
is given the time since its last packet, at the fastest rate the RFC allows (or the rate seen).

## References

RFC 7323 §3.2, §4.3
"""


class Opt021(Rule):
    """Timestamp echo never sent."""

    meta = Meta("OPT021", "timestamp-echo-never-sent", ERROR, "RFC 7323 §3.2, §4.3", NEED_BOTH, PAGE)
    moments = (AT_STAMP,)

    def look(self, x: Look) -> None:
        """Timestamp echo never sent."""
        p = x.p
        r = x.r
        if not r.flags & ACK or r.ts_ecr < 0 or p.ts_val < 0 or p.last is None or p.ts_first is None or r.flags & RST:
            return
        ahead = (r.ts_ecr - p.ts_val) & MASK
        if ahead == 0 or ahead >= 0x80000000:
            return
        passed = r.t_ns - p.last.t_ns
        seen_ns = p.last.t_ns - p.ts_first.t_ns
        seen = (p.ts_val - p.ts_first.ts_val) & MASK
        per_second = max(1000, seen * 1_000_000_000 // seen_ns if seen_ns > 1_000_000 and seen < 0x80000000 else 1000)
        # A delayed packet brings an old value: the first one seen bounds the clock as well.
        since_first = (r.t_ns - p.ts_first.t_ns) * per_second * 2 // 1_000_000_000
        if ((r.ts_ecr - p.ts_first.ts_val) & MASK) < since_first + max(50, per_second // 5):
            return
        if ahead > passed * per_second * 2 // 1_000_000_000 + max(50, per_second // 5):
            x.report(
                x.h, f"It echoes a timestamp {grouped(ahead)} ahead of every one the peer sent.", CERTAIN, 0, p.last
            )
