"""RTX001 resent-too-early."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import FIN, SYN
from netsim.check.cause import UNKNOWN_CAUSE
from netsim.check.evidence import round_trip, sent_apart
from netsim.check.look import Look, span
from netsim.check.model import (
    AT_RESEND,
    DEVIATION,
    LIKELY,
    NEED_AT_SENDER,
    NEED_BOTH,
    NEED_HANDSHAKE,
    NEED_WHOLE,
    Meta,
    Rule,
)

PAGE: Final = """
## What it does

Reports a segment sent again in less than a round-trip time, without three duplicate ACKs, SACK or a
timer to explain it.

## Why it matters

Its acknowledgement could not even have arrived. The resend is needless and adds to congestion.

## Example

```
8   1.000  client ── seq 1 len 1,448 ──▶ server
9   1.010  client ── seq 1 len 1,448 ──▶ server   ← here: RTT 40 ms
```

## What it must not claim

Needs a tap at the sender, or timestamps that prove by the sender's own clock how soon it sent again;
where packets are missing the cause may be among them, and the rule is silent.

What comes again cut into other pieces was too big for a router: that is no timeout.

## References

RFC 6298 §2.4, §5; RFC 5681 §3.2
"""


class Rtx001(Rule):
    """Resent too early."""

    meta = Meta(
        "RTX001",
        "resent-too-early",
        DEVIATION,
        "RFC 6298 §2.4, §5; RFC 5681 §3.2",
        NEED_BOTH | NEED_WHOLE | NEED_HANDSHAKE | NEED_AT_SENDER,
        PAGE,
    )
    moments = (AT_RESEND,)

    def look(self, x: Look) -> None:
        """Resent too early."""
        resend = x.resend
        if resend is None or resend.cause != UNKNOWN_CAUSE or resend.first is None or x.r.flags & (SYN | FIN):
            return
        if x.n != resend.first.payload_len:
            return  # cut anew: a router has said that something was too big
        rtt = round_trip(x.h)
        if rtt == 0 or x.h.dupacks or x.h.sacked or resend.waited_ns > rtt * 9 // 10:
            return
        apart = sent_apart(x.h, resend.first, x.r)
        first_turn = x.h.turn_ns + x.p.turn_ns if min(x.h.turn_ns, x.p.turn_ns) >= 0 else 0
        by_its_clock = 0 <= apart < min(rtt, first_turn) * 6 // 10
        if (resend.spurious == "acked" or x.c.reordered) and not by_its_clock:
            return  # a duplicate ACK among those that overtook each other may have asked for it
        waited = span(resend.waited_ns)
        text = f"It sends the segment again after {waited}, sooner than a round trip."
        x.report(x.h, text, LIKELY, 0, resend.first, anywhere=by_its_clock)
