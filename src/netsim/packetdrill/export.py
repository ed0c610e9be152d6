"""A scenario as a packetdrill script: `netsim packetdrill --export SCENARIO`.

One host of the scenario becomes the host under test: what its application called becomes
system calls, what it sent becomes expectations, what reached it is injected. The real tool
accepts the result, so that a kernel can be asked the same question.

The scenario runs with the stack that is to be asked (Linux unless told otherwise) and without
timestamps: their values belong to one run, and a script should not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.errors import UsageError
from netsim.base.events import Called, Event, ListSink, SegmentReceived, SegmentSent, StateChanged
from netsim.base.packet import ACK, FIN, PSH, SYN, Segment
from netsim.base.units import SEC
from netsim.packetdrill.compare import segment_text

if TYPE_CHECKING:
    from netsim.scenario.model import Scenario

_TOLERANCE_US: Final = 50_000
_LAST_NS: Final = 30 * SEC
"""A script for a real kernel lasts as long as it says: what comes later is left out."""


def export(
    name: str, host: str | None = None, *, profile: str = "linux", overrides: dict[str, str] | None = None
) -> str:
    """The script for one host of a scenario (default: the one that opens actively).

    UsageError: the host is unknown, or has not exactly one connection to tell about.
    """
    from netsim.scenario.loader import load
    from netsim.scenario.runner import run

    scenario = load(name, overrides or {}, profile=profile)
    for spec in scenario.hosts.values():
        spec.options["timestamps"] = False
    sink = ListSink()
    run(scenario, sink=sink)
    side = host or _opener(sink.events) or next(iter(scenario.hosts))
    if side not in scenario.hosts:
        raise UsageError(f"scenario '{name}' has no host '{side}'; hosts are: {', '.join(scenario.hosts)}")
    return _Writer(scenario, side, [e for e in sink.events if e.host == side and e.conn]).write()


def _opener(events: list[Event]) -> str | None:
    for event in events:
        if isinstance(event, Called) and event.call == "OPEN" and event.detail == "active":
            return event.host
    return None


class _Writer:
    """Collects the lines of one script."""

    def __init__(self, scenario: Scenario, side: str, events: list[Event]) -> None:
        self.scenario = scenario
        self.side = side
        self.events = events
        self.lines: list[str] = []
        self.now_ns = 0
        self.fd = 3
        self.our_isn: int | None = None
        self.peer_isn: int | None = None
        self.shut = False
        self.closed = False
        numbers = {e.conn for e in events if isinstance(e, SegmentSent | SegmentReceived)}
        if len(numbers) != 1:
            raise UsageError(
                f"host '{side}' of '{scenario.name}' has {len(numbers)} connections with segments; "
                "a script tells of one"
            )
        self.conn = numbers.pop()
        if any(isinstance(e, SegmentSent | SegmentReceived) and e.segment.encap_dport for e in events):
            raise UsageError(f"'{scenario.name}' carries TCP in UDP, which a script cannot say for a kernel")

    def write(self) -> str:
        """The whole script."""
        events = [e for e in self.events if e.conn == self.conn]
        passive = any(isinstance(e, Called) and e.call == "OPEN" and e.detail == "passive" for e in events)
        self.lines = [
            f"// {self.scenario.name}: {self.scenario.title}",
            f"// Exported from a scenario of netsim; the host under test plays '{self.side}'.",
            f"--tolerance_usecs={_TOLERANCE_US}",
            "",
        ]
        self._prologue(passive)
        self.now_ns = next((e.t_ns for e in events if isinstance(e, SegmentSent | SegmentReceived)), 0)
        index = 0
        start = self.now_ns
        while index < len(events):
            if events[index].t_ns - start > _LAST_NS:
                self.lines.append("// (the rest takes longer than a script should)")
                break
            index = self._one(events, index)
        return "\n".join(self.lines) + "\n"

    def _prologue(self, passive: bool) -> None:
        if passive:
            self.lines += [
                "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3",
                "+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0",
                "+0 bind(3, ..., ...) = 0",
                "+0 listen(3, 1) = 0",
            ]
        else:
            self.lines += [
                "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3",
                "+0 fcntl(3, F_GETFL) = 0x2 (flags O_RDWR)",
                "+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0",
                "+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)",
            ]

    def _emit(self, t_ns: int, text: str) -> None:
        gap_us = max(0, (t_ns - self.now_ns) // 1000)
        self.now_ns = max(self.now_ns, t_ns)
        self.lines.append(f"+{gap_us // 1_000_000}.{gap_us % 1_000_000:06d} {text}" if gap_us else f"+0 {text}")

    def _one(self, events: list[Event], index: int) -> int:
        event = events[index]
        if isinstance(event, SegmentReceived):
            self._received(event)
        elif isinstance(event, SegmentSent):
            return self._sent(events, index)
        elif isinstance(event, StateChanged):
            if event.new == "ESTABLISHED" and event.old == "SYN-RECEIVED" and self._is_passive(events):
                self._emit(event.t_ns, "accept(3, ..., ...) = 4")
                self.fd = 4
        elif isinstance(event, Called) and not self.closed:
            self._called(event, events[index + 1 :])
        return index + 1

    def _is_passive(self, events: list[Event]) -> bool:
        return any(isinstance(e, Called) and e.call == "OPEN" and e.detail == "passive" for e in events)

    def _received(self, event: SegmentReceived) -> None:
        seg = event.segment
        if seg.flags & SYN:
            self.peer_isn = seg.seq
        self._emit(event.t_ns, "< " + segment_text(self._relative(seg, self.peer_isn, self.our_isn)))

    def _sent(self, events: list[Event], index: int) -> int:
        """One expectation; segments of one burst make one line, as the tool joins what the kernel cuts."""
        first = events[index]
        assert isinstance(first, SegmentSent)
        seg = first.segment
        if seg.flags & SYN and self.our_isn is None:
            self.our_isn = seg.seq
        shown = self._relative(seg, self.our_isn, self.peer_isn)
        index += 1
        count = 1
        while index < len(events) and shown.payload and not seg.flags & (PSH | FIN):
            following = events[index]
            if following.t_ns != first.t_ns or isinstance(following, SegmentReceived | Called | StateChanged):
                break
            if isinstance(following, SegmentSent):
                seg = following.segment
                if not seg.payload or (seg.seq - first.segment.seq) & 0xFFFFFFFF != len(shown.payload):
                    break
                shown.payload += seg.payload
                shown.flags = seg.flags
                count += 1
            index += 1
        if count % 2 == 0:
            shown.flags |= PSH  # Linux hands them over in pairs, and pushes each piece of more than one segment
        text = segment_text(shown, win=False)
        if shown.flags & SYN:
            text = text[: text.index(" <")] + " <...>" if " <" in text else text
        self._emit(first.t_ns, "> " + text)
        return index

    def _relative(self, seg: Segment, sender_isn: int | None, receiver_isn: int | None) -> Segment:
        """A copy with numbers relative to both ISNs."""
        shown = seg.copy()
        shown.seq = (seg.seq - (sender_isn or 0)) & 0xFFFFFFFF
        if seg.flags & ACK:
            shown.ack = (seg.ack - (receiver_isn or 0)) & 0xFFFFFFFF
        shown.sack = tuple(
            ((left - (receiver_isn or 0)) & 0xFFFFFFFF, (right - (receiver_isn or 0)) & 0xFFFFFFFF)
            for left, right in seg.sack
        )
        return shown

    def _called(self, event: Called, later: list[Event]) -> None:
        fd = self.fd
        if event.call == "SEND":
            size = event.detail.split()[0]
            flags = ", MSG_OOB" if "urgent" in event.detail else ""
            call = f"send({fd}, ..., {size}{flags})" if flags else f"write({fd}, ..., {size})"
            self._emit(event.t_ns, f"{call} = {size}")
        elif event.call == "RECEIVE":
            size = event.detail.split()[0]
            self._emit(event.t_ns, f"read({fd}, ..., {size}) = {size}")
        elif event.call == "ABORT":
            self._emit(event.t_ns, f"setsockopt({fd}, SOL_SOCKET, SO_LINGER, {{onoff=1, linger=0}}, 8) = 0")
            self._emit(event.t_ns, f"close({fd}) = 0")
            self.closed = True
        elif event.call == "CLOSE":
            gone = "unread" in event.detail or any(
                isinstance(e, SegmentSent) and e.reason.code == "data-after-close" for e in later
            )
            if gone:
                self._emit(event.t_ns, f"close({fd}) = 0")
                self.closed = True
            elif not self.shut:
                self.shut = True
                self._emit(event.t_ns, f"shutdown({fd}, SHUT_WR) = 0")
