"""CWN003 burst-after-timeout."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import FIN, SYN
from netsim.check.cause import GO_BACK, TIMEOUT
from netsim.check.look import Look
from netsim.check.model import AT_RESEND, ERROR, LIKELY, NEED_AT_SENDER, NEED_BOTH, NEED_WHOLE, Meta, Rule

PAGE: Final = """
## What it does

Reports more than one segment resent after a retransmission timeout before anything came back.

## Why it matters

After a timeout the window is one segment. A sender that pours everything out again repeats what
caused the loss.

## Example

```
 9   1.000  client ── seq 1 len 1,448 ──▶ server
10   1.000  client ── seq 1,449 len 1,448 ──▶ server   ← here
```

## What it must not claim

Needs a tap at the sender, and a whole capture: an ACK may be what allowed the second segment.

## References

RFC 5681 §3.1 (loss window)
"""


class Cwn003(Rule):
    """Reports more than one segment resent after a retransmission timeout before anything came back."""

    meta = Meta(
        "CWN003",
        "burst-after-timeout",
        ERROR,
        "RFC 5681 §3.1 (loss window)",
        NEED_BOTH | NEED_WHOLE | NEED_AT_SENDER,
        PAGE,
    )
    moments = (AT_RESEND,)

    def look(self, x: Look) -> None:
        """Reports more than one segment resent after a retransmission timeout before anything came back."""
        resend = x.resend
        h = x.h
        if resend is None or resend.cause != GO_BACK or not h.resends:
            return
        last = h.resends[-1]
        quiet = x.p.last is None or x.p.last.t_ns < last.record.t_ns
        if last.cause == TIMEOUT and quiet and resend.start >= last.end and last.end - last.start <= h.seg_max:
            if resend.end - resend.start + last.end - last.start <= h.seg_max:
                return  # two small ones: the loss window is one full-sized segment
            if x.r.t_ns - last.record.t_ns < 150_000_000 and not last.record.flags & (SYN | FIN):
                x.report(
                    h, "After a timeout it resends a second segment before anything came back.", LIKELY, 0, last.record
                )
