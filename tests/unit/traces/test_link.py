"""The link obeys: two scripted ports in place of kernels, no privileges needed."""

from __future__ import annotations

import itertools
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from traces.make import faults, wire
from traces.make.faults import Rule
from traces.make.link import Link, Path, ScriptPort

CLIENT, SERVER = "192.0.2.1", "198.51.100.1"


def packet(seq: int = 1, data: bytes = b"", flags: int = wire.ACK, **fields: object) -> bytes:
    segment = wire.Segment(seq=seq, flags=flags, payload=data, **fields)  # type: ignore[arg-type]
    return wire.packet_bytes(segment, CLIENT, 40_000, SERVER, 9_000)


@contextmanager
def running(
    rules: list[Rule], client: Path | None = None
) -> Iterator[tuple[Link, ScriptPort, Callable[[int], list[wire.Packet]]]]:
    link = Link(rules, {"client": client or Path(1.0), "server": Path(1.0)}, seed=1)
    ports = {"client": ScriptPort(), "server": ScriptPort()}
    link.start(dict(ports))

    def arrived(count: int) -> list[wire.Packet]:
        found = [wire.parse(ports["server"].inbox.get(timeout=5)) for _ in range(count)]
        link.wait_quiet(5)
        with pytest.raises(queue.Empty):
            ports["server"].inbox.get_nowait()
        return found

    try:
        yield link, ports["client"], arrived
    finally:
        link.stop()


def numbered(port: ScriptPort, count: int) -> None:
    for number in range(count):
        port.emit(packet(1 + 100 * number, bytes([number]) * 100))


def order(packets: list[wire.Packet]) -> list[int]:
    return [one.payload[0] for one in packets]


def test_an_idle_link_carries_all_in_order_and_lowers_the_ttl() -> None:
    with running([]) as (link, port, arrived):
        numbered(port, 5)
        found = arrived(5)
        assert order(found) == [0, 1, 2, 3, 4]
        assert {one.raw[8] for one in found} == {63}
        assert all(wire.checksum(one.raw[:20]) == 0 for one in found)
        assert link.passage["client"] == [[n, n] for n in range(1, 6)]
        assert link.events == []


def test_drop_takes_the_nth_and_says_so() -> None:
    with running([faults.drop("client", faults.data, (2, 4))]) as (link, port, arrived):
        numbered(port, 5)
        assert order(arrived(3)) == [0, 2, 4]
        assert [event["frames"] for event in link.events] == [
            {"client": 2, "server": None},
            {"client": 4, "server": None},
        ]
        assert link.events[0]["why"] == "drop the 2nd, 4th data from the client"


def test_reorder_puts_a_packet_behind_so_many_others() -> None:
    with running([faults.reorder("client", faults.data, 2, (2,))]) as (_, port, arrived):
        numbered(port, 5)
        assert order(arrived(5)) == [0, 2, 3, 1, 4]


def test_delay_lets_others_overtake_and_stall_does_not() -> None:
    with running([faults.delay("client", faults.data, 30, (2,))]) as (_, port, arrived):
        numbered(port, 4)
        assert order(arrived(4)) == [0, 2, 3, 1]
    with running([faults.stall("client", faults.data, 30, (2,))]) as (link, port, arrived):
        numbered(port, 4)
        assert order(arrived(4)) == [0, 1, 2, 3]
        sent, there = link.frames["client"], link.frames["server"]
        assert there[0][0] - sent[0][0] < 25_000_000
        assert there[1][0] - sent[1][0] > 30_000_000


def test_duplicate_delivers_copies() -> None:
    with running([faults.duplicate("client", faults.data, (2,), count=2)]) as (link, port, arrived):
        numbered(port, 2)
        assert order(arrived(4)) == [0, 1, 1, 1]
        assert link.events[0]["frames"] == {"client": 2, "server": [2, 3, 4]}


def test_corruption_breaks_the_tcp_checksum_only() -> None:
    with running([faults.damage("client", faults.data)]) as (_, port, arrived):
        numbered(port, 1)
        (found,) = arrived(1)
        body = found.raw[20:]
        assert wire.checksum(wire._pseudo_header(found.src, found.dst, wire.TCP, len(body)) + body) != 0
        assert wire.checksum(found.raw[:20]) == 0


def test_marks_need_an_ecn_capable_packet() -> None:
    with running([faults.mark("client", faults.data, None)]) as (link, port, arrived):
        port.emit(packet(1, b"\0", tos=2))
        port.emit(packet(2, b"\1", tos=0))
        found = arrived(2)
        assert [wire.ecn_bits(one.raw) for one in found] == [3, 0]
        assert [event["what"] for event in link.events] == ["mark-ce"]


def test_a_finite_queue_drops_the_tail() -> None:
    slow = Path(1.0, rate_mbit=1.0, queue_packets=3)
    with running([], slow) as (link, port, arrived):
        numbered(port, 6)
        assert order(arrived(3)) == [0, 1, 2]
        assert [event["why"] for event in link.events] == ["queue full"] * 3
        there = [at for at, _ in link.frames["server"]]
        assert all(later - earlier > 900_000 for earlier, later in itertools.pairwise(there))


def test_a_narrow_link_answers_with_icmp() -> None:
    link = Link([], {"client": Path(1.0, mtu=100), "server": Path(1.0)}, seed=1)
    ports = {"client": ScriptPort(), "server": ScriptPort()}
    link.start(dict(ports))
    try:
        ports["client"].emit(packet(1, b"x" * 100))
        answer = wire.parse(ports["client"].inbox.get(timeout=5))
        assert answer.proto == wire.ICMP
        assert answer.payload[:2] == b"\3\4"
        assert answer.payload[6:8] == (100).to_bytes(2, "big")
        assert wire.checksum(answer.payload) == 0
        assert ports["server"].inbox.empty()
    finally:
        link.stop()


def test_the_clamp_lowers_but_never_raises() -> None:
    for asked, expected in ((1460, 1000), (800, 800)):
        option = b"\2\4" + asked.to_bytes(2, "big")
        raw = wire.clamp_mss(packet(0, flags=wire.SYN, options=option), 1000)
        found = wire.parse(raw)
        assert int.from_bytes(found.options[2:4], "big") == expected
        body = raw[20:]
        assert wire.checksum(wire._pseudo_header(found.src, found.dst, wire.TCP, len(body)) + body) == 0


def test_blocked_sides_lose_everything_until_released() -> None:
    with running([]) as (link, port, arrived):
        link.block("client", "dead")
        numbered(port, 2)
        deadline = time.monotonic() + 5
        while len(link.passage["client"]) < 2 and time.monotonic() < deadline:
            time.sleep(0.001)
        link.unblock("client")
        port.emit(packet(1, b"\7"))
        assert order(arrived(1)) == [7]
        assert [event["why"] for event in link.events] == ["dead", "dead"]


@given(st.binary(max_size=60), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 0x1FF))
def test_a_segment_survives_building_and_parsing(data: bytes, seq: int, ack: int, flags: int) -> None:
    found = wire.parse(wire.packet_bytes(wire.Segment(seq, ack, flags, payload=data), CLIENT, 1, SERVER, 2))
    assert (found.seq, found.ack, found.flags, found.payload) == (seq, ack, flags, data)


def test_words_for_orders() -> None:
    assert faults.drop("client", faults.syn).text == "drop the 1st SYN from the client"
    assert faults.drop("server", faults.covers(10), None).text == "drop every segment with byte 10 from the server"
    assert faults.drop("client", faults.data, range(11, 15)).text == "drop the 11th to 14th data from the client"
