"""Why the network dropped a packet, changed it, or answered with ICMP."""

from __future__ import annotations

from typing import Final

from netsim.base.reasons import Reason

QUEUE_FULL: Final = Reason("queue-full", "The link's queue is full: a drop-tail queue drops what comes last.")
QUEUE_EARLY: Final = Reason(
    "queue-early-drop", "The queue is growing: it drops early, so that senders slow down.", "RFC 7567 §4.3"
)
QUEUE_MARK: Final = Reason(
    "queue-ecn-mark", "The queue is growing: it marks the packet instead of dropping it.", "RFC 3168 §5"
)
LINK_DOWN: Final = Reason("link-down", "The link is down.")
LOST: Final = Reason("link-loss", "The link loses some packets by chance, and this was one.")
BURST: Final = Reason("link-burst-loss", "The link is in a bad phase, in which it loses packets in bursts.")
OUTAGE: Final = Reason("link-outage", "The link has an outage.")
RULE: Final = Reason("rule", "A rule of the scenario drops it.")
TTL: Final = Reason("ttl-exceeded", "Its time to live ran out at a router.", "RFC 1812 §5.3.1")
NO_ROUTE: Final = Reason("no-route", "The node knows no way to its destination.", "RFC 1812 §5.2.7.1")
TOO_BIG: Final = Reason(
    "too-big", "It is larger than the next link's MTU, and must not be fragmented.", "RFC 1191 §4, RFC 8201 §4"
)
NOT_FOR_US: Final = Reason("not-for-us", "It is not addressed to this host, and a host does not forward.",
                           "RFC 1122 §3.3.1.1")  # fmt: skip
CORRUPTED: Final = Reason(
    "bad-checksum", "Its checksum is wrong: the network flipped bits on the way.", "RFC 9293 §3.1 (MUST-3)"
)
WHAT_IF: Final = Reason("what-if", "Taken out by hand: what if it were lost?")
NO_LOOPBACK: Final = Reason("no-loopback", "It is addressed to the host itself, and simulated hosts have no loopback.")
