"""The recorder: a sink that joins the event stream into rows, timelines and counters.

Give it to a run as its sink (or feed it events later): every other module of this package
draws from it and never looks at raw events. It works without a network too (packetdrill
scripts, replayed captures): a segment that was sent but never seen by a network has a row
without an arrival, a segment that only arrived has a row without a sending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netsim.base import events as ev
from netsim.base.packet import ACK, RST, SYN, IcmpMessage, Packet, Segment
from netsim.report.digest import Digest
from netsim.report.flows import Flows, Numbering
from netsim.report.options import option_words
from netsim.report.rows import (
    ARRIVED,
    DROPPED,
    HAPPENED,
    INJECTED,
    PROCESSED,
    SENT,
    EndpointRecord,
    Moment,
    PacketRow,
    SegmentRow,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from netsim.base.reasons import Reason


class Recorder(ev.Sink):
    """Joins events into rows and timelines.

    segments:    one `SegmentRow` per TCP segment, in order of sending
    others:      one `PacketRow` per UDP datagram or ICMP message
    endpoints:   (host, conn) -> `EndpointRecord`, in order of appearance
    moments:     everything that happened, in order, for ladders and steppers
    congestion, rtt: the raw events for plots
    digest:      the canonical digest of all events so far (64 hexadecimal digits)

    addresses: address -> host name, where known beforehand; it learns the rest.
    """

    def __init__(self, addresses: dict[str, str] | None = None) -> None:
        self.segments: list[SegmentRow] = []
        self.others: list[PacketRow] = []
        self.endpoints: dict[tuple[str, int], EndpointRecord] = {}
        self.moments: list[Moment] = []
        self.congestion: list[ev.CongestionChanged] = []
        self.rtt: list[ev.RttSampled] = []
        self.hosts: list[str] = []
        self.addresses: dict[str, str] = dict(addresses or {})
        self.last_ns = 0
        self._digest = Digest()
        self._flows = Flows()
        self._by_uid: dict[int, PacketRow] = {}
        self._by_object: dict[int, PacketRow] = {}
        self._iss: dict[tuple[str, int], Numbering] = {}
        self._irs: dict[tuple[str, int], Numbering] = {}
        self._numbering: dict[int, Numbering | None] = {}
        self._max_sent: dict[int, int] = {}
        self._handlers: dict[type, Callable[[Any], None]] = {
            ev.SegmentSent: self._segment_sent,
            ev.SegmentReceived: self._segment_received,
            ev.SegmentProcessed: self._segment_processed,
            ev.StateChanged: self._state_changed,
            ev.CongestionChanged: self.congestion.append,
            ev.RttSampled: self.rtt.append,
            ev.Delivered: self._delivered,
            ev.PacketSent: self._packet_sent,
            ev.PacketDelivered: self._packet_delivered,
            ev.PacketDropped: self._packet_dropped,
            ev.PacketImpaired: self._packet_impaired,
        }

    @property
    def digest(self) -> str:
        """SHA-256 over one canonical line per event; equal digests mean equal runs."""
        return self._digest.hexdigest()

    @property
    def event_count(self) -> int:
        """How many events were recorded."""
        return self._digest.events

    def emit(self, event: ev.Event) -> None:
        """Take one event."""
        self._digest.update(event)
        if event.t_ns > self.last_ns:
            self.last_ns = event.t_ns
        handler = self._handlers.get(type(event))
        if handler is None:
            self.moments.append(Moment(HAPPENED, event.t_ns, None, event))
        else:
            handler(event)

    def host_of(self, address: str) -> str:
        """The name of the host that has an address, "" if unknown."""
        return self.addresses.get(address, "")

    def receiver_of(self, row: PacketRow) -> str:
        """The host a packet reached, or was meant for."""
        return row.receiver or self.host_of(row.packet.dst)

    # --- the endpoints' events --------------------------------------------------------

    def _endpoint(self, host: str, conn: int) -> EndpointRecord:
        record = self.endpoints.get((host, conn))
        if record is None:
            before = sum(1 for name, _ in self.endpoints if name == host)
            record = EndpointRecord(host, conn, host if before == 0 else f"{host}#{before + 1}")
            self.endpoints[host, conn] = record
            self._meet(host)
        return record

    def _meet(self, host: str) -> None:
        if host and host not in self.hosts:
            self.hosts.append(host)

    def _new_segment(self, segment: Segment, host: str, conn: int, sent_ns: int | None) -> SegmentRow:
        """A row with its flow and relative numbers. `conn` 0: no connection sends it."""
        row = SegmentRow(len(self.segments) + 1, segment, host, sent_ns)
        row.conn_from = conn
        row.flow, numbering = self._flows.place(segment, by_endpoint=conn != 0)
        key = (host, conn)
        if conn:
            if segment.flags & SYN and numbering is not None:
                self._iss[key] = numbering
            if not segment.flags & RST:
                numbering = self._iss.get(key, numbering)
        self._numbering[row.n] = numbering
        row.rel_seq = 0 if numbering is None else numbering.relative(segment.seq)
        acks = self._irs.get(key) if conn else None
        if acks is None:
            acks = self._flows.numbering_of_acks(segment)
        relative = int if acks is None else acks.relative
        if segment.flags & ACK:
            row.rel_ack = relative(segment.ack)
        row.words = option_words(segment, relative)
        row.options = ",".join(f"{name} {value}".rstrip() for name, value in row.words)
        self.segments.append(row)
        return row

    def _segment_sent(self, event: ev.SegmentSent) -> None:
        segment = event.segment
        self.addresses.setdefault(segment.src, event.host)
        record = self._endpoint(event.host, event.conn)
        row = self._new_segment(segment, event.host, event.conn, event.t_ns)
        row.from_state = event.state
        row.reason = event.reason
        row.retransmission = event.retransmission
        row.cause = event.cause
        self._by_object[id(segment)] = row
        self._count_sent(record, row)
        self.moments.append(Moment(SENT, event.t_ns, row, event))

    def _count_sent(self, record: EndpointRecord, row: SegmentRow) -> None:
        segment = row.segment
        record.local = (segment.src, segment.sport)
        record.remote = (segment.dst, segment.dport)
        record.segments_sent += 1
        record.retransmissions += row.retransmission
        if row.length:
            numbering = self._numbering[row.n]
            start = row.rel_seq + (1 if segment.flags & SYN else 0)
            end = start + row.length
            furthest = self._max_sent.get(id(numbering), start)
            if end > furthest:
                record.bytes_sent += end - max(start, furthest)
                self._max_sent[id(numbering)] = end

    def _segment_received(self, event: ev.SegmentReceived) -> None:
        segment = event.segment
        record = self._endpoint(event.host, event.conn)
        row = self.row_of(segment)
        if row is None:
            row = self._new_segment(segment, self.host_of(segment.src), 0, None)
            self._by_object[id(segment)] = row
        assert isinstance(row, SegmentRow)
        record.local = (segment.dst, segment.dport)
        record.remote = (segment.src, segment.sport)
        row.receiver, row.conn_to, row.at_state = event.host, event.conn, event.state
        if row.received_ns is None:
            row.received_ns = event.t_ns
        if segment.flags & SYN and event.state in ("LISTEN", "SYN-SENT", "CLOSED"):
            numbering = self._numbering.get(row.n)
            if numbering is not None:
                self._irs[event.host, event.conn] = numbering
        self.moments.append(Moment(ARRIVED, event.t_ns, row, event))

    def _segment_processed(self, event: ev.SegmentProcessed) -> None:
        row = self.row_of(event.segment)
        if isinstance(row, SegmentRow):
            row.to_state, row.outcome, row.accepted = event.state, event.reason, event.accepted
            self.moments.append(Moment(PROCESSED, event.t_ns, row, event))

    def _state_changed(self, event: ev.StateChanged) -> None:
        record = self._endpoint(event.host, event.conn)
        if not record.changes:
            record.initial = event.old
        record.changes.append((event.t_ns, event.new, event.reason))
        self.moments.append(Moment(HAPPENED, event.t_ns, None, event))

    def _delivered(self, event: ev.Delivered) -> None:
        self._endpoint(event.host, event.conn).bytes_received += event.byte_count
        self.moments.append(Moment(HAPPENED, event.t_ns, None, event))

    # --- the network's events ---------------------------------------------------------

    def row_of(self, packet: Packet) -> PacketRow | None:
        """The row of a packet (or of the copy of it that a router sent on); None: never seen."""
        if packet.uid:
            row = self._by_uid.get(packet.uid)
            if row is not None:
                return row
        row = self._by_object.get(id(packet))
        return row if row is not None and row.packet is packet else None

    def row_of_uid(self, uid: int) -> PacketRow | None:
        """The row of the packet that the network numbered `uid`; None: never seen."""
        return self._by_uid.get(uid)

    def _network_row(self, packet: Packet, host: str, t_ns: int) -> PacketRow:
        """The row of a packet that the network carries; a new one if no endpoint announced it."""
        row = self.row_of(packet)
        if row is None:
            self._meet(host)
            if isinstance(packet, Segment):
                row = self._new_segment(packet, host, 0, t_ns)
            else:
                kind = "icmp" if isinstance(packet, IcmpMessage) else "udp"
                row = PacketRow(len(self.others) + 1, kind, packet, host, t_ns)
                self.others.append(row)
        row.uid = packet.uid
        if packet.uid:
            self._by_uid[packet.uid] = row
        return row

    def _packet_sent(self, event: ev.PacketSent) -> None:
        known = self.row_of(event.packet) is not None
        row = self._network_row(event.packet, event.host, event.t_ns)
        row.sent_ns = event.t_ns
        if event.link == INJECTED:
            row.changes.append(("injected", ""))
        if not known:
            self.addresses.setdefault(event.packet.src, event.host)
            self.moments.append(Moment(SENT, event.t_ns, row, event))

    def _packet_delivered(self, event: ev.PacketDelivered) -> None:
        row = self._network_row(event.packet, "", event.t_ns)
        row.receiver = event.host
        row.received_ns = event.t_ns
        row.arrived = event.packet
        self._meet(event.host)
        self.addresses.setdefault(event.packet.dst, event.host)
        if row.kind != "tcp":
            self.moments.append(Moment(ARRIVED, event.t_ns, row, event))

    def _packet_dropped(self, event: ev.PacketDropped) -> None:
        row = self._network_row(event.packet, event.host, event.t_ns)
        row.dropped = _drop_text(event.reason, event.rule, event.where)
        row.drop_rule, row.drop_reason, row.drop_where = event.rule, event.reason, event.where
        if event.packet.corrupted and event.where == event.host:
            row.damaged_ns, row.arrived = event.t_ns, event.packet
        self.moments.append(Moment(DROPPED, event.t_ns, row, event))

    def _packet_impaired(self, event: ev.PacketImpaired) -> None:
        packet = event.packet
        if event.what == "duplicate" and self.row_of(packet) is None:
            original = self._by_uid.get(packet.copy_of)
            host = original.sender if original is not None else event.host
            row = self._network_row(packet, host, event.t_ns)
            row.copy_of = original
            if isinstance(row, SegmentRow) and isinstance(original, SegmentRow):
                row.rel_seq, row.rel_ack, row.flow = original.rel_seq, original.rel_ack, original.flow
            self.moments.append(Moment(SENT, event.t_ns, row, event))
        else:
            row = self._network_row(packet, event.host, event.t_ns)
        row.changes.append((event.what, event.rule))


def _drop_text(reason: Reason, rule: str, where: str) -> str:
    """`rule "last ACK, once"`, or the reason's code in words and the place: `queue full at client-server`."""
    if rule:
        return f'rule "{rule}"'
    words = reason.code.replace("-", " ")
    return f"{words} at {where}" if where else words


def record(events: list[ev.Event], addresses: dict[str, str] | None = None) -> Recorder:
    """A recorder that has been fed a list of events."""
    recorder = Recorder(addresses)
    for event in events:
        recorder.emit(event)
    return recorder
