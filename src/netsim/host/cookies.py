"""SYN cookies (RFC 4987 §3.6; Bernstein 1996): a SYN,ACK whose number remembers the SYN.

The ISN holds, from the top: 4 bits of a slow clock, 1 bit for SACK (FreeBSD keeps it, Linux
and the RFC's sketch do not), 3 bits for the MSS, 24 bits of a keyed hash. With timestamps, the low
bits of our TSval would hold the other options; this host keeps to these, so that a connection opened
by cookie has no window scaling and no timestamps.
"""

from __future__ import annotations

from typing import Final

from netsim.base.packet import OPT_MSS, SYN, Segment
from netsim.base.seqnum import seq_add
from netsim.base.units import SEC
from netsim.host.isn import Secret

MSS_TABLE: Final = (536, 1220, 1300, 1440, 1448, 1460, 4312, 8960)
"""The MSS values that three bits can tell."""

_SLOT_NS: Final = 64 * SEC
_MAX_AGE: Final = 2
"""A cookie is good for this many slots of 64 s."""


def _hash(secret: Secret, seg: Segment, slot: int, index: int, irs: int) -> int:
    text = f"cookie {seg.src} {seg.sport} {seg.dst} {seg.dport} {slot} {index} {irs}"
    return secret.number(text) & 0xFFFFFF


def make(secret: Secret, now_ns: int, syn: Segment, keep_sack: bool) -> int:
    """The ISN with which to answer this SYN."""
    mss = syn.opt_mss if syn.opt_mss > 0 else 536
    index = max((i for i, value in enumerate(MSS_TABLE) if value <= mss), default=0)
    slot = now_ns // _SLOT_NS
    sack = 1 if keep_sack and syn.sack_ok else 0
    return (slot & 15) << 28 | sack << 27 | index << 24 | _hash(secret, syn, slot, index, syn.seq)


def check(secret: Secret, now_ns: int, ack: Segment) -> tuple[int, bool] | None:
    """MSS and SACK of the SYN that this ACK completes; None: it acknowledges no fresh cookie of ours."""
    cookie = seq_add(ack.ack, -1)
    irs = seq_add(ack.seq, -1)
    index = cookie >> 24 & 7
    this_slot = now_ns // _SLOT_NS
    for slot in range(this_slot, max(-1, this_slot - _MAX_AGE - 1), -1):
        if slot & 15 == cookie >> 28 and _hash(secret, ack, slot, index, irs) == cookie & 0xFFFFFF:
            return MSS_TABLE[index], bool(cookie >> 27 & 1)
    return None


def without_extras(syn: Segment, keep_sack: bool) -> Segment:
    """The SYN as a cookie can remember it: its MSS, perhaps SACK, and no other option, data or FIN."""
    bare = Segment(syn.src, syn.dst, syn.sport, syn.dport, syn.seq, 0, SYN, syn.wnd)
    bare.opt_mss = syn.opt_mss
    bare.layout = bytes((OPT_MSS,)) if syn.opt_mss >= 0 else b""
    bare.sack_ok = keep_sack and syn.sack_ok
    bare.encap_sport, bare.encap_dport = syn.encap_sport, syn.encap_dport
    bare.uid = syn.uid  # what arrived was the SYN: a record of the run must not show a second one
    return bare


def rebuilt_syn(ack: Segment, mss: int, sack: bool) -> Segment:
    """The SYN that must have come before this ACK."""
    syn = Segment(ack.src, ack.dst, ack.sport, ack.dport, seq_add(ack.seq, -1), 0, SYN, ack.wnd)
    syn.opt_mss = mss
    syn.sack_ok = sack
    syn.layout = bytes((OPT_MSS,))
    syn.encap_sport, syn.encap_dport = ack.encap_sport, ack.encap_dport
    return syn
