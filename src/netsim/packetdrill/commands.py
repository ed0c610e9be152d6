"""Applies the actions of shell commands to the machine under test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.packetdrill import shell
from netsim.packetdrill.outcome import Mismatch
from netsim.packetdrill.settings import Unsupported
from netsim.tcp.state import State

if TYPE_CHECKING:
    from netsim.packetdrill.calls import Caller
    from netsim.packetdrill.machine import Machine

_STATES = {
    "CLOSED": "CLOSED", "LISTEN": "LISTEN", "SYN_SENT": "SYN-SENT", "SYN_RCVD": "SYN-RECEIVED",
    "ESTABLISHED": "ESTABLISHED", "CLOSE_WAIT": "CLOSE-WAIT", "FIN_WAIT_1": "FIN-WAIT-1", "CLOSING": "CLOSING",
    "LAST_ACK": "LAST-ACK", "FIN_WAIT_2": "FIN-WAIT-2", "TIME_WAIT": "TIME-WAIT",
}  # fmt: skip
_PROC_STATES = {
    1: "ESTABLISHED", 2: "SYN-SENT", 3: "SYN-RECEIVED", 4: "FIN-WAIT-1", 5: "FIN-WAIT-2", 6: "TIME-WAIT", 7: "CLOSED",
    8: "CLOSE-WAIT", 9: "LAST-ACK", 10: "LISTEN", 11: "CLOSING",
}  # fmt: skip


class CommandRunner:
    """What a shell would have done."""

    def __init__(self, machine: Machine, caller: Caller) -> None:
        self.machine = machine
        self.caller = caller
        self.counters: dict[str, int] = {}

    def run(self, text: str) -> None:
        """Interpret a command. Raises CommandError, Unsupported, or Mismatch where the command would have failed."""
        changed = False
        for action in shell.interpret(text):
            if isinstance(action, shell.SysctlSet):
                self._set(action)
                changed = True
            else:
                self._apply(action)
        if changed:
            self.machine.apply_settings()
        self.machine.drain()

    def _set(self, action: shell.SysctlSet) -> None:
        machine = self.machine
        machine.settings.set(action.system, action.name, action.value)
        if action.name.startswith("net.inet.tcp.hostcache.purge") and action.value != "0":
            machine.forget_peers()
        elif action.name == "net.inet.tcp.fastopen.client_enable" and action.value == "0":
            machine.host.cookies.clear()

    def _apply(self, action: shell.Action) -> None:
        machine = self.machine
        if isinstance(action, shell.SockstatCount):
            self._count(action)
        elif isinstance(action, shell.TcpDrop):
            self._drop(action)
        elif isinstance(action, shell.MetricsFlush):
            machine.forget_peers()
        elif isinstance(action, shell.TestFile):
            if action.size < 0:
                self.caller.test_files.pop(action.path, None)
            else:
                self.caller.test_files[action.path] = action.size
        elif isinstance(action, shell.ProcNetTcpLine):
            wanted = _PROC_STATES.get(action.state, "")
            if not self._sockets_in(wanted, action.port):
                raise Mismatch("no line of /proc/net/tcp matches", f"a socket in {wanted}", "none")
        elif isinstance(action, shell.CounterReset):
            self.counters = dict(machine.counters)
        elif isinstance(action, shell.CounterChanged):
            if machine.counters.get(action.name, 0) == self.counters.get(action.name, 0):
                raise Mismatch(f"the counter {action.name} has not changed", "a change", "none")
            self.counters = dict(machine.counters)
        elif isinstance(action, shell.TcQdisc):
            machine.set_qdisc(action.operation, action.kind, action.limit)
        elif isinstance(action, shell.EthtoolFeature):
            machine.set_offload(action.feature, action.enabled)
        elif isinstance(action, shell.RouteChange):
            machine.set_route(action)
        elif isinstance(action, shell.LinkMtu):
            machine.set_link_mtu(action.mtu)
        elif isinstance(action, shell.ModuleParameter):
            machine.set_module_parameter(action.module, action.name, action.value)
        elif isinstance(action, shell.KeyAdd):
            machine.md5_keys[action.destination] = action.key
        elif isinstance(action, shell.KeyFlush):
            machine.md5_keys.clear()
        elif not isinstance(action, shell.SysctlRestore | shell.KernelModule | shell.Nothing):
            raise Unsupported(f"{type(action).__name__} is not supported")

    def _sockets_in(self, state: str, port: int) -> int:
        """How many connections (and listeners) are in a state; port 0 = any."""
        found = 0
        if state == "LISTEN":
            return sum(port in (0, local) for _, local in self.machine.host.tcp.listeners)
        for conn in self.machine.host.connections.values():
            if str(conn.state.value) == state and port in (0, conn.ep.local_port):
                found += 1
        if state == "LISTEN":
            found = sum(1 for _, number in self.machine.host.tcp.listeners if port in (0, number))
        if state == "CLOSED":
            for file in self.caller.files.values():
                socket = getattr(file, "socket", None)
                if socket is not None and socket.slot is not None and socket.slot.conn.is_closed():
                    found += 1
        return found

    def _count(self, action: shell.SockstatCount) -> None:
        found = self._sockets_in(_STATES[action.state], action.port)
        if action.wanted not in str(found):
            raise Mismatch(
                f"sockstat counts other sockets in {action.state}", f"{action.wanted} in {action.state}", str(found)
            )

    def _drop(self, action: shell.TcpDrop) -> None:
        wanted = State(_STATES[action.state])
        for slot in list(self.machine.host.tcp.slots.values()):
            if slot.conn.state is wanted:
                slot.conn.abort(self.machine.now_ns)
                self.machine.host.tcp.touch(slot)
