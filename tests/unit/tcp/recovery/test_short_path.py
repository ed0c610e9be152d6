"""The short paths of `on_ack` do what the long one does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsim.base.units import MS
from netsim.tcp.recovery.base import RecoveryConfig, freebsd_recovery_config, linux_recovery_config
from tests.unit.tcp.recovery.recovery_driver import Driver

CONFIGS: dict[str, Callable[[], RecoveryConfig]] = {
    "rfc": RecoveryConfig,
    "rfc-one-sample": lambda: RecoveryConfig(sample_every_ack=False),
    "freebsd": freebsd_recovery_config,
    "linux": linux_recovery_config,
}


def state(d: Driver) -> list[object]:
    r = d.r
    seen: list[object] = [
        d.now, d.events[-3:], r.phase, r.cc.cwnd, r.cc.ssthresh, r.timer, r.timer_at_ns, r.rtt.srtt_ns,
        r.rtt.rttvar_ns, r.rtt.rto_ns, r.rtt.min_rtt_ns, r.rtt_ns, r.acked_bytes, r.acked_segs, r.delivered_bytes,
        r.duplicates, r.limited_bytes, r.pipe_bytes(), r.in_flight_segs(), r.may_send_bytes(), r.sb.una, r.sb.nxt,
        [repr(x) for x in r.sb.records[r.sb.head :]], r.calm, r.is_cwnd_limited(), r.sample_at,
        r.sacked_bytes, r.delivered_segs, r.is_duplicate, r.new_first, r.virtual_sacked, list(r.reasons),
    ]  # fmt: skip
    if r.rack is not None:
        seen += [r.rack.xmit_ns, r.rack.order, r.rack.rtt_ns]
    return seen


@pytest.mark.parametrize("name", sorted(CONFIGS))
@given(
    cc=st.sampled_from(["reno", "cubic"]),
    steps=st.lists(
        st.tuples(st.integers(0, 6000), st.integers(0, 40), st.integers(0, 12_000)), min_size=1, max_size=40
    ),
)
@settings(max_examples=60)
def test_equal(name: str, cc: str, steps: list[tuple[int, int, int]]) -> None:
    """Writes, pauses and cumulative ACKs (of parts of segments, or of nothing that is in flight), nothing lost."""
    short = Driver(CONFIGS[name](), cc=cc, hystart=True)
    long = Driver(CONFIGS[name](), cc=cc, hystart=True)
    for written, pause, acked in steps:
        for d in (short, long):
            d.write(written)
            d.wait(min(pause, max(0, (d.r.deadline() - d.now) // MS - 1) if d.r.deadline() >= 0 else pause))
            ack = min(d.r.sb.una + acked, d.r.sb.nxt)
            if ack == d.r.sb.una and d.r.sb.packets_out():
                continue  # a duplicate ACK: something may be wrong
            if d is long:
                d.r.calm = False
            d.ack(ack)
        assert state(short) == state(long)
    assert short.r.calm
