"""How large segments are: the path MTU, the peer's limit, and the search for more (RFC 4821).

Path MTU discovery needs routers that tell what does not fit (RFC 1191, RFC 8201: `icmp.too_big`). Where
they are silent, packetization layer path MTU discovery asks the peer instead: a segment larger than
what is known to pass goes out between ordinary ones. If it is acknowledged, the path carries it; if it alone
is lost, it does not, and that loss says nothing about congestion. The numbers and the conditions are Linux's
(net/ipv4/tcp_output.c: tcp_mtu_probe; tcp_input.c: tcp_mtup_probe_success, tcp_mtup_probe_failed; tcp_timer.c:
tcp_mtu_probing).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.tcp import reasons as why
from netsim.tcp.acking import ack_policy_for
from netsim.tcp.profile.route import RouteMetrics

if TYPE_CHECKING:
    from netsim.tcp.endpoint import Endpoint

GO_ON: Final = -1
"""No probe now."""
WAIT: Final = 0
"""A probe is due; hold new data back until it can go."""
_TINY_WINDOW: Final = 536
_LEAST_HEADERS_AND_DATA: Final = 68
DEFAULT_TTL: Final = 64
_LEAST_WINDOW_SEGS: Final = 11
"""A probe that is lost must not cost the connection its ability to notice (RFC 4821 §7.4; Linux)."""


class MtuProbe:
    """The search: packets of `low` octets pass, packets above `high` do not, or need not be tried.

    enabled: larger segments are tried (else: waiting for a black hole)
    size:    octets of the packet that is being tried; 0: none
    end:     offset behind it                   since_ns: when the search began
    """

    __slots__ = ("enabled", "end", "high", "low", "since_ns", "size")

    def __init__(self, low: int, high: int, *, enabled: bool, now_ns: int) -> None:
        self.low = low
        self.high = high
        self.enabled = enabled
        self.size = 0
        self.end = 0
        self.since_ns = now_ns


def headers(ep: Endpoint) -> int:
    """Octets of IP and TCP headers (and of the tunnel) without options."""
    return (60 if ":" in ep.local_addr else 40) + (8 if ep.encapsulated else 0)


def overhead(ep: Endpoint) -> int:
    """The same with the options that every segment carries."""
    return headers(ep) + ep.snd.mss - ep.sender.segment_bytes(ep)


def largest_mss(ep: Endpoint, mtu: int) -> int:
    """The segment (options included) that packets of `mtu` octets can carry and the peer takes (RFC 9293 §3.7.1)."""
    return min(mtu - headers(ep), ep.neg.mss_clamp)


def sync_mss(ep: Endpoint, mtu: int) -> None:
    """The path MTU is `mtu` now: the segment size follows, and where a search is on, its lower end (tcp_sync_mss)."""
    ep.mtu = mtu
    size = largest_mss(ep, mtu)
    if ep.profile.mss_within_half_window:
        size = _within_half_window(ep, size)
    search = ep.sender.search
    if search is not None:
        search.high = min(search.high, mtu)
        if search.enabled:
            size = min(size, largest_mss(ep, search.low))
    ep.snd.mss = size


def _within_half_window(ep: Endpoint, size: int) -> int:
    """A peer with a tiny window gets at least two segments into it, and can tell losses (tcp_bound_to_half_wnd)."""
    window = ep.snd.max_wnd
    limit = window >> 1 if window > _TINY_WINDOW else window
    options = ep.snd.mss - ep.sender.segment_bytes(ep)
    if limit and size - options > limit:
        return max(limit, _LEAST_HEADERS_AND_DATA - 20 - options) + options
    return size


def window_grew(ep: Endpoint) -> None:
    """The peer offers more than ever before: segments may be larger (tcp_ack_update_window)."""
    before = ep.snd.mss
    sync_mss(ep, ep.mtu)
    if ep.snd.mss != before and ep.syn_acked:
        ep.sender.recovery.set_smss(ep.sender.segment_bytes(ep))


def take_route(ep: Endpoint, route: RouteMetrics | None, mtu: int) -> None:
    """Before a connection opens: its route's metrics hold for it, and its first MTU is `mtu`."""
    ep.mtu = mtu
    options = ep.options
    options.route = route
    if route is None:
        return
    receiver = ep.receiver
    if route.window:
        receiver.capacity = min(receiver.capacity, route.window)
    if route.quickack:
        receiver.ack_policy = ack_policy_for(ep.profile, False)
    if route.hoplimit and options.ttl == DEFAULT_TTL:
        options.ttl = route.hoplimit
    if route.congctl and not options.congestion_control:
        options.congestion_control = route.congctl


def adopt_mtu(ep: Endpoint, mtu: int) -> None:
    """The route's MTU changed under an open connection. What is in flight stays as it is."""
    sync_mss(ep, mtu)
    if ep.syn_acked:
        ep.sender.recovery.set_smss(ep.sender.segment_bytes(ep))


def start_search(ep: Endpoint, now_ns: int) -> None:
    """The connection is open: the limits of the search (tcp_mtup_init)."""
    profile = ep.profile
    options = ep.snd.mss - ep.sender.segment_bytes(ep)
    low = headers(ep) + options + profile.mtu_probe_base_mss
    high = ep.neg.mss_clamp + headers(ep)
    ep.sender.search = MtuProbe(low, high, enabled=profile.mtu_probing == "always", now_ns=now_ns)
    if not ep.passive or not profile.mtu_probe_starts_late:
        sync_mss(ep, ep.mtu)


def _segment(ep: Endpoint, mtu: int) -> int:
    """Octets of data in a packet of `mtu` octets (tcp_mtu_to_mss)."""
    return largest_mss(ep, mtu) - (ep.snd.mss - ep.sender.segment_bytes(ep))


def probe_bytes(ep: Endpoint, now_ns: int, search: MtuProbe) -> int:
    """Octets of data of the probe to send now, WAIT, or GO_ON (RFC 4821 §7.2-7.4).

    Halfway between what passes and what may pass; nothing if the two are near. There must be enough behind it for
    the peer to tell us when it alone was lost, and nothing else may be wrong.
    """
    sender = ep.sender
    recovery = sender.recovery
    smss = recovery.smss
    segs = recovery.cc.cwnd // smss
    if search.size or recovery.phase or segs < _LEAST_WINDOW_SEGS or ep.receiver.owes_sack():
        return GO_ON
    size = _segment(ep, (search.high + search.low) >> 1)
    if size > _segment(ep, search.high) or search.high - search.low < ep.profile.mtu_probe_threshold:
        _search_again(ep, now_ns, search, smss)
        return GO_ON
    needed = size + (recovery.reordering_segs + 1) * smss
    window = sender.snd.wnd
    if sender.unsent_bytes() < needed or window < needed or size + overhead(ep) > max(ep.mtu, ep.next_mtu):
        return GO_ON
    if sender.nxt + needed > sender.una + window:
        return WAIT
    flying = recovery.in_flight_segs()
    if flying + 2 > segs:
        return WAIT if flying else GO_ON
    if any(sender.nxt < mark < sender.nxt + size for mark in sender.eor_marks):
        return GO_ON
    return size


def _search_again(ep: Endpoint, now_ns: int, search: MtuProbe, smss: int) -> None:
    """The search is over. After a while the path may be another one (RFC 4821 §7.7; tcp_probe_interval)."""
    if now_ns - search.since_ns >= ep.profile.mtu_probe_interval_ns:
        search.size = 0
        search.high = ep.neg.mss_clamp + headers(ep)
        search.low = smss + overhead(ep)
        search.since_ns = now_ns


def probe_left(ep: Endpoint, search: MtuProbe, start: int, end: int) -> None:
    """The probe is on its way. It stands for two segments, so the window gives one away (tcp_mtu_probe)."""
    recovery = ep.sender.recovery
    recovery.cc.cwnd -= recovery.smss
    recovery.mtu_probe_start = start
    search.size = end - start + overhead(ep)
    search.end = end


def probe_passed(ep: Endpoint, now_ns: int, search: MtuProbe) -> None:
    """The probe is acknowledged: segments of its size from now on (RFC 4821 §7.6.1).

    Where segments are counted, fewer of them make the same window.
    """
    sender = ep.sender
    recovery = sender.recovery
    cc = recovery.cc
    segs = max(1, cc.cwnd // recovery.smss * (recovery.smss + overhead(ep)) // search.size)
    recovery.mtu_probe_start = -1
    search.low = search.size
    search.size = 0
    if recovery.config.counts_segments:
        cc.cwnd = segs * recovery.smss
        cc.ssthresh = recovery.current_ssthresh()
    sync_mss(ep, ep.mtu)
    recovery.set_smss(sender.segment_bytes(ep))
    ep.note(now_ns, why.MTU_PROBE_PASSED)


def probe_lost(ep: Endpoint, now_ns: int, search: MtuProbe) -> None:
    """Only the probe is missing: packets of its size do not pass (RFC 4821 §7.6.2). Recovery has its pieces resent."""
    search.high = search.size - 1
    search.size = 0
    ep.note(now_ns, why.MTU_PROBE_LOST)


def probe_spoilt(ep: Endpoint, search: MtuProbe) -> None:
    """Something is sent again, so the fate of the probe will prove nothing (RFC 4821 §7.6.4)."""
    search.size = 0
    ep.sender.recovery.mtu_probe_start = -1


def suspect_black_hole(ep: Endpoint, now_ns: int) -> None:
    """Nothing was acknowledged for so long that the network layer is told (R1): perhaps the segments are too large.

    RFC 4821 §7.7 ("full-stop timeout"), RFC 2923 §2.1. First down to the base, then by halves (tcp_mtu_probing).
    """
    profile, sender = ep.profile, ep.sender
    stamp = sender.recovery.undo.stamp_ns
    patience = min(((2 << profile.r1_retries) - 1) * profile.rto_min_ns, profile.r1_retries * profile.rto_max_ns)
    if stamp < 0 or now_ns - stamp < patience:
        return
    if sender.search is None:
        start_search(ep, now_ns)
    search = sender.search
    assert search is not None
    if not search.enabled:
        search.enabled = True
        search.since_ns = now_ns
    else:
        half = min(_segment(ep, search.low) >> 1, profile.mtu_probe_base_mss)
        search.low = max(half, profile.mtu_probe_floor, profile.min_mss) + overhead(ep)
    before = ep.snd.mss
    sync_mss(ep, ep.mtu)
    if ep.snd.mss < before:
        ep.note(now_ns, why.BLACK_HOLE_SUSPECTED)
        sender.recovery.set_smss(sender.segment_bytes(ep))  # each segment is cut when it goes again
