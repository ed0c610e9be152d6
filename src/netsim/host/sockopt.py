"""Socket options as data: name, how the value is checked, and where it goes.

An option names a field of the connection's `ConnectionOptions` or of the socket itself. What
has to happen besides (a corked segment leaves, a timer starts) is in `_apply_effects`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.units import MS, SEC
from netsim.host.errors import SocketError
from netsim.host.tcp_info import tcp_info
from netsim.tcp.gate import NO_LIMIT

if TYPE_CHECKING:
    from netsim.host.socket import TcpSocket

BOOL: Final = 0
NUMBER: Final = 1

OF_CONNECTION: Final = 0
"""The option lives in ConnectionOptions: a listener's is inherited by what it accepts."""
OF_SOCKET: Final = 1


class Option:
    """One socket option. `unit`: what the caller's number counts, in the field's unit (1, MS or SEC).

    fallback: the profile's field that holds where the field is 0 ("": 0 is the value)
    lowest, highest: what a caller may set, in the caller's unit; anything else is EINVAL
    """

    __slots__ = ("fallback", "field", "highest", "kind", "level", "lowest", "name", "unit", "where")

    def __init__(
        self,
        level: str,
        name: str,
        kind: int,
        where: int,
        field: str,
        *,
        unit: int = 1,
        fallback: str = "",
        lowest: int = 0,
        highest: int = 2**31 - 1,
    ) -> None:
        self.level = level
        self.name = name
        self.kind = kind
        self.where = where
        self.field = field
        self.unit = unit
        self.fallback = fallback
        self.lowest = lowest
        self.highest = highest


_TABLE: Final = (
    Option("SOL_SOCKET", "SO_REUSEADDR", BOOL, OF_SOCKET, "reuse_address"),
    Option("SOL_SOCKET", "SO_KEEPALIVE", BOOL, OF_CONNECTION, "keep_alive"),
    Option("SOL_SOCKET", "SO_RCVBUF", NUMBER, OF_CONNECTION, "rcv_buffer", fallback="rcv_buffer", lowest=1),
    Option("SOL_SOCKET", "SO_SNDBUF", NUMBER, OF_CONNECTION, "snd_buffer", fallback="snd_buffer", lowest=1),
    Option("SOL_SOCKET", "SO_RCVLOWAT", NUMBER, OF_SOCKET, "receive_low_water", lowest=1),
    Option("SOL_SOCKET", "SO_MAX_PACING_RATE", NUMBER, OF_CONNECTION, "max_pacing_bps", unit=8,
           lowest=-1, highest=2**63 - 1),
    Option("IPPROTO_TCP", "TCP_NODELAY", BOOL, OF_CONNECTION, "nodelay"),
    Option("IPPROTO_TCP", "TCP_CORK", BOOL, OF_CONNECTION, "cork"),
    Option("IPPROTO_TCP", "TCP_NOPUSH", BOOL, OF_CONNECTION, "cork"),
    Option("IPPROTO_TCP", "TCP_NOOPT", BOOL, OF_CONNECTION, "no_options"),
    Option("IPPROTO_TCP", "TCP_QUICKACK", BOOL, OF_SOCKET, "quick_ack"),
    Option("IPPROTO_TCP", "TCP_MAXSEG", NUMBER, OF_CONNECTION, "mss", highest=65535),
    Option("IPPROTO_TCP", "TCP_SYNCNT", NUMBER, OF_CONNECTION, "syn_retries", lowest=1, highest=127),
    Option("IPPROTO_TCP", "TCP_NOTSENT_LOWAT", NUMBER, OF_CONNECTION, "notsent_lowat", highest=2**32 - 1),
    Option("IPPROTO_TCP", "TCP_FASTOPEN_CONNECT", BOOL, OF_SOCKET, "fast_open_connect"),
    Option("IPPROTO_TCP", "TCP_FASTOPEN_NO_COOKIE", BOOL, OF_SOCKET, "fast_open_no_cookie"),
    Option("IPPROTO_TCP", "TCP_USER_TIMEOUT", NUMBER, OF_CONNECTION, "user_timeout_ns", unit=MS,
           fallback="user_timeout_ns"),
    Option("IPPROTO_TCP", "TCP_KEEPIDLE", NUMBER, OF_CONNECTION, "keep_idle_ns", unit=SEC,
           fallback="keep_idle_ns", lowest=1, highest=32767),
    Option("IPPROTO_TCP", "TCP_KEEPINTVL", NUMBER, OF_CONNECTION, "keep_interval_ns", unit=SEC,
           fallback="keep_interval_ns", lowest=1, highest=32767),
    Option("IPPROTO_TCP", "TCP_KEEPCNT", NUMBER, OF_CONNECTION, "keep_count", fallback="keep_count",
           lowest=1, highest=127),
    Option("IPPROTO_TCP", "TCP_KEEPINIT", NUMBER, OF_CONNECTION, "keep_init_ns", unit=SEC,
           fallback="keep_init_ns", lowest=1),
    Option("IPPROTO_IP", "IP_TTL", NUMBER, OF_CONNECTION, "ttl", lowest=1, highest=255),
    Option("IPPROTO_IP", "IP_TOS", NUMBER, OF_CONNECTION, "tos", highest=255),
    Option("IPPROTO_IPV6", "IPV6_UNICAST_HOPS", NUMBER, OF_CONNECTION, "ttl", lowest=1, highest=255),
    Option("IPPROTO_IPV6", "IPV6_TCLASS", NUMBER, OF_CONNECTION, "tos", highest=255),
)  # fmt: skip

OPTIONS: Final = {option.name: option for option in _TABLE}
LEVELS: Final = {option.name: option.level for option in _TABLE} | {
    "SO_ERROR": "SOL_SOCKET", "SO_LINGER": "SOL_SOCKET", "TCP_INFO": "IPPROTO_TCP", "TCP_CONGESTION": "IPPROTO_TCP",
}  # fmt: skip
"""Every option that `get_option` and `set_option` know, with its level."""

Value = int | str | tuple[int, int] | dict[str, int]


def set_option(socket: TcpSocket, now_ns: int, name: str, value: Value) -> None:
    """setsockopt. SO_LINGER takes (onoff, seconds), TCP_CONGESTION a name, all others an integer.

    SocketError ENOPROTOOPT: no such option, or it can only be read; EINVAL: not a value for it.
    """
    socket.check_open()
    if name == "SO_LINGER":
        if not isinstance(value, tuple) or value[1] < 0:
            raise SocketError("EINVAL", "SO_LINGER takes (onoff, seconds)")
        socket.linger = (bool(value[0]), value[1])
        return
    if name == "TCP_CONGESTION":
        _set_congestion(socket, value)
        return
    option = OPTIONS.get(name)
    if option is None:
        raise SocketError("ENOPROTOOPT", f"no socket option {name} can be set")
    if not isinstance(value, int):
        raise SocketError("EINVAL", f"{name} takes an integer")
    if name == "TCP_FASTOPEN_CONNECT" and not socket.host.profile.tfo_client:
        raise SocketError("EOPNOTSUPP", "Fast Open is switched off")
    if option.kind == BOOL:
        _store(socket, option, bool(value))
    elif not option.lowest <= value <= option.highest:
        raise SocketError("EINVAL", f"{name} takes {option.lowest} to {option.highest}")
    elif name == "SO_MAX_PACING_RATE":
        _store(socket, option, NO_LIMIT if value in (-1, 2**32 - 1) else max(value, 1) * option.unit)
    else:
        _store(socket, option, value * option.unit)
    _apply_effects(socket, now_ns, name)


def _set_congestion(socket: TcpSocket, value: Value) -> None:
    if not isinstance(value, str):
        raise SocketError("EINVAL", "TCP_CONGESTION takes a name")
    if socket.slot is not None:
        raise SocketError("EOPNOTSUPP", "TCP_CONGESTION must be set before the connection is opened")
    for target in socket.option_targets():
        target.congestion_control = value


def _store(socket: TcpSocket, option: Option, value: int | bool) -> None:
    if option.where == OF_SOCKET:
        setattr(socket, option.field, value)
    else:
        for target in socket.option_targets():
            setattr(target, option.field, value)


def _apply_effects(socket: TcpSocket, now_ns: int, name: str) -> None:
    """What an option changes at a connection that exists already."""
    slot = socket.slot
    if slot is None:
        return
    conn = slot.conn
    if name == "SO_KEEPALIVE" or (
        name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL") and (conn.ep.options.keep_alive or conn.ep.profile.keep_alive_always)
    ):
        conn.set_keep_alive(now_ns, conn.ep.options.keep_alive or conn.ep.profile.keep_alive_always)
    elif (name in ("TCP_CORK", "TCP_NOPUSH") and not conn.ep.options.cork) or name == "TCP_NODELAY":
        conn.flush_corked()
    elif name == "TCP_MAXSEG" and socket.host.profile.mss_option_at_once and conn.ep.options.mss:
        conn.ep.snd.mss = min(conn.ep.snd.mss, conn.ep.options.mss)
    elif name == "SO_RCVBUF":
        conn.ep.receiver.set_capacity(conn.ep.options.rcv_buffer)
    elif name == "SO_MAX_PACING_RATE":
        conn.follow_pacing()
    elif name == "SO_SNDBUF":
        conn.ep.sender.capacity = conn.ep.options.snd_buffer
    socket.host.tcp.touch(slot)


def get_option(socket: TcpSocket, now_ns: int, name: str) -> Value:
    """getsockopt: an integer; for SO_ERROR the errno name ("" none), for TCP_INFO a dictionary.

    SocketError ENOPROTOOPT: no such option.
    """
    socket.check_open()
    if name == "SO_ERROR":
        return socket.take_error()
    if name == "SO_LINGER":
        return (int(socket.linger[0]), socket.linger[1])
    if name == "TCP_INFO":
        return tcp_info(socket, now_ns)
    if name == "TCP_CONGESTION":
        return socket.options.congestion_control or socket.host.profile.congestion_control
    option = OPTIONS.get(name)
    if option is None:
        raise SocketError("ENOPROTOOPT", f"no socket option {name}")
    if name == "TCP_MAXSEG" and socket.slot is not None:
        return socket.slot.conn.ep.snd.mss
    if name == "SO_RCVBUF" and socket.slot is not None:
        return socket.slot.conn.ep.receiver.capacity
    holder: object = socket if option.where == OF_SOCKET else socket.options
    value = int(getattr(holder, option.field))
    if name == "SO_MAX_PACING_RATE" and value in (0, NO_LIMIT):
        return -1
    if value == 0 and option.fallback:
        value = int(getattr(socket.host.profile, option.fallback))
    return value // option.unit
