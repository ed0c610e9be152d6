"""Units: integer nanoseconds, bits per second, bytes; and how people write them."""

from __future__ import annotations

import re
from typing import Final

NS: Final = 1
US: Final = 1_000
MS: Final = 1_000_000
SEC: Final = 1_000_000_000

_NUMBER: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([A-Za-zµ/]*)\s*")
_TIMES: Final = {"ns": 1, "us": US, "µs": US, "ms": MS, "s": SEC, "sec": SEC, "min": 60 * SEC, "h": 3600 * SEC}
_RATES: Final = {
    "bit/s": 1, "kbit/s": 10**3, "mbit/s": 10**6, "gbit/s": 10**9, "tbit/s": 10**12,
    "bps": 1, "kbps": 10**3, "mbps": 10**6, "gbps": 10**9,
}  # fmt: skip
_SIZES: Final = {
    "": 1, "b": 1, "byte": 1, "bytes": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9,
    "kib": 2**10, "mib": 2**20, "gib": 2**30,
}  # fmt: skip
_LARGEST: Final = 10**24


def _scaled(text: str, units: dict[str, int], what: str, example: str) -> int:
    """`text` as an exact integer count of the smallest unit; ValueError says what was expected."""
    match = _NUMBER.fullmatch(text)
    if match is None or match.group(2).lower() not in units:
        raise ValueError(f"'{text}' is not a {what}; write for example {example}")
    whole, _, fraction = match.group(1).partition(".")
    factor = units[match.group(2).lower()]
    if len(whole) > 24 or len(fraction) > 24:
        raise ValueError(f"'{text}' is too large a number for a {what}")
    value: int = int(whole or "0") * factor + int(fraction or "0") * factor // 10 ** len(fraction)
    if value > _LARGEST:
        raise ValueError(f"'{text}' is too large a number for a {what}")
    return value


def parse_duration(text: str) -> int:
    """Nanoseconds from `50ms`, `1.5s`, `10 us`, `2min`. ValueError on anything else."""
    return _scaled(text, _TIMES, "duration", "50ms or 1.5s")


def parse_rate(text: str) -> int:
    """Bits per second from `10Mbit/s`, `1 Gbit/s`. ValueError on anything else."""
    return _scaled(text, _RATES, "rate", "10Mbit/s")


def parse_size(text: str) -> int:
    """Bytes from `1000 bytes`, `64KiB`, `100MB`, `1460`. ValueError on anything else."""
    return _scaled(text, _SIZES, "size", "1000 bytes or 64KiB")


def format_seconds(t_ns: int, digits: int = 3) -> str:
    """`2.350`: seconds, rounded half up, `digits` places; exact integer arithmetic."""
    sign = "-" if t_ns < 0 else ""
    unit = 10 ** (9 - digits)
    ticks = (abs(t_ns) + unit // 2) // unit
    if digits == 0:
        return f"{sign}{ticks}"
    return f"{sign}{ticks // 10**digits}.{ticks % 10**digits:0{digits}d}"


def format_duration(t_ns: int) -> str:
    """A duration for people: `50 ms`, `1.5 s`, `250 µs`, `4 min`."""
    for unit, size in (("s", SEC), ("ms", MS), ("µs", US)):
        if abs(t_ns) >= size:
            text = format_seconds(t_ns * (SEC // size), 3).rstrip("0").rstrip(".")
            return f"{text} {unit}"
    return f"{t_ns} ns"


def format_rate(bps: int) -> str:
    """A rate for people: `10 Mbit/s`."""
    for unit, size in (("Tbit/s", 10**12), ("Gbit/s", 10**9), ("Mbit/s", 10**6), ("kbit/s", 10**3)):
        if bps >= size:
            return f"{bps / size:g} {unit}"
    return f"{bps} bit/s"
