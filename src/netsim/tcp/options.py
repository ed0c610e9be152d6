"""Which TCP options a segment carries, and how they lie in the header.

The *style* (order, alignment, padding) is a profile's data; `lay_out` turns the set of
kinds that a segment carries into the exact sequence on the wire.
"""

from __future__ import annotations

from netsim.base.packet import (
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
from netsim.tcp.profile.base import OptionStyle


def _size(seg: Segment, kind: int) -> int:
    """Octets of one option as it will be written."""
    if kind == OPT_MSS:
        return 4
    if kind == OPT_WSCALE:
        return 3
    if kind == OPT_SACK_OK:
        return 2
    if kind == OPT_TS:
        return 10
    if kind == OPT_SACK:
        return 2 + 8 * len(seg.sack)
    if kind == OPT_MD5:
        return 18
    cookie = seg.tfo or b""
    return 2 + len(cookie) + (2 if kind == OPT_EXP else 0)


def lay_out(seg: Segment, timestamps: bool, style: OptionStyle) -> None:
    """Set `seg.layout` for the options whose fields are set (`timestamps`: with OPT_TS).

    Options that do not fit into 40 octets are left out from the end of the style's order
    (that is how SACK blocks and cookies give way).
    """
    layout: list[int] = []
    offset = 0
    for kind in style.order:
        wire_kind = kind
        if kind == OPT_MSS:
            wanted = seg.opt_mss >= 0
        elif kind == OPT_WSCALE:
            wanted = seg.opt_wscale >= 0
        elif kind == OPT_SACK_OK:
            wanted = seg.sack_ok
        elif kind == OPT_TS:
            wanted = timestamps
        elif kind == OPT_SACK:
            wanted = len(seg.sack) > 0
        elif kind == OPT_MD5:
            wanted = seg.md5 is not None
        else:
            wanted = kind == OPT_TFO and seg.tfo is not None
            if seg.tfo_exp:
                wire_kind = OPT_EXP
        if not wanted:
            continue
        pads = _padding(kind, offset, timestamps, style)
        if offset + pads + _size(seg, wire_kind) > 40:
            if kind == OPT_SACK:
                seg.sack = ()
            elif kind == OPT_TFO:
                seg.tfo = None
            continue
        layout.extend([OPT_NOP] * pads)
        layout.append(wire_kind)
        offset += pads + _size(seg, wire_kind)
    while offset % 4:
        layout.append(style.pad)
        offset += 1
    seg.layout = bytes(layout)


def _padding(kind: int, offset: int, timestamps: bool, style: OptionStyle) -> int:
    """NOPs needed before an option of this kind at this offset."""
    modulus, remainder = 1, 0
    if kind == OPT_SACK_OK and not timestamps:
        modulus, remainder = style.sack_ok_alone
    else:
        for aligned_kind, mod, rem in style.align:
            if aligned_kind == kind:
                modulus, remainder = mod, rem
    return (remainder - offset) % modulus
