"""The joined view of a run: one row per packet, one record per endpoint, one moment per thing that happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from netsim.base.events import Event
    from netsim.base.packet import Packet, Segment
    from netsim.base.reasons import Reason


class PacketRow:
    """One packet from the moment it was sent to its end: delivered, lost, or still under way.

    n:           1-based among the rows of its kind (TCP segments; everything else), in order of sending
    kind:        "tcp", "udp" or "icmp"
    sent_ns:     when it left (None: only its arrival was seen)
    received_ns: when it reached the host it was addressed to (None: never)
    sender, receiver: host names ("" unknown); `conn_from`, `conn_to` their connection numbers (0 = none)
    dropped:     None, or for people: what dropped it ('rule "last ACK, once"', 'queue full at …')
    drop_rule, drop_reason, drop_where: the same as data
    changes:     what the network did to it: ("delay", rule name), ("corrupt", ...), ...
    copy_of:     the row that the network duplicated, or None
    arrived:     the packet as it reached the host: `packet`, or the copy that the network altered
    damaged_ns:  when it reached the host `drop_where` with a wrong checksum and was thrown away (None: it did not)
    """

    __slots__ = (
        "arrived",
        "changes",
        "conn_from",
        "conn_to",
        "copy_of",
        "damaged_ns",
        "drop_reason",
        "drop_rule",
        "drop_where",
        "dropped",
        "kind",
        "n",
        "packet",
        "received_ns",
        "receiver",
        "sender",
        "sent_ns",
        "uid",
    )  # fmt: skip

    def __init__(self, n: int, kind: str, packet: Packet, sender: str, sent_ns: int | None) -> None:
        self.n = n
        self.kind = kind
        self.packet = packet
        self.uid = packet.uid
        self.sender = sender
        self.receiver = ""
        self.conn_from = 0
        self.conn_to = 0
        self.sent_ns = sent_ns
        self.received_ns: int | None = None
        self.dropped: str | None = None
        self.drop_rule = ""
        self.drop_where = ""
        self.drop_reason: Reason | None = None
        self.changes: list[tuple[str, str]] = []
        self.copy_of: PacketRow | None = None
        self.arrived: Packet | None = None
        self.damaged_ns: int | None = None


class SegmentRow(PacketRow):
    """The row of a TCP segment.

    seq, ack:          absolute; ack is None without the ACK bit
    rel_seq, rel_ack:  relative to the ISNs of the connection's incarnation; negative = from before it
    length:            payload octets            win: the 16-bit field
    flags:             scapy's letters ("SA")    names: for people ("SYN,ACK")
    options:           every option in its place, SACK edges relative; `words` the same as (name, value)
    flow:              number of the conversation (4-tuple and incarnation), from 1
    from_state:        the sender's state after sending ("" unknown)
    to_state:          the receiver's state after processing (None: not processed by a connection)
    at_state:          the receiver's state before processing
    reason, outcome:   why it was sent; what came of it at the receiver
    accepted:          None until processed
    retransmission, cause: as in `SegmentSent`
    """

    __slots__ = (
        "accepted", "ack", "at_state", "cause", "flags", "flow", "from_state", "length", "names", "options",
        "outcome", "reason", "rel_ack", "rel_seq", "retransmission", "segment", "seq", "to_state", "win", "words",
    )  # fmt: skip

    def __init__(self, n: int, segment: Segment, sender: str, sent_ns: int | None) -> None:
        super().__init__(n, "tcp", segment, sender, sent_ns)
        self.segment = segment
        self.seq = segment.seq
        self.ack: int | None = segment.ack if segment.flags & 0x10 else None
        self.rel_seq = 0
        self.rel_ack: int | None = None
        self.length = len(segment.payload)
        self.win = segment.wnd
        self.flags = segment.flags_letters()
        self.names = segment.flags_names()
        self.options = ""
        self.words: list[tuple[str, str]] = []
        self.flow = 0
        self.from_state = ""
        self.at_state: str | None = None
        self.to_state: str | None = None
        self.reason: Reason | None = None
        self.outcome: Reason | None = None
        self.accepted: bool | None = None
        self.retransmission = False
        self.cause = ""


class EndpointRecord:
    """One end of one connection.

    name:            the host's name; the host's second connection is "name#2", and so on
    changes:         (t_ns, state, reason) of every state entered; `initial` the state before the first
    bytes_sent:      payload octets sent for the first time
    bytes_received:  octets that became readable by the application, in order
    segments_sent:   all segments, resent ones included; `retransmissions` those resent
    local, remote:   (address, port), ("", 0) until a segment tells
    """

    __slots__ = (
        "bytes_received", "bytes_sent", "changes", "conn", "host", "initial", "local", "name", "remote",
        "retransmissions", "segments_sent",
    )  # fmt: skip

    def __init__(self, host: str, conn: int, name: str) -> None:
        self.host = host
        self.conn = conn
        self.name = name
        self.initial = "CLOSED"
        self.changes: list[tuple[int, str, Reason | None]] = []
        self.bytes_sent = 0
        self.bytes_received = 0
        self.segments_sent = 0
        self.retransmissions = 0
        self.local: tuple[str, int] = ("", 0)
        self.remote: tuple[str, int] = ("", 0)

    @property
    def states(self) -> list[str]:
        """The initial state and every state entered, in order."""
        return [self.initial, *(state for _, state, _ in self.changes)]

    @property
    def final_state(self) -> str:
        """The state in which the endpoint was left."""
        return self.changes[-1][1] if self.changes else self.initial


INJECTED: Final = "(injected)"
"""The link of a `PacketSent` that no host sent: an old duplicate, a forgery. Its row has the change "injected"."""

SENT: Final = "sent"
ARRIVED: Final = "arrived"
DROPPED: Final = "dropped"
PROCESSED: Final = "processed"
HAPPENED: Final = "happened"


class Moment:
    """One thing that happened, in the order of the event stream.

    kind: SENT, ARRIVED, DROPPED or PROCESSED with `row`; HAPPENED with the `event` itself
          (state changes, timers, calls, notifications, notes, link changes).
    """

    __slots__ = ("event", "kind", "row", "t_ns")

    def __init__(self, kind: str, t_ns: int, row: PacketRow | None, event: Event) -> None:
        self.kind = kind
        self.t_ns = t_ns
        self.row = row
        self.event = event
