"""The state machine as data: eleven states, every allowed edge, and its laws.

Laws
1. `CLOSED` is fictional: it stands for "no TCB" (RFC 9293 §3.3.2).
2. A state changes only along an edge of `EDGES`; `Connection` looks every change up.
3. Every edge has a cause (why it is taken) and a citation. Figure 5 of RFC 9293 shows the
   plain ones; the text of §3.10 adds the rest (resets, aborts, time-outs, simultaneous
   opens, FINs that arrive early), and so does this table.
4. The RFC's text names SYN-RECEIVED in a few places where it cannot be met, because the fifth step
   has made it ESTABLISHED by then (a FIN in SYN-RECEIVED, for one); such edges are not here.
5. The diagrams in the documentation and of `netsim states` are drawn from this table, and
   a test proves that each edge is taken by some test, and that no other change happens.
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class State(Enum):
    """The states of RFC 9293 §3.3.2, spelt as there."""

    CLOSED = "CLOSED"
    LISTEN = "LISTEN"
    SYN_SENT = "SYN-SENT"
    SYN_RECEIVED = "SYN-RECEIVED"
    ESTABLISHED = "ESTABLISHED"
    FIN_WAIT_1 = "FIN-WAIT-1"
    FIN_WAIT_2 = "FIN-WAIT-2"
    CLOSE_WAIT = "CLOSE-WAIT"
    CLOSING = "CLOSING"
    LAST_ACK = "LAST-ACK"
    TIME_WAIT = "TIME-WAIT"

    def __str__(self) -> str:
        return str(self.value)


CLOSED: Final = State.CLOSED
LISTEN: Final = State.LISTEN
SYN_SENT: Final = State.SYN_SENT
SYN_RECEIVED: Final = State.SYN_RECEIVED
ESTABLISHED: Final = State.ESTABLISHED
FIN_WAIT_1: Final = State.FIN_WAIT_1
FIN_WAIT_2: Final = State.FIN_WAIT_2
CLOSE_WAIT: Final = State.CLOSE_WAIT
CLOSING: Final = State.CLOSING
LAST_ACK: Final = State.LAST_ACK
TIME_WAIT: Final = State.TIME_WAIT


class Edge:
    """One allowed change: from `old` to `new`, because of `cause`.

    `event` is what happens and `action` what is sent, in the notation of figure 5
    ("rcv SYN" / "snd SYN,ACK"); `cite` says where the RFC asks for it; `figure5` is True
    for the edges which that figure draws.
    """

    __slots__ = ("action", "cause", "cite", "event", "figure5", "new", "old")

    def __init__(
        self, old: State, new: State, cause: str, event: str, action: str, cite: str, figure5: bool = False
    ) -> None:
        self.old = old
        self.new = new
        self.cause = cause
        self.event = event
        self.action = action
        self.cite = cite
        self.figure5 = figure5

    def __repr__(self) -> str:
        return f"Edge({self.old} -> {self.new}: {self.cause})"


_S4: Final = "RFC 9293 §3.10.7.4"

EDGES: Final[tuple[Edge, ...]] = (
    # opening
    Edge(CLOSED, LISTEN, "passive-open", "passive OPEN", "create TCB", "RFC 9293 §3.10.1", True),
    Edge(CLOSED, SYN_SENT, "active-open", "active OPEN", "snd SYN", "RFC 9293 §3.10.1", True),
    Edge(LISTEN, SYN_SENT, "open-from-listen", "active OPEN or SEND", "snd SYN", "RFC 9293 §3.10.1, §3.10.2", True),
    Edge(LISTEN, SYN_RECEIVED, "rcv-syn", "rcv SYN", "snd SYN,ACK", "RFC 9293 §3.10.7.2", True),
    Edge(SYN_SENT, SYN_RECEIVED, "rcv-syn", "rcv SYN", "snd SYN,ACK", "RFC 9293 §3.10.7.3 (MUST-10)", True),
    Edge(SYN_SENT, ESTABLISHED, "rcv-syn-ack", "rcv SYN,ACK", "snd ACK", "RFC 9293 §3.10.7.3", True),
    Edge(SYN_RECEIVED, ESTABLISHED, "rcv-ack-of-syn", "rcv ACK of SYN", "", _S4 + ", fifth step", True),
    # closing
    Edge(LISTEN, CLOSED, "close", "CLOSE", "delete TCB", "RFC 9293 §3.10.4", True),
    Edge(SYN_SENT, CLOSED, "close", "CLOSE", "delete TCB", "RFC 9293 §3.10.4", True),
    Edge(SYN_RECEIVED, FIN_WAIT_1, "close", "CLOSE", "snd FIN", "RFC 9293 §3.10.4", True),
    Edge(ESTABLISHED, FIN_WAIT_1, "close", "CLOSE", "snd FIN", "RFC 9293 §3.10.4", True),
    Edge(CLOSE_WAIT, LAST_ACK, "close", "CLOSE", "snd FIN", "RFC 9293 §3.10.4", True),
    Edge(SYN_RECEIVED, CLOSE_WAIT, "rcv-fin", "rcv FIN on a SYN of Fast Open", "snd ACK", "RFC 7413 §4.2.2"),
    Edge(ESTABLISHED, CLOSE_WAIT, "rcv-fin", "rcv FIN", "snd ACK", _S4 + ", eighth step", True),
    Edge(FIN_WAIT_1, FIN_WAIT_2, "rcv-ack-of-fin", "rcv ACK of FIN", "", _S4 + ", fifth step", True),
    Edge(FIN_WAIT_1, CLOSING, "rcv-fin", "rcv FIN", "snd ACK", _S4 + ", eighth step", True),
    Edge(FIN_WAIT_1, TIME_WAIT, "rcv-fin-and-ack-of-fin", "rcv FIN,ACK of FIN", "snd ACK", "RFC 9293 §3.3.2, note 2"),
    Edge(FIN_WAIT_2, TIME_WAIT, "rcv-fin", "rcv FIN", "snd ACK", _S4 + ", eighth step", True),
    Edge(CLOSING, TIME_WAIT, "rcv-ack-of-fin", "rcv ACK of FIN", "", _S4 + ", fifth step", True),
    Edge(LAST_ACK, CLOSED, "rcv-ack-of-fin", "rcv ACK of FIN", "delete TCB", _S4 + ", fifth step", True),
    Edge(TIME_WAIT, CLOSED, "time-wait-timeout", "2MSL timeout", "delete TCB", "RFC 9293 §3.10.8", True),
    # a new incarnation out of TIME-WAIT
    Edge(TIME_WAIT, CLOSED, "new-incarnation", "rcv acceptable new SYN", "delete TCB", "RFC 9293 §3.10.7.4; RFC 6191"),
    Edge(FIN_WAIT_2, CLOSED, "orphan-timeout", "FIN-WAIT-2 timeout, no user", "delete TCB", "RFC 9293 §3.6 (MAY)"),
    # resets
    Edge(SYN_RECEIVED, LISTEN, "rcv-rst", "rcv RST (passive open)", "", _S4 + ", second step", True),
    Edge(SYN_RECEIVED, LISTEN, "rcv-syn", "rcv SYN in window (passive open)", "", _S4 + ", fourth step"),
    Edge(SYN_SENT, CLOSED, "rcv-rst", "rcv RST with ACK of SYN", "delete TCB", "RFC 9293 §3.10.7.3"),
    Edge(SYN_RECEIVED, CLOSED, "rcv-rst", "rcv RST (active open)", "delete TCB", _S4 + ", second step"),
    Edge(ESTABLISHED, CLOSED, "rcv-rst", "rcv RST", "delete TCB", _S4 + ", second step"),
    Edge(FIN_WAIT_1, CLOSED, "rcv-rst", "rcv RST", "delete TCB", _S4 + ", second step"),
    Edge(FIN_WAIT_2, CLOSED, "rcv-rst", "rcv RST", "delete TCB", _S4 + ", second step"),
    Edge(CLOSE_WAIT, CLOSED, "rcv-rst", "rcv RST", "delete TCB", _S4 + ", second step"),
    Edge(CLOSING, CLOSED, "rcv-rst", "rcv RST", "delete TCB", _S4 + ", second step"),
    Edge(LAST_ACK, CLOSED, "rcv-rst", "rcv RST", "delete TCB", _S4 + ", second step"),
    Edge(TIME_WAIT, CLOSED, "rcv-rst", "rcv RST", "delete TCB", _S4 + ", second step; off by RFC 1337"),
    # aborts by the user
    Edge(LISTEN, CLOSED, "abort", "ABORT", "delete TCB", "RFC 9293 §3.10.5"),
    Edge(SYN_SENT, CLOSED, "abort", "ABORT", "delete TCB", "RFC 9293 §3.10.5"),
    Edge(SYN_RECEIVED, CLOSED, "abort", "ABORT", "snd RST", "RFC 9293 §3.10.5"),
    Edge(ESTABLISHED, CLOSED, "abort", "ABORT", "snd RST", "RFC 9293 §3.10.5"),
    Edge(FIN_WAIT_1, CLOSED, "abort", "ABORT", "snd RST", "RFC 9293 §3.10.5"),
    Edge(FIN_WAIT_2, CLOSED, "abort", "ABORT", "snd RST", "RFC 9293 §3.10.5"),
    Edge(CLOSE_WAIT, CLOSED, "abort", "ABORT", "snd RST", "RFC 9293 §3.10.5"),
    Edge(CLOSING, CLOSED, "abort", "ABORT", "delete TCB", "RFC 9293 §3.10.5"),
    Edge(LAST_ACK, CLOSED, "abort", "ABORT", "delete TCB", "RFC 9293 §3.10.5"),
    Edge(TIME_WAIT, CLOSED, "abort", "ABORT", "delete TCB", "RFC 9293 §3.10.5"),
    # data for a user who is gone (close with unread data, data after close)
    Edge(
        SYN_RECEIVED,
        CLOSED,
        "close-with-unread-data",
        "CLOSE, data of Fast Open unread",
        "snd RST",
        "RFC 9293 §3.6.1 (SHLD-3); RFC 7413 §4.2.2",
    ),
    Edge(ESTABLISHED, CLOSED, "close-with-unread-data", "CLOSE, data unread", "snd RST", "RFC 9293 §3.6.1 (SHLD-3)"),
    Edge(CLOSE_WAIT, CLOSED, "close-with-unread-data", "CLOSE, data unread", "snd RST", "RFC 9293 §3.6.1 (SHLD-3)"),
    Edge(FIN_WAIT_1, CLOSED, "close-with-unread-data", "CLOSE, data unread", "snd RST", "RFC 9293 §3.6.1 (SHLD-3)"),
    Edge(FIN_WAIT_2, CLOSED, "close-with-unread-data", "CLOSE, data unread", "snd RST", "RFC 9293 §3.6.1 (SHLD-3)"),
    Edge(FIN_WAIT_1, CLOSED, "data-after-close", "rcv data, user gone", "snd RST", "RFC 9293 §3.6.1 (SHLD-3)"),
    Edge(FIN_WAIT_2, CLOSED, "data-after-close", "rcv data, user gone", "snd RST", "RFC 9293 §3.6.1 (SHLD-3)"),
    # giving up
    Edge(SYN_SENT, CLOSED, "timeout", "R2 or user timeout", "delete TCB", "RFC 9293 §3.8.3, §3.10.8"),
    Edge(SYN_RECEIVED, CLOSED, "timeout", "R2 or user timeout", "delete TCB", "RFC 9293 §3.8.3, §3.10.8"),
    Edge(SYN_RECEIVED, LISTEN, "timeout", "R2 (passive open)", "", "RFC 9293 §3.8.3"),
    Edge(ESTABLISHED, CLOSED, "timeout", "R2, user or keep-alive timeout", "delete TCB", "RFC 9293 §3.8.3, §3.10.8"),
    Edge(FIN_WAIT_1, CLOSED, "timeout", "R2 or user timeout", "delete TCB", "RFC 9293 §3.8.3, §3.10.8"),
    Edge(FIN_WAIT_2, CLOSED, "timeout", "user or keep-alive timeout", "delete TCB", "RFC 9293 §3.8.3, §3.10.8"),
    Edge(CLOSE_WAIT, CLOSED, "timeout", "R2, user or keep-alive timeout", "delete TCB", "RFC 9293 §3.8.3, §3.10.8"),
    Edge(CLOSING, CLOSED, "timeout", "R2 or user timeout", "delete TCB", "RFC 9293 §3.8.3, §3.10.8"),
    Edge(LAST_ACK, CLOSED, "timeout", "R2 or user timeout", "delete TCB", "RFC 9293 §3.8.3, §3.10.8"),
    # hard ICMP errors
    Edge(SYN_SENT, CLOSED, "icmp-hard-error", "rcv ICMP hard error", "delete TCB", "RFC 9293 §3.9.2.2 (SHLD-26)"),
    Edge(SYN_RECEIVED, LISTEN, "icmp-hard-error", "rcv ICMP error (passive open)", "", "RFC 9293 §3.9.2.2"),
    Edge(SYN_RECEIVED, CLOSED, "icmp-hard-error", "rcv ICMP hard error", "delete TCB", "RFC 9293 §3.9.2.2 (SHLD-26)"),
    Edge(ESTABLISHED, CLOSED, "icmp-hard-error", "rcv ICMP hard error", "delete TCB", "RFC 9293 §3.9.2.2 (SHLD-26)"),
    Edge(FIN_WAIT_1, CLOSED, "icmp-hard-error", "rcv ICMP hard error", "delete TCB", "RFC 9293 §3.9.2.2 (SHLD-26)"),
    Edge(CLOSE_WAIT, CLOSED, "icmp-hard-error", "rcv ICMP hard error", "delete TCB", "RFC 9293 §3.9.2.2 (SHLD-26)"),
    Edge(CLOSING, CLOSED, "icmp-hard-error", "rcv ICMP hard error", "delete TCB", "RFC 9293 §3.9.2.2 (SHLD-26)"),
    Edge(LAST_ACK, CLOSED, "icmp-hard-error", "rcv ICMP hard error", "delete TCB", "RFC 9293 §3.9.2.2 (SHLD-26)"),
)

_ALLOWED: Final = {(edge.old, edge.cause, edge.new): edge for edge in EDGES}


def find_edge(old: State, cause: str, new: State) -> Edge | None:
    """The edge from `old` to `new` with this cause, or None if the table has none."""
    return _ALLOWED.get((old, cause, new))
