"""Closing: FINs, RSTs, and what happens when they are lost or come too late."""

from __future__ import annotations

import socket
import time

from . import faults, wire
from .faults import drop
from .lab import Lab
from .moves import CORK, TCP, USER_TIMEOUT, finish, transfer
from .plan import plan

KEEPALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (TCP, socket.TCP_KEEPIDLE, 1),
    (TCP, socket.TCP_KEEPINTVL, 1),
    (TCP, socket.TCP_KEEPCNT, 3),
]


@plan("half-close", "the client closes its half, the server goes on sending 20 kB, then closes")
def half_close(lab: Lab) -> None:
    client, server = lab.pair()
    transfer(client, server, 300)
    client.shutdown()
    server.recv()
    transfer(server, client, 20_000)
    server.close()
    client.recv()
    client.close()


@plan("simultaneous-close", "both FINs cross: FIN-WAIT-1, CLOSING, TIME-WAIT on both sides", delay_ms=60)
def simultaneous_close(lab: Lab) -> None:
    client, server = lab.pair()
    transfer(client, server, 300)
    lab.link.wait_quiet(100)
    one, two = client.start_close(), server.start_close()
    one.result(15)
    two.result(15)


@plan(
    "fin-lost",
    "the client's FIN lost and sent again",
    rules=lambda: [drop("client", faults.fin)],
    expect={"client": {"RetransSegs": 1}},
)
def fin_lost(lab: Lab) -> None:
    client, server = lab.pair()
    transfer(client, server, 300)
    finish(client, server)


@plan(
    "server-fin-lost",
    "the second FIN lost: LAST-ACK sends it again",
    rules=lambda: [drop("server", faults.fin)],
    expect={"server": {"RetransSegs": 1}},
)
def server_fin_lost(lab: Lab) -> None:
    client, server = lab.pair()
    transfer(client, server, 300)
    client.shutdown()
    server.recv()
    lab.link.wait_quiet(120)
    server.close()
    client.recv()
    client.close()


def _last_ack(packet: wire.Packet, rel: int) -> bool:
    return faults.pure_ack(packet, rel) and rel == 302


@plan(
    "last-ack-lost",
    "the last ACK lost: FIN comes again, TIME-WAIT acknowledges it again",
    rules=lambda: [drop("client", _last_ack, (1,), "drop the ACK of the server's FIN")],
    expect={"server": {"RetransSegs": 1}, "client": {"RetransSegs": 0}},
)
def last_ack_lost(lab: Lab) -> None:
    fin_lost(lab)


@plan(
    "last-ack-lost-twice",
    "the last ACK lost two times: the FIN's back-off is visible",
    rules=lambda: [drop("client", _last_ack, (1, 2), "drop the ACK of the server's FIN two times")],
    expect={"server": {"RetransSegs": 2}},
    quiet_ms=1500,
)
def last_ack_lost_twice(lab: Lab) -> None:
    fin_lost(lab)


@plan("fin-with-data", "the last data and the FIN in one segment, from both sides")
def fin_with_data(lab: Lab) -> None:
    client, server = lab.pair()
    for one, other in ((client, server), (server, client)):
        one.option(TCP, CORK, 1)
        one.send(700)
        one.shutdown()
        other.recv()
    client.close()
    server.close()


@plan(
    "fin-with-data-lost",
    "the segment with the last data and the FIN lost and sent again whole",
    rules=lambda: [drop("client", faults.fin)],
    expect={"client": {"RetransSegs": (1, 2)}},
)
def fin_with_data_lost(lab: Lab) -> None:
    fin_with_data(lab)


@plan("abort-with-rst", "the client aborts (SO_LINGER 0): RST", expect={"client": {"OutRsts": 1}})
def abort_with_rst(lab: Lab) -> None:
    client, server = lab.pair()
    transfer(client, server, 300)
    lab.link.wait_quiet(100)
    client.close("abort")
    server.recv(expect="ECONNRESET")
    server.close()


@plan("server-aborts", "the server aborts in the middle of its own transfer: RST behind data in flight", delay_ms=40)
def server_aborts(lab: Lab) -> None:
    client, server = lab.pair()
    transfer(client, server, 100)
    server.send(40_000)
    lab.link.wait_count("client", "server", faults.data, 12)
    server.close("abort")
    client.start_recv().result(15)
    client.close()


@plan(
    "rst-lost",
    "the RST of an abort lost: the server's next data meet a second RST",
    rules=lambda: [drop("client", faults.rst)],
    expect={"client": {"OutRsts": 2}},
)
def rst_lost(lab: Lab) -> None:
    client, server = lab.pair()
    transfer(client, server, 300)
    lab.link.wait_quiet(100)
    client.close("abort")
    server.send(500)
    server.recv(expect="ECONNRESET")
    server.close()


@plan(
    "close-with-unread-data",
    "the server closes without having read: RST instead of FIN",
    expect={"server": {"OutRsts": 1, "TCPAbortOnClose": 1}},
)
def close_with_unread_data(lab: Lab) -> None:
    client, server = lab.pair()
    client.send(2_000)
    lab.link.wait_quiet(150)
    server.close()
    client.recv(expect="ECONNRESET")
    client.close()


@plan(
    "data-after-close",
    "the server has closed both halves, the client sends on: RST",
    expect={"server": {"OutRsts": (1, 3), "TCPAbortOnData": (0, 1)}},
)
def data_after_close(lab: Lab) -> None:
    client, server = lab.pair()
    transfer(client, server, 300)
    server.close()
    client.recv()
    client.send(2_000)
    lab.link.wait_quiet(200)
    client.close()


@plan(
    "fin-wait-2-timeout",
    "an orphan in FIN-WAIT-2 is given up after one second (tcp_fin_timeout); the peer's late FIN meets RST",
    sysctl={"tcp_fin_timeout": 1},
)
def fin_wait_2_timeout(lab: Lab) -> None:
    client, server = lab.pair()
    transfer(client, server, 300)
    client.close()
    server.recv()
    time.sleep(2.5)
    server.close()


@plan(
    "half-open-discovery",
    "the client vanishes without a word; the server's data meet RST",
    expect={"client": {"OutRsts": (1, 3)}},
)
def half_open_discovery(lab: Lab) -> None:
    client, server = lab.pair()
    transfer(client, server, 300)
    lab.link.wait_quiet(100)
    client.close("vanish")
    server.send(200)
    server.recv(expect="ECONNRESET")
    server.close()


@plan(
    "keep-alive",
    "an idle connection: three keep-alive probes, each answered",
    expect={"client": {"TCPKeepAlive": (3, 4), "RetransSegs": 0}},
    quiet_ms=100,
)
def keep_alive(lab: Lab) -> None:
    client, server = lab.pair(options=KEEPALIVE)
    transfer(client, server, 300)
    lab.link.wait_quiet(200)
    before = lab.link.count("client", "server", faults.pure_ack)
    lab.link.wait_count("client", "server", faults.pure_ack, before + 3)
    finish(client, server)


@plan(
    "keep-alive-dead-peer",
    "the path dies while the connection is idle: three probes without an answer, then RST",
    expect={"client": {"TCPKeepAlive": 3, "OutRsts": 1}},
)
def keep_alive_dead_peer(lab: Lab) -> None:
    client, server = lab.pair(options=KEEPALIVE)
    transfer(client, server, 300)
    lab.link.wait_quiet(200)
    lab.link.block("server", "the path from the server is dead")
    client.recv(expect="ETIMEDOUT")
    client.close()


@plan(
    "user-timeout",
    "data never acknowledged: back-off until TCP_USER_TIMEOUT of three seconds ends it",
    expect={"client": {"TCPTimeouts": (2, 5), "TCPAbortOnTimeout": 1}},
)
def user_timeout(lab: Lab) -> None:
    client, server = lab.pair(options=[(TCP, USER_TIMEOUT, 3_000)])
    transfer(client, server, 300)
    lab.link.wait_quiet(100)
    lab.link.block("client", "the path from the client is dead")
    client.send(300)
    client.recv(expect="ETIMEDOUT")
    client.close()


@plan(
    "fin-crosses-data",
    "the client closes its half while the server's data are still on their way",
    delay_ms=50,
)
def fin_crosses_data(lab: Lab) -> None:
    client, server = lab.pair()
    transfer(client, server, 100)
    reading = client.start_recv(25_000)
    server.send(25_000)
    client.shutdown()
    assert reading.result(60)["outcome"] == "ok"
    server.recv()
    server.close()
    client.recv()
    client.close()


@plan(
    "fin-before-hole",
    "data lost right before the FIN: the FIN arrives out of order and waits for the hole to be filled",
    rules=lambda: [drop("client", faults.covers(4_000))],
    expect={"client": {"RetransSegs": (1, 2)}},
)
def fin_before_hole(lab: Lab) -> None:
    client, server = lab.pair()
    client.send(4_344)
    client.shutdown()
    server.recv()
    server.close()
    client.recv()
    client.close()


@plan("linger-reset-many", "four connections, each ended with RST by the client after an exchange")
def linger_reset_many(lab: Lab) -> None:
    listener = lab.server.listen()
    for _ in range(4):
        client = lab.client.connect()
        server = listener.accept()
        transfer(client, server, 120)
        transfer(server, client, 400)
        client.close("abort")
        server.recv(expect="ECONNRESET")
        server.close()
