"""Reductions that were wrong, and marks that are right: F-RTO, Eifel, DSACK, ECN, probes, path MTU."""

from __future__ import annotations

import pytest

from netsim.base.units import MS
from netsim.tcp.recovery.base import CWR, LOSS, OPEN, RECOVERY, RecoveryConfig, linux_recovery_config
from tests.unit.tcp.recovery.recovery_driver import Driver


def again(start: int, count: int = 1) -> list[tuple[str, int, int]]:
    return [("again", start + 1000 * i, start + 1000 * (i + 1)) for i in range(count)]


def new(start: int, count: int = 1) -> list[tuple[str, int, int]]:
    return [("new", start + 1000 * i, start + 1000 * (i + 1)) for i in range(count)]


def frto(*, sack: bool = True) -> Driver:
    return Driver(RecoveryConfig(frto=True, undo=True), sack=sack)


class TestFrto:
    @pytest.mark.parametrize("sack", [True, False])
    def test_a_delay_spike_is_recognised_and_undone(self, sack: bool) -> None:
        d = frto(sack=sack)
        d.write(100_000)
        d.wait(1000)
        assert d.r.phase == LOSS
        assert d.at(-1)[1:] == again(1)[0]
        # The originals were only late: the first ACK lets two new segments out, not a retransmission.
        out = d.ack(1001, after=10)
        assert out == new(10001, 2)
        # The second acknowledges what was never resent.
        d.ack(2001, after=1)
        assert d.r.phase == OPEN
        assert d.r.spurious
        assert "spurious-by-frto" in d.codes
        assert d.cwnd >= 10_000
        assert d.r.cc.ssthresh > 100_000
        assert d.r.sb.lost_out == 0
        assert d.r.total_retrans == 1

    @pytest.mark.parametrize("sack", [True, False])
    def test_a_duplicate_after_the_new_data_says_the_loss_was_real(self, sack: bool) -> None:
        d = frto(sack=sack)
        d.write(100_000)
        d.wait(1000)
        assert d.ack(1001, after=100) == new(10001, 2)
        out = d.ack(1001, *([(10001, 11001)] if sack else []), after=100)
        assert "frto-loss-real" in d.codes
        assert out[0] == again(1001)[0]
        assert d.r.phase == LOSS
        assert d.r.cc.ssthresh == 5000

    def test_without_new_data_it_falls_back_to_repairing(self) -> None:
        d = frto()
        d.write(10_000)
        d.wait(1000)
        assert d.ack(1001, after=100) == again(1001, 2)

    def test_off_by_default(self) -> None:
        d = Driver(RecoveryConfig())
        d.write(100_000)
        d.wait(1000)
        assert d.ack(1001, after=10) == again(1001, 2)


class TestEifel:
    def test_an_echo_older_than_the_retransmission_undoes_a_timeout(self) -> None:
        d = Driver(RecoveryConfig(undo=True), ts_tick_ns=MS)
        d.write(100_000)
        d.wait(1000)
        d.ack(1001, after=10, echo_ms=100)
        assert "spurious-by-timestamp" in d.codes
        assert (d.r.phase, d.r.sb.lost_out) == (OPEN, 0)
        assert d.cwnd >= 10_000

    def test_an_echo_of_the_retransmission_does_not(self) -> None:
        d = Driver(RecoveryConfig(undo=True), ts_tick_ns=MS)
        d.write(100_000)
        d.wait(1000)
        d.ack(1001, after=100, echo_ms=1100)
        assert not d.r.spurious
        assert d.r.phase == LOSS

    def test_a_partial_ack_of_an_original_ends_fast_recovery(self) -> None:
        d = Driver(RecoveryConfig(undo=True), ts_tick_ns=MS)
        d.write(100_000)
        for i in range(3):
            d.ack(1, (1001, 2001 + 1000 * i), after=40 if i == 0 else 1, echo_ms=100)
        assert d.r.phase == RECOVERY
        cwnd = d.cwnd
        d.ack(4001, after=1, echo_ms=100)
        assert d.r.phase != RECOVERY
        assert d.r.spurious
        assert d.cwnd > cwnd


class TestDsack:
    def test_when_every_copy_was_a_duplicate_the_window_comes_back(self) -> None:
        d = Driver(RecoveryConfig(undo=True))
        d.write(10_000)
        d.ack(1, (1001, 4001), after=100)
        assert d.r.phase == RECOVERY
        d.ack(10001, after=10)
        assert (d.r.phase, d.cwnd) == (OPEN, 5000)
        d.ack(10001, (1, 1001), after=90)
        assert d.r.dsack
        assert "spurious-by-dsack" in d.codes
        assert d.cwnd == 10_000
        assert d.r.cc.ssthresh > 10_000

    def test_a_dsack_for_nothing_we_resent_is_not_believed(self) -> None:
        d = Driver(RecoveryConfig(undo=True))
        d.write(10_000)
        d.ack(3001, (1, 1001), after=100)
        assert not d.r.dsack
        assert d.r.phase == OPEN


class TestEcn:
    def test_one_reduction_a_round_trip_and_cwr_once(self) -> None:
        d = Driver(RecoveryConfig(), ecn=True)
        d.write(100_000)
        d.ack(1001, after=100, ece=True)
        assert (d.r.phase, d.cwnd, d.codes[-1]) == (CWR, 4500, "ecn-echo")  # half of what is in flight
        assert d.r.cwr_pending
        d.r.cwr_pending = False
        for ack in (2001, 3001, 9001):
            d.ack(ack, after=1, ece=True)
            assert d.cwnd == 4500
            assert not d.r.cwr_pending
        d.ack(10001, ece=True)
        assert d.r.phase == CWR  # the segment with CWR is not acknowledged yet
        d.ack(11001, after=100)
        assert d.r.phase == OPEN
        assert "cwr-ended" in d.codes
        d.ack(12001, after=1, ece=True)
        assert d.r.phase == CWR

    def test_linux_reduces_by_prr(self) -> None:
        d = Driver(linux_recovery_config(), cc="cubic", ecn=True)
        d.write(100_000)
        d.ack(1001, after=100, ece=True)
        assert (d.r.phase, d.ssthresh_segs, d.cwnd_segs) == (CWR, 7, 10)
        d.ack(10001, after=1)
        assert d.cwnd_segs == 7


class TestProbe:
    def test_a_lost_tail_is_repaired_by_the_probe_and_paid_for(self) -> None:
        d = Driver(linux_recovery_config(), cc="cubic")
        d.write(3000)
        d.ack(2001, after=100)
        d.write(1000)
        d.ack(3001, after=100)
        d.wait(400)
        assert d.at(-1)[1:] == again(3001)[0]
        d.ack(4001, after=100)
        assert d.r.phase == OPEN
        # The ACK covers the probe but no more: it does not say which copy arrived.
        assert d.r.probe_end == 4001
        d.write(1000)
        d.ack(5001, after=100)
        assert "probe-repaired-loss" in d.codes
        assert (d.cwnd_segs, d.ssthresh_segs) == (7, 7)

    def test_a_dsack_for_the_probe_clears_it(self) -> None:
        d = Driver(linux_recovery_config(), cc="cubic")
        d.write(1000)
        d.wait(400)
        assert d.at(-1)[1:] == again(1)[0]
        d.ack(1001)
        d.ack(1001, (1, 1001), after=1)
        assert d.r.probe_end == -1
        d.write(1000)
        d.ack(2001, after=100)
        assert d.cwnd_segs == 10

    def test_a_probe_sends_new_data_if_there_is_some(self) -> None:
        d = Driver(linux_recovery_config(), cc="cubic")
        d.write(100_000)
        d.wait(202)
        assert d.at(-1) == (302.0, "new", 10001, 11001)
        d.wait(299)
        assert len(d.events) == 11
        d.wait(1)
        assert d.at(-1) == (602.0, "again", 1, 1001)

    @pytest.mark.parametrize(("segments", "at_ms"), [(1, 300), (2, 202)])
    def test_when_it_fires(self, segments: int, at_ms: int) -> None:
        """2 * SRTT plus 2 ms; with one segment the peer's delayed ACK is allowed for, up to the RTO."""
        d = Driver(linux_recovery_config(), cc="cubic")
        d.write(1000 * segments)
        assert d.r.timer_name() == "tail-loss-probe"
        d.wait(at_ms - 1)
        assert len(d.events) == segments
        d.wait(1)
        assert len(d.events) == segments + 1


class TestPathMtu:
    def test_too_big_segments_are_resent_in_pieces_and_the_window_stays(self) -> None:
        d = Driver(RecoveryConfig())
        d.write(5000)
        d.r.on_mtu_reduced(d.now, 600)
        assert [reason.code for reason in d.r.reasons] == ["mtu-reduced"]
        assert d.cwnd == 10_000
        out = d.pump()
        assert out[:3] == [("again", 1, 601), ("again", 601, 1001), ("again", 1001, 1601)]
        assert len(out) == 10
        d.ack(5001, after=100)
        assert d.r.phase == OPEN

    def test_segments_that_fit_are_left_alone(self) -> None:
        d = Driver(RecoveryConfig())
        d.write(5000)
        d.r.on_mtu_reduced(d.now, 1000)
        assert d.pump() == []
        assert d.r.phase == OPEN


class TestReneging:
    def test_the_timeout_comes_early_and_forgets_the_sacks(self) -> None:
        d = Driver(RecoveryConfig())
        d.write(10_000)
        d.ack(1, (1001, 2001), after=100)
        d.ack(1001, (5001, 6001), after=100)
        assert "sack-reneged" in d.codes
        half = d.r.rtt.srtt_ns // 2 / MS
        d.wait(half - 1)
        assert d.r.phase != LOSS
        d.wait(1)
        assert d.r.phase == LOSS
        assert d.r.sb.sacked_out == 0
        assert d.at(-1)[1:] == again(1001)[0]
