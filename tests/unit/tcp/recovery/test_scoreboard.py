"""The scoreboard against a model that keeps one set of octets and one set of marks, and counts from scratch."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from netsim.tcp.recovery.scoreboard import NEVER, SENT_EOR, SENT_FIN, SENT_PUSH, SENT_SYN, Scoreboard, Sent

MSS = 10


def board(count: int, start: int = 1) -> Scoreboard:
    sb = Scoreboard()
    for i in range(count):
        sb.append(start + i * MSS, start + (i + 1) * MSS, i)
    return sb


def begin(sb: Scoreboard, high: int = NEVER) -> None:
    sb.begin_ack(high, NEVER, -1)


def test_ack_of_whole_records_and_a_part() -> None:
    sb = board(4)
    begin(sb)
    assert sb.ack_to(25) == 24
    assert (sb.acked_segs, sb.una, sb.packets_out()) == (2, 25, 2)
    assert repr(sb.first()) == "Sent[25,31)x1"
    begin(sb)
    assert sb.ack_to(41) == 16
    assert sb.packets_out() == 0
    assert sb.first() is None
    assert sb.last() is None


def test_a_block_is_taken_once_and_growth_by_its_new_part() -> None:
    sb = board(10)
    begin(sb)
    sb.apply_sack(21, 41)
    assert (sb.sack_new_segs, sb.sack_new_bytes, sb.sacked_out) == (2, 20, 2)
    begin(sb)
    sb.apply_sack(21, 41)
    assert sb.sack_new_segs == 0
    sb.apply_sack(21, 51)
    assert (sb.sack_new_segs, sb.sacked_out) == (1, 3)
    sb.apply_sack(61, 71)
    assert sb.ranges.pairs() == [(21, 51), (61, 71)]
    sb.apply_sack(11, 81)
    assert sb.ranges.pairs() == [(11, 81)]
    assert sb.sacked_out == 7
    assert sb.highest_sacked() == 81


def test_a_partly_reported_record_is_not_sacked_until_the_rest_is() -> None:
    sb = board(3)
    begin(sb)
    sb.apply_sack(15, 21)
    assert sb.sacked_out == 0
    sb.apply_sack(11, 15)
    assert sb.sacked_out == 1
    assert repr(sb.records[1]) == "Sent[11,21)Sx1"


def test_reordering_is_a_hole_filled_by_what_was_sent_once() -> None:
    sb = board(6)
    begin(sb)
    sb.apply_sack(41, 51)
    assert sb.sack_reord == NEVER
    sb.resent(sb.records[0], 9)
    begin(sb)
    sb.apply_sack(1, 11)
    assert sb.sack_reord == NEVER
    sb.apply_sack(21, 31)
    assert sb.sack_reord == 21


def test_a_lost_record_is_resent_lowest_first_and_once() -> None:
    sb = board(5)
    begin(sb)
    for i in (3, 0, 2):
        assert sb.mark_lost(sb.records[i])
    assert not sb.mark_lost(sb.records[3])
    assert sb.lost_out == 3
    for i in (0, 2, 3):
        record = sb.next_lost_to_resend()
        assert record is sb.records[i]
        sb.resent(record, 10 + i)
    assert sb.next_lost_to_resend() is None
    assert (sb.lost_out, sb.retrans_out, sb.in_flight_segs()) == (3, 3, 5)
    # The copy is lost as well.
    assert sb.mark_lost(sb.records[2])
    assert (sb.lost_out, sb.retrans_out) == (3, 2)
    assert sb.next_lost_to_resend() is sb.records[2]


def test_a_queued_record_that_arrives_after_all_is_not_resent() -> None:
    sb = board(5)
    begin(sb)
    sb.mark_lost(sb.records[0])
    sb.mark_lost(sb.records[1])
    sb.apply_sack(1, 11)
    assert sb.next_lost_to_resend() is sb.records[1]
    begin(sb)
    sb.ack_to(21)
    assert sb.next_lost_to_resend() is None
    assert (sb.lost_out, sb.sacked_out) == (0, 0)


def test_timeout_marks_all_but_the_sacked_and_the_recent() -> None:
    sb = board(5)
    begin(sb)
    sb.apply_sack(11, 21)
    sb.resent(sb.records[0], 9)
    sb.mark_all_lost(keep_after_ns=3)
    assert [record.lost for record in sb.records] == [True, False, True, True, False]
    assert sb.retrans_out == 0
    assert sb.next_lost_to_resend() is sb.records[0]


def test_reneging_shows_and_is_cleared() -> None:
    sb = board(4)
    begin(sb)
    sb.apply_sack(11, 21)
    begin(sb)
    sb.ack_to(11)
    assert sb.reneging
    sb.clear_sacked()
    sb.mark_all_lost()
    assert (sb.sacked_out, sb.lost_out, sb.highest_sacked()) == (0, 3, 11)


def test_split_keeps_marks_and_counts() -> None:
    sb = Scoreboard()
    sb.append(0, 1, 0, SENT_SYN)
    sb.append(1, 31, 5, SENT_PUSH | SENT_FIN)
    record = sb.records[1]
    sb.mark_lost(record)
    right = sb.split(record, 11)
    assert (record.start, record.end, record.flags) == (1, 11, 0)
    assert (right.start, right.end, right.flags) == (11, 31, SENT_PUSH | SENT_FIN)
    assert (sb.lost_out, sb.lost_bytes, sb.packets_out()) == (2, 30, 3)
    begin(sb)
    sb.ack_to(11)
    assert sb.next_lost_to_resend() is right


def test_join_is_the_opposite_of_split() -> None:
    sb = Scoreboard()
    sb.append(0, 1, 0, SENT_SYN)
    sb.append(1, 31, 5, SENT_PUSH | SENT_FIN)
    record = sb.records[1]
    sb.mark_all_lost()
    right = sb.split(record, 11)
    sb.resent(right, 7)
    assert sb.join(record)
    assert (record.start, record.end, record.flags) == (1, 31, SENT_PUSH | SENT_FIN)
    assert (sb.lost_out, sb.lost_bytes, sb.retrans_out, sb.packets_out()) == (2, 31, 0, 2)
    assert record.transmissions == 2  # Karn: a part of it was sent twice
    assert not sb.join(sb.records[0])  # a SYN stays alone


def test_whoever_still_holds_a_joined_record_finds_it_acknowledged() -> None:
    """RACK keeps the copies that it has seen leave: one that is part of another record now must not be judged."""
    sb = board(3)
    sb.mark_all_lost()
    held = sb.records[1]
    sb.resent(held, 5)
    assert sb.join(sb.records[0])
    assert held.end <= sb.una
    assert not (held.lost)
    assert not (held.retrans_out)
    assert not (held.sacked)


def test_what_must_stay_apart_is_not_joined() -> None:
    sb = board(4)
    begin(sb)
    sb.apply_sack(11, 21)
    assert not sb.join(sb.records[0])
    assert not sb.join(sb.records[1])
    sb.records[2].flags |= SENT_EOR
    assert not sb.join(sb.records[2])
    assert not sb.join(sb.records[3])  # nothing follows


def test_lost_threshold_by_ranges_and_by_bytes() -> None:
    sb = board(12)
    begin(sb)
    sb.apply_sack(21, 31)
    sb.apply_sack(41, 51)
    assert sb.ranges.lost_threshold(3, MSS) == 0
    sb.apply_sack(61, 71)  # the third range; and 30 bytes > 2 * MSS
    assert sb.ranges.lost_threshold(3, MSS) == 21
    sb.apply_sack(71, 91)
    assert sb.ranges.lost_threshold(3, MSS) == 61


def test_memory_stays_with_what_is_outstanding() -> None:
    sb = Scoreboard()
    nxt = 1
    for i in range(20000):
        sb.append(nxt, nxt + MSS, i)
        nxt += MSS
        if i >= 50:
            begin(sb)
            sb.ack_to(nxt - 50 * MSS)
    assert len(sb.records) < 2200
    assert sb.packets_out() == 50


@given(
    st.integers(1, 30),
    st.lists(st.tuples(st.integers(0, 320), st.integers(1, 80)), max_size=12),
    st.integers(1, 5),
)
@settings(max_examples=150)
def test_lost_threshold_is_is_lost_for_every_octet(count: int, blocks: list[tuple[int, int]], thresh: int) -> None:
    """RFC 6675 §4, literally, octet by octet."""
    sb = board(count)
    begin(sb)
    sacked: set[int] = set()
    for start, size in blocks:
        sb.apply_sack(start, start + size)
        sacked |= set(range(max(start, sb.una), min(start + size, sb.nxt)))
    threshold = sb.ranges.lost_threshold(thresh, MSS)
    for octet in range(sb.una, sb.nxt):
        if octet in sacked:
            continue
        above = [x for x in sacked if x > octet]
        ranges = sum(1 for x in above if x - 1 not in sacked)
        is_lost = ranges >= thresh or len(above) > (thresh - 1) * MSS
        assert (octet < threshold) == is_lost


class Model(RuleBasedStateMachine):
    """Random operations; after each, everything is counted anew."""

    @initialize(count=st.integers(1, 40))
    def start(self, count: int) -> None:
        self.sb = board(count)
        self.now = 1000
        self.octets: set[int] = set()

    def live(self) -> list[Sent]:
        return self.sb.records[self.sb.head :]

    @rule(size=st.integers(1, MSS))
    def send(self, size: int) -> None:
        self.now += 1
        self.sb.append(self.sb.nxt, self.sb.nxt + size, self.now)

    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        begin(self.sb)
        una = data.draw(st.integers(self.sb.una, self.sb.nxt))
        undelivered = 0
        for record in self.live():
            for octet in range(record.start, min(record.end, una)):
                undelivered += not record.sacked and octet < una
        assert self.sb.ack_to(una) == undelivered
        assert self.sb.una == max(una, self.sb.una)
        self.octets = {octet for octet in self.octets if octet >= una}

    @rule(start=st.integers(-20, 400), size=st.integers(1, 90))
    def sack(self, start: int, size: int) -> None:
        begin(self.sb)
        start += self.sb.una
        before = {id(record) for record in self.live() if record.sacked}
        self.sb.apply_sack(start, start + size)
        self.octets |= set(range(max(start, self.sb.una), min(start + size, self.sb.nxt)))
        new = [record for record in self.live() if record.sacked and id(record) not in before]
        assert self.sb.sack_new_segs == len(new)
        for record in self.live():
            if all(octet in self.octets for octet in range(record.start, record.end)):
                assert record.sacked

    @rule(start=st.integers(0, 400), size=st.integers(1, 30))
    def dsack(self, start: int, size: int) -> None:
        begin(self.sb)
        start += self.sb.una
        self.sb.apply_dsack(start, start + size)
        self.octets |= set(range(start, min(start + size, self.sb.nxt)))

    @precondition(lambda self: self.live())
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        self.sb.mark_lost(data.draw(st.sampled_from(self.live())))

    @rule()
    def resend(self) -> None:
        record = self.sb.next_lost_to_resend()
        lost = [x for x in self.live() if x.lost and not x.retrans_out]
        assert record is (lost[0] if lost else None)
        if record is not None:
            self.now += 1
            self.sb.resent(record, self.now)

    @precondition(lambda self: any(x.end - x.start > 1 for x in self.live()))
    @rule(data=st.data())
    def split(self, data: st.DataObject) -> None:
        record = data.draw(st.sampled_from([x for x in self.live() if x.end - x.start > 1]))
        self.sb.split(record, data.draw(st.integers(record.start + 1, record.end - 1)))

    @precondition(lambda self: self.live())
    @rule(data=st.data())
    def join(self, data: st.DataObject) -> None:
        live = self.live()
        index = data.draw(st.integers(0, len(live) - 1))
        record = live[index]
        right = live[index + 1] if index + 1 < len(live) else None
        end = right.end if right is not None else record.end
        joined = self.sb.join(record)
        assert joined == (right is not None and not record.sacked and not right.sacked)
        assert record.end == (end if joined else live[index].end)

    @rule()
    def timeout(self) -> None:
        self.sb.mark_all_lost()
        # What arrived twice, or will: the peer has it, a copy is still under way.
        assert self.sb.in_flight_segs() == sum(x.sacked and x.retrans_out for x in self.live())

    @rule()
    def undo(self) -> None:
        self.sb.unmark_lost()

    @invariant()
    def counts_are_right(self) -> None:
        if not hasattr(self, "sb"):
            return
        sb, live = self.sb, self.live()
        assert sb.packets_out() == len(live)
        for mark, segs, size in (
            ("sacked", sb.sacked_out, sb.sacked_bytes),
            ("lost", sb.lost_out, sb.lost_bytes),
            ("retrans_out", sb.retrans_out, sb.retrans_bytes),
        ):
            marked = [record for record in live if getattr(record, mark)]
            assert segs == len(marked)
            assert size == sum(record.end - record.start for record in marked)
        ranges = sb.ranges.pairs()
        assert {octet for a, b in ranges for octet in range(a, b)} == self.octets
        assert all(a < b for a, b in ranges)
        assert all(ranges[i][1] < ranges[i + 1][0] for i in range(len(ranges) - 1))
        assert not any(record.sacked and record.lost for record in live)
        at = sb.una
        for record in live:
            assert record.start == at < record.end
            at = record.end

    @invariant()
    def searches_are_right(self) -> None:
        if not hasattr(self, "sb") or not self.live():
            return
        sb, live = self.sb, self.live()
        for offset in (sb.una, (sb.una + sb.nxt) // 2, sb.nxt):
            unsacked = [x for x in live if x.end > offset and not x.sacked]
            assert sb.first_unsacked_from(offset, sb.nxt) is (unsacked[0] if unsacked else None)
            below = [x for x in live if x.start < offset and not x.sacked]
            assert sb.last_unsacked_below(offset) is (below[-1] if below else None)


Model.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
test_model = Model.TestCase
