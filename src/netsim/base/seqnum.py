"""Sequence numbers: integers modulo 2^32, compared only by these functions.

RFC 9293 §3.4: "all arithmetic dealing with sequence numbers must be performed
modulo 2^32". A comparison is the sign of the 32-bit difference, so it means something
only for numbers less than 2^31 apart. Stream offsets are plain unbounded integers and
are never mixed with these.
"""

from __future__ import annotations

from typing import Final

MOD: Final = 1 << 32
MASK: Final = MOD - 1
_HALF: Final = 1 << 31


def seq_add(seq: int, count: int) -> int:
    """The sequence number `count` (may be negative) after `seq`."""
    return (seq + count) & 0xFFFFFFFF


def seq_diff(a: int, b: int) -> int:
    """How far `a` lies after `b`: -2^31 .. 2^31-1."""
    return ((a - b + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def seq_lt(a: int, b: int) -> bool:
    """a < b."""
    return ((a - b) & 0xFFFFFFFF) >= 0x80000000


def seq_le(a: int, b: int) -> bool:
    """a <= b."""
    return a == b or ((a - b) & 0xFFFFFFFF) >= 0x80000000


def seq_gt(a: int, b: int) -> bool:
    """a > b."""
    return ((b - a) & 0xFFFFFFFF) >= 0x80000000


def seq_ge(a: int, b: int) -> bool:
    """a >= b."""
    return a == b or ((b - a) & 0xFFFFFFFF) >= 0x80000000


def seq_max(a: int, b: int) -> int:
    """The later of two sequence numbers."""
    return b if seq_lt(a, b) else a


def seq_in(seq: int, start: int, length: int) -> bool:
    """start <= seq < start + length, for 0 <= length <= 2^31."""
    return ((seq - start) & 0xFFFFFFFF) < length
