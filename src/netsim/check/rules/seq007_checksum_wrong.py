"""SEQ007 checksum-wrong."""

from __future__ import annotations

from typing import Final

from netsim.capture.record import CSUM_OK, NOTE_BAD_OFFSET
from netsim.check.look import Look
from netsim.check.model import AT_DAMAGE, ERROR, LIKELY, NEED_AT_SENDER, Meta, Rule

PAGE: Final = """
## What it does

Reports a segment that leaves its host with a wrong checksum, while others leave with a right one.

## Why it matters

The receiver drops it without a word, and it must be sent again after a timeout. Bad memory or a
broken driver is what does such things.

## Example

```
8   1.000  client ── seq 1 len 1,448 ──▶ server   ← here: the checksum does not fit
9   1.250  client ── seq 1 len 1,448 ──▶ server
```

## What it must not claim

Needs a tap at the sender: elsewhere the segment was damaged on its way, which is reported as capture
quality (CAP011). Checksums left to the network card are told apart (CAP005), and another segment of
that size must have left with a right one. Plain segments are not summed as they pass: a wrong
checksum is found when the segment is sent again.

## References

RFC 9293 §3.1 (MUST-2)
"""


class Seq007(Rule):
    """Reports a segment that leaves its host with a wrong checksum, while others leave with a right one."""

    meta = Meta("SEQ007", "checksum-wrong", ERROR, "RFC 9293 §3.1 (MUST-2)", NEED_AT_SENDER, PAGE)
    moments = (AT_DAMAGE,)

    def look(self, x: Look) -> None:
        """Reports a segment that leaves its host with a wrong checksum, while others leave with a right one."""
        bad = x.damaged
        if bad is None or bad.notes & NOTE_BAD_OFFSET:
            return
        # Another segment with data, for drivers may leave those to the card and sum small ones themselves.
        good = x.r if x.r is not bad else x.h.last
        if good is None or good is bad or good.payload_len < bad.payload_len or good.checksum_status() != CSUM_OK:
            return
        later = x.r if x.r is not bad else None
        x.report(x.h, "Its segment leaves with a wrong checksum, others with a right one.", LIKELY, bad.frame, later)
