"""What the host's routing table says about the way to a peer (Linux: the metrics of `ip route`)."""

from __future__ import annotations


class RouteMetrics:
    """Metrics of one route; 0, False or "": not given.

    mtu:        largest packet; `mtu_locked`: routers are not believed (no path MTU discovery)
    advmss:     what we announce as MSS, whatever the MTU is
    window:     largest receive window; it bounds the window scale as well
    initcwnd, initrwnd: initial congestion window, and window of our SYN, in segments
    rto_min_ns: smallest retransmission timeout
    quickack:   every segment is acknowledged at once
    ecn:        connections by this route ask for ECN, and accept it (RFC 3168)
    hoplimit:   TTL of what we send
    congctl:    name of the congestion control
    fast_open_no_cookie: data rides on SYNs without a cookie (RFC 7413 is left behind)
    """

    __slots__ = (
        "advmss", "congctl", "ecn", "fast_open_no_cookie", "hoplimit", "initcwnd", "initrwnd", "mtu",
        "mtu_locked", "quickack", "rto_min_ns", "window",
    )  # fmt: skip

    def __init__(self) -> None:
        self.mtu = 0
        self.mtu_locked = False
        self.advmss = 0
        self.window = 0
        self.initcwnd = 0
        self.initrwnd = 0
        self.rto_min_ns = 0
        self.quickack = False
        self.ecn = False
        self.hoplimit = 0
        self.congctl = ""
        self.fast_open_no_cookie = False
