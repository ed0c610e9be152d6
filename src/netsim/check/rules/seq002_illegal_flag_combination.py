"""SEQ002 illegal-flag-combination."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import FIN, RST, SYN
from netsim.check.look import Look
from netsim.check.model import AT_RST, AT_SEGMENT, ERROR, Meta, Rule

PAGE: Final = """
## What it does

Reports SYN with FIN, SYN with RST, and FIN with RST in one segment.

## Why it matters

Each pair contradicts itself: open and close, open and abort. Real stacks never send them; scanners
and broken middleboxes do.

## Example

```
1  client ── SYN,FIN seq 0 ──▶ server   ← here
```

## What it must not claim

Who sent it: a forged segment looks the same.

## References

RFC 9293 §3.10.7.2, §3.10.7.4
"""


class Seq002(Rule):
    """Reports SYN with FIN, SYN with RST, and FIN with RST in one segment."""

    meta = Meta("SEQ002", "illegal-flag-combination", ERROR, "RFC 9293 §3.10.7.2, §3.10.7.4", 0, PAGE)
    moments = (
        AT_SEGMENT,
        AT_RST,
    )

    def look(self, x: Look) -> None:
        """Reports SYN with FIN, SYN with RST, and FIN with RST in one segment."""
        flags = x.r.flags & (SYN | FIN | RST)
        if flags & (flags - 1):
            x.report(x.h, f"It sets {x.r.flags_names()} in one segment.")
