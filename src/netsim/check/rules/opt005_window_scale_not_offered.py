"""OPT005 window-scale-not-offered."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK, SYN
from netsim.check.look import Look
from netsim.check.model import AT_OPTIONS, CERTAIN, ERROR, NEED_BOTH, Meta, Rule

PAGE: Final = """
## What it does

Reports a SYN-ACK with a window-scale option although the SYN had none.

## Why it matters

The option may be sent in a SYN-ACK only if the SYN carried it. The client will not scale; if the
server does, its windows are read too small or too large.

## Example

```
1  client ── SYN <mss 1460> ──▶ server
2  client ◀── SYN,ACK <mss 1460,ws 7> ── server   ← here
```

## What it must not claim

A middlebox may have taken the option out of the SYN behind the tap or put it in before it.

## References

RFC 7323 §2.2
"""


class Opt005(Rule):
    """Reports a SYN-ACK with a window-scale option although the SYN had none."""

    meta = Meta("OPT005", "window-scale-not-offered", ERROR, "RFC 7323 §2.2", NEED_BOTH, PAGE)
    moments = (AT_OPTIONS,)

    def look(self, x: Look) -> None:
        """Reports a SYN-ACK with a window-scale option although the SYN had none."""
        syn = x.p.syn
        first = x.p.syn_first
        if x.r.flags & (SYN | ACK) != SYN | ACK or x.r.opts.wscale < 0 or syn is None or first is None:
            return
        if syn.opts.wscale < 0 and first.opts.wscale < 0 and x.c.open != "simultaneous":
            x.report(x.h, "Its SYN-ACK has a window scale, which the SYN did not offer.", CERTAIN, 0, syn)
