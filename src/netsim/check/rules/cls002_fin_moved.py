"""CLS002 fin-moved."""

from __future__ import annotations

from typing import Final

from netsim.check.look import Look
from netsim.check.model import AT_FIN, CERTAIN, ERROR, Meta, Rule

PAGE: Final = """
## What it does

Reports a FIN at another sequence number than the FIN the same end sent before.

## Why it matters

The FIN has one place in the stream. Two of them leave both ends with different ideas of where it
ends.

## Example

```
10  client ── FIN,ACK seq 1,001 ──▶ server
14  client ── FIN,ACK seq 1,501 ──▶ server   ← here
```

## What it must not claim

A FIN sent again together with the data before it has its old place.

## References

RFC 9293 §3.4, §3.6
"""


class Cls002(Rule):
    """Reports a FIN at another sequence number than the FIN the same end sent before."""

    meta = Meta("CLS002", "fin-moved", ERROR, "RFC 9293 §3.4, §3.6", 0, PAGE)
    moments = (AT_FIN,)

    def look(self, x: Look) -> None:
        """Reports a FIN at another sequence number than the FIN the same end sent before."""
        h = x.h
        if h.fin >= 0 and x.end - 1 != h.fin:
            by = x.end - 1 - h.fin
            x.report(h, f"Its FIN has moved by {by:+,} since it was first sent.", CERTAIN, 0, h.fin_record)
