"""RST005 reset-ignored."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import SYN
from netsim.check.flow import MASK
from netsim.check.look import Look, span
from netsim.check.model import AT_SEGMENT, ERROR, LIKELY, NEED_AT_SENDER, NEED_BOTH, Meta, Rule
from netsim.check.states import STAGE_DEAD

PAGE: Final = """
## What it does

Reports an end that goes on sending data after an exact reset has reached it.

## Why it matters

A reset with exactly the expected number ends the connection. An end that ignores it talks to
nobody, or a firewall drops resets behind the tap.

## Example

```
20  client ◀── RST seq 5,000 ── server   (exactly what the client expects)
25  client ── seq 9,000 len 1,448 ──▶ server   ← here
```

## What it must not claim

Needs a tap at the end that is judged: elsewhere the reset may not have arrived.

## References

RFC 9293 §3.5.3, §3.10.7.4, second step
"""


class Rst005(Rule):
    """Reports an end that goes on sending data after an exact reset has reached it."""

    meta = Meta(
        "RST005", "reset-ignored", ERROR, "RFC 9293 §3.5.3, §3.10.7.4, second step", NEED_BOTH | NEED_AT_SENDER, PAGE
    )
    moments = (AT_SEGMENT,)

    def look(self, x: Look) -> None:
        """Reports an end that goes on sending data after an exact reset has reached it."""
        h = x.h
        reset = x.p.rst
        if reset is None or h.rst is not None or h.stage != STAGE_DEAD or not x.n or x.r.flags & SYN:
            return
        if x.c.open in ("refused", "attempt") or h.last_ack < 0 or reset.seq != h.last_ack & MASK:
            return
        waited = x.r.t_ns - reset.t_ns
        if waited > 10_000_000:
            x.report(
                h, f"It sends data {span(waited)} after a reset with the exact number reached it.", LIKELY, 0, reset
            )
