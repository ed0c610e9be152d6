"""A scripted peer that breaks further rules: headers, handshake, resets, recovery."""

from __future__ import annotations

import time

from . import faults, wire
from .faults import drop
from .lab import Lab
from .link import Path
from .moves import receive_buffer
from .peer import Peer, mss
from .wrongs import MSS, accepted, call, cut, end, fault, serve

RESERVED = 0x600
"""Two of the header's bits that nobody has defined, as they lie in the flags word."""


@fault("syn-isn-changes", "the SYN comes again with another initial sequence number before any answer", "client")
def syn_isn_changes(lab: Lab) -> None:
    lab.server.listen()
    peer = Peer(lab, isn=3_000_000)
    peer.send("S", options=peer.offer())
    time.sleep(0.01)
    words = "a second SYN of the same four-tuple, 10 ms after the first, at another ISN"
    peer.send("S", seq=777_000, options=peer.offer(), wrong=("isn-changes", words, "RFC 9293 §3.4.1; §3.5"))
    packet = peer.wait(wire.SYN | wire.ACK)
    peer.drain(0.1)
    peer.send("R", seq=peer.rel_ack(packet), plain=True)
    peer.drain(0.1)


@fault("handshake-ack-wrong", "the ACK that should end the handshake acknowledges 500 bytes too much", "client")
def handshake_ack_wrong(lab: Lab) -> None:
    listener = lab.server.listen()
    peer = Peer(lab)
    peer.send("S", options=peer.offer())
    peer.wait(wire.SYN | wire.ACK)
    peer.use_timestamps = True
    words = "acknowledges 500 bytes that the server has not sent; it knows only its SYN"
    peer.send(ack=501, wrong=("ack-of-unsent-data", words, "RFC 9293 §3.10.7.4"))
    peer.wait(wire.RST)
    peer.send()
    sock = accepted(listener)
    end(peer, sock)


@fault(
    "rst-to-data-wrong-form",
    "the client has forgotten the connection; its RST answers data with a number of its own",
    "client",
)
def rst_to_data_wrong_form(lab: Lab) -> None:
    peer, sock = call(lab)
    sock.send(300)
    peer.wait_data(301)
    words = "answers a segment that has an ACK: the RST must carry SEG.ACK as its number, and no ACK"
    wrong = ("rst-wrong-seq", words, "RFC 9293 §3.5.2; §3.10.7.1")
    peer.send("RA", seq=5_000_000, plain=True, window=0, wrong=wrong)
    peer.drain(0.2)
    peer.send("R", seq=1, plain=True, window=0)
    peer.drain(0.1)
    sock.close()


@fault("syn-echoes-timestamp", "the SYN carries a timestamp echo although there is nothing to echo", "client")
def syn_echoes_timestamp(lab: Lab) -> None:
    listener = lab.server.listen()
    peer = Peer(lab)
    peer.ts_recent = 123_456
    words = "TSecr is not zero in a segment without ACK"
    peer.open(wrong=("tsecr-without-ack", words, "RFC 7323 §3.2"))
    sock = accepted(listener)
    peer.send("PA", 200)
    peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault("option-twice", "a SYN with two MSS options", "client")
def option_twice(lab: Lab) -> None:
    listener = lab.server.listen()
    peer = Peer(lab)
    words = "the MSS option stands twice in one header, with different values"
    peer.send("S", options=mss(1460) + mss(900), wrong=("option-twice", words, "RFC 9293 §3.2"))
    peer.wait(wire.SYN | wire.ACK)
    peer.send()
    sock = accepted(listener)
    peer.send("PA", 200)
    peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault("reserved-bits", "two reserved bits of the header set on data", "client")
def reserved_bits(lab: Lab) -> None:
    peer, sock = call(lab)
    words = "reserved header bits are not zero"
    wrong = ("reserved-bits", words, "RFC 9293 §3.1")
    peer.send("PA", 200, extra_bits=RESERVED, wrong=wrong)
    peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault("header-length-wrong", "data offset 3: less than the header itself", "client")
def header_length_wrong(lab: Lab) -> None:
    peer, sock = call(lab)
    words = "the data offset is 3 words, a TCP header has at least 5"
    wrong = ("header-length-wrong", words, "RFC 9293 §3.1")
    peer.send("PA", 200, seq=peer.nxt, data_offset=3, wrong=wrong)
    peer.drain(0.25)
    peer.send("PA", 200)
    peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault(
    "sack-reneging",
    "the server drops data that it had reported with SACK: allowed, but it must be seen",
    "server",
    rules=lambda: [drop("client", faults.data, (1,))],
)
def sack_reneging(lab: Lab) -> None:
    peer, sock = serve(lab)
    sock.send(4 * MSS)
    for number in range(2, 5):
        peer.recv()
        peer.send(options=peer.sack((1 + MSS, 1 + number * MSS)))
    peer.wait_data(1 + MSS)
    words = "acknowledges only the first segment: the three behind it, reported as received, have been thrown away"
    peer.send(wrong=("sack-reneging", words, "RFC 2018 §8"))
    peer.wait_data(1 + 4 * MSS, acking=True)
    end(peer, sock)


@fault(
    "ecn-capable-retransmission",
    "a retransmitted segment marked ECN-capable",
    "client",
    server_sysctl={"tcp_ecn": 1},
    rules=lambda: [drop("client", faults.data)],
)
def ecn_capable_retransmission(lab: Lab) -> None:
    peer = Peer(lab)
    listener = lab.server.listen()
    peer.open(flags="SEC")
    sock = accepted(listener)
    after = peer.send("PA", 500, tos=2)
    time.sleep(1.0)
    words = "ECT(0) on a retransmission"
    peer.send("PA", 500, seq=1, tos=2, wrong=("ect-on-control", words, "RFC 3168 §6.1.5"), near=True)
    peer.wait_ack(after)
    end(peer, sock)


@fault(
    "timeout-burst",
    "a whole flight lost; after the timeout the client resends all ten segments at once",
    "client",
    rules=lambda: [drop("client", faults.data, range(1, 11), "drop the whole first flight")],
)
def timeout_burst(lab: Lab) -> None:
    peer, sock = call(lab)
    for _ in range(10):
        peer.send("A", 1_000)
    time.sleep(1.0)
    for number in range(10):
        words = "a second segment after the timeout before any acknowledgement: the loss window is one segment"
        wrong = ("loss-window-exceeded", words, "RFC 5681 §3.1") if number == 1 else None
        peer.send("PA" if number == 9 else "A", 1_000, seq=1 + 1_000 * number, wrong=wrong, near=True)
    peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault("syn-in-connection", "a SYN in the middle of an established connection: a challenge ACK answers it", "client")
def syn_in_connection(lab: Lab) -> None:
    peer, sock = call(lab)
    peer.send("PA", 200)
    peer.wait_ack(peer.nxt)
    words = "a SYN inside the window of an established connection"
    wrong = ("syn-in-connection", words, "RFC 9293 §3.10.7.4; RFC 5961 §4")
    peer.send("S", seq=peer.nxt + 50, options=mss(1460), plain=True, wrong=wrong)
    peer.drain(0.2)
    peer.send("PA", 200)
    peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault("data-after-peers-reset", "after RST from the server the client goes on sending", "client")
def data_after_peers_reset(lab: Lab) -> None:
    peer, sock = call(lab, read=False)
    peer.send("PA", 300)
    peer.wait_ack(peer.nxt)
    sock.close("abort")
    peer.wait(wire.RST)
    time.sleep(0.05)
    words = "data 50 ms after the server's RST has arrived"
    peer.send("PA", 300, wrong=("data-after-peers-rst", words, "RFC 9293 §3.5.3"), near=True)
    peer.drain(0.2)


@fault(
    "old-data-unanswered",
    "its ACK is lost, and the server does not answer the data that come again",
    "server",
    rules=lambda: [drop("server", faults.pure_ack, (1,), "drop the ACK of the data")],
)
def old_data_unanswered(lab: Lab) -> None:
    peer, sock = serve(lab)
    sock.send(1_000)
    peer.wait_data(1_001)
    peer.send()
    peer.recv()
    peer.recv()
    peer.drain(0.05)
    words = "the first word since the data came again two times, although each asked for an ACK"
    peer.send(wrong=("old-data-unanswered", words, "RFC 9293 §3.10.7.4, first step"), near=True)
    peer.drain(0.2)
    end(peer, sock)


@fault(
    "sack-oldest-first",
    "the server sorts its SACK blocks: the oldest first, not the one that has just come",
    "server",
    rules=lambda: [drop("client", faults.data, (2, 4))],
    paths=lambda: {"client": Path(20.0, rate_mbit=0.4), "server": Path(20.0)},
)
def sack_oldest_first(lab: Lab) -> None:
    peer, sock = serve(lab)
    sock.send(6 * MSS)
    peer.wait_data(1 + MSS, acking=True)
    third = (1 + 2 * MSS, 1 + 3 * MSS)
    peer.recv()
    peer.send(options=peer.sack(third))
    for number in (5, 6):
        peer.recv()
        words = f"data segment {number} has just come, and its block stands second"
        blocks = peer.sack(third, (1 + 4 * MSS, 1 + number * MSS))
        peer.send(options=blocks, wrong=("sack-oldest-first", words, "RFC 2018 §4"), near=True)
    peer.wait_data(1 + 2 * MSS)
    peer.rcv_nxt = 1 + 3 * MSS
    peer.send(options=peer.sack((1 + 4 * MSS, 1 + 6 * MSS)))
    peer.wait_data(1 + 4 * MSS)
    peer.rcv_nxt = 1 + 6 * MSS
    peer.send()
    end(peer, sock)


@fault("probes-without-backoff", "the client probes a closed window every 300 ms", "client")
def probes_without_backoff(lab: Lab) -> None:
    peer, sock = call(lab, listen={"options": [receive_buffer(4_096)]}, read=False)
    packet = peer.wait_ack(peer.send("PA", 1_000))
    while packet.window:
        packet = peer.wait_ack(peer.send("PA", min(1_000, packet.window)))
    for number in range(1, 9):
        peer.drain(0.3)
        words = f"window probe {number} comes 300 ms after the one before, as all others did"
        wrong = ("probes-without-backoff", words, "RFC 9293 §3.8.6.1 (SHLD-30)") if number > 2 else None
        peer.send(seq=peer.nxt - 1, wrong=wrong)
    peer.drain(0.1)
    cut(peer, sock)
