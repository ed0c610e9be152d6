"""OPT025 fast-open-cookie-length."""

from __future__ import annotations

from typing import Final

from netsim.check.look import Look
from netsim.check.model import AT_OPTIONS, ERROR, Meta, Rule

PAGE: Final = """
## What it does

Reports a Fast Open cookie shorter than 4 or longer than 16 octets, or of an odd length.

## Why it matters

The receiver must ignore it, and Fast Open does not work.

## Example

```
1  client ── SYN <fastopen 3 octets> ──▶ server   ← here
```

## What it must not claim

An empty option asks for a cookie and is legal.

## References

RFC 7413 §4.1.1
"""


class Opt025(Rule):
    """Reports a Fast Open cookie shorter than 4 or longer than 16 octets, or of an odd length."""

    meta = Meta("OPT025", "fast-open-cookie-length", ERROR, "RFC 7413 §4.1.1", 0, PAGE)
    moments = (AT_OPTIONS,)

    def look(self, x: Look) -> None:
        """Reports a Fast Open cookie shorter than 4 or longer than 16 octets, or of an odd length."""
        cookie = x.r.opts.tfo
        if cookie and (len(cookie) < 4 or len(cookie) > 16 or len(cookie) % 2):
            x.report(x.h, f"It sends a Fast Open cookie of {len(cookie)} octets.")
