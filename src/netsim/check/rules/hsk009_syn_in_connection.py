"""HSK009 syn-in-connection."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK, FIN, RST, SYN
from netsim.check.flow import MASK, OVERTAKEN_NS
from netsim.check.look import Look, span
from netsim.check.model import AT_SEGMENT, ERROR, LIKELY, NEED_BOTH, NEED_HANDSHAKE, Meta, Rule
from netsim.check.states import STAGE_OPEN

PAGE: Final = """
## What it does

Reports a SYN in the middle of a connection whose sender then goes on with that connection.

## Why it matters

An end that has a connection must not open it again. Either the host lost track of what it has, or
somebody forged the SYN to tear the connection down. The peer answers with a challenge ACK.

## Example

```
20  client ── SYN seq 90,000 ──▶ server
21  client ◀── ack 201 ── server   a challenge ACK
22  client ── seq 201 len 200 ──▶ server   ← here: the old connection goes on
```

## What it must not claim

Who sent the SYN. A host that has crashed and opens the same pair of ports again answers the challenge
ACK with a reset, and is not reported; nor is a SYN that an earlier connection left behind in the
network (its clock or its number is older).

## References

RFC 9293 §3.10.1, §3.10.7.4, fourth step; RFC 5961 §4
"""


class Hsk009(Rule):
    """Reports a SYN in the middle of a connection whose sender then goes on with that connection."""

    meta = Meta(
        "HSK009",
        "syn-in-connection",
        ERROR,
        "RFC 9293 §3.10.1, §3.10.7.4, fourth step; RFC 5961 §4",
        NEED_BOTH | NEED_HANDSHAKE,
        PAGE,
    )
    moments = (AT_SEGMENT,)

    def look(self, x: Look) -> None:
        """Reports a SYN in the middle of a connection whose sender then goes on with that connection."""
        h = x.h
        stray = h.stray
        if stray is None or x.r.flags & (SYN | RST) or h.stage != STAGE_OPEN or not stray.flags & SYN:
            return
        if (
            h.syn is None
            or x.seq < h.una - 1
            or x.r.t_ns - stray.t_ns < OVERTAKEN_NS
            or stray.flags & (FIN | RST | ACK)
        ):
            return
        if stray.ts_val >= 0 and h.syn.ts_val >= 0 and (stray.ts_val - h.syn.ts_val) & MASK >= 0x80000000:
            return
        if (stray.seq - h.syn.seq) & MASK >= 0x80000000 and stray.ts_val < 0:
            return
        later = span((x.r.t_ns - stray.t_ns) // 1_000_000 * 1_000_000)
        text = f"A SYN in its name, and {later} later it goes on with the connection that it has."
        x.report(h, text, LIKELY, stray.frame, x.r)
