"""What must hold at every endpoint after every step of any run, whatever the network does."""

from __future__ import annotations

from netsim.base.events import Event, ListSink, SegmentReceived, SegmentSent, StateChanged
from netsim.base.packet import ACK, RST, SYN, Segment
from netsim.base.seqnum import seq_add, seq_diff, seq_gt, seq_le, seq_lt
from netsim.drive.virtual import World
from netsim.tcp.connection import Connection

KEEP = 60
MOST_IN_AN_INSTANT = 3000


class InvariantBroken(AssertionError):
    pass


class Watch(ListSink):
    """Keeps the last events for the message, and the right edges that were ever offered to each endpoint."""

    def __init__(self) -> None:
        super().__init__()
        self.edges: dict[int, int] = {}
        self.live: dict[int, Connection] = {}
        self.beyond = ""
        self.anew: set[int] = set()
        """Connections that went back to LISTEN: their next numbers are those of another connection."""
        self._instant_ns = -1
        self._in_instant = 0

    def emit(self, event: Event) -> None:
        self.events.append(event)
        if event.t_ns != self._instant_ns:
            self._instant_ns = event.t_ns
            self._in_instant = 0
        self._in_instant += 1
        if self._in_instant > MOST_IN_AN_INSTANT:
            raise InvariantBroken(f"{MOST_IN_AN_INSTANT} events without time moving:\n{self.tail()}")
        if len(self.events) > 2 * KEEP:
            del self.events[:KEEP]
        if isinstance(event, SegmentReceived):
            self._note_edge(event)
        elif isinstance(event, SegmentSent):
            self._check_edge(event)
        elif isinstance(event, StateChanged) and event.new == "LISTEN":
            self.edges.pop(event.conn, None)
            self.anew.add(event.conn)

    def tail(self) -> str:
        return "\n".join(describe(event) for event in self.events[-KEEP:])

    def _note_edge(self, event: SegmentReceived) -> None:
        """What the peer offers with this segment, even if it is dropped later: an upper bound."""
        segment = event.segment
        if not segment.flags & ACK:
            return
        conn = self.live.get(event.conn)
        if conn is not None and seq_lt(seq_add(conn.ep.snd.nxt, 1), segment.ack):
            return  # it acknowledges what was never sent (nor probed with): it offers nothing
        # Linux takes the window of a SYN,ACK that crossed its own for a scaled one (Profile.crossed_window_is_scaled).
        plain = segment.flags & SYN and not (conn is not None and conn.ep.profile.crossed_window_is_scaled)
        shift = 0 if plain or conn is None else conn.ep.snd.wscale
        edge = seq_add(segment.ack, segment.wnd << shift)
        old = self.edges.get(event.conn)
        if old is None or seq_gt(edge, old):
            self.edges[event.conn] = edge

    def _check_edge(self, event: SegmentSent) -> None:
        segment = event.segment
        if not segment.payload or event.cause == "persist" or segment.flags & (SYN | RST):
            return
        edge = self.edges.get(event.conn)
        end = seq_add(segment.seq, len(segment.payload))
        if edge is not None and seq_gt(end, edge):
            self.beyond = f"{event.host} sent {segment} although the window ends at {edge} ({event.reason.code})"


class Invariants:
    """Checks every connection of a world; call `check` after each step."""

    def __init__(self, world: World, watch: Watch) -> None:
        self.world = world
        self.watch = watch
        self.una: dict[int, int] = {}
        self.rcv_nxt: dict[int, int] = {}

    def run_to_the_end(self, most_steps: int) -> None:
        """Run the world until nothing is left to happen, checking after each step."""
        while self.world.step():
            self.check()
            assert self.world.sim.steps < most_steps, f"the run does not come to an end:\n{self.watch.tail()}"

    def check(self) -> None:
        for number in self.watch.anew:
            self.una.pop(number, None)
            self.rcv_nxt.pop(number, None)
        self.watch.anew.clear()
        for host in self.world.hosts.values():
            for slot in host.tcp.slots.values():
                number = slot.conn.ep.conn
                self.watch.live[number] = slot.conn
                self._check_connection(number, slot.conn)
        if self.watch.beyond:
            self._fail(self.watch.beyond)

    def _check_connection(self, number: int, conn: Connection) -> None:
        ep = conn.ep
        snd, rcv, sender, receiver = ep.snd, ep.receiver.rcv, ep.sender, ep.receiver
        name = f"{ep.host} connection {number} in {ep.state}"
        if ep.state.value in ("CLOSED", "LISTEN"):
            self.una.pop(number, None)
            self.rcv_nxt.pop(number, None)
            return
        self._expect(seq_le(snd.una, snd.nxt), f"{name}: snd.una {snd.una} is after snd.nxt {snd.nxt}")
        self._expect(seq_diff(snd.nxt, snd.una) == sender.nxt - sender.una, f"{name}: offsets differ from numbers")
        self._expect(snd.wnd >= 0 and rcv.wnd >= 0, f"{name}: a window is negative")
        self._expect(sender.recovery.sb.pipe_bytes() >= 0, f"{name}: pipe is negative")
        self._expect(sender.flight_bytes() >= 0 and sender.unsent_bytes() >= 0, f"{name}: negative queue")
        self._expect(len(sender.buffer) <= sender.capacity, f"{name}: the send buffer overflows")
        self._expect(receiver.free_bytes() >= 0, f"{name}: the receive buffer overflows")
        self._expect(sender.rto_ns() > 0, f"{name}: RTO is not positive")
        self._expect(ep.sender.recovery.cc.cwnd > 0, f"{name}: cwnd is not positive")
        una = self.una.get(number, snd.una)
        self._expect(seq_le(una, snd.una), f"{name}: snd.una went back from {una} to {snd.una}")
        nxt = self.rcv_nxt.get(number, rcv.nxt)
        if ep.state.value != "SYN-SENT" and number in self.rcv_nxt:
            self._expect(not seq_lt(rcv.nxt, nxt), f"{name}: rcv.nxt went back from {nxt} to {rcv.nxt}")
        self.una[number] = snd.una
        if ep.state.value != "SYN-SENT":
            self.rcv_nxt[number] = rcv.nxt
        if sender.una < sender.nxt and ep.state.value not in ("TIME-WAIT",):
            self._expect(conn.next_deadline() is not None, f"{name}: data in flight, and no timer runs")

    def _expect(self, condition: bool, message: str) -> None:
        if not condition:
            self._fail(message)

    def _fail(self, message: str) -> None:
        where = f"at {self.world.now_ns} ns, step {self.world.sim.steps}"
        raise InvariantBroken(f"{message}\n{where}; before it:\n{self.watch.tail()}")


def describe(event: Event) -> str:
    parts = []
    for cls in type(event).__mro__:
        for slot in getattr(cls, "__slots__", ()):
            if slot not in ("t_ns", "host", "conn"):
                value = getattr(event, slot)
                parts.append(f"{slot}={value!r}" + (f"#{value.uid}" if isinstance(value, Segment) else ""))
    return f"{event.t_ns / 1e9:12.6f} {event.host} {event.conn} {type(event).__name__} {' '.join(parts)}"
