"""poll and epoll; pipes, files, splice and sendfile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.seqnum import seq_diff
from netsim.base.units import MS
from netsim.host.errors import SocketError
from netsim.packetdrill import tree
from netsim.packetdrill.arguments import MAX_BYTES, Arguments
from netsim.packetdrill.descriptors import (
    Block,
    Descriptor,
    EpollEntry,
    EpollFile,
    PipeEnd,
    SocketFile,
    UdpFile,
    ZeroFile,
)
from netsim.packetdrill.flow import ScriptProblem
from netsim.packetdrill.outcome import Mismatch

if TYPE_CHECKING:
    from netsim.packetdrill.calls import Caller
    from netsim.tcp.connection import Connection

_ALWAYS: Final = 0x008 | 0x010
"""POLLERR and POLLHUP are told whether asked for or not."""
_EPOLLONESHOT: Final = 1 << 30
_EPOLLET: Final = 1 << 31
_NORMAL: Final = ((0x001, 0x040), (0x004, 0x100))
"""POLLIN tells POLLRDNORM as well, POLLOUT POLLWRNORM."""


def readiness(file: Descriptor) -> int:
    """What is ready at a descriptor, as poll's bits (Linux numbers)."""
    if isinstance(file, SocketFile):
        mask = file.socket.poll_mask()
        if file.errors.entries:
            mask |= 0x008
    elif isinstance(file, UdpFile):
        mask = file.socket.poll_mask()
    elif isinstance(file, PipeEnd):
        mask = 0x004 if file.writes else (0x001 if file.buffer else 0)
    else:
        mask = 0x001 | 0x004
    for plain, normal in _NORMAL:
        if mask & plain:
            mask |= normal
    return mask


def do_poll(caller: Caller, arguments: Arguments) -> int:
    """poll([{fd, events, revents}, ...], count, timeout in ms)."""
    arguments.need(3)
    array = arguments.items[0]
    if not isinstance(array, tree.Array):
        raise ScriptProblem("poll takes an array of {fd=..., events=..., revents=...}")
    results: list[tuple[int, int]] = []
    ready = 0
    for item in array.items:
        if not isinstance(item, tree.Struct):
            raise ScriptProblem("poll takes an array of {fd=..., events=..., revents=...}")
        number, events = _field(arguments, item, "fd"), _field(arguments, item, "events")
        file = caller.files.get(number)
        mask = 0x020 if file is None else readiness(file) & (events | _ALWAYS)
        results.append((mask, _field(arguments, item, "revents")))
        ready += mask != 0
    if not ready:
        _wait(caller, arguments.number(2))
    for mask, wanted in results:
        if mask != wanted:
            raise Mismatch("poll tells other events", _names(caller, wanted, "POLL"), _names(caller, mask, "POLL"))
    return ready


def _field(arguments: Arguments, item: tree.Struct, name: str) -> int:
    value = item.get(name)
    return 0 if value is None else arguments.value(value)


def _wait(caller: Caller, timeout_ms: int) -> None:
    """Nothing is ready: wait, unless the timeout has passed."""
    pending = caller.current
    assert pending is not None
    if timeout_ms == 0:
        return
    if timeout_ms > 0 and caller.now_ns >= pending.started_ns + timeout_ms * MS:
        return
    raise Block


def _names(caller: Caller, mask: int, prefix: str) -> str:
    names = [
        name
        for name, bit in caller.system.constants.items()
        if name.startswith(prefix) and "CTL" not in name and bit & mask and bit & (bit - 1) == 0
    ]
    return "|".join(names) or "0"


# --- epoll -----------------------------------------------------------------------------------


def do_epoll_create(caller: Caller, arguments: Arguments) -> int:
    """epoll_create(size)."""
    arguments.need(1)
    caller.fresh = EpollFile()
    return 3


def _epoll(caller: Caller, arguments: Arguments) -> EpollFile:
    file = caller.file(arguments)
    if not isinstance(file, EpollFile):
        raise SocketError("EINVAL", "not an epoll descriptor")
    return file


def do_epoll_ctl(caller: Caller, arguments: Arguments) -> int:
    """epoll_ctl(epfd, operation, fd, {events=..., fd=...})."""
    arguments.need(4)
    file = _epoll(caller, arguments)
    operation, number = arguments.number(1), arguments.number(2)
    if number not in caller.files:
        raise SocketError("EBADF", "no such descriptor")
    constants = caller.system.constants
    if operation == constants.get("EPOLL_CTL_DEL", 2):
        if file.entries.pop(number, None) is None:
            raise SocketError("ENOENT", "not watched")
        return 0
    event = arguments.struct(3)
    events = _field(arguments, event, "events")
    data = next(
        (arguments.value(field.value) for field in event.fields if field.name in ("fd", "ptr", "u32", "u64")), 0
    )
    if operation == constants.get("EPOLL_CTL_ADD", 1):
        if number in file.entries:
            raise SocketError("EEXIST", "watched already")
    elif number not in file.entries:
        raise SocketError("ENOENT", "not watched")
    file.entries[number] = EpollEntry(events, data)
    return 0


def do_epoll_wait(caller: Caller, arguments: Arguments) -> int:
    """epoll_wait(epfd, {events=..., fd=...}, most, timeout in ms)."""
    arguments.need(4)
    file = _epoll(caller, arguments)
    found: list[tuple[int, int]] = []
    for number, entry in file.entries.items():
        target = caller.files.get(number)
        if target is None or not entry.armed:
            continue
        mask = readiness(target) & (entry.events & 0xFFFF | _ALWAYS)
        if not mask or (entry.events & _EPOLLET and not _is_news(target, entry)):
            continue
        found.append((mask, entry.data))
        if entry.events & _EPOLLONESHOT:
            entry.armed = False
    if not found:
        _wait(caller, arguments.number(3))
    item = arguments.items[1]
    if found and isinstance(item, tree.Struct | tree.Array):
        event = arguments.struct(1)
        wanted = _field(arguments, event, "events")
        if wanted != found[0][0]:
            raise Mismatch(
                "epoll_wait tells other events",
                _names(caller, wanted, "EPOLL"),
                _names(caller, found[0][0], "EPOLL"),
            )
    return len(found)


def _is_news(file: Descriptor, entry: EpollEntry) -> bool:
    """Edge-triggered: has anything happened since the last report?"""
    if not isinstance(file, SocketFile):
        return True
    activity = file.activity()
    news = activity != entry.seen
    entry.seen = activity
    return news


# --- pipes and files -------------------------------------------------------------------------


def do_pipe(caller: Caller, arguments: Arguments) -> int:
    """pipe([read end, write end])."""
    arguments.need(1)
    item = arguments.items[0]
    if not isinstance(item, tree.Array) or len(item.items) != 2:
        raise ScriptProblem("pipe takes an array of two descriptors")
    buffer = bytearray()
    for part, writes in zip(item.items, (False, True), strict=True):
        caller.fresh = PipeEnd(buffer, writes)
        caller.install(arguments.value(part))
    return 0


def do_open(caller: Caller, arguments: Arguments) -> int:
    """open("path", flags): only files that the script's own dd made, and they exist only in the run."""
    arguments.need(2, 3)
    item = arguments.items[0]
    path = item.value.decode("utf-8", "replace") if isinstance(item, tree.Text) else ""
    size = caller.test_files.get(path)
    if size is None:
        raise SocketError("ENOENT", "no such file in this run")
    caller.fresh = ZeroFile(size)
    return 3


def do_splice(caller: Caller, arguments: Arguments) -> int:
    """splice(from, NULL, to, NULL, length, flags): between a socket and a pipe."""
    arguments.need(6)
    source, target = caller.file(arguments, 0), caller.file(arguments, 2)
    length = arguments.length(arguments.number(4))
    if isinstance(source, SocketFile) and isinstance(target, PipeEnd):
        conn = source.socket.connection
        if conn is not None and conn.at_eof():
            return 0
        if conn is not None:
            length = min(length, _before_urgent(conn))
            if not length:
                return 0
        data = source.socket.recv(caller.now_ns, length)
        target.buffer += data
        return len(data)
    if isinstance(source, PipeEnd) and isinstance(target, SocketFile):
        data = bytes(source.buffer[:length])
        taken = target.socket.send(caller.now_ns, data)
        del source.buffer[:taken]
        return taken
    raise SocketError("EINVAL", "splice needs a pipe on one side")


def _before_urgent(conn: Connection) -> int:
    """How many octets may be spliced: those before the urgent one (tcp_splice_read stops at it)."""
    rcv, readable = conn.ep.receiver.rcv, conn.readable_bytes()
    if not rcv.urgent:
        return MAX_BYTES
    ahead = seq_diff(rcv.up, rcv.nxt) + readable - 1
    return ahead if 0 <= ahead < readable else MAX_BYTES


def do_sendfile(caller: Caller, arguments: Arguments) -> int:
    """sendfile(socket, file, [offset], length)."""
    arguments.need(4)
    target, source = caller.socket(arguments, 0), caller.file(arguments, 1)
    if not isinstance(source, ZeroFile):
        raise SocketError("EINVAL", "sendfile reads from a file")
    offset = arguments.element(2)
    start = arguments.value(offset) if offset is not None else source.offset
    length = min(arguments.length(arguments.number(3)), max(0, source.size - start))
    if length <= 0:
        return 0
    return target.socket.send(caller.now_ns, bytes(length), push=True)
