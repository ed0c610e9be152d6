"""Losses with SACK, counted in segments above the hole: RFC 6675 §4 and §5."""

from __future__ import annotations

from netsim.tcp.recovery.base import RECOVERY
from netsim.tcp.recovery.scoreboard import NEVER, Scoreboard, Sent


class SackDetector:
    """IsLost over the scoreboard, and rules (3) and (4) of NextSeg.

    marked_to:   every unsacked record below is already judged
    high_rxt:    end of the highest retransmission of this recovery (HighRxt), exclusive
    rescue_rxt:  RescueRxt, -1 if undefined
    """

    __slots__ = ("high_rxt", "marked_to", "rescue_rxt")

    def __init__(self) -> None:
        self.marked_to = 0
        self.high_rxt = 0
        self.rescue_rxt = -1

    def mark_lost(self, sb: Scoreboard, phase: int, duplicates: int, dup_thresh: int, smss: int) -> int:
        """Mark what IsLost says; the head too once DupThresh duplicates came in (§5 step 2). Returns the news."""
        news = 0
        if phase < RECOVERY and duplicates >= dup_thresh:
            head = sb.first()
            if head is not None and not head.lost and sb.mark_lost(head):
                news += 1
        threshold = sb.ranges.lost_threshold(dup_thresh, smss)
        at = self.marked_to if self.marked_to > sb.una else sb.una
        while at < threshold:
            record = sb.first_unsacked_from(at, threshold)
            if record is None:
                break
            if not record.lost and record.end <= threshold and sb.mark_lost(record):
                news += 1
            at = record.end
        if threshold > self.marked_to:
            self.marked_to = threshold
        return news

    def forget(self) -> None:
        """SACK information was thrown away, or losses were taken back: judge everything anew."""
        self.marked_to = 0

    def start(self, una: int) -> None:
        """Recovery begins: HighRxt and RescueRxt start at snd.una (§5 step 4)."""
        self.high_rxt = una
        self.rescue_rxt = -1

    def next_without_new_data(self, sb: Scoreboard, recovery_point: int) -> Sent | None:
        """NextSeg rules (3) and (4), for when nothing is known lost and there is no new data.

        (3): an unsacked segment above HighRxt with sacked data above it, though not yet judged lost.
        (4): once per recovery, the segment with the highest unsacked octet (rescue retransmission).
        """
        high = sb.highest_sacked()
        record = sb.first_unsacked_from(self.high_rxt if self.high_rxt > sb.una else sb.una, high)
        if record is not None and not record.retrans_out and not record.lost:
            return record
        if sb.una > self.rescue_rxt:
            record = sb.last_unsacked_below(NEVER)
            if record is not None and not record.retrans_out:
                return record
        return None

    def is_rescue(self, sb: Scoreboard, record: Sent) -> bool:
        """NextSeg's rule (4) chose this record: it is not taken as lost, and nothing above it was reported."""
        return record.end > self.high_rxt and not record.lost and record.start >= sb.highest_sacked()

    def on_retransmit(self, sb: Scoreboard, record: Sent, recovery_point: int) -> None:
        """Move HighRxt, or RescueRxt if this was the rescue."""
        if record.end > self.high_rxt:
            if self.is_rescue(sb, record):
                self.rescue_rxt = recovery_point
            else:
                self.high_rxt = record.end
