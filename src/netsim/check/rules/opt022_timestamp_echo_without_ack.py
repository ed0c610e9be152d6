"""OPT022 timestamp-echo-without-ack."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK
from netsim.check.look import Look
from netsim.check.model import AT_SYN, ERROR, LIKELY, Meta, Rule

PAGE: Final = """
## What it does

Reports a SYN without ACK whose timestamp echo is not zero.

## Why it matters

There is nothing to echo yet, and the field must be zero then. It leaks a value from elsewhere.

## Example

```
1  client ── SYN <ts 500:123456> ──▶ server   ← here
```

## What it must not claim

Linux keeps the echo of the previous connection when it reuses a port in TIME-WAIT (tcp_tw_reuse); a
reused port is not reported, and as the capture may begin after the earlier connection the finding
is only "likely".

## References

RFC 7323 §3.2
"""


class Opt022(Rule):
    """Reports a SYN without ACK whose timestamp echo is not zero."""

    meta = Meta("OPT022", "timestamp-echo-without-ack", ERROR, "RFC 7323 §3.2", 0, PAGE)
    moments = (AT_SYN,)

    def look(self, x: Look) -> None:
        """Reports a SYN without ACK whose timestamp echo is not zero."""
        r = x.r
        if not r.flags & ACK and r.ts_val >= 0 and r.ts_ecr and x.c.previous is None and not x.c.reused:
            x.report(x.h, f"Its SYN echoes the timestamp {r.ts_ecr} although it has received nothing.", LIKELY)
