"""socket, bind, listen, accept, connect, close, shutdown; reading and writing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.host.errors import SocketError
from netsim.host.poll import MSG_EOR, MSG_MORE, MSG_OOB, MSG_PEEK, POLLERR, POLLOUT
from netsim.packetdrill import tree
from netsim.packetdrill.arguments import Arguments, BadPointer, quoted_address
from netsim.packetdrill.descriptors import Block, PipeEnd, SocketFile
from netsim.packetdrill.flow import CONNECTING, IDLE, LISTENING, Flow
from netsim.packetdrill.msgcalls import check_inq, read_error_queue
from netsim.packetdrill.settings import Unsupported
from netsim.packetdrill.udpcalls import make_socket as make_udp_socket

if TYPE_CHECKING:
    from netsim.packetdrill.calls import Caller

MAX_FRAGMENTS: Final = 17
"""Linux's MAX_SKB_FRAGS: fragments of one segment."""
NEW_DESCRIPTORS: Final = frozenset({"socket", "accept", "accept4", "open", "epoll_create", "epoll_create1"})


def do_socket(caller: Caller, arguments: Arguments) -> int:
    """socket(domain, type, protocol)."""
    arguments.need(3)
    constants = caller.system.constants
    kind = arguments.number(1)
    bare = kind & ~(constants["SOCK_NONBLOCK"] | constants["SOCK_CLOEXEC"])
    protocol = arguments.number(2)
    datagrams = bare == constants["SOCK_DGRAM"] and protocol in (0, constants["IPPROTO_UDP"])
    if bare == constants["SOCK_STREAM"] and protocol == constants["IPPROTO_UDP"]:
        raise SocketError("EPROTONOSUPPORT", "UDP has no streams")
    if not datagrams and (bare != constants["SOCK_STREAM"] or protocol not in (0, constants["IPPROTO_TCP"])):
        raise Unsupported("only TCP and UDP sockets are supported")
    if not arguments.is_any(0):
        domain = arguments.number(0)
        if domain not in (constants["AF_INET"], constants["AF_INET6"]):
            raise Unsupported("only AF_INET and AF_INET6 are supported")
    if datagrams:
        return make_udp_socket(caller, bool(kind & constants["SOCK_NONBLOCK"]))
    flow = Flow(caller.config.local_addr, caller.config.remote_addr)
    file = SocketFile(caller.machine.host.tcp_socket(), flow)
    file.nonblocking = bool(kind & constants["SOCK_NONBLOCK"])
    caller.sockets.append(file)
    caller.fresh = file
    caller.run.flow = flow
    return 3


def do_bind(caller: Caller, arguments: Arguments) -> int:
    """bind(fd, address, length)."""
    arguments.need(3)
    file = caller.socket(arguments)
    file.socket.bind(caller.now_ns, "", caller.config.bind_port)
    return 0


def do_listen(caller: Caller, arguments: Arguments) -> int:
    """listen(fd, backlog)."""
    arguments.need(2)
    file = caller.socket(arguments)
    file.socket.listen(caller.now_ns, arguments.number(1))
    file.flow.state = LISTENING
    file.flow.local_port = caller.config.bind_port
    if caller.run.flow is None or caller.run.flow.state == IDLE:
        caller.run.flow = file.flow
    return 0


def do_accept(caller: Caller, arguments: Arguments) -> int:
    """accept(fd, address, length), accept4(..., flags)."""
    arguments.need(3, 4)
    listener = caller.socket(arguments)
    try:
        child = listener.socket.accept(caller.now_ns)
    except SocketError as error:
        if error.errno_name == "EAGAIN":
            caller.may_block(listener, set())
        raise
    flow = caller.run.flow
    if flow is None or flow.remote_port != child.remote_port or caller.socket_of_flow(flow) is not None:
        flow = Flow(caller.config.local_addr, caller.config.remote_addr)
        flow.local_port, flow.remote_port = child.local_port, child.remote_port
    file = SocketFile(child, flow)
    file.extra = dict(listener.extra)
    if caller.system.name != "linux":
        file.nonblocking = listener.nonblocking
    if len(arguments) == 4:
        file.nonblocking = bool(arguments.number(3) & caller.system.constants["SOCK_NONBLOCK"])
    caller.sockets.append(file)
    caller.fresh = file
    return 3


def do_connect(caller: Caller, arguments: Arguments) -> int:
    """connect(fd, address, length)."""
    arguments.need(3)
    file = caller.socket(arguments)
    if quoted_address(arguments.items[1]) == "AF_UNSPEC":
        return _disconnect(caller, file)
    pending = caller.current
    first = pending is not None and pending.progress == 0
    try:
        if first and file.socket.slot is None:
            file.flow.state = CONNECTING
            file.flow.remote_port = caller.config.connect_port
            caller.run.flow = file.flow
            if file.extra.get("IPV6_USE_MIN_MTU"):
                file.socket.options.mss = 1280 - 60 - (8 if file.socket.options.encap_dport else 0)
        file.socket.connect(caller.now_ns, caller.config.remote_addr, caller.config.connect_port)
    except SocketError as error:
        if error.errno_name in ("EINPROGRESS", "EALREADY") and not file.nonblocking and pending is not None:
            pending.progress = 1
            caller.may_block(file, set())
        raise
    return 0


def _disconnect(caller: Caller, file: SocketFile) -> int:
    """connect to AF_UNSPEC: let the connection go; the socket may be used again."""
    file.socket.linger = (True, 0)
    reuse = file.socket.reuse_address
    file.socket.close(caller.now_ns)
    file.socket = caller.machine.host.tcp_socket()
    file.socket.reuse_address = reuse
    return 0


def do_close(caller: Caller, arguments: Arguments) -> int:
    """close(fd)."""
    arguments.need(1)
    file = caller.file(arguments)
    del caller.files[arguments.number(0)]
    if isinstance(file, SocketFile):
        file.socket.close(caller.now_ns)
    return 0


def do_shutdown(caller: Caller, arguments: Arguments) -> int:
    """shutdown(fd, how)."""
    arguments.need(2)
    caller.socket(arguments).socket.shutdown(caller.now_ns, arguments.number(1))
    return 0


# --- reading ---------------------------------------------------------------------------------


def do_read(caller: Caller, arguments: Arguments) -> int:
    """read(fd, buffer, length)."""
    arguments.need(3)
    file = caller.file(arguments)
    if isinstance(file, PipeEnd):
        return _read_pipe(file, arguments.number(2))
    return _receive(caller, arguments, arguments.number(2), set(), 1)


def do_recv(caller: Caller, arguments: Arguments) -> int:
    """recv(fd, buffer, length, flags), recvfrom(..., address, length)."""
    arguments.need(4, 6)
    return _receive(caller, arguments, arguments.number(2), arguments.words(3), 1)


def do_readv(caller: Caller, arguments: Arguments) -> int:
    """readv(fd, [{..., length}, ...], count)."""
    arguments.need(3)
    return _receive(caller, arguments, sum(arguments.iovecs(arguments.items[1])), set(), -1)


def do_recvmsg(caller: Caller, arguments: Arguments) -> int:
    """recvmsg(fd, {msg_name, msg_iov, msg_flags, msg_control}, flags)."""
    arguments.need(3)
    message = arguments.struct(1)
    flags = arguments.words(2)
    file = caller.socket(arguments)
    if "MSG_ERRQUEUE" in flags:
        return read_error_queue(caller, arguments, file, message)
    taken = _receive(caller, arguments, sum(arguments.iovecs(message.get("msg_iov"))), flags, -1)
    check_inq(caller, arguments, file, message)
    return taken


def _read_pipe(file: PipeEnd, length: int) -> int:
    if not file.buffer:
        raise SocketError("EAGAIN")
    taken = min(length, len(file.buffer))
    del file.buffer[:taken]
    return taken


def _receive(caller: Caller, arguments: Arguments, length: int, flags: set[str], buffer_index: int) -> int:
    file = caller.socket(arguments)
    bits = (MSG_PEEK if "MSG_PEEK" in flags else 0) | (MSG_OOB if "MSG_OOB" in flags else 0)
    if buffer_index >= 0 and arguments.is_null(buffer_index):
        raise BadPointer
    try:
        data = file.socket.recv(caller.now_ns, length, bits)
    except SocketError as error:
        if error.errno_name == "EAGAIN":
            caller.may_block(file, flags)
        raise
    if buffer_index >= 0:
        arguments.expect_read(buffer_index, data)
    return len(data)


# --- writing ---------------------------------------------------------------------------------


def do_write(caller: Caller, arguments: Arguments) -> int:
    """write(fd, buffer, length)."""
    arguments.need(3)
    return send_data(caller, arguments, arguments.buffer(1, arguments.number(2)), set())


def do_send(caller: Caller, arguments: Arguments) -> int:
    """send(fd, buffer, length, flags)."""
    arguments.need(4)
    return send_data(caller, arguments, arguments.buffer(1, arguments.number(2)), arguments.words(3))


def do_sendto(caller: Caller, arguments: Arguments) -> int:
    """sendto(fd, buffer, length, flags, address, length): Fast Open where the socket is not connected."""
    arguments.need(6)
    return send_data(caller, arguments, arguments.buffer(1, arguments.number(2)), arguments.words(3), True)


def do_writev(caller: Caller, arguments: Arguments) -> int:
    """writev(fd, [{..., length}, ...], count)."""
    arguments.need(3)
    return send_data(caller, arguments, bytes(sum(arguments.iovecs(arguments.items[1]))), set())


def do_sendmsg(caller: Caller, arguments: Arguments) -> int:
    """sendmsg(fd, {msg_name, msg_iov, ...}, flags)."""
    arguments.need(3)
    message = arguments.struct(1)
    parts = arguments.iovecs(message.get("msg_iov"))
    flags = arguments.words(2)
    if "MSG_ZEROCOPY" in flags and len(parts) > MAX_FRAGMENTS and caller.system.name == "linux":
        _send_in_fragments(caller, arguments, parts)
    return send_data(caller, arguments, bytes(sum(parts)), flags, True)


def _send_in_fragments(caller: Caller, arguments: Arguments, parts: list[int]) -> None:
    """MSG_ZEROCOPY: each buffer is a fragment, and a segment has at most MAX_SKB_FRAGS (tcp_sendmsg_locked)."""
    pending = caller.current
    assert pending is not None
    socket = caller.socket(arguments).socket
    if pending.progress or socket.slot is None:
        return
    for at in range(0, (len(parts) - 1) // MAX_FRAGMENTS * MAX_FRAGMENTS, MAX_FRAGMENTS):
        chunk = bytes(sum(parts[at : at + MAX_FRAGMENTS]))
        taken = socket.send(caller.now_ns, chunk, MSG_EOR, push=True)
        pending.progress += taken
        if taken < len(chunk):
            return


def send_data(caller: Caller, arguments: Arguments, data: bytes, flags: set[str], has_address: bool = False) -> int:
    """Write: as much as fits; a blocking socket goes on until everything is taken."""
    file = caller.socket(arguments)
    socket = file.socket
    pending = caller.current
    assert pending is not None
    bits = (
        (MSG_EOR if "MSG_EOR" in flags else 0)
        | (MSG_MORE if "MSG_MORE" in flags else 0)
        | (MSG_OOB if "MSG_OOB" in flags else 0)
    )
    if caller.system.name == "linux" and ("MSG_FASTOPEN" in flags or socket.deferred or pending.phase):
        if pending.phase == 0:
            started = _send_fast(caller, arguments, file, data, flags)
            if started >= 0:
                return started
        if pending.phase == 1 and not _is_open(caller, file):
            raise Block
    opens = caller.system.name == "freebsd" and has_address
    if socket.slot is None and socket.listener is None and opens and pending.progress == 0:
        return _open_with_data(caller, file, data, flags)
    if pending.phase == 2 and pending.progress >= len(data):
        return pending.progress
    if not data:
        return 0
    if pending.waits and not socket.poll_mask() & (POLLOUT | POLLERR):
        raise Block  # sk_stream_write_space wakes a writer only when a third of the buffer is free
    try:
        taken = socket.send(caller.now_ns, data[pending.progress :], bits, push=True)
    except SocketError as error:
        if error.errno_name == "ENOTCONN" and caller.system.name == "linux":
            raise SocketError("EPIPE", "not connected") from None
        if error.errno_name == "EAGAIN":
            caller.may_block(file, flags)
        if pending.progress:
            return pending.progress
        raise
    pending.progress += taken
    _watch_write(file, flags)
    if pending.progress < len(data) and not file.nonblocking and "MSG_DONTWAIT" not in flags:
        pending.waits = True
        caller.may_block(file, flags)
    return pending.progress


def _watch_write(file: SocketFile, flags: set[str]) -> None:
    """Notifications that the socket's options ask for."""
    conn = file.socket.connection
    if conn is None:
        return
    end = conn.ep.sender.buffer.end
    if "MSG_ZEROCOPY" in flags and file.extra.get("SO_ZEROCOPY"):
        file.errors.watch_zero_copy(end)
    if file.extra.get("SO_TIMESTAMPING"):
        file.errors.watch_time(end, file.extra["SO_TIMESTAMPING"])


def _send_fast(caller: Caller, arguments: Arguments, file: SocketFile, data: bytes, flags: set[str]) -> int:
    """Fast Open as Linux has it: -1: the connection is open, or the call goes on when it is."""
    config, pending = caller.config, caller.current
    assert pending is not None
    if len(arguments) == 6 and _is_unspecified(arguments):
        raise SocketError("EOPNOTSUPP", "Fast Open needs an address")
    fresh = file.socket.slot is None
    blocking = not file.nonblocking and "MSG_DONTWAIT" not in flags
    try:
        taken = file.socket.send_fast(caller.now_ns, data, config.remote_addr, config.connect_port)
    except SocketError as error:
        if error.errno_name != "EINPROGRESS" or not blocking:
            if fresh and error.errno_name == "EINPROGRESS":
                _now_connecting(caller, file)
            raise
        taken = 0
    if not fresh:
        return -1
    _now_connecting(caller, file)
    if taken:
        _watch_write(file, flags)
    if not blocking:
        return taken
    pending.phase = 1
    pending.progress = taken
    if file.socket.slot is not None:
        file.socket.slot.conn.ep.write_pending = taken < len(data)
    raise Block


def _is_unspecified(arguments: Arguments) -> bool:
    item = arguments.items[4]
    return quoted_address(item) == "AF_UNSPEC" or (isinstance(item, tree.Word) and item.name == "AF_UNSPEC")


def _now_connecting(caller: Caller, file: SocketFile) -> None:
    file.flow.state = CONNECTING
    file.flow.true_port = file.socket.local_port
    file.flow.remote_port = caller.config.connect_port
    caller.run.flow = file.flow


def _is_open(caller: Caller, file: SocketFile) -> bool:
    """Is the handshake that a blocking send waits for over? Raises its error."""
    pending = caller.current
    assert pending is not None
    try:
        file.socket.finish_connect()
    except SocketError as error:
        if error.errno_name == "EALREADY":
            return False
        if error.errno_name != "EISCONN":
            raise
    pending.phase = 2
    return True


def _open_with_data(caller: Caller, file: SocketFile, data: bytes, flags: set[str]) -> int:
    """Connect and write in one call: Fast Open where the socket asks for it (RFC 7413).

    FreeBSD queues the data whatever happens; Linux only if it rides on the SYN.
    """
    config, now_ns, host = caller.config, caller.now_ns, caller.machine.host
    wants = "MSG_FASTOPEN" in flags or file.extra.get("TCP_FASTOPEN", 0) != 0
    cookie = host.cookies.cookie_for(now_ns, config.remote_addr) if wants and host.profile.tfo_client else None
    queue = data if cookie or caller.system.queues_before_established else b""
    file.flow.state = CONNECTING
    file.flow.remote_port = config.connect_port
    caller.run.flow = file.flow
    try:
        file.socket.connect(now_ns, config.remote_addr, config.connect_port, data=queue, cookie=cookie)
    except SocketError as error:
        if error.errno_name != "EINPROGRESS":
            raise
    pending = caller.current
    assert pending is not None
    if queue:
        pending.progress = file.socket.syn_bytes
        return pending.progress
    if not file.nonblocking and "MSG_DONTWAIT" not in flags:
        caller.may_block(file, flags)
    raise SocketError("EINPROGRESS")
