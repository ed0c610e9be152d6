"""Two connections joined by a wire with a delay, in virtual time: the vocabulary of the core's tests.

    pair = Pair()
    pair.open()
    pair.client.send(pair.now, b"hello")
    pair.run()

Everything that crosses the wire is in `pair.log`, every event in `pair.events`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from netsim.base.events import Event, ListSink, StateChanged
from netsim.base.packet import ACK, Segment
from netsim.base.seqnum import seq_diff
from netsim.base.units import MS, SEC
from netsim.tcp.connection import Connection
from netsim.tcp.profile import RFC, ConnectionOptions, Profile

CLIENT_ISS = (1 << 32) - 100
SERVER_ISS = (1 << 32) - 50


class Sent:
    """One segment on the wire: who sent it, when, and whether it was lost."""

    def __init__(self, t_ns: int, side: str, seg: Segment, lost: bool) -> None:
        self.t_ns, self.side, self.seg, self.lost = t_ns, side, seg, lost

    def __repr__(self) -> str:
        iss = CLIENT_ISS if self.side == "client" else SERVER_ISS
        peer = SERVER_ISS if self.side == "client" else CLIENT_ISS
        text = f"{self.t_ns / 1e9:.3f} {self.side} {self.seg.flags_letters()} {seq_diff(self.seg.seq, iss)}"
        if self.seg.flags & ACK:
            text += f" ack {seq_diff(self.seg.ack, peer)}"
        return text + f" len {len(self.seg.payload)}" + (" LOST" if self.lost else "")


class Pair:
    """A client and a server with `delay_ns` between them."""

    def __init__(
        self,
        client: Profile = RFC,
        server: Profile | None = None,
        *,
        delay_ns: int = 50 * MS,
        mtu: int = 1500,
        client_options: ConnectionOptions | None = None,
        server_options: ConnectionOptions | None = None,
        **changes: Any,
    ) -> None:
        if changes:
            client = replace(client, **changes)
            server = replace(server or client, **changes)
        server = server or client
        self.sink = ListSink()
        self.now = 0
        self.delay_ns = delay_ns
        self.drop: Callable[[str, Segment], bool] = lambda side, seg: False
        self.log: list[Sent] = []
        self._wire: list[tuple[int, int, str, Segment]] = []
        self._serial = 0
        common: dict[str, Any] = {"sink": self.sink, "mtu": mtu}
        self.client = Connection(
            client, client_options or ConnectionOptions(), "10.0.0.1", 40000,
            host="client", conn=1, iss=CLIENT_ISS, **common,
        )  # fmt: skip
        self.server = Connection(
            server, server_options or ConnectionOptions(), "10.0.0.2", 80,
            host="server", conn=2, iss=SERVER_ISS, **common,
        )  # fmt: skip
        self.ends = {"client": self.client, "server": self.server}

    @property
    def events(self) -> list[Event]:
        return self.sink.events

    def open(self) -> None:
        """Passive and active open, run until both are established."""
        self.server.open_passive(self.now)
        self.client.open_active(self.now, "10.0.0.2", 80)
        self.run(4 * self.delay_ns)

    def flush(self) -> None:
        """Drain both ends onto the wire."""
        for side, end in self.ends.items():
            while (seg := end.poll_transmit(self.now)) is not None:
                self.inject(side, seg)

    def inject(self, side: str, seg: Segment, delay_ns: int | None = None) -> None:
        """Put a segment on the wire as if `side` had sent it."""
        lost = self.drop(side, seg)
        self.log.append(Sent(self.now, side, seg, lost))
        if not lost:
            self._serial += 1
            when = self.now + (self.delay_ns if delay_ns is None else delay_ns)
            heapq.heappush(self._wire, (when, self._serial, side, seg))

    def next_time(self) -> int | None:
        times = [self._wire[0][0]] if self._wire else []
        times += [at for end in self.ends.values() if (at := end.next_deadline()) is not None]
        return min(times, default=None)

    def step(self) -> bool:
        """One instant: deliveries, then timers. False if nothing is left to happen."""
        self.flush()
        at = self.next_time()
        if at is None:
            return False
        self.now = max(self.now, at)
        while self._wire and self._wire[0][0] <= self.now:
            _, _, side, seg = heapq.heappop(self._wire)
            other = "server" if side == "client" else "client"
            self.ends[other].handle_segment(self.now, seg)
            self.flush()
        for end in self.ends.values():
            end.handle_timeout(self.now)
        self.flush()
        return True

    def run(self, for_ns: int = 1000 * SEC) -> None:
        """Run for `for_ns` of virtual time, or until nothing is left."""
        end = self.now + for_ns
        self.flush()
        while (at := self.next_time()) is not None and at <= end:
            self.step()
        self.now = end

    def states(self, side: str) -> list[str]:
        """The states that one end went through."""
        changes = [e for e in self.events if isinstance(e, StateChanged) and e.host == side]
        return [changes[0].old, *[c.new for c in changes]] if changes else []

    def sent_by(self, side: str) -> list[Segment]:
        return [s.seg for s in self.log if s.side == side]

    def read_all(self, side: str) -> bytes:
        end = self.ends[side]
        data = b""
        while part := end.receive(self.now, 1 << 20):
            data += part
        return data
