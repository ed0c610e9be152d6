"""TMR002 syn-without-backoff."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK, SYN
from netsim.check.look import Look
from netsim.check.model import AT_RESEND, LIKELY, NOTE, Meta, Rule

PAGE: Final = """
## What it does

Reports a SYN that is resent after no longer a wait than the time before.

## Why it matters

Each timeout should double the next. Linux sends the first four SYNs a second apart on purpose
(tcp_syn_linear_timeouts): a documented habit, so this does not count for the exit code.

## Example

```
1   0.0  client ── SYN ──▶ server
2   1.0  client ── SYN ──▶ server
3   2.0  client ── SYN ──▶ server   ← here
```

## What it must not claim

That the peer is at fault for not answering.

## References

RFC 6298 §5.5
"""


class Tmr002(Rule):
    """Reports a SYN that is resent after no longer a wait than the time before."""

    meta = Meta("TMR002", "syn-without-backoff", NOTE, "RFC 6298 §5.5", 0, PAGE, off=True)
    moments = (AT_RESEND,)

    def look(self, x: Look) -> None:
        """Reports a SYN that is resent after no longer a wait than the time before."""
        resend = x.resend
        if resend is None or x.r.flags & (SYN | ACK) != SYN or not x.h.resends or resend.waited_ns <= 0:
            return
        before = x.h.resends[-1].waited_ns
        if before > 0 and resend.waited_ns * 10 < before * 13 and before < 55_000_000_000:
            x.report(x.h, "It sends its SYN again without waiting longer than before.", LIKELY, 0, resend.first)
