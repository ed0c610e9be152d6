"""ACK007 ack-division."""

from __future__ import annotations

from typing import Final

from netsim.check.look import Look
from netsim.check.model import AT_END, DEVIATION, LIKELY, NEED_BOTH, NEED_WHOLE, Meta, Rule

PAGE: Final = """
## What it does

Reports a receiver that sends more than three acknowledgements per segment of data.

## Why it matters

A sender that counts acknowledgements instead of bytes is driven to grow its window several times
too fast.

## Example

```
 8  client ◀── seq 1 len 1,448 ── server
 9  client ── ack 300 ──▶ server
10  client ── ack 600 ──▶ server
11  client ── ack 900 ──▶ server   ← here, again and again
```

## What it must not claim

Window updates, duplicate ACKs and keep-alives are not counted.

## References

RFC 5681 §3.1; RFC 3465 §2.1
"""


class Ack007(Rule):
    """Reports a receiver that sends more than three acknowledgements per segment of data."""

    meta = Meta("ACK007", "ack-division", DEVIATION, "RFC 5681 §3.1; RFC 3465 §2.1", NEED_BOTH | NEED_WHOLE, PAGE)
    moments = (AT_END,)

    def look(self, x: Look) -> None:
        """Reports a receiver that sends more than three acknowledgements per segment of data."""
        for end in (x.c.client, x.c.server):
            p = end.peer
            if p.data_packets < 3 or p.resent or p.giants or p.dupacks_total or x.c.duplicates:
                continue
            segments = p.bytes_sent() // p.seg_max + p.data_packets
            others = 0
            if x.c.analysis is not None:
                for category in ("window_update", "keep_alive", "zero_window_probe", "zero_window", "out_of_order"):
                    others += len(x.c.analysis.get(category) or ())
            if end.pure_acks > 3 * segments + 3 * others + 20 and end.last is not None:
                text = f"It sends {end.pure_acks:,} acknowledgements for about {segments:,} segments."
                x.report(end, text, LIKELY, end.last.frame)
