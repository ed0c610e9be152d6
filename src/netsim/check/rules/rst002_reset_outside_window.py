"""RST002 reset-outside-window."""

from __future__ import annotations

from typing import Final

from netsim.check.look import Look, grouped
from netsim.check.model import AT_RST, LIKELY, NEED_BOTH, NEED_HANDSHAKE, NOTE, Meta, Rule
from netsim.check.states import STAGE_OPEN

PAGE: Final = """
## What it does

Reports a reset whose sequence number lies outside the receiver's window.

## Why it matters

The receiver must ignore it. Such resets come from somebody who guesses: a blind attack, or a
middlebox that lost track.

## Example

```
20  client ◀── RST seq 900,000,000 ── server   ← here: window 5,000 to 70,000
```

## What it must not claim

Who sent it. A reset that answers an old segment carries that segment's acknowledgement number and
is not reported.

## References

RFC 5961 §3; RFC 9293 §3.5.3
"""


class Rst002(Rule):
    """Reports a reset whose sequence number lies outside the receiver's window."""

    meta = Meta(
        "RST002", "reset-outside-window", NOTE, "RFC 5961 §3; RFC 9293 §3.5.3", NEED_BOTH | NEED_HANDSHAKE, PAGE
    )
    moments = (AT_RST,)

    def look(self, x: Look) -> None:
        """Reports a reset whose sequence number lies outside the receiver's window."""
        h = x.h
        low = min(h.una, x.p.last_ack if x.p.last_ack >= 0 else h.una)
        if h.edge < 0 or low < 0 or x.h.stage != STAGE_OPEN or h.packets < 2:
            return
        if x.seq > max(h.edge, h.nxt) + 65535 or x.seq < low - max(h.bytes_sent(), 65535) - 2:
            window = f"{grouped(h.rel(low))} to {grouped(h.rel(max(h.edge, h.nxt)))}"
            text = f"Its reset has number {grouped(h.rel(x.seq))}, far outside the window of {window}."
            x.report(h, text, LIKELY, 0, h.last)
