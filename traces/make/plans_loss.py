"""Loss, delay, duplication and reordering, and how Linux repairs them."""

from __future__ import annotations

from . import faults
from .faults import Rule, delay, drop, duplicate, reorder, stall
from .lab import Lab
from .link import Path
from .moves import MSS, download, finish, transfer, upload
from .plan import plan

NO_PROBE = {"tcp_early_retrans": 0}
NO_SACK = {"tcp_sack": 0}


def _segment(number: int) -> faults.Match:
    """The ``number``-th full segment of a transfer, counted from 1."""
    return faults.covers((number - 1) * MSS)


def _lose(*numbers: int) -> list[Rule]:
    return [drop("client", _segment(number), text=f"drop data segment {number} once") for number in numbers]


@plan(
    "fast-retransmit-sack",
    "one segment lost in the middle of a flight: SACK recovery, one fast retransmit",
    rules=lambda: _lose(6),
    expect={"client": {"RetransSegs": 1, "TCPFastRetrans": 1, "TCPSackRecovery": 1, "TCPTimeouts": 0}},
)
def fast_retransmit_sack(lab: Lab) -> None:
    upload(lab, 20_000)


@plan(
    "fast-retransmit-ipv6",
    "one segment lost, IPv6",
    ip=6,
    rules=lambda: [drop("client", faults.covers(5 * 1428))],
    expect={"client": {"RetransSegs": 1, "TCPFastRetrans": 1, "TCPSackRecovery": 1, "TCPTimeouts": 0}},
)
def fast_retransmit_ipv6(lab: Lab) -> None:
    upload(lab, 20_000)


@plan(
    "fast-retransmit-no-sack",
    "one segment lost without SACK: three duplicate ACKs, NewReno",
    sysctl=NO_SACK,
    rules=lambda: _lose(6),
    expect={"client": {"RetransSegs": 1, "TCPFastRetrans": 1, "TCPRenoRecovery": 1, "TCPTimeouts": 0}},
)
def fast_retransmit_no_sack(lab: Lab) -> None:
    upload(lab, 20_000)


@plan(
    "fast-retransmit-reno",
    "one segment lost under Reno congestion control",
    congestion=("reno", "reno"),
    rules=lambda: _lose(15),
    expect={"client": {"RetransSegs": 1, "TCPFastRetrans": 1, "TCPTimeouts": 0}},
)
def fast_retransmit_reno(lab: Lab) -> None:
    upload(lab, 36_000)


@plan(
    "fast-retransmit-bbr",
    "one segment lost under BBR: paced sending, window hardly touched",
    congestion=("bbr", "bbr"),
    rules=lambda: _lose(15),
    expect={"client": {"RetransSegs": 1, "TCPFastRetrans": 1, "TCPTimeouts": 0}},
)
def fast_retransmit_bbr(lab: Lab) -> None:
    upload(lab, 36_000)


@plan(
    "fast-retransmit-no-options",
    "one segment lost without SACK and timestamps",
    sysctl={"tcp_sack": 0, "tcp_timestamps": 0},
    rules=lambda: [drop("client", faults.covers(5 * 1460))],
    expect={"client": {"RetransSegs": 1, "TCPFastRetrans": 1, "TCPTimeouts": 0}},
)
def fast_retransmit_no_options(lab: Lab) -> None:
    upload(lab, 20_000)


@plan(
    "download-loss",
    "the server's data lost twice on the way to the client",
    rules=lambda: [drop("server", _segment(4)), drop("server", _segment(12))],
    expect={"server": {"RetransSegs": 2, "TCPFastRetrans": 2, "TCPTimeouts": 0}},
)
def download_loss(lab: Lab) -> None:
    download(lab, 24_000)


@plan(
    "several-losses-sack",
    "three separate segments of one flight lost: SACK repairs all within a round trip",
    rules=lambda: _lose(12, 15, 19),
    expect={"client": {"RetransSegs": 3, "TCPFastRetrans": 3, "TCPSackRecovery": 1, "TCPTimeouts": 0}},
)
def several_losses_sack(lab: Lab) -> None:
    upload(lab, 36_000)


@plan(
    "several-losses-no-sack",
    "three separate segments of one flight lost without SACK: NewReno repairs one each round trip (partial ACKs)",
    sysctl=NO_SACK,
    rules=lambda: _lose(12, 15, 19),
    expect={"client": {"RetransSegs": (3, 4), "TCPRenoRecovery": (1, 2), "TCPTimeouts": 0}},
)
def several_losses_no_sack(lab: Lab) -> None:
    upload(lab, 36_000)


@plan(
    "burst-loss",
    "six neighbouring segments lost",
    rules=lambda: _lose(12, 13, 14, 15, 16, 17),
    expect={"client": {"RetransSegs": 6, "TCPTimeouts": 0}},
)
def burst_loss(lab: Lab) -> None:
    upload(lab, 36_000)


@plan(
    "no-rack",
    "a segment lost with RACK switched off (tcp_recovery = 0): RFC 6675 alone",
    sysctl={"tcp_recovery": 0},
    rules=lambda: _lose(6),
    expect={"client": {"RetransSegs": 1, "TCPFastRetrans": 1}},
)
def no_rack(lab: Lab) -> None:
    upload(lab, 20_000)


@plan(
    "retransmission-lost",
    "a segment and its fast retransmission lost: RACK finds out and sends it a third time without a timeout",
    rules=lambda: [drop("client", _segment(12), (1, 2), "drop data segment 12 and its retransmission")],
    expect={"client": {"RetransSegs": (2, 3), "TCPLostRetransmit": (1, 2), "TCPTimeouts": 0}},
)
def retransmission_lost(lab: Lab) -> None:
    upload(lab, 60_000)


@plan(
    "retransmission-lost-timeout",
    "a segment lost four times: fast retransmit first, then timeouts with back-off",
    rules=lambda: [drop("client", _segment(6), (1, 2, 3, 4), "drop data segment 6 four times")],
    expect={"client": {"RetransSegs": (4, 8), "TCPTimeouts": (1, 3)}},
)
def retransmission_lost_timeout(lab: Lab) -> None:
    upload(lab, 20_000)


@plan(
    "tail-loss",
    "the last segment of a transfer lost: tail loss probe before any timeout",
    rules=lambda: [drop("client", faults.covers(9_999), text="drop the last data segment once")],
    expect={"client": {"RetransSegs": 1, "TCPLossProbes": 1, "TCPLossProbeRecovery": 1, "TCPTimeouts": 0}},
)
def tail_loss(lab: Lab) -> None:
    upload(lab, 10_000)


@plan(
    "tail-loss-several",
    "the last three segments lost: the probe's SACK starts recovery of the others",
    rules=lambda: _lose(8, 9, 10),
    expect={"client": {"RetransSegs": 3, "TCPLossProbes": 1, "TCPTimeouts": 0}},
)
def tail_loss_several(lab: Lab) -> None:
    upload(lab, 10 * MSS)


@plan(
    "tail-loss-probe-lost",
    "the last segment and the probe for it lost: timeout",
    rules=lambda: [drop("client", faults.covers(9_999), (1, 2), "drop the last data segment and the probe")],
    expect={"client": {"RetransSegs": 2, "TCPLossProbes": 1, "TCPTimeouts": 1}},
)
def tail_loss_probe_lost(lab: Lab) -> None:
    upload(lab, 10_000)


@plan(
    "tail-loss-no-probe",
    "the last segment lost with loss probes switched off: timeout",
    sysctl=NO_PROBE,
    rules=lambda: [drop("client", faults.covers(9_999), text="drop the last data segment once")],
    expect={"client": {"RetransSegs": 1, "TCPLossProbes": 0, "TCPTimeouts": 1}},
    notes=["Linux's RTO floor of 200 ms is below the second that RFC 6298 §2.4 asks for"],
)
def tail_loss_no_probe(lab: Lab) -> None:
    upload(lab, 10_000)


@plan(
    "probe-with-new-data",
    "the whole first flight lost with more data waiting: the probe carries a new segment, its SACK starts recovery",
    rules=lambda: [drop("client", faults.data, range(1, 11), "drop the whole first flight")],
    expect={"client": {"TCPLossProbes": 1, "TCPTimeouts": 0, "RetransSegs": 10}},
)
def probe_with_new_data(lab: Lab) -> None:
    upload(lab, 20_000)


@plan(
    "request-lost",
    "the only segment of a request lost: probe, no duplicate ACKs possible",
    rules=lambda: [drop("client", faults.data)],
    expect={"client": {"RetransSegs": 1, "TCPTimeouts": (0, 1)}},
)
def request_lost(lab: Lab) -> None:
    download(lab, 2_000)


@plan(
    "timeout-backoff",
    "one segment lost four times: timeouts with doubling intervals, no probes",
    sysctl=NO_PROBE,
    rules=lambda: [drop("client", faults.data, (2, 3, 4, 5), "drop the second write four times")],
    expect={"client": {"RetransSegs": 4, "TCPTimeouts": 4}},
)
def timeout_backoff(lab: Lab) -> None:
    client, server = lab.pair()
    transfer(client, server, 400)
    lab.link.wait_quiet(100)
    transfer(client, server, 400)
    finish(client, server)


@plan(
    "probe-then-backoff",
    "one segment lost four times with probes: probe first, then timeouts",
    rules=lambda: [drop("client", faults.data, (2, 3, 4, 5), "drop the second write four times")],
    expect={"client": {"RetransSegs": 4, "TCPLossProbes": 1, "TCPTimeouts": 3}},
)
def probe_then_backoff(lab: Lab) -> None:
    timeout_backoff(lab)


@plan(
    "whole-flight-lost",
    "all ten segments of the first flight lost: timeout, then slow start",
    sysctl=NO_PROBE,
    rules=lambda: [drop("client", faults.data, range(1, 11), "drop the whole first flight")],
    expect={"client": {"RetransSegs": (10, 14), "TCPTimeouts": 1}},
)
def whole_flight_lost(lab: Lab) -> None:
    upload(lab, 20_000)


@plan(
    "ack-lost",
    "some ACKs lost: later ones make up for them, nothing is resent",
    rules=lambda: [drop("server", faults.pure_ack, (2, 3, 5, 8))],
    expect={"client": {"RetransSegs": 0}},
)
def ack_lost(lab: Lab) -> None:
    upload(lab, 30_000)


@plan(
    "all-acks-lost",
    "every ACK of a flight lost: the probe is spurious, the receiver says so with DSACK",
    rules=lambda: [drop("server", faults.pure_ack, range(1, 6), "drop all five ACKs of the flight")],
    expect={"client": {"RetransSegs": 1, "TCPLossProbes": 1, "TCPDSACKRecv": 1}},
)
def all_acks_lost(lab: Lab) -> None:
    client, server = lab.pair()
    transfer(client, server, 5 * MSS)
    lab.link.wait_quiet(400)
    finish(client, server)


@plan(
    "spurious-timeout",
    "the path stalls for 800 ms, nothing is lost: timeout, then F-RTO and timestamps undo it, DSACKs",
    rules=lambda: [stall("client", faults.data, 800, (14,))],
    expect={"client": {"TCPTimeouts": (1, 2), "TCPSpuriousRTOs": (0, 1), "TCPDSACKRecv": (1, 20)}},
)
def spurious_timeout(lab: Lab) -> None:
    upload(lab, 30_000)


@plan(
    "spurious-timeout-no-timestamps",
    "the path stalls for 800 ms without timestamps: F-RTO alone",
    sysctl={"tcp_timestamps": 0},
    rules=lambda: [stall("client", faults.data, 800, (14,))],
    expect={"client": {"TCPTimeouts": (1, 2), "TCPDSACKRecv": (1, 20)}},
)
def spurious_timeout_no_timestamps(lab: Lab) -> None:
    upload(lab, 30_000)


@plan(
    "spurious-timeout-ack-path",
    "the ACKs' way stalls for 700 ms, nothing is lost",
    rules=lambda: [stall("server", faults.pure_ack, 700, (6,))],
    expect={"client": {"TCPTimeouts": (0, 2), "TCPDSACKRecv": (1, 20), "RetransSegs": (1, 20)}},
)
def spurious_timeout_ack_path(lab: Lab) -> None:
    upload(lab, 30_000)


@plan(
    "spurious-timeout-no-dsack",
    "the path stalls for 800 ms and the receiver does not send DSACK",
    sysctl={"tcp_dsack": 0},
    rules=lambda: [stall("client", faults.data, 800, (14,))],
    expect={"client": {"TCPTimeouts": (1, 2), "TCPDSACKRecv": 0}},
)
def spurious_timeout_no_dsack(lab: Lab) -> None:
    upload(lab, 30_000)


@plan(
    "reorder-by-one",
    "a segment overtaken by one other: one duplicate ACK, nothing is resent",
    rules=lambda: [reorder("client", _segment(5), 1)],
    expect={"client": {"RetransSegs": 0}, "server": {"TCPOFOQueue": 1}},
)
def reorder_by_one(lab: Lab) -> None:
    upload(lab, 20_000)


@plan(
    "reorder-by-two",
    "a segment overtaken by two others: nothing is resent",
    rules=lambda: [reorder("client", _segment(5), 2)],
    expect={"client": {"RetransSegs": 0}, "server": {"TCPOFOQueue": 2}},
)
def reorder_by_two(lab: Lab) -> None:
    upload(lab, 20_000)


@plan(
    "reorder-far",
    "a segment overtaken by six others: needless fast retransmit, DSACK, undone",
    rules=lambda: [delay("client", _segment(12), 30)],
    expect={"client": {"RetransSegs": (1, 2), "TCPDSACKRecv": (1, 2), "TCPFastRetrans": (1, 2), "TCPTimeouts": 0}},
)
def reorder_far(lab: Lab) -> None:
    upload(lab, 30_000)


@plan(
    "reorder-often",
    "jitter of 6 ms on every packet, which reorders: Linux learns the degree of reordering",
    paths=lambda: {
        "client": Path(20, jitter_ms=6, jitter_reorders=True),
        "server": Path(20),
    },
    expect={"client": {"TCPTimeouts": 0}},
)
def reorder_often(lab: Lab) -> None:
    upload(lab, 50_000)


@plan(
    "reorder-no-sack",
    "a segment overtaken by five others without SACK: three duplicate ACKs, needless fast retransmit",
    sysctl=NO_SACK,
    rules=lambda: [reorder("client", _segment(12), 5)],
    expect={"client": {"TCPTimeouts": 0}},
)
def reorder_no_sack(lab: Lab) -> None:
    upload(lab, 30_000)


@plan(
    "reorder-acks",
    "an ACK overtaken by two later ones: an old ACK arrives late at the client",
    rules=lambda: [reorder("server", faults.pure_ack, 2, (4,))],
    expect={"client": {"RetransSegs": 0}},
)
def reorder_acks(lab: Lab) -> None:
    upload(lab, 20_000)


@plan(
    "duplicate-data",
    "the network delivers two segments twice: DSACKs, nothing is resent",
    rules=lambda: [duplicate("client", faults.data, (3, 6))],
    expect={"client": {"RetransSegs": 0, "TCPDSACKRecv": 2}},
)
def duplicate_data(lab: Lab) -> None:
    upload(lab, 20_000)


@plan(
    "duplicate-acks",
    "the network delivers one ACK four more times: not a loss",
    rules=lambda: [duplicate("server", faults.pure_ack, (3,), count=4)],
)
def duplicate_acks(lab: Lab) -> None:
    upload(lab, 20_000)


@plan(
    "duplicate-handshake",
    "the network delivers SYN, SYN-ACK and the handshake's ACK twice",
    rules=lambda: [
        duplicate("client", faults.syn),
        duplicate("server", faults.syn_ack),
        duplicate("client", faults.pure_ack),
    ],
)
def duplicate_handshake(lab: Lab) -> None:
    download(lab, 2_000)


@plan(
    "duplicate-fins",
    "the network delivers both FINs twice, the second copy 30 ms late",
    rules=lambda: [duplicate("client", faults.fin, ms=30), duplicate("server", faults.fin, ms=30)],
)
def duplicate_fins(lab: Lab) -> None:
    download(lab, 2_000)


@plan(
    "duplicate-late-data",
    "a copy of an early segment arrives 300 ms late, when the connection is already closed",
    rules=lambda: [duplicate("client", faults.data, (2,), ms=300)],
    quiet_ms=500,
)
def duplicate_late_data(lab: Lab) -> None:
    upload(lab, 6_000)


@plan(
    "corruption",
    "a bit flipped on the way: the checksum finds it, the segment is resent",
    rules=lambda: [faults.damage("client", _segment(5))],
    expect={"client": {"RetransSegs": 1}, "server": {"InCsumErrors": 1}},
)
def corruption(lab: Lab) -> None:
    upload(lab, 20_000)


@plan(
    "random-loss",
    "six per cent of all packets lost at random, both ways",
    seed=7,
    paths=lambda: {"client": Path(20, loss=0.06), "server": Path(20, loss=0.06)},
    expect={"client": {"RetransSegs": (1, 30)}},
)
def random_loss(lab: Lab) -> None:
    upload(lab, 50_000)


@plan(
    "random-trouble",
    "loss, duplication and reordering at random, both ways, data both ways",
    seed=11,
    paths=lambda: {
        "client": Path(15, loss=0.02, duplication=0.02, jitter_ms=8, jitter_reorders=True),
        "server": Path(15, loss=0.02, duplication=0.02, jitter_ms=8, jitter_reorders=True),
    },
    expect={"client": {"RetransSegs": (1, 40)}},
)
def random_trouble(lab: Lab) -> None:
    both_ways(lab, 35_000)


def both_ways(lab: Lab, count: int) -> None:
    """Both ends send ``count`` bytes at the same time."""
    client, server = lab.pair()
    there, here = server.start_recv(count), client.start_recv(count)
    one, two = client.start_send(count), server.start_send(count)
    for future in (one, two, there, here):
        assert future.result(150)["outcome"] == "ok"
    finish(client, server)


@plan(
    "loss-both-ways",
    "data both ways at once, segments lost in both directions: SACK blocks ride on data",
    rules=lambda: [drop("client", _segment(7)), drop("server", _segment(9))],
    expect={"client": {"RetransSegs": (1, 2)}, "server": {"RetransSegs": (1, 2)}},
)
def loss_both_ways(lab: Lab) -> None:
    both_ways(lab, 25_000)


@plan(
    "jumbo-loss",
    "a jumbo segment lost",
    mtu=9000,
    rules=lambda: [drop("client", faults.covers(3 * 8948))],
    expect={"client": {"RetransSegs": 1}},
)
def jumbo_loss(lab: Lab) -> None:
    upload(lab, 50_000)
