"""OPT006 sack-permitted-not-offered."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK, SYN
from netsim.check.look import Look
from netsim.check.model import AT_OPTIONS, CERTAIN, NEED_BOTH, NOTE, Meta, Rule

PAGE: Final = """
## What it does

Reports a SYN-ACK with SACK-permitted although the SYN had none.

## Why it matters

It is not forbidden, since each end speaks for itself; but stacks answer it only if asked, so it
points at a proxy or a rewritten SYN.

## Example

```
1  client ── SYN <mss 1460> ──▶ server
2  client ◀── SYN,ACK <mss 1460,sackOK> ── server   ← here
```

## What it must not claim

That anything is broken.

## References

RFC 2018 §2
"""


class Opt006(Rule):
    """Reports a SYN-ACK with SACK-permitted although the SYN had none."""

    meta = Meta("OPT006", "sack-permitted-not-offered", NOTE, "RFC 2018 §2", NEED_BOTH, PAGE)
    moments = (AT_OPTIONS,)

    def look(self, x: Look) -> None:
        """Reports a SYN-ACK with SACK-permitted although the SYN had none."""
        syn = x.p.syn
        first = x.p.syn_first
        if x.r.flags & (SYN | ACK) != SYN | ACK or not x.r.opts.sack_ok or syn is None or first is None:
            return
        if not syn.opts.sack_ok and not first.opts.sack_ok and x.c.open != "simultaneous":
            x.report(x.h, "Its SYN-ACK permits SACK, which the SYN did not.", CERTAIN, 0, syn)
