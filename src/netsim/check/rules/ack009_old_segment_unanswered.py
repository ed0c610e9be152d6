"""ACK009 old-segment-unanswered."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import RST, SYN
from netsim.check.look import Look, span
from netsim.check.model import AT_SEGMENT, DEVIATION, LIKELY, NEED_AT_SENDER, NEED_BOTH, NEED_OWN_WHOLE, Meta, Rule
from netsim.check.states import STAGE_OPEN

DATA_GAP_NS: Final = 100_000_000
PROBE_GAP_NS: Final = 1_000_000_000
AT_ONCE_NS: Final = 30_000_000
"""What comes later than this after a segment is no answer to it."""

PAGE: Final = """
## What it does

Reports a host that let two segments that it had already, or two probes of its closed window, pass
without a word, and spoke again later.

## Why it matters

The sender repeats itself because the acknowledgement was lost. Nothing but another one can stop it;
without it the sender backs off and gives the connection up in the end.

## Example

```
20  client ── seq 1 len 1,448 ──▶ server
21  client ◀── ack 1,449 ── server            (lost behind the tap)
22  client ── seq 1 len 1,448 ──▶ server      again, after 250 ms
23  client ── seq 1 len 1,448 ──▶ server      again, after 500 ms
24  client ◀── ack 1,449 ── server   ← here: the first answer
```

## What it must not claim

Needs a tap at the silent host. Linux answers empty segments only twice a second: probes count if
they are a second apart. Answers that the capture lacks: where the IP identification shows a gap the
rule is silent.

## References

RFC 9293 §3.10.7.4, first step; §3.8.6.1
"""


class Ack009(Rule):
    """Reports a host that leaves two old segments, or two probes of its closed window, unanswered."""

    meta = Meta(
        "ACK009",
        "old-segment-unanswered",
        DEVIATION,
        "RFC 9293 §3.10.7.4, first step; §3.8.6.1",
        NEED_BOTH | NEED_OWN_WHOLE | NEED_AT_SENDER,
        PAGE,
    )
    moments = (AT_SEGMENT,)

    def look(self, x: Look) -> None:
        """Reports a host that leaves two old segments, or two probes of its closed window, unanswered."""
        h = x.h
        p = x.p
        last = h.last
        if last is None or h.stage != STAGE_OPEN or x.r.flags & (SYN | RST):
            return
        resends = p.resends
        if resends and len(resends) > 1 and resends[-2].record.t_ns > last.t_ns:
            first = resends[-2]
            gap = resends[-1].record.t_ns - first.record.t_ns
            if x.r.t_ns - resends[-1].record.t_ns < AT_ONCE_NS:
                return
            if first.spurious == resends[-1].spurious == "acked" and first.record.payload_len and gap >= DATA_GAP_NS:
                self._tell(x, first.record.t_ns, first.record.frame, "what it has acknowledged")
            return
        probe = p.probe_record
        if (
            probe is not None
            and x.r.t_ns - probe.t_ns >= AT_ONCE_NS
            and p.probe_gap >= PROBE_GAP_NS
            and probe.t_ns - p.probe_gap > last.t_ns
        ):
            self._tell(x, probe.t_ns - p.probe_gap, probe.frame, "a probe of its closed window")

    def _tell(self, x: Look, since_ns: int, frame: int, what: str) -> None:
        waited = span((x.r.t_ns - since_ns) // 1_000_000 * 1_000_000)
        x.report(x.h, f"It gets {what} twice and says nothing for {waited}.", LIKELY, 0, x.h.last, [frame])
