"""Opening: every way in which a handshake goes well, badly or not at all."""

from __future__ import annotations

import time

from . import faults, wire
from .faults import Rule, drop
from .lab import PORT, Lab
from .moves import FASTOPEN, MAXSEG, TCP, download, finish, transfer, upload
from .plan import plan


@plan("handshake-transfer-teardown", "the ordinary life of a connection: request, answer, client closes first")
def handshake_transfer_teardown(lab: Lab) -> None:
    download(lab, 3_000)


@plan("handshake-ipv6", "the ordinary life of a connection over IPv6", ip=6)
def handshake_ipv6(lab: Lab) -> None:
    download(lab, 3_000)


@plan("server-speaks-first", "a greeting from the server, an answer, the server closes first (TIME-WAIT there)")
def server_speaks_first(lab: Lab) -> None:
    client, server = lab.pair()
    transfer(server, client, 60)
    transfer(client, server, 40)
    finish(server, client)


@plan(
    "syn-lost",
    "the first SYN lost: sent again after one second",
    rules=lambda: [drop("client", faults.syn)],
    expect={"client": {"RetransSegs": 1, "TCPSynRetrans": 1, "TCPTimeouts": 1}},
)
def syn_lost(lab: Lab) -> None:
    download(lab, 500)


@plan(
    "syn-lost-ipv6",
    "the first SYN lost, IPv6",
    ip=6,
    rules=lambda: [drop("client", faults.syn)],
    expect={"client": {"RetransSegs": 1, "TCPSynRetrans": 1, "TCPTimeouts": 1}},
)
def syn_lost_ipv6(lab: Lab) -> None:
    download(lab, 500)


@plan(
    "syn-lost-backoff",
    "three SYNs lost, exponential back-off from the start (tcp_syn_linear_timeouts = 0): 1, 2, 4 seconds",
    rules=lambda: [drop("client", faults.syn, (1, 2, 3))],
    sysctl={"tcp_syn_linear_timeouts": 0},
    expect={"client": {"RetransSegs": 3, "TCPSynRetrans": 3, "TCPTimeouts": 3}},
)
def syn_lost_backoff(lab: Lab) -> None:
    download(lab, 500)


@plan(
    "syn-lost-linear",
    "three SYNs lost with Linux's default of four linear timeouts: one second each, no back-off",
    rules=lambda: [drop("client", faults.syn, (1, 2, 3))],
    expect={"client": {"RetransSegs": 3, "TCPSynRetrans": 3, "TCPTimeouts": 3}},
    notes=["Linux deviates from RFC 6298 §5.5 here: the first SYN timeouts do not double (tcp_syn_linear_timeouts)"],
)
def syn_lost_linear(lab: Lab) -> None:
    download(lab, 500)


@plan(
    "syn-ack-lost",
    "the SYN-ACK lost: the client's SYN or the server's SYN-ACK comes again",
    rules=lambda: [drop("server", faults.syn_ack)],
    expect={"client": {"TCPSynRetrans": (0, 1)}, "server": {"RetransSegs": (1, 2)}},
)
def syn_ack_lost(lab: Lab) -> None:
    download(lab, 500)


@plan(
    "handshake-ack-lost",
    "the handshake's last ACK lost, and the client is silent: SYN-ACK again, ACK again, then the server speaks",
    rules=lambda: [drop("client", faults.pure_ack)],
    expect={"server": {"RetransSegs": 1, "TCPSynRetrans": 1, "TCPTimeouts": (0, 1)}, "client": {"RetransSegs": 0}},
)
def handshake_ack_lost(lab: Lab) -> None:
    client, server = lab.pair()
    transfer(server, client, 60)
    finish(client, server)


@plan(
    "handshake-ack-lost-data",
    "the handshake's last ACK lost, but data follow at once and do its work",
    rules=lambda: [drop("client", faults.pure_ack)],
    expect={"server": {"RetransSegs": 0}, "client": {"RetransSegs": 0}},
)
def handshake_ack_lost_data(lab: Lab) -> None:
    listener = lab.server.listen()
    client = lab.client.connect()
    client.send(500)
    server = listener.accept()
    server.recv(500)
    finish(client, server)


@plan(
    "connect-timeout",
    "nobody answers: SYNs at 0, 1, 3 seconds, then the connect call fails",
    rules=lambda: [drop("client", faults.syn, None)],
    sysctl={"tcp_syn_retries": 2, "tcp_syn_linear_timeouts": 0},
    expect={"client": {"RetransSegs": 2, "TCPSynRetrans": 2}},
)
def connect_timeout(lab: Lab) -> None:
    lab.client.connect(expect="ETIMEDOUT")


@plan("connection-refused", "no listener: RST answers the SYN", expect={"server": {"OutRsts": 1}})
def connection_refused(lab: Lab) -> None:
    lab.client.connect(expect="ECONNREFUSED")


@plan("connection-refused-ipv6", "no listener, IPv6", ip=6, expect={"server": {"OutRsts": 1}})
def connection_refused_ipv6(lab: Lab) -> None:
    lab.client.connect(expect="ECONNREFUSED")


@plan(
    "icmp-refused",
    "the router answers the SYN with ICMP port unreachable: a hard error in SYN-SENT",
    rules=lambda: [faults.unreachable("client", faults.syn, 3)],
)
def icmp_refused(lab: Lab) -> None:
    lab.client.connect(expect="ECONNREFUSED")


@plan(
    "icmp-soft-error",
    "the router answers one data segment with ICMP host unreachable: soft, the connection lives and resends",
    rules=lambda: [faults.unreachable("client", faults.data, 1, (2,))],
)
def icmp_soft_error(lab: Lab) -> None:
    client, server = lab.pair()
    transfer(client, server, 100)
    transfer(client, server, 200)
    finish(client, server)


@plan(
    "abort-in-syn-sent",
    "the client gives up before the SYN-ACK comes; the late SYN-ACK meets RST",
    delay_ms=100,
    expect={"client": {"OutRsts": 1}},
)
def abort_in_syn_sent(lab: Lab) -> None:
    lab.server.listen()
    client = lab.client.connect(start_only=True, expect="started")
    lab.link.wait_count("client", "client", faults.syn, 1)
    client.close()


@plan(
    "reset-in-syn-received",
    "the handshake's ACK lost, then the client aborts: RST meets SYN-RECEIVED",
    rules=lambda: [drop("client", faults.pure_ack)],
    expect={"client": {"OutRsts": 1}, "server": {"AttemptFails": 1}},
)
def reset_in_syn_received(lab: Lab) -> None:
    lab.server.listen()
    client = lab.client.connect()
    lab.link.wait_count("client", "client", faults.pure_ack, 1)
    client.close("abort")


@plan(
    "simultaneous-open",
    "both ends open actively at once and meet in SYN-RECEIVED",
    delay_ms=100,
    notes=[
        "each SYN-ACK is a duplicate SYN for its receiver, and Linux reports it with a DSACK block of the SYN itself"
    ],
)
def simultaneous_open(lab: Lab) -> None:
    here = lab.client.start_connect(local_port=40_000)
    there = lab.server.start_connect(40_000, local_port=PORT)
    client, server = lab.client.connected(here), lab.server.connected(there)
    transfer(client, server, 500)
    transfer(server, client, 500)
    finish(client, server)


@plan(
    "long-round-trip",
    "round trip of 1.4 seconds: the SYN is sent again although nothing was lost",
    delay_ms=700,
    quiet_ms=1_600,
    expect={"client": {"TCPSynRetrans": 1}},
)
def long_round_trip(lab: Lab) -> None:
    upload(lab, 4_000)


@plan("satellite", "round trip of 600 ms, 50 kB: slow start seen from far away", delay_ms=300, quiet_ms=800)
def satellite(lab: Lab) -> None:
    upload(lab, 50_000)


@plan("short-round-trip", "round trip of 0.2 ms, as in one rack", delay_ms=0.1)
def short_round_trip(lab: Lab) -> None:
    download(lab, 24_000)


@plan("no-timestamps", "no timestamps option on either side", sysctl={"tcp_timestamps": 0})
def no_timestamps(lab: Lab) -> None:
    download(lab, 9_000)


@plan("no-window-scale", "no window scaling on either side", sysctl={"tcp_window_scaling": 0})
def no_window_scale(lab: Lab) -> None:
    download(lab, 9_000)


@plan("no-sack", "no SACK on either side", sysctl={"tcp_sack": 0})
def no_sack(lab: Lab) -> None:
    download(lab, 9_000)


@plan(
    "bare-options",
    "neither timestamps nor SACK nor window scaling: MSS alone",
    sysctl={"tcp_timestamps": 0, "tcp_sack": 0, "tcp_window_scaling": 0},
)
def bare_options(lab: Lab) -> None:
    download(lab, 9_000)


@plan(
    "options-declined",
    "the client offers everything, the server answers with MSS alone: nothing is used",
    server_sysctl={"tcp_timestamps": 0, "tcp_sack": 0, "tcp_window_scaling": 0},
)
def options_declined(lab: Lab) -> None:
    download(lab, 9_000)


@plan(
    "options-not-offered",
    "the client offers MSS alone, the server would do more: nothing is used",
    client_sysctl={"tcp_timestamps": 0, "tcp_sack": 0, "tcp_window_scaling": 0},
)
def options_not_offered(lab: Lab) -> None:
    download(lab, 9_000)


@plan("max-segment-option", "the client asks for segments of 536 bytes (TCP_MAXSEG)")
def max_segment_option(lab: Lab) -> None:
    download(lab, 6_000, options=[(TCP, MAXSEG, 536)])


@plan("mtu-576", "both ends at an MTU of 576", mtu=576)
def mtu_576(lab: Lab) -> None:
    download(lab, 6_000)


@plan("mtu-unequal", "the client's MTU is 1500, the server's 1280", mtu=(1500, 1280))
def mtu_unequal(lab: Lab) -> None:
    client, server = lab.pair()
    transfer(client, server, 8_000)
    transfer(server, client, 8_000)
    finish(client, server)


@plan("mtu-9000", "jumbo frames", mtu=9000)
def mtu_9000(lab: Lab) -> None:
    download(lab, 36_000)


@plan(
    "mss-clamped",
    "the router lowers the MSS option of both SYNs to 1360 on its way",
    rules=lambda: [faults.clamp("client", 1360), faults.clamp("server", 1360)],
)
def mss_clamped(lab: Lab) -> None:
    download(lab, 12_000)


@plan(
    "fast-open",
    "TCP Fast Open: the first connection asks for a cookie, the second carries data on its SYN",
    sysctl={"tcp_fastopen": 3},
    expect={"client": {"TCPFastOpenActive": 1}, "server": {"TCPFastOpenPassive": 1}},
)
def fast_open(lab: Lab) -> None:
    listener = lab.server.listen(options=[FASTOPEN])
    for _ in range(2):
        client = lab.client.connect(fast_open=300)
        server = listener.accept()
        server.recv(300)
        transfer(server, client, 800)
        finish(client, server)


@plan(
    "fast-open-ignored",
    "data on the SYN without a cookie, the server does not do Fast Open: the data come again",
    client_sysctl={"tcp_fastopen": 5},
    server_sysctl={"tcp_fastopen": 0},
    expect={"client": {"TCPFastOpenActiveFail": 1}},
)
def fast_open_ignored(lab: Lab) -> None:
    listener = lab.server.listen()
    client = lab.client.connect(fast_open=300)
    server = listener.accept()
    server.recv(300)
    transfer(server, client, 800)
    finish(client, server)


@plan(
    "fast-open-syn-lost",
    "Fast Open with a cookie, its SYN lost: sent again without data",
    sysctl={"tcp_fastopen": 3},
    rules=lambda: [drop("client", faults.syn, (2,))],
    expect={"client": {"TCPSynRetrans": 1}},
)
def fast_open_syn_lost(lab: Lab) -> None:
    fast_open(lab)


@plan("syn-cookies", "the server answers from SYN cookies alone", server_sysctl={"tcp_syncookies": 2})
def syn_cookies(lab: Lab) -> None:
    download(lab, 3_000)


@plan(
    "backlog-overflow",
    "a full accept queue: the server drops SYNs until the application accepts",
    server_sysctl={"tcp_syncookies": 0},
    expect={"server": {"ListenOverflows": (1, 20)}},
)
def backlog_overflow(lab: Lab) -> None:
    listener = lab.server.listen(backlog=0)
    first = lab.client.connect()
    starts = [lab.client.start_connect() for _ in range(2)]
    lab.link.wait_count("server", "client", faults.syn, 4)
    peers = [listener.accept() for _ in range(3)]
    for start in starts:
        lab.client.connected(start).close()
    first.close()
    for peer in peers:
        peer.recv()
        peer.close()


@plan(
    "defer-accept",
    "TCP_DEFER_ACCEPT: the server ignores the bare handshake ACK and sends SYN-ACK again until data come",
)
def defer_accept(lab: Lab) -> None:
    listener = lab.server.listen(options=[(TCP, 9, 3)])
    client = lab.client.connect()
    lab.link.wait_count("client", "server", faults.syn_ack, 2)
    client.send(100)
    server = listener.accept()
    server.recv(100)
    transfer(server, client, 100)
    finish(client, server)


@plan("md5-signature", "every segment signed (TCP MD5 option, RFC 2385)")
def md5_signature(lab: Lab) -> None:
    listener = lab.server.listen(md5="192.0.2.1")
    client = lab.client.connect(md5="198.51.100.1")
    server = listener.accept()
    transfer(client, server, 5_000)
    finish(client, server)


@plan("sequence-wrap", "the client's ISN is 3000 below 2^32: sequence numbers wrap within the third segment")
def sequence_wrap(lab: Lab) -> None:
    client, server = lab.pair(isn=2**32 - 3_000)
    transfer(client, server, 12_000)
    transfer(server, client, 500)
    finish(client, server)


@plan(
    "sequence-wrap-loss",
    "a segment lost right at the wrap of the sequence numbers",
    rules=lambda: [drop("client", faults.covers(2_999))],
    expect={"client": {"RetransSegs": 1, "TCPFastRetrans": 1}},
)
def sequence_wrap_loss(lab: Lab) -> None:
    client, server = lab.pair(isn=2**32 - 3_000)
    transfer(client, server, 20_000)
    finish(client, server)


@plan("port-reuse-time-wait", "the same four-tuple again while the server is in TIME-WAIT: the new SYN takes over")
def port_reuse_time_wait(lab: Lab) -> None:
    listener = lab.server.listen()
    for _ in range(2):
        client = lab.client.connect(local_port=40_001)
        server = listener.accept()
        transfer(client, server, 200)
        finish(server, client)
        lab.link.wait_quiet(200)


@plan(
    "port-reuse-client",
    "the same four-tuple again while the client is in TIME-WAIT (tcp_tw_reuse, after more than a second)",
    sysctl={"tcp_tw_reuse": 1},
)
def port_reuse_client(lab: Lab) -> None:
    listener = lab.server.listen()
    for _ in range(2):
        client = lab.client.connect(local_port=40_002)
        server = listener.accept()
        transfer(client, server, 200)
        finish(client, server)
        time.sleep(2.2)


@plan(
    "half-open-reconnect",
    "the client crashes and opens the same four-tuple again: challenge ACK, RST, then a new handshake",
    expect={"server": {"TCPChallengeACK": 1}, "client": {"OutRsts": 1, "TCPSynRetrans": 1}},
)
def half_open_reconnect(lab: Lab) -> None:
    listener = lab.server.listen()
    client = lab.client.connect(local_port=40_003)
    server = listener.accept()
    transfer(client, server, 200)
    lab.link.wait_quiet(100)
    client.close("vanish")
    client = lab.client.connect(local_port=40_003)
    second = listener.accept()
    server.recv(expect="ECONNRESET")
    server.close()
    transfer(client, second, 200)
    finish(client, second)


@plan("many-connections", "twelve short connections at once between the same hosts", delay_ms=10)
def many_connections(lab: Lab) -> None:
    listener = lab.server.listen()
    starts = [lab.client.start_connect() for _ in range(12)]
    clients = [lab.client.connected(start) for start in starts]
    servers = [listener.accept() for _ in clients]
    for client in clients:
        client.send(700)
    for server in servers:
        server.recv(700)
        server.send(900)
    for client in clients:
        client.recv(900)
        client.shutdown()
    for server in servers:
        server.recv()
        server.close()
    for client in clients:
        client.recv()
        client.close()


@plan(
    "ecn-refused",
    "the client offers ECN, the server declines",
    client_sysctl={"tcp_ecn": 1},
    server_sysctl={"tcp_ecn": 0},
)
def ecn_refused(lab: Lab) -> None:
    download(lab, 6_000)


def _ecn_syn(packet: wire.Packet, rel: int) -> bool:
    return faults.syn(packet, rel) and bool(packet.flags & wire.ECE)


def _drop_ecn_syn() -> list[Rule]:
    return [drop("client", _ecn_syn, None, "drop every SYN that offers ECN")]


@plan(
    "ecn-syn-lost",
    "a middlebox drops SYNs that offer ECN: the client tries again without",
    sysctl={"tcp_ecn": 1},
    rules=_drop_ecn_syn,
    expect={"client": {"TCPSynRetrans": (1, 4)}},
)
def ecn_syn_lost(lab: Lab) -> None:
    download(lab, 6_000)
