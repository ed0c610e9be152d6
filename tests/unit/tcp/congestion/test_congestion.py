"""Reno, CUBIC (RFC 9438 and Linux's), HyStart and the fixed window, by hand and against floating point."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsim.base.units import MS, SEC
from netsim.tcp.congestion.base import INFINITE_SSTHRESH, CongestionControl, initial_window_bytes
from netsim.tcp.congestion.cubic import Cubic, cube_root
from netsim.tcp.congestion.cubic_linux import LinuxCubic
from netsim.tcp.congestion.factory import CONGESTION_CONTROLS, make_congestion_control
from netsim.tcp.congestion.hystart import HyStart
from netsim.tcp.congestion.reno import Reno

MSS = 1000


def run_round_trips(cc: CongestionControl, count: int, *, rtt_ms: int = 100, start_ns: int = 0) -> list[int]:
    """cwnd (segments) after each round trip in which the whole window is acknowledged, segment by segment."""
    seen = []
    now = start_ns
    for _ in range(count):
        segs = cc.cwnd // MSS
        for i in range(segs):
            cc.on_ack(now + rtt_ms * MS * (i + 1) // segs, MSS, rtt_ms * MS, True)
        now += rtt_ms * MS
        seen.append(cc.cwnd // MSS)
    return seen


@pytest.mark.parametrize(
    ("smss", "segments", "expected"),
    [
        (1460, 10, 14600), (536, 10, 5360), (9000, 10, 18000), (4000, 10, 14600),
        (1460, 0, 4380), (536, 0, 2144), (1095, 0, 4380), (2191, 0, 4382), (1460, 2, 2920),
    ],
)  # fmt: skip
def test_initial_window(smss: int, segments: int, expected: int) -> None:
    """RFC 6928 §2, RFC 5681 §3.1."""
    assert initial_window_bytes(smss, segments) == expected


class TestReno:
    def test_slow_start_doubles_and_avoidance_adds_one(self) -> None:
        cc = Reno(MSS, 2 * MSS)
        assert run_round_trips(cc, 3) == [4, 8, 16]
        cc.ssthresh = 16 * MSS
        assert run_round_trips(cc, 3) == [17, 18, 19]

    @pytest.mark.parametrize(("limit", "grown"), [(1, 1000), (2, 2000), (0, 5000)])
    def test_a_stretched_ack_in_slow_start(self, limit: int, grown: int) -> None:
        cc = Reno(MSS, 10 * MSS, slow_start_limit=limit)
        cc.on_ack(0, 5 * MSS, MS, True)
        assert cc.cwnd == 10 * MSS + grown

    def test_growth_stops_at_ssthresh_and_the_rest_counts_for_avoidance(self) -> None:
        cc = Reno(MSS, 10 * MSS, slow_start_limit=0)
        cc.ssthresh = 12 * MSS
        cc.on_ack(0, 5 * MSS, MS, True)
        assert cc.cwnd == 12 * MSS
        cc.on_ack(0, 9 * MSS, MS, True)
        assert cc.cwnd == 13 * MSS

    def test_unused_window_does_not_grow(self) -> None:
        cc = Reno(MSS, 10 * MSS)
        cc.on_ack(0, MSS, MS, False)
        assert cc.cwnd == 10 * MSS

    @pytest.mark.parametrize(
        ("segments", "cwnd", "flight", "ssthresh"), [(False, 20, 9, 4500), (False, 20, 1, 2000), (True, 21, 3, 10_000)]
    )
    def test_ssthresh(self, segments: bool, cwnd: int, flight: int, ssthresh: int) -> None:
        cc = Reno(MSS, cwnd * MSS, counts_segments=segments, half_of_cwnd=segments)
        cc.on_congestion(0, flight * MSS)
        assert cc.ssthresh == ssthresh


class TestCubic:
    def after_loss(self, window: int = 100) -> Cubic:
        cc = Cubic(MSS, window * MSS)
        cc.on_congestion(0, window * MSS)
        cc.cwnd = cc.ssthresh
        return cc

    def test_reduction_and_k(self) -> None:
        cc = self.after_loss()
        assert (cc.ssthresh, cc.w_max) == (70 * MSS, 100 * MSS)
        cc.on_ack(SEC, MSS, 100 * MS, True)
        # K = cbrt((100 - 70) / 0.4) s
        assert cc.k_us == pytest.approx((30 / 0.4) ** (1 / 3) * 1e6, abs=1)

    def test_follows_the_curve(self) -> None:
        cc = self.after_loss(1000)
        rtt = 100
        for i, segs in enumerate(run_round_trips(cc, 120, rtt_ms=rtt)):
            t = (i + 1) * rtt / 1000
            k = (300 / 0.4) ** (1 / 3)
            curve = 0.4 * (t + rtt / 1000 - k) ** 3 + 1000
            # It chases the curve one round trip ahead, by at most half a window a round trip.
            assert segs == pytest.approx(min(curve, 1.5**i * 700 + 700), rel=0.02)

    def test_plateau_then_growth_again(self) -> None:
        cc = self.after_loss(1000)
        seen = run_round_trips(cc, 200)
        growth = [b - a for a, b in itertools.pairwise(seen)]
        assert seen == sorted(seen)
        around = [g for segs, g in zip(seen, growth, strict=False) if 995 < segs < 1005]
        assert max(around) <= 1
        assert growth[0] > 5
        assert growth[-1] > 5

    def test_small_windows_grow_as_reno_with_beta_would(self) -> None:
        """RFC 9438 §4.3: 9/13 of a segment a round trip, up to the old window, then one."""
        cc = self.after_loss(20)
        seen = run_round_trips(cc, 30, rtt_ms=10)
        assert seen[12] == pytest.approx(14 + 13 * 9 / 13, abs=1)
        assert seen[29] - seen[19] == pytest.approx(10, abs=2)

    def test_fast_convergence(self) -> None:
        cc = self.after_loss(100)
        cc.on_congestion(0, 70 * MSS)
        assert cc.w_max == 70 * MSS * 17 // 20
        slow = Cubic(MSS, 100 * MSS, fast_convergence=False)
        slow.on_congestion(0, 100 * MSS)
        slow.cwnd = slow.ssthresh
        slow.on_congestion(0, 70 * MSS)
        assert slow.w_max == 70 * MSS

    def test_after_a_timeout_the_curve_starts_where_it_is(self) -> None:
        cc = Cubic(MSS, 100 * MSS)
        cc.on_rto(0, 100 * MSS)
        cc.cwnd = cc.ssthresh
        cc.on_ack(SEC, MSS, 100 * MS, True)
        assert (cc.k_us, cc.w_max) == (0, 70 * MSS)

    def test_idle_time_is_not_growth(self) -> None:
        a, b = self.after_loss(1000), self.after_loss(1000)
        run_round_trips(a, 10)
        run_round_trips(b, 10)
        b.on_idle(61 * SEC, 60 * SEC)
        run_round_trips(a, 10, start_ns=SEC)
        run_round_trips(b, 10, start_ns=61 * SEC)
        assert a.cwnd == b.cwnd

    def test_undo_brings_everything_back(self) -> None:
        cc = self.after_loss(100)
        run_round_trips(cc, 5)
        before = (cc.w_max, cc.cwnd_prior, cc.epoch_ns, cc.k_us, cc.cwnd, cc.ssthresh)
        cc.on_congestion(0, cc.cwnd)
        cc.cwnd = cc.ssthresh
        cc.on_undo(before[4], before[5])
        assert (cc.w_max, cc.cwnd_prior, cc.epoch_ns, cc.k_us, cc.cwnd, cc.ssthresh) == before

    @given(st.integers(0, 10**30))
    def test_cube_root(self, value: int) -> None:
        root = cube_root(value)
        assert root**3 <= value < (root + 1) ** 3


class TestLinuxCubic:
    def test_reduction_in_whole_segments(self) -> None:
        cc = LinuxCubic(MSS, 10 * MSS)
        cc.on_congestion(0, 0)
        assert cc.ssthresh == 7 * MSS  # 10 * 717 / 1024
        assert cc.w_max_segs == 10
        cc.cwnd = 2 * MSS
        cc.on_congestion(0, 0)
        assert cc.ssthresh == 2 * MSS
        assert cc.w_max_segs == 2 * (1024 + 717) // 2048

    def test_k_in_1024ths_of_a_second(self) -> None:
        cc = LinuxCubic(MSS, 1000 * MSS)
        cc.on_congestion(0, 0)
        cc.cwnd = cc.ssthresh
        cc.on_ack(SEC, MSS, 100 * MS, True)
        assert cc._k == pytest.approx((300 / 0.4) ** (1 / 3) * 1024, rel=0.01)

    def test_same_curve_as_the_rfc(self) -> None:
        linux = LinuxCubic(MSS, 1000 * MSS)
        linux.on_congestion(0, 0)
        linux.cwnd = linux.ssthresh
        rfc = Cubic(MSS, 1000 * MSS)
        rfc.on_congestion(0, 1000 * MSS)
        rfc.cwnd = rfc.ssthresh
        for a, b in zip(run_round_trips(linux, 150), run_round_trips(rfc, 150), strict=True):
            assert a == pytest.approx(b, rel=0.03)

    def test_before_the_first_loss_at_least_five_percent_a_round_trip(self) -> None:
        cc = LinuxCubic(MSS, 100 * MSS)
        cc.ssthresh = 100 * MSS
        assert run_round_trips(cc, 1)[0] >= 105

    def test_never_more_than_half_a_window_a_round_trip(self) -> None:
        cc = LinuxCubic(MSS, 100 * MSS)
        cc.on_congestion(0, 0)
        cc.cwnd = cc.ssthresh
        run_round_trips(cc, 1)
        cc._epoch_ms = -60_000  # far up the curve
        before = cc.cwnd
        run_round_trips(cc, 1, start_ns=SEC)
        assert cc.cwnd <= before * 3 // 2 + MSS

    def test_a_timeout_forgets_the_curve(self) -> None:
        cc = LinuxCubic(MSS, 100 * MSS)
        cc.on_rto(0, 0)
        cc.on_loss_state()
        assert cc.ssthresh == 70 * MSS
        assert cc.w_max_segs == 0


class TestHyStart:
    def test_a_long_ack_train_ends_slow_start(self) -> None:
        cc = LinuxCubic(MSS, 20 * MSS, hystart=HyStart(detect_delay=False))
        now = 100 * MS
        cc.on_rtt(now, 100 * MS, 1000, 2000)
        left_at = 0
        for i in range(70):
            now += MS
            cc.on_rtt(now, 100 * MS, 1500, 2000)
            if cc.ssthresh != INFINITE_SSTHRESH:
                left_at = i + 1
                break
        # (100 ms + 1 ms) / 2
        assert left_at == 51
        assert cc.ssthresh == 20 * MSS

    def test_a_gap_ends_the_train(self) -> None:
        hystart = HyStart(detect_delay=False)
        assert not hystart.on_rtt(0, 100 * MS, 1000, 2000, 20)
        for i in range(1, 100):
            assert not hystart.on_rtt((3 if i >= 10 else 0) * MS + i * MS, 100 * MS, 1500, 2000, 20)

    def test_small_windows_are_left_alone(self) -> None:
        hystart = HyStart()
        for i in range(200):
            assert not hystart.on_rtt(i * MS, (100 + i) * MS, 1500, 2000, 15)

    @pytest.mark.parametrize(("base_ms", "more_ms"), [(20, 4), (80, 10), (400, 16)])
    def test_delay_increase_by_an_eighth_within_bounds(self, base_ms: int, more_ms: int) -> None:
        for extra, found in ((more_ms, False), (more_ms + 1, True)):
            hystart = HyStart(detect_train=False)
            hystart.note_delay(base_ms * MS)
            seen = [hystart.on_rtt(i * MS, (base_ms + extra) * MS, 1500, 2000, 20) for i in range(9)]
            assert seen == [False] * 8 + [found]


class TestFactory:
    @pytest.mark.parametrize("name", CONGESTION_CONTROLS)
    @pytest.mark.parametrize("segments", [True, False])
    def test_makes_each(self, name: str, segments: bool) -> None:
        cc = make_congestion_control(name, MSS, 10 * MSS, counts_segments=segments, hystart=True)
        assert cc.name == name
        assert cc.in_slow_start()
        run_round_trips(cc, 2)
        cc.on_congestion(0, cc.cwnd)
        assert 2 * MSS <= cc.ssthresh <= cc.cwnd

    def test_unknown_name_lists_the_known(self) -> None:
        with pytest.raises(ValueError, match="unknown congestion control 'vegas'; one of reno, cubic, fixed"):
            make_congestion_control("vegas", MSS, MSS)

    def test_fixed_never_moves(self) -> None:
        cc = make_congestion_control("fixed", MSS, 10 * MSS)
        run_round_trips(cc, 3)
        cc.on_congestion(0, 0)
        assert (cc.cwnd, cc.ssthresh) == (10 * MSS, 10 * MSS)

    @pytest.mark.parametrize(("segments", "cwnd"), [(True, 5000), (False, 10_000)])
    def test_a_smaller_segment(self, segments: bool, cwnd: int) -> None:
        cc = make_congestion_control("reno", MSS, 10 * MSS, counts_segments=segments)
        cc.set_smss(500)
        assert cc.cwnd == cwnd
        assert cc.ssthresh == INFINITE_SSTHRESH


def test_curve_in_floating_point() -> None:
    """Integer W_cubic against the formula, over a minute, to a byte in ten thousand."""
    cc = Cubic(MSS, 500 * MSS)
    cc.on_congestion(0, 500 * MSS)
    cc.cwnd = cc.ssthresh
    cc.on_ack(0, MSS, MS, True)
    k = math.cbrt(150 / 0.4)
    for t in range(0, 60_000_000, 777_777):
        assert cc.window_at(t) == pytest.approx((0.4 * (t / 1e6 - k) ** 3 + 500) * MSS, rel=1e-4, abs=2)
