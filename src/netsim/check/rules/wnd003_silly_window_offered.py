"""WND003 silly-window-offered."""

from __future__ import annotations

from typing import Final

from netsim.check.evidence import agreed
from netsim.check.look import Look, grouped
from netsim.check.model import AT_WINDOW, ERROR, LIKELY, NEED_BOTH, NEED_HANDSHAKE, Meta, Rule

PAGE: Final = """
## What it does

Reports a closed window that is opened by less than a segment and less than half the largest window
seen.

## Why it matters

The sender fills the little space with a little segment, and so on for ever: the silly window
syndrome. The receiver must wait until a useful amount is free.

## Example

```
8  client ── ack 9,000 win 0 ──▶ server
9  client ── ack 9,000 win 100 ──▶ server   ← here: MSS 1,460
```

## What it must not claim

With a buffer smaller than a segment half of it is enough; a window probe's byte may be accepted.

## References

RFC 9293 §3.8.6.2.2 (MUST-39)
"""


class Wnd003(Rule):
    """Silly window offered."""

    meta = Meta(
        "WND003", "silly-window-offered", ERROR, "RFC 9293 §3.8.6.2.2 (MUST-39)", NEED_BOTH | NEED_HANDSHAKE, PAGE
    )
    moments = (AT_WINDOW,)

    def look(self, x: Look) -> None:
        """Silly window offered."""
        h = x.h
        if x.old_wnd != 0 or x.r.wnd == 0 or not agreed(x.c) or x.ack != x.old_ack:
            return
        size = x.r.wnd << h.shift
        if size < min(x.p.seg_max, h.max_wnd // 2) and size < h.max_wnd:
            x.report(h, f"It opens its closed window by only {grouped(size)} bytes.", LIKELY, 0, h.last)
