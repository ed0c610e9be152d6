r"""The bytes that scripts send: numbered lines, so that a byte in the wrong place shows.

`0000000\n0000001\n...`: every eight bytes are the number of their line. The pattern repeats
after 1 MiB.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

_LINE: Final = 8
_PERIOD: Final = 1 << 20
_GROWTH: Final = 1 << 16


class _Block:
    """The beginning of the pattern, as far as it was needed."""

    def __init__(self) -> None:
        self.text = b""

    def reach(self, end: int) -> None:
        """Make it at least `end` bytes long, a good piece at a time."""
        first = len(self.text) // _LINE
        last = min((end + _GROWTH) // _LINE + 1, _PERIOD // _LINE)
        self.text += b"".join([b"%07d\n" % number for number in range(first, last)])


_BLOCK: Final = _Block()


def pattern(offset: int, count: int) -> bytes:
    """`count` bytes of the pattern from stream offset `offset`."""
    start = offset % _PERIOD
    end = start + count
    if end > _PERIOD:
        rest = end - _PERIOD
        pieces = [pattern(start, _PERIOD - start), pattern(0, _PERIOD) * (rest // _PERIOD), pattern(0, rest % _PERIOD)]
        return b"".join(pieces)
    if end > len(_BLOCK.text):
        _BLOCK.reach(end)
    return _BLOCK.text[start:end]


class Stream:
    """What an application sends on one connection: pieces of text and of the pattern, by stream offset."""

    __slots__ = ("_starts", "_texts", "length")

    def __init__(self) -> None:
        self.length = 0
        self._starts: list[int] = []
        self._texts: list[bytes | None] = []

    def add_pattern(self, count: int) -> None:
        """The next `count` bytes are the pattern (of their own offsets)."""
        if not self._texts or self._texts[-1] is not None:
            self._starts.append(self.length)
            self._texts.append(None)
        self.length += count

    def add_text(self, text: bytes) -> None:
        """The next bytes are these."""
        if text:
            self._starts.append(self.length)
            self._texts.append(text)
            self.length += len(text)

    def expected(self, offset: int, count: int) -> bytes:
        """The bytes from `offset`, at most `count`: fewer where the stream ends."""
        count = min(count, self.length - offset)
        parts: list[bytes] = []
        while count > 0:
            index = bisect_right(self._starts, offset) - 1 if len(self._starts) > 1 else 0
            end = self._starts[index + 1] if index + 1 < len(self._starts) else self.length
            take = min(count, end - offset)
            text = self._texts[index]
            inside = offset - self._starts[index]
            part = pattern(offset, take) if text is None else text[inside : inside + take]
            if take == count and not parts:
                return part
            parts.append(part)
            offset += take
            count -= take
        return b"".join(parts)
