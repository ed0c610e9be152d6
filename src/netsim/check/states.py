"""Both endpoints' states, inferred from what was seen.

A state is computed from facts (SYN sent, acknowledged, FIN sent, FIN of the peer arrived...),
not carried from edge to edge: so later evidence corrects it. What a segment says about its
sender is certain (an ACK number below the peer's FIN proves that the FIN has not arrived);
that a segment seen passing will arrive is assumed until the receiver shows otherwise, by
sending the old ACK number again or by resending what the lost segment would have acknowledged.
"" means unknown.
"""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK
from netsim.check.flow import Conn, Half

CLOSED: Final = "CLOSED"
LISTEN: Final = "LISTEN"
SYN_SENT: Final = "SYN-SENT"
SYN_RECEIVED: Final = "SYN-RECEIVED"
ESTABLISHED: Final = "ESTABLISHED"
FIN_WAIT_1: Final = "FIN-WAIT-1"
FIN_WAIT_2: Final = "FIN-WAIT-2"
CLOSE_WAIT: Final = "CLOSE-WAIT"
CLOSING: Final = "CLOSING"
LAST_ACK: Final = "LAST-ACK"
TIME_WAIT: Final = "TIME-WAIT"

# Half.stage: how far the opening of this end has come.
STAGE_NONE: Final = 0
STAGE_LISTEN: Final = 1
STAGE_SYN_SENT: Final = 2
STAGE_SYN_RECEIVED: Final = 3
STAGE_OPEN: Final = 4
STAGE_DEAD: Final = 5


def state_of(h: Half) -> str:
    """The state of one endpoint now, assuming that what was seen passing towards it arrives."""
    stage = h.stage
    if stage == STAGE_DEAD:
        return CLOSED
    if h.fin >= 0:
        if h.passive:
            return CLOSED if h.fin_acked else LAST_ACK
        if h.fin_arrived:
            return TIME_WAIT if h.fin_acked else CLOSING
        return FIN_WAIT_2 if h.fin_acked else FIN_WAIT_1
    if stage == STAGE_OPEN:
        return CLOSE_WAIT if h.fin_arrived else ESTABLISHED
    if stage == STAGE_SYN_SENT:
        return SYN_SENT
    if stage == STAGE_SYN_RECEIVED:
        return CLOSE_WAIT if h.fin_arrived else SYN_RECEIVED
    if stage == STAGE_LISTEN:
        return LISTEN
    return ""


def refresh(c: Conn) -> None:
    """Set both ends' `state`."""
    c.client.state = state_of(c.client)
    c.server.state = state_of(c.server)


def note_syn(h: Half, with_ack: bool, again: bool, crossed: bool) -> None:
    """`h` sends a SYN (or SYN-ACK), perhaps once more (`again`); `crossed`: after a SYN without ACK of its own.

    Where both send a SYN, each is assumed to receive the other's. A SYN sent again says that it did not.
    """
    p = h.peer
    if with_ack:
        h.stage = STAGE_OPEN if crossed and h.syn_acked else STAGE_SYN_RECEIVED
        if p.stage == STAGE_SYN_SENT or (crossed and p.stage == STAGE_SYN_RECEIVED):
            # The SYN-ACK is assumed to arrive; a resent SYN puts the client back.
            p.stage = STAGE_OPEN
        return
    both = p.syn is not None and not p.syn.flags & ACK and p.stage in (STAGE_SYN_SENT, STAGE_SYN_RECEIVED)
    h.stage = STAGE_SYN_RECEIVED if both and not again else STAGE_SYN_SENT
    if both:
        p.stage = STAGE_SYN_RECEIVED


def note_synchronized(h: Half, told: bool) -> None:
    """`h` sends an ACK without SYN: it has the peer's SYN, and the peer's handshake is acknowledged.

    `told`: it carries data or a FIN, which nobody sends before its own SYN was acknowledged.
    """
    p = h.peer
    if h.stage in (STAGE_SYN_SENT, STAGE_NONE) and (told or p.stage != STAGE_SYN_SENT):
        h.stage = STAGE_OPEN
    if told and p.stage in (STAGE_NONE, STAGE_SYN_SENT) and p.packets and not h.tfo_bytes:
        p.stage = STAGE_OPEN
    elif p.stage == STAGE_NONE and p.packets and h.stage == STAGE_OPEN:
        p.stage = STAGE_OPEN
    if h.stage == STAGE_SYN_RECEIVED and h.last_ack >= 0 and p.stage == STAGE_OPEN and (
        h.syn_acked or (told and not p.packets)
    ):  # fmt: skip
        h.stage = STAGE_OPEN
    if p.stage == STAGE_SYN_RECEIVED and h.stage == STAGE_OPEN and p.una > p.iss:
        p.stage = STAGE_OPEN
        p.syn_acked = True


def note_fin(h: Half, has_peers_fin: bool, resent: bool, crossed: bool) -> None:
    """`h` sends a FIN; `has_peers_fin`: its ACK number covers the peer's FIN.

    `crossed`: so soon after the ACK of its FIN passed the tap that it may have left before that ACK arrived.
    """
    if resent:
        if not crossed:
            # Had the ACK of the FIN arrived, it would not be sent again.
            h.fin_acked = False
        return
    h.passive = has_peers_fin


def note_filled(h: Half, x_seq: int, x_end: int) -> None:
    """`h` sends [x_seq, x_end) behind its own FIN: if that is all that its peer lacked, the peer has the FIN now."""
    p = h.peer
    if p.fin_arrived or h.holes or not x_seq <= p.last_ack < x_end:
        return
    rest = h.sacked
    if rest is None or (len(rest) == 1 and rest[0][0] <= x_end and rest[0][1] >= h.fin):
        p.fin_arrived = True


def close_kind(c: Conn) -> str:
    """`close` as in the JSON: how the connection ended."""
    if c.client.rst is not None or c.server.rst is not None:
        if c.close == "refused":
            return "rst"
        return "rst"
    if c.client.fin >= 0 and c.server.fin >= 0:
        if not c.client.passive and not c.server.passive:
            return "simultaneous"
        return "fin"
    return "none"
