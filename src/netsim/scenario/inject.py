"""Segments that no stack sent: old duplicates and forgeries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netsim.base.errors import UsageError
from netsim.base.events import PacketSent
from netsim.base.packet import ACK, OPT_MSS, OPT_NOP, OPT_TS, Segment
from netsim.report.rows import INJECTED

if TYPE_CHECKING:
    from netsim.drive.virtual import World
    from netsim.host.host import Host
    from netsim.scenario.match import Wire
    from netsim.tcp.connection import Connection


class Injector:
    """Makes segments and lets them arrive."""

    def __init__(self, world: World, wire: Wire) -> None:
        self.world = world
        self.wire = wire
        self.pairs: dict[tuple[str, str], tuple[int, int]] = {}
        """Ports of the last connection between two hosts."""

    def note_pair(self, host: str, port: int, peer: str, peer_port: int) -> None:
        """Remember which ports two hosts used last."""
        self.pairs[host, peer] = (port, peer_port)
        self.pairs[peer, host] = (peer_port, port)

    def inject(self, now_ns: int, args: dict[str, Any], index: int) -> None:
        """Let the `index`-th segment of an inject step arrive now."""
        source, target = self.world.host(args["from"][0]), self.world.host(args["to"][0])
        sport, dport = self._ports(args, source, target)
        sport = (sport + index - 1) % 65535 + 1 if index else sport
        six = ":" in target.addresses[0]
        src = next(address for address in source.addresses if (":" in address) == six)
        dst = target.addresses[0]
        slot = target.tcp.slots.get((dst, dport, src, sport))
        conn = None if slot is None else slot.conn
        segment = self._make(args, src, sport, dst, dport, conn)
        segment.uid = self.world.network.numbers.next()
        self.wire.injected.add(segment.uid)
        if self.world.sink.recording:
            self.world.sink.emit(PacketSent(now_ns, source.name, segment, INJECTED))
        self.world.network.nodes[target.name].receive(now_ns, segment)

    def _ports(self, args: dict[str, Any], source: Host, target: Host) -> tuple[int, int]:
        """The ports given, and for those that are not, the ports of the last connection between the two."""
        sport, dport = args["from"][1], args["to"][1]
        known = self.pairs.get((source.name, target.name), (0, 0))
        sport, dport = sport or known[0], dport or known[1]
        if not sport or not dport:
            raise UsageError(
                f"inject from {source.name} to {target.name}: which ports? There is no connection between them yet;"
                f" write from: '{source.name}:PORT' and to: '{target.name}:PORT'"
            )
        return sport, dport

    def _make(
        self, args: dict[str, Any], src: str, sport: int, dst: str, dport: int, conn: Connection | None
    ) -> Segment:
        ep = None if conn is None else conn.ep
        seq_bases = (0, 0) if ep is None else (ep.receiver.rcv.irs, ep.receiver.rcv.nxt)
        ack_bases = (0, 0) if ep is None else (ep.snd.iss, ep.snd.nxt)
        seq = _number(args["seq"], seq_bases)
        ack = _number(args["ack"], ack_bases) if args["ack"] is not None else 0
        flags = args["flags"]
        if args["ack"] is None and flags & ACK:
            ack = ack_bases[1]
        segment = Segment(src, dst, sport, dport, seq, ack, flags, args["win"], args["data"])
        if args["mss"] is not None:
            segment.opt_mss = args["mss"]
            segment.layout += bytes((OPT_MSS,))
        if args["ts"] is not None:
            value, echo = args["ts"]
            if conn is not None:
                value = value if value > 0 else conn.ep.neg.ts_recent + value
                echo = echo if echo > 0 else _newest_sent(self.wire, conn) + echo
            segment.ts_val, segment.ts_ecr = value & 0xFFFFFFFF, echo & 0xFFFFFFFF
            segment.layout += bytes((OPT_NOP, OPT_NOP, OPT_TS))
        return segment


def _number(spec: tuple[str, int], bases: tuple[int, int]) -> int:
    mode, value = spec
    base = 0 if mode == "abs" else bases[1] if mode == "next" else bases[0]
    return (base + value) & 0xFFFFFFFF


def _newest_sent(wire: Wire, conn: Connection) -> int:
    """The newest timestamp that the connection has sent."""
    for row in reversed(wire.recorder.segments):
        if row.sender == conn.ep.host and row.conn_from == conn.ep.conn and row.segment.has_ts:
            return row.segment.ts_val
    return 0
