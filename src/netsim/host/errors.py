"""Errors of the socket layer: the names of errno.h, without the numbers of any one system."""

from __future__ import annotations

from typing import Final

from netsim.base.errors import UsageError

_MEANINGS: Final = {
    "EADDRINUSE": "address already in use",
    "EADDRNOTAVAIL": "no such address on this host, or no port free",
    "EAFNOSUPPORT": "the address is of another family than the socket",
    "EAGAIN": "nothing can be done now without waiting",
    "EALREADY": "a connection attempt is in progress already",
    "EBADF": "the socket is closed",
    "ECONNABORTED": "the connection was aborted",
    "ECONNREFUSED": "connection refused",
    "ECONNRESET": "connection reset by the peer",
    "EDESTADDRREQ": "no destination given",
    "EHOSTDOWN": "the host is down",
    "EHOSTUNREACH": "no route to the host",
    "EINPROGRESS": "the connection is being opened",
    "EINVAL": "invalid argument",
    "EISCONN": "the socket is connected already",
    "EMSGSIZE": "the message is too long",
    "ENETUNREACH": "the network is unreachable",
    "ENOBUFS": "no buffer space",
    "ENOPROTOOPT": "no such socket option",
    "ENOTCONN": "the socket is not connected",
    "EOPNOTSUPP": "not possible on this socket",
    "EPIPE": "this side was closed for sending",
    "EPROTO": "protocol error",
    "ETIMEDOUT": "connection timed out",
}


class SocketError(UsageError):
    """A socket call failed; `errno_name` is the name from errno.h ("ECONNRESET")."""

    def __init__(self, errno_name: str, detail: str = "") -> None:
        meaning = _MEANINGS.get(errno_name, "")
        text = f"{errno_name}: {detail or meaning}" if detail or meaning else errno_name
        super().__init__(text)
        self.errno_name = errno_name


CONNECTION_ERRORS: Final = {
    "connection-reset": "ECONNRESET",
    "closed-for-sending": "EPIPE",
    "connection-refused": "ECONNREFUSED",
    "timed-out": "ETIMEDOUT",
    "host-unreachable": "EHOSTUNREACH",
    "network-unreachable": "ENETUNREACH",
    "host-down": "EHOSTDOWN",
    "protocol-unreachable": "ECONNREFUSED",
    "protocol-error": "EPROTO",
    "message-too-long": "EMSGSIZE",
    "operation-not-supported": "EOPNOTSUPP",
    "connection-closing": "ECONNABORTED",
}
"""How the core's error codes are called in errno.h."""


def errno_of(code: str) -> str:
    """The errno name for an error code of the core; "" stays "" (no error)."""
    if not code:
        return ""
    return CONNECTION_ERRORS.get(code, "EPROTO")
