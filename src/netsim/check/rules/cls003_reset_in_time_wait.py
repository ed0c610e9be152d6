"""CLS003 reset-in-time-wait."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import FIN
from netsim.check.look import Look
from netsim.check.model import AT_RST, CERTAIN, ERROR, NEED_BOTH, Meta, Rule

PAGE: Final = """
## What it does

Reports a reset that answers the peer's resent FIN, from an end that has acknowledged this FIN and
must be in TIME-WAIT.

## Why it matters

TIME-WAIT exists for exactly this FIN: its acknowledgement was lost and must be sent again. The
reset turns the peer's clean close into an error.

## Example

```
12  client ── ack 1,002 ──▶ server   (lost behind the tap)
13  client ◀── FIN,ACK seq 1,001 ── server
14  client ── RST ──▶ server   ← here
```

## What it must not claim

An end that never acknowledged the FIN (an abandoned FIN-WAIT-2) may answer with a reset; so may one
whose TIME-WAIT a reset has ended (RFC 1337).

## References

RFC 9293 §3.6 (MUST-13), §3.10.7.4, eighth step
"""


class Cls003(Rule):
    """Reset in time wait."""

    meta = Meta(
        "CLS003", "reset-in-time-wait", ERROR, "RFC 9293 §3.6 (MUST-13), §3.10.7.4, eighth step", NEED_BOTH, PAGE
    )
    moments = (AT_RST,)

    def look(self, x: Look) -> None:
        """Reset in time wait."""
        h = x.h
        p = x.p
        last = p.last
        if h.fin < 0 or p.fin < 0 or h.passive or h.last_ack <= p.fin or last is None or not last.flags & FIN:
            return
        if p.rst is not None or h.rst is not None:
            return  # a reset has ended TIME-WAIT before (RFC 1337)
        if h.last is not None and last.frame > h.last.frame and x.r.t_ns - last.t_ns < 2_000_000_000:
            x.report(h, "It answers a resent FIN with a reset although it must be in TIME-WAIT.", CERTAIN, 0, last)
