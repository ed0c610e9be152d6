"""The receive window where the buffer counts memory instead of bytes: Linux's accounting.

A packet takes the memory of its buffer and bookkeeping (skb->truesize), and the window promises only the share
of SO_RCVBUF that text is expected to fill (scaling_ratio), which follows the segments that arrive. Linux:
net/ipv4/tcp_output.c (tcp_select_initial_window, __tcp_select_window, tcp_select_window), tcp_input.c
(tcp_init_buffer_space, tcp_measure_rcv_mss, tcp_grow_window, tcp_try_rmem_schedule);
packets are taken to come through a TUN device, as in packetdrill (drivers/net/tun.c, net/core/skbuff.c).
"""

from __future__ import annotations

from typing import Final

MIN_BUFFER: Final = 2304
"""SOCK_MIN_RCVBUF."""
_RATIO_ONE: Final = 256
_START_RATIO: Final = 128
"""TCP_DEFAULT_SCALING_RATIO: half of the buffer."""
_HEADROOM: Final = 64
"""What TUN leaves free before a packet (NET_SKB_PAD)."""
_SHARED_INFO: Final = 320
"""struct skb_shared_info, at the end of every buffer."""
_SK_BUFF: Final = 256
_SMALL_HEAD: Final = 576
"""Buffers of the cache for small heads (SKB_SMALL_HEAD_CACHE_SIZE)."""
_PAGE: Final = 4096
_PAGE_TEXT: Final = _PAGE - _SHARED_INFO
"""The most that one packet made by collapsing holds (tcp_collapse)."""


def buffer_size(octets: int) -> int:
    """The allocation for a packet buffer of so many octets: small head, else the next power of two."""
    needed = (octets + 63) // 64 * 64 + _SHARED_INFO
    size = _SMALL_HEAD
    while size < needed:
        size = 1024 if size == _SMALL_HEAD else size * 2
    return size


def true_size(ip_bytes: int) -> int:
    """Memory of a packet (skb->truesize)."""
    return buffer_size(ip_bytes + _HEADROOM) + _SK_BUFF


def tail_room(ip_bytes: int) -> int:
    """Octets of the next packet that would still fit behind it (skb_tailroom)."""
    return buffer_size(ip_bytes + _HEADROOM) - _SHARED_INFO - _HEADROOM - ip_bytes


class Held:
    """One packet in a queue: its text as offsets [start, end), its memory, the room behind it."""

    __slots__ = ("cost", "end", "room", "start")

    def __init__(self, start: int, end: int, cost: int, room: int) -> None:
        self.start = start
        self.end = end
        self.cost = cost
        self.room = room


class RecvSpace:
    """Memory of one connection's receive queues, and the window that follows from it.

    buffer: SO_RCVBUF, bytes of memory     locked: the user set it, so nothing makes it grow
    used:   memory of all queued packets   ratio:  share of memory that is text, in 1/256
    clamp, threshold: Linux's window_clamp and rcv_ssthresh     offered: the last window (rcv_wnd)
    limit:  how far `buffer` may grow (net.ipv4.tcp_rmem[2])
    """

    __slots__ = (
        "_in_order", "_out_of_order", "advmss", "buffer", "clamp", "largest", "limit", "locked", "no_memory", "offered",
        "ratio", "threshold", "used",
    )  # fmt: skip

    def __init__(self, buffer: int, locked: bool, limit: int, largest: int) -> None:
        self.buffer = buffer
        self.locked = locked
        self.limit = limit
        self.largest = largest
        """net.core.rmem_max: counts for the window scale as well."""
        self.used = 0
        self.ratio = _START_RATIO
        self.clamp = 0
        self.threshold = 0
        self.offered = 0
        self.advmss = 1460
        self.no_memory = False
        """The last packet found no memory: the next window is closed."""
        self._in_order: list[Held] = []
        self._out_of_order: list[Held] = []

    # --- the handshake -------------------------------------------------------------------

    def text_of(self, memory: int) -> int:
        """How much text so much memory is expected to hold (tcp_win_from_space)."""
        return memory * self.ratio >> 8

    def open(self, mss: int, scaled: bool, initial_segs: int = 0, route_window: int = 0) -> tuple[int, int]:
        """The window (unscaled) and the shift for our SYN or SYN,ACK (tcp_select_initial_window)."""
        full = self.text_of(self.buffer)
        clamp = route_window or 65535 << 14
        if self.locked:
            clamp = min(clamp, full)
        window = min(clamp, full)
        if window > mss:
            window = window // mss * mss
        if initial_segs:
            window = min(window, initial_segs * mss)
        shift = 0
        if scaled:
            space = min(max(window, self.limit, self.largest), clamp)
            shift = max(0, min(space.bit_length() - 16, 14))
        self.clamp = min(65535 << shift, clamp)
        self.offered = self.threshold = window
        return window, shift

    def established(self, advmss: int, scaled: bool) -> None:
        """The handshake is over (tcp_init_buffer_space)."""
        self.advmss = advmss
        if not scaled:
            self.clamp = min(self.clamp, 65535)
        most = self.text_of(self.buffer)
        if self.clamp >= most:
            self.clamp = most
        if self.clamp > 2 * advmss and self.clamp + advmss > most:
            self.clamp = max(2 * advmss, most - advmss)
        self.threshold = min(self.threshold, self.clamp)

    # --- packets come ----------------------------------------------------------------------

    def admits(self, size: int, ip_bytes: int, window: int) -> bool:
        """Is there memory for a packet with `size` octets of text? If not, the queues are collapsed first.

        Linux: tcp_can_ingest, tcp_prune_queue. On the fast path of tcp_rcv_established, what fits into the page
        that is charged already is not looked at.
        """
        if window > 0 and not self._out_of_order and true_size(ip_bytes) <= -self.used % _PAGE:
            return True
        if self.used + size <= self.buffer:
            return True
        self._collapse(self._in_order)
        self._collapse(self._out_of_order)
        if self.used + size <= self.buffer:
            return True
        self.no_memory = True
        return False

    def _collapse(self, queue: list[Held]) -> None:
        """From the first packet that wastes memory on, copy the text together (tcp_collapse)."""
        first = 0
        while first < len(queue) and self.text_of(queue[first].cost) <= queue[first].end - queue[first].start:
            first += 1
        made: list[Held] = []
        for held in queue[first:]:
            start = held.start
            while start < held.end:
                last = made[-1] if made else None
                if last is None or last.end != start or last.end - last.start == _PAGE_TEXT:
                    last = Held(start, start, 0, 0)
                    made.append(last)
                last.end = min(held.end, last.start + _PAGE_TEXT)
                start = last.end
        for held in made:
            size = held.end - held.start
            held.cost = buffer_size(size) + _SK_BUFF
            held.room = buffer_size(size) - _SHARED_INFO - size
        self.used += sum(held.cost for held in made) - sum(held.cost for held in queue[first:])
        queue[first:] = made

    def queue(self, start: int, end: int, ip_bytes: int) -> None:
        """Text in order: to the last packet's buffer if it fits there (tcp_try_coalesce)."""
        size = end - start
        self.no_memory = False
        if self._in_order:
            last = self._in_order[-1]
            if last.room >= size:
                last.end = end
                last.room -= size
                return
        cost = true_size(ip_bytes)
        self._in_order.append(Held(start, end, cost, tail_room(ip_bytes)))
        self.used += cost

    def queue_out_of_order(self, start: int, end: int, ip_bytes: int) -> None:
        """Text beyond a gap."""
        cost = true_size(ip_bytes)
        self.no_memory = False
        self._out_of_order.append(Held(start, end, cost, tail_room(ip_bytes)))
        self.used += cost

    def gap_filled(self, total: int) -> None:
        """The text up to `total` is in order now (tcp_ofo_queue)."""
        ready = sorted((held for held in self._out_of_order if held.start < total), key=_start_of)
        for held in ready:
            self._out_of_order.remove(held)
            last = self._in_order[-1] if self._in_order else None
            if last is not None and last.room >= held.end - held.start:
                last.room -= held.end - held.start
                last.end = max(last.end, held.end)
                self.used -= held.cost
            else:
                self._in_order.append(held)

    def measure(self, size: int, ip_bytes: int, segment_size: int) -> None:
        """The share of text follows the segments, while they grow (tcp_measure_rcv_mss)."""
        if size <= segment_size:
            return
        ratio = max(1, size * _RATIO_ONE // true_size(ip_bytes))
        if ratio != self.ratio:
            self.ratio = ratio
            clamp = max(MIN_BUFFER >> 1, self.text_of(self.buffer))
            if clamp < self.clamp:
                self.threshold = min(self.threshold, clamp)
            elif clamp > self.clamp:
                self.threshold = max(self.threshold, min(self.offered, clamp))
            self.clamp = clamp

    def grow(self, size: int, ip_bytes: int, segment_size: int) -> bool:
        """Packets use their memory well: the window may open further (tcp_grow_window). True if it did."""
        room = min(self.clamp, self.text_of(self.buffer - self.used)) - self.threshold
        if room <= 0:
            return False
        cost = true_size(ip_bytes)
        step = 2 * self.advmss if self.text_of(cost) <= size else self._small_step(size, cost, segment_size)
        if not step:
            return False
        self.threshold += min(room, max(step, 2 * size))
        return True

    def _small_step(self, size: int, cost: int, segment_size: int) -> int:
        """__tcp_grow_window: small packets, if the window is small as well."""
        text = self.text_of(cost) >> 1
        window = self.text_of(self.limit) >> 1
        while self.threshold <= window:
            if text <= size:
                return 2 * segment_size
            text >>= 1
            window >>= 1
        return 0

    # --- the user reads ----------------------------------------------------------------------

    def release(self, offset: int) -> None:
        """The user has read everything below `offset`: packets that are read to their end are freed."""
        queue = self._in_order
        count = 0
        while count < len(queue) and queue[count].end <= offset:
            self.used -= queue[count].cost
            count += 1
        if count:
            del queue[:count]
            self.no_memory = False

    # --- the window ------------------------------------------------------------------------------

    def is_tight(self) -> bool:
        """Less than half of the window's room is free: quick ACKs end (__tcp_select_window)."""
        return self.text_of(self.buffer - self.used) < min(self.clamp, self.text_of(self.buffer)) >> 1

    def wanted(self, segment_size: int, shift: int) -> int:
        """The window to offer, before the rule that it never shrinks (__tcp_select_window)."""
        free = self.text_of(self.buffer - self.used)
        allowed = self.text_of(self.buffer)
        full = min(self.clamp, allowed)
        mss = min(segment_size, full)
        if mss <= 0:
            return 0
        if free < full >> 1:
            free = free >> shift << shift
            if free < allowed >> 4 or free < mss:
                return 0
        free = min(free, self.threshold)
        if shift:
            return (free + (1 << shift) - 1) >> shift << shift
        window = self.offered
        if window <= free - mss or window > free:
            return free // mss * mss
        if mss == full and free > window + (full >> 1):
            return free
        return window

    def select(self, segment_size: int, shift: int, current: int) -> int:
        """The window of the next segment (tcp_select_window); `current` is what is left of the last one."""
        if self.no_memory:
            self.offered = 0
            return 0
        window = self.wanted(segment_size, shift)
        if window < current:
            window = (current + (1 << shift) - 1) >> shift << shift
        self.offered = window
        return window


def _start_of(held: Held) -> int:
    return held.start
