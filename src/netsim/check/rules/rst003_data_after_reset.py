"""RST003 data-after-reset."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import FIN, RST, SYN
from netsim.check.evidence import EARLIER, ids_order, round_trip
from netsim.check.look import Look, span
from netsim.check.model import AT_SEGMENT, ERROR, LIKELY, NEED_BOTH, Meta, Rule
from netsim.check.states import STAGE_DEAD

PAGE: Final = """
## What it does

Reports data or a FIN from an end that has sent a valid reset before.

## Why it matters

A reset deletes the connection; nothing can follow. Either the reset was forged by something on the
path, or the sender is broken.

## Example

```
20  client ◀── RST seq 5,000 ── server
21  client ◀── seq 5,000 len 1,448 ── server   ← here
```

## What it must not claim

Which of the two. Segments that the reset overtook are told apart by timestamps, IP identification,
or by coming within a round trip.

## References

RFC 9293 §3.5.3, §3.10.5
"""


class Rst003(Rule):
    """Reports data or a FIN from an end that has sent a valid reset before."""

    meta = Meta("RST003", "data-after-reset", ERROR, "RFC 9293 §3.5.3, §3.10.5", NEED_BOTH, PAGE)
    moments = (AT_SEGMENT,)

    def look(self, x: Look) -> None:
        """Reports data or a FIN from an end that has sent a valid reset before."""
        h = x.h
        reset = h.rst
        if reset is None or h.stage != STAGE_DEAD or x.r.flags & (SYN | RST) or not (x.n or x.r.flags & FIN):
            return
        if x.c.open in ("refused", "attempt") or (h.syn is None and x.c.open == "handshake"):
            return
        waited = x.r.t_ns - reset.t_ns
        if waited < max(round_trip(h), 5_000_000) or ids_order(h, x.r, reset) == EARLIER:
            return
        x.report(h, f"It sends on {span(waited)} after its own reset (or the reset was forged).", LIKELY, 0, reset)
