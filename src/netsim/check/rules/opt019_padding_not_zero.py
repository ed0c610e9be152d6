"""OPT019 padding-not-zero."""

from __future__ import annotations

from typing import Final

from netsim.check.look import Look
from netsim.check.model import AT_OPTIONS, ERROR, Meta, Rule

PAGE: Final = """
## What it does

Reports bytes other than zero after the end-of-options mark.

## Why it matters

The padding must be zero. Anything else leaks memory or hides information.

## Example

```
1  client ── SYN <mss 1460,eol,0x41,0x42,0x43> ──▶ server   ← here
```

## What it must not claim

Whether the host or something between it and the tap put them there.

## References

RFC 9293 §3.1 (MUST-69)
"""


class Opt019(Rule):
    """Reports bytes other than zero after the end-of-options mark."""

    meta = Meta("OPT019", "padding-not-zero", ERROR, "RFC 9293 §3.1 (MUST-69)", 0, PAGE)
    moments = (AT_OPTIONS,)

    def look(self, x: Look) -> None:
        """Reports bytes other than zero after the end-of-options mark."""
        if x.r.opts.dirty_padding:
            x.report(x.h, "There are bytes other than zero after the end of its options.")
