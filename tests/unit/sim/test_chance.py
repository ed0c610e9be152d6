from __future__ import annotations

from collections import Counter

import pytest

from netsim.base.errors import UsageError
from netsim.base.units import MS
from netsim.sim.chance import (
    BurstLoss,
    Corruption,
    DelaySpikes,
    Duplication,
    During,
    Loss,
    Outages,
    RandomOutages,
    Reordering,
)
from netsim.sim.impair import Impairer
from netsim.sim.link import LinkSettings

from .helpers import Pair

COUNT = 2000


def run_with(make, seed: int = 1, count: int = COUNT) -> Pair:
    """Send a packet each millisecond through an impairer made by `make(rng)`."""
    pair = Pair(LinkSettings(0, 5 * MS), seed=seed)
    pair.net.add_impairer("a-b", make(pair.sim.rng("chance")), "a")
    for t in range(count):
        pair.sim.run(until_ns=t * MS)
        pair.send_data(1)
    pair.sim.run()
    return pair


def test_loss_is_as_likely_as_said_and_the_same_for_a_seed() -> None:
    pair = run_with(lambda rng: Loss(rng, 0.1))
    assert 0.07 < 1 - len(pair.b.got) / COUNT < 0.13
    assert run_with(lambda rng: Loss(rng, 0.1)).b.uids() == pair.b.uids()
    assert run_with(lambda rng: Loss(rng, 0.1), seed=2).b.uids() != pair.b.uids()


def test_certainty_and_impossibility() -> None:
    assert run_with(lambda rng: Loss(rng, 1.0), count=50).b.got == []
    assert len(run_with(lambda rng: Loss(rng, 0.0), count=50).b.got) == 50


def test_burst_loss_comes_in_bursts() -> None:
    """The mean burst is 1 / p_good packets long; the share lost is p_bad / (p_bad + p_good)."""
    pair = run_with(lambda rng: BurstLoss(rng, 0.02, 0.2))
    got = set(pair.b.uids())
    lost = [uid for uid in range(1, COUNT + 1) if uid not in got]
    bursts = sum(1 for uid in lost if uid - 1 not in lost)
    assert 0.05 < len(lost) / COUNT < 0.14
    assert 3 < len(lost) / bursts < 8


def test_duplication_makes_copies() -> None:
    pair = run_with(lambda rng: Duplication(rng, 0.1))
    copies = [packet for _, packet in pair.b.got if packet.copy_of]
    assert 0.07 < len(copies) / COUNT < 0.13
    originals = Counter(packet.uid for _, packet in pair.b.got if not packet.copy_of)
    assert len(originals) == COUNT


def test_reordering_lets_later_packets_overtake_and_loses_none() -> None:
    pair = run_with(lambda rng: Reordering(rng, 0.2, 10 * MS))
    assert sorted(pair.b.uids()) == list(range(1, COUNT + 1))
    assert pair.b.uids() != sorted(pair.b.uids())
    assert all(t - (packet.uid - 1) * MS <= 15 * MS for t, packet in pair.b.got)


def test_corruption_marks_packets() -> None:
    pair = run_with(lambda rng: Corruption(rng, 0.1))
    assert 0.07 < sum(packet.corrupted for _, packet in pair.b.got) / COUNT < 0.13


def test_a_delay_spike_holds_up_all_behind_it() -> None:
    pair = run_with(lambda rng: DelaySpikes(rng, 0.01, 50 * MS))
    assert pair.b.uids() == list(range(1, COUNT + 1))
    delays = [t - (packet.uid - 1) * MS for t, packet in pair.b.got]
    assert max(delays) == 55 * MS
    assert min(delays) == 5 * MS


def test_outages_lose_what_is_sent_in_their_windows() -> None:
    pair = run_with(lambda rng: Outages([(10 * MS, 20 * MS), (30 * MS, 31 * MS)]), count=40)
    sent_at = [packet.uid - 1 for _, packet in pair.b.got]
    assert [t for t in range(40) if t not in sent_at] == [*range(10, 20), 30]


def test_random_outages_come_and_go() -> None:
    pair = run_with(lambda rng: RandomOutages(rng, 100 * MS, 20 * MS))
    got = set(pair.b.uids())
    lost = [uid for uid in range(1, COUNT + 1) if uid not in got]
    assert 0.02 < len(lost) / COUNT < 0.25
    assert any(uid + 1 in lost for uid in lost)


def test_during_limits_another_impairer_to_a_time() -> None:
    pair = run_with(lambda rng: During(10 * MS, 15 * MS, Loss(rng, 1.0)), count=20)
    assert [packet.uid - 1 for _, packet in pair.b.got] == [*range(10), *range(15, 20)]


def test_adding_one_chance_leaves_the_draws_of_another() -> None:
    def lost(*more: Impairer) -> set[int]:
        pair = Pair(LinkSettings(0, 5 * MS))
        pair.net.add_impairer("a-b", Loss(pair.sim.rng("loss"), 0.2), "a")
        for impairer in more:
            pair.net.add_impairer("a-b", impairer, "a")
        for _ in range(200):
            pair.send_data(1)
        pair.sim.run()
        return set(range(1, 201)) - {packet.uid for _, packet in pair.b.got if not packet.copy_of}

    alone = lost()
    both = Pair(LinkSettings())
    assert {uid for uid in lost(Corruption(both.sim.rng("c"), 0.3)) if uid <= 200} == alone


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_probabilities_are_checked(p: float) -> None:
    rng = Pair(LinkSettings()).sim.rng("x")
    for make in (Loss, Duplication, Corruption):
        with pytest.raises(UsageError, match="probability"):
            make(rng, p)
    with pytest.raises(UsageError, match="positive"):
        RandomOutages(rng, 0, 1)
