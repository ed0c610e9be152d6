"""A digest of a run: SHA-256 over one canonical line per event.

Two runs with equal digests were equal event by event. Nothing in a line depends on the
machine, the Python version, the hash seed, or on whether netsim runs compiled. Reasons
enter by their code, so that a better sentence changes no digest.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from netsim.base import events as ev
from netsim.base.packet import IcmpMessage, Packet, Segment, UdpDatagram
from netsim.base.reasons import Reason

if TYPE_CHECKING:
    from netsim.base.events import Event

FIELDS: Final[dict[type, tuple[str, ...]]] = {
    ev.SegmentSent: ("segment", "state", "reason", "retransmission", "cause"),
    ev.SegmentReceived: ("segment", "state"),
    ev.SegmentProcessed: ("segment", "state", "reason", "accepted"),
    ev.StateChanged: ("old", "new", "cause", "reason"),
    ev.TimerSet: ("timer", "at_ns", "reason"),
    ev.TimerStopped: ("timer",),
    ev.TimerExpired: ("timer", "count", "reason"),
    ev.CongestionChanged: ("cwnd", "ssthresh", "phase", "reason"),
    ev.RttSampled: ("rtt_ns", "srtt_ns", "rttvar_ns", "rto_ns"),
    ev.SendHeld: ("bytes_waiting", "reason"),
    ev.Called: ("call", "detail", "result"),
    ev.Delivered: ("byte_count", "offset"),
    ev.Notified: ("what", "reason"),
    ev.Noted: ("reason",),
    ev.PacketSent: ("packet", "link"),
    ev.PacketDelivered: ("packet",),
    ev.PacketDropped: ("packet", "where", "reason", "rule"),
    ev.PacketImpaired: ("packet", "where", "what", "rule", "reason"),
    ev.LinkChanged: ("link", "detail"),
}
"""The fields of each event beyond `t_ns`, `host` and `conn`, in the order of the canonical line."""

_IP: Final = ("src", "dst", "ttl", "tos", "df", "ip_id", "uid", "copy_of", "corrupted")
_TCP: Final = (
    "sport", "dport", "seq", "ack", "flags", "wnd", "urg", "layout", "opt_mss", "opt_wscale", "sack_ok",
    "ts_val", "ts_ecr", "sack", "tfo", "tfo_exp", "md5", "other", "encap_sport", "encap_dport", "payload",
)  # fmt: skip
PACKET_FIELDS: Final[dict[type, tuple[str, ...]]] = {
    Segment: _IP + _TCP,
    UdpDatagram: (*_IP, "sport", "dport", "payload"),
    IcmpMessage: (*_IP, "icmp_type", "icmp_code", "mtu", "quoted", "payload"),
    Packet: _IP,
}


def _canonical(value: object) -> bytes:
    """One value as bytes; nested packets in brackets."""
    if isinstance(value, Packet):
        fields = PACKET_FIELDS.get(type(value), _IP)
        return b"[" + b"|".join(_canonical(getattr(value, name)) for name in fields) + b"]"
    if isinstance(value, Reason):
        return value.code.encode()
    if isinstance(value, bytes):
        return b"%d:" % len(value) + value
    return str(value).encode()


class Digest:
    """Feed it every event in order; `hexdigest` is the run's digest so far."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.events = 0

    def update(self, event: Event) -> None:
        """Take one event."""
        kind = type(event)
        parts = [kind.__name__.encode(), b"%d" % event.t_ns, event.host.encode(), b"%d" % event.conn]
        parts += [_canonical(getattr(event, name)) for name in FIELDS[kind]]
        self._hash.update(b"\t".join(parts) + b"\n")
        self.events += 1

    def hexdigest(self) -> str:
        """The digest: 64 hexadecimal digits."""
        return self._hash.hexdigest()
