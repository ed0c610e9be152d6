"""ACK003 ack-of-unsent-data."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import RST
from netsim.check.evidence import SAME, order_of
from netsim.check.flow import Half, unwrap
from netsim.check.look import Look, grouped
from netsim.check.model import AT_ACK, AT_DATA, AT_END, CERTAIN, ERROR, LIKELY, NEED_BOTH, Meta, Rule

PAGE: Final = """
## What it does

Reports an acknowledgement of bytes that the peer has not sent yet, or never sent.

## Why it matters

Nobody can have received them. An optimistic receiver makes the sender go faster than the path
allows; otherwise the peer's state is broken, or the ACK is forged.

## Example

```
8119  client ── seq 87,303 len 1,460 ──▶ server
8123  client ◀── ack 90,211 ── server   ← here: the client has sent only up to 88,763
```

## What it must not claim

An acknowledgement of bytes that the capture merely lacks. The rule speaks only if the bytes are
sent later (and nothing of the sender is missing in between), if the sender's FIN shows that they
never existed, or if no window ever allowed them.

## References

RFC 9293 §3.10.7.4, fifth step
"""


class Ack003(Rule):
    """Reports an acknowledgement of bytes that the peer has not sent yet, or never sent."""

    meta = Meta("ACK003", "ack-of-unsent-data", ERROR, "RFC 9293 §3.10.7.4, fifth step", NEED_BOTH, PAGE)
    moments = (
        AT_ACK,
        AT_DATA,
        AT_END,
    )

    def look(self, x: Look) -> None:
        """Reports an acknowledgement of bytes that the peer has not sent yet, or never sent."""
        if x.ack >= 0 and x.p.edge >= 0 and x.ack > x.p.edge + (1 << 22) and x.c.open == "handshake":
            if order_of(x.h, x.r, x.r) == SAME and x.p.packets > 1:
                x.report(x.h, "It acknowledges bytes far beyond every window it ever offered.", LIKELY)
            return
        half = x.h
        if x.r.flags & RST and half.beyond and x.seq >= 0:
            for entry in half.beyond:
                if not entry.settled and entry.high == x.seq and entry.record is half.peer.last:
                    text = f"It acknowledges byte {grouped(half.rel(entry.high))}, and the {half.name} refuses it."
                    x.report(half.peer, text, LIKELY, entry.record.frame, x.r)
            return
        if half.beyond and x.n and x.seq < half.beyond[-1].high:
            for entry in half.beyond:
                if entry.proof == "late" and not entry.sacked and entry.high > x.seq:
                    sure = half.ids_count() and entry.id_next == x.r.ip_id
                    text = (
                        f"It acknowledges byte {grouped(half.rel(entry.high))}, but only "
                        f"{grouped(half.rel(entry.seen))} had been sent; the rest was sent later."
                    )
                    x.report(half.peer, text, CERTAIN if sure else LIKELY, entry.record.frame, x.r)
            return
        if x.ack < 0 and x.seq < 0:
            for end in (x.c.client, x.c.server):
                self._at_end(x, end)

    def _at_end(self, x: Look, end: Half) -> None:
        """What was acknowledged and never sent: the FIN or the reset shows where the stream ended."""
        if not end.beyond:
            return
        for entry in end.beyond:
            if entry.settled or entry.sacked:
                continue
            top = end.fin + 1 if end.fin >= 0 else -1
            confidence = CERTAIN
            if x.c.open not in ("handshake", "simultaneous"):
                continue  # what was sent before the capture began is not known
            if top < 0 and end.rst is not None and end.rst.t_ns >= entry.record.t_ns:
                top = unwrap(end.nxt, end.rst.seq)
                confidence = LIKELY
            if 0 <= top < entry.high:
                text = (
                    f"It acknowledges byte {grouped(end.rel(entry.high))}, but the "
                    f"{end.name} never sent beyond {grouped(end.rel(top))}."
                )
                x.report(end.peer, text, confidence, entry.record.frame, end.last)
