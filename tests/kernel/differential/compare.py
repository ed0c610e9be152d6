"""Where do two answers differ first?"""

from __future__ import annotations

import re
from typing import Any

from netsim.base.packet import PSH

from .sides import Row, rows_of

SAME_S = 0.012
SHARE = 0.14
"""A kernel's timer is late by up to an eighth of its length (timer wheel), and by ticks of 4 ms."""


def merged(rows: list[Row], strict: bool) -> list[Row]:
    """Segments that follow each other at once are one: the device cut them."""
    out: list[Row] = []
    for row in rows:
        last = out[-1] if out else None
        if (
            not strict and last is not None and row.size and last.size and last.seq + last.size == row.seq
            and row.ack == last.ack and row.t - last.t < 0.0025 and not last.flags & 1 and row.options == last.options
        ):  # fmt: skip
            out[-1] = Row(last.t, last.flags | row.flags, last.seq, last.ack, last.size + row.size, row.wnd, row.urg,
                          row.ecn, row.options)  # fmt: skip
        else:
            out.append(row)
    return out


def show(row: Row | None) -> str:
    """One segment in a line."""
    if row is None:
        return "-"
    letters = "".join(
        c for b, c in ((2, "S"), (1, "F"), (4, "R"), (8, "P"), (16, "."), (32, "U"), (64, "E"), (128, "W"))
        if row.flags & b
    )  # fmt: skip
    urgent = f" u{row.urg}" if row.flags & 32 else ""
    ecn = f" ecn{row.ecn}" if row.ecn else ""
    return f"{row.t:.3f} {letters} {row.seq}({row.size}) a{row.ack} w{row.wnd}{urgent}{ecn} {row.options}"


def key(row: Row, windows: bool, push: bool) -> tuple[Any, ...]:
    """What must be equal (besides the time)."""
    flags = row.flags if push else row.flags & ~PSH
    options = row.options if windows else re.sub(r"ws\d+", "ws", row.options)
    return flags, row.seq, row.ack, row.size, row.urg if flags & 32 else 0, row.ecn, options, row.wnd if windows else 0


def first_difference(
    ours: list[Row], theirs: list[Row], events: list[float], *, windows: bool, push: bool
) -> int | None:
    """The index of the first segment that differs; None: none does."""
    before = 0.0
    drift = 0.0  # how far apart the two clocks have come by late timers
    for i in range(max(len(ours), len(theirs))):
        if i >= len(ours) or i >= len(theirs):
            return i
        a, b = ours[i], theirs[i]
        swapped = key(a, windows, push) != key(b, windows, push) and i + 1 < min(len(ours), len(theirs))
        if swapped and key(a, windows, push) == key(theirs[i + 1], windows, push):
            if key(b, windows, push) == key(ours[i + 1], windows, push) and ours[i + 1].t - a.t < SAME_S + SHARE * a.t:
                ours[i], ours[i + 1] = ours[i + 1], a  # two at almost the same time
                a = ours[i]
        if key(a, windows, push) != key(b, windows, push):
            return i
        event = max((t for t in events if t <= a.t + 0.001), default=0.0)
        since = a.t - min(before, event)
        apart = abs(a.t - b.t)
        if apart > SAME_S + SHARE * since + drift:
            return i
        if a.size or a.flags & 3 or not drift:
            drift = max(drift, apart)
            before = a.t
    return None


INFO_SLACK = {"rto": 12000, "rtt": 6000, "rttvar": 8000, "snd_wnd": 0}


def info_differences(ours: dict[str, int], theirs: dict[str, int]) -> list[str]:
    """Fields of TCP_INFO that differ by more than times may."""
    out = []
    late = abs(ours.get("backoff", 0) - theirs.get("backoff", 0)) == 1  # a timer near the end
    if ours.get("state") == theirs.get("state") and ours.get("state") in (2, 3):
        return out  # a handshake has no window to speak of
    if not theirs.get("rtt"):
        theirs = {"state": theirs["state"]} if theirs else theirs  # nor has what never opened
    for name, value in theirs.items():
        mine = ours.get(name, -1)
        slack = INFO_SLACK.get(name, 0)
        if slack:
            slack += value // 6
        if late and name in ("backoff", "rto", "probes"):
            continue
        if abs(mine - value) > slack:
            out.append(f"{name} {mine}|{value}")
    return out


def compare(
    ours: dict[str, Any], theirs: dict[str, Any], events: list[float], *, windows: bool = False, strict: bool = False,
    info: bool = True,
) -> list[str]:  # fmt: skip
    """The differences in lines; empty: they agree."""
    if theirs["trouble"]:
        return ["KERNEL: " + theirs["trouble"].strip()[-200:]]
    if ours["trouble"]:
        return ["OURS: " + ours["trouble"]]
    end = max(events, default=0.0) - 0.02
    a = merged(rows_of(ours["packets"], end), strict)
    b = merged(rows_of(theirs["packets"], end), strict)
    lines: list[str] = []
    at = first_difference(a, b, events, windows=windows, push=strict)
    if at is not None and at == min(len(a), len(b)):
        # one side sent more: near the end it may just not have been due yet
        extra = (a if len(a) > len(b) else b)[at]
        if extra.t > end - 0.01 - 0.14 * end:
            at = None
    if at is not None:
        for i in range(max(0, at - 2), min(at + 4, max(len(a), len(b)))):
            left, right = (a[i] if i < len(a) else None), (b[i] if i < len(b) else None)
            lines.append(f"  {'>>' if i == at else '  '} {show(left):58} | {show(right)}")
    if at is None and info:
        different = info_differences(ours["info"], theirs["info"])
        if different:
            lines.append("   info " + "  ".join(different))
    return lines
