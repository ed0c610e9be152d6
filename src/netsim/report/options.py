"""TCP options in words, in the order in which they stand on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.base.packet import (
    OPT_EOL,
    OPT_EXP,
    OPT_MD5,
    OPT_MSS,
    OPT_NOP,
    OPT_SACK,
    OPT_SACK_OK,
    OPT_TFO,
    OPT_TS,
    OPT_WSCALE,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from netsim.base.packet import Segment


def option_words(segment: Segment, relative: Callable[[int], int] | None = None) -> list[tuple[str, str]]:
    """(name, value) of every option, padding included: `("mss", "1460")`, `("nop", "")`.

    relative: turns a SACK edge into the number to show; None shows it as it is.
    """
    words: list[tuple[str, str]] = []
    others = iter(segment.other)
    show = relative if relative is not None else int
    for kind in segment.layout:
        if kind == OPT_EOL:
            words.append(("eol", ""))
        elif kind == OPT_NOP:
            words.append(("nop", ""))
        elif kind == OPT_MSS:
            words.append(("mss", str(segment.opt_mss)))
        elif kind == OPT_WSCALE:
            words.append(("ws", str(segment.opt_wscale)))
        elif kind == OPT_SACK_OK:
            words.append(("sackOK", ""))
        elif kind == OPT_SACK:
            words.append(("sack", " ".join(f"{show(left)}:{show(right)}" for left, right in segment.sack)))
        elif kind == OPT_TS:
            words.append(("TS", f"{segment.ts_val} {segment.ts_ecr}"))
        elif kind == OPT_MD5 and segment.md5 is not None:
            words.append(("md5", ""))
        elif segment.tfo is not None and kind == (OPT_EXP if segment.tfo_exp else OPT_TFO):
            words.append(("tfo", segment.tfo.hex()))
        else:
            _, data = next(others, (kind, b""))
            words.append((f"option {kind}", data.hex()))
    return words


def short_options(words: list[tuple[str, str]], level: int) -> str:
    """The options for a narrow place; a ladder takes the first level that fits.

    Level 0: all but the padding; 1: timestamps without values; 2: without timestamps; 3: names only.
    """
    shown = []
    for name, value in words:
        if name in ("nop", "eol") or (level >= 2 and name == "TS"):
            continue
        if level == 3 or (level == 1 and name == "TS"):
            value = ""
        shown.append(f"{name} {value}".rstrip())
    return ",".join(shown)
