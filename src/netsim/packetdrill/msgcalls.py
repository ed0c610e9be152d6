"""recvmsg with control messages: the error queue, TCP_INQ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.host.errors import SocketError
from netsim.packetdrill import tree
from netsim.packetdrill.arguments import Arguments
from netsim.packetdrill.descriptors import SocketFile
from netsim.packetdrill.outcome import Mismatch

if TYPE_CHECKING:
    from netsim.packetdrill.calls import Caller
    from netsim.packetdrill.errqueue import Notification

_RECVERR = {4: ("SOL_IP", "IP_RECVERR"), 6: ("IPPROTO_IPV6", "IPV6_RECVERR")}


def read_error_queue(caller: Caller, arguments: Arguments, file: SocketFile, message: tree.Struct) -> int:
    """recvmsg(..., MSG_ERRQUEUE): the first notification; EAGAIN if there is none (it never blocks)."""
    if not file.errors.entries:
        raise SocketError("EAGAIN", "the error queue is empty")
    entry = file.errors.entries.pop(0)
    expected = message.get("msg_control")
    if isinstance(expected, tree.Array):
        _compare_all(caller, arguments, expected, _error_messages(caller, entry))
    return 0


def _error_messages(caller: Caller, entry: Notification) -> list[tuple[int, int, dict[str, int]]]:
    constants = caller.system.constants
    messages: list[tuple[int, int, dict[str, int]]] = []
    if entry.t_ns is not None:
        stamp = {"scm_sec": entry.t_ns // 10**9, "scm_nsec": entry.t_ns % 10**9}
        messages.append((constants["SOL_SOCKET"], constants["SCM_TIMESTAMPING"], stamp))
    level, kind = _RECVERR[4 if caller.config.ip_version == "ipv4" else 6]
    fields = {
        "ee_errno": caller.system.errno_number(entry.errno), "ee_origin": entry.origin, "ee_type": entry.kind,
        "ee_code": entry.code, "ee_info": entry.info, "ee_data": entry.data,
    }  # fmt: skip
    messages.append((constants[level], constants[kind], fields))
    return messages


def _compare_all(
    caller: Caller, arguments: Arguments, expected: tree.Array, found: list[tuple[int, int, dict[str, int]]]
) -> None:
    if len(expected.items) != len(found):
        raise Mismatch("another number of control messages came", str(len(expected.items)), str(len(found)))
    for item, (level, kind, fields) in zip(expected.items, found, strict=True):
        if not isinstance(item, tree.Struct):
            raise Mismatch("a control message is written {cmsg_level=..., cmsg_type=..., cmsg_data=...}")
        for name, actual in (("cmsg_level", level), ("cmsg_type", kind)):
            _compare(arguments, item, name, actual)
        data = item.get("cmsg_data")
        if isinstance(data, tree.Struct):
            _compare_data(caller, arguments, data, fields)
        elif data is not None and not isinstance(data, tree.Anything):
            wanted = arguments.value(data)
            if wanted != fields.get("value"):
                raise Mismatch("the control message tells another number", str(wanted), str(fields.get("value")))


def _compare_data(caller: Caller, arguments: Arguments, data: tree.Struct, fields: dict[str, int]) -> None:
    if "scm_sec" in fields and data.get("scm_sec") is not None:
        seconds, nanoseconds = data.get("scm_sec"), data.get("scm_nsec")
        wanted = arguments.value(seconds) * 10**9 if seconds is not None else 0
        wanted += arguments.value(nanoseconds) if nanoseconds is not None else 0
        actual = fields["scm_sec"] * 10**9 + fields["scm_nsec"]
        if abs(wanted - actual) > caller.config.tolerance_us * 1000:
            raise Mismatch("the time stamp differs", f"{wanted} ns", f"{actual} ns")
        return
    for field in data.fields:
        if field.name in fields:
            _compare(arguments, data, field.name, fields[field.name])


def _compare(arguments: Arguments, item: tree.Struct, name: str, actual: int) -> None:
    value = item.get(name)
    if value is None or isinstance(value, tree.Anything):
        return
    wanted = arguments.value(value)
    if wanted != actual:
        raise Mismatch(f"{name} differs", str(wanted), str(actual))


def check_inq(caller: Caller, arguments: Arguments, file: SocketFile, message: tree.Struct) -> None:
    """TCP_CM_INQ after a read: how much more there is; 1 at the end of the stream, so that the reader goes on."""
    expected = message.get("msg_control")
    if not isinstance(expected, tree.Array):
        return
    conn = file.socket.connection
    found: list[tuple[int, int, dict[str, int]]] = []
    if file.extra.get("TCP_INQ") and conn is not None:
        waiting = conn.readable_bytes()
        if not waiting and conn.ep.receiver.fin_done:
            waiting = 1
        constants = caller.system.constants
        found.append((constants["SOL_TCP"], constants.get("TCP_CM_INQ", 36), {"value": waiting}))
    _compare_all(caller, arguments, expected, found)
