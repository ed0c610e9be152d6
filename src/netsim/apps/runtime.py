"""Runs tasks in virtual time: the trampoline between coroutines, sockets and the kernel."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from netsim.apps.task import AppError, Join, Readiness, Sleep, Task, Wait
from netsim.base.errors import UsageError
from netsim.host.poll import POLLERR, POLLHUP
from netsim.host.watch import Watcher
from netsim.sim.kernel import APPLICATION, Action, Simulator

if TYPE_CHECKING:
    from netsim.host.host import Host
    from netsim.host.socket import TcpSocket
    from netsim.host.udp import UdpSocket


class Surroundings:
    """What the runtime needs of the world: names become addresses, hosts get pumped."""

    def resolve(self, name: str, family: str = "") -> str:
        """The address of a host's name (an address stays as it is). `family`: "", "inet" or "inet6"."""
        raise NotImplementedError

    def pump(self, host: Host) -> None:
        """Let a host send what it wants to send after a call on one of its sockets."""
        raise NotImplementedError


class Resume(Action):
    """A task goes on."""

    __slots__ = ("runtime", "task")

    def __init__(self, runtime: Runtime, task: Task) -> None:
        self.runtime = runtime
        self.task = task

    def run(self, now_ns: int) -> bool:
        """Let it run to its next wait."""
        self.runtime.advance(self.task)
        return True

    def describe(self) -> str:
        """`application 'client' goes on`."""
        return f"application '{self.task.name}' goes on"


class Runtime(Watcher):
    """Every task of a run. An application that fails stops the run with an `AppError`, unless joined."""

    def __init__(self, sim: Simulator, surroundings: Surroundings) -> None:
        self.sim = sim
        self.surroundings = surroundings
        self.tasks: list[Task] = []
        self._waiting: dict[TcpSocket | UdpSocket, list[tuple[Task, int]]] = {}

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str, at_ns: int = -1) -> Task:
        """Start a task now, or at `at_ns`."""
        task = Task(coroutine, name)
        self.tasks.append(task)
        self.sim.schedule(max(at_ns, self.sim.now_ns), APPLICATION, Resume(self, task))
        return task

    def advance(self, task: Task) -> None:
        """Run the task until it has to wait, or is over."""
        while True:
            task.waiting_for = None
            try:
                wait = task.coroutine.send(None)
            except StopIteration as stop:
                task.result = stop.value
                self._finish(task)
                return
            except Exception as error:
                task.error = error
                self._finish(task)
                if not task.caught:
                    failure = AppError(task, self.sim.now_ns, error)
                    failure.__cause__ = error  # compiled code forgets a "from"
                    raise failure  # noqa: B904
                return
            if not isinstance(wait, Wait):
                raise UsageError(f"application '{task.name}' awaits something that is not netsim's: {wait!r}")
            if not self._is_over(task, wait):
                task.waiting_for = wait
                return

    def _is_over(self, task: Task, wait: Wait) -> bool:
        """Enter the wait; True if there is nothing to wait for."""
        if isinstance(wait, Readiness):
            if wait.socket.closed or wait.socket.poll_mask() & (wait.mask | POLLERR | POLLHUP):
                return True
            self._waiting.setdefault(wait.socket, []).append((task, wait.mask))
            wait.socket.watcher = self
            return False
        if isinstance(wait, Sleep):
            self.sim.schedule(self.sim.now_ns + max(0, wait.duration_ns), APPLICATION, Resume(self, task))
            return False
        if isinstance(wait, Join):
            if wait.task.done:
                return True
            wait.task.joiners.append(task)
            return False
        raise UsageError(f"application '{task.name}' awaits an unknown {type(wait).__name__}")

    def _finish(self, task: Task) -> None:
        task.done = True
        for joiner in task.joiners:
            self.sim.schedule(self.sim.now_ns, APPLICATION, Resume(self, joiner))
        task.joiners.clear()

    def socket_changed(self, now_ns: int, socket: TcpSocket | UdpSocket) -> None:
        """Wake the tasks that wait for what the socket is ready for now."""
        waiting = self._waiting.get(socket)
        if not waiting:
            return
        ready = -1 if socket.closed else socket.poll_mask()
        left = []
        for task, mask in waiting:
            if ready & (mask | POLLERR | POLLHUP):
                self.sim.schedule(now_ns, APPLICATION, Resume(self, task))
            else:
                left.append((task, mask))
        if left:
            self._waiting[socket] = left
        else:
            del self._waiting[socket]
            socket.watcher = None

    def closed(self, socket: TcpSocket | UdpSocket) -> None:
        """The application closed a socket: whoever waits for it goes on and meets EBADF."""
        self.socket_changed(self.sim.now_ns, socket)
