"""The user's bytes: waiting to be sent or acknowledged, and waiting to be read."""

from __future__ import annotations

from typing import Final

_COMPACT: Final = 1 << 18


class SendBuffer:
    """Octets from the oldest unacknowledged one on; positions are stream offsets (0 = first octet)."""

    __slots__ = ("_data", "_head", "end", "start")

    def __init__(self) -> None:
        self._data = bytearray()
        self._head = 0
        self.start = 0
        """Stream offset of the oldest octet held."""
        self.end = 0
        """Stream offset after the last octet held."""

    def __len__(self) -> int:
        return len(self._data) - self._head

    def append(self, data: bytes) -> None:
        """Queue more octets."""
        self._data += data
        self.end += len(data)

    def peek(self, offset: int, size: int) -> bytes:
        """Up to `size` octets from stream offset `offset` on."""
        begin = self._head + offset - self.start
        return bytes(self._data[begin : begin + size])

    def release(self, offset: int) -> None:
        """Drop everything before stream offset `offset`: it is acknowledged."""
        self._head += offset - self.start
        self.start = offset
        # Moving the rest down costs its length, so do it only when the dead part is larger.
        if self._head >= _COMPACT and self._head * 2 >= len(self._data):
            del self._data[: self._head]
            self._head = 0
        elif self._head == len(self._data):
            self._data.clear()
            self._head = 0

    def clear(self) -> None:
        """Forget what is queued."""
        self.start = self.end
        self._data.clear()
        self._head = 0


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
        first = chunks[0]
        if self._head == 0 and len(first) == limit:
            self.size -= limit
            return chunks.pop(0)
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
