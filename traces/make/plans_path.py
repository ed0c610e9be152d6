"""Paths: MTU discovery, explicit congestion notification, bottlenecks, jitter."""

from __future__ import annotations

from . import faults
from .faults import mark
from .lab import Lab
from .link import Path
from .moves import download, finish, upload
from .plan import plan


def _bottleneck(rate_mbit: float, packets: int) -> dict[str, Path]:
    return {"client": Path(20, rate_mbit=rate_mbit, queue_packets=packets), "server": Path(20)}


def _narrow(mtu: int, *, silent: bool = False, sender: str = "client") -> dict[str, Path]:
    other = {"client": "server", "server": "client"}[sender]
    return {sender: Path(20, mtu=mtu, silent_mtu=silent), other: Path(20)}


@plan(
    "ecn-congestion-mark",
    "ECN negotiated, one segment marked: ECE until CWR, the window reduced, nothing resent",
    sysctl={"tcp_ecn": 1},
    rules=lambda: [mark("client", faults.data, (14,))],
    expect={"client": {"RetransSegs": 0}, "server": {}},
)
def ecn_congestion_mark(lab: Lab) -> None:
    upload(lab, 30_000)


@plan(
    "ecn-several-marks",
    "ECN with marks in three different round trips, IPv6",
    ip=6,
    sysctl={"tcp_ecn": 1},
    rules=lambda: [mark("client", faults.data, (14, 15, 16, 30, 48))],
    expect={"client": {"RetransSegs": 0}},
)
def ecn_several_marks(lab: Lab) -> None:
    upload(lab, 50_000)


@plan(
    "ecn-mark-and-loss",
    "ECN negotiated, one segment marked, another lost in the same flight",
    sysctl={"tcp_ecn": 1},
    rules=lambda: [mark("client", faults.data, (14,)), faults.drop("client", faults.covers(20 * 1448))],
    expect={"client": {"RetransSegs": 1}},
)
def ecn_mark_and_loss(lab: Lab) -> None:
    upload(lab, 36_000)


@plan("ecn-quiet", "ECN negotiated and nothing marked", sysctl={"tcp_ecn": 1})
def ecn_quiet(lab: Lab) -> None:
    download(lab, 10_000)


@plan(
    "pmtu-discovery",
    "a link of MTU 1300 on the way: ICMP fragmentation needed, smaller segments from then on",
    paths=lambda: _narrow(1300),
    expect={"client": {"RetransSegs": (1, 30)}},
)
def pmtu_discovery(lab: Lab) -> None:
    upload(lab, 20_000)


@plan(
    "pmtu-discovery-ipv6",
    "a link of MTU 1300 on the way: ICMPv6 packet too big",
    ip=6,
    paths=lambda: _narrow(1300),
    expect={"client": {"RetransSegs": (1, 30)}},
)
def pmtu_discovery_ipv6(lab: Lab) -> None:
    upload(lab, 20_000)


@plan(
    "pmtu-discovery-server",
    "the narrow link lies on the server's way to the client",
    paths=lambda: _narrow(1300, sender="server"),
    expect={"server": {"RetransSegs": (1, 30)}},
)
def pmtu_discovery_server(lab: Lab) -> None:
    download(lab, 9_000)


@plan(
    "pmtu-black-hole",
    "a narrow link that drops large packets in silence: timeouts until MTU probing (tcp_mtu_probing = 1) finds out",
    sysctl={"tcp_mtu_probing": 1},
    paths=lambda: _narrow(1300, silent=True),
    expect={"client": {"TCPTimeouts": (1, 10)}},
)
def pmtu_black_hole(lab: Lab) -> None:
    upload(lab, 12_000)


@plan(
    "bottleneck-cubic",
    "a bottleneck of 4 Mbit/s with a queue of 10 packets, CUBIC: losses by congestion",
    paths=lambda: _bottleneck(4, 10),
    expect={"client": {"RetransSegs": (1, 60)}},
)
def bottleneck_cubic(lab: Lab) -> None:
    upload(lab, 90_000)


@plan(
    "bottleneck-reno",
    "the same bottleneck, Reno without SACK",
    sysctl={"tcp_sack": 0},
    congestion=("reno", "reno"),
    paths=lambda: _bottleneck(4, 10),
    expect={"client": {"RetransSegs": (1, 80)}},
)
def bottleneck_reno(lab: Lab) -> None:
    upload(lab, 50_000)


@plan(
    "bottleneck-bbr",
    "the same bottleneck, BBR",
    congestion=("bbr", "bbr"),
    paths=lambda: _bottleneck(4, 10),
)
def bottleneck_bbr(lab: Lab) -> None:
    upload(lab, 50_000)


@plan(
    "bottleneck-large-queue",
    "a bottleneck of 2 Mbit/s with a queue that never overflows: the round trip grows several times, nothing is lost",
    paths=lambda: _bottleneck(2, 1000),
)
def bottleneck_large_queue(lab: Lab) -> None:
    upload(lab, 50_000)


@plan(
    "bottleneck-shared",
    "two connections share a bottleneck of 4 Mbit/s",
    paths=lambda: _bottleneck(4, 10),
    expect={"client": {"RetransSegs": (1, 80)}},
)
def bottleneck_shared(lab: Lab) -> None:
    listener = lab.server.listen()
    pairs = []
    for _ in range(2):
        client = lab.client.connect()
        pairs.append((client, listener.accept()))
    readings = [server.start_recv(40_000) for _, server in pairs]
    sendings = [client.start_send(40_000) for client, _ in pairs]
    for future in (*sendings, *readings):
        assert future.result(120)["outcome"] == "ok"
    for client, server in pairs:
        finish(client, server)


@plan(
    "asymmetric-delay",
    "5 ms towards the server, 75 ms back",
    paths=lambda: {"client": Path(5), "server": Path(75)},
)
def asymmetric_delay(lab: Lab) -> None:
    download(lab, 24_000)


@plan(
    "jitter",
    "jitter of 25 ms that keeps the order",
    seed=3,
    paths=lambda: {"client": Path(15, jitter_ms=25), "server": Path(15, jitter_ms=25)},
)
def jitter(lab: Lab) -> None:
    download(lab, 24_000)
