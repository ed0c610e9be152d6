"""Readiness bits of poll(2), and flags of send(2) and recv(2), with Linux's values."""

from __future__ import annotations

from typing import Final

POLLIN: Final = 0x001
"""Something can be read: data, end of file, a connection to accept, or an error."""
POLLPRI: Final = 0x002
"""Urgent data."""
POLLOUT: Final = 0x004
"""Something can be written."""
POLLERR: Final = 0x008
"""An error is pending."""
POLLHUP: Final = 0x010
"""Both directions are closed."""
POLLRDHUP: Final = 0x2000
"""The peer has closed its direction."""

MSG_OOB: Final = 0x1
MSG_PEEK: Final = 0x2
MSG_DONTWAIT: Final = 0x40
MSG_EOR: Final = 0x80
MSG_NOSIGNAL: Final = 0x4000
MSG_MORE: Final = 0x8000

SHUT_RD: Final = 0
SHUT_WR: Final = 1
SHUT_RDWR: Final = 2

POLL_NAMES: Final = (
    (POLLIN, "POLLIN"), (POLLPRI, "POLLPRI"), (POLLOUT, "POLLOUT"), (POLLERR, "POLLERR"),
    (POLLHUP, "POLLHUP"), (POLLRDHUP, "POLLRDHUP"),
)  # fmt: skip


def poll_names(mask: int) -> str:
    """`POLLIN|POLLOUT`, or `0`."""
    return "|".join(name for bit, name in POLL_NAMES if mask & bit) or "0"
