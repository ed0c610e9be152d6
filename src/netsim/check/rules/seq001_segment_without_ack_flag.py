"""SEQ001 segment-without-ack-flag."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK, RST, SYN
from netsim.check.look import Look
from netsim.check.model import AT_SEGMENT, ERROR, Meta, Rule

PAGE: Final = """
## What it does

Reports a segment without the ACK flag that is neither a SYN nor a reset.

## Why it matters

Once a connection is opened every segment carries an acknowledgement; one without it must be
dropped. Port scanners send such segments; stacks do not.

## Example

```
5  client ── FIN seq 100 ──▶ server   ← here: no ACK
```

## What it must not claim

Who sent it: a forged segment looks the same.

## References

RFC 9293 §3.10.7.4, fifth step
"""


class Seq001(Rule):
    """Reports a segment without the ACK flag that is neither a SYN nor a reset."""

    meta = Meta("SEQ001", "segment-without-ack-flag", ERROR, "RFC 9293 §3.10.7.4, fifth step", 0, PAGE)
    moments = (AT_SEGMENT,)

    def look(self, x: Look) -> None:
        """Reports a segment without the ACK flag that is neither a SYN nor a reset."""
        if not x.r.flags & (ACK | SYN | RST):
            names = x.r.flags_names() or "no flag at all"
            x.report(x.h, f"It sends a segment with {names} and without ACK.")
