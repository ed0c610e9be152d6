"""Losses without SACK: duplicate ACKs and partial ACKs (RFC 5681 §3.2, RFC 6582)."""

from __future__ import annotations

from netsim.tcp.recovery.base import RECOVERY
from netsim.tcp.recovery.scoreboard import Scoreboard


def newreno_mark_lost(sb: Scoreboard, phase: int, duplicates: int, dup_thresh: int, una_advanced: bool) -> int:
    """Mark the head record lost if the duplicates or a partial ACK say so; returns how many are newly lost.

    Before recovery: DupThresh duplicate ACKs. In recovery: an ACK that moves snd.una but not
    past the recovery point means that the segment now at snd.una was lost too (RFC 6582 §3.2 step 3).
    """
    if (phase < RECOVERY and duplicates >= dup_thresh) or (phase == RECOVERY and una_advanced):
        head = sb.first()
        if head is not None and not head.lost and not head.sacked:
            return 1 if sb.mark_lost(head) else 0
    return 0
