"""RTO estimators: RFC 6298 by hand, Linux's and FreeBSD's figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsim.base.units import MS, SEC
from netsim.tcp.rtt import (
    LinuxRtt,
    RttConfig,
    RttEstimator,
    freebsd_rtt_config,
    linux_rtt_config,
    make_rtt_estimator,
)


def feed(rtt: RttEstimator, *samples_ms: int) -> RttEstimator:
    nxt = 1000
    for sample in samples_ms:
        rtt.sample(sample * MS, sample * MS, nxt, nxt + 1000)
        nxt += 2000
    return rtt


def test_rfc6298_first_sample() -> None:
    rtt = RttEstimator(RttConfig(min_ns=1))
    assert rtt.rto_ns == SEC
    feed(rtt, 100)
    assert (rtt.srtt_ns, rtt.rttvar_ns, rtt.rto_ns) == (100 * MS, 50 * MS, 300 * MS)


def test_rfc6298_second_sample_uses_the_old_srtt_for_the_variance() -> None:
    rtt = feed(RttEstimator(RttConfig(min_ns=1)), 100, 200)
    # RTTVAR = 3/4 * 50 + 1/4 * |100 - 200| = 62.5; SRTT = 7/8 * 100 + 1/8 * 200 = 112.5
    assert (rtt.srtt_ns, rtt.rttvar_ns) == (112_500_000, 62_500_000)
    assert rtt.rto_ns == 362_500_000


def test_rfc6298_floor_of_one_second_and_granularity() -> None:
    assert feed(RttEstimator(RttConfig()), 100).rto_ns == SEC
    steady = feed(RttEstimator(RttConfig(min_ns=1, granularity_ns=10 * MS)), *[100] * 200)
    assert steady.rttvar_ns < MS
    assert steady.rto_ns == pytest.approx(110 * MS, abs=MS)


def test_back_off_doubles_to_the_ceiling_and_ends_with_a_sample() -> None:
    rtt = RttEstimator(RttConfig())
    seen = []
    for _ in range(8):
        seen.append(rtt.rto_ns // SEC)
        rtt.back_off()
    assert seen == [1, 2, 4, 8, 16, 32, 60, 60]
    rtt.on_new_ack()
    assert rtt.rto_ns == 60 * SEC  # Karn: an ACK without a sample leaves it
    feed(rtt, 500)
    assert (rtt.rto_ns, rtt.backoffs) == (1500 * MS, 0)


def test_three_seconds_after_a_lost_syn() -> None:
    rtt = RttEstimator(RttConfig())
    rtt.back_off()
    rtt.on_established(syn_timed_out=True)
    assert rtt.rto_ns == 3 * SEC
    with_sample = feed(RttEstimator(RttConfig()), 10)
    with_sample.on_established(syn_timed_out=True)
    assert with_sample.rto_ns == SEC


@pytest.mark.parametrize(("rtt_ms", "rto_ms"), [(100, 300), (10, 210), (200, 600), (1, 201)])
def test_linux_first_sample(rtt_ms: int, rto_ms: int) -> None:
    assert feed(make_rtt_estimator(linux_rtt_config()), rtt_ms).rto_ns == rto_ms * MS


def test_linux_floor_is_on_the_variance() -> None:
    rtt = feed(LinuxRtt(linux_rtt_config()), *[100] * 100)
    assert rtt.rto_ns == 300 * MS
    rtt = feed(rtt, 400)
    assert rtt.srtt_ns == 137_500_000
    assert rtt.rttvar_ns > 200 * MS


def test_linux_a_falling_round_trip_counts_an_eighth() -> None:
    rising = feed(LinuxRtt(linux_rtt_config()), *[500] * 50, 900)
    falling = feed(LinuxRtt(linux_rtt_config()), *[500] * 50, 100)
    assert rising.rttvar_ns > falling.rttvar_ns
    assert falling.rttvar_ns == pytest.approx(200 * MS, abs=MS)


def test_linux_variance_decays_once_a_window() -> None:
    rtt = feed(LinuxRtt(linux_rtt_config()), 500, *[500] * 3)
    assert 200 * MS < rtt.rttvar_ns < SEC
    before = rtt.rttvar_ns
    rtt.sample(500 * MS, 500 * MS, 1, 9000)  # the window is not over
    assert rtt.rttvar_ns == before


def test_freebsd_syn_schedule() -> None:
    rtt = make_rtt_estimator(freebsd_rtt_config())
    seen = []
    for _ in range(9):
        seen.append(rtt.rto_ns // MS)
        rtt.back_off()
    assert seen == [1000, 2200, 4200, 8200, 16200, 32200, 64200, 64200, 64200]


def test_freebsd_floor_slop_and_back_off_end() -> None:
    rtt = feed(make_rtt_estimator(freebsd_rtt_config()), *[1] * 100)
    assert rtt.rto_ns == 230 * MS
    rtt.back_off()
    assert rtt.rto_ns == 260 * MS
    rtt.on_new_ack()
    assert rtt.rto_ns == 230 * MS


def test_smallest_round_trip_is_of_the_newest_segment() -> None:
    rtt = RttEstimator(RttConfig())
    rtt.sample(50 * MS, 10 * MS, 1, 2)
    rtt.sample(60 * MS, 20 * MS, 1, 2)
    assert rtt.min_rtt_ns == 10 * MS


def test_unknown_style_is_named() -> None:
    with pytest.raises(ValueError, match="unknown RTT style 'bsd'"):
        make_rtt_estimator(RttConfig("bsd"))


@given(
    st.sampled_from([RttConfig(), linux_rtt_config(), freebsd_rtt_config()]),
    st.lists(st.integers(0, 100_000), min_size=1, max_size=50),
)
def test_rto_stays_between_floor_and_ceiling(config: RttConfig, samples: list[int]) -> None:
    rtt = feed(make_rtt_estimator(config), *samples)
    assert config.min_ns <= rtt.rto_ns <= config.max_ns + config.slop_ns
    # Halves round down, so a steady estimate may lie a few ns below.
    assert min(samples) * MS - 64 <= rtt.srtt_ns <= max(max(samples) * MS, 1)
