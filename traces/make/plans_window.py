"""Windows and small segments: full buffers, Nagle, delayed ACKs, idle times, urgent data."""

from __future__ import annotations

import socket
import time

from . import faults, wire
from .faults import Match, drop
from .lab import Lab, Socket
from .moves import CORK, NODELAY, TCP, finish, receive_buffer, transfer, upload
from .plan import plan


def _stalled_reader(lab: Lab, count: int, probes: int, size: int = 4_096) -> tuple[Socket, Socket]:
    """The server does not read until the client has sent so many window probes; then it reads all."""
    client, server = lab.pair({"options": [receive_buffer(size)]})
    sending = client.start_send(count)
    lab.link.wait_count("client", "client", faults.pure_ack, 1 + probes)
    reading = server.start_recv(count)
    sending.result(60)
    assert reading.result(60)["outcome"] == "ok"
    finish(client, server)
    return client, server


@plan(
    "zero-window",
    "the reader stalls, the window closes; three probes with growing intervals, then it opens",
    expect={"client": {"TCPWinProbe": (3, 4), "RetransSegs": 0}},
)
def zero_window(lab: Lab) -> None:
    _stalled_reader(lab, 20_000, probes=3)


@plan(
    "zero-window-ipv6",
    "the reader stalls, IPv6",
    ip=6,
    expect={"client": {"TCPWinProbe": (2, 3), "RetransSegs": 0}},
)
def zero_window_ipv6(lab: Lab) -> None:
    _stalled_reader(lab, 20_000, probes=2)


@plan(
    "zero-window-long",
    "the window stays closed for six seconds: five probes, back-off well visible",
    expect={"client": {"TCPWinProbe": (5, 6), "RetransSegs": 0}},
)
def zero_window_long(lab: Lab) -> None:
    _stalled_reader(lab, 12_000, probes=5)


@plan(
    "zero-window-probe-lost",
    "the first two window probes lost",
    rules=lambda: [drop("client", faults.pure_ack, (2, 3), "drop the first two window probes")],
    expect={"client": {"TCPWinProbe": (3, 4), "RetransSegs": 0}},
)
def zero_window_probe_lost(lab: Lab) -> None:
    _stalled_reader(lab, 20_000, probes=4)


def _window_update() -> Match:
    """The first ACK with an open window after one with a closed window."""
    closed = False

    def match(packet: wire.Packet, rel: int) -> bool:
        nonlocal closed
        if not faults.pure_ack(packet, rel):
            return False
        if packet.window == 0:
            closed = True
            return False
        return closed

    return match


@plan(
    "window-update-lost",
    "the ACK that opens the window again lost: the next probe finds it open",
    rules=lambda: [drop("server", _window_update(), (1, 2), "drop the two ACKs that open the window again")],
)
def window_update_lost(lab: Lab) -> None:
    _stalled_reader(lab, 20_000, probes=1)


@plan(
    "zero-window-half-close",
    "the sender closes its half while the window is closed: the FIN waits behind the data",
)
def zero_window_half_close(lab: Lab) -> None:
    client, server = lab.pair({"options": [receive_buffer(4_096)]})
    client.send(12_000)
    client.shutdown()
    lab.link.wait_count("client", "client", faults.pure_ack, 3)
    server.recv()
    server.close()
    client.recv()
    client.close()


@plan(
    "zero-window-abort",
    "the sender aborts while the window is closed",
    expect={"client": {"OutRsts": (1, 4)}},
)
def zero_window_abort(lab: Lab) -> None:
    client, server = lab.pair({"options": [receive_buffer(4_096)]})
    client.send(12_000)
    lab.link.wait_count("client", "client", faults.pure_ack, 3)
    client.close("abort")
    server.start_recv().result(15)
    server.close()


@plan("window-limited", "a receive buffer of 8 kB: the window, not congestion control, sets the pace")
def window_limited(lab: Lab) -> None:
    upload(lab, 30_000, listen={"options": [receive_buffer(8_192)]})


@plan(
    "slow-reader", "the reader takes 500 bytes at a time: the window grows in large steps only (silly window avoided)"
)
def slow_reader(lab: Lab) -> None:
    client, server = lab.pair({"options": [receive_buffer(4_096)]})
    sending = client.start_send(15_000)
    for _ in range(30):
        server.recv(500)
        time.sleep(0.015)
    sending.result(30)
    finish(client, server)


@plan(
    "window-shrinks",
    "a receiver set to shrink its window (tcp_shrink_window) has its buffer cut to a tenth while data wait in it",
    server_sysctl={"tcp_shrink_window": 1},
    notes=["Linux does what RFC 9293 §3.8.6 (SHLD-14) discourages here: the right window edge moves left, by order"],
)
def window_shrinks(lab: Lab) -> None:
    client, server = lab.pair()
    client.send(8_000)
    lab.link.wait_quiet(100)
    server.option(socket.SOL_SOCKET, socket.SO_RCVBUF, 6_000)
    for _ in range(4):
        client.send(1_000)
        lab.link.wait_quiet(100)
    sending = client.start_send(6_000)
    time.sleep(0.6)
    reading = server.start_recv(18_000)
    sending.result(60)
    assert reading.result(60)["outcome"] == "ok"
    finish(client, server)


@plan("nagle-and-delayed-ack", "two small writes, then a read, three times: Nagle waits for a delayed ACK of 40 ms")
def nagle_and_delayed_ack(lab: Lab) -> None:
    client, server = lab.pair()
    for _ in range(12):
        client.send(100)
        client.send(100)
        server.recv(200)
        transfer(server, client, 50)
    finish(client, server)


@plan("nagle-off", "the same small writes with TCP_NODELAY")
def nagle_off(lab: Lab) -> None:
    client, server = lab.pair(options=[NODELAY])
    for _ in range(6):
        client.send(100)
        client.send(100)
        server.recv(200)
        transfer(server, client, 50)
    finish(client, server)


@plan("cork", "TCP_CORK holds small writes back until the cork is pulled")
def cork(lab: Lab) -> None:
    client, server = lab.pair()
    client.option(TCP, CORK, 1)
    for _ in range(5):
        client.send(600)
    client.option(TCP, CORK, 0)
    server.recv(3_000)
    finish(client, server)


@plan("small-writes", "eighty writes of 100 bytes without Nagle", delay_ms=5)
def small_writes(lab: Lab) -> None:
    client, server = lab.pair(options=[NODELAY])
    reading = server.start_recv(8_000)
    for _ in range(80):
        client.send(100)
    assert reading.result(30)["outcome"] == "ok"
    finish(client, server)


@plan("exchanges", "twenty short requests and answers on one connection", delay_ms=5)
def exchanges(lab: Lab) -> None:
    client, server = lab.pair()
    for _ in range(20):
        transfer(client, server, 80)
        transfer(server, client, 300)
    finish(client, server)


@plan("one-way-stream", "one small message every 60 ms, only one way: every ACK is a delayed one", delay_ms=5)
def one_way_stream(lab: Lab) -> None:
    client, server = lab.pair()
    for _ in range(25):
        client.send(120)
        server.recv(120)
        time.sleep(0.06)
    finish(client, server)


@plan("idle-restart", "20 kB, 1.5 seconds of silence, 20 kB: the congestion window starts afresh")
def idle_restart(lab: Lab) -> None:
    client, server = lab.pair()
    transfer(client, server, 20_000)
    time.sleep(1.5)
    transfer(client, server, 20_000)
    finish(client, server)


@plan("urgent-data", "one byte of urgent data in the middle of a stream")
def urgent_data(lab: Lab) -> None:
    client, server = lab.pair()
    server.option(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    client.send(500)
    client.send(20, flags=socket.MSG_OOB)
    client.send(500)
    server.recv(1_020)
    finish(client, server)


@plan("push-and-wait", "writes larger than a segment with pauses: sub-sized segments with PSH", delay_ms=10)
def push_and_wait(lab: Lab) -> None:
    client, server = lab.pair()
    for count in (2_000, 5_000, 1_448, 2_897, 100):
        transfer(client, server, count)
    finish(client, server)
