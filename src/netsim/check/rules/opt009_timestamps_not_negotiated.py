"""OPT009 timestamps-not-negotiated."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import RST, SYN
from netsim.check.evidence import agreed, stamps_agreed
from netsim.check.look import Look
from netsim.check.model import AT_OPTIONS, CERTAIN, ERROR, NEED_BOTH, NEED_HANDSHAKE, Meta, Rule

PAGE: Final = """
## What it does

Reports timestamps in a segment of a connection whose handshake did not agree on them.

## Why it matters

They must not be sent then: the peer ignores them at best.

## Example

```
1  client ── SYN <mss 1460> ──▶ server
2  client ◀── SYN,ACK <mss 1460> ── server
5  client ── seq 1 len 100 <ts 7:0> ──▶ server   ← here
```

## What it must not claim

A middlebox may have taken the option out of one SYN.

## References

RFC 7323 §3.2
"""


class Opt009(Rule):
    """Reports timestamps in a segment of a connection whose handshake did not agree on them."""

    meta = Meta("OPT009", "timestamps-not-negotiated", ERROR, "RFC 7323 §3.2", NEED_BOTH | NEED_HANDSHAKE, PAGE)
    moments = (AT_OPTIONS,)

    def look(self, x: Look) -> None:
        """Reports timestamps in a segment of a connection whose handshake did not agree on them."""
        if x.r.ts_val < 0 or x.r.flags & (SYN | RST) or not agreed(x.c) or stamps_agreed(x.c):
            return
        if x.c.client.syn_first is not None and x.c.client.syn_first.ts_val >= 0 and x.c.server.ts_ok:
            return
        x.report(x.h, "It sends timestamps, which the handshake did not agree on.", CERTAIN, 0, x.h.syn)
