"""A small network around `Driver`: a receiver that acknowledges each segment, loss, reordering, duplication.

Time is in milliseconds, drawn choices come from the caller, so hypothesis can shrink them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

from netsim.base.units import MS
from netsim.tcp.recovery.base import RecoveryConfig
from netsim.tcp.recovery.flight import Flight
from tests.unit.tcp.recovery.recovery_driver import Driver


class Receiver:
    """Cumulative ACK, up to three SACK blocks (newest first), DSACK."""

    def __init__(self) -> None:
        self.nxt = 1
        self.held: list[tuple[int, int]] = []

    def take(self, start: int, end: int) -> tuple[int, tuple[tuple[int, int], ...]]:
        dsack = [(start, end)] if end <= self.nxt or any(a <= start and end <= b for a, b in self.held) else []
        blocks = sorted([*self.held, (start, end)])
        merged: list[tuple[int, int]] = []
        for a, b in blocks:
            if merged and a <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(b, merged[-1][1]))
            else:
                merged.append((a, b))
        while merged and merged[0][0] <= self.nxt:
            self.nxt = max(self.nxt, merged.pop(0)[1])
        self.held = merged
        newest = [block for block in merged if block[0] <= start < block[1]]
        others = [block for block in reversed(merged) if block not in newest]
        return self.nxt, tuple((dsack + newest + others)[:4])


def check(r: Flight) -> None:
    """The counters are what counting the records gives."""
    sb = r.sb
    live = sb.records[sb.head :]
    assert sb.sacked_out == sum(x.sacked for x in live)
    assert sb.lost_out == sum(x.lost for x in live)
    assert sb.retrans_out == sum(x.retrans_out for x in live)
    assert sb.sacked_bytes == sum(x.end - x.start for x in live if x.sacked)
    assert sb.lost_bytes == sum(x.end - x.start for x in live if x.lost)
    assert sb.retrans_bytes == sum(x.end - x.start for x in live if x.retrans_out)
    assert not any(x.sacked and x.lost for x in live)
    at = sb.una
    for x in live:
        assert x.start == at
        at = x.end
    assert at == sb.nxt or not live
    waiting = sb.next_lost_to_resend()
    lost = [x for x in live if x.lost and not x.retrans_out]
    assert waiting is (lost[0] if lost else None)
    assert r.cc.cwnd >= min(r.smss, 1)
    assert r.pipe_bytes() >= 0
    assert r.in_flight_segs() >= 0 or not r.config.counts_segments
    # Something outstanding always has a timer.
    assert not live or r.deadline() >= 0


def transfer(
    config: RecoveryConfig,
    segments: int,
    fate: Callable[[int], tuple[int, ...]],
    ack_lost: Callable[[int], bool],
    *,
    sack: bool,
    cc: str,
    timestamps: bool = False,
    limit_ms: int = 1_000_000_000,
) -> tuple[Driver, Receiver]:
    """Send `segments` full segments; `fate(n)` gives the delays (ms) of the copies of the nth transmission.

    () = lost, two delays = duplicated. `ack_lost(n)`: the nth ACK is dropped.
    """
    driver = Driver(config, rtt_ms=20, sack=sack, cc=cc, ts_tick_ns=MS)
    receiver = Receiver()
    arrivals: list[tuple[int, int, int, int, int]] = []
    acks: list[tuple[int, int, int, tuple[tuple[int, int], ...], int]] = []
    seen = serial = sent_acks = 0
    driver.write(segments * driver.mss)
    end = segments * driver.mss + 1
    while driver.r.sb.una < end:
        for t_ms, _, start, stop in driver.events[seen:]:
            for delay in fate(seen):
                serial += 1
                heapq.heappush(arrivals, (round(t_ms * MS) + delay * MS, serial, start, stop, round(t_ms * MS)))
            seen += 1
        moments = [queue[0][0] for queue in (arrivals, acks) if queue]
        deadline = driver.r.deadline()
        if not moments or 0 <= deadline < min(moments):
            assert deadline >= 0, "nothing in flight, no timer, not done"
            driver.wait((deadline - driver.now) / MS)
        elif acks and acks[0][0] == min(moments):
            t, _, ack, blocks, echo = heapq.heappop(acks)
            driver.wait((t - driver.now) / MS)
            driver.ack(ack, *(blocks if sack else ()), echo_ms=echo // MS if timestamps else -1)
        else:
            t, _, start, stop, echo = heapq.heappop(arrivals)
            ack, blocks = receiver.take(start, stop)
            sent_acks += 1
            if not ack_lost(sent_acks):
                serial += 1
                heapq.heappush(acks, (t + 10 * MS, serial, ack, blocks, echo))
        check(driver.r)
        assert driver.now < limit_ms * MS
    return driver, receiver
