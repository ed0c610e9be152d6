"""The MUST and SHLD labels of RFC 9293, appendix B: what each asks for, and which do not concern us.

`TEXT` has every label. `NOT_APPLICABLE` says why a label cannot apply to this host; every other one is
pinned by at least one test that carries `@pins(label)`. `docs/conformance.md` is generated from both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

F = TypeVar("F", bound=Callable[..., object])


def pins(*labels: str) -> Callable[[F], F]:
    """This test pins these requirements of RFC 9293, or of what it recommends."""
    for label in labels:
        assert label in TEXT or label in RECOMMENDED, label
        assert label not in NOT_APPLICABLE, label
    return pytest.mark.pins(*labels)


TEXT = {
    "MUST-1": "The window is an unsigned number.",
    "MUST-2": "The sender computes the checksum.",
    "MUST-3": "The receiver checks the checksum.",
    "MUST-4": "End of option list, no-operation and MSS are supported.",
    "MUST-5": "An option may come in any segment.",
    "MUST-6": "Unknown options are ignored.",
    "MUST-7": "An illegal option length does no harm.",
    "MUST-8": "The ISN is driven by a clock of 4 microseconds.",
    "MUST-9": "The ISN's function cannot be computed from outside.",
    "MUST-10": "Simultaneous open attempts are supported.",
    "MUST-11": "SYN-RECEIVED remembers whether it came from a passive or an active open.",
    "MUST-12": "The application is told whether the connection closed normally or was aborted.",
    "MUST-13": "After an active close TIME-WAIT lasts 2MSL.",
    "MUST-14": "The MSS option is sent and received.",
    "MUST-15": "Without an MSS option the send MSS is 536 (IPv4) or 1220 (IPv6).",
    "MUST-16": "The effective send MSS obeys the peer, the network and the options in use.",
    "MUST-17": "An application can switch the Nagle algorithm off.",
    "MUST-18": "The RTO is computed as in RFC 6298, with Karn's algorithm.",
    "MUST-19": "Slow start, congestion avoidance and exponential back-off.",
    "MUST-20": "R1 gives negative advice, R2 closes the connection.",
    "MUST-21": "An application can set R2 for a connection.",
    "MUST-22": "SYNs follow the same procedure.",
    "MUST-23": "R2 of a SYN is at least 3 minutes.",
    "MUST-24": "An application can switch keep-alives on or off for a connection.",
    "MUST-25": "Keep-alives are off by default.",
    "MUST-26": "A keep-alive is sent only when nothing is outstanding and nothing was heard for the interval.",
    "MUST-27": "The keep-alive interval is configurable.",
    "MUST-28": "The keep-alive interval is at least two hours by default.",
    "MUST-29": "One unanswered keep-alive does not mean a dead connection.",
    "MUST-30": "The urgent mechanism is supported.",
    "MUST-31": "Urgent data may have any length.",
    "MUST-32": "The application is told of urgent data asynchronously.",
    "MUST-33": "The application can learn whether and how much urgent data is there.",
    "MUST-34": "The sender survives a window that shrinks.",
    "MUST-35": "A window that shrinks to zero is probed.",
    "MUST-36": "Zero windows are probed.",
    "MUST-37": "A connection whose peer answers the probes stays open.",
    "MUST-38": "The sender avoids the silly window syndrome.",
    "MUST-39": "The receiver avoids the silly window syndrome.",
    "MUST-40": "An ACK is delayed by less than 0.5 s.",
    "MUST-41": "A passive OPEN does not disturb earlier connection records.",
    "MUST-42": "A port can be listened on while connections use it.",
    "MUST-43": "OPEN takes an optional local address.",
    "MUST-44": "Without a local address, IP chooses the source of the SYN.",
    "MUST-45": "All other segments use the connection's local address.",
    "MUST-46": "OPEN to a broadcast or multicast address is refused.",
    "MUST-47": "Soft errors can be reported to the application.",
    "MUST-48": "The application can set the Diffserv field.",
    "MUST-49": "The TTL is configurable.",
    "MUST-50": "IP options that TCP does not understand are ignored.",
    "MUST-51": "An application can specify a source route.",
    "MUST-52": "The application's source route overrides one in a datagram.",
    "MUST-53": "A return route is built from a received source route.",
    "MUST-54": "ICMP errors are acted on, by the connection that caused them.",
    "MUST-55": "Source quench is discarded in silence.",
    "MUST-56": "Soft ICMP errors do not abort the connection.",
    "MUST-57": "A SYN to a broadcast or multicast address is discarded in silence.",
    "MUST-58": "ACKs are aggregated where possible.",
    "MUST-59": "All queued segments are processed before an ACK is sent.",
    "MUST-60": "Without a PUSH flag in SEND, data is not buffered for ever.",
    "MUST-61": "Without a PUSH flag in SEND, PSH is set on the last buffered segment.",
    "MUST-62": "The urgent pointer points at the octet after the urgent data.",
    "MUST-63": "A SYN from an invalid address is ignored.",
    "MUST-64": "Options need not begin on a word boundary.",
    "MUST-65": "The MSS option is sent on SYNs only.",
    "MUST-66": "RST and URG are processed even when the receive window is zero.",
    "MUST-67": "The MSS sent fits what IP can receive.",
    "MUST-68": "All options but EOL and NOP have a length.",
    "MUST-69": "The padding after the end of the option list is zero.",
    "SHLD-1": "The ISN has a pseudorandom component of the connection's addresses and a secret.",
    "SHLD-2": "A RST may carry data.",
    "SHLD-3": "CLOSE with data unread, or data after CLOSE, draws a RST.",
    "SHLD-4": "Timestamps shorten TIME-WAIT (RFC 6191).",
    "SHLD-5": "The MSS option is sent unless it equals the default.",
    "SHLD-6": "The MSS option accounts for a varying MTU.",
    "SHLD-7": "The Nagle algorithm is implemented.",
    "SHLD-8": "ECN is supported.",
    "SHLD-9": "The application is told when R1 is reached.",
    "SHLD-10": "R1 is at least 3 retransmissions.",
    "SHLD-11": "R2 is at least 100 seconds.",
    "SHLD-12": "Keep-alives carry no data.",
    "SHLD-13": "New applications do not use the urgent mechanism.",
    "SHLD-14": "The receiver does not shrink the window.",
    "SHLD-15": "After the window shrank, no new data beyond it is sent.",
    "SHLD-16": "After the window shrank, old data inside it is retransmitted.",
    "SHLD-17": "Data beyond a shrunken window does not time the connection out.",
    "SHLD-18": "ACKs are delayed.",
    "SHLD-19": "Every second full-sized segment is acknowledged.",
    "SHLD-20": "The application can disable error reports.",
    "SHLD-21": "The Diffserv field can be changed during the connection.",
    "SHLD-22": "The Diffserv field is passed to IP unchanged.",
    "SHLD-23": "Applications generally do not change the Diffserv field during a connection.",
    "SHLD-24": "A later source route overrides an earlier one.",
    "SHLD-25": "Soft ICMP errors are made available to the application.",
    "SHLD-26": "Hard ICMP errors abort the connection.",
    "SHLD-27": "The sender collapses pushes into the largest segment.",
    "SHLD-28": "Maximum-sized segments are sent whenever possible.",
    "SHLD-29": "The first zero-window probe comes after one RTO.",
    "SHLD-30": "The interval of zero-window probes grows exponentially.",
    "SHLD-31": "Out-of-order segments are kept.",
}

_NO_IP_OPTIONS = "The simulated host has no interface for IP options (source routes are forbidden on today's networks)."

NOT_APPLICABLE = {
    "MUST-51": _NO_IP_OPTIONS,
    "MUST-52": _NO_IP_OPTIONS,
    "MUST-53": _NO_IP_OPTIONS,
    "SHLD-24": _NO_IP_OPTIONS,
    "SHLD-13": "It addresses applications, not the TCP; none of the stock applications sends urgent data.",
    "SHLD-23": "It addresses applications, not the TCP.",
}

RECOMMENDED = {
    "RFC 1191 §3": "A router that cannot forward a packet names what it can; the path MTU follows, but not below 68.",
    "RFC 4821 §7.2": "The search for the path MTU begins with a size that passes nearly everywhere.",
    "RFC 4821 §7.3": "A probe is a segment between what passes and what may pass.",
    "RFC 4821 §7.4": "A probe goes only when its loss would be noticed, and nothing else is wrong.",
    "RFC 4821 §7.6.1": "A probe that is acknowledged raises the segment size.",
    "RFC 4821 §7.6.2": "The loss of the probe alone is no sign of congestion, and lowers what may pass.",
    "RFC 4821 §7.6.4": "A probe among other losses or before a time-out proves nothing.",
    "RFC 4821 §7.7": "After a row of time-outs smaller segments are tried: there may be a black hole.",
    "RFC 8201 §4": "A message that names less than 1280 octets is discarded.",
}
"""RFC 9293 §3.7.2 recommends path MTU discovery and RFC 4821, without a label. Sections -> what they ask for."""

RECOMMENDED_SCRIPTS = {
    "RFC 1191 §3": ["linux/path-mtu/icmp-below-minimum-ipv4"],
    "RFC 4821 §7.2": ["linux/path-mtu/active-starts-at-base"],
    "RFC 4821 §7.3": ["linux/path-mtu/probe-passes"],
    "RFC 4821 §7.4": ["linux/path-mtu/little-data"],
    "RFC 4821 §7.6.1": ["linux/path-mtu/probe-passes"],
    "RFC 4821 §7.6.2": ["linux/path-mtu/probe-lost", "linux/path-mtu/probe-cut"],
    "RFC 4821 §7.6.4": ["linux/path-mtu/probe-spoilt"],
    "RFC 4821 §7.7": ["linux/path-mtu/black-hole", "linux/path-mtu/black-hole-deeper", "freebsd/transfer/black-hole"],
    "RFC 8201 §4": ["linux/path-mtu/icmp-below-minimum-ipv6"],
}
"""The same -> scripts of ours, as far as a kernel has answered them (but for FreeBSD's)."""

SCRIPTS = {
    "MUST-1": ["transfer/small-window"],
    "MUST-4": ["syn-sent/syn-ack", "listen/syn-data"],
    "MUST-10": ["syn-sent/simultaneous-open"],
    "MUST-11": ["syn-received/rst"],
    "MUST-12": ["close/passive", "established/rst-exact"],
    "MUST-14": ["syn-sent/syn-ack"],
    "MUST-16": ["transfer/two-segments"],
    "MUST-17": ["transfer/nodelay"],
    "MUST-18": ["transfer/retransmission"],
    "MUST-19": ["transfer/retransmission", "close/fin-retransmission"],
    "MUST-22": ["syn-sent/retransmission", "syn-received/retransmission"],
    "MUST-34": ["transfer/window-shrinks"],
    "MUST-35": ["transfer/window-shrinks", "transfer/zero-window"],
    "MUST-36": ["transfer/zero-window"],
    "MUST-40": ["established/data-in-order"],
    "MUST-58": ["established/data-in-order"],
    "MUST-61": ["transfer/one-segment", "transfer/two-segments"],
    "SHLD-2": ["established/rst-exact"],
    "SHLD-3": ["close/unread-data"],
    "SHLD-5": ["syn-sent/syn-ack"],
    "SHLD-7": ["transfer/nagle"],
    "SHLD-15": ["transfer/window-shrinks"],
    "SHLD-16": ["transfer/window-shrinks"],
    "SHLD-18": ["established/data-in-order"],
    "SHLD-29": ["transfer/zero-window"],
    "SHLD-30": ["transfer/zero-window"],
    "SHLD-31": ["established/data-out-of-order", "fin-wait-1/data-out-of-order", "fin-wait-2/data-out-of-order"],
}
"""label -> our own packetdrill scripts (of the profile rfc) that pin it as well; comments in scripts add more."""
