"""A scripted peer that breaks the rules of handshake, options, timestamps, resets and ECN."""

from __future__ import annotations

import time

from . import faults, wire
from .faults import mark
from .lab import Lab
from .peer import EOL, SACK_OK, Peer, mss, padded, scale, timestamps
from .wrongs import MSS, accepted, call, cut, end, fault, serve


def _unoffered(lab: Lab, option: bytes, kind: str, words: str, cite: str) -> None:
    """The script's SYN-ACK carries an option that the kernel's SYN did not."""
    peer = Peer(lab)
    start = lab.client.start_connect()
    peer.wait(wire.SYN)
    peer.send("SA", options=mss(1460) + padded(option), wrong=(kind, words, cite))
    peer.wait(wire.ACK)
    sock = lab.client.connected(start)
    sock.send(500)
    peer.wait_data(501, acking=True)
    end(peer, sock)


@fault(
    "window-scale-not-offered",
    "the SYN-ACK carries window scale, the SYN did not",
    "server",
    client_sysctl={"tcp_window_scaling": 0},
)
def window_scale_not_offered(lab: Lab) -> None:
    words = "window scale in a SYN-ACK whose SYN did not offer it"
    _unoffered(lab, scale(7), "option-not-offered", words, "RFC 7323 §1.3; §2.2")


@fault(
    "sack-permitted-not-offered",
    "the SYN-ACK carries SACK-permitted, the SYN did not",
    "server",
    client_sysctl={"tcp_sack": 0},
)
def sack_permitted_not_offered(lab: Lab) -> None:
    words = "SACK-permitted in a SYN-ACK whose SYN did not offer it"
    _unoffered(lab, SACK_OK, "option-not-offered", words, "RFC 2018 §2")


@fault(
    "timestamps-not-offered",
    "the SYN-ACK carries timestamps, the SYN did not",
    "server",
    client_sysctl={"tcp_timestamps": 0},
)
def timestamps_not_offered(lab: Lab) -> None:
    words = "timestamps in a SYN-ACK whose SYN did not offer them"
    _unoffered(lab, timestamps(77_000, 0), "option-not-offered", words, "RFC 7323 §3.2")


@fault("window-scale-15", "the SYN offers a window scale of 15", "client")
def window_scale_15(lab: Lab) -> None:
    peer = Peer(lab)
    listener = lab.server.listen()
    words = "a shift count above 14"
    peer.send("S", options=peer.offer() + padded(scale(15)), wrong=("window-scale-too-large", words, "RFC 7323 §2.3"))
    peer.wait(wire.SYN | wire.ACK)
    peer.use_timestamps = True
    peer.window = 8
    peer.send()
    sock = accepted(listener)
    peer.send("PA", 300)
    peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault("option-on-wrong-segment", "MSS, window scale and SACK-permitted on segments without SYN", "client")
def option_on_wrong_segment(lab: Lab) -> None:
    peer, sock = call(lab)
    for option, name, cite in (
        (mss(1000), "MSS", "RFC 9293 §3.7.1 (MUST-65)"),
        (scale(3), "window scale", "RFC 7323 §2.2"),
        (SACK_OK, "SACK-permitted", "RFC 2018 §2"),
    ):
        words = f"{name} on a segment without SYN"
        peer.send("PA", 100, options=padded(option), wrong=("option-needs-syn", words, cite))
        peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault("option-length-wrong", "options whose lengths are impossible: zero, one, and beyond the header", "client")
def option_length_wrong(lab: Lab) -> None:
    peer, sock = call(lab)
    for raw, words in (
        (b"\x1e\x00\x01\x01", "an option of length 0"),
        (b"\x1e\x01\x01\x01", "an option of length 1"),
        (b"\x1e\x28\x01\x01", "an option of length 40 in 4 bytes of room"),
    ):
        peer.send("PA", 100, options=raw, wrong=("option-length-wrong", words, "RFC 9293 §3.1 (MUST-68)"))
        peer.drain(0.15)
    end(peer, sock)


@fault("syn-option-length-wrong", "a SYN whose MSS option claims a length of 3", "client")
def syn_option_length_wrong(lab: Lab) -> None:
    peer = Peer(lab)
    listener = lab.server.listen()
    words = "the MSS option's length is 3 in place of 4"
    peer.send("S", options=b"\2\3\5\1", wrong=("option-length-wrong", words, "RFC 9293 §3.2"))
    peer.wait(wire.SYN | wire.ACK)
    peer.send()
    sock = accepted(listener)
    peer.send("PA", 200)
    peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault("padding-not-zero", "bytes that are not zero behind End of Option List", "client")
def padding_not_zero(lab: Lab) -> None:
    peer, sock = call(lab)
    words = "padding behind End of Option List is not zero"
    raw = EOL + b"\xab\xcd\xef"
    peer.send("PA", 100, options=raw, wrong=("padding-not-zero", words, "RFC 9293 §3.1 (MUST-69)"))
    peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault("timestamps-missing", "data segments without timestamps after these were negotiated", "client")
def timestamps_missing(lab: Lab) -> None:
    peer, sock = call(lab)
    peer.send("PA", 200)
    peer.wait_ack(peer.nxt)
    words = "no timestamps option although both SYNs carried it"
    peer.send("PA", 200, plain=True, wrong=("timestamps-missing", words, "RFC 7323 §3.2"))
    peer.wait_ack(peer.nxt)
    peer.send("PA", 200)
    peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault("timestamp-goes-backwards", "the client's timestamp clock steps back by ten seconds", "client")
def timestamp_goes_backwards(lab: Lab) -> None:
    peer, sock = call(lab)
    peer.send("PA", 200)
    peer.wait_ack(peer.nxt)
    peer.ts_base -= 10_000
    words = "TSval is ten seconds older than in the segment before"
    peer.send("PA", 200, seq=peer.nxt, wrong=("tsval-goes-backwards", words, "RFC 7323 §5.4"))
    peer.drain(0.2)
    peer.ts_base += 10_000
    peer.send("PA", 200)
    peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault("timestamp-echo-invented", "the client echoes timestamps that the server never sent", "client")
def timestamp_echo_invented(lab: Lab) -> None:
    peer, sock = call(lab)
    peer.send("PA", 200)
    peer.wait_ack(peer.nxt)
    real, peer.ts_recent = peer.ts_recent, peer.ts_recent + 9_000_000
    words = "TSecr is a value that the server never sent"
    peer.send("PA", 200, wrong=("tsecr-never-sent", words, "RFC 7323 §3.2"))
    peer.ts_recent = real
    peer.wait_ack(peer.nxt)
    peer.send("PA", 200)
    peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault("timestamp-clock-too-fast", "the client's timestamp clock ticks every 20 nanoseconds", "client")
def timestamp_clock_too_fast(lab: Lab) -> None:
    peer = Peer(lab)
    began = time.monotonic()
    peer.ts_now = lambda: 1_000 + int((time.monotonic() - began) * 50_000_000)  # type: ignore[method-assign]
    listener = lab.server.listen()
    peer.open()
    sock = accepted(listener)
    for number in range(6):
        words = "TSval has advanced fifty million ticks a second, the limit is a thousand"
        wrong = ("timestamp-clock-rate", words, "RFC 7323 §5.4") if number == 5 else None
        peer.send("PA", 200, wrong=wrong)
        peer.wait_ack(peer.nxt)
        time.sleep(0.2)
    end(peer, sock)


@fault(
    "syn-ack-wrong-ack",
    "the SYN-ACK acknowledges a number that the client did not send",
    "server",
    notes=["Linux sends its SYN again at once after an answer with a wrong acknowledgement; that is no timeout"],
)
def syn_ack_wrong_ack(lab: Lab) -> None:
    peer = Peer(lab)
    start = lab.client.start_connect()
    peer.wait(wire.SYN)
    words = "acknowledges ISS + 1001 in place of ISS + 1"
    peer.send("SA", ack=1_001, options=mss(1460), wrong=("syn-ack-wrong-ack", words, "RFC 9293 §3.5; §3.10.7.3"))
    peer.wait(wire.RST)
    peer.nxt = 0
    peer.send("SA", options=mss(1460))
    peer.wait(wire.ACK)
    sock = lab.client.connected(start)
    end(peer, sock)


@fault("syn-ack-isn-changes", "the SYN-ACK comes again with another initial sequence number", "server")
def syn_ack_isn_changes(lab: Lab) -> None:
    peer, sock = serve(lab)
    words = "the second SYN-ACK of this connection begins at another ISN"
    wrong = ("isn-changes", words, "RFC 9293 §3.4.1; §3.5")
    peer.send("SA", seq=500_000, ack=1, options=mss(1460) + SACK_OK, wrong=wrong)
    peer.drain(0.2)
    end(peer, sock)


@fault("syn-and-fin", "a segment with SYN and FIN at once", "client")
def syn_and_fin(lab: Lab) -> None:
    peer = Peer(lab)
    listener = lab.server.listen()
    words = "SYN and FIN together open and close at once"
    peer.send("SF", options=mss(1460), seq=0, wrong=("flags-contradict", words, "RFC 9293 §3.10.7.2"))
    peer.drain(0.15)
    peer = Peer(lab, isn=2_000_000, port=41_001)
    peer.open()
    sock = accepted(listener, read=False)
    words = "SYN, FIN, URG and PSH on one segment of a live connection"
    wrong = ("flags-contradict", words, "RFC 9293 §3.10.7.4; RFC 5961 §4")
    peer.send("SFPUA", 50, seq=peer.nxt, urgent=1, wrong=wrong)
    peer.drain(0.2)
    cut(peer, sock)


@fault("reset-out-of-window", "a RST far outside the window, then one inside that is not at RCV.NXT", "client")
def reset_out_of_window(lab: Lab) -> None:
    peer, sock = call(lab)
    peer.send("PA", 200)
    peer.wait_ack(peer.nxt)
    words = "a RST 10000000 beyond the window: no endpoint that knows the connection sends it"
    wrong = ("rst-wrong-seq", words, "RFC 9293 §3.5.3; RFC 5961 §3")
    peer.send("R", seq=peer.nxt + 10_000_000, plain=True, wrong=wrong)
    peer.drain(0.15)
    words = "a RST inside the window but not at the next sequence number: a challenge ACK answers it"
    wrong = ("rst-wrong-seq", words, "RFC 9293 §3.5.3; RFC 5961 §3")
    peer.send("R", seq=peer.nxt + 3_000, plain=True, wrong=wrong)
    peer.drain(0.15)
    peer.send("PA", 200)
    peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault(
    "reset-acknowledges-nothing",
    "the RST that refuses a SYN acknowledges a wrong number",
    "server",
    notes=["Linux sends its SYN again at once after an answer with a wrong acknowledgement; that is no timeout"],
)
def reset_acknowledges_nothing(lab: Lab) -> None:
    peer = Peer(lab)
    start = lab.client.start_connect()
    peer.wait(wire.SYN)
    words = "the RST acknowledges ISS + 501 in place of ISS + 1"
    peer.send("RA", ack=501, seq=0, window=0, wrong=("rst-wrong-ack", words, "RFC 9293 §3.10.7.1"))
    peer.drain(0.3)
    peer.send("RA", ack=1, seq=0, window=0)
    lab.client.connected(start, "ECONNREFUSED")


@fault(
    "four-tuple-reuse-lower-isn",
    "the same four-tuple again at once, while the server is in TIME-WAIT, with a lower ISN and older timestamps",
    "client",
)
def four_tuple_reuse_lower_isn(lab: Lab) -> None:
    listener = lab.server.listen()
    peer = Peer(lab, isn=900_000_000)
    peer.open()
    sock = accepted(listener)
    peer.send("PA", 300)
    peer.wait_ack(peer.nxt)
    end(peer, sock)
    time.sleep(0.3)
    peer = Peer(lab, isn=800_000_000)
    peer.ts_base -= 300_000
    words = "a SYN 300 ms after the close, its ISN and TSval below the last ones of the old connection"
    wrong = ("four-tuple-reused-early", words, "RFC 9293 §3.6.1; RFC 6191 §2")
    peer.send("S", options=peer.offer(), wrong=wrong)
    packet = peer.recv()
    peer.send("R", seq=peer.rel_ack(packet), plain=True)
    peer.drain(0.2)


@fault("isn-predictable", "five connections whose ISNs grow by exactly 64000", "client")
def isn_predictable(lab: Lab) -> None:
    listener = lab.server.listen()
    for number in range(5):
        peer = Peer(lab, isn=1_000_000 + 64_000 * number, port=41_000 + number)
        words = f"the ISN is the one before plus 64000, for the {number}. time"
        wrong = ("isn-predictable", words, "RFC 9293 §3.4.1 (SHLD-1, MUST-8); RFC 6528 §3") if number > 1 else None
        peer.open(wrong=wrong)
        sock = accepted(listener)
        peer.send("PA", 100)
        peer.wait_ack(peer.nxt)
        end(peer, sock)


ECN = {"tcp_ecn": 1}


@fault("ecn-capable-syn", "the client's SYN is marked ECN-capable in the IP header", "client", server_sysctl=ECN)
def ecn_capable_syn(lab: Lab) -> None:
    peer = Peer(lab)
    listener = lab.server.listen()
    words = "ECT(0) on a SYN"
    peer.open(flags="SEC", tos=2, wrong=("ect-on-control", words, "RFC 3168 §6.1.1"))
    sock = accepted(listener)
    peer.send("PA", 200, tos=2)
    peer.wait_ack(peer.nxt)
    words = "ECT(0) on a pure ACK"
    peer.send(tos=2, wrong=("ect-on-control", words, "RFC 3168 §6.1.4"))
    peer.drain(0.1)
    end(peer, sock)


@fault("ecn-not-negotiated", "ECN-capable data and ECE on a connection that did not negotiate ECN", "client")
def ecn_not_negotiated(lab: Lab) -> None:
    peer, sock = call(lab)
    words = "ECT(0) on data although ECN was not negotiated"
    peer.send("PA", 200, tos=2, wrong=("ecn-not-negotiated", words, "RFC 3168 §6.1.1"))
    peer.wait_ack(peer.nxt)
    words = "ECE although ECN was not negotiated"
    peer.send("PAE", 200, wrong=("ecn-not-negotiated", words, "RFC 3168 §6.1.1"))
    peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault(
    "ecn-syn-ack-unasked", "the SYN-ACK accepts ECN that the SYN did not offer", "server", client_sysctl={"tcp_ecn": 0}
)
def ecn_syn_ack_unasked(lab: Lab) -> None:
    peer = Peer(lab)
    start = lab.client.start_connect()
    packet = peer.wait(wire.SYN)
    words = "ECE in a SYN-ACK whose SYN did not offer ECN"
    wrong = ("ecn-not-offered", words, "RFC 3168 §6.1.1")
    peer.send("SAE", options=peer.offer(packet), wrong=wrong)
    peer.use_timestamps = True
    peer.wait(wire.ACK)
    sock = lab.client.connected(start)
    sock.send(300)
    peer.wait_data(301, acking=True)
    end(peer, sock)


@fault(
    "ecn-echo-never-ends",
    "one segment marked, the client answers with CWR, and the server goes on with ECE",
    "server",
    client_sysctl=ECN,
    rules=lambda: [mark("client", faults.data, (3,))],
)
def ecn_echo_never_ends(lab: Lab) -> None:
    peer = Peer(lab)
    start = lab.client.start_connect()
    packet = peer.wait(wire.SYN)
    peer.send("SAE", options=peer.offer(packet))
    peer.use_timestamps = True
    peer.wait(wire.ACK)
    sock = lab.client.connected(start)
    marked = reduced = False
    sock.start_send(24 * MSS)
    while peer.rcv_nxt < 1 + 24 * MSS:
        packet = peer.recv()
        marked = marked or wire.ecn_bits(packet.raw) == 3
        again = reduced and bool(packet.payload)
        reduced = reduced or bool(packet.flags & wire.CWR)
        if packet.payload:
            words = "ECE although the client's CWR has arrived and nothing new was marked"
            wrong = ("ece-after-cwr", words, "RFC 3168 §6.1.3") if again else None
            peer.send("AE" if marked else "A", wrong=wrong)
    end(peer, sock)


@fault(
    "ecn-mark-not-echoed",
    "a segment arrives marked and the server never says so",
    "server",
    client_sysctl=ECN,
    rules=lambda: [mark("client", faults.data, (3,))],
)
def ecn_mark_not_echoed(lab: Lab) -> None:
    peer = Peer(lab)
    start = lab.client.start_connect()
    packet = peer.wait(wire.SYN)
    peer.send("SAE", options=peer.offer(packet))
    peer.use_timestamps = True
    peer.wait(wire.ACK)
    sock = lab.client.connected(start)
    sock.start_send(8 * MSS)
    told = False
    while peer.rcv_nxt < 1 + 8 * MSS:
        packet = peer.recv()
        marked = wire.ecn_bits(packet.raw) == 3
        words = "acknowledges a segment that arrived with CE, without ECE"
        wrong = ("ce-not-echoed", words, "RFC 3168 §6.1.3") if marked and not told else None
        peer.send(wrong=wrong, near=True)
        told = told or marked
    end(peer, sock)


@fault(
    "ecn-reduction-not-told",
    "the server echoes a mark for several round trips and the client never answers with CWR",
    "client",
    server_sysctl=ECN,
    rules=lambda: [mark("client", faults.data, (2,))],
)
def ecn_reduction_not_told(lab: Lab) -> None:
    peer = Peer(lab)
    listener = lab.server.listen()
    peer.open(flags="SEC")
    sock = accepted(listener)
    echoed = False
    for _ in range(8):
        words = "new data after ECE arrived, without CWR"
        wrong = ("cwr-missing", words, "RFC 3168 §6.1.2") if echoed else None
        peer.send("PA", 1_000, tos=2, wrong=wrong)
        echoed = echoed or bool(peer.wait_ack(peer.nxt).flags & wire.ECE)
    end(peer, sock)
