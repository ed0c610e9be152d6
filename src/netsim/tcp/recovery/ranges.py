"""Which octets the peer said it holds: merged ranges above snd.una, ascending."""

from __future__ import annotations

from bisect import bisect_left, bisect_right


class SackedRanges:
    """`starts[i]` to `ends[i]` is the ith range; they neither overlap nor touch."""

    __slots__ = ("ends", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []

    def pairs(self) -> list[tuple[int, int]]:
        """The ranges, ascending."""
        return list(zip(self.starts, self.ends, strict=True))

    def add(self, start: int, end: int) -> list[tuple[int, int]]:
        """Take [start, end) in; returns the parts that are new, ascending. A repeated block costs two bisections."""
        starts, ends = self.starts, self.ends
        # Ranges that overlap or touch the block: from `low` up to, not including, `high`.
        low = bisect_left(ends, start)
        high = bisect_right(starts, end)
        gaps: list[tuple[int, int]] = []
        at = start
        merged_start = start
        for i in range(low, high):
            if starts[i] < merged_start:
                merged_start = starts[i]
            if at < starts[i]:
                gaps.append((at, starts[i]))
            if ends[i] > at:
                at = ends[i]
        if at < end:
            gaps.append((at, end))
            at = end
        if gaps:
            starts[low:high] = [merged_start]
            ends[low:high] = [at]
        return gaps

    def around(self, offset: int) -> tuple[int, int]:
        """The range that `offset` lies in; (offset, offset) if in none."""
        at = bisect_right(self.starts, offset) - 1
        if at < 0 or self.ends[at] <= offset:
            return offset, offset
        return self.starts[at], self.ends[at]

    def forget_below(self, offset: int) -> None:
        """Everything below `offset` is acknowledged cumulatively."""
        ends = self.ends
        gone = bisect_right(ends, offset)
        if gone:
            del ends[:gone]
            del self.starts[:gone]
        if ends and self.starts[0] < offset:
            self.starts[0] = offset

    def clear(self) -> None:
        """Forget all."""
        self.starts.clear()
        self.ends.clear()

    def lost_threshold(self, dup_thresh: int, smss: int) -> int:
        """RFC 6675 §4 IsLost: every unsacked octet below the returned offset is lost, none above; 0 = none.

        True for an octet when `dup_thresh` discontiguous ranges above it were sacked, or more than
        (dup_thresh - 1) * smss bytes above it. Both fall with the offset, so one threshold says all.
        """
        starts, ends = self.starts, self.ends
        size = 0
        count = len(starts)
        for i in range(count - 1, -1, -1):
            size += ends[i] - starts[i]
            if count - i >= dup_thresh or size > (dup_thresh - 1) * smss:
                return starts[i]
        return 0
