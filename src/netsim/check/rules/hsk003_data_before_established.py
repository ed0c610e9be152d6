"""HSK003 data-before-established."""

from __future__ import annotations

from typing import Final

from netsim.check.look import Look, grouped
from netsim.check.model import AT_DATA, DEVIATION, LIKELY, NEED_BOTH, NEED_HANDSHAKE, NEED_WHOLE, Meta, Rule
from netsim.check.states import STAGE_SYN_RECEIVED

PAGE: Final = """
## What it does

Reports data that the passive opener sends in SYN-RECEIVED, before the handshake's last ACK was
seen, without Fast Open.

## Why it matters

In SYN-RECEIVED data are queued until the connection is established: an answer before that can be
aimed at a forged address (amplification).

## Example

```
1  client ── SYN ──▶ server
2  client ◀── SYN,ACK ── server
3  client ◀── seq 1 len 1460 ── server   ← here: nothing has acknowledged the SYN-ACK
```

## What it must not claim

That the ACK did not arrive: the capture may lack it. Fast Open allows such data.

## References

RFC 9293 §3.10.2; RFC 7413 §4.2
"""


class Hsk003(Rule):
    """Data before established."""

    meta = Meta(
        "HSK003",
        "data-before-established",
        DEVIATION,
        "RFC 9293 §3.10.2; RFC 7413 §4.2",
        NEED_BOTH | NEED_WHOLE | NEED_HANDSHAKE,
        PAGE,
    )
    moments = (AT_DATA,)

    def look(self, x: Look) -> None:
        """Data before established."""
        syn = x.p.syn
        if x.n == 0 or x.h.stage != STAGE_SYN_RECEIVED or syn is None or x.c.open == "simultaneous":
            return
        if syn.payload_len or syn.opts.tfo is not None or x.h.una > x.h.iss:
            return
        x.report(x.h, f"It sends {grouped(x.n)} bytes before its SYN-ACK is acknowledged.", LIKELY, 0, x.h.syn)
