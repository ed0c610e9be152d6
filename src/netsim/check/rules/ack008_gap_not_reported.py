"""ACK008 gap-not-reported."""

from __future__ import annotations

from typing import Final

from netsim.check.look import Look, span
from netsim.check.model import AT_SEGMENT, DEVIATION, LIKELY, NEED_AT_SENDER, NEED_BOTH, NEED_OWN_WHOLE, Meta, Rule
from netsim.check.states import STAGE_OPEN

SILENCE_NS: Final = 200_000_000
BEYOND: Final = 3
"""Segments beyond the gap; as many duplicate ACKs would have to be missing from the capture."""

PAGE: Final = """
## What it does

Reports a receiver that has got three segments beyond a gap and sends nothing for 200 ms.

## Why it matters

An out-of-order segment should be acknowledged at once: the duplicate ACKs tell the sender of the
loss. Without them it must wait for its timeout.

## Example

```
10   1.000  client ── seq 2,897 len 1,448 ──▶ server   a gap before it
11   1.001  client ── seq 4,345 len 1,448 ──▶ server
12   1.002  client ── seq 5,793 len 1,448 ──▶ server
13   1.300  client ── seq 1,449 len 1,448 ──▶ server   ← here: the server said nothing
```

## What it must not claim

Needs a tap at the receiver: elsewhere its ACKs may have been lost before the tap. A receiver that has
sent duplicate ACKs before is not reported. Duplicate ACKs that the capture lacks: where the IP
identification shows a gap, or follows no pattern, the rule is silent, and three segments must have
come, each of which asks for an ACK.

## References

RFC 5681 §4.2; RFC 9293 §3.8.6.3
"""


AT_ONCE_NS: Final = 20_000_000


class Ack008(Rule):
    """Reports a receiver that has got three segments beyond a gap and sends nothing for 200 ms."""

    meta = Meta(
        "ACK008",
        "gap-not-reported",
        DEVIATION,
        "RFC 5681 §4.2; RFC 9293 §3.8.6.3",
        NEED_BOTH | NEED_OWN_WHOLE | NEED_AT_SENDER,
        PAGE,
    )
    moments = (AT_SEGMENT,)

    def look(self, x: Look) -> None:
        """Reports a receiver that has got three segments beyond a gap and sends nothing for 200 ms."""
        h = x.h
        holes = h.holes
        last = x.p.last
        if not holes or last is None or x.p.stage != STAGE_OPEN or h.dupacks_total or h.sacked or not x.n:
            return
        opener = holes[0].opener
        since = max(opener.t_ns, h.una_ns)
        if x.r.t_ns - since < SILENCE_NS or last.t_ns > since:
            return
        beyond = 0
        for index in range(len(h.sent) - 1, h.head - 1, -1):
            record = h.sent[index]
            if record.t_ns < since - AT_ONCE_NS:
                break  # it has sent something since these came
            if record.payload_len and (record.seq - opener.seq) & 0xFFFFFFFF < 0x80000000:
                beyond += 1
        if beyond >= BEYOND and (last.ip_id < 0 or x.p.id_ok >= 3 * x.p.id_bad):
            waited = span((x.r.t_ns - since) // 1_000_000 * 1_000_000)
            text = f"It has got {beyond} segments beyond a gap and sends nothing for {waited}."
            x.report(x.p, text, LIKELY, x.r.frame, opener)
