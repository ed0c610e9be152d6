"""When in-order text is acknowledged at once: one-method policies.

RFC 9293 §3.8.6.3: an ACK may be delayed, by less than 0.5 s, and every second full-sized
segment should be acknowledged (SHLD-18, SHLD-19, MUST-40).
"""

from __future__ import annotations

from netsim.base.packet import Segment
from netsim.base.reasons import Reason
from netsim.tcp import reasons as why
from netsim.tcp.profile.base import Profile


class AckPolicy:
    """Decides for each in-order segment: a reason to acknowledge now, or None to delay."""

    def on_text(
        self, now_ns: int, size: int, unacked_bytes: int, unacked_segs: int, mss: int, seg: Segment
    ) -> Reason | None:
        """`size` in-order bytes came; `unacked_*` count what is not yet acknowledged, these included."""
        raise NotImplementedError

    def delay_ns(self, now_ns: int) -> int:
        """How long an ACK may wait from now on."""
        raise NotImplementedError

    # What a policy may want to know besides; by default it does not care.

    def on_established(self, mss: int, rcv_wnd: int) -> None:
        """The connection is open."""

    def holds_handshake_ack(self, now_ns: int) -> bool:
        """The SYN,ACK came, and the user waits to write more: may that carry the ACK?"""
        return False

    def on_rtt(self, srtt_ns: int, rto_ns: int) -> None:
        """A round trip was measured."""

    def on_window(self, rcv_wnd: int) -> None:
        """A window was offered."""

    def on_early_text(self, size: int, mss: int) -> None:
        """Text came out of order."""

    def on_window_growth(self) -> None:
        """The window opens further than before."""

    def leave_quick_mode(self) -> None:
        """The receive buffer is filling up."""

    def is_quick(self) -> bool:
        """ACKs are sent at once, for the time being."""
        return True

    def on_data_sent(self, now_ns: int) -> None:
        """We sent data."""

    def on_ack_sent(self, now_ns: int) -> None:
        """An acknowledgement left."""

    def on_delay_over(self, now_ns: int) -> None:
        """The delayed-ACK timer fired."""

    def on_fin(self) -> None:
        """The peer's FIN came in ESTABLISHED."""

    def segment_size(self) -> int:
        """The size of the peer's segments as estimated; 0: it is not."""
        return 0

    def on_read(self, now_ns: int, unacked_bytes: int, emptied: bool) -> Reason | None:
        """The user read, and an ACK is owed: a reason to send it now."""
        return None


class RfcAckPolicy(AckPolicy):
    """Every n-th full-sized segment at once, everything else after a fixed delay."""

    def __init__(self, every_segs: int, delay_ns: int, quick_acks: int = 0) -> None:
        self.every_segs = every_segs
        self._delay_ns = delay_ns
        self._quick_acks = quick_acks

    def on_text(
        self, now_ns: int, size: int, unacked_bytes: int, unacked_segs: int, mss: int, seg: Segment
    ) -> Reason | None:
        """Full-sized means: the byte count of `every_segs` segments at the MSS that the peer uses."""
        if self._quick_acks > 0:
            self._quick_acks -= 1
            return why.ACK_IMMEDIATE
        if self._delay_ns <= 0:
            return why.ACK_IMMEDIATE
        return why.ACK_EVERY_SECOND if unacked_bytes >= self.every_segs * mss else None

    def delay_ns(self, now_ns: int) -> int:
        """The fixed delay."""
        return self._delay_ns


class FreebsdAckPolicy(RfcAckPolicy):
    """Every second segment at once whatever its size, and one that is larger than the MSS.

    FreeBSD, sys/netinet/tcp_input.c: DELAY_ACK (an ACK is delayed only if none is delayed already).
    """

    def on_text(
        self, now_ns: int, size: int, unacked_bytes: int, unacked_segs: int, mss: int, seg: Segment
    ) -> Reason | None:
        """Counts segments instead of bytes."""
        if self._delay_ns <= 0:
            return why.ACK_IMMEDIATE
        return why.ACK_EVERY_SECOND if unacked_segs >= self.every_segs or size > mss else None


def ack_policy_for(profile: Profile, delayed: bool) -> AckPolicy:
    """The policy that a profile asks for (`delayed` False: the user switched delayed ACKs off)."""
    delay = profile.delayed_ack_ns if delayed else 0
    if profile.ack_policy == "linux":
        from netsim.tcp.acking_linux import LinuxAckPolicy

        return LinuxAckPolicy(delayed)
    if profile.ack_policy == "freebsd":
        return FreebsdAckPolicy(profile.ack_every_segs, delay)
    return RfcAckPolicy(profile.ack_every_segs, delay, profile.quick_acks)
