"""Micro-benchmarks of the hot paths, with pytest-benchmark.

pytest benchmarks/micro.py --benchmark-autosave                # store a run
pytest benchmarks/micro.py --benchmark-compare --benchmark-compare-fail=median:20%

The tests run each of them once, without a clock, so that none goes stale.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import captures
from netsim.base.packet import ACK, OPT_NOP, OPT_TS, Segment
from netsim.base.seqnum import seq_in, seq_lt
from netsim.sim.kernel import Action, Simulator
from netsim.tcp.reassembly import Reassembly
from netsim.tcp.recovery.scoreboard import NEVER, Scoreboard
from netsim.tcp.rtt import RttConfig, make_rtt_estimator
from netsim.wire.checksum import checksum
from netsim.wire.codec import decode_packet, encode_packet

MSS = 1448


def _segment() -> Segment:
    segment = Segment("10.0.0.1", "10.0.0.2", 40000, 80, 1, 1, ACK, 65000, bytes(MSS))
    segment.layout = bytes((OPT_NOP, OPT_NOP, OPT_TS))
    return segment


def test_comparing_sequence_numbers(timed: Any) -> None:
    """A thousand comparisons around the wrap."""

    def work() -> int:
        return sum(seq_lt(0xFFFFFF00, number) + seq_in(number, 0xFFFFFF00, 512) for number in range(1000))

    assert timed(work) == 1000 + 256


def test_making_a_segment(timed: Any) -> None:
    assert timed(_segment).options_bytes() == 12


def test_encoding_a_segment(timed: Any) -> None:
    segment = _segment()
    assert len(timed(lambda: encode_packet(segment))) == 40 + 12 + MSS


def test_decoding_a_segment(timed: Any) -> None:
    data = encode_packet(_segment())
    assert isinstance(timed(lambda: decode_packet(data)), Segment)


def test_checksum_of_a_segment(timed: Any) -> None:
    data = bytes(range(250)) * 6
    assert 0 <= timed(lambda: checksum(data)) <= 0xFFFF


class _Again(Action):
    """Schedules itself anew until a thousand runs are over."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.left = 1000

    def run(self, now_ns: int) -> bool:
        self.left -= 1
        if self.left > 0:
            self.simulator.schedule(now_ns + 1000, 0, self)
        return True


def test_a_thousand_events(timed: Any) -> None:
    def work() -> int:
        simulator = Simulator()
        simulator.schedule(0, 0, _Again(simulator))
        return simulator.run()

    assert timed(work) == 1000


def test_a_thousand_round_trips(timed: Any) -> None:
    def work() -> int:
        estimator = make_rtt_estimator(RttConfig())
        for number in range(1000):
            sample = 20_000_000 + number % 7 * 100_000
            estimator.sample(sample, sample, number * MSS, (number + 10) * MSS)
        return estimator.srtt_ns

    assert 20_000_000 <= timed(work) <= 20_600_000


def test_every_other_of_a_hundred_segments_lost(timed: Any) -> None:
    """The receiver's side: holes, and then what fills them."""

    def work() -> int:
        reassembly = Reassembly()
        for index in (*range(1, 100, 2), *range(2, 100, 2)):
            reassembly.insert(index * MSS, bytes(MSS))
        return len(reassembly)

    assert timed(work) == 1


def test_a_hundred_segments_sent_and_acknowledged(timed: Any) -> None:
    """The sender's side: records of what is outstanding."""

    def work() -> int:
        board = Scoreboard()
        for index in range(100):
            board.append(index * MSS, (index + 1) * MSS, index)
        for index in range(2, 101, 2):
            board.begin_ack(NEVER, NEVER, -1)
            board.ack_to(index * MSS)
        return board.una

    assert timed(work) == 100 * MSS


@pytest.mark.parametrize("name", ["three-way-handshake", "sack-recovery"])
def test_a_scenario(timed: Any, name: str) -> None:
    from netsim.scenario.loader import load
    from netsim.scenario.runner import run

    scenario = load(name)
    assert timed(lambda: run(scenario)).passed


@pytest.mark.parametrize("make", [captures.transfers, captures.flood])
def test_checking_a_thousand_packets(timed: Any, make: Any, tmp_path: Path) -> None:
    from netsim.check.engine import check_file

    path = tmp_path / "small.pcap"
    count = make(path, 1000)
    assert timed(lambda: check_file(str(path))).packets == count
