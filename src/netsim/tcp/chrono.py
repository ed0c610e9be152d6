"""What holds the sender up, as clocks: busy, limited by the peer's window, limited by the send buffer.

Linux's tcp_chrono_start and tcp_chrono_stop (net/ipv4/tcp_output.c); TCP_INFO tells the sums.
"""

from __future__ import annotations

from typing import Final

from netsim.base.units import US

IDLE: Final = 0
BUSY: Final = 1
WINDOW: Final = 2
BUFFER: Final = 3


class Chrono:
    """One clock runs at a time: the reason that is the most specific one."""

    __slots__ = ("_since_ns", "_spent", "kind")

    def __init__(self) -> None:
        self.kind = IDLE
        self._since_ns = 0
        self._spent = [0, 0, 0, 0]

    def start(self, now_ns: int, kind: int) -> None:
        """`kind` holds the sender up from now on, unless something more specific does already."""
        if kind > self.kind:
            self._switch(now_ns, kind)

    def stop(self, now_ns: int, kind: int, *, idle: bool) -> None:
        """`kind` does not hold it up any more; `idle`: nothing is queued or unacknowledged."""
        if idle:
            self._switch(now_ns, IDLE)
        elif kind == self.kind:
            self._switch(now_ns, BUSY)

    def _switch(self, now_ns: int, kind: int) -> None:
        if kind != self.kind:
            self._spent[self.kind] += now_ns - self._since_ns
            self.kind = kind
            self._since_ns = now_ns

    def _us(self, now_ns: int, kind: int) -> int:
        running = now_ns - self._since_ns if self.kind == kind else 0
        return (self._spent[kind] + running) // US

    def busy_us(self, now_ns: int) -> int:
        """How long data waited to be sent or acknowledged, the limited times included."""
        return self._us(now_ns, BUSY) + self._us(now_ns, WINDOW) + self._us(now_ns, BUFFER)

    def window_limited_us(self, now_ns: int) -> int:
        """How long the peer's window held it up."""
        return self._us(now_ns, WINDOW)

    def buffer_limited_us(self, now_ns: int) -> int:
        """How long the send buffer was too small for the user."""
        return self._us(now_ns, BUFFER)
