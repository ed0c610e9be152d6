from __future__ import annotations

import subprocess
import sys

import pytest

from netsim.base.errors import UsageError
from netsim.base.events import ListSink, PacketDropped
from netsim.base.packet import IcmpMessage, Segment
from netsim.base.units import MS
from netsim.sim import reasons
from netsim.sim.chance import Loss
from netsim.sim.impair import Drop, Match, Rule
from netsim.sim.kernel import Simulator
from netsim.sim.link import LinkSettings
from netsim.sim.network import Network

from .helpers import A, B, Book, Collector, segment

A6 = "2001:db8::1"
B6 = "2001:db8::2"


class Chain:
    """a - r1 - r2 - b, with 1 ms per link; the middle link has an MTU of 1000."""

    def __init__(self, middle_mtu: int = 1000) -> None:
        self.sim = Simulator()
        self.sink = ListSink()
        self.net = Network(self.sim, self.sink, Book())
        self.a = Collector("a", [A, A6])
        self.b = Collector("b", [B, B6])
        self.net.add_node(self.a)
        self.net.add_node(self.b)
        self.r1 = self.net.add_router("r1", ["10.255.0.1", "2001:db8:ffff::1"])
        self.r2 = self.net.add_router("r2", ["10.255.0.2", "2001:db8:ffff::2"])
        self.net.add_link("a", "r1", LinkSettings(0, MS))
        self.net.add_link("r1", "r2", LinkSettings(0, MS, mtu=middle_mtu))
        self.net.add_link("r2", "b", LinkSettings(0, MS))
        self.net.compute_routes()

    def send(self, packet: Segment, ttl: int = 64) -> None:
        packet.ttl = ttl
        packet.uid = self.net.numbers.next()
        channel = self.a.route_to(packet.dst)
        assert channel is not None
        assert channel.send(self.sim.now_ns, packet)
        self.sim.run()

    def icmp(self) -> IcmpMessage:
        ((_, message),) = self.a.got
        assert isinstance(message, IcmpMessage)
        return message

    def reasons(self) -> list[str]:
        return [event.reason.code for event in self.sink.events if isinstance(event, PacketDropped)]


def test_routers_forward_and_count_down_without_touching_the_record() -> None:
    chain = Chain()
    packet = segment(10)
    chain.send(packet)
    ((when, got),) = chain.b.got
    assert when == 3 * MS
    assert (got.ttl, packet.ttl) == (62, 64)
    assert got.uid == packet.uid


def test_ttl_runs_out_at_a_router_which_says_so() -> None:
    chain = Chain()
    chain.send(segment(10), ttl=2)
    assert chain.b.got == []
    message = chain.icmp()
    assert (message.icmp_type, message.icmp_code, message.src) == (11, 0, "10.255.0.2")
    assert message.quoted is not None
    assert chain.reasons() == ["ttl-exceeded"]
    chain = Chain()
    chain.send(segment(10), ttl=3)
    assert len(chain.b.got) == 1


def test_a_packet_too_big_for_a_link_is_reported_with_its_mtu() -> None:
    chain = Chain()
    chain.send(segment(960))
    assert len(chain.b.got) == 1
    chain.send(segment(961))
    message = chain.icmp()
    assert (message.icmp_type, message.icmp_code, message.mtu) == (3, 4, 1000)
    assert chain.reasons() == ["too-big"]


def test_ipv6_packet_too_big_and_time_exceeded() -> None:
    chain = Chain(middle_mtu=1280)
    chain.send(segment(1300, src=A6, dst=B6))
    message = chain.icmp()
    assert (message.icmp_type, message.icmp_code, message.mtu, message.src) == (2, 0, 1280, "2001:db8:ffff::1")
    chain = Chain()
    chain.send(segment(1, src=A6, dst=B6), ttl=1)
    assert (chain.icmp().icmp_type, chain.icmp().icmp_code) == (3, 0)


def test_without_df_nothing_is_reported() -> None:
    chain = Chain()
    packet = segment(961)
    packet.df = False
    chain.send(packet)
    assert chain.a.got == []
    assert chain.reasons() == ["too-big"]


def test_a_destination_that_nobody_knows() -> None:
    chain = Chain()
    chain.send(segment(10, dst="192.0.2.9"))
    message = chain.icmp()
    assert (message.icmp_type, message.icmp_code, message.src) == (3, 0, "10.255.0.1")
    assert chain.reasons() == ["no-route"]


def test_no_error_about_an_error() -> None:
    chain = Chain()
    error = IcmpMessage(A, "192.0.2.9", 3, 1, segment(10))
    error.uid = 1
    channel = chain.a.route_to(error.dst)
    assert channel is not None
    channel.send(0, error)
    chain.sim.run()
    assert chain.a.got == []


def test_a_packet_to_a_router_itself_is_dropped() -> None:
    chain = Chain()
    chain.send(segment(10, dst="10.255.0.2"))
    assert chain.reasons() == [reasons.NOT_FOR_US.code]


def test_the_cheaper_way_is_taken_and_another_when_it_is_down() -> None:
    sim, sink = Simulator(), ListSink()
    net = Network(sim, sink, Book())
    a, b = Collector("a", [A]), Collector("b", [B])
    net.add_node(a)
    net.add_node(b)
    for name in ("fast", "slow"):
        net.add_router(name, [])
    net.add_link("a", "fast", LinkSettings(0, 1 * MS))
    net.add_link("fast", "b", LinkSettings(0, 1 * MS))
    net.add_link("a", "slow", LinkSettings(0, 9 * MS), cost=5)
    net.add_link("slow", "b", LinkSettings(0, 9 * MS))
    net.compute_routes()

    def send() -> None:
        channel = a.route_to(B)
        assert channel is not None
        channel.send(sim.now_ns, segment(1))
        sim.run()

    send()
    net.links["fast-b"].change(sim.now_ns, up=False)
    send()
    net.compute_routes()
    send()
    assert b.times() == [2 * MS, 3 * MS + 18 * MS], "the second got as far as the router"


def test_rules_without_a_link_judge_a_packet_once_at_its_host() -> None:
    chain = Chain()
    rule = Rule("r", Match(from_host="a"), [Drop()], nth=(2,))
    chain.net.add_rule(rule)
    for _ in range(3):
        chain.send(segment(10))
    assert len(chain.b.got) == 2
    assert rule.matched == 3


def test_building_mistakes_are_refused() -> None:
    chain = Chain()
    for call, text in (
        (lambda: chain.net.add_node(Collector("a", [])), "already"),
        (lambda: chain.net.add_link("a", "nobody", LinkSettings()), "no 'nobody'"),
        (lambda: chain.net.add_link("a", "a", LinkSettings()), "different ends"),
        (lambda: chain.net.add_link("a", "r1", LinkSettings()), "already"),
        (lambda: chain.net.add_impairer("x", Loss(chain.sim.rng("x"), 0.1)), "no link"),
    ):
        with pytest.raises(UsageError, match=text):
            call()


def test_two_hosts_on_a_link_need_no_networkx() -> None:
    code = (
        "import sys\n"
        "from netsim.drive.virtual import World\n"
        "w = World(); w.add_host('a'); w.add_host('b'); w.add_link('a', 'b'); w.run()\n"
        "sys.exit('networkx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": "src"}, check=False).returncode == 0
