"""The transmission control block: RFC 9293 §3.3.1's variables, and nothing else.

Numbers named as in the RFC are modulo 2^32. Windows are bytes, already scaled.
"""

from __future__ import annotations

from typing import Final

NO_TIMESTAMP: Final = -1


class SendSpace:
    """SND.*: the send sequence space.

    una, nxt, wnd, up, wl1, wl2, iss: as in RFC 9293 §3.3.1
    max_wnd: the largest window the peer ever offered (RFC 5961 §5, RFC 9293 §3.8.6.2.1)
    edge: una + wnd as the peer offered it (the right edge)
    wscale: shift of the windows that the peer sends (Snd.Wind.Shift of RFC 7323)
    mss: the peer's MSS limit after the defaults and our MTU (bytes of data without options)
    """

    __slots__ = ("iss", "max_wnd", "mss", "nxt", "una", "up", "urgent", "wl1", "wl2", "wnd", "wscale")

    def __init__(self, iss: int) -> None:
        self.iss = iss
        self.una = iss
        self.nxt = iss
        self.wnd = 0
        self.up = iss
        self.urgent = False
        self.wl1 = 0
        self.wl2 = iss
        self.max_wnd = 0
        self.wscale = 0
        self.mss = 536


class ReceiveSpace:
    """RCV.*: the receive sequence space.

    nxt, wnd, up, irs: as in RFC 9293 §3.3.1; wnd is what the last segment advertised,
    less what has arrived since (so nxt + wnd is the right edge that the peer knows)
    wscale: shift of the windows that we send (Rcv.Wind.Shift of RFC 7323)
    last_ack: the last acknowledgement number sent (Last.ACK.sent of RFC 7323)
    """

    __slots__ = ("irs", "last_ack", "nxt", "up", "urgent", "wnd", "wscale")

    def __init__(self) -> None:
        self.irs = 0
        self.nxt = 0
        self.wnd = 0
        self.up = 0
        self.urgent = False
        self.wscale = 0
        self.last_ack = 0


class Negotiated:
    """What the two SYNs agreed on, and the timestamps' variables of RFC 7323 §4.3."""

    __slots__ = ("ecn", "mss_clamp", "peer_mss", "sack", "timestamps", "ts_recent", "ts_recent_age_ns", "wscale")

    def __init__(self) -> None:
        self.timestamps = False
        self.sack = False
        self.wscale = False
        self.ecn = False
        self.peer_mss = 0
        self.mss_clamp = 536
        """The peer's MSS option or its default, and the user's limit: no segment is larger, whatever the path takes."""
        self.ts_recent = 0
        self.ts_recent_age_ns = NO_TIMESTAMP
