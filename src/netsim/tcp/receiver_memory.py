"""A receiver whose buffer counts memory: Linux as packetdrill scripts see it (`Profile.buffer_counts_memory`).

The arithmetic is in `recvspace`; here is what arrives, what is read, and which window is offered.
"""

from __future__ import annotations

from typing import Final

from netsim.base.packet import FIN, Segment
from netsim.tcp import reasons as why
from netsim.tcp.acking import AckPolicy, ack_policy_for
from netsim.tcp.profile.base import ConnectionOptions, Profile
from netsim.tcp.receiver import Receiver
from netsim.tcp.recvspace import RecvSpace, true_size

_SMALLEST_TO_GROW: Final = 128
"""tcp_event_data_recv: shorter segments say nothing about the window."""


class MemoryReceiver(Receiver):
    """Receiver with Linux's accounting of packets."""

    __slots__ = ("memory",)

    def __init__(self, profile: Profile, capacity: int, policy: AckPolicy, locked: bool) -> None:
        super().__init__(profile, capacity, policy)
        self.memory = RecvSpace(capacity, locked, profile.wscale_from_bytes or capacity, profile.rcv_buffer_max)
        self.space = self.memory

    def set_capacity(self, size: int) -> None:
        """SO_RCVBUF."""
        self.capacity = self.memory.buffer = size
        self.memory.locked = True

    # --- text -----------------------------------------------------------------------------------

    def accept_text(self, now_ns: int, seg: Segment) -> bool:
        """As the base class, where there is memory for it, and with Linux's rule for what passes the window's end."""
        size = len(seg.payload)
        if not size:
            moved = super().accept_text(now_ns, seg)
            if seg.flags & FIN and self.fin_reached():
                self.memory.used += true_size(ip_bytes(seg))  # a FIN is queued as well
            return moved
        start = self.offset_of(seg.seq) + ((seg.flags >> 1) & 1)
        end = start + size
        nxt = self.buffer.total
        memory = self.memory
        memory.release(nxt - self.buffer.size)
        if end > nxt + self.rcv.wnd:
            if self.buffer.size or start > nxt + self.rcv.wnd:
                self.ack_reason = self.refusal = why.DROP_BEYOND_WINDOW
                return False
            self.rcv.wnd = end - nxt
        if end > nxt and not memory.admits(size, ip_bytes(seg), self.rcv.wnd):
            self.refusal = why.DROP_NO_MEMORY
            if start > nxt:
                memory.no_memory = False  # beyond a gap it is dropped without a word (tcp_data_queue_ofo)
            else:
                self.ack_reason = why.DROP_NO_MEMORY
            return False
        held = self.reassembly.bytes_held
        estimate = self.ack_policy.segment_size()
        moved = super().accept_text(now_ns, seg)
        if moved:
            memory.gap_filled(self.buffer.total)
        elif self.reassembly.bytes_held > held:
            memory.queue_out_of_order(start, end, ip_bytes(seg))
            self._measure(seg, size, estimate)
        return moved

    def _measure(self, seg: Segment, size: int, estimate: int) -> None:
        """The segment's size may change the share of text, and open the window further; `estimate`: before it came."""
        packet = ip_bytes(seg)
        self.memory.measure(size, packet, estimate)
        if size >= _SMALLEST_TO_GROW and self.memory.grow(size, packet, max(estimate, min(size, self.mss))):
            self.ack_policy.on_window_growth()

    def _queued(self, seg: Segment) -> None:
        """The segment's text is in order now."""
        size = len(seg.payload)
        end = self.offset_of(seg.seq) + ((seg.flags >> 1) & 1) + size
        self.memory.queue(max(end - size, 0), end, ip_bytes(seg))
        self._measure(seg, size, self.ack_policy.segment_size())

    def _count_for_ack(self, now_ns: int, seg: Segment) -> None:
        self._queued(seg)
        super()._count_for_ack(now_ns, seg)

    def keeps_window(self, more: int) -> bool:
        """__tcp_ack_snd_check: an ACK now would offer as much as the last; asking may end the quick ACKs."""
        memory, policy = self.memory, self.ack_policy
        if memory.is_tight():
            policy.leave_quick_mode()
        return memory.wanted(policy.segment_size(), self.rcv.wscale) >= memory.offered

    def take_syn_text(self, seg: Segment) -> None:
        """The text of a Fast Open SYN takes memory as well."""
        if seg.payload:
            self.memory.queue(0, len(seg.payload), ip_bytes(seg))
        super().take_syn_text(seg)

    def free_bytes(self) -> int:
        """The window as it was offered: memory is none of the caller's business."""
        return self.rcv.wnd

    # --- the window -------------------------------------------------------------------------------

    def window_field(self) -> int:
        """tcp_select_window."""
        memory, rcv, policy = self.memory, self.rcv, self.ack_policy
        memory.release(self.buffer.total - self.buffer.size)
        window = memory.select(policy.segment_size(), rcv.wscale, rcv.wnd)
        if memory.is_tight():
            policy.leave_quick_mode()
        rcv.wnd = window
        policy.on_window(window)
        return min(window, 65535 << rcv.wscale) >> rcv.wscale

    def open_window(self) -> int:
        """What could be offered now."""
        return max(self.rcv.wnd, self.memory.wanted(self.ack_policy.segment_size(), self.rcv.wscale))

    def should_update_window(self) -> bool:
        """Reading at least doubled the window (__tcp_cleanup_rbuf)."""
        memory, current = self.memory, self.rcv.wnd
        memory.release(self.buffer.total - self.buffer.size)
        if 2 * current > memory.clamp:
            return False
        window = memory.wanted(self.ack_policy.segment_size(), self.rcv.wscale)
        return window > 0 and window >= 2 * current


def make_receiver(profile: Profile, options: ConnectionOptions, capacity: int) -> Receiver:
    """The receiving half of a connection: counting bytes, or memory as the profile says."""
    policy = ack_policy_for(profile, options.delayed_ack)
    if profile.buffer_counts_memory and profile.ack_policy == "linux":
        return MemoryReceiver(profile, capacity, policy, options.rcv_buffer > 0)
    return Receiver(profile, capacity, policy)


def ip_bytes(seg: Segment) -> int:
    """Length of the packet that carries `seg`."""
    return (60 if ":" in seg.src else 40) + seg.options_bytes() + len(seg.payload)
