"""A direction of a link: rate, delay, MTU, a finite queue, and what may happen to a packet on it.

A `Channel` serialises packets one after another at its rate (exactly: the
fraction of a nanosecond is carried over), then they travel for its delay. Since a FIFO's
future is known, a packet costs one kernel event: its arrival.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from netsim.base.errors import UsageError
from netsim.base.events import PacketDropped, PacketImpaired
from netsim.base.packet import CE
from netsim.base.seams import i64
from netsim.base.units import format_duration, format_rate
from netsim.sim import reasons
from netsim.sim.impair import Impairer, Verdict, copy_packet
from netsim.sim.kernel import ARRIVAL, Action, Simulator
from netsim.sim.queue import ADMIT, DROP_FULL, MARK, QueuePolicy, Waiting

if TYPE_CHECKING:
    from random import Random

    from netsim.base.events import Sink
    from netsim.base.packet import Packet
    from netsim.base.reasons import Reason
    from netsim.sim.node import Node

_BIT_NS: Final = 8 * 1_000_000_000
"""Bits in a byte times nanoseconds in a second: bytes * _BIT_NS // rate is a time in ns."""


class PacketNumbers:
    """Gives every packet of a run its uid: 1, 2, 3, ..."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last = 0

    def next(self) -> int:
        """The next uid."""
        self.last += 1
        return self.last


class LinkSettings:
    """What a direction of a link is like. Rates in bit/s (0: infinitely fast), times in ns, MTU in bytes."""

    __slots__ = ("allow_reordering", "delay_ns", "jitter_ns", "mtu", "rate_bps")

    def __init__(
        self,
        rate_bps: int = 0,
        delay_ns: int = 0,
        *,
        jitter_ns: int = 0,
        mtu: int = 1500,
        allow_reordering: bool = False,
    ) -> None:
        if rate_bps < 0 or delay_ns < 0 or jitter_ns < 0:
            raise UsageError("a link's rate, delay and jitter cannot be negative")
        if mtu < 68:
            raise UsageError(f"an MTU of {mtu} is too small: IPv4 needs 68 (RFC 791)")
        self.rate_bps = rate_bps
        self.delay_ns = delay_ns
        self.jitter_ns = jitter_ns
        self.mtu = mtu
        self.allow_reordering = allow_reordering


class InFlight:
    """A look at a packet on its way: it leaves the queue at `starts_ns`, arrives at `arrives_ns`."""

    __slots__ = ("arrives_ns", "channel", "packet", "starts_ns")

    def __init__(self, channel: Channel, packet: Packet, starts_ns: int, arrives_ns: int) -> None:
        self.channel = channel
        self.packet = packet
        self.starts_ns = starts_ns
        self.arrives_ns = arrives_ns


class Stray(Action):
    """A packet that travels out of line: delayed by a rule, by jitter, or held back."""

    __slots__ = ("arrives_ns", "channel", "handle", "packet", "starts_ns")

    def __init__(self, channel: Channel, packet: Packet, starts_ns: int, arrives_ns: int) -> None:
        self.channel = channel
        self.packet = packet
        self.starts_ns = starts_ns
        self.arrives_ns = arrives_ns
        self.handle = 0

    def run(self, now_ns: int) -> bool:
        """It arrives."""
        self.channel.strays.remove(self)
        self.channel.delivered += 1
        self.channel.target.receive(now_ns, self.packet)
        return True

    def describe(self) -> str:
        """`packet 14 arrives at server`."""
        return f"packet {self.packet.uid} arrives at {self.channel.target.name}"


class _Held:
    """A packet that lets others pass, and the stray that ends its wait at the latest."""

    __slots__ = ("left", "stray")

    def __init__(self, stray: Stray, left: int) -> None:
        self.stray = stray
        self.left = left


class Channel(Action):
    """One direction of a link, from `source` to `target`.

    Counters: `sent` (given to it), `delivered`, `dropped` (queue, rules, chance, down), `bytes_sent`.
    """

    __slots__ = (
        "_carry", "_flying", "_free_at_ns", "_held", "_last_arrival_ns", "_rng", "_sim", "_sink", "_waiting",
        "allow_reordering", "bytes_sent", "delay_ns", "delivered", "dropped", "impairers", "jitter_ns", "link_name",
        "mtu", "name", "numbers", "queue", "rate_bps", "sent", "source", "strays", "target", "up",
    )  # fmt: skip

    def __init__(
        self,
        sim: Simulator,
        link_name: str,
        source: Node,
        target: Node,
        settings: LinkSettings,
        queue: QueuePolicy,
        sink: Sink,
        numbers: PacketNumbers,
    ) -> None:
        self.link_name = link_name
        self.name = f"{source.name}>{target.name}"
        self.source = source
        self.target = target
        self.rate_bps = settings.rate_bps
        self.delay_ns = settings.delay_ns
        self.jitter_ns = settings.jitter_ns
        self.mtu = settings.mtu
        self.allow_reordering = settings.allow_reordering
        self.queue = queue
        self.numbers = numbers
        self.up = True
        self.impairers: list[Impairer] = []
        self.strays: list[Stray] = []
        self.sent = 0
        self.delivered = 0
        self.dropped = 0
        self.bytes_sent = 0
        self._sim = sim
        self._sink = sink
        self._rng: Random = sim.rng(f"{link_name}/{self.name}/jitter")
        self._free_at_ns = 0
        self._carry = 0
        self._waiting = Waiting()
        self._last_arrival_ns = 0
        self._flying: deque[Packet] = deque()
        self._held: list[_Held] = []

    # --- carrying packets ---------------------------------------------------------------

    def send(self, now_ns: int, packet: Packet) -> bool:
        """Take a packet up at `now_ns`. False: it is larger than the MTU, and nothing was done.

        Everything else that can happen to it is this channel's business: it is queued,
        dropped, delayed, and in the end handed to `target.receive`.
        """
        size = packet.wire_bytes()
        if size > self.mtu:
            return False
        self.sent += 1
        self.bytes_sent += size
        if not self.up:
            self._drop(now_ns, packet, reasons.LINK_DOWN, "")
            return True
        starts = now_ns
        if self.rate_bps:
            if self._free_at_ns <= now_ns:
                self._carry = 0
                if self._waiting.octets:
                    self._waiting.clear()
            else:
                starts = self._free_at_ns
                fate = self._enqueue(now_ns, starts, packet, size)
                if fate != ADMIT:
                    if fate != MARK:
                        reason = reasons.QUEUE_FULL if fate == DROP_FULL else reasons.QUEUE_EARLY
                        self._drop(now_ns, packet, reason, "")
                        return True
                    packet = self._marked(now_ns, packet)
            bits: i64 = size
            bits = bits * _BIT_NS + self._carry  # below 2^63 for all packets up to 1 GB
            self._free_at_ns = starts + bits // self.rate_bps
            self._carry = bits % self.rate_bps
            arrives = self._free_at_ns + self.delay_ns
        else:
            arrives = now_ns + self.delay_ns
        if self.jitter_ns:
            arrives += self._rng.randrange(self.jitter_ns + 1)
        if self.impairers:
            self._impaired(now_ns, packet, starts, arrives)
        else:
            self._launch(packet, starts, arrives)
        return True

    def _launch(self, packet: Packet, starts: int, arrives: int) -> None:
        """The packet flies. In line: only the head of the line is on the kernel's heap."""
        if arrives < self._last_arrival_ns:
            if self.allow_reordering:
                self._launch_stray(packet, starts, arrives)
                return
            arrives = self._last_arrival_ns
        self._last_arrival_ns = arrives
        packet.starts_ns = starts
        packet.arrives_ns = arrives
        packet.place = place = self._sim.reserve()
        if not self._flying:
            self._sim.schedule_reserved(arrives, ARRIVAL, place, self)
        self._flying.append(packet)

    def _launch_stray(self, packet: Packet, starts: int, arrives: int) -> Stray:
        stray = Stray(self, packet, starts, arrives)
        self.strays.append(stray)
        stray.handle = self._sim.schedule(arrives, ARRIVAL, stray)
        return stray

    def run(self, now_ns: int) -> bool:
        """The head of the line arrives."""
        packet = self._flying.popleft()
        if self._flying:
            head = self._flying[0]
            self._sim.schedule_reserved(head.arrives_ns, ARRIVAL, head.place, self)
        self.delivered += 1
        self.target.receive(now_ns, packet)
        return True

    def describe(self) -> str:
        """`packet 14 arrives at server`."""
        return f"packet {self._flying[0].uid} arrives at {self.target.name}" if self._flying else self.name

    # --- the queue ----------------------------------------------------------------------

    def _enqueue(self, now_ns: int, starts: int, packet: Packet, size: int) -> int:
        """Ask the policy about a packet whose turn comes at `starts`; enter it if it may stay."""
        waiting = self._waiting
        waiting.leave(now_ns)
        ecn = packet.tos & 3
        fate = self.queue.admit(
            now_ns, starts - now_ns, waiting.packets(), waiting.octets, size, ecn == 1 or ecn == 2
        )  # fmt: skip
        if fate in (ADMIT, MARK):
            waiting.enter(starts, size)
        return fate

    def queue_length(self, now_ns: int) -> int:
        """How many packets wait for their turn at `now_ns`, without the one being sent."""
        return len(self._waiting.after(now_ns))

    def _marked(self, now_ns: int, packet: Packet) -> Packet:
        """The packet with CE set: a copy, because the record keeps what was sent."""
        packet = copy_packet(packet)
        packet.tos = packet.tos | CE
        if self._sink.recording:
            event = PacketImpaired(
                now_ns, self.source.name, packet, self.link_name, "edit", "queue mark", reasons.QUEUE_MARK
            )
            self._sink.emit(event)
        return packet

    def _drop(self, now_ns: int, packet: Packet, reason: Reason, rule: str) -> None:
        self.dropped += 1
        if self._sink.recording:
            self._sink.emit(PacketDropped(now_ns, self.source.name, packet, self.link_name, reason, rule))

    # --- impairments --------------------------------------------------------------------

    def _impaired(self, now_ns: int, packet: Packet, starts: int, arrives: int) -> None:
        """Let the impairers judge the packet, and carry their verdict out."""
        verdict = Verdict(packet)
        for impairer in self.impairers:
            impairer.judge(now_ns, self.source.name, verdict)
        if verdict.drop is not None:
            self._drop(now_ns, packet, verdict.drop, verdict.rule)
            return
        packet = verdict.packet
        if self._sink.recording:
            for what, rule in verdict.notes:
                self._sink.emit(PacketImpaired(now_ns, self.source.name, packet, self.link_name, what, rule))
        arrives += verdict.hold_up_ns
        if verdict.pass_count > 0:
            self._hold(packet, starts, arrives + verdict.delay_ns, verdict)
        elif verdict.delay_ns > 0:
            self._launch_stray(packet, starts, arrives + verdict.delay_ns)
        else:
            self._launch(packet, starts, arrives)
        for _ in range(verdict.copies):
            self._launch_copy(now_ns, packet, starts, arrives + verdict.delay_ns, verdict.rule)
        if self._held and verdict.pass_count == 0:
            self._let_pass(max(arrives, self._last_arrival_ns))

    def _launch_copy(self, now_ns: int, packet: Packet, starts: int, arrives: int, rule: str) -> None:
        copy = copy_packet(packet)
        copy.uid = self.numbers.next()
        copy.copy_of = packet.uid
        if self._sink.recording:
            self._sink.emit(PacketImpaired(now_ns, self.source.name, copy, self.link_name, "duplicate", rule))
        if arrives < self._last_arrival_ns or arrives > self._last_arrival_ns:
            self._launch_stray(copy, starts, arrives)
        else:
            self._launch(copy, starts, arrives)

    def _hold(self, packet: Packet, starts: int, arrives: int, verdict: Verdict) -> None:
        """Set the packet aside; it arrives in the end even if nobody passes it."""
        stray = self._launch_stray(packet, starts, arrives + verdict.pass_at_most_ns)
        self._held.append(_Held(stray, verdict.pass_count))

    def _let_pass(self, arrives: int) -> None:
        """A packet that arrives at `arrives` passes those set aside; who let enough pass follows it."""
        for held in self._held:
            held.left -= 1
            if held.left == 0 and held.stray in self.strays and held.stray.arrives_ns > arrives:
                self._sim.cancel(held.stray.handle)
                held.stray.arrives_ns = arrives
                held.stray.handle = self._sim.schedule(arrives, ARRIVAL, held.stray)
        self._held = [held for held in self._held if held.left > 0 and held.stray in self.strays]

    # --- looks and changes from outside ---------------------------------------------------

    def load(self) -> int:
        """How many packets are queued or on their way."""
        return len(self._flying) + len(self.strays)

    def newest(self, count: int) -> list[InFlight]:
        """The last `count` packets that fly in line, and all that travel out of line."""
        flights = [InFlight(self, stray.packet, stray.starts_ns, stray.arrives_ns) for stray in self.strays]
        for index in range(max(0, len(self._flying) - count), len(self._flying)):
            packet = self._flying[index]
            flights.append(InFlight(self, packet, packet.starts_ns, packet.arrives_ns))
        return flights

    def in_flight(self) -> list[InFlight]:
        """Every packet queued or on its way, in the order of arrival."""
        flights = [InFlight(self, packet, packet.starts_ns, packet.arrives_ns) for packet in self._flying]
        flights += [InFlight(self, stray.packet, stray.starts_ns, stray.arrives_ns) for stray in self.strays]
        flights.sort(key=_arrival)
        return flights

    def take_out(self, now_ns: int, uid: int, reason: Reason = reasons.WHAT_IF, rule: str = "") -> Packet | None:
        """Lose the packet `uid` on its way. None: it is not here (any more)."""
        packet = self._remove(uid)
        if packet is not None:
            self._drop(now_ns, packet, reason, rule)
        return packet

    def postpone(self, now_ns: int, uid: int, by_ns: int, rule: str = "") -> bool:
        """Let the packet `uid` arrive `by_ns` later; others may overtake it. False: it is not here."""
        for flight in self.in_flight():
            if flight.packet.uid == uid:
                self._remove(uid)
                self._launch_stray(flight.packet, flight.starts_ns, flight.arrives_ns + by_ns)
                if self._sink.recording:
                    event = PacketImpaired(now_ns, self.source.name, flight.packet, self.link_name, "delay", rule)
                    self._sink.emit(event)
                return True
        return False

    def replicate(self, now_ns: int, uid: int, rule: str = "") -> bool:
        """Let the packet `uid` arrive twice. False: it is not here."""
        for flight in self.in_flight():
            if flight.packet.uid == uid:
                self._launch_copy(now_ns, flight.packet, flight.starts_ns, flight.arrives_ns, rule)
                return True
        return False

    def replace(self, now_ns: int, uid: int, packet: Packet, rule: str = "") -> bool:
        """Let `packet` (a changed copy) arrive in the place of the packet `uid`. False: it is not here."""
        found = False
        for index in range(len(self._flying)):
            old = self._flying[index]
            if old.uid == uid:
                packet.starts_ns, packet.arrives_ns, packet.place = old.starts_ns, old.arrives_ns, old.place
                self._flying[index] = packet
                found = True
        for stray in self.strays:
            if stray.packet.uid == uid:
                stray.packet = packet
                found = True
        if found and self._sink.recording:
            self._sink.emit(PacketImpaired(now_ns, self.source.name, packet, self.link_name, "edit", rule))
        return found

    def _remove(self, uid: int) -> Packet | None:
        for stray in self.strays:
            if stray.packet.uid == uid:
                self._sim.cancel(stray.handle)
                self.strays.remove(stray)
                return stray.packet
        for index in range(len(self._flying)):
            packet = self._flying[index]
            if packet.uid == uid:
                del self._flying[index]
                if index == 0:
                    self._sim.cancel(packet.place)
                    if self._flying:
                        head = self._flying[0]
                        self._sim.schedule_reserved(head.arrives_ns, ARRIVAL, head.place, self)
                return packet
        return None

    def change(
        self,
        now_ns: int,
        *,
        rate_bps: int | None = None,
        delay_ns: int | None = None,
        jitter_ns: int | None = None,
        mtu: int | None = None,
        up: bool | None = None,
        queue: QueuePolicy | None = None,
    ) -> list[str]:
        """Change the channel while it runs; returns what changed, for people.

        The packet being sent goes out at the old rate, those that wait at the new one. A new
        delay holds for packets sent from now on. A channel that goes down loses the
        packets that wait; those on their way arrive.
        """
        changes = []
        if rate_bps is not None and rate_bps != self.rate_bps:
            self.rate_bps = rate_bps
            self._respace(now_ns)
            changes.append(f"rate {format_rate(rate_bps) if rate_bps else 'infinite'}")
        if delay_ns is not None and delay_ns != self.delay_ns:
            self.delay_ns = delay_ns
            changes.append(f"delay {format_duration(delay_ns)}")
        if jitter_ns is not None and jitter_ns != self.jitter_ns:
            self.jitter_ns = jitter_ns
            changes.append(f"jitter {format_duration(jitter_ns)}")
        if mtu is not None and mtu != self.mtu:
            self.mtu = mtu
            changes.append(f"MTU {mtu}")
        if queue is not None:
            self.queue = queue
            changes.append(f"queue {queue.describe()}")
        if up is not None and up != self.up:
            self.up = up
            changes.append("up" if up else "down")
            if not up:
                self._lose_waiting(now_ns)
        return changes

    def _respace(self, now_ns: int) -> None:
        """Give the packets that wait their new times, after a change of the rate."""
        waiting = self._waiting.after(now_ns)
        free_at = waiting[0][0] if waiting else min(self._free_at_ns, max(now_ns, self._free_at_ns))
        self._carry = 0
        shifts: dict[int, tuple[int, int]] = {}
        self._waiting.clear()
        for index in range(len(waiting)):
            old_start, size = waiting[index]
            old_end = waiting[index + 1][0] if index + 1 < len(waiting) else self._free_at_ns
            starts = free_at
            if self.rate_bps:
                bits = size * _BIT_NS + self._carry
                free_at = starts + bits // self.rate_bps
                self._carry = bits % self.rate_bps
                self._waiting.enter(starts, size)
            shifts[old_start] = (starts, free_at - old_end)
        self._free_at_ns = free_at
        self._shift_flights(shifts)

    def _shift_flights(self, shifts: dict[int, tuple[int, int]]) -> None:
        """Move the arrivals of the packets whose transmission was to start at the keys of `shifts`."""
        if not shifts:
            return
        flights = list(self._flying)
        if flights:
            self._sim.cancel(flights[0].place)
        self._flying.clear()
        self._last_arrival_ns = 0
        for packet in flights:
            starts, shift = shifts.get(packet.starts_ns, (packet.starts_ns, 0))
            self._launch(packet, starts, packet.arrives_ns + shift)
        for stray in self.strays:
            if stray.starts_ns in shifts:
                stray.starts_ns, shift = shifts[stray.starts_ns]
                self._sim.cancel(stray.handle)
                stray.arrives_ns += shift
                stray.handle = self._sim.schedule(stray.arrives_ns, ARRIVAL, stray)

    def _lose_waiting(self, now_ns: int) -> None:
        for flight in self.in_flight():
            if flight.starts_ns > now_ns:
                self.take_out(now_ns, flight.packet.uid, reasons.LINK_DOWN)
        waiting = self._waiting.after(now_ns)
        if waiting:
            self._free_at_ns = waiting[0][0]
        self._waiting.clear()


def _arrival(flight: InFlight) -> int:
    return flight.arrives_ns
