"""Whatever the network does, everything arrives, the counters are right, and nothing hangs."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsim.tcp.recovery.base import RecoveryConfig, freebsd_recovery_config, linux_recovery_config
from tests.unit.tcp.recovery.recovery_world import transfer

CONFIGS = {
    "rfc": RecoveryConfig,
    "rfc-9937": lambda: RecoveryConfig(prr="rfc9937", undo=True),
    "rfc-rack": lambda: RecoveryConfig(
        sack_detector="rack", prr="rfc9937", tail_loss_probe=True, frto=True, undo=True, sample_every_ack=False
    ),
    "freebsd": freebsd_recovery_config,
    "linux": linux_recovery_config,
}


@given(
    name=st.sampled_from(sorted(CONFIGS)),
    sack=st.booleans(),
    cc=st.sampled_from(["reno", "cubic", "fixed"]),
    timestamps=st.booleans(),
    seed=st.integers(0, 2**32),
    loss=st.sampled_from([0, 2, 10, 30]),
    disorder=st.sampled_from([0, 5, 30]),
    copies=st.sampled_from([0, 5]),
    segments=st.integers(1, 120),
)
@settings(max_examples=150)
def test_everything_arrives(
    name: str, sack: bool, cc: str, timestamps: bool, seed: int, loss: int, disorder: int, copies: int, segments: int
) -> None:
    rng = random.Random(seed)

    def fate(_: int) -> tuple[int, ...]:
        if rng.randrange(100) < loss:
            return ()
        delay = 10 + (rng.randrange(60) if rng.randrange(100) < disorder else 0)
        return (delay, delay + 3) if rng.randrange(100) < copies else (delay,)

    driver, receiver = transfer(
        CONFIGS[name](), segments, fate, lambda _: rng.randrange(100) < loss, sack=sack, cc=cc, timestamps=timestamps
    )
    assert receiver.nxt == segments * 1000 + 1
    assert driver.r.sb.packets_out() == 0


@pytest.mark.parametrize("name", sorted(CONFIGS))
@pytest.mark.parametrize("sack", [True, False])
@pytest.mark.parametrize("cc", ["reno", "cubic"])
def test_without_loss_nothing_is_sent_twice(name: str, sack: bool, cc: str) -> None:
    driver, _ = transfer(CONFIGS[name](), 400, lambda _: (10,), lambda _: False, sack=sack, cc=cc)
    assert driver.r.total_retrans == 0
    assert driver.r.calm


@pytest.mark.parametrize("name", sorted(CONFIGS))
@pytest.mark.parametrize("lost", [5, 20, 40])
def test_one_loss_costs_one_retransmission_and_no_timeout(name: str, lost: int) -> None:
    driver, _ = transfer(
        CONFIGS[name](), 400, lambda n: () if n == lost else (10,), lambda _: False, sack=True, cc="reno"
    )
    assert driver.r.total_retrans == 1
    assert driver.now < 2_000_000_000
