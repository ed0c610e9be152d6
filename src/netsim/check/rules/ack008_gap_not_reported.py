"""ACK008 gap-not-reported."""

from __future__ import annotations

from typing import Final

from netsim.check.look import Look, span
from netsim.check.model import AT_SEGMENT, DEVIATION, LIKELY, NEED_AT_SENDER, NEED_BOTH, NEED_FAR_WHOLE, Meta, Rule
from netsim.check.states import STAGE_OPEN

PAGE: Final = """
## What it does

Reports a receiver that has got a segment beyond a gap and sends nothing for 200 ms.

## Why it matters

An out-of-order segment should be acknowledged at once: the duplicate ACKs tell the sender of the
loss. Without them it must wait for its timeout.

## Example

```
10   1.000  client ── seq 2,897 len 1,448 ──▶ server   a gap before it
11   1.300  client ── seq 1,449 len 1,448 ──▶ server   ← here: the server said nothing
```

## What it must not claim

Needs a tap at the receiver.

## References

RFC 5681 §4.2; RFC 9293 §3.10.7.4
"""


class Ack008(Rule):
    """Reports a receiver that has got a segment beyond a gap and sends nothing for 200 ms."""

    meta = Meta(
        "ACK008",
        "gap-not-reported",
        DEVIATION,
        "RFC 5681 §4.2; RFC 9293 §3.10.7.4",
        NEED_BOTH | NEED_FAR_WHOLE | NEED_AT_SENDER,
        PAGE,
    )
    moments = (AT_SEGMENT,)

    def look(self, x: Look) -> None:
        """Reports a receiver that has got a segment beyond a gap and sends nothing for 200 ms."""
        holes = x.h.holes
        last = x.p.last
        if not holes or last is None or x.p.stage != STAGE_OPEN:
            return
        opener = holes[-1].opener
        if opener.payload_len and x.r.t_ns - opener.t_ns > 200_000_000 and not x.h.dupacks and not x.h.sacked:
            waited = span((x.r.t_ns - opener.t_ns) // 1_000_000 * 1_000_000)
            x.report(x.p, f"It does not acknowledge a segment beyond a gap for {waited}.", LIKELY, x.r.frame, opener)
