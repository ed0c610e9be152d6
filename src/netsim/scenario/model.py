"""A scenario as data: what the loader makes of a file, and what the runner runs.

Everything is resolved: times are integer nanoseconds, sizes bytes, rates bits per second,
expressions are evaluated. `path` leads back to the place in the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from netsim.scenario.yamltree import Path

EVENTS: Final = (
    "connected", "accepted", "received-syn", "received-fin", "received-rst", "sent-fin",
    "closed", "refused", "reset", "timed-out", "eof",
)  # fmt: skip
"""Names of events in moments, beside the states."""

STATES: Final = (
    "CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2",
    "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT",
)  # fmt: skip

ACTIONS: Final = (
    "listen", "connect", "transfer", "send", "read", "recv", "shutdown", "close", "abort", "option",
    "bind_udp", "datagram", "inject", "crash", "link", "expire", "note",
)  # fmt: skip
"""What a step can do; exactly one each."""


@dataclass(frozen=True)
class Flags:
    """Control bits to look for: `must` set, `must_not` set, and whether no others may be (PSH is free)."""

    must: int
    must_not: int = 0
    exact: bool = False
    text: str = ""


@dataclass(frozen=True)
class Bound:
    """A number to compare with: `op` is one of = > >= < <=."""

    op: str
    value: int

    def fits(self, number: int) -> bool:
        """Whether `number` satisfies it."""
        if self.op == "=":
            return number == self.value
        if self.op == ">":
            return number > self.value
        if self.op == ">=":
            return number >= self.value
        if self.op == "<":
            return number < self.value
        return number <= self.value

    def __str__(self) -> str:
        return str(self.value) if self.op == "=" else f"{self.op}{self.value}"


@dataclass(frozen=True)
class Match:
    """Which packets. None: the field does not matter. See `match` in the schema for the meaning of each."""

    sender: str | None = None
    receiver: str | None = None
    protocol: str = "tcp"
    connection: str | None = None
    flags: Flags | None = None
    seq: int | None = None
    ack: int | None = None
    abs_seq: int | None = None
    abs_ack: int | None = None
    length: Bound | None = None
    win: Bound | None = None
    carries: int | None = None
    data: bool | None = None
    options: tuple[str, ...] = ()
    mss: int | None = None
    ws: int | None = None
    sack: tuple[tuple[int, int], ...] | None = None
    state: str | None = None
    to_state: str | None = None
    at_ns: int | None = None
    arrives_ns: int | None = None
    after_ns: int | None = None
    before_ns: int | None = None
    retransmission: bool | None = None
    cause: str | None = None
    reason: str | None = None
    outcome: str | None = None
    accepted: bool | None = None
    dropped: bool | str | None = None
    injected: bool | None = None
    duplicate: bool | None = None
    nth: int | None = None
    text: str = ""
    """The match in words, for messages."""


@dataclass(frozen=True)
class Moment:
    """A point in time. `kind`: time, segment, state, left, timer, received, event or step."""

    kind: str
    host: str = ""
    connection: str | None = None
    what: str = ""
    """The state, timer, event, or step id."""
    value: int = 0
    """The time (ns) or the number of bytes."""
    match: Match | None = None
    seen: str = "received"
    nth: int = 1
    plus_ns: int = 0
    text: str = ""


@dataclass(frozen=True)
class Read:
    """How an application reads: everything as it comes (`auto`), nothing (`none`), or a drip."""

    mode: str = "auto"
    drip_bytes: int = 0
    every_ns: int = 0


@dataclass
class HostSpec:
    """One host. `options` hold schema names with resolved values."""

    name: str
    address: str
    profile: str = "rfc"
    mtu: int = 1500
    isn: tuple[int, ...] = ()
    first_port: int = 49152
    read: Read = Read()
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class RouterSpec:
    """One router."""

    name: str
    address: str


@dataclass
class LinkSpec:
    """One link. `queue_packets` or `queue_bytes` limits each direction's queue (0: not by that)."""

    name: str
    a: str
    b: str
    delay_ns: int = 50_000_000
    jitter_ns: int = 0
    rate_bps: int = 0
    mtu: int = 1500
    queue_packets: int = 1000
    queue_bytes: int = 0
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_by_ns: int = 0
    corrupt: float = 0.0


@dataclass
class Step:
    """One step of the script. `args` are resolved; their keys are the schema's."""

    index: int
    action: str
    args: dict[str, Any]
    path: Path
    id: str = ""
    at_ns: int | None = None
    on: Moment | None = None
    after_ns: int | None = None
    host: str = ""
    connection: str | None = None
    name: str | None = None
    """The `as` of the file."""


@dataclass
class Edit:
    """New header values; numbers are (absolute?, value)."""

    seq: tuple[bool, int] | None = None
    ack: tuple[bool, int] | None = None
    flags: int | None = None
    win: int | None = None
    ttl: int | None = None
    payload: bytes | None = None
    strip: tuple[str, ...] = ()


@dataclass
class Fault:
    """A rule of the network. `what`: drop, delay, duplicate, corrupt or edit."""

    what: str
    match: Match
    name: str
    link: str | None = None
    by_ns: int = 0
    edit: Edit | None = None
    nth: tuple[int, ...] = ()
    count: int | None = None
    every: int | None = None
    chance: float | None = None


@dataclass
class Intervention:
    """One exact change: at packet number `packet`, or after simulator step `step`."""

    what: str
    packet: int | None = None
    step: int | None = None
    by_ns: int = 0
    edit: Edit | None = None
    host: str = ""
    connection: str | None = None
    timer: str = ""
    link: dict[str, Any] = field(default_factory=dict)


@dataclass
class Expectation:
    """One thing that must be true. `kind` is the schema key that decides what is meant."""

    kind: str
    path: Path
    text: str = ""
    host: str = ""
    connection: str | None = None
    states: tuple[str, ...] = ()
    state: str = ""
    at_ns: int | None = None
    lasts_ns: int | None = None
    after: Moment | None = None
    tolerance_ns: int = 0
    match: Match | None = None
    gaps_ns: tuple[int, ...] = ()
    wire: tuple[Match | None, ...] = ()
    order: str = "sent"
    delivered: int = -1
    """Bytes; -1: all that was sent."""
    intact: bool = True
    name: str = ""
    """The counter, timer, error or note."""
    between: tuple[Moment, ...] = ()
    takes_ns: int = 0
    bound: Bound | None = None
    share: float = 0.0
    rate_bps: int = 0
    count: int | None = None
    at_least: int | None = None
    at_most: int | None = None


@dataclass
class Scenario:
    """A whole scenario, checked."""

    name: str
    file: str
    title: str = ""
    lesson: str = ""
    source: str = ""
    topic: str = "other"
    seed: int = 1
    until_ns: int = 3600 * 10**9
    ip_version: int = 4
    parameters: dict[str, str] = field(default_factory=dict)
    """Final values as text, overrides included."""
    hosts: dict[str, HostSpec] = field(default_factory=dict)
    routers: dict[str, RouterSpec] = field(default_factory=dict)
    links: list[LinkSpec] = field(default_factory=list)
    script: list[Step] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    interventions: list[Intervention] = field(default_factory=list)
    expect: list[Expectation] = field(default_factory=list)
