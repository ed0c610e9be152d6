from __future__ import annotations

import itertools

import pytest

from netsim.base.errors import UsageError
from netsim.base.events import LinkChanged, PacketDropped, PacketImpaired
from netsim.base.packet import ECT0, UdpDatagram
from netsim.base.units import MS, SEC
from netsim.sim import reasons
from netsim.sim.link import LinkSettings
from netsim.sim.queue import CoDel, DropTail, Red, StepMark

from .helpers import A, B, Pair, segment

MBIT = 10**6


def test_a_packet_arrives_after_serialisation_and_delay() -> None:
    pair = Pair(LinkSettings(8 * MBIT, 50 * MS))
    pair.send_data(960)  # 1000 bytes at a byte per microsecond
    pair.sim.run()
    assert pair.b.times() == [51 * MS]


def test_packets_are_serialised_one_after_another_and_fractions_are_carried_over() -> None:
    # 41 bytes at 3 bit/ns-ish rates do not divide evenly: 328 bits at 3 Gbit/s = 109 1/3 ns each
    pair = Pair(LinkSettings(3 * 10**9, 0))
    for _ in range(3):
        pair.send_data(1)
    pair.sim.run()
    assert pair.b.times() == [109, 218, 328]


def test_an_infinitely_fast_link_only_delays() -> None:
    pair = Pair(LinkSettings(0, 7))
    pair.send_data(1)
    pair.send_data(1)
    pair.sim.run()
    assert pair.b.times() == [7, 7]
    assert pair.b.uids() == [1, 2]


def test_the_two_directions_are_independent() -> None:
    pair = Pair(LinkSettings(8 * MBIT, 1 * MS))
    pair.send_data(960)
    pair.send(segment(960, src=B, dst=A), pair.b)
    pair.sim.run()
    assert pair.a.times() == pair.b.times() == [2 * MS]


def test_drop_tail_counts_those_that_wait_not_the_one_being_sent() -> None:
    pair = Pair(LinkSettings(8 * MBIT, 0), queue=DropTail(2))
    for _ in range(4):
        pair.send_data(960)
    pair.sim.run()
    assert pair.b.uids() == [1, 2, 3]
    dropped = [event for event in pair.sink.events if isinstance(event, PacketDropped)]
    assert [(event.packet.uid, event.reason, event.where) for event in dropped] == [(4, reasons.QUEUE_FULL, "a-b")]


def test_drop_tail_has_room_again_once_a_packet_began_to_be_sent() -> None:
    pair = Pair(LinkSettings(8 * MBIT, 0), queue=DropTail(1))
    pair.send_data(960)
    pair.send_data(960)
    pair.sim.run(until_ns=1 * MS - 1)
    pair.send_data(960)  # dropped: packet 2 still waits
    pair.sim.run(until_ns=1 * MS)
    pair.send_data(960)
    pair.sim.run()
    assert pair.b.uids() == [1, 2, 4]


def test_a_queue_limited_in_bytes() -> None:
    pair = Pair(LinkSettings(8 * MBIT, 0), queue=DropTail(0, limit_bytes=1500))
    for length in (960, 960, 460, 0):
        pair.send_data(length)
    pair.sim.run()
    assert pair.b.uids() == [1, 2, 3]


def test_jitter_delays_but_keeps_the_order() -> None:
    pair = Pair(LinkSettings(0, 1 * MS, jitter_ns=10 * MS))
    for t in range(50):
        pair.sim.run(until_ns=t * MS)
        pair.send_data(1)
    pair.sim.run()
    assert pair.b.uids() == list(range(1, 51))
    assert pair.b.times() == sorted(pair.b.times())
    assert pair.b.times() != [(t + 1) * MS for t in range(50)]


def test_jitter_may_reorder_where_allowed() -> None:
    pair = Pair(LinkSettings(0, 1 * MS, jitter_ns=10 * MS, allow_reordering=True))
    for t in range(50):
        pair.sim.run(until_ns=t * MS)
        pair.send_data(1)
    pair.sim.run()
    assert pair.b.uids() != list(range(1, 51))
    assert sorted(pair.b.uids()) == list(range(1, 51))


def test_a_packet_larger_than_the_mtu_is_refused() -> None:
    pair = Pair(LinkSettings(0, 0, mtu=1000))
    assert pair.send(segment(960))
    assert not pair.send(segment(961))
    assert not pair.send(UdpDatagram(A, B, 1, 2, bytes(973)))


def test_a_link_that_is_down_loses_everything_and_what_waits_but_not_what_flies() -> None:
    pair = Pair(LinkSettings(8 * MBIT, 50 * MS))
    for _ in range(3):
        pair.send_data(960)
    pair.sim.run(until_ns=1 * MS + 1)  # packet 1 flies, 2 is being sent, 3 waits
    pair.link.change(pair.sim.now_ns, up=False)
    pair.send_data(960)
    pair.sim.run(until_ns=2 * SEC)
    assert pair.b.uids() == [1, 2]
    pair.link.change(pair.sim.now_ns, up=True)
    pair.send_data(960)
    pair.sim.run()
    assert pair.b.times()[2:] == [2 * SEC + 51 * MS]
    assert [e.detail for e in pair.sink.events if isinstance(e, LinkChanged)] == ["down", "up"]


def test_a_new_rate_holds_for_the_packets_that_wait() -> None:
    pair = Pair(LinkSettings(8 * MBIT, 5 * MS))
    for _ in range(3):
        pair.send_data(960)
    pair.sim.run(until_ns=MS // 2)
    pair.link.change(pair.sim.now_ns, rate_bps=4 * MBIT)
    pair.sim.run()
    assert pair.b.times() == [6 * MS, 8 * MS, 10 * MS]


def test_a_faster_rate_lets_waiting_packets_come_earlier() -> None:
    pair = Pair(LinkSettings(8 * MBIT, 5 * MS))
    for _ in range(3):
        pair.send_data(960)
    pair.link.change(0, rate_bps=16 * MBIT)
    pair.send_data(960)
    pair.sim.run()
    assert pair.b.times() == [6 * MS, 6 * MS + MS // 2, 7 * MS, 7 * MS + MS // 2]


def test_a_change_of_one_direction_only() -> None:
    pair = Pair(LinkSettings(0, 5))
    pair.link.change(0, delay_ns=9, from_node="b")
    pair.send_data(1)
    pair.send(segment(1, src=B, dst=A), pair.b)
    pair.sim.run()
    assert (pair.b.times(), pair.a.times()) == ([5], [9])
    with pytest.raises(UsageError, match="not an end"):
        pair.link.change(0, delay_ns=9, from_node="c")


def test_a_shorter_delay_does_not_reorder() -> None:
    pair = Pair(LinkSettings(0, 50))
    pair.send_data(1)
    pair.link.change(0, delay_ns=5)
    pair.send_data(1)
    pair.sim.run()
    assert pair.b.uids() == [1, 2]


def test_what_flies_can_be_looked_at_taken_out_delayed_and_duplicated() -> None:
    pair = Pair(LinkSettings(8 * MBIT, 50 * MS))
    for _ in range(4):
        pair.send_data(960)
    flights = pair.net.in_flight()
    assert [(f.packet.uid, f.starts_ns, f.arrives_ns) for f in flights] == [
        (1, 0, 51 * MS), (2, 1 * MS, 52 * MS), (3, 2 * MS, 53 * MS), (4, 3 * MS, 54 * MS),
    ]  # fmt: skip
    channel = pair.link.forward
    assert channel.take_out(0, 1) is not None
    assert channel.take_out(0, 1) is None
    assert channel.postpone(0, 2, 10 * MS)
    assert channel.replicate(0, 3)
    edited = segment(10)
    edited.uid = 4
    assert channel.replace(0, 4, edited)
    assert not channel.postpone(0, 77, 1)
    pair.sim.run()
    assert pair.b.uids() == [3, 5, 4, 2]
    assert pair.b.times() == [53 * MS, 53 * MS, 54 * MS, 62 * MS]
    assert pair.b.got[1][1].copy_of == 3
    assert pair.b.got[2][1] is edited
    assert pair.net.in_flight() == []


def test_step_mark_marks_ecn_capable_packets_and_leaves_the_record_alone() -> None:
    pair = Pair(LinkSettings(8 * MBIT, 0), queue=StepMark(mark_packets=1))
    packets = [segment(960) for _ in range(4)]
    for packet in packets:
        packet.tos = ECT0
    packets[3].tos = 0
    for packet in packets:
        pair.send(packet)
    pair.sim.run()
    assert [packet.tos for _, packet in pair.b.got] == [2, 2, 3, 0]
    assert [packet.tos for packet in packets] == [2, 2, 2, 0]
    marks = [event for event in pair.sink.events if isinstance(event, PacketImpaired)]
    assert [event.reason for event in marks] == [reasons.QUEUE_MARK]


def test_red_drops_nothing_while_short_some_while_growing_and_all_when_long() -> None:
    pair = Pair(LinkSettings(0, 0))
    red = Red(pair.sim.rng("red"), 5, 15, 50)
    assert all(red.admit(0, 0, 3, 0, 1000, False) == 0 for _ in range(5000))
    fates = [red.admit(0, 0, 10, 0, 1000, False) for _ in range(20000)]
    late = fates[5000:]
    assert 0.01 < late.count(2) / len(late) < 0.03  # about 1/100 halfway, spread evenly: RED's 1 / (1/p/2)
    for _ in range(20000):
        fate = red.admit(0, 0, 40, 0, 1000, False)
    assert fate == 2
    assert red.admit(0, 0, 40, 0, 1000, True) == 3


def test_codel_lets_a_short_burst_pass_and_drops_at_growing_pace_under_standing_delay() -> None:
    codel = CoDel(5 * MS, 100 * MS)
    assert all(codel.admit(t * MS, 20 * MS, 9, 9000, 1000, False) == 0 for t in range(100))
    drops = [t for t in range(100, 1000) if codel.admit(t * MS, 20 * MS, 9, 9000, 1000, False)]
    gaps = [b - a for a, b in itertools.pairwise(drops)]
    # RFC 8289 §5.5: interval / sqrt(count): 100, 70.7, 57.7, 50, ...
    assert gaps[:4] == pytest.approx([100, 71, 58, 50], abs=1.5)
    assert codel.admit(1000 * MS, 4 * MS, 9, 9000, 1000, False) == 0
    assert codel.admit(1001 * MS, 20 * MS, 9, 9000, 1000, False) == 0


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(UsageError, match="negative"):
        LinkSettings(-1)
    with pytest.raises(UsageError, match="MTU of 67"):
        LinkSettings(0, 0, mtu=67)
