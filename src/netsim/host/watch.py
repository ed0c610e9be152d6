"""Being told that something happened at a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.base.seams import mypyc_attr

if TYPE_CHECKING:
    from netsim.host.socket import TcpSocket
    from netsim.host.udp import UdpSocket


@mypyc_attr(allow_interpreted_subclasses=True)
class Watcher:
    """Is told when a socket may have become readable, writable, acceptable, or failed.

    Spurious calls are possible: look at `poll_mask`. It may call the socket at once.
    """

    def socket_changed(self, now_ns: int, socket: TcpSocket | UdpSocket) -> None:
        """Something happened at `socket`."""
        raise NotImplementedError
