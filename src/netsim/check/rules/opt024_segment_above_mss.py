"""OPT024 segment-above-mss."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import RST, SYN
from netsim.check.evidence import agreed
from netsim.check.look import Look, grouped
from netsim.check.model import AT_SEGMENT, CERTAIN, ERROR, LIKELY, NEED_BOTH, NEED_HANDSHAKE, Meta, Rule
from netsim.check.opening import default_mss

PAGE: Final = """
## What it does

Reports a segment whose payload and options exceed the MSS that its peer announced (or the default,
if it announced none).

## Why it matters

The peer said it cannot take more; the segment may be dropped or fragmented, and the connection
hangs as soon as full segments are sent.

## Example

```
1  client ── SYN <mss 536> ──▶ server
5  client ◀── seq 1 len 1,460 ── server   ← here
```

## What it must not claim

A capture made inside a host shows giants that the network card cuts up or has put together. The IP
identification tells: after a giant it advances by the number of real segments; the rule speaks only
if it advances by one, or does not move at all and the segment fits the wire.

## References

RFC 9293 §3.7.1 (MUST-16, MUST-15); RFC 6691
"""


class Opt024(Rule):
    """Segment above mss."""

    meta = Meta(
        "OPT024",
        "segment-above-mss",
        ERROR,
        "RFC 9293 §3.7.1 (MUST-16, MUST-15); RFC 6691",
        NEED_BOTH | NEED_HANDSHAKE,
        PAGE,
    )
    moments = (AT_SEGMENT,)

    def look(self, x: Look) -> None:
        """Segment above mss."""
        h = x.h
        big = h.last
        if big is None or big.payload_len <= h.seg_max or not agreed(x.c) or big.flags & SYN or x.r.flags & (SYN | RST):
            return
        mss = x.p.mss if x.p.mss > 0 else default_mss(x.p)
        if big.payload_len + big.header_len - 20 <= mss or x.r.ip_id < 0:
            return
        step = (x.r.ip_id - big.ip_id) & 0xFFFF
        many = (big.payload_len + h.seg_max - 1) // h.seg_max
        if step >= many or step > 1 or (step == 0 and big.payload_len > 1460):
            return
        size = grouped(big.payload_len)
        sure = step == 1 and h.ids_count()
        x.report(
            h, f"It sends {size} bytes in one segment; the peer's MSS is {grouped(mss)}.", CERTAIN if sure else LIKELY,
            big.frame, x.p.syn,
        )  # fmt: skip
