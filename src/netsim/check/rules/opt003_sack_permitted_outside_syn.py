"""OPT003 sack-permitted-outside-syn."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import SYN
from netsim.check.look import Look
from netsim.check.model import AT_OPTIONS, ERROR, Meta, Rule

PAGE: Final = """
## What it does

Reports a SACK-permitted option in a segment without SYN.

## Why it matters

It must not be sent on non-SYN segments; a receiver that believed it would begin SACK midway.

## Example

```
5  client ── ACK seq 1 <sackOK> ──▶ server   ← here
```

## What it must not claim

Whether the host or something between it and the tap put it there.

## References

RFC 2018 §2
"""


class Opt003(Rule):
    """Reports a SACK-permitted option in a segment without SYN."""

    meta = Meta("OPT003", "sack-permitted-outside-syn", ERROR, "RFC 2018 §2", 0, PAGE)
    moments = (AT_OPTIONS,)

    def look(self, x: Look) -> None:
        """Reports a SACK-permitted option in a segment without SYN."""
        if x.r.opts.sack_ok and not x.r.flags & SYN:
            x.report(x.h, "It sends SACK-permitted outside the handshake.")
