"""SEQ008 header-length-wrong."""

from __future__ import annotations

from typing import Final

from netsim.capture.record import NOTE_BAD_OFFSET
from netsim.check.evidence import whole_checksum_fits
from netsim.check.look import Look
from netsim.check.model import AT_DAMAGE, CERTAIN, ERROR, Meta, Rule

PAGE: Final = """
## What it does

Reports a segment whose data offset is below five words or points past its end, and whose checksum is
right.

## Why it matters

The receiver cannot tell header from data and drops it. With a right checksum the sender meant it so:
a broken stack, or a probe that looks for one.

## Example

```
8   1.000  client ── data offset 3, checksum right ──▶ server   ← here
```

## What it must not claim

With a wrong checksum the header was damaged on its way, or nothing can be told: that is capture
quality (CAP012) and no finding. Packets that the capture cut are never reported.

## References

RFC 9293 §3.1 (Data Offset)
"""


class Seq008(Rule):
    """Reports a data offset that cannot be, in a segment whose checksum is right."""

    meta = Meta("SEQ008", "header-length-wrong", ERROR, "RFC 9293 §3.1", 0, PAGE)
    moments = (AT_DAMAGE,)

    def look(self, x: Look) -> None:
        """Reports a data offset that cannot be, in a segment whose checksum is right."""
        bad = x.damaged
        if bad is None or not bad.notes & NOTE_BAD_OFFSET or not whole_checksum_fits(bad):
            return
        words = bad.buf[bad.tcp_at + 12] >> 4
        text = f"Its data offset is {words} words, {'less than a header' if words < 5 else 'more than the segment'}."
        x.report(x.h, text, CERTAIN, bad.frame)
