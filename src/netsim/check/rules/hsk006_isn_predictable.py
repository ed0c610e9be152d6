"""HSK006 isn-predictable."""

from __future__ import annotations

import itertools
from typing import Final

from netsim.check.flow import MASK
from netsim.check.look import Look
from netsim.check.model import AT_CAPTURE, DEVIATION, LIKELY, Meta, Rule
from netsim.wire.address import to_text

PAGE: Final = """
## What it does

Reports a host whose initial sequence numbers grow by the same amount from connection to connection,
three times or more in a row.

## Why it matters

Whoever sees one such number knows the next, and can inject data or resets blindly.

## Example

```
ISNs of 10.0.0.5, in order: 64000, 128000, 192000, 256000, ...   ← here
```

## What it must not claim

Numbers that do not look regular are not thereby secret: that cannot be shown from outside.

## References

RFC 9293 §3.4.1 (SHLD-1); RFC 6528 §3
"""


class Hsk006(Rule):
    """Isn predictable."""

    meta = Meta("HSK006", "isn-predictable", DEVIATION, "RFC 9293 §3.4.1 (SHLD-1); RFC 6528 §3", 0, PAGE)
    moments = (AT_CAPTURE,)

    def look(self, x: Look) -> None:
        """Isn predictable."""
        for host, seen in x.isns.items():
            if len(seen) < 4:
                continue
            steps = {(b[1] - a[1]) & MASK for a, b in itertools.pairwise(seen)}
            if len(steps) == 1 and 0 not in steps:
                frames = [frame for _, _, frame in seen[:20]]
                x.hit(
                    f"The ISNs of {to_text(host)} grow by {steps.pop():,} from one connection to the next.",
                    LIKELY,
                    frames,
                )
