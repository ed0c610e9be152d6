"""The system calls on UDP sockets (RFC 768; Linux: net/ipv4/udp.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from netsim.host.errors import SocketError
from netsim.packetdrill.arguments import Arguments, BadPointer, quoted_address
from netsim.packetdrill.descriptors import UdpFile
from netsim.packetdrill.optcalls import option_name_of
from netsim.packetdrill.outcome import Mismatch
from netsim.packetdrill.settings import Unsupported

if TYPE_CHECKING:
    from netsim.packetdrill.calls import Caller

_KEPT: Final = frozenset({"SO_REUSEADDR", "SO_REUSEPORT", "SO_BROADCAST", "SO_SNDBUF", "SO_RCVBUF", "IP_MTU_DISCOVER"})
_NO_DATAGRAM_BEYOND: Final = 65_507
"""What fits into an IPv4 packet behind both headers."""


def make_socket(caller: Caller, nonblocking: bool) -> int:
    """socket(..., SOCK_DGRAM, IPPROTO_UDP)."""
    file = UdpFile(caller.machine.host.udp_socket())
    file.nonblocking = nonblocking
    caller.fresh = file
    caller.run.udp = file.socket
    return 3


def _file(caller: Caller, arguments: Arguments) -> UdpFile:
    found = caller.file(arguments)
    assert isinstance(found, UdpFile)
    return found


def _bind(caller: Caller, arguments: Arguments) -> int:
    arguments.need(3)
    socket = _file(caller, arguments).socket
    socket.bind(caller.now_ns, "", caller.config.bind_port)
    caller.run.udp = socket
    return 0


def _connect(caller: Caller, arguments: Arguments) -> int:
    arguments.need(3)
    socket = _file(caller, arguments).socket
    if quoted_address(arguments.items[1]) == "AF_UNSPEC":
        socket.remote_addr, socket.remote_port = "", 0
        return 0
    socket.connect(caller.now_ns, caller.config.remote_addr, caller.config.connect_port)
    caller.run.udp = socket
    return 0


def _close(caller: Caller, arguments: Arguments) -> int:
    arguments.need(1)
    _file(caller, arguments).socket.close(caller.now_ns)
    del caller.files[arguments.number(0)]
    return 0


def _shutdown(caller: Caller, arguments: Arguments) -> int:
    arguments.need(2)
    if not _file(caller, arguments).socket.remote_port:
        raise SocketError("ENOTCONN", "a UDP socket without a peer")
    raise Unsupported("shutdown of a UDP socket is not supported")


def _send_bytes(caller: Caller, arguments: Arguments, data: bytes, addressed: bool) -> int:
    socket = _file(caller, arguments).socket
    caller.run.udp = socket
    if len(data) > _NO_DATAGRAM_BEYOND:
        raise SocketError("EMSGSIZE", "a datagram has at most 65507 bytes")
    if addressed:
        return socket.send_to(caller.now_ns, data, caller.config.remote_addr, caller.config.connect_port)
    return socket.send(caller.now_ns, data)


def _write(caller: Caller, arguments: Arguments) -> int:
    arguments.need(3)
    return _send_bytes(caller, arguments, arguments.buffer(1, arguments.number(2)), False)


def _send(caller: Caller, arguments: Arguments) -> int:
    arguments.need(4)
    return _send_bytes(caller, arguments, arguments.buffer(1, arguments.number(2)), False)


def _sendto(caller: Caller, arguments: Arguments) -> int:
    arguments.need(6)
    addressed = not arguments.is_null(4)
    return _send_bytes(caller, arguments, arguments.buffer(1, arguments.number(2)), addressed)


def _sendmsg(caller: Caller, arguments: Arguments) -> int:
    arguments.need(3)
    message = arguments.struct(1)
    data = bytes(sum(arguments.iovecs(message.get("msg_iov"))))
    return _send_bytes(caller, arguments, data, message.get("msg_name") is not None)


def _receive_bytes(caller: Caller, arguments: Arguments, length: int, flags: set[str], buffer_index: int) -> int:
    file = _file(caller, arguments)
    if buffer_index >= 0 and arguments.is_null(buffer_index):
        raise BadPointer
    try:
        data = file.socket.receive(caller.now_ns, length, "MSG_PEEK" in flags)
    except SocketError as error:
        if error.errno_name == "EAGAIN":
            caller.may_block(file, flags)
        raise
    if buffer_index >= 0:
        arguments.expect_read(buffer_index, data)
    return len(data)


def _read(caller: Caller, arguments: Arguments) -> int:
    arguments.need(3)
    return _receive_bytes(caller, arguments, arguments.number(2), set(), 1)


def _recv(caller: Caller, arguments: Arguments) -> int:
    arguments.need(4, 6)
    return _receive_bytes(caller, arguments, arguments.number(2), arguments.words(3), 1)


def _recvmsg(caller: Caller, arguments: Arguments) -> int:
    arguments.need(3)
    length = sum(arguments.iovecs(arguments.struct(1).get("msg_iov")))
    return _receive_bytes(caller, arguments, length, arguments.words(2), -1)


def _number(arguments: Arguments) -> int:
    """The number that an option is set to, or should have."""
    item = arguments.element(3)
    if item is None:
        raise BadPointer
    return arguments.value(item)


def _setsockopt(caller: Caller, arguments: Arguments) -> int:
    arguments.need(5)
    socket = _file(caller, arguments).socket
    name = option_name_of(caller, arguments)
    if name in _KEPT:
        return 0
    value = _number(arguments)
    if name in ("IP_TTL", "IPV6_UNICAST_HOPS"):
        socket.ttl = value
    elif name in ("IP_TOS", "IPV6_TCLASS"):
        socket.tos = value
    else:
        raise Unsupported(f"the option {name} of a UDP socket is not supported")
    return 0


def _getsockopt(caller: Caller, arguments: Arguments) -> int:
    arguments.need(5)
    socket = _file(caller, arguments).socket
    if option_name_of(caller, arguments) != "SO_ERROR":
        raise Unsupported("of a UDP socket only SO_ERROR is known")
    error, socket.error = socket.error, ""
    found = caller.system.errnos[error] if error else 0
    wanted = _number(arguments)
    if wanted != found:
        raise Mismatch("SO_ERROR has another value", str(wanted), f"{found} {error}".rstrip())
    return 0


HANDLERS: Final[dict[str, Callable[[Caller, Arguments], int]]] = {
    "bind": _bind, "connect": _connect, "close": _close, "shutdown": _shutdown, "write": _write, "send": _send,
    "sendto": _sendto, "sendmsg": _sendmsg, "read": _read, "recv": _recv, "recvfrom": _recv, "recvmsg": _recvmsg,
    "setsockopt": _setsockopt, "getsockopt": _getsockopt,
}  # fmt: skip
"""Calls that mean something else on a UDP socket than on a TCP socket; those that only TCP has fail with EOPNOTSUPP."""
ONLY_TCP: Final = frozenset({"listen", "accept", "accept4"})
