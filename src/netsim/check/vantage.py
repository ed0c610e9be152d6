"""Where the tap is: at the client, at the server, or between them.

Who is near answers at once: the time between a segment passing towards an endpoint and its
answer passing back is that endpoint's distance (twice) plus its own delay. Where that is too short
to tell, a TTL that no router has lowered yet does, if the other end's was. Some files say of each
packet whether it was leaving or entering the machine that captured it. An outgoing packet
without a checksum, or larger than any wire carries, was caught inside its sender.
"""

from __future__ import annotations

from typing import Final

from netsim.capture.record import NOTE_INBOUND, NOTE_OUTBOUND
from netsim.check.flow import AT_BETWEEN, AT_CLIENT, AT_SERVER, AT_UNKNOWN, UNKNOWN, Conn

NEAR_NS: Final = 1_500_000
INITIAL_TTLS: Final = (64, 128, 255)
"""What systems begin with: Linux, the BSDs and macOS 64, Windows 128, routers 255."""
FAR_FACTOR: Final = 8


def settle_vantage(c: Conn) -> None:
    """Infer `vantage` from the turn-around times unless it was given; and the full round-trip time."""
    client = c.client.turn_ns
    server = c.server.turn_ns
    # An end may take its time once; who ever answers at once is near.
    if client < 0 or 0 <= c.server.rtt_min < client:
        client = c.server.rtt_min
    if server < 0 or 0 <= c.client.rtt_min < server:
        server = c.client.rtt_min
    if c.vantage == AT_UNKNOWN:
        c.vantage = _by_direction(c) or infer(client, server)
        near = _by_hops(c)
        if c.vantage == AT_UNKNOWN:
            c.vantage = near
        elif c.vantage == AT_BETWEEN and near != AT_UNKNOWN:
            # A host that takes its time, or a tap a hop of a few milliseconds away, on its link: who knows.
            c.vantage = AT_UNKNOWN
        # checked: 2 and 4 say that the client or the server sent packets with a checksum left to its card
        if c.vantage == AT_UNKNOWN and c.checked & 6 in (2, 4):
            c.vantage = AT_CLIENT if c.checked & 2 else AT_SERVER
    if client >= 0 and server >= 0:
        c.full_rtt = client + server
    elif server >= 0 and c.vantage == AT_CLIENT:
        c.full_rtt = server
    elif client >= 0 and c.vantage == AT_SERVER:
        c.full_rtt = client


def _by_direction(c: Conn) -> int:
    """The end whose packets the file itself says were leaving the capturing machine (cooked captures, pcapng flags).

    A router's packets leave it, too, but with a lowered TTL.
    """
    client = c.client.first
    server = c.server.first
    if client is None or server is None:
        return AT_UNKNOWN
    for own, other, where in ((client, server, AT_CLIENT), (server, client, AT_SERVER)):
        if own.notes & NOTE_OUTBOUND and other.notes & NOTE_INBOUND and own.ttl in INITIAL_TTLS:
            return where
    return AT_UNKNOWN


def _by_hops(c: Conn) -> int:
    """The end from which packets come with the TTL they left with, where the other's have passed routers.

    On paths too short for a clock this is what is left. Where both have it, both ends are on one link.
    """
    client = c.client.first
    server = c.server.first
    if client is None or server is None:
        return AT_UNKNOWN
    fresh = client.ttl in INITIAL_TTLS
    if fresh == (server.ttl in INITIAL_TTLS):
        return AT_UNKNOWN
    return AT_CLIENT if fresh else AT_SERVER


def infer(client_ns: int, server_ns: int) -> int:
    """The vantage from the two turn-around times (ns, UNKNOWN if not seen)."""
    if client_ns == UNKNOWN or server_ns == UNKNOWN:
        return AT_UNKNOWN
    if client_ns < NEAR_NS and server_ns > FAR_FACTOR * client_ns and server_ns > 500_000:
        return AT_CLIENT
    if server_ns < NEAR_NS and client_ns > FAR_FACTOR * server_ns and client_ns > 500_000:
        return AT_SERVER
    if client_ns > NEAR_NS and server_ns > NEAR_NS:
        return AT_BETWEEN
    return AT_UNKNOWN
