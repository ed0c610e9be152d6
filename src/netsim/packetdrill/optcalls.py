"""getsockopt, setsockopt, fcntl, ioctl."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.host.errors import SocketError
from netsim.host.fastopen_server import KEY_BYTES
from netsim.packetdrill import tree
from netsim.packetdrill.arguments import Arguments, BadPointer
from netsim.packetdrill.descriptors import SocketFile
from netsim.packetdrill.errqueue import OPT_ID
from netsim.packetdrill.flow import ScriptProblem
from netsim.packetdrill.outcome import Mismatch
from netsim.packetdrill.settings import Unsupported
from netsim.packetdrill.symbols import option_name
from netsim.tcp.recvspace import MIN_BUFFER as MIN_RECEIVE_BUFFER
from netsim.tcp.sendspace import MIN_BUFFER

if TYPE_CHECKING:
    from netsim.packetdrill.calls import Caller

_KEPT: Final = frozenset(
    {
        "SO_REUSEPORT", "SO_MARK", "SO_PRIORITY", "SO_BROADCAST", "SO_DEBUG", "SO_OOBINLINE", "SO_TIMESTAMP",
        "IP_FREEBIND", "IP_MTU_DISCOVER", "IPV6_MTU_DISCOVER", "IP_RECVERR", "IPV6_RECVERR", "IPV6_V6ONLY",
        "SO_ZEROCOPY", "SO_TIMESTAMPING", "TCP_INQ",
        "TCP_REMOTE_UDP_ENCAPS_PORT", "TCP_FASTOPEN", "TCP_MD5SIG", "IPV6_USE_MIN_MTU",
    }
)  # fmt: skip
"""Options that are only remembered here; some of them other calls act upon."""
_STRUCTURED: Final = frozenset({"TCP_FUNCTION_BLK"})


def option_name_of(caller: Caller, arguments: Arguments) -> str:
    """The option that a call means, by its name. SocketError ENOPROTOOPT: there is none."""
    level, number = arguments.number(1), arguments.number(2)
    constants = caller.system.constants
    if level == constants.get("SOL_IP") and level != constants["SOL_SOCKET"]:
        level = constants["IPPROTO_IP"]
    name = option_name(constants, level, number)
    if name is None:
        written = arguments.items[2]
        shown = written.name if isinstance(written, tree.Word) else str(number)
        raise SocketError("ENOPROTOOPT", f"no option {shown} at level {level}")
    return name


def do_setsockopt(caller: Caller, arguments: Arguments) -> int:
    """setsockopt(fd, level, name, value, length)."""
    arguments.need(5)
    file = caller.socket(arguments)
    name = option_name_of(caller, arguments)
    if arguments.is_null(3):
        raise BadPointer
    item = arguments.element(3)
    if name in _STRUCTURED:
        return _set_function_block(item)
    if name == "SO_LINGER":
        if not isinstance(item, tree.Struct):
            raise ScriptProblem("SO_LINGER takes {onoff=..., linger=...}")
        on, seconds = item.get("onoff"), item.get("linger")
        file.socket.set_option(
            caller.now_ns, name, (arguments.value(on) if on else 0, arguments.value(seconds) if seconds else 0)
        )
        return 0
    if name == "TCP_FASTOPEN_KEY":
        return _set_fast_open_key(arguments, file, item)
    if isinstance(item, tree.Text):
        if name != "TCP_CONGESTION":
            raise Unsupported(f"{name} with a string is not supported")
        file.socket.set_option(caller.now_ns, name, item.value.decode("ascii", "replace"))
        return 0
    if item is None:
        raise ScriptProblem(f"{name} needs a value")
    return set_number(caller, file, name, arguments.value(item))


def _set_fast_open_key(arguments: Arguments, file: SocketFile, item: tree.Expression | None) -> int:
    """TCP_FASTOPEN_KEY: 16 octets, or 32 with a second key (net/ipv4/tcp.c, do_tcp_setsockopt)."""
    length = arguments.length(arguments.number(4))
    if length not in (KEY_BYTES, 2 * KEY_BYTES):
        raise SocketError("EINVAL", "a key has 16 octets, two have 32")
    key = (item.value if isinstance(item, tree.Text) else b"")[:length].ljust(length, b"\0")
    file.socket.fast_open_keys = tuple(key[at : at + KEY_BYTES] for at in range(0, length, KEY_BYTES))
    return 0


def set_number(caller: Caller, file: SocketFile, name: str, value: int) -> int:
    """Set an option whose value is an integer."""
    if name in ("SO_SNDBUF", "SO_RCVBUF"):
        if caller.machine.host.profile.buffer_counts_memory:
            # sk_setsockopt: not more than net.core.wmem_max or rmem_max, doubled, and not too little
            receiving = name == "SO_RCVBUF"
            most = caller.machine.settings.number("net.core.rmem_max" if receiving else "net.core.wmem_max")
            value = max(min(value, most) * caller.system.buffer_factor, MIN_RECEIVE_BUFFER if receiving else MIN_BUFFER)
        else:
            value *= caller.system.buffer_factor
    elif name == "TCP_REMOTE_UDP_ENCAPS_PORT":
        _check_tunnel(caller, file, value)
    if name in _KEPT:
        file.extra[name] = value
        _apply_kept(caller, file, name, value)
        return 0
    file.socket.set_option(caller.now_ns, name, value)
    return 0


def _check_tunnel(caller: Caller, file: SocketFile, value: int) -> None:
    """FreeBSD: only a fresh socket may be given a UDP port, and only while the host accepts TCP in UDP."""
    if not 0 <= value <= 65535:
        raise SocketError("EINVAL", "a port is between 0 and 65535")
    if file.socket.slot is not None or file.socket.listener is not None:
        raise SocketError("EINVAL", "the socket is not fresh")
    if value and not caller.machine.host.settings.udp_tunnel_port:
        raise SocketError("EINVAL", "this host has no UDP tunnel")


def _apply_kept(caller: Caller, file: SocketFile, name: str, value: int) -> None:
    """What a remembered option changes at once."""
    if name == "SO_TIMESTAMPING" and value & OPT_ID:
        file.errors.start_ids(file.socket.connection)
    if name == "TCP_MD5SIG":
        for target in file.socket.option_targets():
            target.md5_key = caller.config.md5_secret if value else b""
    elif name == "TCP_FASTOPEN":
        file.socket.fast_open_queue = value
    elif name == "TCP_REMOTE_UDP_ENCAPS_PORT":
        port = caller.machine.host.settings.udp_tunnel_port
        for target in file.socket.option_targets():
            target.encap_dport = value
            target.encap_sport = port if value else 0


def _set_function_block(item: tree.Expression | None) -> int:
    """FreeBSD's TCP_FUNCTION_BLK: which TCP stack serves the socket; there is only the default one here."""
    name = item.get("function_set_name") if isinstance(item, tree.Struct) else None
    if isinstance(name, tree.Text) and name.value == b"freebsd":
        return 0
    raise SocketError("ENOENT", "no such TCP function block")


def do_getsockopt(caller: Caller, arguments: Arguments) -> int:
    """getsockopt(fd, level, name, value, length): the value is compared with the script's."""
    arguments.need(5)
    file = caller.socket(arguments)
    name = option_name_of(caller, arguments)
    if arguments.is_null(3):
        raise BadPointer
    wanted = arguments.element(3)
    found: object
    if name == "TCP_REMOTE_UDP_ENCAPS_PORT":
        found = file.socket.options.encap_dport
    elif name in _KEPT:
        found = file.extra.get(name, 0)
    else:
        found = file.socket.get_option(caller.now_ns, name)
    if name == "SO_ERROR":
        found = caller.system.errno_number(str(found))
    if wanted is None or isinstance(found, dict):
        return 0
    if isinstance(found, tuple):
        return 0
    if isinstance(wanted, tree.Text):
        expected: object = wanted.value.decode("ascii", "replace")
    else:
        expected = arguments.value(wanted)
    if expected != found:
        shown = f"{found}"
        if name == "SO_ERROR" and isinstance(found, int):
            shown = f"{found} {caller.system.errno_name(found)}".rstrip()
            if isinstance(expected, int):
                expected = f"{expected} {caller.system.errno_name(expected)}".rstrip()
        raise Mismatch(f"{name} has another value", str(expected), shown)
    return 0


def do_fcntl(caller: Caller, arguments: Arguments) -> int:
    """fcntl(fd, F_GETFL), fcntl(fd, F_SETFL, flags)."""
    arguments.need(2, 3)
    constants = caller.system.constants
    file = caller.file(arguments)
    command = arguments.number(1)
    if command == constants["F_GETFL"]:
        return constants["O_RDWR"] | (constants["O_NONBLOCK"] if file.nonblocking else 0)
    if command == constants["F_SETFL"]:
        arguments.need(3)
        file.nonblocking = bool(arguments.number(2) & constants["O_NONBLOCK"])
        return 0
    if command in (constants["F_GETFD"], constants["F_SETFD"]):
        return 0
    raise Unsupported("only F_GETFL and F_SETFL are supported")


def do_ioctl(caller: Caller, arguments: Arguments) -> int:
    """ioctl(fd, SIOCINQ, [bytes])."""
    arguments.need(3)
    file = caller.socket(arguments)
    constants = caller.system.constants
    request = arguments.number(1)
    conn = file.socket.connection
    if request == constants.get("SIOCINQ", constants["FIONREAD"]):
        found = conn.readable_bytes() if conn is not None else 0
    elif request == constants.get("SIOCOUTQ", -1):
        found = conn.unacked_bytes() + conn.unsent_bytes() if conn is not None else 0
    elif request == constants.get("SIOCOUTQNSD", -1):
        found = conn.unsent_bytes() if conn is not None else 0
    else:
        raise Unsupported("this ioctl is not supported")
    wanted = arguments.element(2)
    if wanted is not None and arguments.value(wanted) != found:
        raise Mismatch("ioctl tells another number", str(arguments.value(wanted)), str(found))
    return 0
