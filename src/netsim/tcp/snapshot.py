"""A copy of an endpoint's variables: for people, tests, the stepper and TCP_INFO."""

from __future__ import annotations

from typing import Final

from netsim.tcp.endpoint import Endpoint
from netsim.tcp.timers import NAMES, NEVER

FIELDS: Final = (
    "backoff", "bytes_readable", "cwnd", "error", "fin_received", "fin_sent", "flight", "irs", "iss", "mss",
    "out_of_order", "phase", "rcv_nxt", "rcv_up", "rcv_wnd", "rcv_wscale", "rto_ns", "rttvar_ns", "sack",
    "snd_max_wnd", "snd_nxt", "snd_una", "snd_up", "snd_wl1", "snd_wl2", "snd_wnd", "snd_wscale", "soft_error",
    "srtt_ns", "ssthresh", "state", "timers", "timestamps", "ts_recent", "unacked", "unsent",
)  # fmt: skip
"""Every field of a snapshot, in alphabetical order."""


class Snapshot:
    """RFC names, dots written as underscores. Numbers modulo 2^32, windows in bytes, times in ns.

    Two snapshots are equal when every field is.
    """

    __slots__ = FIELDS

    def __init__(self, ep: Endpoint) -> None:
        snd, receiver, sender = ep.snd, ep.receiver, ep.sender
        rcv = receiver.rcv
        self.state = str(ep.state.value)
        self.iss, self.irs = snd.iss, rcv.irs
        self.snd_una, self.snd_nxt, self.snd_wnd = snd.una, snd.nxt, snd.wnd
        self.snd_up, self.snd_wl1, self.snd_wl2 = snd.up, snd.wl1, snd.wl2
        self.snd_max_wnd, self.snd_wscale = snd.max_wnd, snd.wscale
        self.rcv_nxt, self.rcv_wnd, self.rcv_up, self.rcv_wscale = rcv.nxt, rcv.wnd, rcv.up, rcv.wscale
        self.mss = snd.mss
        self.cwnd, self.ssthresh = sender.cwnd(), sender.ssthresh()
        self.phase = sender.phase()
        self.srtt_ns, self.rttvar_ns, self.rto_ns = sender.srtt_ns(), sender.rttvar_ns(), sender.rto_ns()
        self.backoff = sender.backoff()
        self.flight = sender.flight_bytes()
        self.unsent, self.unacked = sender.unsent_bytes(), sender.unacked_bytes()
        self.bytes_readable = receiver.buffer.size
        self.out_of_order = tuple(
            (receiver.seq_of(left), receiver.seq_of(right)) for left, right in receiver.reassembly.runs()
        )
        self.fin_sent, self.fin_received = sender.fin_was_sent(), receiver.fin_done
        self.timestamps, self.sack, self.ts_recent = ep.neg.timestamps, ep.neg.sack, ep.neg.ts_recent
        self.error, self.soft_error = ep.error, ep.soft_error
        self.timers = tuple((NAMES[timer], at) for timer, at in enumerate(ep.timers.at) if at != NEVER)

    def as_dict(self) -> dict[str, object]:
        """Every field by name, in alphabetical order."""
        return {name: getattr(self, name) for name in FIELDS}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Snapshot) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash(tuple(self.as_dict().items()))

    def __repr__(self) -> str:
        return f"<{self.state} una {self.snd_una} nxt {self.snd_nxt} rcv.nxt {self.rcv_nxt} cwnd {self.cwnd}>"
