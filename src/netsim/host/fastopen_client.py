"""Fast Open's calls at a client, as Linux has them: MSG_FASTOPEN, TCP_FASTOPEN_CONNECT (net/ipv4/tcp_fastopen.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.host.errors import SocketError

if TYPE_CHECKING:
    from netsim.host.socket import TcpSocket


def may_omit_cookie(socket: TcpSocket, address: str) -> bool:
    """tcp_fastopen_no_cookie: data may ride on the SYN without a cookie."""
    route = socket.host.routes.get(address)
    if route is not None and route.fast_open_no_cookie:
        return True
    return socket.fast_open_no_cookie or socket.host.settings.fast_open_client_without_cookie


def defers(socket: TcpSocket, now_ns: int, address: str) -> bool:
    """tcp_fastopen_defer_connect: a cookie is known (or not needed), so the SYN can wait for data."""
    return may_omit_cookie(socket, address) or bool(socket.host.cookies.cookie_for(now_ns, address))


def send_fast(socket: TcpSocket, now_ns: int, data: bytes, address: str, port: int) -> int:
    """tcp_sendmsg_fastopen; see `TcpSocket.send_fast`."""
    if socket.listener is not None:
        raise SocketError("EPIPE", "the socket listens")
    if socket.slot is not None:
        socket.finish_connect()
        return 0
    if socket.deferred:
        address, port = socket.remote_addr, socket.remote_port
    elif not socket.host.profile.tfo_client:
        raise SocketError("EOPNOTSUPP", "Fast Open is switched off")
    without = may_omit_cookie(socket, address)
    cookie = None if without else socket.host.cookies.cookie_for(now_ns, address)
    riding = data if cookie or without else b""
    socket.open(now_ns, address, port, riding, cookie, without)
    socket.deferred = False
    if not socket.syn_bytes:
        raise SocketError("EINPROGRESS")
    return socket.syn_bytes
