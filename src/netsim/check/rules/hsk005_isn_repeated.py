"""HSK005 isn-repeated."""

from __future__ import annotations

from typing import Final

from netsim.check.look import Look
from netsim.check.model import AT_CAPTURE, ERROR, LIKELY, Meta, Rule
from netsim.wire.address import to_text

PAGE: Final = """
## What it does

Reports a host that begins three or more connections with the same initial sequence number.

## Why it matters

Initial numbers follow a clock and a secret, so that old segments do not fit a new connection and
nobody can guess them. A constant one invites both accidents and attacks.

## Example

```
 1  10.0.0.5:1025 ── SYN seq 1000 ──▶ server
 9  10.0.0.5:1026 ── SYN seq 1000 ──▶ server
17  10.0.0.5:1027 ── SYN seq 1000 ──▶ server   ← here
```

## What it must not claim

Two equal numbers may be a coincidence or a SYN seen twice; three are needed.

## References

RFC 9293 §3.4.1 (MUST-8); RFC 6528 §3
"""


class Hsk005(Rule):
    """Reports a host that begins three or more connections with the same initial sequence number."""

    meta = Meta("HSK005", "isn-repeated", ERROR, "RFC 9293 §3.4.1 (MUST-8); RFC 6528 §3", 0, PAGE)
    moments = (AT_CAPTURE,)

    def look(self, x: Look) -> None:
        """Reports a host that begins three or more connections with the same initial sequence number."""
        for host, seen in x.isns.items():
            by_number: dict[int, list[int]] = {}
            for _, number, frame in seen:
                by_number.setdefault(number, []).append(frame)
            for number, frames in by_number.items():
                if len(frames) >= 3:
                    x.hit(
                        f"{to_text(host)} begins {len(frames)} connections with the same ISN, {number}.",
                        LIKELY,
                        frames[:20],
                    )
