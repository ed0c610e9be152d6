"""RFC 6675 by hand, PRR's bounds, and RACK against a plain reading of RFC 8985. MSS 1000."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsim.base.units import MS
from netsim.tcp.recovery.base import DISORDER, OPEN, RECOVERY, RecoveryConfig
from netsim.tcp.recovery.prr import Prr
from netsim.tcp.recovery.rack import Rack
from netsim.tcp.recovery.scoreboard import NEVER, Scoreboard, Sent
from tests.unit.tcp.recovery.recovery_driver import Driver


def new(start: int, count: int = 1) -> list[tuple[str, int, int]]:
    return [("new", start + 1000 * i, start + 1000 * (i + 1)) for i in range(count)]


def again(start: int, count: int = 1) -> list[tuple[str, int, int]]:
    return [("again", start + 1000 * i, start + 1000 * (i + 1)) for i in range(count)]


class TestRfc6675:
    def test_entry_at_the_third_duplicate_with_half_the_flight(self) -> None:
        d = Driver(RecoveryConfig())
        d.write(100_000)
        assert d.ack(1, (1001, 2001), after=100) == new(10001)
        assert d.ack(1, (1001, 3001)) == new(11001)
        assert d.r.phase == DISORDER
        assert d.ack(1, (1001, 4001)) == again(1)
        assert (d.r.phase, d.cwnd, d.r.cc.ssthresh) == (RECOVERY, 5000, 5000)
        # pipe: 12 outstanding - 3 sacked - 1 lost + 1 resent
        assert d.r.pipe_bytes() == 9000
        for i in range(4):
            assert d.ack(1, (1001, 5001 + 1000 * i)) == []
        assert d.r.pipe_bytes() == 5000
        assert d.ack(1, (1001, 9001)) == new(12001)

    def test_one_ack_with_three_segments_of_sack_is_enough(self) -> None:
        """IsLost (HighACK + 1): no need of three duplicates."""
        d = Driver(RecoveryConfig())
        d.write(10_000)
        assert d.ack(1, (1001, 4001), after=100) == again(1)

    def test_three_ranges_make_everything_below_the_lowest_lost(self) -> None:
        d = Driver(RecoveryConfig())
        d.write(10_000)
        d.ack(1, (3001, 3002), after=100)
        assert d.r.sb.lost_out == 0
        d.ack(1, (3001, 4001), (5001, 6001), (7001, 8001))
        assert d.r.sb.lost_out == 3

    def test_two_holes_are_resent_in_order_and_nothing_twice(self) -> None:
        d = Driver(RecoveryConfig())
        d.write(10_000)
        assert d.ack(1, (1001, 4001), (5001, 10001), after=100) == again(1) + again(4001)
        assert d.ack(1, (1001, 4001), (5001, 10001)) == []
        assert d.ack(4001, (5001, 10001), after=100) == []
        assert d.ack(10001) == []
        assert (d.r.phase, d.cwnd, d.r.total_retrans) == (OPEN, 5000, 2)

    def test_rule_3_resends_what_is_not_judged_lost_when_there_is_nothing_new(self) -> None:
        d = Driver(RecoveryConfig())
        d.write(10_000)
        # 1 is lost (three above it); 8001 is a hole with one segment above it: not lost by count.
        out = d.ack(1, (1001, 8001), (9001, 10001), after=100)
        assert out[0] == again(1)[0]
        assert again(8001)[0] in out

    def test_rule_4_rescues_the_tail_once(self) -> None:
        d = Driver(RecoveryConfig())
        d.write(10_000)
        # 9001 was lost as well, and nothing above it can say so.
        out = d.ack(1, (1001, 9001), after=100)
        assert out == again(1) + again(9001)
        assert d.ack(9001, after=100) == []
        d.ack(10001)
        assert d.r.phase == OPEN

    def test_a_lost_copy_waits_for_the_timeout(self) -> None:
        d = Driver(RecoveryConfig())
        d.write(100_000)
        d.ack(1, (1001, 4001), after=100)
        for i in range(30):
            d.ack(1, (1001, 5001 + 1000 * i), after=1)
        assert d.r.total_retrans == 1
        d.wait(1000)
        assert d.r.total_retrans >= 2

    def test_after_a_timeout_sacked_data_is_not_resent(self) -> None:
        d = Driver(RecoveryConfig())
        d.write(10_000)
        d.ack(1, (3001, 4001), after=100)
        d.wait(2000)
        d.ack(1001, (3001, 4001))
        d.ack(3001, (3001, 4001))
        resent = [event[2] for event in d.events if event[1] == "again"]
        assert 3001 not in resent
        assert resent[:3] == [1, 1001, 2001]


class TestPrr:
    def test_proportional_part_paces_to_the_target(self) -> None:
        """RFC 6937 §3.1: 20 segments, ssthresh 10: every other ACK sends one."""
        prr = Prr("rfc6937")
        prr.start(20_000)
        sent = []
        pipe = 19_000
        for _ in range(16):
            pipe -= 1000
            cwnd = prr.on_ack(1000, pipe, 10_000, 1000, una_advanced=False, newly_lost=False)
            count = (cwnd - pipe) // 1000
            sent.append(count)
            prr.out += count * 1000
            pipe += count * 1000
        # Half of what is delivered, in bytes: a whole segment with every second ACK.
        assert sent[:6] == [0, 1, 0, 1, 0, 1]
        assert pipe == pytest.approx(10_000, abs=1000)

    @pytest.mark.parametrize(
        ("style", "advanced", "lost", "count"),
        [
            ("rfc6937-crb", True, False, 1),
            ("rfc6937", False, False, 2),
            ("rfc9937", False, False, 1),
            ("rfc9937", True, False, 2),
            ("rfc9937", True, True, 1),
            ("linux", True, False, 2),
            ("linux", True, True, 1),
        ],
    )
    def test_bounds_below_the_target(self, style: str, advanced: bool, lost: bool, count: int) -> None:
        prr = Prr(style)
        prr.start(10_000)
        prr.delivered = prr.out = 4000
        assert prr.on_ack(1000, 2000, 5000, 1000, advanced, lost) == 2000 + 1000 * count

    def test_catching_up_never_exceeds_the_target(self) -> None:
        prr = Prr("linux")
        prr.start(10_000)
        assert prr.on_ack(9000, 1000, 5000, 1000, una_advanced=True, newly_lost=False) == 5000

    @pytest.mark.parametrize("style", ["rfc9937", "linux"])
    def test_the_first_retransmission_is_forced(self, style: str) -> None:
        prr = Prr(style)
        prr.start(20_000)
        prr.delivered = -1000
        assert prr.on_ack(1000, 18_000, 10_000, 1000, una_advanced=False, newly_lost=True) == 19_000

    def test_nothing_delivered_changes_nothing(self) -> None:
        prr = Prr("rfc9937")
        prr.start(10_000)
        assert prr.on_ack(0, 5000, 5000, 1000, una_advanced=False, newly_lost=False) == -1

    def test_unknown_style_is_named(self) -> None:
        with pytest.raises(ValueError, match="unknown PRR style 'prr'"):
            Prr("prr")

    @given(
        st.sampled_from(["rfc6937", "rfc6937-crb", "rfc9937", "linux"]),
        st.integers(2, 60),
        st.lists(st.tuples(st.integers(1, 4), st.booleans(), st.booleans()), min_size=1, max_size=80),
    )
    @settings(max_examples=100)
    def test_sends_no_more_than_was_delivered_plus_the_target(
        self, style: str, window: int, acks: list[tuple[int, bool, bool]]
    ) -> None:
        """RFC 9937 §3: over a recovery, no more is sent than delivered, above what the target leaves room for."""
        prr = Prr(style)
        prr.start(window * 1000)
        ssthresh = max(window // 2, 2) * 1000
        pipe = window * 1000
        for segs, advanced, lost in acks:
            delivered = min(segs * 1000, pipe)
            if delivered <= 0:
                break
            pipe -= delivered
            cwnd = prr.on_ack(delivered, pipe, ssthresh, 1000, advanced, lost)
            count = (cwnd - pipe) // 1000 * 1000
            assert count >= 0
            prr.out += count
            pipe += count
            assert pipe <= max(window * 1000, ssthresh)
            if pipe > ssthresh:
                assert prr.out <= -(-prr.delivered * ssthresh // (window * 1000)) + 1000


def plain_rack(now: int, records: list[Sent], rack: Rack, limit: int) -> tuple[list[Sent], int]:
    """RFC 8985 §6.2 step 5, over all segments: what is newly lost, and how long to wait (-1: no suspect)."""
    lost = []
    wait = -1
    for record in records:
        if record.sacked or (record.lost and not record.retrans_out) or record.order >= rack.order:
            continue
        remaining = record.sent_ns + limit - now
        if remaining <= 0:
            lost.append(record)
        else:
            wait = max(wait, remaining)
    return lost, wait


class TestRack:
    @given(st.data())
    @settings(max_examples=200)
    def test_marks_what_a_plain_reading_of_the_rfc_marks(self, data: st.DataObject) -> None:
        sb = Scoreboard()
        rack = Rack()
        now = 0
        for _ in range(data.draw(st.integers(5, 60))):
            now += data.draw(st.integers(0, 3)) * MS
            step = data.draw(st.sampled_from(["send", "send", "sack", "ack", "resend", "detect"]))
            live = sb.records[sb.head :]
            if step == "send":
                sb.append(sb.nxt, sb.nxt + 1000, now)
            elif step in ("sack", "ack") and live:
                sb.begin_ack(NEVER, NEVER, -1)
                record = data.draw(st.sampled_from(live))
                if step == "sack":
                    sb.apply_sack(record.start, record.end)
                else:
                    sb.ack_to(record.end)
                if sb.newest_ns >= 0:
                    rack.on_delivered(sb.newest_ns, sb.newest_order, now - sb.last_delivered_ns)
            elif step == "resend":
                record_or_none = sb.next_lost_to_resend()
                if record_or_none is not None:
                    sb.resent(record_or_none, now)
                    rack.on_resent(record_or_none)
            elif step == "detect" and rack.order:
                window = data.draw(st.integers(0, 5)) * MS
                expected, wait = plain_rack(now, live, rack, rack.rtt_ns + window)
                before = {id(x) for x in live if x.lost and not x.retrans_out}
                news = rack.mark_lost(now, sb, window)
                marked = [x for x in live if x.lost and not x.retrans_out and id(x) not in before]
                assert marked == expected
                assert news == len(expected)
                assert rack.wait_ns == wait

    def test_reordering_window(self) -> None:
        rack = Rack()
        quarter = 10 * MS
        assert rack.reordering_window(DISORDER, 2, 3, 40 * MS, 40 * MS) == quarter
        assert rack.reordering_window(DISORDER, 3, 3, 40 * MS, 40 * MS) == 0
        assert rack.reordering_window(RECOVERY, 0, 3, 40 * MS, 40 * MS) == 0
        rack.reordering_seen = 1
        assert rack.reordering_window(RECOVERY, 5, 3, 40 * MS, 40 * MS) == quarter

    def test_dsack_widens_it_once_a_round_trip_up_to_srtt_and_for_sixteen_recoveries(self) -> None:
        rack = Rack()
        rack.reordering_seen = 1
        rack.on_dsack(100, 200)
        rack.on_dsack(150, 250)
        assert rack.reo_wnd_mult == 2
        rack.on_dsack(200, 300)
        assert rack.reordering_window(OPEN, 0, 3, 40 * MS, 200 * MS) == 30 * MS
        assert rack.reordering_window(OPEN, 0, 3, 40 * MS, 25 * MS) == 25 * MS
        for _ in range(15):
            rack.on_recovery_ended()
        assert rack.reo_wnd_mult == 3
        rack.on_recovery_ended()
        assert rack.reo_wnd_mult == 1
