"""bind, ports, listening, TIME-WAIT and reuse."""

from __future__ import annotations

from netsim.base.packet import ACK, SYN, Segment
from netsim.host.isn import EphemeralPorts, IsnSource, Secret
from netsim.host.settings import HostSettings

from .helpers import A, B, Two, expect


def test_bind_checks_address_and_port() -> None:
    two = Two()
    socket = two.b.tcp_socket()
    expect("EADDRNOTAVAIL", socket.bind, 0, A, 80)
    socket.bind(0, B, 80)
    assert socket.getsockname() == (B, 80)
    expect("EINVAL", socket.bind, 0, B, 81)
    other = two.b.tcp_socket()
    expect("EADDRINUSE", other.bind, 0, "", 80)
    expect("EADDRINUSE", other.bind, 0, B, 80)
    other.bind(0, "2001:db8::2", 80)
    socket.close(0)
    third = two.b.tcp_socket()
    third.bind(0, B, 80)


def test_port_zero_means_any_free_port() -> None:
    two = Two()
    ports = set()
    for _ in range(20):
        socket = two.a.tcp_socket()
        socket.bind(0, "", 0)
        ports.add(socket.getsockname()[1])
    assert len(ports) == 20
    assert all(49152 <= port <= 65535 for port in ports)


def test_reuse_address_lets_two_bind_but_not_beside_a_listener() -> None:
    two = Two()
    first, second, third = (two.b.tcp_socket() for _ in range(3))
    for socket in (first, second, third):
        socket.set_option(0, "SO_REUSEADDR", 1)
    first.bind(0, "", 80)
    second.bind(0, "", 80)
    first.listen(0)
    expect("EADDRINUSE", second.listen, 0)
    expect("EADDRINUSE", third.bind, 0, "", 80)


def test_a_connection_in_time_wait_blocks_its_port_without_reuse_address() -> None:
    two = Two()
    client, server = two.pair()
    server.close(two.now)
    two.run(50)
    client.close(two.now)
    two.run(50)
    assert [str(c.state) for c in two.b.connections.values()] == ["TIME-WAIT"]
    for socket in list(two.b.tcp.bound[80]):
        socket.close(two.now)
    two.run(10)
    again = two.b.tcp_socket()
    expect("EADDRINUSE", again.bind, two.now, "", 80)
    again.set_option(two.now, "SO_REUSEADDR", 1)
    again.bind(two.now, "", 80)
    again.close(two.now)
    two.run()
    plain = two.b.tcp_socket()
    plain.bind(two.now, "", 80)


def test_the_same_pair_can_be_connected_again_after_time_wait_or_with_timestamps_in_it() -> None:
    for timestamps in (True, False):
        two = Two(use_timestamps=timestamps)
        listener = two.listen()
        client = two.connect(source=5000)
        two.run(50)
        server = listener.accept(two.now)
        client.close(two.now)
        two.run(50)
        server.close(two.now)
        two.run(50)
        assert [str(c.state) for c in two.a.connections.values()] == ["TIME-WAIT"]
        again = two.a.tcp_socket()
        again.set_option(two.now, "SO_REUSEADDR", 1)
        again.bind(two.now, "", 5000)
        if timestamps:
            old_iss = client.slot.conn.ep.snd.iss
            expect("EINPROGRESS", again.connect, two.now, B, 80)
            two.run(50)
            assert again.is_connected()
            assert (again.slot.conn.ep.snd.iss - old_iss) % 2**32 < 2**31, "the ISN lies after the old numbers"
        else:
            expect("EADDRINUSE", again.connect, two.now, B, 80)


def test_a_new_syn_ends_time_wait_at_a_listener() -> None:
    two = Two(use_timestamps=False)
    listener = two.listen()
    client = two.connect(source=5000)
    two.run(50)
    server = listener.accept(two.now)
    server.close(two.now)
    two.run(50)
    client.close(two.now)
    two.run(50)
    slot = two.b.tcp.slots[(B, 80, A, 5000)]
    assert str(slot.conn.state) == "TIME-WAIT"
    syn = Segment(A, B, 5000, 80, slot.conn.ep.receiver.rcv.nxt + 1000, 0, SYN, 65535)
    two.put(syn)
    new = two.b.tcp.slots[(B, 80, A, 5000)]
    assert new is not slot
    assert str(new.conn.state) == "SYN-RECEIVED"
    assert str(slot.conn.state) == "CLOSED"


def test_the_exact_listener_wins_over_the_wildcard() -> None:
    two = Two()
    anyone = two.b.tcp_socket()
    anyone.set_option(0, "SO_REUSEADDR", 1)
    exact = two.b.tcp_socket()
    exact.set_option(0, "SO_REUSEADDR", 1)
    anyone.bind(0, "", 80)
    exact.bind(0, B, 80)
    anyone.listen(0)
    exact.listen(0)
    two.connect()
    two.connect(to="2001:db8::2")
    two.run(50)
    assert exact.accept(two.now).getsockname()[0] == B
    assert anyone.accept(two.now).getsockname()[0] == "2001:db8::2"


def test_an_isn_grows_by_one_each_four_microseconds_and_depends_on_the_sockets() -> None:
    source = IsnSource(Secret(b"key"))
    first = source.next(0, A, 1, B, 80)
    assert source.next(3_999, A, 1, B, 80) == first
    assert source.next(4_000, A, 1, B, 80) == (first + 1) % 2**32
    assert source.next(4_000_000_000, A, 1, B, 80) == (first + 1_000_000) % 2**32
    others = {source.next(0, *key) for key in ((A, 2, B, 80), (B, 1, B, 80), (A, 1, A, 80), (A, 1, B, 81))}
    assert len(others | {first}) == 5
    assert IsnSource(Secret(b"yek")).next(0, A, 1, B, 80) != first
    source.preset.append(-1)
    assert source.next(0, A, 1, B, 80) == 2**32 - 1
    assert source.next(0, A, 1, B, 80) == first


def test_ephemeral_ports_go_round_their_range_from_a_hashed_start() -> None:
    ports = EphemeralPorts(Secret(b"key"), 50_000, 50_009)
    drawn = [ports.next(A, B, 80) for _ in range(10)]
    assert sorted(drawn) == list(range(50_000, 50_010))
    in_order = EphemeralPorts(Secret(b"key"), 50_000, 50_009, True)
    assert [in_order.next(A, B, 80) for _ in range(3)] == [50_000, 50_001, 50_002]


def test_when_every_port_is_taken_connect_says_so() -> None:
    settings = HostSettings()
    settings.first_port, settings.last_port = 50_000, 50_001
    two = Two(settings=settings)
    for _ in range(2):
        two.connect(host=two.b, to=A)
    socket = two.b.tcp_socket()
    expect("EADDRNOTAVAIL", socket.connect, two.now, A, 80)


def test_closing_a_listener_resets_what_was_not_accepted() -> None:
    two = Two()
    listener = two.listen()
    open_client = two.connect()
    two.run(50)
    half = two.connect()
    two.run(15)
    listener.close(two.now)
    two.run(50)
    assert open_client.get_option(two.now, "SO_ERROR") == "ECONNRESET"
    assert half.get_option(two.now, "SO_ERROR") in ("ECONNREFUSED", "ECONNRESET")
    assert two.b.connections == {}
    two.put(Segment(A, B, 4, 80, 9, 0, ACK, 0))
