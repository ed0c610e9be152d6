"""OPT010 sack-not-permitted."""

from __future__ import annotations

from typing import Final

from netsim.check.look import Look
from netsim.check.model import AT_SACK, CERTAIN, ERROR, NEED_BOTH, Meta, Rule

PAGE: Final = """
## What it does

Reports SACK blocks towards an end whose SYN did not permit them.

## Why it matters

The option must be sent only to a peer that permitted it: an old stack may choke on it.

## Example

```
1  client ── SYN <mss 1460> ──▶ server
9  client ◀── ack 1 <sack 1449:2897> ── server   ← here
```

## What it must not claim

A middlebox may have taken the permission out of the SYN behind the tap.

## References

RFC 2018 §2, §4
"""


class Opt010(Rule):
    """Reports SACK blocks towards an end whose SYN did not permit them."""

    meta = Meta("OPT010", "sack-not-permitted", ERROR, "RFC 2018 §2, §4", NEED_BOTH, PAGE)
    moments = (AT_SACK,)

    def look(self, x: Look) -> None:
        """Reports SACK blocks towards an end whose SYN did not permit them."""
        syn = x.p.syn
        first = x.p.syn_first
        if syn is not None and first is not None and not syn.opts.sack_ok and not first.opts.sack_ok:
            x.report(x.h, "It sends SACK blocks, which the peer's SYN did not permit.", CERTAIN, 0, syn)
