"""TMR004 window-probes-speed-up."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import FIN, RST, SYN
from netsim.check.look import Look, span
from netsim.check.model import AT_SEGMENT, DEVIATION, LIKELY, NEED_BOTH, Meta, Rule

PAGE: Final = """
## What it does

Reports zero-window probes that come faster instead of slower: a wait less than three quarters of
the one before.

## Why it matters

The interval between probes should grow exponentially, so that a stuck receiver is not hammered.

## Example

```
10   1.0  client ── probe ──▶ server
11   3.0  client ── probe ──▶ server
12   4.0  client ── probe ──▶ server   ← here
```

## What it must not claim

Probes missing from the capture make waits longer, not shorter.

## References

RFC 9293 §3.8.6.1 (SHLD-30)
"""


class Tmr004(Rule):
    """Window probes speed up."""

    meta = Meta("TMR004", "window-probes-speed-up", DEVIATION, "RFC 9293 §3.8.6.1 (SHLD-30)", NEED_BOTH, PAGE)
    moments = (AT_SEGMENT,)

    def look(self, x: Look) -> None:
        """Window probes speed up."""
        h = x.h
        last = h.probe_record
        if x.p.wnd != 0 or last is None or h.probe_gap <= 0 or x.n > 1 or x.r.flags & (SYN | RST | FIN):
            return
        if x.seq != h.una - 1 and x.seq != h.nxt - 1 and x.seq != h.edge:
            return
        gap = x.r.t_ns - last.t_ns
        if gap * 4 < h.probe_gap * 3 and h.probe_gap < 55_000_000_000 and x.p.zero_since < last.t_ns - h.probe_gap:
            x.report(h, f"It probes again after {span(gap)}; the wait before was {span(h.probe_gap)}.", LIKELY, 0, last)
