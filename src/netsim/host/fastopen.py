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
    try_exp: Linux: 1: ask with the experimental option next time, 2: that did not work either
    disabled_at_ns: since when Fast Open is not tried, -1 = it is
    """

    __slots__ = ("cookie", "disabled_at_ns", "exp", "mss", "try_exp")

    def __init__(self) -> None:
        self.cookie = b""
        self.mss = 0
        self.exp = False
        self.try_exp = 0
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

    def asks_with_exp(self, now_ns: int, peer: str) -> bool:
        """Whether the option is written in its experimental form (RFC 7413, appendix of the drafts)."""
        return False

    def learn(
        self, now_ns: int, peer: str, syn_ack: Segment, sent_cookie: bytes | None, data_accepted: bool, resent: bool
    ) -> None:
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


class LinuxCookieCache(CookieCache):
    """Linux's rules: net/ipv4/tcp_metrics.c (tcp_fastopen_cache_get, _set), tcp_input.c (tcp_rcv_fastopen_synack).

    A peer is never left alone; one that does not know the option is asked once with the experimental one.
    """

    __slots__ = ()

    def asks_with_exp(self, now_ns: int, peer: str) -> bool:
        """The peer's cookie came that way, or the plain option was not answered."""
        entry = self._entries.get(peer)
        if entry is None:
            return False
        return entry.exp if entry.cookie else entry.try_exp == 1

    def learn(
        self, now_ns: int, peer: str, syn_ack: Segment, sent_cookie: bytes | None, data_accepted: bool, resent: bool
    ) -> None:
        """A cookie and the MSS are kept; a request that was not answered changes the form of the next one.

        `sent_cookie` None: the SYN had no option, so a cookie is not believed; `resent`: the SYN was sent again.
        """
        exp = self.asks_with_exp(now_ns, peer)
        entry = self._entries.setdefault(peer, CookieEntry())
        if syn_ack.opt_mss > 0:
            entry.mss = syn_ack.opt_mss
        if sent_cookie is None:
            return
        cookie = syn_ack.tfo
        if cookie is not None and is_valid(cookie):
            entry.cookie, entry.exp = cookie, syn_ack.tfo_exp
        elif not resent and not sent_cookie and not entry.cookie:
            entry.try_exp = max(entry.try_exp, 2 if exp else 1)


def is_valid(cookie: bytes) -> bool:
    """RFC 7413 §4.1.1."""
    return SHORTEST_COOKIE <= len(cookie) <= LONGEST_COOKIE and len(cookie) % 2 == 0
