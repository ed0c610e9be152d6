"""Why the host dropped a packet, or answered it without a connection."""

from __future__ import annotations

from typing import Final

from netsim.base.reasons import Reason

CORRUPTED: Final = Reason(
    "bad-checksum", "The checksum is wrong: the network flipped bits on the way, so drop it.", "RFC 9293 §3.1 (MUST-3)"
)
NOT_FOR_US: Final = Reason(
    "not-for-us", "It is not addressed to this host, and a host does not forward.", "RFC 1122 §3.3.1.1"
)
CLOSED_PORT: Final = Reason(
    "closed-port", "Nobody listens here and there is no such connection: answer with a RST.", "RFC 9293 §3.10.7.1"
)
RST_FOR_NOBODY: Final = Reason(
    "rst-for-nobody", "A RST for a connection that does not exist is dropped in silence.", "RFC 9293 §3.10.7.1"
)
NO_UDP_PORT: Final = Reason(
    "no-udp-port", "No socket has this UDP port: answer with ICMP port unreachable.", "RFC 1122 §4.1.3.1"
)
ACCEPT_QUEUE_FULL: Final = Reason(
    "accept-queue-full", "The application accepts too slowly: its backlog is full, so the peer must try again."
)
SYN_QUEUE_FULL: Final = Reason(
    "syn-queue-full", "Too many half-open connections: the SYN is dropped (a SYN flood does this).", "RFC 4987 §2"
)
SYN_COOKIE: Final = Reason(
    "syn-cookie", "The queue is full: answer with a SYN cookie and remember nothing.", "RFC 4987 §3.6"
)
COOKIE_CAME_BACK: Final = Reason(
    "syn-cookie-returned", "The ACK brings the SYN cookie back, and with it all there is to know of the SYN.",
    "RFC 4987 §3.6",
)  # fmt: skip
MULTICAST: Final = Reason("not-unicast", "A SYN to or from a multicast or broadcast address is dropped.",
                          "RFC 9293 §3.9.2.3 (MUST-57, MUST-63)")  # fmt: skip
UDP_QUEUE_FULL: Final = Reason("udp-queue-full", "The UDP socket's buffer is full.")
QUOTE_UNKNOWN: Final = Reason("icmp-for-nobody", "An ICMP error about a connection that does not exist.")
NO_TUNNEL: Final = Reason(
    "no-udp-tunnel",
    "TCP in UDP for a UDP port at which this host takes none: dropped, as UDP for nobody.",
    "RFC 6951 §5",
)
