"""The client's memory for TCP Fast Open: cookies, and peers with which it does not work (RFC 7413 §4.1.3)."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import Segment
from netsim.base.units import SEC

SHORTEST_COOKIE: Final = 4
LONGEST_COOKIE: Final = 16
"""RFC 7413 §4.1.1: a cookie has 4 to 16 octets, and an even number of them."""

DISABLED_NS: Final = 900 * SEC
"""How long a peer that did not play along is left alone (FreeBSD: net.inet.tcp.fastopen.path_disable_time)."""


class CookieEntry:
    """What is known of one peer.

    cookie: b"" = none yet; mss: of its last SYN,ACK, 0 = unknown; exp: it used the experimental option
    disabled_at_ns: since when Fast Open is not tried, -1 = it is
    """

    __slots__ = ("cookie", "disabled_at_ns", "exp", "mss")

    def __init__(self) -> None:
        self.cookie = b""
        self.mss = 0
        self.exp = False
        self.disabled_at_ns = -1


class CookieCache:
    """Cookies by the peer's address."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[str, CookieEntry] = {}

    def clear(self) -> None:
        """Forget every peer."""
        self._entries.clear()

    def find(self, now_ns: int, peer: str) -> CookieEntry | None:
        """What is known of the peer, or None."""
        entry = self._entries.get(peer)
        if entry is not None and entry.disabled_at_ns >= 0 and now_ns - entry.disabled_at_ns >= DISABLED_NS:
            del self._entries[peer]
            return None
        return entry

    def cookie_for(self, now_ns: int, peer: str) -> bytes | None:
        """The option for a SYN: the cookie, b"" to ask for one, None: do not try Fast Open with this peer."""
        entry = self.find(now_ns, peer)
        if entry is None:
            return b""
        return None if entry.disabled_at_ns >= 0 else entry.cookie

    def learn(self, now_ns: int, peer: str, syn_ack: Segment, sent_cookie: bytes, data_accepted: bool) -> None:
        """The answer to a SYN with a Fast Open option came.

        A good cookie is kept with the MSS. Without one: the peer that took the data is trusted with the old
        cookie; one that did not, or never gave a cookie, is left alone for a while.
        """
        entry = self._entries.setdefault(peer, CookieEntry())
        if syn_ack.opt_mss > 0:
            entry.mss = syn_ack.opt_mss
        cookie = syn_ack.tfo
        if cookie is not None and is_valid(cookie):
            entry.cookie, entry.exp = cookie, syn_ack.tfo_exp
            entry.disabled_at_ns = -1
        elif not (sent_cookie and data_accepted):
            entry.cookie = b""
            entry.disabled_at_ns = now_ns


def is_valid(cookie: bytes) -> bool:
    """RFC 7413 §4.1.1."""
    return SHORTEST_COOKIE <= len(cookie) <= LONGEST_COOKIE and len(cookie) % 2 == 0
