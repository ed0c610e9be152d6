"""What arrived out of order: disjoint ranges of the stream with their bytes, and the FIN's place.

Positions are stream offsets (unbounded; 0 is the first data octet).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right


class Reassembly:
    """Holds octets beyond the next expected one (RFC 9293 §3.10.7.4, seventh step, SHLD-31).

    The ranges are kept merged per *run* (adjacent ranges count as one), as SACK blocks report them.
    """

    __slots__ = ("_chunks", "_ends", "_starts", "bytes_held")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._chunks: list[list[bytes]] = []
        self.bytes_held = 0

    def __len__(self) -> int:
        return len(self._starts)

    def runs(self) -> list[tuple[int, int]]:
        """The ranges held, in order."""
        return list(zip(self._starts, self._ends, strict=True))

    def run_at(self, offset: int) -> tuple[int, int] | None:
        """The run that covers `offset`, or None."""
        index = bisect_right(self._starts, offset) - 1
        if index >= 0 and offset < self._ends[index]:
            return self._starts[index], self._ends[index]
        return None

    def first_overlap(self, start: int, end: int) -> tuple[int, int] | None:
        """The lowest part of [start, end) that is held already, or None."""
        index = bisect_right(self._ends, start)
        if index < len(self._starts) and self._starts[index] < end:
            return max(start, self._starts[index]), min(end, self._ends[index])
        return None

    def insert(self, start: int, data: bytes) -> int:
        """Keep `data` at `start`; octets already held stay as they are. Returns the octets added."""
        end = start + len(data)
        if not data:
            return 0
        # The runs that touch [start, end]: they and the new data become one run.
        low = bisect_left(self._ends, start)
        high = bisect_right(self._starts, end)
        added = 0
        pieces: list[bytes] = []
        position = start
        for index in range(low, high):
            run_start, run_end = self._starts[index], self._ends[index]
            if position < run_start:
                pieces.append(data[position - start : run_start - start])
                added += run_start - position
            pieces.extend(self._chunks[index])
            position = max(position, run_end)
        if position < end:
            pieces.append(data[position - start :] if position > start else data)
            added += end - position
        if low < high:
            start = min(start, self._starts[low])
            end = max(end, self._ends[high - 1])
        self._starts[low:high] = [start]
        self._ends[low:high] = [end]
        self._chunks[low:high] = [pieces]
        self.bytes_held += added
        return added

    def take(self, offset: int) -> list[bytes]:
        """Remove and return the run that begins at or before `offset`, from `offset` on; [] if none does."""
        # Runs that end at or before `offset` are covered by what came in order: nothing of them is new.
        while self._starts and self._ends[0] <= offset:
            self.bytes_held -= self._ends[0] - self._starts[0]
            del self._starts[0], self._ends[0], self._chunks[0]
        if not self._starts or self._starts[0] > offset:
            return []
        start, end = self._starts[0], self._ends[0]
        chunks = self._chunks[0]
        del self._starts[0], self._ends[0], self._chunks[0]
        self.bytes_held -= end - start
        skip = offset - start
        while skip > 0:
            if len(chunks[0]) <= skip:
                skip -= len(chunks[0])
                del chunks[0]
            else:
                chunks[0] = chunks[0][skip:]
                skip = 0
        return chunks

    def clear(self) -> None:
        """Forget everything (reneging, or the end of the connection)."""
        self._starts.clear()
        self._ends.clear()
        self._chunks.clear()
        self.bytes_held = 0
