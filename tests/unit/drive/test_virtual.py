"""The world: built, stepped, looked at, changed; the same every time."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from netsim.apps.stock import Acceptor, echo, sink, source
from netsim.base.errors import UsageError
from netsim.base.events import ListSink, PacketDropped, PacketSent, SegmentSent
from netsim.base.packet import CWR, FIN, PSH, Segment
from netsim.base.units import MS, SEC
from netsim.drive.offload import split
from netsim.drive.virtual import World
from netsim.host.errors import SocketError
from netsim.sim.impair import Corrupt, Match, Rule
from netsim.tcp.profile.base import Profile
from netsim.tcp.profile.linux import LINUX


def transfer(seed: int = 1, count: int = 50_000, sink_: ListSink | None = None, **profile: object) -> World:
    world = World(seed, sink_)
    for name in ("client", "server"):
        world.add_host(name, profile=replace(Profile(), **profile))  # type: ignore[arg-type]
    world.add_link("client", "server", rate="10Mbit/s", delay="20ms")
    world.start("server", sink(80))
    world.start("client", source("server", 80, count))
    return world


def test_a_step_is_one_event_and_the_looks_fit_together() -> None:
    world = transfer()
    world.run(until_ns=90 * MS)
    flights = world.in_flight()
    assert flights
    assert [f.arrives_ns for f in flights] == sorted(f.arrives_ns for f in flights)
    assert all(f.arrives_ns >= world.now_ns for f in flights)
    timers = world.timers()
    assert {(t.host, t.timer) for t in timers} >= {("client", "RTO")}
    assert {host for host, _ in world.snapshots()} == {"client", "server"}
    before = world.sim.steps
    soonest = min(flights[0].arrives_ns, timers[0].at_ns)
    assert world.step()
    assert world.sim.steps == before + 1
    assert world.now_ns == soonest
    while world.step():
        pass
    assert not world.step()
    assert world.in_flight() == []
    assert world.timers() == []


def digest(world: World, sink_: ListSink) -> list[tuple[int, str, str]]:
    world.run()
    return [(e.t_ns, e.host, repr(e.segment)) for e in sink_.events if isinstance(e, SegmentSent)]


def test_the_same_seed_is_the_same_run_and_another_is_not() -> None:
    runs = []
    for seed in (1, 1, 2):
        sink_ = ListSink()
        runs.append(digest(transfer(seed, sink_=sink_), sink_))
    assert runs[0] == runs[1] != runs[2]


def test_recording_changes_nothing() -> None:
    loud, quiet = transfer(sink_=ListSink()), transfer()
    loud.run()
    quiet.run()
    assert (loud.now_ns, loud.sim.steps) == (quiet.now_ns, quiet.sim.steps)


def test_the_hash_seed_changes_nothing() -> None:
    code = (
        "from netsim.apps.stock import sink, source\n"
        "from netsim.drive.virtual import World\n"
        "from netsim.sim.chance import Loss\n"
        "w = World(3); w.add_host('a'); w.add_router('r'); w.add_host('b')\n"
        "w.add_link('a', 'r', delay='5ms'); w.add_link('r', 'b', delay='5ms', rate='1Mbit/s')\n"
        "w.network.add_impairer('r-b', Loss(w.sim.rng('x'), 0.05))\n"
        "w.start('b', sink(80)); w.start('a', source('b', 80, 50000)); w.run(); print(w.now_ns, w.sim.steps)"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "src"), "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("0", "1", "4711")
    }  # fmt: skip
    assert len(outputs) == 1


def test_a_packet_in_flight_can_be_lost_by_hand_and_the_run_goes_on() -> None:
    world = transfer()
    world.run(until_ns=90 * MS)
    victim = next(f for f in world.in_flight() if isinstance(f.packet, Segment) and f.packet.payload)
    assert victim.channel.take_out(world.now_ns, victim.packet.uid) is victim.packet
    world.run()
    assert world.runtime.tasks[0].result == 50_000


def test_packet_events_name_host_link_and_reason() -> None:
    sink_ = ListSink()
    world = transfer(sink_=sink_)
    world.network.add_rule(Rule("noise", Match(data=1), [Corrupt()], count=1))
    world.run()
    sent = [e for e in sink_.events if isinstance(e, PacketSent)]
    assert [e.packet.uid for e in sent] == list(range(1, len(sent) + 1))
    assert {e.link for e in sent} == {"client-server"}
    (drop,) = (e for e in sink_.events if isinstance(e, PacketDropped))
    assert (drop.host, drop.where, drop.reason.code) == ("server", "server", "bad-checksum")


def test_a_smaller_mtu_on_the_way_is_discovered() -> None:
    sink_ = ListSink()
    world = World(1, sink_)
    world.add_host("client")
    world.add_router("r")
    world.add_host("server")
    world.add_link("client", "r", delay="5ms")
    world.add_link("r", "server", delay="5ms", mtu=1000)
    receiver = world.start("server", sink(80))
    world.start("client", source("server", 80, 30_000))
    world.run()
    assert receiver.result == 30_000
    assert world.host("server").mtu == 1000
    assert world.host("client").mtu == 1500
    assert not any(e.reason.code == "too-big" for e in sink_.events if isinstance(e, PacketDropped)), (
        "the server's MSS told already"
    )


def test_a_link_whose_mtu_shrinks_is_noticed_by_its_host() -> None:
    for family in ("inet", "inet6"):
        world = transfer(count=200_000) if family == "inet" else None
        if world is None:
            world = World(1)
            for name in ("client", "server"):
                world.add_host(name)
            world.add_link("client", "server", rate="10Mbit/s", delay="20ms")
            world.start("server", sink(80))

            async def six(host):
                sock = await host.connect("server", 80, family="inet6")
                await source_bytes(sock)

            async def source_bytes(sock):
                from netsim.apps.pattern import pattern

                await sock.send(pattern(0, 200_000))
                sock.close()

            world.start("client", six)
        link = world.network.links["client-server"]
        world.at(100 * MS, lambda now_ns, link=link: link.change(now_ns, mtu=1300))
        world.run()
        assert world.runtime.tasks[0].result == 200_000


def test_offloaded_segments_are_cut_by_the_interface() -> None:
    sink_ = ListSink()
    world = World(1, sink_, offload=True)
    for name in ("client", "server"):
        world.add_host(name, profile=LINUX)
    world.add_link("client", "server", rate="100Mbit/s", delay="5ms")
    receiver = world.start("server", sink(80))
    world.start("client", source("server", 80, 300_000))
    world.run()
    assert receiver.result == 300_000
    largest = max(len(e.segment.payload) for e in sink_.events if isinstance(e, SegmentSent))
    assert largest > 1448
    assert all(e.packet.wire_bytes() <= 1500 for e in sink_.events if isinstance(e, PacketSent))


def test_a_cut_segment_keeps_its_numbers_and_its_flags_in_their_places() -> None:
    whole = Segment("10.0.0.1", "10.0.0.2", 1, 2, 2**32 - 1000, 5, FIN | PSH | CWR | 16, 9, bytes(range(250)) * 10)
    pieces = split(whole, 1000)
    assert [len(p.payload) for p in pieces] == [1000, 1000, 500]
    assert [p.seq for p in pieces] == [2**32 - 1000, 0, 1000]
    assert b"".join(p.payload for p in pieces) == whole.payload
    assert [bool(p.flags & FIN) for p in pieces] == [False, False, True]
    assert [bool(p.flags & PSH) for p in pieces] == [False, False, True]
    assert [bool(p.flags & CWR) for p in pieces] == [True, False, False]
    assert split(whole, 5000) == [whole]


def test_many_hosts_share_a_bottleneck_and_all_get_through() -> None:
    world = World(2)
    world.add_router("left")
    world.add_router("right")
    world.add_link("left", "right", rate="5Mbit/s", delay="10ms")
    for number in range(4):
        world.add_host(f"c{number}")
        world.add_host(f"s{number}")
        world.add_link(f"c{number}", "left", rate="100Mbit/s", delay="1ms")
        world.add_link("right", f"s{number}", rate="100Mbit/s", delay="1ms")
    receivers = [world.start(f"s{number}", sink(80)) for number in range(4)]
    for number in range(4):
        world.start(f"c{number}", source(f"s{number}", 80, 100_000))
    world.run()
    assert [receiver.result for receiver in receivers] == [100_000] * 4


def test_building_mistakes_are_refused() -> None:
    world = World()
    world.add_host("a")
    for call, text in (
        (lambda: world.add_host("a"), "already"),
        (lambda: world.add_host("b", addresses=["10.0.0.1"]), "belongs to host 'a'"),
        (lambda: world.add_host("b", addresses=[]), "needs an address"),
        (lambda: world.host("x"), "no host 'x'; hosts are: a"),
        (lambda: world.resolve("x"), "no host 'x'"),
        (lambda: world.start("x", echo(7)), "no host 'x'"),
    ):
        with pytest.raises(UsageError, match=text):
            call()


def idle_world(count: int) -> World:
    """`count` idle connections from several hosts to one server."""
    world = World(1)
    server = world.add_host("server")
    per_host = 12_000
    clients = [world.add_host(f"c{i}") for i in range((count + per_host - 1) // per_host)]
    hub = world.add_router("hub")
    assert hub
    world.add_link("server", "hub")
    for client in clients:
        world.add_link(client.name, "hub")
    world.prepare()
    listener = server.tcp_socket()
    listener.bind(0, "", 80)
    listener.listen(0, count)
    Acceptor(listener)
    for index in range(count):
        socket = clients[index // per_host].tcp_socket()
        with pytest.raises(SocketError, match="EINPROGRESS"):
            socket.connect(world.now_ns, "10.0.0.1", 80)
        world.pump(clients[index // per_host])
        if index % 64 == 63:
            world.run()
    world.run()
    return world


def test_ten_thousand_idle_connections_are_small_and_have_no_alarms() -> None:
    idle_world(2)
    gc.collect()
    tracemalloc.start()
    world = idle_world(1000)
    gc.collect()
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    ends = sum(len(host.tcp.slots) for host in world.hosts.values())
    assert ends == 2000
    assert used / ends < 6000, f"{used / ends:.0f} bytes for one end of an idle connection"
    assert world.timers() == []


@pytest.mark.long
def test_the_cost_of_a_segment_does_not_grow_with_idle_connections() -> None:
    def cost(idle: int) -> float:
        world = idle_world(idle)
        world.start("server", sink(81))
        world.start("c0", source("server", 81, 3_000_000))
        started = time.process_time()
        world.run(world.now_ns + 60 * SEC)
        return time.process_time() - started

    few = min(cost(10) for _ in range(3))
    many = min(cost(10_000) for _ in range(2))
    assert many < 1.3 * few
