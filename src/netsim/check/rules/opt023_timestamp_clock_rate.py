"""OPT023 timestamp-clock-rate."""

from __future__ import annotations

from typing import Final

from netsim.check.flow import MASK
from netsim.check.look import Look, grouped, span
from netsim.check.model import AT_END, DEVIATION, LIKELY, Meta, Rule

PAGE: Final = """
## What it does

Measures the rate of an end's timestamp clock over a second or more, and reports one outside one
tick a second to one tick a millisecond.

## Why it matters

PAWS relies on it: a slower clock does not protect, a faster one wraps within the life of a segment.

## Example

```
 8  10.000  client ── <ts 1000000> ──▶ server
90  13.000  client ── <ts 4000000> ──▶ server   ← here: 1,000,000 ticks a second
```

## What it must not claim

Linux can be configured to count microseconds in data centres, and says so in RFC 7323's terms only
to itself; hence "likely".

## References

RFC 7323 §5.4
"""


class Opt023(Rule):
    """Timestamp clock rate."""

    meta = Meta("OPT023", "timestamp-clock-rate", DEVIATION, "RFC 7323 §5.4", 0, PAGE)
    moments = (AT_END,)

    def look(self, x: Look) -> None:
        """Timestamp clock rate."""
        for end in (x.c.client, x.c.server):
            first = end.ts_first
            last = end.last
            if first is None or last is None or last.ts_val < 0 or end.packets < 6:
                continue
            passed = last.t_ns - first.t_ns
            ticks = (last.ts_val - first.ts_val) & MASK
            if passed < 1_000_000_000 or ticks >= 0x80000000:
                continue
            if ticks * 1_000_000_000 > passed * 1200 + 50_000_000_000 or ticks * 2_000_000_000 + 4_000_000_000 < passed:
                rate = ticks * 1_000_000_000 // passed
                over = span(passed // 1_000_000 * 1_000_000)
                text = f"Its timestamp clock makes {grouped(rate)} ticks a second over {over}."
                x.report(end, text, LIKELY, last.frame, first)
