"""The endpoint's timers: a small table of deadlines, one deadline out.

Timers are armed and re-armed on every ACK, so a deadline is one integer in a list.
"""

from __future__ import annotations

from typing import Final

NEVER: Final = (1 << 62) - 1
"""A deadline that does not come: the largest number that compiled code holds in one word."""

RTO: Final = 0
"""Retransmission (RFC 6298)."""
PERSIST: Final = 1
"""Zero-window probe (RFC 9293 §3.8.6.1)."""
DELACK: Final = 2
"""Delayed acknowledgement (RFC 9293 §3.8.6.3)."""
KEEPALIVE: Final = 3
"""Keep-alive (RFC 9293 §3.8.4); before ESTABLISHED the limit of the handshake."""
TIME_WAIT_2MSL: Final = 4
"""2MSL (RFC 9293 §3.6.1)."""
USER: Final = 5
"""The user timeout (RFC 9293 §3.10.8)."""
LOSS: Final = 6
"""RACK reordering timer or tail loss probe (RFC 8985)."""
FIN_WAIT_2_IDLE: Final = 7
"""FIN-WAIT-2 without a user."""
OVERRIDE: Final = 8
"""Silly-window override (RFC 9293 §3.8.6.2.1), or the limit of corked data."""
PACING: Final = 9
"""The next paced segment may leave."""

NAMES: Final = (
    "RTO", "persist", "delayed-ACK", "keep-alive", "2MSL", "user", "loss-probe", "FIN-WAIT-2", "override", "pacing",
)  # fmt: skip


class Timers:
    """Deadlines in ns, NEVER where a timer is off.

    Timers are moved and stopped far more often than anybody waits for one, so the earliest deadline is
    looked for only when it is asked for; `not_before` is a bound that is known without looking.
    """

    __slots__ = ("at", "not_before")

    def __init__(self) -> None:
        self.at: list[int] = [NEVER] * len(NAMES)
        self.not_before = NEVER
        """No timer runs out earlier than this."""

    def set(self, timer: int, at_ns: int) -> None:
        """Start or move a timer."""
        self.at[timer] = at_ns
        if at_ns < self.not_before:
            self.not_before = at_ns

    def stop(self, timer: int) -> None:
        """Stop a timer; nothing happens if it is off."""
        self.at[timer] = NEVER

    def is_set(self, timer: int) -> bool:
        """Is it running?"""
        return self.at[timer] != NEVER

    def stop_all(self) -> None:
        """Stop everything."""
        at = self.at
        for timer in range(len(at)):
            at[timer] = NEVER
        self.not_before = NEVER

    def next(self) -> int:
        """The earliest deadline, or NEVER."""
        self.not_before = min(self.at)
        return self.not_before
