from __future__ import annotations

import pytest

from netsim.base.errors import UsageError
from netsim.base.events import PacketDropped, PacketImpaired
from netsim.base.packet import ACK, FIN, OPT_MSS, OPT_SACK_OK, OPT_WSCALE, PSH, SYN, IcmpMessage, Segment, UdpDatagram
from netsim.base.units import MS, SEC
from netsim.sim.impair import (
    Corrupt,
    Delay,
    Drop,
    Duplicate,
    Edit,
    Effect,
    Match,
    Reorder,
    Rule,
    SetCe,
    StripOption,
)
from netsim.sim.link import LinkSettings

from .helpers import A, B, Pair, segment

ISS = 2**32 - 100


def pair_with(rule: Rule, settings: LinkSettings | None = None) -> Pair:
    pair = Pair(settings or LinkSettings(0, 10 * MS))
    pair.net.add_rule(rule)
    return pair


def arrived_after(rule: Rule, packets: list) -> list[int]:
    """Indices (from 0) of the packets that arrive when all are sent at once."""
    pair = pair_with(rule)
    for packet in packets:
        pair.send(packet)
    pair.sim.run()
    return [uid - 1 for uid in pair.b.uids()]


def stream() -> list[Segment]:
    """SYN, three data segments of 100, the second again, FIN."""
    return [
        segment(0, ISS, SYN),
        segment(100, ISS + 1),
        segment(100, ISS + 101),
        segment(100, ISS + 201),
        segment(100, ISS + 101),
        segment(0, ISS + 301, FIN | ACK),
    ]


@pytest.mark.parametrize(
    ("match", "lost"),
    [
        (Match(), [0, 1, 2, 3, 4, 5]),
        (Match(flags_set=SYN), [0]),
        (Match(flags_set=FIN), [5]),
        (Match(flags_set=ACK, flags_clear=FIN), [1, 2, 3, 4]),
        (Match(data=1), [1, 2, 3, 4]),
        (Match(data=0), [0, 5]),
        (Match(length=100), [1, 2, 3, 4]),
        (Match(bytes_from=100, bytes_to=101), [2, 4]),
        (Match(bytes_from=99, bytes_to=101), [1, 2, 4]),
        (Match(bytes_from=200), [3]),
        (Match(bytes_to=100), [1]),
        (Match(seq_from=1, seq_count=1), [2, 4]),
        (Match(seq_from=ISS, seq_count=1), [0]),
        (Match(resent=1), [4]),
        (Match(resent=0, data=1), [1, 2, 3]),
        (Match(uid=3), [2]),
        (Match(from_host="a"), [0, 1, 2, 3, 4, 5]),
        (Match(from_host="b"), []),
        (Match(to_host="b", sport=1000, dport=80), [0, 1, 2, 3, 4, 5]),
        (Match(sport=1), []),
        (Match(dst=A), []),
        (Match(kind="udp"), []),
        (Match(kind="tcp", src=A), [0, 1, 2, 3, 4, 5]),
        (Match(states=("ESTABLISHED",)), [0, 1, 2, 3, 4, 5]),
        (Match(states=("LISTEN", "TIME-WAIT")), []),
    ],
)
def test_a_match_means_these_packets(match: Match, lost: list[int]) -> None:
    arrived = arrived_after(Rule("r", match, [Drop()]), stream())
    assert [index for index in range(6) if index not in arrived] == lost


@pytest.mark.parametrize(
    ("limits", "lost"),
    [
        ({"nth": (2,)}, [1]),
        ({"nth": (1, 4)}, [0, 3]),
        ({"every": 2}, [1, 3, 5]),
        ({"count": 2}, [0, 1]),
        ({"every": 2, "count": 1}, [1]),
        ({"nth": (9,)}, []),
    ],
)
def test_nth_every_and_count_choose_among_the_matches(limits: dict, lost: list[int]) -> None:
    arrived = arrived_after(Rule("r", Match(), [Drop()], **limits), stream())
    assert [index for index in range(6) if index not in arrived] == lost


def test_a_time_window_includes_its_start_and_not_its_end() -> None:
    pair = pair_with(Rule("r", Match(after_ns=5 * MS, before_ns=7 * MS), [Drop()]))
    for t in (4, 5, 6, 7):
        pair.sim.run(until_ns=t * MS)
        pair.send_data(1)
    pair.sim.run()
    assert pair.b.uids() == [1, 4]


def test_a_new_incarnation_starts_its_stream_at_zero_again() -> None:
    packets = [*stream(), segment(0, 5_000, SYN), segment(100, 5_001)]
    assert arrived_after(Rule("r", Match(bytes_from=0, bytes_to=100), [Drop()]), packets) == [0, 2, 3, 4, 5, 6]


def test_stream_offsets_grow_past_the_sequence_space() -> None:
    pair = pair_with(Rule("r", Match(bytes_from=2**32 + 5_000), [Drop()]))
    pair.send(segment(0, ISS, SYN))
    seq = ISS + 1
    for _ in range(5):
        pair.send(segment(1, seq + 2**30 - 1))
        seq += 2**30
    pair.sim.run()
    assert len(pair.b.got) == 5, "the last one lies beyond 2^32 bytes of the stream"


def test_other_kinds_of_packets_match_by_kind_address_and_data() -> None:
    udp = UdpDatagram(A, B, 7, 8, b"x")
    icmp = IcmpMessage(A, B, 8, 0)
    assert arrived_after(Rule("r", Match(kind="udp"), [Drop()]), [udp, icmp]) == [1]
    udp = UdpDatagram(A, B, 7, 8, b"x")
    assert arrived_after(Rule("r", Match(kind="icmp"), [Drop()]), [udp, icmp]) == [0]
    assert arrived_after(Rule("r", Match(dport=8, data=1), [Drop()]), [udp, icmp]) == [1]
    assert arrived_after(Rule("r", Match(flags_set=ACK), [Drop()]), [udp, icmp]) == [0, 1]


def test_a_drop_names_its_rule_and_ends_the_judgement() -> None:
    pair = pair_with(Rule("first", Match(), [Drop()], count=1))
    pair.net.add_rule(Rule("second", Match(), [Drop()], count=1))
    for _ in range(3):
        pair.send_data(1)
    pair.sim.run()
    drops = [(e.packet.uid, e.rule, e.where) for e in pair.sink.events if isinstance(e, PacketDropped)]
    assert drops == [(1, "first", "a-b"), (2, "second", "a-b")]
    assert pair.b.uids() == [3]


def test_a_lost_packet_took_its_time_on_the_wire() -> None:
    pair = pair_with(Rule("r", Match(), [Drop()], count=1), LinkSettings(8_000_000, 0))
    pair.send_data(960)
    pair.send_data(960)
    pair.sim.run()
    assert pair.b.times() == [2 * MS]


def test_a_delayed_packet_is_overtaken() -> None:
    pair = pair_with(Rule("late", Match(), [Delay(25 * MS)], count=1))
    for _ in range(3):
        pair.send_data(1)
    pair.sim.run()
    assert pair.b.uids() == [2, 3, 1]
    assert pair.b.times() == [10 * MS, 10 * MS, 35 * MS]
    assert [(e.what, e.rule, e.packet.uid) for e in pair.sink.events if isinstance(e, PacketImpaired)] == [
        ("delay", "late", 1)
    ]


def test_duplicates_follow_with_numbers_of_their_own() -> None:
    pair = pair_with(Rule("twice more", Match(), [Duplicate(2)], count=1))
    pair.send_data(1)
    pair.send_data(1)
    pair.sim.run()
    assert [(p.uid, p.copy_of) for _, p in pair.b.got] == [(1, 0), (2, 1), (3, 1), (4, 0)]
    notes = [e for e in pair.sink.events if isinstance(e, PacketImpaired)]
    assert [(e.what, e.rule, e.packet.copy_of) for e in notes] == [("duplicate", "twice more", 1)] * 2


def test_a_reordered_packet_waits_until_so_many_have_passed() -> None:
    pair = pair_with(Rule("aside", Match(), [Reorder(2)], count=1))
    for t in range(4):
        pair.sim.run(until_ns=t * MS)
        pair.send_data(1)
    pair.sim.run()
    assert pair.b.uids() == [2, 3, 1, 4]
    assert pair.b.times() == [11 * MS, 12 * MS, 12 * MS, 13 * MS]


def test_a_reordered_packet_arrives_in_the_end_if_nobody_passes() -> None:
    pair = pair_with(Rule("aside", Match(), [Reorder(1, at_most_ns=SEC)], count=1))
    pair.send_data(1)
    pair.sim.run()
    assert pair.b.times() == [SEC + 10 * MS]


def test_a_lost_packet_does_not_count_as_having_passed() -> None:
    pair = pair_with(Rule("aside", Match(uid=1), [Reorder(1)]))
    pair.net.add_rule(Rule("loss", Match(uid=2), [Drop()]))
    for _ in range(3):
        pair.send_data(1)
    pair.sim.run()
    assert pair.b.uids() == [3, 1]


def test_corruption_and_marks_change_a_copy() -> None:
    effects: list[tuple[Effect, str]] = [(Corrupt(), "corrupt"), (SetCe(), "edit")]
    for effect, what in effects:
        pair = pair_with(Rule("r", Match(), [effect]))
        sent = pair.send_data(1)
        pair.sim.run()
        got = pair.b.got[0][1]
        assert (got.corrupted, got.tos) == ((True, 0) if what == "corrupt" else (False, 3))
        assert (sent.corrupted, sent.tos) == (False, 0)
        assert got.uid == sent.uid
        assert [e.what for e in pair.sink.events if isinstance(e, PacketImpaired)] == [what]


def test_fields_are_set_or_moved_modulo_their_width() -> None:
    pair = pair_with(Rule("r", Match(), [Edit("seq", -10, add=True), Edit("wnd", 7), Edit("payload", b"xyz")]))
    pair.send(segment(1, 5, ACK | PSH))
    pair.sim.run()
    got = pair.b.got[0][1]
    assert isinstance(got, Segment)
    assert (got.seq, got.wnd, got.payload) == (2**32 - 5, 7, b"xyz")


def test_an_edit_of_a_field_that_the_packet_lacks_does_nothing() -> None:
    pair = pair_with(Rule("r", Match(), [Edit("seq", 1)]))
    pair.send(UdpDatagram(A, B, 1, 2, b"x"))
    pair.sim.run()
    assert len(pair.b.got) == 1


def test_impossible_edits_are_refused() -> None:
    with pytest.raises(UsageError, match="no field 'sequence'"):
        Edit("sequence", 1)
    with pytest.raises(UsageError, match="only set"):
        Edit("payload", 1, add=True)


def test_a_stripped_option_leaves_nops() -> None:
    pair = pair_with(Rule("middlebox", Match(), [StripOption(OPT_WSCALE)]))
    syn = segment(0, 0, SYN)
    syn.opt_mss, syn.opt_wscale, syn.sack_ok = 1460, 7, True
    syn.layout = bytes((OPT_MSS, 1, OPT_WSCALE, 1, 1, OPT_SACK_OK))
    pair.send(syn)
    pair.sim.run()
    got = pair.b.got[0][1]
    assert isinstance(got, Segment)
    assert OPT_WSCALE not in got.layout
    assert got.options_bytes() == syn.options_bytes() == 12
    assert OPT_WSCALE in syn.layout


def test_a_rule_on_a_link_and_unknown_links() -> None:
    pair = Pair(LinkSettings())
    pair.net.add_rule(Rule("r", Match(), [Drop()], count=1), link="a-b")
    pair.send_data(1)
    pair.send_data(1)
    pair.sim.run()
    assert pair.b.uids() == [2]
    with pytest.raises(UsageError, match="no link 'x'"):
        pair.net.add_rule(Rule("r", Match(), [Drop()]), link="x")
