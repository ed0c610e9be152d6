"""RTX005 resent-before-third-duplicate-ack."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import FIN, SYN
from netsim.check.cause import FAST
from netsim.check.evidence import round_trip
from netsim.check.flow import MASK, Half
from netsim.check.look import Look
from netsim.check.model import (
    AT_RESEND,
    DEVIATION,
    LIKELY,
    NEED_BOTH,
    NEED_FAR_PROVEN,
    NEED_HANDSHAKE,
    NEED_WHOLE,
    Meta,
    Rule,
)

PAGE: Final = """
## What it does

Reports a fast retransmission after fewer than three duplicate ACKs, with fewer than three segments
reported by SACK, and sooner than RACK allows.

## Why it matters

Packets overtake each other. The threshold of three, or RACK's wait of a quarter of a round trip,
keeps reordering from looking like loss; without it the sender resends for nothing and halves its
window.

## Example

```
12   1.040  client ◀── ack 1,401 sack 2,101-2,801 ── server   the first duplicate
13   1.041  client ── seq 1,401 len 700 ──▶ server   ← here
```

## What it must not claim

Early Retransmit (RFC 5827) with four segments or fewer outstanding, forward acknowledgement, partial
ACKs, RACK's timer and the retransmission timer are excused. Needs proof that no ACK is missing from
the capture. Further from the sender more ACKs have been seen than it had: the rule then stays
silent.

## References

RFC 5681 §3.2; RFC 6675 §4 (DupThresh); RFC 8985 §6.2
"""


class Rtx005(Rule):
    """Reports a fast retransmission upon fewer than three duplicate ACKs that RACK does not explain."""

    meta = Meta(
        "RTX005",
        "resent-before-third-duplicate-ack",
        DEVIATION,
        "RFC 5681 §3.2; RFC 8985 §6.2",
        NEED_BOTH | NEED_WHOLE | NEED_HANDSHAKE | NEED_FAR_PROVEN,
        PAGE,
    )
    moments = (AT_RESEND,)

    def look(self, x: Look) -> None:
        """Reports a fast retransmission upon fewer than three duplicate ACKs that RACK does not explain."""
        resend = x.resend
        h = x.h
        if resend is None or resend.cause != FAST or x.r.flags & (SYN | FIN) or resend.first is None or h.dupacks >= 3:
            return
        first = resend.first
        rtt = round_trip(h)
        low = max(h.rtt_min, 0) + max(x.p.rtt_min, 0)
        if low < rtt >> 1:
            low = rtt
        if low == 0 or resend.waited_ns > low + (low >> 3) or resend.start > h.una or resend.spurious:
            return
        if h.resends and h.resends[-1].record.t_ns > x.r.t_ns - 3 * rtt:
            # Already in recovery, or just out of it.
            return
        if len(h.sent) - h.head <= 4 or first.payload_len > h.seg_max or _reach(h) > 2:
            return
        count = h.dupacks
        text = f"It resends after {count} duplicate ACK{'' if count == 1 else 's'}, {count_words(h)} outstanding."
        x.report(h, text, LIKELY, 0, x.p.last, [first.frame])


def count_words(h: Half) -> str:
    """`7 segments`."""
    return f"{len(h.sent) - h.head} segments"


def _reach(h: Half) -> int:
    """How many segments lie between the first unacknowledged one and the highest byte reported by SACK."""
    if not h.sacked:
        return 0
    top = h.sacked[-1][1]
    found = 0
    for index in range(h.head, len(h.sent)):
        if (h.sent[index].seq - top) & MASK >= 0x80000000:
            found += 1
    return found
