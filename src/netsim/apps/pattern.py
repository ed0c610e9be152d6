"""Deterministic bytes that can be verified: byte n of a stream depends on n alone.

The period is a prime number of bytes (65,521), so that a segment repeated, left out or put
in the wrong place shows, whatever power of two its length is.
"""

from __future__ import annotations

from typing import Final

PERIOD: Final = 65_521


def _table() -> bytes:
    state = 12_345
    octets = bytearray()
    for _ in range(PERIOD):
        state = (state * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        octets.append(state >> 16 & 0xFF)
    return bytes(octets)


class _Tables:
    """The table, made when first needed."""

    def __init__(self) -> None:
        self.long = b""

    def at_least(self, size: int) -> bytes:
        """The pattern repeated to `PERIOD + size` bytes or more."""
        if len(self.long) < PERIOD + size:
            self.long = (self.long[:PERIOD] or _table()) * (2 + size // PERIOD)
        return self.long


_TABLES: Final = _Tables()


def pattern(offset: int, size: int) -> bytes:
    """Bytes `offset` to `offset + size` of the stream."""
    start = offset % PERIOD
    return _TABLES.at_least(size)[start : start + size]


def first_difference(data: bytes, offset: int) -> int:
    """Where `data`, received at stream offset `offset`, leaves the pattern (an index into it); -1: nowhere."""
    expected = pattern(offset, len(data))
    if data == expected:
        return -1
    return next(index for index in range(len(data)) if data[index] != expected[index])
