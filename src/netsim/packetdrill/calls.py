"""System calls: the table of descriptors, one function per call, and the comparison with what the script expects.

Nothing here blocks: a call that would wait raises `Block`, and the runner tries again whenever
something happened at the host.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from netsim.host.errors import SocketError
from netsim.host.poll import POLLOUT
from netsim.packetdrill import optcalls, pollcalls, sockcalls, tree, udpcalls
from netsim.packetdrill.arguments import Arguments, BadPointer
from netsim.packetdrill.descriptors import Block, Descriptor, SocketFile, UdpFile
from netsim.packetdrill.outcome import Mismatch
from netsim.packetdrill.settings import Unsupported
from netsim.packetdrill.systems import SYSTEMS

if TYPE_CHECKING:
    from netsim.host.socket import TcpSocket
    from netsim.packetdrill.config import Config
    from netsim.packetdrill.flow import Flow
    from netsim.packetdrill.machine import Machine
    from netsim.packetdrill.run import ScriptRun

Handler = Callable[["Caller", Arguments], int]

HANDLERS: Final[dict[str, Handler]] = {
    "socket": sockcalls.do_socket, "bind": sockcalls.do_bind, "listen": sockcalls.do_listen,
    "accept": sockcalls.do_accept, "accept4": sockcalls.do_accept, "connect": sockcalls.do_connect,
    "close": sockcalls.do_close, "shutdown": sockcalls.do_shutdown,
    "read": sockcalls.do_read, "recv": sockcalls.do_recv, "recvfrom": sockcalls.do_recv, "readv": sockcalls.do_readv,
    "recvmsg": sockcalls.do_recvmsg, "write": sockcalls.do_write, "send": sockcalls.do_send,
    "sendto": sockcalls.do_sendto, "writev": sockcalls.do_writev, "sendmsg": sockcalls.do_sendmsg,
    "getsockopt": optcalls.do_getsockopt, "setsockopt": optcalls.do_setsockopt, "fcntl": optcalls.do_fcntl,
    "ioctl": optcalls.do_ioctl,
    "poll": pollcalls.do_poll, "epoll_create": pollcalls.do_epoll_create, "epoll_create1": pollcalls.do_epoll_create,
    "epoll_ctl": pollcalls.do_epoll_ctl, "epoll_wait": pollcalls.do_epoll_wait,
    "pipe": pollcalls.do_pipe, "open": pollcalls.do_open, "splice": pollcalls.do_splice,
    "sendfile": pollcalls.do_sendfile,
}  # fmt: skip


class Pending:
    """A call that was started; `attempt` makes it, again and again, until it does not block."""

    def __init__(self, caller: Caller, call: tree.SystemCall) -> None:
        self.caller = caller
        self.call = call
        self.arguments = Arguments(call, caller.system)
        self.end_ns = 0
        self.line = 0
        self.progress = 0
        """What a blocking write has written already."""
        self.waits = False
        """A blocking write found the buffer full."""
        self.phase = 0
        """Fast Open: 1: the SYN went, 2: the connection is open."""
        self.started_ns = caller.machine.now_ns

    def attempt(self, now_ns: int) -> bool:
        """True: the call is over and its result is the script's. Raises Mismatch if it is not."""
        caller = self.caller
        caller.current = self
        value, errno, detail = 0, "", ""
        try:
            value = self._handler()(caller, self.arguments)
        except Block:
            return False
        except BadPointer:
            value, errno, detail = -1, "EFAULT", "bad address"
        except SocketError as error:
            value, errno, detail = -1, error.errno_name, str(error)
        self._compare(value, errno, detail)
        return True

    def _handler(self) -> Handler:
        """The function that makes the call; UDP sockets have their own for many."""
        name = self.call.name
        caller = self.caller
        if caller.has_udp and isinstance(caller.first_file(self.arguments), UdpFile):
            if name in udpcalls.ONLY_TCP:
                raise SocketError("EOPNOTSUPP", "not on a UDP socket")
            return udpcalls.HANDLERS.get(name, HANDLERS[name])
        return HANDLERS[name]

    def _compare(self, value: int, errno: str, detail: str) -> None:
        call, system = self.call, self.caller.system
        expected = call.result
        if isinstance(expected, tree.Anything):
            return
        wanted = self.arguments.value(expected)
        shown = f"-1 {errno} ({detail})" if errno else str(value)
        wanted_text = f"{wanted} {call.errno}" if call.errno else str(wanted)
        if call.name in sockcalls.NEW_DESCRIPTORS and not errno and wanted >= 0:
            self.caller.install(wanted)
            return
        if wanted != value:
            raise Mismatch(f"{call.name} returned {shown}", wanted_text, shown)
        if call.errno and not system.same_errno(call.errno, errno):
            raise Mismatch(f"{call.name} failed with {errno or 'no error'}", wanted_text, shown)


class Caller:
    """The process that makes the calls: its descriptors, and the connection under test."""

    def __init__(self, machine: Machine, config: Config, _constants: dict[str, int], run: ScriptRun) -> None:
        self.machine = machine
        self.config = config
        self.run = run
        self.system = SYSTEMS[config.system]
        self.files: dict[int, Descriptor] = {}
        self.fresh: Descriptor | None = None
        self.current: Pending | None = None
        self.test_files: dict[str, int] = {}
        self.sockets: list[SocketFile] = []
        machine.watcher = self.look_at_sockets

    @property
    def now_ns(self) -> int:
        """The time."""
        return self.machine.now_ns

    def look_at_sockets(self) -> None:
        """Something happened at the host: notifications, and sockets that became writable."""
        now_ns = self.machine.now_ns
        for file in self.sockets:
            conn = file.socket.connection
            if conn is None:
                continue
            file.errors.progress(now_ns, conn)
            writable = bool(file.socket.poll_mask() & POLLOUT)
            if writable and not file.writable:
                file.write_edges += 1
            file.writable = writable

    def start(self, call: tree.SystemCall) -> Pending:
        """Look the call up. Raises Unsupported for one that is not known."""
        if call.name not in HANDLERS:
            raise Unsupported(f"the system call '{call.name}' is not supported")
        return Pending(self, call)

    def install(self, number: int) -> None:
        """Give the descriptor that a call has just made the number that the script uses.

        As in the real tool, a script may use a number again without closing what it stood for.
        """
        fresh = self.fresh
        self.fresh = None
        if fresh is None:
            return
        self.files[number] = fresh

    @property
    def has_udp(self) -> bool:
        """The script has made a UDP socket."""
        return self.run.udp is not None

    def first_file(self, arguments: Arguments) -> Descriptor | None:
        """What the first argument stands for, if it is the number of a descriptor."""
        first = arguments.items[0] if arguments.items else None
        return self.files.get(first.value) if isinstance(first, tree.Number) else None

    def file(self, arguments: Arguments, index: int = 0) -> Descriptor:
        """The descriptor an argument names. SocketError EBADF."""
        found = self.files.get(arguments.number(index))
        if found is None:
            raise SocketError("EBADF", "no such descriptor")
        return found

    def socket(self, arguments: Arguments, index: int = 0) -> SocketFile:
        """The same, for a socket. SocketError EBADF or ENOTSOCK."""
        found = self.file(arguments, index)
        if not isinstance(found, SocketFile):
            raise SocketError("ENOTSOCK", "not a socket")
        return found

    def may_block(self, file: Descriptor, flags: set[str]) -> None:
        """Raise Block unless the descriptor or the flags say not to wait."""
        if not file.nonblocking and "MSG_DONTWAIT" not in flags:
            raise Block

    def socket_of_flow(self, flow: Flow | None) -> TcpSocket | None:
        """The socket behind the connection under test, if the script has it."""
        if flow is None:
            return None
        for file in reversed(self.sockets):
            if file.flow is flow:
                return file.socket
        return None
