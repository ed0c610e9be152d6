"""How much a send buffer holds when it counts memory instead of bytes: Linux, net/ipv4/tcp.c, tcp_sendmsg_locked.

The user's bytes go into segments of up to half of the peer's window; a new one is begun while less than
SO_SNDBUF is used and little waits unsent, and then filled whatever that takes. Full segments leave
during the write already.
"""

from __future__ import annotations

from typing import Final

_SK_BUFF: Final = 192
_HEADER_ROOM: Final = 256 + 320
OVERHEAD: Final = _HEADER_ROOM + _SK_BUFF
"""What one segment takes besides its bytes: MAX_TCP_HEADER, struct skb_shared_info and struct sk_buff.

They depend on a kernel's configuration; these are those of a 6.18 without tunnels and wireless, found by how much it
takes in one write at several segment sizes and windows.
"""
MIN_BUFFER: Final = 4608
"""SOCK_MIN_SNDBUF."""
_GSO_MAX: Final = 65536 - 320
_DEFAULT_MSS: Final = 536


def size_goal(mss: int, max_window: int) -> int:
    """The size of a segment in the queue (tcp_xmit_size_goal, tcp_bound_to_half_wnd)."""
    size = _GSO_MAX
    cutoff = max_window >> 1 if max_window > _DEFAULT_MSS else max_window
    if cutoff and size > cutoff:
        size = cutoff
    return max(size // mss * mss, mss)


def cost(queued: int, goal: int) -> int:
    """Memory that `queued` bytes take (sk_wmem_queued)."""
    return queued + (queued + goal - 1) // goal * OVERHEAD


def how_much_fits(
    *,
    wanted: int,
    queued: int,
    unsent: int,
    sendable: int,
    goal: int,
    mss: int,
    capacity: int,
    lowat: int,
    pushed: int,
    push_after: int,
    marks: list[int],
) -> int:
    """How many of `wanted` bytes one write takes without waiting.

    queued: bytes in the buffer already, `unsent` of them never sent; sendable: may leave meanwhile, in whole segments
    lowat: no new segment while so much is unsent (TCP_NOTSENT_LOWAT), 0: no limit
    pushed: how long ago in bytes, seen from the write's start, PSH was set last; a segment that is filled more than
    `push_after` bytes after that is pushed (forced_push), and its end, from the write's start, added to `marks`
    """
    taken = 0
    tail = unsent % goal
    while taken < wanted:
        if tail == 0 or tail >= goal:
            if cost(queued, goal) >= capacity or (lowat and unsent >= lowat):
                break
            tail = 0
        part = min(goal - tail, wanted - taken)
        taken += part
        queued += part
        unsent += part
        tail += part
        if tail >= goal:
            if push_after and taken + pushed > push_after:
                pushed = -taken
                marks.append(taken)
            leaving = min(sendable, unsent) // mss * mss
            unsent -= leaving
            sendable -= leaving
            tail = min(tail, unsent)
    return taken


def grown(capacity: int, mss: int, segments: int, limit: int) -> int:
    """The buffer after autotuning for a congestion window of `segments` (tcp_sndbuf_expand)."""
    each = 1
    while each < mss + _HEADER_ROOM:
        each <<= 1
    return max(capacity, min(2 * max(10, segments) * (each + _SK_BUFF), limit))
