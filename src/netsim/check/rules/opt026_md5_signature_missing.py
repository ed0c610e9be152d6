"""OPT026 md5-signature-missing."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import RST, SYN
from netsim.check.look import Look
from netsim.check.model import AT_OPTIONS, CERTAIN, ERROR, NEED_BOTH, NEED_HANDSHAKE, Meta, Rule

PAGE: Final = """
## What it does

Reports a segment without the MD5 signature on a connection that both ends opened with it.

## Why it matters

Every segment of a protected connection carries it, or is dropped: the connection hangs, or somebody
tries to inject.

## Example

```
1  client ── SYN <md5> ──▶ server
2  client ◀── SYN,ACK <md5> ── server
5  client ── RST seq 1 ──▶ server   ← here: no signature
```

## What it must not claim

Whether the signature is right: that takes the key.

## References

RFC 2385 §2, §4.4
"""


class Opt026(Rule):
    """Reports a segment without the MD5 signature on a connection that both ends opened with it."""

    meta = Meta("OPT026", "md5-signature-missing", ERROR, "RFC 2385 §2, §4.4", NEED_BOTH | NEED_HANDSHAKE, PAGE)
    moments = (AT_OPTIONS,)

    def look(self, x: Look) -> None:
        """Reports a segment without the MD5 signature on a connection that both ends opened with it."""
        syn = x.h.syn
        other = x.p.syn
        if syn is None or other is None or syn.opts.md5 is None or other.opts.md5 is None:
            return
        if x.r.opts.md5 is None and not x.r.flags & (SYN | RST) and not x.r.opts.problem:
            x.report(x.h, "It sends a segment without the MD5 signature.", CERTAIN, 0, syn)
