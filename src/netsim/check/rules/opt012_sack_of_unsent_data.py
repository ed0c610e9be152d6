"""OPT012 sack-of-unsent-data."""

from __future__ import annotations

from typing import Final

from netsim.check.evidence import sack_blocks
from netsim.check.look import Look, grouped
from netsim.check.model import AT_SACK, CERTAIN, ERROR, NEED_BOTH, NEED_FAR_WHOLE, Meta, Rule

PAGE: Final = """
## What it does

Reports a SACK block beyond everything its peer has sent.

## Why it matters

Nobody can have received it. Often a middlebox shifts sequence numbers and forgets the SACK option;
recovery then works with wrong facts.

## Example

```
8  client ── seq 5,000 len 1,000 ──▶ server
9  client ◀── ack 1 <sack 9000:10000> ── server   ← here: sent only up to 6,000
```

## What it must not claim

Bytes that the capture merely lacks: where packets of the sender are missing the rule is silent.

## References

RFC 2018 §4; RFC 9293 §3.10.7.4
"""


class Opt012(Rule):
    """Reports a SACK block beyond everything its peer has sent."""

    meta = Meta(
        "OPT012", "sack-of-unsent-data", ERROR, "RFC 2018 §4; RFC 9293 §3.10.7.4", NEED_BOTH | NEED_FAR_WHOLE, PAGE
    )
    moments = (AT_SACK,)

    def look(self, x: Look) -> None:
        """Reports a SACK block beyond everything its peer has sent."""
        if x.p.packets == 0 or x.p.nxt < 0:
            return
        for left, right in sack_blocks(x):
            if right > left and right > x.p.nxt and right > x.ack:
                x.report(
                    x.h, f"It reports {grouped(x.p.rel(left))} to {grouped(x.p.rel(right))} as received; only "
                    f"{grouped(x.p.rel(x.p.nxt))} had been sent.", CERTAIN, 0, x.p.last,
                )  # fmt: skip
                return
