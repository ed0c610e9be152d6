"""A socket's error queue: notifications of zero-copy sends (MSG_ZEROCOPY) and of time stamps (SO_TIMESTAMPING).

Linux's interface. What has become of the bytes is read from the connection whenever something
happened at the host, so that each notification has its own time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from netsim.tcp.connection import Connection

TX_SCHED: Final = 0x100
TX_SOFTWARE: Final = 0x002
TX_ACK: Final = 0x200
OPT_ID: Final = 0x080

ORIGIN_TIMESTAMPING: Final = 4
ORIGIN_ZEROCOPY: Final = 5
CODE_ZEROCOPY_COPIED: Final = 1
TSTAMP_SND: Final = 0
TSTAMP_SCHED: Final = 1
TSTAMP_ACK: Final = 2


class Notification:
    """One entry: the fields of struct sock_extended_err, and the time of a time stamp (None for zero-copy)."""

    __slots__ = ("code", "data", "errno", "info", "kind", "origin", "t_ns")

    def __init__(self, errno: str, origin: int, code: int, info: int, data: int, t_ns: int | None) -> None:
        self.errno = errno
        self.origin = origin
        self.kind = 0
        self.code = code
        self.info = info
        self.data = data
        self.t_ns = t_ns


class _Write:
    """A write whose fate is watched: stream offset of its end, and what was told already."""

    __slots__ = ("acked", "end", "flags", "number", "sent")

    def __init__(self, end: int, number: int, flags: int) -> None:
        self.end = end
        self.number = number
        self.flags = flags
        self.sent = False
        self.acked = False


class ErrorQueue:
    """entries: what recvmsg(MSG_ERRQUEUE) will read; arrivals: how many entries ever came."""

    def __init__(self) -> None:
        self.entries: list[Notification] = []
        self.arrivals = 0
        self.zero_copies = 0
        self._zero: list[_Write] = []
        self._stamped: list[_Write] = []
        self._id_base = 0

    def start_ids(self, conn: Connection | None) -> None:
        """SOF_TIMESTAMPING_OPT_ID was set: bytes are counted from here."""
        self._id_base = conn.ep.sender.una - 1 if conn is not None and conn.ep.established_at_ns >= 0 else 0

    def watch_zero_copy(self, end: int) -> None:
        """A write with MSG_ZEROCOPY ends at stream offset `end`."""
        self._zero.append(_Write(end, self.zero_copies, 0))
        self.zero_copies += 1

    def watch_time(self, end: int, flags: int) -> None:
        """A write on a socket with SO_TIMESTAMPING `flags` ends at stream offset `end`."""
        number = end - 1 - self._id_base if flags & OPT_ID else 0
        self._stamped.append(_Write(end, number, flags))

    def progress(self, now_ns: int, conn: Connection) -> None:
        """Something happened: what was sent and acknowledged by now?"""
        if not self._zero and not self._stamped:
            return
        sender = conn.ep.sender
        sent, acked = sender.data_nxt() - 1, sender.una - 1
        for write in self._stamped:
            if not write.sent and sent >= write.end:
                write.sent = True
                if write.flags & TX_SCHED:
                    self._add(Notification("ENOMSG", ORIGIN_TIMESTAMPING, 0, TSTAMP_SCHED, write.number, now_ns))
                if write.flags & TX_SOFTWARE:
                    self._add(Notification("ENOMSG", ORIGIN_TIMESTAMPING, 0, TSTAMP_SND, write.number, now_ns))
            if not write.acked and acked >= write.end:
                write.acked = True
                if write.flags & TX_ACK:
                    self._add(Notification("ENOMSG", ORIGIN_TIMESTAMPING, 0, TSTAMP_ACK, write.number, now_ns))
        self._stamped = [write for write in self._stamped if not write.acked]
        while self._zero and acked >= self._zero[0].end:
            self._zero_copy_done(self._zero.pop(0).number)

    def _zero_copy_done(self, number: int) -> None:
        """Completions in a row become one entry with a range (skb_zerocopy_notify_extend)."""
        last = self.entries[-1] if self.entries else None
        if last is not None and last.origin == ORIGIN_ZEROCOPY and last.data + 1 == number:
            last.data = number
            self.arrivals += 1
            return
        self._add(Notification("", ORIGIN_ZEROCOPY, CODE_ZEROCOPY_COPIED, number, number, None))

    def _add(self, entry: Notification) -> None:
        self.entries.append(entry)
        self.arrivals += 1
