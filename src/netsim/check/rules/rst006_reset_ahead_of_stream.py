"""RST006 reset-ahead-of-stream."""

from __future__ import annotations

from typing import Final

from netsim.check.look import Look, grouped
from netsim.check.model import AT_RST, LIKELY, NEED_BOTH, NEED_HANDSHAKE, NEED_WHOLE, NOTE, POSSIBLE, Meta, Rule
from netsim.check.states import STAGE_OPEN

PAGE: Final = """
## What it does

Reports a reset inside the window whose number lies ahead of everything its sender has sent.

## Why it matters

A reset carries the next number of its sender, or the number that the peer acknowledged. One that is
ahead of both was guessed: who forges resets sends several, a window apart. The receiver answers with
a challenge ACK and stays (RFC 5961).

## Example

```
20  client ── seq 201 len 200 ──▶ server   (401 would be next)
21  client ── RST seq 3,401 ──▶ server   ← here
```

## What it must not claim

Who sent it. Segments that the capture lacks would explain the number: the rule is silent where any
are missing, and says "possible" where their IP identification does not count them.

## References

RFC 9293 §3.5.2, §3.10.5 (ABORT); RFC 5961 §3
"""


class Rst006(Rule):
    """Reports a reset inside the window whose number lies ahead of everything its sender has sent."""

    meta = Meta(
        "RST006",
        "reset-ahead-of-stream",
        NOTE,
        "RFC 9293 §3.5.2, §3.10.5; RFC 5961 §3",
        NEED_BOTH | NEED_HANDSHAKE | NEED_WHOLE,
        PAGE,
    )
    moments = (AT_RST,)

    def look(self, x: Look) -> None:
        """Reports a reset inside the window whose number lies ahead of everything its sender has sent."""
        h = x.h
        if h.stage != STAGE_OPEN or h.packets < 2 or h.edge < 0 or h.nxt < 0 or x.seq <= h.nxt + 1 or h.rst is not None:
            return
        if x.seq > max(h.edge, h.nxt) + 65535 or (h.beyond and x.seq <= h.beyond[-1].high):
            return
        text = f"Its reset has number {grouped(h.rel(x.seq))}, but it has sent only up to {grouped(h.rel(h.nxt))}."
        x.report(h, text, LIKELY if h.ids_count() else POSSIBLE, 0, h.sent[-1] if h.sent else h.last)
