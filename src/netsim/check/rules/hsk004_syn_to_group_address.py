"""HSK004 syn-to-group-address."""

from __future__ import annotations

from typing import Final

from netsim.check.evidence import is_group
from netsim.check.look import Look
from netsim.check.model import AT_SYN, ERROR, Meta, Rule

PAGE: Final = """
## What it does

Reports a SYN or SYN-ACK from or to a broadcast or multicast address.

## Why it matters

A connection has exactly two ends. Such SYNs are scans, spoofing, or a badly broken configuration,
and every host must ignore them silently.

## Example

```
1  10.0.0.5 ── SYN ──▶ 224.0.0.1   ← here
```

## What it must not claim

A directed broadcast address looks like any other to the checker and is not reported.

## References

RFC 9293 §3.9.2.3 (MUST-46, MUST-57, MUST-63)
"""


class Hsk004(Rule):
    """Reports a SYN or SYN-ACK from or to a broadcast or multicast address."""

    meta = Meta("HSK004", "syn-to-group-address", ERROR, "RFC 9293 §3.9.2.3 (MUST-46, MUST-57, MUST-63)", 0, PAGE)
    moments = (AT_SYN,)

    def look(self, x: Look) -> None:
        """Reports a SYN or SYN-ACK from or to a broadcast or multicast address."""
        half = (len(x.r.key) - 4) // 2
        if is_group(x.r.key[:half]) or is_group(x.r.key[half : 2 * half]):
            x.report(x.h, "It opens a connection from or to a broadcast or multicast address.")
