"""Proportional Rate Reduction: the window comes down as data is delivered.

RFC 6937, its revision RFC 9937, and Linux's form of it (net/ipv4/tcp_input.c,
tcp_cwnd_reduction). All integer, in bytes; where segments are counted every quantity
is a multiple of the segment size, which gives Linux's arithmetic exactly.
"""

from __future__ import annotations

from typing import Final

PRR_STYLES: Final = ("rfc6937", "rfc6937-crb", "rfc9937", "linux")


class Prr:
    """State of one reduction.

    recover_fs:  FlightSize at its start (RFC 6937 §3); Linux takes cwnd
    delivered:   bytes delivered to the peer since
    out:         bytes sent since
    """

    __slots__ = ("delivered", "out", "recover_fs", "style")

    def __init__(self, style: str) -> None:
        if style not in PRR_STYLES:
            raise ValueError(f"unknown PRR style '{style}'; one of {', '.join(PRR_STYLES)}")
        self.style = style
        self.recover_fs = 0
        self.delivered = 0
        self.out = 0

    def start(self, recover_fs: int) -> None:
        """A reduction begins."""
        self.recover_fs = recover_fs
        self.delivered = 0
        self.out = 0

    def on_ack(self, delivered: int, pipe: int, ssthresh: int, smss: int, una_advanced: bool, newly_lost: bool) -> int:
        """The new cwnd after an ACK that delivered `delivered` bytes, or -1: leave it as it is.

        Above ssthresh, sending is paced so that at the end exactly ssthresh is in flight
        (proportional part); below it, the bound of the style tells how fast it may grow back.
        """
        if delivered <= 0 or self.recover_fs <= 0:
            return -1
        self.delivered += delivered
        if pipe > ssthresh:
            count = self._proportional(ssthresh, smss) - self.out
        else:
            count = self._bound(delivered, smss, una_advanced, newly_lost)
            if count > ssthresh - pipe:
                count = ssthresh - pipe
        # The first retransmission goes out at once (RFC 9937 §6; Linux).
        if self.out == 0 and count < smss and (self.style == "linux" or self.style == "rfc9937"):
            count = smss
        if count < 0:
            count = 0
        return pipe + count

    def _proportional(self, ssthresh: int, smss: int) -> int:
        if self.style == "linux":
            # In segments: ceil(ssthresh * delivered / prior cwnd).
            prior = self.recover_fs // smss
            return (ssthresh // smss * (self.delivered // smss) + prior - 1) // prior * smss
        return (self.delivered * ssthresh + self.recover_fs - 1) // self.recover_fs

    def _bound(self, delivered: int, smss: int, una_advanced: bool, newly_lost: bool) -> int:
        conservative = self.delivered - self.out
        if self.style == "rfc6937-crb":
            return conservative
        limit = conservative if conservative > delivered else delivered
        if self.style == "rfc6937" or (una_advanced and not newly_lost):
            return limit + smss
        return limit
