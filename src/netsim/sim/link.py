"""Links: two channels, one each way, that change together or one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.base.errors import UsageError
from netsim.base.events import LinkChanged
from netsim.sim.channel import Channel, InFlight, LinkSettings, PacketNumbers
from netsim.sim.queue import DropTail, QueuePolicy

if TYPE_CHECKING:
    from netsim.base.events import Sink

__all__ = ["Channel", "InFlight", "Link", "LinkSettings", "PacketNumbers", "default_queue"]


class Link:
    """A duplex link: `forward` from its first node to its second, `backward` the other way."""

    def __init__(self, name: str, forward: Channel, backward: Channel, sink: Sink) -> None:
        self.name = name
        self.forward = forward
        self.backward = backward
        self._sink = sink

    def channel_from(self, node_name: str) -> Channel:
        """The direction that leaves this node. UsageError: the node is not at this link."""
        if self.forward.source.name == node_name:
            return self.forward
        if self.backward.source.name == node_name:
            return self.backward
        raise UsageError(f"'{node_name}' is not an end of the link '{self.name}'")

    def change(
        self,
        now_ns: int,
        *,
        rate_bps: int | None = None,
        delay_ns: int | None = None,
        jitter_ns: int | None = None,
        mtu: int | None = None,
        up: bool | None = None,
        from_node: str = "",
    ) -> None:
        """Change both directions (or the one that leaves `from_node`); emits `LinkChanged`."""
        channels = [self.channel_from(from_node)] if from_node else [self.forward, self.backward]
        changes: list[str] = []
        for channel in channels:
            changes = channel.change(
                now_ns, rate_bps=rate_bps, delay_ns=delay_ns, jitter_ns=jitter_ns, mtu=mtu, up=up
            ) or changes  # fmt: skip
        if changes and self._sink.recording:
            where = f" (from {from_node})" if from_node else ""
            self._sink.emit(LinkChanged(now_ns, self.name, ", ".join(changes) + where))


def default_queue() -> QueuePolicy:
    """What a link has if nobody says otherwise: drop-tail, 1000 packets."""
    return DropTail()
