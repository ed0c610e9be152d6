"""What differs between the systems' interfaces (not their TCP): constants, errno numbers, TCP_INFO's numbering."""

from __future__ import annotations

from typing import Final

from netsim.packetdrill import symbols

_LINUX_STATES: Final = {
    "ESTABLISHED": 1, "SYN-SENT": 2, "SYN-RECEIVED": 3, "FIN-WAIT-1": 4, "FIN-WAIT-2": 5, "TIME-WAIT": 7, "CLOSED": 7,
    "CLOSE-WAIT": 8, "LAST-ACK": 9, "LISTEN": 10, "CLOSING": 11,
}  # fmt: skip
_FREEBSD_STATES: Final = {
    "CLOSED": 0, "LISTEN": 1, "SYN-SENT": 2, "SYN-RECEIVED": 3, "ESTABLISHED": 4, "CLOSE-WAIT": 5, "FIN-WAIT-1": 6,
    "CLOSING": 7, "LAST-ACK": 8, "FIN-WAIT-2": 9, "TIME-WAIT": 10,
}  # fmt: skip


class System:
    """One system's interface.

    buffer_factor: SO_SNDBUF and SO_RCVBUF are multiplied by this (Linux doubles them)
    queues_before_established: a write that opens the connection queues its data (FreeBSD's implied connect)
    """

    def __init__(
        self, name: str, constants: dict[str, int], errnos: dict[str, int], states: dict[str, int], buffer_factor: int
    ) -> None:
        self.name = name
        self.constants = constants
        self.errnos = errnos
        self.states = states
        self.buffer_factor = buffer_factor
        self.queues_before_established = name == "freebsd"
        self.message_flags = {
            name: value for name, value in constants.items() if name.startswith("MSG_") and value & (value - 1) == 0
        }

    def errno_number(self, name: str) -> int:
        """The number of an errno name; 0 for "" and unknown names."""
        return self.errnos.get(name, 0)

    def errno_name(self, number: int) -> str:
        """The name of an errno number, "" if unknown."""
        for name, value in self.errnos.items():
            if value == number:
                return name
        return ""

    def same_errno(self, one: str, other: str) -> bool:
        """EAGAIN and EWOULDBLOCK are one."""
        return one == other or (one in self.errnos and self.errnos[one] == self.errnos.get(other))


LINUX: Final = System("linux", symbols.LINUX, symbols.ERRNO_LINUX, _LINUX_STATES, 2)
FREEBSD: Final = System("freebsd", symbols.FREEBSD, symbols.ERRNO_FREEBSD, _FREEBSD_STATES, 1)
SYSTEMS: Final = {"linux": LINUX, "freebsd": FREEBSD}
