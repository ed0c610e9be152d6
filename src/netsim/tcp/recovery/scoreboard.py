"""What is in flight: one record per transmission unit, and what is known of its fate.

The retransmission queue of a sender, with the SACK scoreboard of RFC 6675 §3 and the S, L
and R marks that Linux keeps on each segment:

- *sacked*: the peer holds it (RFC 2018); it may still renege
- *lost*: we judge that it is gone (by any of the detectors)
- *retrans_out*: it was sent again, and that copy is believed to be in flight

Positions are unbounded offsets from the ISS: SYN takes [0, 1), data starts at 1, FIN takes
one more. Nothing here reads a clock, and nothing is O(window) per ACK: cumulative ACKs move
a head index, SACK blocks are compared with the merged ranges already known, so every record
is visited once when it is sacked, once when it is marked lost, once when it is resent.
"""

from __future__ import annotations

from bisect import bisect_right
from heapq import heappop, heappush
from typing import Final

from netsim.tcp.recovery.ranges import SackedRanges

# Flags of a record.
SENT_SYN: Final = 1
SENT_FIN: Final = 2
SENT_PUSH: Final = 4
SENT_EOR: Final = 8
"""End of record (MSG_EOR): never joined with what follows."""
SENT_PROBE: Final = 16
"""A path-MTU probe (RFC 4821): its loss says nothing about congestion."""

NEVER: Final = (1 << 62) - 1
"""An offset above every offset."""

SENT_JOINED: Final = 32
"""It left in one offloaded segment with the record before it (Linux: the same skb)."""

_COMPACT_AT: Final = 1024


class Sent:
    """One unit of transmission, at most one segment long.

    start, end:     offsets, [start, end)
    first_sent_ns:  when it was sent first
    sent_ns:        when it was sent last
    transmissions:  how often it was sent
    order:          the how manieth transmission of the connection the last one was
    sacked, lost, retrans_out: see the module
    flags:          SENT_* bits
    """

    __slots__ = (
        "end", "first_sent_ns", "flags", "lost", "order", "retrans_out", "sacked", "sent_ns", "start", "transmissions",
    )  # fmt: skip

    def __init__(self, start: int, end: int, sent_ns: int, flags: int, order: int) -> None:
        self.start = start
        self.end = end
        self.first_sent_ns = sent_ns
        self.sent_ns = sent_ns
        self.transmissions = 1
        self.order = order
        self.sacked = False
        self.lost = False
        self.retrans_out = False
        self.flags = flags

    def __repr__(self) -> str:
        marks = "".join(letter for letter, on in (("S", self.sacked), ("L", self.lost), ("R", self.retrans_out)) if on)
        return f"Sent[{self.start},{self.end}){marks}x{self.transmissions}"


class Scoreboard:
    """Records in order of offset, with counters in segments and bytes.

    una, nxt:   the window of what is outstanding: records cover [una, nxt) without holes
    records:    list; the live ones start at index `head`
    sacked_out, lost_out, retrans_out: records (segments) with that mark; *_bytes the same in bytes

    Results of the last `ack_to` and `apply_sack` stand in the fields under "last ACK".
    """

    __slots__ = (
        "_lost_heap", "_serial", "acked_new_segs", "acked_orig_start",
        "acked_retrans", "acked_segs", "copy_limit_ns", "dsack_segs", "echo_ns", "first_ack_ns", "first_sack_ns",
        "head", "last_ack_ns", "last_delivered_ns", "last_sack_ns", "lost_bytes", "lost_out", "newest_ns",
        "newest_order", "nxt", "orig_high", "orig_seen", "ranges", "records", "reneging", "retrans_bytes",
        "retrans_out", "sack_new_bytes", "sack_new_segs", "sack_reord", "sacked_bytes", "sacked_out", "samples_lost",
        "sends", "una",
    )  # fmt: skip

    def __init__(self) -> None:
        self.records: list[Sent] = []
        self.sends = 0
        """Transmissions so far, copies included."""
        self.head = 0
        self.una = 0
        self.nxt = 0
        self.sacked_out = 0
        self.sacked_bytes = 0
        self.lost_out = 0
        self.lost_bytes = 0
        self.retrans_out = 0
        self.retrans_bytes = 0
        # merged ranges that the peer reported, above una
        self.ranges = SackedRanges()
        # lost records that wait to be resent: (start, serial, record), stale ones dropped when met
        self._lost_heap: list[tuple[int, int, Sent]] = []
        self._serial = 0
        # last ACK
        self.acked_segs = 0
        self.acked_retrans = False
        """A record that was sent more than once was acknowledged (Karn: no RTT sample)."""
        self.acked_new_segs = 0
        """Acknowledged records that were not known to be delivered."""
        self.acked_orig_start = NEVER
        """Lowest start of an acknowledged record sent once and not sacked before."""
        self.first_ack_ns = -1
        """When the first acknowledged record that was sent only once had been sent."""
        self.last_ack_ns = -1
        self.reneging = False
        """The head record is marked sacked: the peer dropped what it had reported (RFC 2018 §8)."""
        self.sack_new_segs = 0
        self.sack_new_bytes = 0
        self.sack_reord = NEVER
        """Lowest start of a record newly sacked below the highest sacked one though sent only once."""
        self.samples_lost = False
        """The round trip is also measured by what had been judged lost."""
        self.first_sack_ns = -1
        self.last_sack_ns = -1
        self.orig_high = NEVER
        """Set by the caller: `orig_seen` looks only at records that end at or below it."""
        self.orig_seen = False
        """A record sent only once, at or below `orig_high`, was newly acknowledged or sacked."""
        self.newest_ns = -1
        """RACK: transmission time and order of the most recently sent record delivered by this ACK."""
        self.newest_order = 0
        self.last_delivered_ns = -1
        """RACK: transmission time of the last record found delivered (its round trip becomes RACK.rtt)."""
        self.dsack_segs = 0
        self.copy_limit_ns = NEVER
        self.echo_ns = -1

    # --- looks -------------------------------------------------------------------------

    def packets_out(self) -> int:
        """Records outstanding."""
        return len(self.records) - self.head

    def in_flight_segs(self) -> int:
        """Records believed to be in the network: outstanding - sacked - lost + resent."""
        return len(self.records) - self.head - self.sacked_out - self.lost_out + self.retrans_out

    def pipe_bytes(self) -> int:
        """The same in bytes: RFC 6675's pipe."""
        return self.nxt - self.una - self.sacked_bytes - self.lost_bytes + self.retrans_bytes

    def first(self) -> Sent | None:
        """The oldest record outstanding."""
        return self.records[self.head] if self.head < len(self.records) else None

    def last(self) -> Sent | None:
        """The newest record outstanding."""
        return self.records[-1] if self.head < len(self.records) else None

    def highest_sacked(self) -> int:
        """End of the highest range that the peer reported; una if none (HighSACK, Linux's fack)."""
        ends = self.ranges.ends
        return ends[-1] if ends else self.una

    def index_of(self, offset: int) -> int:
        """Index of the first live record whose end lies above `offset` (len(records) if none)."""
        records = self.records
        low, high = self.head, len(records)
        while low < high:
            mid = (low + high) >> 1
            if records[mid].end <= offset:
                low = mid + 1
            else:
                high = mid
        return low

    def any_retransmitted(self) -> bool:
        """A record resent at least once is the head or its copy is in flight (Linux tcp_any_retrans_done)."""
        if self.retrans_out:
            return True
        return self.head < len(self.records) and self.records[self.head].transmissions > 1

    # --- sending -----------------------------------------------------------------------

    def append(self, start: int, end: int, now_ns: int, flags: int = 0) -> Sent:
        """A new record at the right end; start must be `nxt`."""
        if self.head == len(self.records):
            self.una = start
        self.sends += 1
        record = Sent(start, end, now_ns, flags, self.sends)
        self.records.append(record)
        self.nxt = end
        return record

    def resent(self, record: Sent, now_ns: int, *, as_probe: bool = False) -> None:
        """`record` was sent again now. A probe of the tail is not counted as in flight (Linux)."""
        record.transmissions += 1
        record.sent_ns = now_ns
        self.sends += 1
        record.order = self.sends
        if not record.retrans_out and not as_probe:
            record.retrans_out = True
            self.retrans_out += 1
            self.retrans_bytes += record.end - record.start

    def split(self, record: Sent, at: int) -> Sent:
        """Cut `record` at the offset `at`, strictly inside; returns the new right part.

        Both parts keep times and marks; FIN, PUSH and EOR go with the right part, SYN with the left.
        """
        index = self.index_of(record.start)
        right = Sent(at, record.end, record.first_sent_ns, record.flags & ~SENT_SYN, record.order)
        right.sent_ns = record.sent_ns
        right.transmissions = record.transmissions
        right.sacked = record.sacked
        right.lost = record.lost
        right.retrans_out = record.retrans_out
        record.end = at
        record.flags &= SENT_SYN | SENT_PROBE | SENT_JOINED
        self.records.insert(index + 1, right)
        if right.sacked:
            self.sacked_out += 1
        if right.lost:
            self.lost_out += 1
            if not right.retrans_out:
                self._queue(right)
        if right.retrans_out:
            self.retrans_out += 1
        if self.ranges.ends and not record.sacked:
            self._sack_if_covered(record)
            self._sack_if_covered(right)
        return right

    def after(self, record: Sent) -> Sent | None:
        """The record that follows `record`, if there is one."""
        index = self.index_of(record.start) + 1
        return self.records[index] if index < len(self.records) else None

    def is_offloaded(self, record: Sent) -> bool:
        """It left in one offloaded segment with others (Linux: its skb has more than one segment)."""
        if record.flags & SENT_JOINED:
            return True
        following = self.after(record)
        return following is not None and bool(following.flags & SENT_JOINED)

    def cut_out(self, first: Sent, last: Sent) -> None:
        """`first` to `last` leave in a segment of their own: what stood before and behind is another (tcp_fragment)."""
        first.flags &= ~SENT_JOINED
        following = self.after(last)
        if following is not None:
            following.flags &= ~SENT_JOINED

    def join_offloaded(self, record: Sent, smss: int) -> None:
        """Make one record of what left in one offloaded segment from `record` on, if a part of it is above `smss`."""
        part: Sent | None = record
        largest = 0
        while part is not None and (part is record or part.flags & SENT_JOINED):
            largest = max(largest, part.end - part.start)
            part = self.after(part)
        if largest <= smss:
            return
        while True:
            part = self.after(record)
            if part is None or not part.flags & SENT_JOINED or not self.join(record):
                return

    def join(self, record: Sent) -> bool:
        """Take the record after `record` into it; the opposite of `split`. False if the two cannot be one.

        Nothing that was reported as received, no SYN, and nothing behind the end of a record of the user's.
        What is known of the right part is forgotten: `record` is about to be sent again with all of it.
        """
        index = self.index_of(record.start) + 1
        if index >= len(self.records) or record.flags & (SENT_SYN | SENT_EOR | SENT_FIN):
            return False
        right = self.records[index]
        if record.sacked or right.sacked or right.start != record.end:
            return False
        size = right.end - right.start
        if right.lost:
            self.lost_out -= 1
            self.lost_bytes -= size
            right.lost = False  # it may still stand in the queue of what waits to be resent
        if right.retrans_out:
            self.retrans_out -= 1
            self.retrans_bytes -= size
            right.retrans_out = False
        if record.lost:
            self.lost_bytes += size
        if record.retrans_out:
            self.retrans_bytes += size
        record.end = right.end
        record.flags |= right.flags & ~SENT_JOINED
        record.transmissions = max(record.transmissions, right.transmissions)
        del self.records[index]
        right.start = right.end = -1  # whoever still holds it (RACK does) finds that it is acknowledged
        return True

    # --- cumulative ACK ------------------------------------------------------------------

    def begin_ack(self, orig_high: int, copy_limit_ns: int, echo_ns: int) -> None:
        """Clear the results of the last ACK.

        orig_high:     bounds `orig_seen`
        copy_limit_ns: a copy sent later than this cannot have been what was delivered: now - min_rtt
        echo_ns:       latest moment at which the timestamp that the ACK echoes can have been taken, -1 = unknown:
                       nor can a copy sent later
        """
        self.copy_limit_ns = copy_limit_ns
        self.echo_ns = echo_ns
        self.acked_segs = 0
        self.acked_new_segs = 0
        self.acked_retrans = False
        self.acked_orig_start = NEVER
        self.first_ack_ns = -1
        self.last_ack_ns = -1
        self.reneging = False
        self.sack_new_segs = 0
        self.sack_new_bytes = 0
        self.sack_reord = NEVER
        self.first_sack_ns = -1
        self.last_sack_ns = -1
        self.orig_high = orig_high
        self.orig_seen = False
        self.newest_ns = -1
        self.newest_order = 0
        self.last_delivered_ns = -1
        self.dsack_segs = 0

    def ack_to(self, una: int) -> int:
        """Everything below `una` is acknowledged. Returns how many bytes were not known to be delivered.

        A record that reaches beyond `una` keeps its right part.
        """
        records = self.records
        count = len(records)
        index = self.head
        delivered = 0
        while index < count:
            record = records[index]
            if record.end > una:
                if record.start < una:
                    delivered += self._trim(record, una)
                break
            index += 1
            size = record.end - record.start
            if record.transmissions > 1:
                self.acked_retrans = True
                if record.retrans_out:
                    self.retrans_out -= 1
                    self.retrans_bytes -= size
            elif not record.sacked:
                self.last_ack_ns = record.sent_ns
                if self.first_ack_ns < 0:
                    self.first_ack_ns = record.sent_ns
                    self.acked_orig_start = record.start
                if record.end <= self.orig_high:
                    self.orig_seen = True
            if record.sacked:
                self.sacked_out -= 1
                self.sacked_bytes -= size
            else:
                delivered += size
                self.acked_new_segs += 1
                self._note_newest(record)
            if record.lost:
                self.lost_out -= 1
                self.lost_bytes -= size
        self.acked_segs = index - self.head
        self.head = index
        if una > self.una:
            self.una = una
        if self.ranges.ends:
            self.ranges.forget_below(una)
        if index < count:
            self.reneging = records[index].sacked
        self.compact()
        return delivered

    def compact(self) -> None:
        """Forget the records that are acknowledged, if they are many, or nothing else is left."""
        head, count = self.head, len(self.records)
        if head == count or (head >= _COMPACT_AT and head * 2 >= count):
            del self.records[:head]
            self.head = 0

    def _trim(self, record: Sent, una: int) -> int:
        """The left part of `record` is acknowledged; returns the bytes not known to be delivered."""
        size = una - record.start
        if record.sacked:
            self.sacked_bytes -= size
        if record.lost:
            self.lost_bytes -= size
            if not record.retrans_out:
                self._queue_moved(record, una)
        if record.retrans_out:
            self.retrans_bytes -= size
        record.start = una
        if record.sacked:
            return 0
        if self.ranges.ends:
            self._sack_if_covered(record)
        return size

    def _queue_moved(self, record: Sent, start: int) -> None:
        """`record` waits to be resent and its start moves: its old place in the queue is stale."""
        record.start = start
        self._queue(record)

    def _note_newest(self, record: Sent) -> None:
        """RFC 8985 §6.2 step 2: remember the most recently sent record that was delivered.

        For a record sent again it must be sure that the copy arrived, not the original.
        """
        sent_ns = record.sent_ns
        if record.transmissions > 1 and (sent_ns > self.copy_limit_ns or 0 <= self.echo_ns < sent_ns):
            return
        self.last_delivered_ns = sent_ns
        if record.order > self.newest_order:
            self.newest_ns = sent_ns
            self.newest_order = record.order

    # --- selective ACK -------------------------------------------------------------------

    def apply_sack(self, start: int, end: int) -> None:
        """The peer reports that it holds [start, end) (one SACK block; out-of-window parts are ignored)."""
        if start < self.una:
            start = self.una
        if end > self.nxt:
            end = self.nxt
        if start >= end:
            return
        if end == self.nxt - 1 and self.records[-1].flags & SENT_FIN and end > self.records[-1].start:
            end += 1  # FreeBSD reports the data that came with a FIN, and has the FIN
        ranges = self.ranges
        prior_high = ranges.ends[-1] if ranges.ends else self.una
        gaps = ranges.add(start, end)
        if not gaps:
            return
        merged_start, merged_end = ranges.around(start)
        for gap_start, gap_end in gaps:
            self._sack_records(gap_start, gap_end, merged_start, merged_end, prior_high)

    def _sack_records(self, start: int, end: int, covered_from: int, covered_to: int, prior_high: int) -> None:
        """Mark the records that overlap [start, end) and are now wholly inside the covered range."""
        records = self.records
        index = self.index_of(start)
        count = len(records)
        while index < count:
            record = records[index]
            if record.start >= end:
                return
            if not record.sacked and record.start >= covered_from and record.end <= covered_to:
                self._sack_one(record, prior_high)
            index += 1

    def _sack_if_covered(self, record: Sent) -> None:
        """A record that was reported in part only, and became smaller: is what is left reported?"""
        at = bisect_right(self.ranges.starts, record.start) - 1
        if at >= 0 and record.end <= self.ranges.ends[at]:
            self._sack_one(record, self.ranges.ends[-1])

    def _sack_one(self, record: Sent, prior_high: int) -> None:
        size = record.end - record.start
        self._note_newest(record)
        if record.retrans_out:
            # Which copy arrived is unknown. If the first was judged lost, the second did, and is out no more.
            if record.lost:
                record.retrans_out = False
                self.retrans_out -= 1
                self.retrans_bytes -= size
        elif record.transmissions == 1:
            # Sent once, and it filled a hole: it was reordered, not lost.
            if record.start < prior_high and record.start < self.sack_reord:
                self.sack_reord = record.start
            if record.end <= self.orig_high:
                self.orig_seen = True
            if not record.lost or self.samples_lost:
                # One judged lost may have arrived long ago, and the SACKs that said so were lost: after a
                # timeout such a "round trip" contains the RTO, and feeds it. Linux does take it.
                if self.first_sack_ns < 0:
                    self.first_sack_ns = record.sent_ns
                self.last_sack_ns = record.sent_ns
        if record.lost:
            record.lost = False
            self.lost_out -= 1
            self.lost_bytes -= size
        record.sacked = True
        self.sacked_out += 1
        self.sacked_bytes += size
        self.sack_new_segs += 1
        self.sack_new_bytes += size

    def apply_dsack(self, start: int, end: int) -> None:
        """The peer received [start, end) twice (RFC 2883): it holds it, and the copies are out of the network."""
        self.apply_sack(start, end)
        if end <= self.una:
            return
        records = self.records
        index = self.index_of(start)
        while index < len(records) and records[index].end <= end:
            record = records[index]
            if record.start >= start and record.sacked and record.retrans_out:
                record.retrans_out = False
                self.retrans_out -= 1
                self.retrans_bytes -= record.end - record.start
            index += 1

    # --- losses --------------------------------------------------------------------------

    def mark_lost(self, record: Sent) -> bool:
        """Judge `record` lost (or, if it was and had been resent, its copy). True if that is news."""
        if record.sacked:
            return False
        size = record.end - record.start
        if record.lost:
            if not record.retrans_out:
                return False
            record.retrans_out = False
            self.retrans_out -= 1
            self.retrans_bytes -= size
        else:
            record.lost = True
            self.lost_out += 1
            self.lost_bytes += size
            if record.retrans_out:
                return True  # its copy may still arrive
        self._queue(record)
        return True

    def mark_all_lost(self, *, keep_after_ns: int = NEVER) -> None:
        """A retransmission timeout: everything not sacked is lost, copies included.

        Records sent after `keep_after_ns` (except the head) are kept as in flight: RFC 8985 §6.3 lets
        RACK judge those that were sent too recently for the timeout to be about them.
        """
        records = self.records
        for index in range(self.head, len(records)):
            record = records[index]
            if record.sacked or (index > self.head and record.sent_ns > keep_after_ns):
                continue
            self.mark_lost(record)
            if record.retrans_out:
                self.mark_lost(record)

    def clear_sacked(self) -> None:
        """Forget all SACK information: the peer reneged (RFC 2018 §8)."""
        records = self.records
        for index in range(self.head, len(records)):
            records[index].sacked = False
        self.sacked_out = 0
        self.sacked_bytes = 0
        self.ranges.clear()

    def unmark_lost(self) -> None:
        """Take every judgement of loss back (undo)."""
        records = self.records
        for index in range(self.head, len(records)):
            records[index].lost = False
        self.lost_out = 0
        self.lost_bytes = 0
        self._lost_heap.clear()

    def _queue(self, record: Sent) -> None:
        self._serial += 1
        heappush(self._lost_heap, (record.start, self._serial, record))

    def next_lost_to_resend(self) -> Sent | None:
        """The lowest record that is lost and whose copy is not in flight; it stays queued until resent."""
        heap = self._lost_heap
        while heap:
            start, _, record = heap[0]
            if record.lost and not record.retrans_out and not record.sacked and record.start == start:
                if record.start >= self.una:
                    return record
            heappop(heap)
        return None

    def first_unsacked_from(self, offset: int, below: int) -> Sent | None:
        """The first record from `offset` on, starting below `below`, that is not sacked."""
        records = self.records
        index = self.index_of(offset)
        while index < len(records):
            record = records[index]
            if record.start >= below:
                return None
            if not record.sacked:
                return record
            # Jump over the sacked range in one step.
            at = bisect_right(self.ranges.starts, record.start) - 1
            index = self.index_of(self.ranges.ends[at]) if at >= 0 and self.ranges.ends[at] > record.end else index + 1
        return None

    def last_unsacked_below(self, offset: int) -> Sent | None:
        """The highest record that starts below `offset` and is not sacked."""
        records = self.records
        index = self.index_of(offset)
        if index >= len(records) or records[index].start >= offset:
            index -= 1
        while index >= self.head:
            record = records[index]
            if not record.sacked:
                return record
            at = bisect_right(self.ranges.starts, record.start) - 1
            if at < 0:
                index -= 1
                continue
            index = self.index_of(self.ranges.starts[at])
            if records[index].start >= self.ranges.starts[at]:
                index -= 1
        return None
