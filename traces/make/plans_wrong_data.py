"""A scripted peer that breaks the rules of data, acknowledgement, window and SACK."""

from __future__ import annotations

import time

from . import faults
from .faults import drop
from .lab import Lab
from .link import Path
from .moves import NODELAY, receive_buffer
from .peer import Peer
from .wrongs import MSS, call, cut, end, fault, serve


@fault("ack-of-unsent-data", "the server acknowledges 5000 bytes that the client never sent", "server")
def ack_of_unsent_data(lab: Lab) -> None:
    peer, sock = serve(lab)
    sock.send(1_000)
    peer.wait_data(1_001)
    peer.send()
    words = "acknowledges 5000 bytes beyond everything the client has sent"
    peer.send(ack=6_001, wrong=("ack-of-unsent-data", words, "RFC 9293 §3.10.7.4"))
    peer.drain(0.2)
    end(peer, sock)


@fault(
    "optimistic-ack",
    "the server acknowledges a segment that was lost before it arrived",
    "server",
    rules=lambda: [drop("client", faults.covers(2 * MSS), text="drop data segment 3")],
)
def optimistic_ack(lab: Lab) -> None:
    peer, sock = serve(lab)
    sock.send(5 * MSS)
    peer.wait_data(1 + 2 * MSS, acking=True)
    peer.recv()
    peer.rcv_nxt = 1 + 4 * MSS
    words = "acknowledges data segment 3, which never arrived"
    peer.send(wrong=("ack-of-unreceived-data", words, "RFC 9293 §3.10.7.4"), nowhere=True)
    peer.wait_data(1 + 5 * MSS, acking=True)
    peer.drain(0.1)
    end(peer, sock)


@fault(
    "optimistic-ack-ahead",
    "the server acknowledges two segments that are still on their way",
    "server",
    paths=lambda: {"client": Path(20.0, rate_mbit=0.4), "server": Path(20.0)},
)
def optimistic_ack_ahead(lab: Lab) -> None:
    peer, sock = serve(lab)
    sock.send(5 * MSS)
    peer.recv()
    words = "acknowledges data segments 2 and 3, which arrive 30 and 60 ms later"
    peer.send(ack=1 + 3 * MSS, wrong=("ack-of-unreceived-data", words, "RFC 9293 §3.10.7.4"), near=True)
    peer.wait_data(1 + 3 * MSS)
    peer.wait_data(1 + 5 * MSS, acking=True)
    peer.drain(0.1)
    end(peer, sock)


@fault("ack-goes-backwards", "an acknowledgement smaller than one sent before", "server")
def ack_goes_backwards(lab: Lab) -> None:
    peer, sock = serve(lab)
    sock.send(4 * MSS)
    peer.wait_data(1 + 4 * MSS, acking=True)
    time.sleep(0.05)
    words = "RCV.NXT goes back by two segments, 50 ms after the larger acknowledgement"
    peer.send(ack=1 + 2 * MSS, wrong=("ack-goes-backwards", words, "RFC 9293 §3.4"))
    peer.drain(0.2)
    end(peer, sock)


@fault("data-beyond-window", "the client sends past the right edge of the server's window", "client")
def data_beyond_window(lab: Lab) -> None:
    peer, sock = call(lab, listen={"options": [receive_buffer(4_096)]}, read=False)
    peer.send("PA", 1_000)
    window = peer.wait_ack(peer.nxt).window
    edge = peer.nxt + window
    while peer.nxt + 1_000 <= edge:
        peer.send("PA", 1_000)
    words = "begins inside the offered window and ends beyond its right edge"
    peer.send("PA", 1_400, wrong=("data-beyond-window", words, "RFC 9293 §3.8.6"))
    words = "lies beyond the right edge of the offered window"
    peer.send("PA", 1_400, wrong=("data-beyond-window", words, "RFC 9293 §3.8.6"))
    peer.drain(0.3)
    cut(peer, sock)


@fault("zero-window-ignored", "the client sends full segments into a closed window", "client")
def zero_window_ignored(lab: Lab) -> None:
    peer, sock = call(lab, listen={"options": [receive_buffer(4_096)]}, read=False)
    packet = peer.wait_ack(peer.send("PA", 1_000))
    while packet.window:
        packet = peer.wait_ack(peer.send("PA", min(1_000, packet.window)))
    for _ in range(3):
        words = "1000 bytes, far more than a probe, while the server's window is zero"
        peer.send("PA", 1_000, wrong=("data-beyond-window", words, "RFC 9293 §3.8.6.1"))
        peer.drain(0.1)
    cut(peer, sock)


@fault("data-after-fin", "the client sends new data behind its own FIN", "client")
def data_after_fin(lab: Lab) -> None:
    peer, sock = call(lab)
    peer.send("PA", 500)
    peer.send("FA")
    peer.wait_ack(peer.nxt)
    words = "new data after the client's FIN"
    peer.send("PA", 300, wrong=("data-after-fin", words, "RFC 9293 §3.6"))
    peer.drain(0.2)
    cut(peer, sock)


@fault("fin-moved", "the client's FIN comes again at another sequence number", "client")
def fin_moved(lab: Lab) -> None:
    peer, sock = call(lab)
    peer.send("PA", 500)
    peer.send("FA")
    peer.wait_ack(peer.nxt)
    words = "a second FIN, 200 bytes behind the first"
    peer.send("FA", seq=peer.nxt + 200, wrong=("fin-moved", words, "RFC 9293 §3.6"))
    peer.drain(0.2)
    cut(peer, sock)


@fault("data-after-rst", "the client sends data after its own RST", "client")
def data_after_rst(lab: Lab) -> None:
    peer, sock = call(lab)
    peer.send("PA", 500)
    peer.wait_ack(peer.nxt)
    peer.send("RA")
    time.sleep(0.05)
    words = "data 50 ms after the client's own RST"
    peer.send("PA", 300, wrong=("data-after-rst", words, "RFC 9293 §3.5.2"))
    peer.drain(0.2)
    sock.close()


@fault(
    "rst-in-time-wait",
    "the last ACK lost; the server's FIN comes again and the client in TIME-WAIT answers with RST",
    "client",
    rules=lambda: [drop("client", faults.pure_ack, (2,), "drop the client's last ACK")],
)
def rst_in_time_wait(lab: Lab) -> None:
    peer, sock = call(lab)
    peer.send("PA", 300)
    peer.send("FA")
    assert sock.reading is not None
    sock.reading.result(15)
    closing = sock.start_close()
    packet = peer.wait(1)
    peer.send()
    closing.result(15)
    packet = peer.wait(1)
    words = "TIME-WAIT must acknowledge a retransmitted FIN, this is a RST"
    peer.send(
        "R", seq=peer.rel_ack(packet), wrong=("rst-in-time-wait", words, "RFC 9293 §3.6.1"), plain=True, near=True
    )
    peer.drain(0.3)


@fault("window-taken-back", "the server takes back window that it had offered", "server")
def window_taken_back(lab: Lab) -> None:
    peer, sock = serve(lab)
    sock.send(2 * MSS)
    peer.wait_data(1 + 2 * MSS)
    peer.send(window=30_000)
    time.sleep(0.03)
    words = "the right edge moves left by 20000 bytes"
    peer.send(window=10_000, wrong=("window-shrinks", words, "RFC 9293 §3.8.6 (SHLD-14)"))
    peer.drain(0.1)
    peer.send()
    peer.drain(0.1)
    end(peer, sock)


@fault("oversize-segment", "the server asks for segments of at most 500 bytes, the client sends 1000", "client")
def oversize_segment(lab: Lab) -> None:
    peer, sock = call(lab, listen={"options": [(6, 2, 500)]})
    peer.send("PA", 400)
    peer.wait_ack(peer.nxt)
    words = "1000 bytes of payload against an MSS option of 500"
    peer.send("PA", 1_000, wrong=("segment-above-mss", words, "RFC 9293 §3.7.1 (MUST-16)"))
    peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault("initial-window-of-60", "the client sends 60 segments before the first acknowledgement", "client")
def initial_window_of_60(lab: Lab) -> None:
    peer, sock = call(lab, listen={"options": [receive_buffer(150_000)]})
    for number in range(1, 61):
        words = "with this segment 14700 bytes are out before the first acknowledgement, the limit is 14600"
        wrong = ("initial-window-exceeded", words, "RFC 6928 §2; RFC 5681 §3.1") if number == 49 else None
        peer.send("PA" if number == 60 else "A", 300, wrong=wrong)
    peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault("window-growth-too-fast", "from 10 to 26 segments in one round trip: faster than slow start allows", "client")
def window_growth_too_fast(lab: Lab) -> None:
    peer, sock = call(lab, listen={"options": [receive_buffer(200_000)]})
    for _ in range(10):
        peer.send("A", MSS)
    peer.wait_ack(peer.nxt)
    for number in range(1, 27):
        words = "the flight passes initial window plus all bytes acknowledged, the most that slow start allows"
        wrong = ("window-growth-too-fast", words, "RFC 5681 §3.1") if number == 21 else None
        peer.send("PA" if number == 26 else "A", MSS, wrong=wrong)
    peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault("sack-of-unsent-data", "the server's SACK block lies beyond everything sent", "server")
def sack_of_unsent_data(lab: Lab) -> None:
    peer, sock = serve(lab)
    sock.send(1_000)
    peer.wait_data(1_001)
    words = "the block 9000..10000 names bytes that the client never sent"
    peer.send(options=peer.sack((9_001, 10_001)), wrong=("sack-of-unsent-data", words, "RFC 2018 §4"))
    peer.drain(0.2)
    peer.send()
    end(peer, sock)


@fault(
    "sack-inverted",
    "the server's SACK block ends before it begins",
    "server",
    rules=lambda: [drop("client", faults.data, (1,))],
)
def sack_inverted(lab: Lab) -> None:
    peer, sock = serve(lab)
    sock.send(4 * MSS)
    peer.recv()
    peer.send(options=peer.sack((1 + MSS, 1 + 2 * MSS)))
    peer.recv()
    words = "left edge 4345, right edge 1449: the block is upside down"
    block = peer.sack((1 + 3 * MSS, 1 + MSS))
    peer.send(options=block, wrong=("sack-block-malformed", words, "RFC 2018 §3"))
    peer.recv()
    peer.send(options=peer.sack((1 + MSS, 1 + 4 * MSS)))
    peer.wait_data(1 + MSS)
    peer.rcv_nxt = 1 + 4 * MSS
    peer.send()
    end(peer, sock)


@fault(
    "sack-below-ack",
    "the second SACK block lies below the cumulative acknowledgement, where only a first block (DSACK) may",
    "server",
    rules=lambda: [drop("client", faults.data, (4,))],
)
def sack_below_ack(lab: Lab) -> None:
    peer, sock = serve(lab)
    sock.send(6 * MSS)
    peer.wait_data(1 + 3 * MSS, acking=True)
    peer.recv()
    words = "the second block lies below the ACK, and the first is no duplicate of it"
    blocks = peer.sack((1 + 4 * MSS, 1 + 5 * MSS), (1, 1 + MSS))
    peer.send(options=blocks, wrong=("sack-below-ack", words, "RFC 2018 §4; RFC 2883 §4"))
    peer.recv()
    peer.send(options=peer.sack((1 + 4 * MSS, 1 + 6 * MSS)))
    peer.wait_data(1 + 4 * MSS)
    peer.rcv_nxt = 1 + 6 * MSS
    peer.send()
    end(peer, sock)


@fault(
    "sack-not-permitted",
    "the server sends SACK blocks although the client did not offer SACK",
    "server",
    client_sysctl={"tcp_sack": 0},
    rules=lambda: [drop("client", faults.data, (2,))],
)
def sack_not_permitted(lab: Lab) -> None:
    peer, sock = serve(lab)
    sock.send(4 * MSS)
    peer.wait_data(1 + MSS, acking=True)
    peer.recv()
    words = "a SACK option on a connection where nobody permitted it"
    blocks = peer.sack((1 + 2 * MSS, 1 + 3 * MSS))
    peer.send(options=blocks, wrong=("sack-not-permitted", words, "RFC 2018 §4"))
    peer.recv()
    peer.send()
    peer.wait_data(1 + 2 * MSS)
    peer.rcv_nxt = 1 + 4 * MSS
    peer.send()
    end(peer, sock)


@fault("resent-data-differ", "the client sends the same sequence numbers again with other bytes", "client")
def resent_data_differ(lab: Lab) -> None:
    peer, sock = call(lab)
    peer.send("PA", 500)
    peer.wait_ack(peer.nxt)
    words = "bytes 100..399 of the stream again, with different content"
    payload = b"not what was sent before ".ljust(300, b"?")
    peer.send("PA", payload, seq=101, wrong=("resent-data-differ", words, "RFC 9293 §3.4"))
    peer.drain(0.2)
    end(peer, sock)


@fault("bad-checksum", "the client sends a segment with a wrong checksum, then the right one", "client")
def bad_checksum(lab: Lab) -> None:
    peer, sock = call(lab)
    words = "the TCP checksum is wrong"
    wrong = ("bad-checksum", words, "RFC 9293 §3.1 (MUST-2)")
    peer.send("PA", 500, seq=peer.nxt, bad_checksum=True, wrong=wrong, near=True)
    peer.drain(0.25)
    peer.send("PA", 500)
    peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault("ack-bit-missing", "the client sends data without the ACK bit", "client")
def ack_bit_missing(lab: Lab) -> None:
    peer, sock = call(lab)
    words = "after the handshake every segment must carry an ACK"
    peer.send("P", 500, seq=peer.nxt, wrong=("ack-bit-missing", words, "RFC 9293 §3.1; §3.10.7.4"))
    peer.drain(0.25)
    peer.send("PA", 500)
    peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault("urgent-nonsense", "URG set with an urgent pointer of zero, two times", "client")
def urgent_nonsense(lab: Lab) -> None:
    peer, sock = call(lab)
    for _ in range(2):
        words = "URG is set and the urgent pointer is zero: it points before all data of the segment"
        peer.send("PAU", 100, urgent=0, wrong=("urgent-nonsense", words, "RFC 9293 §3.8.5 (MUST-62)"))
        peer.wait_ack(peer.nxt)
    end(peer, sock)


@fault(
    "no-backoff",
    "the client resends every 300 ms: its retransmission timer never doubles",
    "client",
    rules=lambda: [drop("client", faults.data, range(1, 8), "drop the first seven data segments")],
)
def no_backoff(lab: Lab) -> None:
    peer, sock = call(lab)
    after = peer.send("PA", 500)
    for number in range(1, 8):
        time.sleep(0.3)
        words = f"retransmission {number} comes 300 ms after the one before, as all others did"
        wrong = ("no-backoff", words, "RFC 6298 §5.5 (RFC 9293 MUST-19)") if number > 1 else None
        peer.send("PA", 500, seq=1, wrong=wrong)
    peer.wait_ack(after)
    end(peer, sock)


@fault("timeout-too-early", "the client resends after 8 ms on a path of 40 ms, without any duplicate ACK", "client")
def timeout_too_early(lab: Lab) -> None:
    peer, sock = call(lab)
    for _ in range(3):
        start = peer.nxt
        peer.send("PA", 500)
        time.sleep(0.008)
        words = "resent 8 ms after the original, before any acknowledgement could have come"
        peer.send("PA", 500, seq=start, wrong=("timeout-too-early", words, "RFC 6298 §2.4"))
        peer.wait_ack(peer.nxt)
        peer.drain(0.1)
    end(peer, sock)


@fault(
    "early-fast-retransmit",
    "the client resends upon the first duplicate ACK, while seven segments are outstanding",
    "client",
    rules=lambda: [faults.delay("client", faults.data, 15.0, (3,))],
)
def early_fast_retransmit(lab: Lab) -> None:
    peer, sock = call(lab, options=None)
    for _ in range(4):
        peer.send("A", 700)
    peer.drain(0.01)
    for _ in range(4):
        peer.send("A", 700)
    words = "resent after a single duplicate ACK, long before any timeout"
    while not (packet := peer.recv()).options or len(packet.options) <= 12:
        pass
    peer.send("A", 700, seq=1 + 1_400, wrong=("early-fast-retransmit", words, "RFC 5681 §3.2; RFC 8985 §6.2"))
    peer.wait_ack(peer.nxt)
    peer.drain(0.1)
    end(peer, sock)


@fault("ack-delayed-too-long", "the server delays an ACK by 1.2 seconds", "server")
def ack_delayed_too_long(lab: Lab) -> None:
    peer, sock = serve(lab)
    sock.send(2 * MSS)
    peer.wait_data(1 + 2 * MSS)
    peer.drain(1.2)
    words = "the ACK comes 1.2 seconds after two full segments (at most 0.5 s; at least every second full segment)"
    cite = "RFC 9293 §3.8.6.3 (MUST-40, SHLD-18); RFC 5681 §4.2"
    peer.send(wrong=("ack-too-late", words, cite), near=True)
    peer.drain(0.2)
    end(peer, sock)


@fault("silly-window", "the server opens its window in steps of 100 bytes", "server")
def silly_window(lab: Lab) -> None:
    peer = Peer(lab)
    peer.window = 2 * MSS
    start = lab.client.start_connect(options=[NODELAY])
    peer.accept()
    sock = lab.client.connected(start)
    sending = sock.start_send(2 * MSS + 1_000)
    peer.wait_data(1 + 2 * MSS)
    peer.send(window=0)
    time.sleep(0.05)
    edge = peer.rcv_nxt
    for number in range(1, 6):
        words = f"the right edge moves by 100 bytes (step {number}), less than a segment and half the buffer"
        peer.send(window=100, wrong=("silly-window", words, "RFC 9293 §3.8.6.2.2 (MUST-39)"))
        edge += 100
        peer.wait_data(edge)
    peer.window = 65_535
    peer.send()
    sending.result(15)
    peer.wait_data(1 + 2 * MSS + 1_000, acking=True)
    peer.drain(0.1)
    end(peer, sock)


@fault(
    "gap-not-reported",
    "a segment is lost, three more arrive, and the server stays silent until the hole is filled",
    "server",
    rules=lambda: [drop("client", faults.data, (2,))],
)
def gap_not_reported(lab: Lab) -> None:
    peer, sock = serve(lab)
    sock.send(5 * MSS)
    peer.wait_data(1 + MSS)
    peer.send()
    peer.wait_data(1 + 2 * MSS)
    peer.rcv_nxt = 1 + 5 * MSS
    words = "the first ACK since the hole appeared: none was sent for the three segments behind it"
    peer.send(wrong=("gap-not-reported", words, "RFC 5681 §4.2; RFC 9293 §3.8.6.3"), near=True)
    peer.drain(0.1)
    end(peer, sock)
