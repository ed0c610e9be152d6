from __future__ import annotations

from netsim.base.packet import IcmpMessage
from netsim.host.poll import POLLERR, POLLIN, POLLOUT
from netsim.host.settings import HostSettings

from .helpers import A, B, Two, expect


def test_datagrams_arrive_whole_in_order_with_their_source() -> None:
    two = Two()
    server = two.b.udp_socket()
    server.bind(0, "", 53)
    client = two.a.udp_socket()
    assert client.send_to(0, b"one", B, 53) == 3
    client.send_to(0, b"two", B, 53)
    two.run(50)
    assert server.poll_mask() == POLLIN | POLLOUT
    assert server.receive_from(two.now, 100, peek=True)[0] == b"one"
    data, address, port = server.receive_from(two.now, 2)
    assert (data, address) == (b"on", A)
    server.send_to(two.now, b"back", address, port)
    assert server.receive(two.now, 100) == b"two"
    expect("EAGAIN", server.receive, two.now, 100)
    two.run(50)
    assert client.receive_from(two.now, 100) == (b"back", B, 53)


def test_nobody_at_the_port_is_told_to_a_connected_socket_only() -> None:
    two = Two()
    client = two.a.udp_socket()
    client.connect(0, B, 9)
    client.send(0, b"x")
    stranger = two.a.udp_socket()
    stranger.send_to(0, b"x", B, 9)
    two.run(50)
    assert client.poll_mask() & POLLERR
    expect("ECONNREFUSED", client.send, two.now, b"x")
    client.send(two.now, b"x")
    expect("EAGAIN", stranger.receive, two.now, 10)


def test_a_connected_socket_hears_only_its_peer() -> None:
    two = Two()
    server = two.b.udp_socket()
    server.bind(0, "", 53)
    server.connect(0, A, 1000)
    for port in (1000, 1001):
        client = two.a.udp_socket()
        client.bind(0, "", port)
        client.send_to(0, b"%d" % port, B, 53)
    two.run(50)
    assert server.receive(two.now, 10) == b"1000"
    expect("EAGAIN", server.receive, two.now, 10)


def test_a_full_buffer_loses_datagrams() -> None:
    settings = HostSettings()
    settings.udp_buffer = 1500
    two = Two(settings=settings)
    server = two.b.udp_socket()
    server.bind(0, "", 53)
    client = two.a.udp_socket()
    for _ in range(3):
        client.send_to(0, bytes(700), B, 53)
    two.run(50)
    assert server.dropped == 1
    assert "udp-queue-full" in two.drops()


def test_wrong_uses_are_refused() -> None:
    two = Two()
    socket = two.a.udp_socket()
    expect("EDESTADDRREQ", socket.send, 0, b"x")
    expect("EMSGSIZE", socket.send_to, 0, bytes(1473), B, 9)
    assert socket.send_to(0, bytes(1472), B, 9) == 1472
    expect("EINVAL", socket.bind, 0, "", 5)
    other = two.a.udp_socket()
    expect("EADDRNOTAVAIL", other.bind, 0, B, 5)
    expect("EADDRINUSE", other.bind, 0, A, socket.local_port)
    socket.close(0)
    other.bind(0, A, socket.local_port)
    expect("EBADF", socket.send_to, 0, b"x", B, 9)


def test_the_path_mtu_is_learnt_from_icmp() -> None:
    two = Two()
    socket = two.a.udp_socket()
    socket.connect(0, B, 9)
    socket.send(0, bytes(1400))
    two.pump()
    sent = next(e.packet for e in two.sink.events if hasattr(e, "packet"))
    two.put(IcmpMessage("10.255.0.1", A, 3, 4, sent, 1000), to="a")
    socket.error = ""
    expect("EMSGSIZE", socket.send, 0, bytes(973))
    socket.send(0, bytes(972))
