"""The server's side of TCP Fast Open (RFC 7413 §4.2.2): cookies, and which SYN may open a connection at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.host.siphash import siphash24
from netsim.wire.address import to_bytes

if TYPE_CHECKING:
    from netsim.base.packet import Segment
    from netsim.host.host import Host
    from netsim.host.listener import Listener
    from netsim.tcp.endpoint import Endpoint

KEY_BYTES: Final = 16


def cookie_for(key: bytes, client: str, server: str) -> bytes:
    """The cookie of a client at a server: SipHash-2-4 of both addresses (Linux: __tcp_fastopen_cookie_gen_cipher)."""
    return siphash24(key, to_bytes(client) + to_bytes(server)).to_bytes(8, "little")


def judge_syn(host: Host, listener: Listener, ep: Endpoint, syn: Segment) -> None:
    """Decide about a SYN before the connection sees it: sets `ep.fast_open`, and the cookie of the SYN,ACK.

    As net/ipv4/tcp_fastopen.c, tcp_try_fastopen: a good cookie opens the connection at once; a wrong or empty
    one is answered with the right one; a cookie of the second key works, and is replaced by one of the first.
    """
    settings = host.settings
    offered = syn.tfo
    ep.fast_open = False
    ep.syn_cookie = None
    if not host.profile.tfo_server or (offered is None and not syn.payload):
        return
    if listener.fast_open_pending() >= listener.socket.fast_open_queue:
        return
    ep.syn_cookie_exp = syn.tfo_exp
    if settings.fast_open_without_cookie:
        ep.fast_open = True
        return
    keys = listener.socket.fast_open_keys or settings.fast_open_keys
    if offered is None or not keys:
        return
    cookies = [cookie_for(key, syn.src, syn.dst) for key in keys]
    if offered in cookies:
        ep.fast_open = True
        if offered == cookies[0]:
            return
    ep.syn_cookie = cookies[0]
