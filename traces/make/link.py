"""The link: one router hop between the two hosts that obeys a list of :mod:`traces.make.faults` rules."""

from __future__ import annotations

import contextlib
import heapq
import os
import queue
import random
import select
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Protocol

from . import wire
from .faults import Rule
from .pcap import Frame

ROUTER = {4: "203.0.113.1", 6: "2001:db8:ffff::1"}
OTHER = {"client": "server", "server": "client"}


class Port(Protocol):
    """Where a host is plugged in."""

    def fileno(self) -> int:
        """The descriptor that becomes readable when the host has sent something."""

    def read(self) -> bytes | None:
        """The next packet that the host has sent, if there is one."""

    def write(self, raw: bytes) -> None:
        """Give the host a packet."""


class TunPort:
    """A kernel behind a TUN device."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def fileno(self) -> int:
        """The device's descriptor."""
        return self.descriptor

    def read(self) -> bytes | None:
        """The next packet that the kernel has sent."""
        try:
            return os.read(self.descriptor, 65536)
        except BlockingIOError:
            return None

    def write(self, raw: bytes) -> None:
        """Put a packet into the kernel."""
        os.write(self.descriptor, raw)


class ScriptPort:
    """A scripted peer in place of a kernel: packets in and out through queues."""

    def __init__(self) -> None:
        self.inbox: queue.Queue[bytes] = queue.Queue()
        self.outbox: deque[bytes] = deque()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)

    def fileno(self) -> int:
        """A pipe that becomes readable when the script has sent something."""
        return self._wake_read

    def emit(self, raw: bytes) -> None:
        """The script sends a packet."""
        self.outbox.append(raw)
        os.write(self._wake_write, b".")

    def read(self) -> bytes | None:
        """The next packet that the script has sent."""
        try:
            os.read(self._wake_read, 1)
        except BlockingIOError:
            return None
        return self.outbox.popleft()

    def write(self, raw: bytes) -> None:
        """Give the script a packet."""
        self.inbox.put(raw)


@dataclass
class Path:
    """What one direction of the link is like."""

    delay_ms: float = 20.0
    rate_mbit: float | None = None
    queue_packets: int = 1000
    mtu: int = 65535
    silent_mtu: bool = False
    loss: float = 0.0
    duplication: float = 0.0
    jitter_ms: float = 0.0
    jitter_reorders: bool = False
    busy_until_ns: int = field(default=0, init=False)
    last_out_ns: int = field(default=0, init=False)
    departures: deque[int] = field(default_factory=deque, init=False)


@dataclass(order=True)
class _Due:
    at_ns: int
    serial: int
    receiver: str = field(compare=False)
    raw: bytes = field(compare=False)
    frame: int | None = field(compare=False)
    events: list[dict[str, Any]] = field(compare=False, default_factory=list)


class Link:
    """Carries packets between two ports, writes both captures and the record of what it did.

    Args:
        rules: what to do to which packet; the first rule that applies decides, marks and clamps also let it go on
        paths: the two directions, by sender
        seed: for the directions' random loss, duplication and jitter

    """

    def __init__(self, rules: list[Rule], paths: dict[str, Path], seed: int) -> None:
        self.rules = rules
        self.paths = paths
        self.random = random.Random(seed)
        self.ports: dict[str, Port] = {}
        self.frames: dict[str, list[Frame]] = {"client": [], "server": []}
        self.events: list[dict[str, Any]] = []
        self.passage: dict[str, list[list[int | None]]] = {"client": [], "server": []}
        self.blocked: dict[str, str] = {}
        self.clock_offset_ns = time.time_ns() - time.monotonic_ns()
        self._heap: list[_Due] = []
        self._held: list[tuple[int, _Due]] = []
        self._serial = 0
        self._isn: dict[tuple[str, int, str, int], int] = {}
        self._changed = threading.Condition()
        self._stop_read, self._stop_write = os.pipe()
        self._last_ns = 0
        self._thread: threading.Thread | None = None
        self.error: BaseException | None = None

    def now_ns(self) -> int:
        """Wall time that cannot step."""
        return time.monotonic_ns() + self.clock_offset_ns

    def start(self, ports: dict[str, Port]) -> None:
        """Begin to carry packets, in a thread with real-time priority where the kernel grants it."""
        self.ports = ports
        self._last_ns = self.now_ns()
        self._thread = threading.Thread(target=self._guarded, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Carry and record nothing more."""
        if self._thread is not None:
            os.write(self._stop_write, b".")
            self._thread.join()
        os.close(self._stop_read)
        os.close(self._stop_write)
        if self.error is not None:
            raise self.error

    def _guarded(self) -> None:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
        try:
            self._run()
        except BaseException as error:
            self.error = error

    def _run(self) -> None:
        by_descriptor = {port.fileno(): side for side, port in self.ports.items()}
        while True:
            wait_s = 0.5
            if self._heap:
                wait_s = max(0.0, (self._heap[0].at_ns - self.now_ns()) / 1e9)
            ready, _, _ = select.select([*by_descriptor, self._stop_read], [], [], wait_s)
            if self._stop_read in ready:
                return
            for descriptor in ready:
                self._drain(by_descriptor[descriptor])
            while self._heap and self._heap[0].at_ns <= self.now_ns():
                due = heapq.heappop(self._heap)
                self._drain("client")
                self._drain("server")
                self._deliver(due)
                self._drain(due.receiver)

    # --- from the hosts -------------------------------------------------------------------------------------

    def _drain(self, side: str) -> None:
        while (raw := self.ports[side].read()) is not None:
            now_ns = self.now_ns()
            packet = wire.parse(raw)
            if not packet.is_tcp:
                continue
            with self._changed:
                self.frames[side].append((now_ns, raw))
                self._last_ns = now_ns
                self._carry(side, packet, len(self.frames[side]), now_ns)
                self._changed.notify_all()

    def relative(self, packet: wire.Packet) -> int:
        """The packet's sequence number relative to the ISN of its direction."""
        if packet.flags & wire.SYN:
            self._isn[packet.flow] = packet.seq
        return (packet.seq - self._isn.get(packet.flow, packet.seq)) & 0xFFFFFFFF

    def _record(self, what: str, side: str, packet: wire.Packet, frame: int, why: str) -> dict[str, Any]:
        rel = self.relative(packet)
        size = f" bytes {rel - 1}..{rel - 2 + len(packet.payload)}" if packet.payload else ""
        event: dict[str, Any] = {
            "what": what,
            "sender": side,
            "frames": {side: frame, OTHER[side]: None},
            "segment": f"{packet.letters()} rel seq {rel}{size}",
            "why": why,
        }
        self.events.append(event)
        return event

    def _carry(self, side: str, packet: wire.Packet, frame: int, now_ns: int) -> None:
        path, raw = self.paths[side], packet.raw
        rel = self.relative(packet)
        if packet.ip_len > path.mtu:
            self._lose(self._record("drop", side, packet, frame, f"larger than the link's MTU of {path.mtu}"), frame)
            if not path.silent_mtu:
                self._from_router(side, wire.too_big(packet, ROUTER[packet.version], path.mtu), now_ns)
            return
        if side in self.blocked:
            self._lose(self._record("drop", side, packet, frame, self.blocked[side]), frame)
            return
        chosen: Rule | None = None
        events: list[dict[str, Any]] = []
        for rule in self.rules:
            if rule.sender != side or not rule.applies(packet, rel):
                continue
            if rule.action == "clamp-mss":
                raw = wire.clamp_mss(raw, rule.count)
                events.append(self._record(rule.action, side, packet, frame, rule.text))
            elif rule.action == "mark-ce":
                if wire.ecn_bits(raw) in (1, 2):
                    raw = wire.mark_ce(raw)
                    events.append(self._record(rule.action, side, packet, frame, rule.text))
            elif chosen is None:
                chosen = rule
        if chosen is not None:
            event = self._record(chosen.action, side, packet, frame, chosen.text)
            if chosen.action in ("drop", "unreachable"):
                self._lose(event, frame)
                if chosen.action == "unreachable":
                    self._from_router(side, wire.unreachable(packet, ROUTER[packet.version], chosen.count), now_ns)
                return
            events.append(event)
        elif path.loss and self.random.random() < path.loss:
            self._lose(self._record("drop", side, packet, frame, "random loss"), frame)
            return
        elif path.duplication and self.random.random() < path.duplication:
            chosen = Rule("duplicate", side, lambda *_: True, delay_ms=0.3, text="random duplication")
            events.append(self._record("duplicate", side, packet, frame, chosen.text))
        self._schedule(side, wire.one_hop(raw), frame, now_ns, chosen, events, packet)

    def _lose(self, event: dict[str, Any], frame: int) -> None:
        self.passage[event["sender"]].append([frame, None])

    def _schedule(
        self,
        side: str,
        raw: bytes,
        frame: int,
        now_ns: int,
        rule: Rule | None,
        events: list[dict[str, Any]],
        packet: wire.Packet,
    ) -> None:
        path, receiver = self.paths[side], OTHER[side]
        out_ns = now_ns
        if path.rate_mbit is not None:
            while path.departures and path.departures[0] <= now_ns:
                path.departures.popleft()
            if len(path.departures) >= path.queue_packets:
                self._lose(self._record("drop", side, packet, frame, "queue full"), frame)
                return
            path.busy_until_ns = max(path.busy_until_ns, now_ns) + int(len(raw) * 8000 / path.rate_mbit)
            out_ns = path.busy_until_ns
            path.departures.append(out_ns)
        at_ns = out_ns + int(path.delay_ms * 1e6)
        if path.jitter_ms:
            at_ns += int(self.random.random() * path.jitter_ms * 1e6)
        if rule is not None and rule.action == "stall":
            at_ns += int(rule.delay_ms * 1e6)
        if not path.jitter_reorders:
            at_ns = max(at_ns, path.last_out_ns)
        if rule is not None and rule.action == "delay":
            at_ns += int(rule.delay_ms * 1e6)
        elif not path.jitter_reorders:
            path.last_out_ns = at_ns
        if rule is not None and rule.action == "corrupt":
            raw = wire.corrupt(raw)
        due = self._due(at_ns, receiver, raw, frame, events)
        if rule is not None and rule.action == "reorder":
            self._held.append((rule.count, due))
            return
        heapq.heappush(self._heap, due)
        if rule is not None and rule.action == "duplicate":
            for n in range(1, rule.count + 1):
                copy_ns = at_ns + int(n * rule.delay_ms * 1e6)
                heapq.heappush(self._heap, self._due(copy_ns, receiver, raw, frame, events))
        self._release(receiver, at_ns)

    def _due(self, at_ns: int, receiver: str, raw: bytes, frame: int | None, events: list[dict[str, Any]]) -> _Due:
        self._serial += 1
        return _Due(at_ns, self._serial, receiver, raw, frame, events)

    def _release(self, receiver: str, at_ns: int) -> None:
        """Let held packets go once enough others have overtaken them."""
        still: list[tuple[int, _Due]] = []
        for left, due in self._held:
            if due.receiver == receiver and left == 1:
                heapq.heappush(self._heap, self._due(at_ns, receiver, due.raw, due.frame, due.events))
            else:
                still.append((left - (due.receiver == receiver), due))
        self._held = still

    def _from_router(self, receiver: str, raw: bytes, now_ns: int) -> None:
        """An ICMP message of the router itself; the router sits right beside the sender it answers."""
        heapq.heappush(self._heap, self._due(now_ns + 1_000_000, receiver, raw, None, []))

    # --- to the hosts ---------------------------------------------------------------------------------------

    def _deliver(self, due: _Due) -> None:
        with self._changed:
            now_ns = self.now_ns()
            sender = OTHER[due.receiver]
            self.frames[due.receiver].append((now_ns, due.raw))
            self._last_ns = now_ns
            frame = len(self.frames[due.receiver])
            if due.frame is not None:
                self.passage[sender].append([due.frame, frame])
            for event in due.events:
                seen = event["frames"][due.receiver]
                if seen is None:
                    event["frames"][due.receiver] = frame
                else:
                    event["frames"][due.receiver] = [*(seen if isinstance(seen, list) else [seen]), frame]
            self._changed.notify_all()
        self.ports[due.receiver].write(due.raw)

    # --- for the plans --------------------------------------------------------------------------------------

    def count(self, side: str, sender: str, match: Any) -> int:
        """How many packets of ``sender`` that match are in the capture of ``side`` so far."""
        found = 0
        with self._changed:
            frames = list(self.frames[side])
        for _, raw in frames:
            packet = wire.parse(raw)
            if packet.is_tcp and self._sender(packet) == sender:
                rel = (packet.seq - self._isn.get(packet.flow, packet.seq)) & 0xFFFFFFFF
                found += bool(match(packet, rel))
        return found

    @staticmethod
    def _sender(packet: wire.Packet) -> str:
        return "client" if packet.src in ("192.0.2.1", "2001:db8:1::1") else "server"

    def wait_count(self, side: str, sender: str, match: Any, at_least: int, timeout_s: float = 90.0) -> None:
        """Wait until ``count`` reaches ``at_least``.

        Raises:
            TimeoutError: it did not.

        """
        deadline = time.monotonic() + timeout_s
        while self.count(side, sender, match) < at_least:
            left = deadline - time.monotonic()
            if left <= 0 or self.error is not None:
                raise TimeoutError(f"waited for {at_least} of {match.__name__} from {sender} at {side}")
            with self._changed:
                self._changed.wait(min(left, 0.05))

    def wait_quiet(self, ms: float, timeout_s: float = 120.0) -> None:
        """Wait until nothing is under way and nothing has been seen for ``ms``.

        Raises:
            TimeoutError: the link did not become quiet.

        """
        deadline = time.monotonic() + timeout_s
        while True:
            with self._changed:
                idle_ms = (self.now_ns() - self._last_ns) / 1e6
                if not self._heap and idle_ms >= ms:
                    return
            if time.monotonic() > deadline or self.error is not None:
                raise TimeoutError("the link does not become quiet")
            time.sleep(max(0.001, min(0.05, (ms - idle_ms) / 1e3)))

    def block(self, side: str, why: str) -> None:
        """From now on lose everything that ``side`` sends."""
        with self._changed:
            self.blocked[side] = why

    def unblock(self, side: str) -> None:
        """Carry again what ``side`` sends."""
        with self._changed:
            del self.blocked[side]
