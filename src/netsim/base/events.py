"""The event stream: everything that happens, as typed values. The product of a run.

The core, the hosts and the network emit; the ladder, the stepper, the JSON, the pcap
writer, the statistics and the checker only consume. Plain classes with slots, because
they are made on the hot path when recording is on.

`host` is the host's name in the scenario ("client"); `conn` the connection's number in the
run (assigned in order of creation, 0 = no connection). A `Sink` receives events in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.base.seams import mypyc_attr

if TYPE_CHECKING:
    from netsim.base.packet import Packet, Segment
    from netsim.base.reasons import Reason


class Event:
    """Base: when (ns), at which host, on which connection."""

    __slots__ = ("conn", "host", "t_ns")

    def __init__(self, t_ns: int, host: str, conn: int) -> None:
        self.t_ns = t_ns
        self.host = host
        self.conn = conn


class SegmentSent(Event):
    """The endpoint hands a segment to the network. `state` is its state after sending.

    `retransmission`: it carries sequence space that was sent before. `cause` is one of
    "" (new), "timeout", "fast", "sack", "rack", "tlp", "syn", "fin", "persist",
    "keep-alive", "go-back".
    """

    __slots__ = ("cause", "reason", "retransmission", "segment", "state")

    def __init__(
        self, t_ns: int, host: str, conn: int, segment: Segment, state: str,
        reason: Reason, retransmission: bool = False, cause: str = "",
    ) -> None:  # fmt: skip
        super().__init__(t_ns, host, conn)
        self.segment = segment
        self.state = state
        self.reason = reason
        self.retransmission = retransmission
        self.cause = cause


class SegmentReceived(Event):
    """A segment reached the endpoint and is about to be processed in `state`."""

    __slots__ = ("segment", "state")

    def __init__(self, t_ns: int, host: str, conn: int, segment: Segment, state: str) -> None:
        super().__init__(t_ns, host, conn)
        self.segment = segment
        self.state = state


class SegmentProcessed(Event):
    """Processing of the segment ended in `state`; `reason` tells what came of it.

    `accepted` is False where the segment was dropped (unacceptable, old, blind attack, ...).
    """

    __slots__ = ("accepted", "reason", "segment", "state")

    def __init__(
        self, t_ns: int, host: str, conn: int, segment: Segment, state: str, reason: Reason, accepted: bool
    ) -> None:
        super().__init__(t_ns, host, conn)
        self.segment = segment
        self.state = state
        self.reason = reason
        self.accepted = accepted


class StateChanged(Event):
    """An edge of the state machine was taken. `cause` is the edge's label in `tcp.state`."""

    __slots__ = ("cause", "new", "old", "reason")

    def __init__(self, t_ns: int, host: str, conn: int, old: str, new: str, cause: str, reason: Reason) -> None:
        super().__init__(t_ns, host, conn)
        self.old = old
        self.new = new
        self.cause = cause
        self.reason = reason


class TimerSet(Event):
    """A timer was started or moved: `timer` (its name), `at_ns` (its deadline)."""

    __slots__ = ("at_ns", "reason", "timer")

    def __init__(self, t_ns: int, host: str, conn: int, timer: str, at_ns: int, reason: Reason) -> None:
        super().__init__(t_ns, host, conn)
        self.timer = timer
        self.at_ns = at_ns
        self.reason = reason


class TimerStopped(Event):
    """A timer was stopped before it fired."""

    __slots__ = ("timer",)

    def __init__(self, t_ns: int, host: str, conn: int, timer: str) -> None:
        super().__init__(t_ns, host, conn)
        self.timer = timer


class TimerExpired(Event):
    """A timer fired: `count` is how many times in a row (1 = first)."""

    __slots__ = ("count", "reason", "timer")

    def __init__(self, t_ns: int, host: str, conn: int, timer: str, count: int, reason: Reason) -> None:
        super().__init__(t_ns, host, conn)
        self.timer = timer
        self.count = count
        self.reason = reason


class CongestionChanged(Event):
    """The congestion window, the threshold or the phase changed (bytes).

    `phase` is one of "slow-start", "avoidance", "disorder", "recovery", "cwr", "loss".
    """

    __slots__ = ("cwnd", "phase", "reason", "ssthresh")

    def __init__(self, t_ns: int, host: str, conn: int, cwnd: int, ssthresh: int, phase: str, reason: Reason) -> None:
        super().__init__(t_ns, host, conn)
        self.cwnd = cwnd
        self.ssthresh = ssthresh
        self.phase = phase
        self.reason = reason


class RttSampled(Event):
    """A round-trip time was measured (ns), with the estimator's values after it."""

    __slots__ = ("rto_ns", "rtt_ns", "rttvar_ns", "srtt_ns")

    def __init__(self, t_ns: int, host: str, conn: int, rtt_ns: int, srtt_ns: int, rttvar_ns: int, rto_ns: int) -> None:
        super().__init__(t_ns, host, conn)
        self.rtt_ns = rtt_ns
        self.srtt_ns = srtt_ns
        self.rttvar_ns = rttvar_ns
        self.rto_ns = rto_ns


class SendHeld(Event):
    """There is something to send, and a rule holds it back (Nagle, window, cwnd, ...)."""

    __slots__ = ("bytes_waiting", "reason")

    def __init__(self, t_ns: int, host: str, conn: int, bytes_waiting: int, reason: Reason) -> None:
        super().__init__(t_ns, host, conn)
        self.bytes_waiting = bytes_waiting
        self.reason = reason


class Called(Event):
    """An application called the user interface: `call` is e.g. "OPEN", "SEND", "CLOSE".

    `detail` is for people ("1000 bytes"), `result` likewise ("" = ok).
    """

    __slots__ = ("call", "detail", "result")

    def __init__(self, t_ns: int, host: str, conn: int, call: str, detail: str, result: str = "") -> None:
        super().__init__(t_ns, host, conn)
        self.call = call
        self.detail = detail
        self.result = result


class Delivered(Event):
    """In-order bytes became readable by the application: count and the stream offset after them."""

    __slots__ = ("byte_count", "offset")

    def __init__(self, t_ns: int, host: str, conn: int, byte_count: int, offset: int) -> None:
        super().__init__(t_ns, host, conn)
        self.byte_count = byte_count
        self.offset = offset


class Notified(Event):
    """The user is told something: "connection reset", "connection closing", "urgent data", a soft error."""

    __slots__ = ("reason", "what")

    def __init__(self, t_ns: int, host: str, conn: int, what: str, reason: Reason) -> None:
        super().__init__(t_ns, host, conn)
        self.what = what
        self.reason = reason


class Noted(Event):
    """Something worth a sentence that is none of the above (an undo, a spurious timeout found, ...)."""

    __slots__ = ("reason",)

    def __init__(self, t_ns: int, host: str, conn: int, reason: Reason) -> None:
        super().__init__(t_ns, host, conn)
        self.reason = reason


# --- the network's events ------------------------------------------------------------


class PacketSent(Event):
    """A host gave a packet to its link (the packet has its uid now)."""

    __slots__ = ("link", "packet")

    def __init__(self, t_ns: int, host: str, packet: Packet, link: str) -> None:
        super().__init__(t_ns, host, 0)
        self.packet = packet
        self.link = link


class PacketDelivered(Event):
    """A packet arrived at the host `host` that it is addressed to."""

    __slots__ = ("packet",)

    def __init__(self, t_ns: int, host: str, packet: Packet) -> None:
        super().__init__(t_ns, host, 0)
        self.packet = packet


class PacketDropped(Event):
    """The network (or the host's demultiplexer) dropped a packet. `where` names the link or node.

    `rule` is the name of the impairment rule, "" if none (queue overflow, TTL, checksum...).
    """

    __slots__ = ("packet", "reason", "rule", "where")

    def __init__(self, t_ns: int, host: str, packet: Packet, where: str, reason: Reason, rule: str = "") -> None:
        super().__init__(t_ns, host, 0)
        self.packet = packet
        self.where = where
        self.reason = reason
        self.rule = rule


class PacketImpaired(Event):
    """The network changed a packet's fate without dropping it.

    `what` is "duplicate", "delay", "reorder", "corrupt", "edit"; for a duplicate, `packet` is the copy.
    `reason` where the network has one of its own (a queue marks), None where a rule or chance did it.
    """

    __slots__ = ("packet", "reason", "rule", "what", "where")

    def __init__(
        self, t_ns: int, host: str, packet: Packet, where: str, what: str, rule: str = "", reason: Reason | None = None
    ) -> None:
        self.reason = reason
        super().__init__(t_ns, host, 0)
        self.packet = packet
        self.where = where
        self.what = what
        self.rule = rule


class LinkChanged(Event):
    """A link went down or up, or its rate, delay or MTU changed; `detail` is for people."""

    __slots__ = ("detail", "link")

    def __init__(self, t_ns: int, link: str, detail: str) -> None:
        super().__init__(t_ns, "", 0)
        self.link = link
        self.detail = detail


@mypyc_attr(allow_interpreted_subclasses=True)
class Sink:
    """Receives events. Subclass and override `emit`; `recording` False means: do not even build them."""

    recording: bool = True

    def emit(self, event: Event) -> None:
        """Take one event."""
        raise NotImplementedError


class NullSink(Sink):
    """Takes nothing: for measured runs."""

    recording = False

    def emit(self, event: Event) -> None:
        """Never called where callers guard with `recording`."""


@mypyc_attr(allow_interpreted_subclasses=True)
class ListSink(Sink):
    """Keeps every event in `events`."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def emit(self, event: Event) -> None:
        """Append."""
        self.events.append(event)
