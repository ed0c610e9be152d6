"""Was the reduction wrong? Evidence, and what to restore.

Two proofs, both after the fact: every retransmission since the reduction was reported as a
duplicate (DSACK, RFC 2883; the response is RFC 3708's), or the ACK that moved snd.una echoes
a timestamp older than the first retransmission (Eifel detection, RFC 3522).
"""

from __future__ import annotations


class Undo:
    """What is kept from the start of a reduction until it is confirmed or taken back.

    marker:       snd.una when the reduction began; -1 = nothing to undo
    retrans:      retransmissions not yet proven needless; -1 = none was made yet
    stamp_ns:     when the first retransmission of this episode went out; -1 = none
    prior_cwnd, prior_ssthresh: bytes; prior_ssthresh 0 = not to be restored (an ECN mark is real)
    """

    __slots__ = ("marker", "prior_cwnd", "prior_ssthresh", "retrans", "stamp_ns")

    def __init__(self) -> None:
        self.marker = -1
        self.retrans = -1
        self.stamp_ns = -1
        self.prior_cwnd = 0
        self.prior_ssthresh = 0

    def start(self, una: int, retrans_out: int) -> None:
        """A reduction begins with `retrans_out` copies already in flight (a tail loss probe's among them)."""
        self.marker = una
        self.retrans = retrans_out if retrans_out > 0 else -1

    def forget(self) -> None:
        """Confirmed, restored, or superseded."""
        self.marker = -1

    def on_retransmit(self, now_ns: int) -> None:
        """A segment was sent again."""
        if self.stamp_ns < 0:
            self.stamp_ns = now_ns
        if self.marker >= 0:
            self.retrans = 1 if self.retrans < 0 else self.retrans + 1

    def on_dsack(self, end: int, segs: int) -> None:
        """The peer got data up to `end` twice, worth `segs` segments."""
        if self.marker >= 0 and self.retrans > 0 and end > self.marker:
            self.retrans = self.retrans - segs if self.retrans > segs else 0

    def by_dsack(self) -> bool:
        """Every retransmission was needless."""
        return self.marker >= 0 and self.retrans == 0

    def by_timestamp(self, ts_echo_ns: int, tick_ns: int) -> bool:
        """The ACK answers something sent before the first retransmission (or nothing was resent at all)."""
        if self.marker < 0:
            return False
        if self.stamp_ns < 0:
            return True
        return 0 <= ts_echo_ns < self.stamp_ns // tick_ns * tick_ns
