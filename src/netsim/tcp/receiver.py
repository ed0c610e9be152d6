"""The receiving half: in-order delivery, reassembly, the window we advertise, and when to acknowledge.

RFC 9293 §3.10.7.4 (seventh and eighth step), §3.8.6.2.2 (silly window), §3.8.6.3 (delayed
ACKs); RFC 2018 and 2883 (SACK and DSACK blocks).
"""

from __future__ import annotations

from typing import Final

from netsim.base.packet import Segment
from netsim.base.reasons import Reason
from netsim.base.seqnum import seq_add, seq_diff
from netsim.tcp import reasons as why
from netsim.tcp.acking import AckPolicy
from netsim.tcp.buffers import ReceiveBuffer
from netsim.tcp.profile.base import Profile
from netsim.tcp.reassembly import Reassembly
from netsim.tcp.recvspace import RecvSpace
from netsim.tcp.tcb import ReceiveSpace

NO_FIN: Final = -1
_RECENT_LIMIT: Final = 8


class Receiver:
    """RCV.* and what belongs to it. Stream offset 0 is the octet after the peer's SYN.

    capacity: size of the receive buffer in bytes
    fin_offset: stream offset of the peer's FIN once one was seen (NO_FIN before)
    fin_done: the FIN was reached in order (it occupies one number of RCV.NXT)
    ack_reason: set when an ACK is due now; None when nothing is due at once
    """

    __slots__ = (
        "_dsack", "_recent", "ack_policy", "ack_reason", "buffer", "capacity", "discard", "fin_done",
        "fin_offset", "last_data_ns", "mss", "profile", "rcv", "reassembly", "refusal", "space", "takes_all_room",
        "unacked_bytes", "unacked_segs",
    )  # fmt: skip

    def __init__(self, profile: Profile, capacity: int, policy: AckPolicy) -> None:
        self.profile = profile
        self.rcv = ReceiveSpace()
        self.buffer = ReceiveBuffer()
        self.reassembly = Reassembly()
        self.capacity = capacity
        self.fin_offset = NO_FIN
        self.fin_done = False
        self.ack_policy = policy
        self.ack_reason: Reason | None = None
        self.unacked_segs = 0
        self.unacked_bytes = 0
        self.mss = profile.default_mss_v4
        self.last_data_ns = -1
        """When text arrived last, in order or not."""
        self.takes_all_room = False
        """`Profile.accepts_all_room`, from the moment when the connection has its own receive buffer."""
        self.refusal: Reason | None = None
        """Why the last text was not taken, though acceptable."""
        self.space: RecvSpace | None = None
        """Memory instead of bytes decides about the window (`Profile.buffer_counts_memory`)."""
        self.discard = False
        """SHUT_RD: in-order octets are acknowledged and thrown away."""
        self._dsack: tuple[int, int] | None = None
        self._recent: list[int] = []

    def set_capacity(self, size: int) -> None:
        """SO_RCVBUF."""
        self.capacity = size

    # --- numbers ---------------------------------------------------------------------

    def start(self, irs: int) -> None:
        """The peer's SYN was seen: RCV.NXT is the number after it."""
        rcv = self.rcv
        rcv.irs = irs
        rcv.nxt = seq_add(irs, 1)
        rcv.up = rcv.nxt
        rcv.last_ack = rcv.nxt

    def offset_of(self, seq: int) -> int:
        """Stream offset of a sequence number near RCV.NXT."""
        rcv = self.rcv
        offset = self.buffer.total + seq_diff(seq, rcv.nxt)
        return offset + 1 if self.fin_done else offset

    def seq_of(self, offset: int) -> int:
        """Sequence number of a stream offset."""
        return seq_add(self.rcv.irs, 1 + offset)

    # --- text and FIN -----------------------------------------------------------------

    def accept_text(self, now_ns: int, seg: Segment) -> bool:
        """Seventh step: take the segment's text that lies in the window. True if RCV.NXT moved.

        RFC 9293 §3.10.7.4, seventh step; SHLD-31 for what is out of order. Sets `ack_reason`
        where an ACK is due at once, counts towards the delayed ACK otherwise.
        """
        data = seg.payload
        start = self.offset_of(seg.seq) + ((seg.flags >> 1) & 1)
        end = start + len(data)
        nxt = self.buffer.total
        right = nxt + self.acceptance_window()
        has_fin = bool(seg.flags & 1)
        if self.fin_offset != NO_FIN and not self.fin_done and start <= nxt and self.profile.early_fin_yields:
            if has_fin:
                self.reassembly.clear()
                self.fin_offset = NO_FIN
            elif end > self.fin_offset:
                self.fin_offset = NO_FIN
        if has_fin and end <= right and self.fin_offset == NO_FIN:
            self.fin_offset = end
        if self.fin_offset != NO_FIN and end > self.fin_offset:
            data = data[: max(0, self.fin_offset - start)]
            end = start + len(data)
        if start == nxt and end <= right and not self.reassembly.bytes_held:
            # The common case: exactly the next octets, nothing waiting behind them.
            if data:
                self._advance(data)
                self._count_for_ack(now_ns, seg)
                return True
            return False
        if start < nxt:
            if data or end < nxt:
                fin = 1 if has_fin and self.profile.sack_reports_fin else 0
                self._note_duplicate(start, min(end + fin, self.offset_of(self.rcv.nxt)))
                if end <= nxt or not self.profile.overlap_may_wait:
                    self.ack_reason = why.ACK_DUPLICATE
            data = data[nxt - start :]
            start = nxt
        if end > right:
            data = data[: max(0, right - start)]
        if not data:
            if has_fin and self._fin_is_early():
                self._note_recent(self.fin_offset)
            return False
        if start > nxt:
            overlap = self.reassembly.first_overlap(start, start + len(data))
            if overlap is not None and self._dsack is None:
                self._dsack = overlap
            self.reassembly.insert(start, data)
            self._note_recent(start)
            self.ack_reason = why.ACK_OUT_OF_ORDER
            self.ack_policy.on_early_text(len(seg.payload), self.mss)
            return False
        return self._fill(now_ns, seg, start, data)

    def take_syn_text(self, seg: Segment) -> None:
        """The text of a SYN or SYN,ACK of Fast Open: it is the user's at once, and acknowledged with the SYN.

        It says nothing about the rhythm of the peer's data (Linux: tcp_fastopen_add_skb).
        """
        data = seg.payload[: self.capacity - self.buffer.size]
        if data:
            self._advance(data)
        if seg.flags & 1 and len(data) == len(seg.payload):
            self.fin_offset = self.buffer.total

    def _fill(self, now_ns: int, seg: Segment, start: int, data: bytes) -> bool:
        """In-order octets with something waiting behind them, or after trimming."""
        end = start + len(data)
        overlap = self.reassembly.first_overlap(start, end)
        if overlap is not None and self._dsack is None:
            self._dsack = overlap
        had_gap = self.reassembly.bytes_held > 0
        self._advance(data)
        for chunk in self.reassembly.take(end):
            self._advance(chunk)
        self._count_for_ack(now_ns, seg)
        if had_gap:
            self.ack_reason = why.ACK_GAP_FILLED
        return True

    def _advance(self, data: bytes) -> None:
        """RCV.NXT moves over `data`, which the user may read from now on."""
        rcv = self.rcv
        size = len(data)
        rcv.nxt = (rcv.nxt + size) & 0xFFFFFFFF
        rcv.wnd -= size
        if rcv.wnd < 0:
            rcv.wnd = 0
        self.buffer.append(data)
        if self.discard:
            self.buffer.clear()

    def fin_reached(self) -> bool:
        """The peer's FIN is the next thing in order (and was not consumed yet)."""
        return self.fin_offset != NO_FIN and not self.fin_done and self.buffer.total == self.fin_offset

    def consume_fin(self) -> None:
        """Eighth step: RCV.NXT moves over the FIN."""
        self.fin_done = True
        rcv = self.rcv
        rcv.nxt = seq_add(rcv.nxt, 1)
        if rcv.wnd > 0:
            rcv.wnd -= 1
        if self.profile.fin_drops_gaps:
            self.reassembly.clear()
        if self.ack_reason is not why.ACK_GAP_FILLED:
            self.ack_reason = why.ACK_FIN  # which may wait

    def delay_fin_ack(self) -> None:
        """Owe the ACK of the FIN instead of sending it at once (`Profile.delay_fin_ack`)."""
        self.ack_reason = None
        self.unacked_segs += 1

    # --- acknowledging --------------------------------------------------------------------

    def _count_for_ack(self, now_ns: int, seg: Segment) -> None:
        """In-order text arrived: acknowledge now or let the delayed-ACK timer decide."""
        size = len(seg.payload)
        self.unacked_bytes += size
        self.unacked_segs += 1
        reason = self.ack_policy.on_text(now_ns, size, self.unacked_bytes, self.unacked_segs, self.mss, seg)
        if reason is why.ACK_EVERY_SECOND and self.profile.second_ack_needs_window:
            if not self.keeps_window(0):
                reason = why.ACK_IMMEDIATE if self.ack_policy.is_quick() else None
        if reason is not None and self.ack_reason is None:
            self.ack_reason = reason

    def keeps_window(self, more: int) -> bool:
        """An ACK now would offer as much as the last did, although its text is still unread (and `more` octets)."""
        return self.open_window() >= self.rcv.wnd + self.unacked_bytes + more

    def ack_sent(self, now_ns: int) -> None:
        """A segment with an ACK of RCV.NXT left: nothing is owed any more."""
        self.ack_reason = None
        if self.unacked_segs or self.fin_done:
            self.ack_policy.on_ack_sent(now_ns)
        self.unacked_bytes = 0
        self.unacked_segs = 0
        self._dsack = None
        self.rcv.last_ack = self.rcv.nxt

    # --- SACK ---------------------------------------------------------------------------------

    def _note_duplicate(self, start: int, end: int) -> None:
        """Octets that were here before: the next ACK reports them first (RFC 2883)."""
        if end > start and self._dsack is None:
            self._dsack = (start, end)

    def note_old_segment(self, seg: Segment) -> None:
        """A wholly old segment was refused by the first step: report its octets by DSACK."""
        length = seg.seg_len()
        if length and not seg.flags & 2:
            start = self.offset_of(seg.seq)
            self._note_duplicate(start, min(start + length, self.offset_of(self.rcv.nxt)))

    def note_old_syn(self) -> None:
        """The peer's SYN came again: an ACK is due, and reports its number by DSACK."""
        self._note_duplicate(-1, 0)
        self.ack_reason = why.ACK_DUPLICATE

    def _note_recent(self, offset: int) -> None:
        recent = self._recent
        if offset in recent:
            recent.remove(offset)
        recent.insert(0, offset)
        del recent[_RECENT_LIMIT:]

    def owes_sack(self) -> bool:
        """The next ACK has something to report by SACK or DSACK."""
        if self._dsack is not None or self.reassembly.bytes_held > 0:
            return True
        return self.fin_offset != NO_FIN and self._fin_is_early()

    def _fin_is_early(self) -> bool:
        """The FIN came out of order, and SACK blocks tell so (`Profile.sack_reports_fin`)."""
        if self.fin_offset == NO_FIN or self.fin_done or not self.profile.sack_reports_fin:
            return False
        return self.buffer.total < self.fin_offset

    def _run_to_report(self, offset: int) -> tuple[int, int] | None:
        """The run with `offset`, the FIN included where it is reported."""
        run = self.reassembly.run_at(offset)
        fin = self.fin_offset
        if not self._fin_is_early():
            return run
        if run is None and offset == fin:
            run = self.reassembly.run_at(fin - 1) or (fin, fin)
        return (run[0], fin + 1) if run is not None and run[1] == fin else run

    def sack_blocks(self, limit: int) -> tuple[tuple[int, int], ...]:
        """SACK blocks for the next segment, at most `limit`: DSACK first, then newest first.

        RFC 2018 §4: the first block holds the segment that caused the ACK; the others repeat
        the most recent ones. RFC 2883 §4: a DSACK block comes before them.
        """
        if not self.owes_sack():
            return ()
        blocks: list[tuple[int, int]] = []
        if self._dsack is not None and self.profile.use_dsack:
            blocks.append(self._dsack)
        seen: list[tuple[int, int]] = []
        stale: list[int] = []
        for offset in self._recent:
            run = self._run_to_report(offset)
            if run is None:
                stale.append(offset)
            elif run not in seen:
                seen.append(run)
        for offset in stale:
            self._recent.remove(offset)
        if len(seen) + len(blocks) < limit:
            for begin, _ in self.reassembly.runs():
                run = self._run_to_report(begin)
                if run is not None and run not in seen:
                    seen.append(run)
                    if len(seen) + len(blocks) >= limit:
                        break
        blocks.extend(seen)
        return tuple((self.seq_of(left), self.seq_of(right)) for left, right in blocks[:limit])

    # --- the window ----------------------------------------------------------------------------

    def free_bytes(self) -> int:
        """Room in the receive buffer. What waits out of order was promised before, so it does not count."""
        free = self.capacity - self.buffer.size
        return free if free > 0 else 0

    def acceptance_window(self) -> int:
        """How far beyond RCV.NXT a segment may reach: RCV.WND, or with FreeBSD all the free room."""
        if self.takes_all_room:
            free = self.free_bytes()
            return free if free > self.rcv.wnd else self.rcv.wnd
        return self.rcv.wnd

    def window_field(self) -> int:
        """The window field of the next segment, and RCV.WND after it.

        Never moves the right edge left (SHLD-14), and moves it right only by a worthwhile
        step (RFC 9293 §3.8.6.2.2, MUST-39).
        """
        rcv = self.rcv
        current = rcv.wnd
        window = self.open_window()
        scale = rcv.wscale
        limit = 65535 << scale
        if window > limit:
            window = limit
        if scale == 0:
            field = window
        elif self.profile.window_round_up:
            field = (window + (1 << scale) - 1) >> scale
            if field > 65535:
                field = 65535
        else:
            field = window >> scale
            # Rounding down would take back what was promised: round up while the buffer has the room.
            if (field << scale) < current and ((field + 1) << scale) <= self.free_bytes() and field < 65535:
                field += 1
        if (field << scale) > current:
            rcv.wnd = field << scale
        return field

    def open_window(self) -> int:
        """The window to offer now, in bytes: what was promised, or more if the step is worthwhile."""
        free = self.free_bytes()
        current = self.rcv.wnd
        if self.profile.window_slides:
            # FreeBSD, sys/netinet/tcp_output.c: every segment offers all the room, unless it is silly little.
            if free < self.capacity // 4 and free < self.mss:
                free = 0
            limit = 65535 << self.rcv.wscale
            return max(current, free if free < limit else limit)
        if free > 65535 << self.rcv.wscale:
            free = 65535 << self.rcv.wscale
        step = min(self.capacity // self.profile.sws_receiver_divisor, self.mss)
        return free if free - current >= step else current

    def should_update_window(self) -> bool:
        """After the user read: is the window that we could offer so much larger that the peer should know?"""
        current = self.rcv.wnd
        gain = self.open_window() - current
        if gain <= 0:
            return False
        if self.profile.window_update_doubles:
            return 2 * current <= self.capacity and current + gain >= 2 * current
        if self.profile.window_slides:
            # FreeBSD, tcp_output.c: two segments and a good part of the buffer, or half of it.
            if gain >> self.rcv.wscale == 0:
                return False
            large = gain >= self.capacity // 4 or current + gain <= self.capacity // 8 or self.capacity <= 8 * self.mss
            return (gain >= 2 * self.mss and large) or 2 * gain >= self.capacity
        if gain >= self.capacity // 2 or current < self.mss:
            return True
        # Two segments' worth, but only where the window is small enough for it to matter.
        return gain >= 2 * self.mss and (
            gain >= self.capacity // 4 or current <= self.capacity // 8 or self.capacity <= 8 * self.mss
        )
