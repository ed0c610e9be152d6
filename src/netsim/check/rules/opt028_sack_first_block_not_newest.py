"""OPT028 sack-first-block-not-newest."""

from __future__ import annotations

from typing import Final

from netsim.capture.record import TcpRecord
from netsim.check.acks import is_dsack
from netsim.check.evidence import sack_blocks
from netsim.check.flow import Half, unwrap
from netsim.check.look import Look
from netsim.check.model import (
    AT_SACK,
    ERROR,
    LIKELY,
    NEED_AT_SENDER,
    NEED_BOTH,
    NEED_HANDSHAKE,
    Meta,
    Rule,
)

BATCH_NS: Final = 20_000_000
LOOKED_AT: Final = 64

PAGE: Final = """
## What it does

Reports a SACK option whose first block does not hold the segment that the receiver got last.

## Why it matters

The first block must be the newest: it tells the sender what has just arrived, and survives where the
option has no room for all blocks. A receiver that sorts its blocks hides new arrivals.

## Example

```
20  client ── seq 5,793 len 1,448 ──▶ server
21  client ◀── ack 1,449 sack 2,897-4,345, 5,793-7,241 ── server   ← here: the older block first
```

## What it must not claim

Needs a tap at the receiver. A segment of the last 20 ms in the first block is enough, because several
may wait before the receiver looks at them; a duplicate (RFC 2883) stands first instead. Where the
block holds bytes that the capture lacks, the newest may be one of them. A segment beyond the window
is dropped and reported in no block; nor does FreeBSD report a FIN without data.

## References

RFC 2018 §4
"""


class Opt028(Rule):
    """Reports a SACK option whose first block does not hold the segment that the receiver got last."""

    meta = Meta(
        "OPT028",
        "sack-first-block-not-newest",
        ERROR,
        "RFC 2018 §4",
        NEED_BOTH | NEED_HANDSHAKE | NEED_AT_SENDER,
        PAGE,
    )
    moments = (AT_SACK,)

    def look(self, x: Look) -> None:
        """Reports a SACK option whose first block does not hold the segment that the receiver got last."""
        p = x.p
        last = x.h.last
        if last is None or x.ack != x.old_ack or p.nxt < 0:
            return
        left, right = sack_blocks(x)[0]
        if right <= left or right > p.nxt or is_dsack(x, left, right):
            return
        if p.holes and any(hole.start < right and hole.end > left for hole in p.holes):
            # Bytes that the tap has not seen: what came last may be among them.
            return
        since = min(last.t_ns, x.r.t_ns - BATCH_NS)
        newest: TcpRecord | None = None
        for index in range(len(p.sent) - 1, max(p.head, len(p.sent) - LOOKED_AT) - 1, -1):
            record = p.sent[index]
            if record.t_ns > since:
                if _holds(p, record, left, right) or unwrap(p.nxt, record.seq) < x.ack:
                    return
                # A FIN alone is in no block of FreeBSD's.
                fits = p.edge > 0 and record.payload_len > 0 and unwrap(p.nxt, record.seq) + record.seg_len <= p.edge
                if fits and record.t_ns > last.t_ns and (newest is None or record.t_ns > newest.t_ns):
                    newest = record
        if p.resends and p.resends[-1].record.t_ns > since:
            return
        if newest is not None:
            x.report(x.h, "Its first SACK block does not hold the segment that came last.", LIKELY, 0, newest)


def _holds(p: Half, record: TcpRecord, left: int, right: int) -> bool:
    """The segment lies, at least in part, in the block."""
    start = unwrap(p.nxt, record.seq)
    return start < right and start + record.seg_len > left
