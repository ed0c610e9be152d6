"""OPT027 options-blanked."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK, SYN
from netsim.check.look import Look
from netsim.check.model import AT_OPTIONS, LIKELY, NOTE, Meta, Rule

PAGE: Final = """
## What it does

Reports a SYN with four or more no-operation options in a row.

## Why it matters

Stacks pad with at most three. A firewall or router overwrote an option it does not know, and the
feature behind it is silently off.

## Example

```
1  client ── SYN <mss 1460,nop,nop,nop,nop,ws 7> ──▶ server   ← here: SACK-permitted and its padding are gone
```

## What it must not claim

Which option it was.

## References

RFC 9293 §3.1
"""


class Opt027(Rule):
    """Reports four or more no-operation options in a row."""

    meta = Meta("OPT027", "options-blanked", NOTE, "RFC 9293 §3.1", 0, PAGE)
    moments = (AT_OPTIONS,)

    def look(self, x: Look) -> None:
        """Reports four or more no-operation options in a row."""
        if x.r.flags & (SYN | ACK) == SYN and b"\x01\x01\x01\x01" in x.r.opts.layout:
            x.report(x.h, "Four no-operations in a row: something on the path blanked an option.", LIKELY)
