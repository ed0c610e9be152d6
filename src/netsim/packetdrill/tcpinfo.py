"""TCP_INFO as code blocks see it: `tcpi_...` names, in the units and numbers of the system under test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.packetdrill.systems import SYSTEMS

if TYPE_CHECKING:
    from netsim.host.socket import TcpSocket
    from netsim.packetdrill.machine import Machine


def tcp_info(socket: TcpSocket | None, machine: Machine) -> dict[str, int]:
    """The names for the evaluator; empty when the script has no socket for the connection under test."""
    if socket is None:
        return {}
    found = socket.get_option(machine.now_ns, "TCP_INFO")
    if not isinstance(found, dict):
        return {}
    info = dict(found)
    system = SYSTEMS[machine.config.system]
    if socket.slot is not None:
        state = str(socket.slot.conn.state.value)
    else:
        state = "LISTEN" if socket.listener is not None else "CLOSED"
    info["tcpi_state"] = system.states[state]
    return info
