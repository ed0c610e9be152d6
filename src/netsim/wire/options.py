"""TCP options: bytes to values and back, one decoder for the simulator and the checker.

RFC 9293 §3.1 and §3.2 (format, EOL, NOP, MSS), RFC 7323 (window scale, timestamps),
RFC 2018 (SACK), RFC 2385 (MD5), RFC 7413 (Fast Open), RFC 6994 (experimental options).

Which option goes where, so that nothing is lost and encoding is exact: the *first* option
of a known kind with its right length fills its field; every other one (unknown kind, wrong
length, a repetition) is kept in `other` as (kind, data). `layout` has the kinds in order.
If all options of a kind stand in `other`, its field is absent.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from netsim.base.packet import (
    ABSENT,
    NO_BLOCKS,
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
    Segment,
)

TFO_MAGIC: Final = b"\xf9\x89"
"""Experiment id of Fast Open inside option 254 (RFC 7413 appendix A)."""

MAX_OPTIONS: Final = 40
"""The data offset field allows no more octets of options than this."""

NO_OTHER: Final[tuple[tuple[int, bytes], ...]] = ()


_TS_SACK: Final = Struct(">IIIHBB")
_BLOCKS: Final = {10: Struct(">II"), 18: Struct(">IIII"), 26: Struct(">IIIIII")}
_TS_SACK_LAYOUT: Final = bytes((OPT_NOP, OPT_NOP, OPT_TS, OPT_NOP, OPT_NOP, OPT_SACK))


class TcpOptions:
    """The options of one segment. Fields as in `base.packet.Segment`, and two more for what is wrong.

    mss, wscale:    ABSENT (-1) or the value      sack_ok: SACK permitted
    sack:           blocks ((left, right), ...)   tfo, tfo_exp, md5, other, layout: as in `Segment`
    ts_val, ts_ecr: ABSENT (-1) or the value
    problem:        "" or what is wrong with the list as a whole, from where on it cannot be read:
                    "length" (an option's length is below 2 or runs past the header), or
                    "cut" (the bytes end before the header does: a snaplen cut, not a fault)
    problem_kind:   kind of the option at fault, ABSENT if none
    problem_at:     offset of that option from the start of the options, ABSENT if none
    dirty_padding:  a byte after EOL is not zero (RFC 9293 §3.1, MUST-69)
    """

    __slots__ = (
        "dirty_padding", "layout", "md5", "mss", "other", "problem", "problem_at", "problem_kind",
        "sack", "sack_ok", "tfo", "tfo_exp", "ts_ecr", "ts_val", "wscale",
    )  # fmt: skip

    def __init__(self) -> None:
        self.layout = b""
        self.mss = ABSENT
        self.wscale = ABSENT
        self.sack_ok = False
        self.sack: tuple[tuple[int, int], ...] = NO_BLOCKS
        self.ts_val = ABSENT
        self.ts_ecr = ABSENT
        self.tfo: bytes | None = None
        self.tfo_exp = False
        self.md5: bytes | None = None
        self.other: tuple[tuple[int, bytes], ...] = NO_OTHER
        self.problem = ""
        self.problem_kind = ABSENT
        self.problem_at = ABSENT
        self.dirty_padding = False


def decode_options(data: bytes, start: int, stop: int, declared_stop: int = -1) -> TcpOptions:
    """The options in data[start:stop]. Never raises.

    `declared_stop`, if given, is where the header says that the options end; where that is
    after `stop`, the capture cut them and what is missing is marked "cut".
    """
    out = TcpOptions()
    if declared_stop <= stop and stop - start >= 24 and _take_timestamps_and_sack(out, data, start, stop):
        return out
    layout = bytearray()
    other: list[tuple[int, bytes]] = []
    whole = declared_stop <= stop
    at = start
    while at < stop:
        kind = data[at]
        if kind == OPT_NOP:
            layout.append(kind)
            at += 1
            continue
        if kind == OPT_EOL:
            layout.extend(bytes(stop - at))
            out.dirty_padding = data.count(0, at, stop) != stop - at
            break
        size = data[at + 1] if at + 1 < stop else -1
        if at + size > stop or size < 2:
            out.problem = "cut" if not whole and (size < 0 or (size >= 2 and at + size <= declared_stop)) else "length"
            out.problem_kind = kind
            out.problem_at = at - start
            break
        known = kind not in layout and _take_known(out, kind, data, at + 2, at + size)
        layout.append(kind)
        if not known:
            other.append((kind, data[at + 2 : at + size]))
        at += size
    if not whole and not out.problem:
        out.problem = "cut"
    out.layout = bytes(layout)
    if other:
        out.other = tuple(other)
    return out


def _take_timestamps_and_sack(out: TcpOptions, data: bytes, start: int, stop: int) -> bool:
    """The list that nearly every acknowledgement has during a loss, at once: NOP NOP TS NOP NOP SACK."""
    head, ts_val, ts_ecr, nops, kind, size = _TS_SACK.unpack_from(data, start)
    if head != 0x0101080A or nops != 0x0101 or kind != OPT_SACK or start + 14 + size != stop or size not in _BLOCKS:
        return False
    edges = _BLOCKS[size].unpack_from(data, start + 16)
    out.ts_val = ts_val
    out.ts_ecr = ts_ecr
    if size == 10:
        out.sack = (edges,)
    elif size == 18:
        out.sack = (edges[:2], edges[2:])
    else:
        out.sack = (edges[:2], edges[2:4], edges[4:])
    out.layout = _TS_SACK_LAYOUT
    return True


def _take_known(out: TcpOptions, kind: int, data: bytes, start: int, stop: int) -> bool:
    """Fill the field of a known option from its data; False if its length is not the kind's."""
    size = stop - start
    if kind == OPT_TS:
        if size != 8:
            return False
        out.ts_val = int.from_bytes(data[start : start + 4], "big")
        out.ts_ecr = int.from_bytes(data[start + 4 : stop], "big")
    elif kind == OPT_SACK:
        if size == 0 or size % 8 != 0:
            return False
        blocks: list[tuple[int, int]] = []
        while start < stop:
            left = int.from_bytes(data[start : start + 4], "big")
            blocks.append((left, int.from_bytes(data[start + 4 : start + 8], "big")))
            start += 8
        out.sack = tuple(blocks)
    elif kind == OPT_MSS:
        if size != 2:
            return False
        out.mss = data[start] << 8 | data[start + 1]
    elif kind == OPT_WSCALE:
        if size != 1:
            return False
        out.wscale = data[start]
    elif kind == OPT_SACK_OK:
        if size != 0:
            return False
        out.sack_ok = True
    elif kind == OPT_MD5:
        if size != 16:
            return False
        out.md5 = data[start:stop]
    elif kind == OPT_TFO:
        if out.tfo is not None:
            return False
        out.tfo = data[start:stop]
    elif kind == OPT_EXP:
        if out.tfo is not None or size < 2 or data[start : start + 2] != TFO_MAGIC:
            return False
        out.tfo = data[start + 2 : stop]
        out.tfo_exp = True
    else:
        return False
    return True


def encode_options(segment: Segment) -> bytes:
    """The options of `segment` exactly as `layout` says, padded with zeros to a multiple of four octets.

    ValueError if the layout names an option that no field and no `other` entry supplies, if an
    entry of `other` is left over, or if the whole is longer than 40 octets.
    """
    if not segment.layout:
        return b""
    out = bytearray()
    others = segment.other
    next_other = 0
    seen: set[int] = set()
    for kind in segment.layout:
        if kind <= OPT_NOP:
            out.append(kind)
            continue
        data = None if kind in seen or (others and _all_other(segment, kind)) else _known_data(segment, kind)
        seen.add(kind)
        if data is None:
            if next_other >= len(others) or others[next_other][0] != kind:
                raise ValueError(f"option kind {kind} stands in the layout, but the segment has no value for it")
            data = others[next_other][1]
            next_other += 1
        out.append(kind)
        out.append(len(data) + 2)
        out += data
    if next_other < len(others):
        raise ValueError(f"option kind {others[next_other][0]} has a value, but does not stand in the layout")
    out += bytes(-len(out) % 4)
    if len(out) > MAX_OPTIONS:
        raise ValueError(f"{len(out)} octets of options do not fit into a TCP header (at most {MAX_OPTIONS})")
    return bytes(out)


def _all_other(segment: Segment, kind: int) -> bool:
    """Every option of `kind` in the layout has its value in `other`."""
    count = 0
    for other_kind, _ in segment.other:
        if other_kind == kind:
            count += 1
    return count == segment.layout.count(kind)


def _known_data(segment: Segment, kind: int) -> bytes | None:
    """The data of a known option from its field; None if the field is absent or the kind unknown."""
    if kind == OPT_TS:
        return (segment.ts_val << 32 | segment.ts_ecr).to_bytes(8, "big")
    if kind == OPT_SACK and segment.sack:
        return b"".join([(left << 32 | right).to_bytes(8, "big") for left, right in segment.sack])
    if kind == OPT_MSS and segment.opt_mss >= 0:
        return segment.opt_mss.to_bytes(2, "big")
    if kind == OPT_WSCALE and segment.opt_wscale >= 0:
        return segment.opt_wscale.to_bytes(1, "big")
    if kind == OPT_SACK_OK and segment.sack_ok:
        return b""
    if kind == OPT_MD5 and segment.md5 is not None:
        return segment.md5
    if segment.tfo is not None:
        if kind == OPT_TFO and not segment.tfo_exp:
            return segment.tfo
        if kind == OPT_EXP and segment.tfo_exp:
            return TFO_MAGIC + segment.tfo
    return None


def apply_options(segment: Segment, options: TcpOptions) -> None:
    """Copy decoded options into the segment's fields."""
    segment.layout = options.layout
    segment.opt_mss = options.mss
    segment.opt_wscale = options.wscale
    segment.sack_ok = options.sack_ok
    segment.sack = options.sack
    if options.ts_val >= 0:
        segment.ts_val = options.ts_val
        segment.ts_ecr = options.ts_ecr
    segment.tfo = options.tfo
    segment.tfo_exp = options.tfo_exp
    segment.md5 = options.md5
    segment.other = options.other
