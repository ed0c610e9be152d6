"""The user's bytes: waiting to be sent or acknowledged, and waiting to be read."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

_JOIN_BELOW: Final = 4096
"""Pieces up to this size are put together, so that many small writes do not make many pieces."""


class SendBuffer:
    """Octets from the oldest unacknowledged one on; positions are stream offsets (0 = first octet).

    They stay in the pieces in which the user wrote them, and are copied once, into the segment.
    """

    __slots__ = ("_last", "_pieces", "_starts", "end", "start")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._starts: list[int] = []
        self._last = 0
        """Index of the piece that was read last: new data is read in order."""
        self.start = 0
        """Stream offset of the oldest octet held."""
        self.end = 0
        """Stream offset after the last octet held."""

    def __len__(self) -> int:
        return self.end - self.start

    def append(self, data: bytes) -> None:
        """Queue more octets."""
        pieces = self._pieces
        if pieces and len(pieces[-1]) + len(data) <= _JOIN_BELOW:
            pieces[-1] += data
        else:
            pieces.append(data)
            self._starts.append(self.end)
        self.end += len(data)

    def peek(self, offset: int, size: int) -> bytes:
        """Up to `size` octets from stream offset `offset` on."""
        if offset >= self.end or size <= 0:
            return b""
        index = self._last
        if not self._holds(index, offset):
            index += 1
            if not self._holds(index, offset):
                index = bisect_right(self._starts, offset) - 1
            self._last = index
        begin = offset - self._starts[index]
        part = self._pieces[index][begin : begin + size]
        if len(part) == size or index + 1 == len(self._pieces):
            return part
        parts = [part]
        left = size - len(part)
        while left > 0 and index + 1 < len(self._pieces):
            index += 1
            part = self._pieces[index][:left]
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _holds(self, index: int, offset: int) -> bool:
        """The octet at `offset` lies in this piece."""
        if index >= len(self._pieces):
            return False
        begin = offset - self._starts[index]
        return 0 <= begin < len(self._pieces[index])

    def release(self, offset: int) -> None:
        """Drop everything before stream offset `offset`: it is acknowledged."""
        self.start = offset
        pieces, starts = self._pieces, self._starts
        done = 0
        while done < len(pieces) and starts[done] + len(pieces[done]) <= offset:
            done += 1
        if done:
            del pieces[:done], starts[:done]
            self._last = max(0, self._last - done)

    def clear(self) -> None:
        """Forget what is queued."""
        self.start = self.end
        self._pieces.clear()
        self._starts.clear()
        self._last = 0


class ReceiveBuffer:
    """Octets in order, not yet read by the user."""

    __slots__ = ("_chunks", "_head", "size", "total")

    def __init__(self) -> None:
        self._chunks: list[bytes] = []  # an empty deque would cost 760 bytes
        self._head = 0
        self.size = 0
        self.total = 0
        """Octets ever put in: the stream offset of the next one."""

    def append(self, data: bytes) -> None:
        """Put in-order octets behind the others."""
        self._chunks.append(data)
        self.size += len(data)
        self.total += len(data)

    def read(self, limit: int) -> bytes:
        """Remove and return up to `limit` octets."""
        if limit <= 0 or not self.size:
            return b""
        chunks = self._chunks
        if len(chunks) == 1 and self._head == 0 and self.size <= limit:
            self.size = 0
            return chunks.pop()
        parts: list[bytes] = []
        wanted = min(limit, self.size)
        self.size -= wanted
        while wanted:
            first = chunks[0]
            available = len(first) - self._head
            if available <= wanted:
                parts.append(first[self._head :] if self._head else first)
                del chunks[0]
                self._head = 0
                wanted -= available
            else:
                parts.append(first[self._head : self._head + wanted])
                self._head += wanted
                wanted = 0
        return b"".join(parts) if len(parts) != 1 else parts[0]

    def peek(self, limit: int) -> bytes:
        """Up to `limit` octets, left in place."""
        parts: list[bytes] = []
        wanted = min(limit, self.size)
        head = self._head
        for chunk in self._chunks:
            if wanted <= 0:
                break
            part = chunk[head : head + wanted]
            parts.append(part)
            wanted -= len(part)
            head = 0
        return b"".join(parts)

    def clear(self) -> None:
        """Forget what was not read."""
        self._chunks.clear()
        self._head = 0
        self.size = 0
