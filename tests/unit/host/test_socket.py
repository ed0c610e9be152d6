"""Sockets keep POSIX's promises."""

from __future__ import annotations

from netsim.base.packet import FIN, RST
from netsim.host.poll import (
    MSG_MORE,
    MSG_OOB,
    MSG_PEEK,
    POLLERR,
    POLLHUP,
    POLLIN,
    POLLOUT,
    POLLRDHUP,
    SHUT_RD,
    SHUT_RDWR,
    SHUT_WR,
    poll_names,
)

from .helpers import A, B, Two, expect


def test_connect_tells_how_it_gets_on() -> None:
    two = Two()
    two.listen()
    client = two.connect()
    expect("EALREADY", client.connect, two.now, B, 80)
    assert client.poll_mask() == 0
    two.run(50)
    client.connect(two.now, B, 80)  # done: told once
    expect("EISCONN", client.connect, two.now, B, 80)
    assert client.getpeername() == (B, 80)
    assert client.poll_mask() == POLLOUT


def test_a_refused_connection_tells_so_once() -> None:
    two = Two()
    client = two.connect(81)
    two.run(50)
    assert client.poll_mask() & (POLLERR | POLLHUP | POLLIN | POLLOUT) == POLLERR | POLLHUP | POLLIN | POLLOUT
    expect("ECONNREFUSED", client.connect, two.now, B, 81)
    assert client.get_option(two.now, "SO_ERROR") == ""
    expect("ECONNABORTED", client.connect, two.now, B, 81)
    expect("ENOTCONN", client.getpeername)


def test_so_error_takes_the_error_away() -> None:
    two = Two()
    client = two.connect(81)
    two.run(50)
    assert client.get_option(two.now, "SO_ERROR") == "ECONNREFUSED"
    assert client.get_option(two.now, "SO_ERROR") == ""
    assert client.recv(two.now, 10) == b""


def test_data_goes_both_ways_and_eof_is_an_empty_read() -> None:
    two = Two()
    client, server = two.pair()
    assert server.getsockname() == (B, 80)
    assert server.getpeername() == client.getsockname()
    assert client.getsockname()[0] == A
    assert client.send(two.now, b"hello") == 5
    expect("EAGAIN", server.recv, two.now, 100)
    two.run(50)
    assert server.poll_mask() == POLLIN | POLLOUT
    assert server.recv(two.now, 2, MSG_PEEK) == b"he"
    assert server.recv(two.now, 2) == b"he"
    assert server.recv(two.now, 100) == b"llo"
    server.send(two.now, b"world")
    server.shutdown(two.now, SHUT_WR)
    two.run(50)
    assert client.poll_mask() == POLLIN | POLLOUT | POLLRDHUP
    assert client.recv(two.now, 100) == b"world"
    assert client.recv(two.now, 100) == b""
    assert client.recv(two.now, 100) == b""
    client.send(two.now, b"still open")
    two.run(50)
    assert server.recv(two.now, 100) == b"still open"


def test_sending_after_shutdown_is_a_broken_pipe() -> None:
    two = Two()
    client, server = two.pair()
    client.shutdown(two.now, SHUT_WR)
    expect("EPIPE", client.send, two.now, b"x")
    two.run(50)
    assert server.recv(two.now, 10) == b""
    client.shutdown(two.now, SHUT_WR)  # again: nothing happens
    client.shutdown(two.now, SHUT_RD)
    assert client.recv(two.now, 10) == b""
    expect("EINVAL", client.shutdown, two.now, 7)


def test_both_directions_closed_is_a_hangup() -> None:
    two = Two()
    client, server = two.pair()
    client.shutdown(two.now, SHUT_RDWR)
    assert client.poll_mask() & (POLLHUP | POLLRDHUP) == POLLHUP | POLLRDHUP
    two.run(50)
    server.close(two.now)
    two.run()
    assert client.connection is not None
    assert client.connection.is_closed()
    expect("ENOTCONN", client.shutdown, two.now, SHUT_WR)


def test_a_reset_is_told_once_after_the_data_before_it() -> None:
    two = Two()
    client, server = two.pair()
    server.send(two.now, b"last words")
    two.run(50)
    server.abort(two.now)
    two.run(50)
    assert client.poll_mask() & POLLERR
    assert client.recv(two.now, 100) == b"last words"
    expect("ECONNRESET", client.recv, two.now, 100)
    assert client.recv(two.now, 100) == b""
    expect("EPIPE", client.send, two.now, b"x")


def test_close_with_unread_data_resets() -> None:
    two = Two()
    client, server = two.pair()
    client.send(two.now, b"unread")
    two.run(50)
    server.close(two.now)
    two.run(50)
    expect("ECONNRESET", client.recv, two.now, 10)
    assert two.sent("b")[-1].flags & RST


def test_linger_zero_resets_and_plain_close_finishes() -> None:
    two = Two()
    client, server = two.pair()
    client.set_option(two.now, "SO_LINGER", (1, 0))
    assert client.get_option(two.now, "SO_LINGER") == (1, 0)
    client.close(two.now)
    two.run(50)
    assert two.sent("a")[-1].flags & RST
    expect("ECONNRESET", server.recv, two.now, 10)
    two = Two()
    client, server = two.pair()
    client.close(two.now)
    two.run(50)
    assert two.sent("a")[-1].flags & FIN
    assert server.recv(two.now, 10) == b""


def test_a_closed_socket_does_nothing_more() -> None:
    two = Two()
    client, _ = two.pair()
    client.close(two.now)
    for call in (
        lambda: client.send(two.now, b"x"),
        lambda: client.recv(two.now, 1),
        lambda: client.close(two.now),
        lambda: client.shutdown(two.now, SHUT_WR),
        client.getsockname,
        lambda: client.get_option(two.now, "SO_ERROR"),
        lambda: client.connect(two.now, B, 80),
    ):
        expect("EBADF", call)


def test_a_full_send_buffer_takes_part_then_nothing() -> None:
    two = Two(snd_buffer=10_000, rcv_buffer=3000)
    client, server = two.pair()
    assert client.send(two.now, bytes(12_000)) == 10_000
    expect("EAGAIN", client.send, two.now, b"x")
    assert not client.poll_mask() & POLLOUT
    two.run(500)
    assert not client.poll_mask() & POLLOUT, "less than half as much is free as is queued"
    while len(server.recv(two.now, 3000)) == 3000:
        two.run(500)
        if client.poll_mask() & POLLOUT:
            break
    assert client.poll_mask() & POLLOUT


def test_calls_on_sockets_without_a_connection() -> None:
    two = Two()
    fresh = two.a.tcp_socket()
    assert fresh.getsockname() == ("", 0)
    assert fresh.poll_mask() == POLLOUT | POLLHUP
    for call in (
        lambda: fresh.send(0, b"x"),
        lambda: fresh.recv(0, 1),
        lambda: fresh.shutdown(0, SHUT_WR),
        fresh.getpeername,
    ):
        expect("ENOTCONN", call)
    expect("EINVAL", fresh.accept, 0)
    expect("EADDRNOTAVAIL", fresh.connect, 0, B, 0)
    listener = two.listen()
    expect("EISCONN", listener.connect, 0, A, 80)
    expect("ENOTCONN", listener.send, 0, b"x")


def test_more_waits_and_the_next_write_lets_it_go() -> None:
    two = Two()
    client, server = two.pair()
    client.send(two.now, b"head", MSG_MORE)
    two.run(50)
    expect("EAGAIN", server.recv, two.now, 10)
    client.send(two.now, b"tail")
    two.run(50)
    assert server.recv(two.now, 10) == b"headtail"


def test_urgent_data_is_announced_and_read_in_line() -> None:
    two = Two()
    client, server = two.pair()
    client.send(two.now, b"now!", MSG_OOB)
    two.run(50)
    assert "POLLPRI" in poll_names(server.poll_mask())
    expect("EINVAL", server.recv, two.now, 1, MSG_OOB)
    assert server.recv(two.now, 10) == b"now!"


def test_a_listener_is_readable_when_someone_waits() -> None:
    two = Two()
    listener = two.listen()
    assert listener.poll_mask() == 0
    expect("EAGAIN", listener.accept, two.now)
    two.connect()
    two.run(50)
    assert listener.poll_mask() == POLLIN
    listener.accept(two.now)
    assert listener.poll_mask() == 0


def test_shutdown_of_a_listener_stops_it() -> None:
    two = Two()
    listener = two.listen()
    listener.shutdown(two.now, SHUT_RD)
    client = two.connect()
    two.run(50)
    assert client.get_option(two.now, "SO_ERROR") == "ECONNREFUSED"


def test_connecting_to_another_family_than_the_host_has() -> None:
    two = Two()
    two.a.addresses[:] = [A]
    socket = two.a.tcp_socket()
    expect("ENETUNREACH", socket.connect, 0, "2001:db8::2", 80)


def test_ipv6_works_the_same() -> None:
    two = Two()
    listener = two.listen()
    client = two.connect(to="2001:db8::2")
    two.run(50)
    server = listener.accept(two.now)
    assert server.getpeername()[0] == "2001:db8::1"
    client.send(two.now, b"six")
    two.run(50)
    assert server.recv(two.now, 10) == b"six"


def test_a_host_that_never_answers_times_out() -> None:
    two = Two()
    two.link.change(0, up=False)
    client = two.connect()
    two.run()
    assert client.get_option(two.now, "SO_ERROR") == "ETIMEDOUT"
