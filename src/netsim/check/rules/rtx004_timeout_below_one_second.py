"""RTX004 timeout-below-one-second."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import SYN
from netsim.check.cause import TIMEOUT
from netsim.check.look import Look, span
from netsim.check.model import AT_RESEND, LIKELY, NOTE, Meta, Rule

PAGE: Final = """
## What it does

Reports retransmission timeouts of less than one second.

## Why it matters

The RFC's floor of one second avoids resending for nothing when an ACK is merely late. Linux uses
200 ms on purpose (tcp_rto_min), FreeBSD 30 ms and more: documented habits, so this does not count
for the exit code.

## Example

```
8   1.000  client ── seq 1 len 1,448 ──▶ server
9   1.240  client ── seq 1 len 1,448 ──▶ server   ← here: 240 ms
```

## What it must not claim

That the resend was needless. Tail loss probes and fast retransmissions are not timeouts.

## References

RFC 6298 §2.4 (SHOULD)
"""


class Rtx004(Rule):
    """Reports retransmission timeouts of less than one second."""

    meta = Meta("RTX004", "timeout-below-one-second", NOTE, "RFC 6298 §2.4 (SHOULD)", 0, PAGE, off=True)
    moments = (AT_RESEND,)

    def look(self, x: Look) -> None:
        """Reports retransmission timeouts of less than one second."""
        resend = x.resend
        if resend is None or resend.cause != TIMEOUT or x.r.flags & SYN or not 0 < resend.waited_ns < 950_000_000:
            return
        waited = span(resend.waited_ns // 1_000_000 * 1_000_000)
        x.report(x.h, f"Its retransmission timer ran out after {waited}.", LIKELY, 0, resend.first)
