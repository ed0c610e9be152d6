"""How large a segment is handed to the network interface (segmentation offload), as Linux decides it.

net/ipv4/tcp_output.c: tcp_tso_autosize, tcp_tso_should_defer, tcp_mss_split_point; tcp_input.c:
tcp_update_pacing_rate. Pure arithmetic; the sender asks.
"""

from __future__ import annotations

from typing import Final

from netsim.base.units import MS, SEC, US
from netsim.tcp.profile.base import Profile

GSO_MAX_BYTES: Final = 65536
PACING_SHIFT: Final = 10
"""sk_pacing_shift: about one millisecond's worth."""


def pacing_rate(profile: Profile, cwnd: int, ssthresh: int, packets_out_bytes: int, srtt_ns: int) -> int:
    """Bytes per second (tcp_update_pacing_rate): twice the rate in slow start, 1.2 times after. 0: no limit yet."""
    if srtt_ns <= 0:
        return 0
    ratio = profile.pacing_ss_ratio if cwnd < ssthresh // 2 else profile.pacing_ca_ratio
    return max(cwnd, packets_out_bytes) * SEC * ratio // (100 * srtt_ns)


def autosize_segments(profile: Profile, rate: int, mss: int, min_rtt_ns: int) -> int:
    """A millisecond's worth of segments, more on very short paths (tcp_tso_autosize)."""
    size = GSO_MAX_BYTES
    if rate:
        size = rate >> PACING_SHIFT
        shift = min_rtt_ns // US >> 9
        if shift < 32:
            size += GSO_MAX_BYTES >> shift
        size = min(size, GSO_MAX_BYTES)
    return max(size // mss, profile.tso_min_segs)


def goal_segments(most: int, mss: int, cwnd_segs: int, in_flight_segs: int) -> int:
    """How many segments one offloaded segment holds now, at least 1; `most`: from `autosize_segments`.

    tcp_cwnd_test: never more than half of the window.
    """
    half = max(cwnd_segs >> 1, 1)
    return max(1, min(most, half, cwnd_segs - in_flight_segs, GSO_MAX_BYTES // mss or 1))


def should_defer(
    profile: Profile,
    *,
    now_ns: int,
    last_sent_ns: int,
    head_sent_ns: int,
    srtt_ns: int,
    usable: int,
    allowed: int,
    available: int,
    window: int,
    cwnd: int,
    max_bytes: int,
) -> bool:
    """Wait for a larger piece? (tcp_tso_should_defer)

    Not if the last segment left over a millisecond ago, nor if a third of the window
    can go, nor if the next ACK is more than a millisecond (or half a round trip) away.
    """
    if now_ns - last_sent_ns > MS:
        return False
    limit = min(usable, allowed)
    if limit >= max_bytes or limit >= available:
        return False
    if profile.tso_win_divisor and limit >= min(window, cwnd) // profile.tso_win_divisor:
        return False
    return head_sent_ns + srtt_ns - now_ns <= min(srtt_ns // 2, MS)
