"""OPT008 timestamps-missing."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import RST, SYN
from netsim.check.evidence import stamps_agreed
from netsim.check.look import Look
from netsim.check.model import AT_OPTIONS, CERTAIN, ERROR, NEED_BOTH, NEED_HANDSHAKE, Meta, Rule

PAGE: Final = """
## What it does

Reports a segment without timestamps, other than a reset, on a connection that agreed to use them.

## Why it matters

Once agreed they must be in every segment: the receiver may drop one without them, and round-trip
times and protection against old segments rest on them.

## Example

```
1  client ── SYN <ts 5:0> ──▶ server
2  client ◀── SYN,ACK <ts 9:5> ── server
5  client ── seq 1 len 100 ──▶ server   ← here: no timestamps
```

## What it must not claim

A middlebox between the host and the tap may have taken them out. Keep-alive probes are not reported:
network cards send them for sleeping hosts (macOS, iOS), from a template without timestamps.

## References

RFC 7323 §3.2
"""


class Opt008(Rule):
    """Reports a segment without timestamps, other than a reset, on a connection that agreed to use them."""

    meta = Meta("OPT008", "timestamps-missing", ERROR, "RFC 7323 §3.2", NEED_BOTH | NEED_HANDSHAKE, PAGE)
    moments = (AT_OPTIONS,)

    def look(self, x: Look) -> None:
        """Reports a segment without timestamps, other than a reset, on a connection that agreed to use them."""
        if x.n <= 1 and 0 <= x.seq == x.h.nxt - 1:
            return  # a keep-alive: network cards send them for a sleeping host, without timestamps
        if x.r.ts_val < 0 and not x.r.flags & (SYN | RST) and stamps_agreed(x.c) and not x.r.opts.problem:
            x.report(x.h, "It sends a segment without the timestamps that were agreed.", CERTAIN, 0, x.h.syn)
