"""Applications as coroutines: ten lines for a client and a server."""

from __future__ import annotations

import pytest

from netsim.apps.pattern import PERIOD, first_difference, pattern
from netsim.apps.scripted import READ_DRIP, READ_NONE, Talker
from netsim.apps.stock import (
    Acceptor,
    DataError,
    Fill,
    check_pattern,
    echo,
    requester,
    responder,
    sink,
    slow_reader,
    source,
)
from netsim.apps.task import AppError, sleep
from netsim.base.errors import UsageError
from netsim.base.units import MS, SEC
from netsim.drive.virtual import World
from netsim.host.errors import SocketError
from netsim.sim.chance import Loss


def world_of_two(loss: float = 0.0) -> World:
    world = World(seed=1)
    world.add_host("client")
    world.add_host("server")
    world.add_link("client", "server", rate="10Mbit/s", delay="20ms")
    if loss:
        world.network.add_impairer("client-server", Loss(world.sim.rng("loss"), loss))
    return world


def test_ten_lines_of_python_are_a_client_and_a_server() -> None:
    world = world_of_two()
    said = []

    async def server(host):
        conn = await host.listen(80).accept()
        await conn.send(b"you said " + await conn.recv(1000))
        conn.close()

    async def client(host):
        sock = await host.connect("server", 80)
        await sock.send(b"hello")
        said.append(await sock.recv_all())
        sock.close()

    world.start("server", server)
    world.start("client", client)
    world.run()
    assert said == [b"you said hello"]
    assert world.snapshots() == {}


def test_a_source_and_a_sink_through_loss() -> None:
    world = world_of_two(loss=0.05)
    receiver = world.start("server", sink(80))
    world.start("client", source("server", 80, 200_000))
    world.run()
    assert receiver.result == 200_000


def test_echo_serves_many_at_once() -> None:
    world = world_of_two()
    world.start("server", echo(7))
    answers = []

    def caller(text: bytes):
        async def run(host):
            sock = await host.connect("server", 7)
            await sock.send(text)
            answers.append(await sock.recv_exactly(len(text)))
            sock.close()

        return run

    for number in range(10):
        world.start("client", caller(b"caller %d" % number), at_ns=number * MS)
    world.run()
    assert sorted(answers) == [b"caller %d" % number for number in range(10)]


def test_request_and_response_take_round_trips() -> None:
    world = world_of_two()
    world.start("server", responder(80, 100, 1000))
    task = world.start("client", requester("server", 80, 100, 1000, times=3, pause="1s"))
    world.run()
    took = task.result
    assert isinstance(took, list)
    assert len(took) == 3
    assert all(40 * MS < each < 60 * MS for each in took)


def test_a_slow_reader_slows_the_sender_down() -> None:
    world = world_of_two()
    reader = world.start("server", slow_reader(80, 5000, "100ms"))
    world.start("client", source("server", 80, 300_000))
    world.run(until_ns=2 * SEC)
    assert not reader.done
    world.run()
    assert reader.result == 300_000
    finished = world.now_ns
    assert finished > 300_000 // 5000 * 100 * MS


def test_fill_and_acceptor_do_the_same_without_coroutines() -> None:
    world = world_of_two()
    listener = world.host("server").tcp_socket()
    listener.bind(0, "", 80)
    listener.listen(0)
    acceptor = Acceptor(listener, verify=True)
    fills = []
    for _ in range(3):
        socket = world.host("client").tcp_socket()
        fills.append(Fill(socket, 50_000))
        with pytest.raises(SocketError, match="EINPROGRESS"):
            socket.connect(0, world.resolve("server"), 80)
    world.pump("client")
    world.run()
    assert [(drain.total, drain.error) for drain in acceptor.drains] == [(50_000, "")] * 3
    assert all(fill.done and not fill.error for fill in fills)


def test_an_unhandled_error_stops_the_run_and_names_the_application() -> None:
    world = world_of_two()

    async def client(host):
        await host.connect("server", 81)

    world.start("client", client)
    with pytest.raises(AppError, match=r"application 'client/client' failed at 0\.040 s: ECONNREFUSED"):
        world.run()


def test_a_bug_in_an_application_keeps_its_own_exception_as_the_cause() -> None:
    world = world_of_two()

    async def client(host):
        await sleep("1s")
        raise ZeroDivisionError("oops")

    world.start("client", client)
    with pytest.raises(AppError, match="ZeroDivisionError: oops") as info:
        world.run()
    assert isinstance(info.value.__cause__, ZeroDivisionError)


def test_who_joins_a_task_handles_its_error() -> None:
    world = world_of_two()
    caught = []

    async def fails(host):
        await sleep("10ms")
        await host.connect("server", 81)

    async def parent(host):
        child = host.spawn(fails(host), "child")
        try:
            await child.join()
        except SocketError as error:
            caught.append(error.errno_name)
        done = host.spawn(quick())
        await sleep("1ms")
        caught.append(await done.join())

    async def quick():
        return "quick"

    world.start("client", parent)
    world.run()
    assert caught == ["ECONNREFUSED", "quick"]


def test_only_netsims_own_awaitables_can_be_awaited() -> None:
    world = world_of_two()

    class Strange:
        def __await__(self):
            yield "something"

    async def client(host):
        await Strange()

    world.start("client", client)
    with pytest.raises(UsageError, match="not netsim's"):
        world.run()


def test_closing_a_socket_wakes_who_waits_for_it() -> None:
    world = world_of_two()
    woken = []

    async def waits(sock):
        with pytest.raises(SocketError, match="EBADF"):
            await sock.recv()
        woken.append(True)

    async def client(host):
        sock = await host.connect("server", 7)
        host.spawn(waits(sock))
        await sleep("10ms")
        sock.close()

    world.start("server", echo(7))
    world.start("client", client)
    world.run(until_ns=SEC)
    assert woken == [True]


def test_udp_between_applications() -> None:
    world = world_of_two()
    got = []

    async def server(host):
        sock = host.udp(53)
        data, address, port = await sock.recv_from()
        sock.send_to(data.upper(), address, port)

    async def client(host):
        sock = host.udp()
        sock.send_to(b"hi", "server", 53)
        got.append(await sock.recv_from())
        sock.close()

    world.start("server", server)
    world.start("client", client)
    world.run()
    assert got == [(b"HI", "10.0.0.2", 53)]


def test_unknown_names_are_refused_with_a_list() -> None:
    world = world_of_two()

    async def client(host):
        await host.connect("sever", 80)

    world.start("client", client)
    with pytest.raises(AppError, match="no host 'sever'; hosts are: client, server"):
        world.run()


def test_the_pattern_can_be_verified_at_any_offset() -> None:
    whole = pattern(0, 3 * PERIOD)
    for offset, size in ((0, 10), (PERIOD - 5, 10), (2 * PERIOD, PERIOD)):
        assert pattern(offset, size) == whole[offset : offset + size]
    assert first_difference(pattern(77, 1000), 77) == -1
    assert first_difference(pattern(77, 10) + b"?" + pattern(88, 3), 77) in (10, -1)
    check_pattern(pattern(5, 100), 5)
    with pytest.raises(DataError, match="byte 6 "):
        check_pattern(pattern(6, 100), 5) if pattern(5, 1) == pattern(6, 1) else check_pattern(
            pattern(5, 1) + bytes([pattern(6, 1)[0] ^ 1]), 5
        )


class Scripted:
    """A world with a listening server whose connections become talkers."""

    def __init__(self, read_mode: str = "auto") -> None:
        self.world = world_of_two()
        self.world.prepare()
        self.accepted: list[Talker] = []
        listener = self.world.host("server").tcp_socket()
        listener.bind(0, "", 80)
        listener.listen(0)
        self.world.welcome(listener, lambda now_ns, talker: self.accepted.append(talker), read_mode=read_mode)
        self.client = self.world.talker(self.world.host("client").tcp_socket())

    def go(self) -> None:
        self.world.pump("client")
        self.world.pump("server")
        self.world.run(self.world.now_ns + SEC)


def test_a_talker_sends_and_closes_when_it_can() -> None:
    run = Scripted()
    run.client.connect(0, run.world.resolve("server"), 80)
    run.client.send(0, b"said before the handshake was over, ")
    run.client.send(0, b"and so was this")
    run.client.close(0)
    with pytest.raises(SocketError, match="EPIPE"):
        run.client.send(0, b"too late")
    run.go()
    server = run.accepted[0]
    assert bytes(server.received) == b"said before the handshake was over, and so was this"
    assert server.eof
    assert run.client.unsent_bytes() == 0


def test_a_talker_that_does_not_read_lets_the_window_close_until_it_reads() -> None:
    run = Scripted(READ_NONE)
    run.client.connect(0, run.world.resolve("server"), 80)
    run.client.send(0, bytes(200_000))
    run.go()
    server = run.accepted[0]
    assert server.received == b""
    assert run.client.unsent_bytes() > 0
    assert len(server.read(run.world.now_ns)) == 65535
    for _ in range(20):
        run.go()
        server.read(run.world.now_ns)
    assert len(server.received) == 200_000


def test_a_dripping_talker_reads_a_little_at_a_time() -> None:
    run = Scripted()
    run.client.read_mode = READ_DRIP
    run.client.drip_bytes, run.client.drip_every_ns = 10, 100 * MS
    run.client.connect(0, run.world.resolve("server"), 80)
    run.go()
    run.accepted[0].send(run.world.now_ns, bytes(100))
    run.go()
    assert len(run.client.received) == 90
    run.go()
    assert len(run.client.received) == 100


def test_a_talker_tells_what_went_wrong() -> None:
    run = Scripted()
    run.client.connect(0, run.world.resolve("server"), 81)
    run.client.send(0, b"x")
    run.go()
    assert run.client.error == "ECONNREFUSED"
