"""OPT002 window-scale-outside-syn."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import SYN
from netsim.check.look import Look
from netsim.check.model import AT_OPTIONS, ERROR, Meta, Rule

PAGE: Final = """
## What it does

Reports a window-scale option in a segment without SYN.

## Why it matters

The scale is fixed when the connection is opened; a later option must be ignored, so whoever sends
it may believe in windows that its peer does not.

## Example

```
5  client ── ACK seq 1 <ws 7> ──▶ server   ← here
```

## What it must not claim

Whether the host or something between it and the tap put it there.

## References

RFC 7323 §2.1, §2.2
"""


class Opt002(Rule):
    """Reports a window-scale option in a segment without SYN."""

    meta = Meta("OPT002", "window-scale-outside-syn", ERROR, "RFC 7323 §2.1, §2.2", 0, PAGE)
    moments = (AT_OPTIONS,)

    def look(self, x: Look) -> None:
        """Reports a window-scale option in a segment without SYN."""
        if x.r.opts.wscale >= 0 and not x.r.flags & SYN:
            x.report(x.h, "It sends a window-scale option outside the handshake.")
