"""The syntax tree of a packetdrill script: what the parser makes and the runner reads.

Plain classes. An `Event` carries the line and column at which it starts, counted from 1 in
the script's file. Parts of events are shared between scripts that contain the same text,
so nothing here may be changed after parsing; a `Word` carries its place relative to its event.

Times are integer nanoseconds. Sequence numbers stand as written (relative or absolute).
"""

from __future__ import annotations

from typing import Final

ABSOLUTE: Final = "absolute"
RELATIVE: Final = "relative"
ABSOLUTE_RANGE: Final = "absolute-range"
RELATIVE_RANGE: Final = "relative-range"
ANY_TIME: Final = "any"


class Node:
    """Base: equality and a readable form from the slots."""

    __slots__ = ()

    def _values(self) -> tuple[object, ...]:
        names: list[str] = []
        for cls in type(self).__mro__:
            slots = cls.__dict__.get("__slots__", ())
            names += [slots] if isinstance(slots, str) else list(slots)
        return tuple(getattr(self, name) for name in sorted(names) if name not in {"row", "column"})

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Node) and other._values() == self._values()

    def __hash__(self) -> int:
        return hash((type(self).__name__, repr(self._values())))

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self._values()!r}"


# --- expressions -------------------------------------------------------------------------


class Expression(Node):
    """An argument of a system call."""

    __slots__ = ()


class Anything(Expression):
    """`...`: the script leaves it open."""

    __slots__ = ()


class Number(Expression):
    """A decimal or hexadecimal integer."""

    __slots__ = ("hexadecimal", "value")

    def __init__(self, value: int, hexadecimal: bool = False) -> None:
        self.value = value
        self.hexadecimal = hexadecimal


class Word(Expression):
    """A symbolic constant such as `SOCK_STREAM`; `row` (from 0) and `column` (from 1) within the event."""

    __slots__ = ("column", "name", "row")

    def __init__(self, name: str, row: int = 0, column: int = 1) -> None:
        self.name = name
        self.row = row
        self.column = column


class Text(Expression):
    """A string; `open_ended` when `...` follows it (only the beginning is given)."""

    __slots__ = ("open_ended", "value")

    def __init__(self, value: bytes, open_ended: bool = False) -> None:
        self.value = value
        self.open_ended = open_ended


class BitOr(Expression):
    """`A | B | ...`."""

    __slots__ = ("items",)

    def __init__(self, items: tuple[Expression, ...]) -> None:
        self.items = items


class Array(Expression):
    """`[a, b, ...]`."""

    __slots__ = ("items",)

    def __init__(self, items: tuple[Expression, ...]) -> None:
        self.items = items


class Field(Node):
    """A member of a structure: `name = value`, `name(size) = value`, or only a value (name is "")."""

    __slots__ = ("name", "size", "value")

    def __init__(self, name: str, value: Expression, size: Expression | None = None) -> None:
        self.name = name
        self.value = value
        self.size = size


class Struct(Expression):
    """`{...}`: a sockaddr, msghdr, iovec, pollfd, epoll event, linger, control message, ..."""

    __slots__ = ("fields",)

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self.fields = fields

    def get(self, name: str) -> Expression | None:
        """The value of the member called `name`, or None."""
        for field in self.fields:
            if field.name == name:
                return field.value
        return None


class Call(Expression):
    """`htons(8080)`, `inet_addr("192.168.0.1")`."""

    __slots__ = ("arguments", "name")

    def __init__(self, name: str, arguments: tuple[Expression, ...]) -> None:
        self.name = name
        self.arguments = arguments


# --- packets -----------------------------------------------------------------------------


class IpInfo(Node):
    """What a packet says of its IP header; None = not said.

    ecn: "noecn", "ect0", "ect1", "ect01" (either of the two), "ce"; tos: the whole byte;
    ttl: time to live or hop limit; flow_label: IPv6 only
    """

    __slots__ = ("ecn", "flow_label", "tos", "ttl")

    def __init__(
        self, ecn: str | None = None, tos: int | None = None, ttl: int | None = None, flow_label: int | None = None
    ) -> None:
        self.ecn = ecn
        self.tos = tos
        self.ttl = ttl
        self.flow_label = flow_label


class TcpOption(Node):
    """One TCP option as written.

    kind: nop eol mss wscale sackOK sack TS FO FOEXP md5 ECN
    value: the MSS or the shift count; TS: the val (None = not said)
    ecr: TS; blocks: sack; data: cookie or digest; words: md5 `valid`/`invalid`, ECN counters
    """

    __slots__ = ("blocks", "data", "ecr", "kind", "value", "words")

    def __init__(
        self,
        kind: str,
        value: int | None = None,
        ecr: int | None = None,
        blocks: tuple[tuple[int, int], ...] = (),
        data: bytes = b"",
        words: tuple[tuple[str, int], ...] = (),
    ) -> None:
        self.kind = kind
        self.value = value
        self.ecr = ecr
        self.blocks = blocks
        self.data = data
        self.words = words


class Sequence(Node):
    """`start:end(length)`; `absolute` with `!`; `ignored` for `...(length)`."""

    __slots__ = ("absolute", "end", "ignored", "length", "start")

    def __init__(self, start: int, end: int, length: int, absolute: bool = False, ignored: bool = False) -> None:
        self.start = start
        self.end = end
        self.length = length
        self.absolute = absolute
        self.ignored = ignored


class PacketSpec(Node):
    """Base of the packets. `inbound`: the script's remote end sends it to the stack under test.

    tunnels: names of encapsulations ("gre", "mpls", "ipv4", "ipv6"): read, but not supported.
    """

    __slots__ = ("inbound", "ip", "tunnels")

    def __init__(self, inbound: bool, ip: IpInfo | None, tunnels: tuple[str, ...]) -> None:
        self.inbound = inbound
        self.ip = ip
        self.tunnels = tunnels


class TcpSpec(PacketSpec):
    """A TCP segment.

    flags: bit mask as in `netsim.base.packet`; flags_text: as written; ace: the AccECN
    counter 0..7 or None; ack, win: None = not given; urg: 0 = not given
    options: None = `<...>`, do not check; ports: (source, destination) or None
    udp: ports of the UDP encapsulation (source, destination) or None
    """

    __slots__ = ("ace", "ack", "flags", "flags_text", "options", "ports", "seq", "udp", "urg", "win")

    def __init__(
        self,
        inbound: bool,
        ip: IpInfo | None,
        tunnels: tuple[str, ...],
        *,
        flags: int,
        flags_text: str,
        ace: int | None,
        seq: Sequence,
        ack: int | None,
        win: int | None,
        urg: int,
        options: tuple[TcpOption, ...] | None,
        ports: tuple[int, int] | None,
        udp: tuple[int, int] | None,
    ) -> None:
        super().__init__(inbound, ip, tunnels)
        self.flags = flags
        self.flags_text = flags_text
        self.ace = ace
        self.seq = seq
        self.ack = ack
        self.win = win
        self.urg = urg
        self.options = options
        self.ports = ports
        self.udp = udp


class UdpSpec(PacketSpec):
    """A UDP datagram of `length` bytes."""

    __slots__ = ("length", "ports")

    def __init__(
        self, inbound: bool, ip: IpInfo | None, tunnels: tuple[str, ...], ports: tuple[int, int] | None, length: int
    ) -> None:
        super().__init__(inbound, ip, tunnels)
        self.ports = ports
        self.length = length


class IcmpSpec(PacketSpec):
    """An ICMP message: names as written (they become numbers when the IP version is known).

    mtu: -1 = not given; echo: sequence part of the quoted segment, None = the tool's default;
    echo_udp: UDP ports around the quoted segment; echo_kind: "tcp", "udp" or "raw"
    """

    __slots__ = ("code_name", "echo", "echo_kind", "echo_udp", "message_id", "mtu", "type_name")

    def __init__(
        self,
        inbound: bool,
        ip: IpInfo | None,
        tunnels: tuple[str, ...],
        *,
        type_name: str,
        code_name: str | None,
        mtu: int,
        message_id: int,
        echo: Sequence | None,
        echo_udp: tuple[int, int] | None,
        echo_kind: str = "tcp",
    ) -> None:
        super().__init__(inbound, ip, tunnels)
        self.type_name = type_name
        self.code_name = code_name
        self.mtu = mtu
        self.message_id = message_id
        self.echo = echo
        self.echo_udp = echo_udp
        self.echo_kind = echo_kind


# --- the other actions -------------------------------------------------------------------


class SystemCall(Node):
    """`name(arguments) = result [errno] [(note)]`; blocking when `end_ns` is given.

    end_ns: the time after `...`, on the same scale (relative or absolute) as the event's.
    """

    __slots__ = ("arguments", "column", "end_ns", "errno", "name", "note", "result")

    def __init__(
        self,
        name: str,
        arguments: tuple[Expression, ...],
        result: Expression,
        errno: str | None = None,
        note: str | None = None,
        end_ns: int | None = None,
        column: int = 1,
    ) -> None:
        self.column = column
        self.name = name
        self.arguments = arguments
        self.result = result
        self.errno = errno
        self.note = note
        self.end_ns = end_ns


class ShellCommand(Node):
    """A command in backticks (never executed: `netsim.packetdrill.shell` interprets it)."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class CodeBlock(Node):
    """`%{ ... }%`: assertions on TCP_INFO (never executed: `netsim.packetdrill.evaluator`)."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


Action = TcpSpec | UdpSpec | IcmpSpec | SystemCall | ShellCommand | CodeBlock


class EventTime(Node):
    """When: `kind` is one of the constants of this module; `end_ns` for ranges."""

    __slots__ = ("end_ns", "kind", "start_ns")

    def __init__(self, kind: str, start_ns: int = 0, end_ns: int = 0) -> None:
        self.kind = kind
        self.start_ns = start_ns
        self.end_ns = end_ns


class Event(Node):
    """One step of a script."""

    __slots__ = ("action", "column", "line", "time")

    def __init__(self, time: EventTime, action: Action, line: int, column: int) -> None:
        self.time = time
        self.action = action
        self.line = line
        self.column = column


class OptionLine(Node):
    """`--name=value` (value None when there is no `=`)."""

    __slots__ = ("column", "line", "name", "value")

    def __init__(self, name: str, value: str | None, line: int, column: int) -> None:
        self.name = name
        self.value = value
        self.line = line
        self.column = column


class Script(Node):
    """A whole script. `text` is the file as read, for error messages."""

    __slots__ = ("cleanup", "events", "init", "init_line", "options", "path", "text")

    def __init__(
        self,
        path: str,
        text: str,
        options: tuple[OptionLine, ...],
        init: ShellCommand | None,
        init_line: int,
        events: tuple[Event, ...],
        cleanup: ShellCommand | None,
    ) -> None:
        self.path = path
        self.text = text
        self.options = options
        self.init = init
        self.init_line = init_line
        self.events = events
        self.cleanup = cleanup

    def source_line(self, line: int) -> str:
        """The text of line `line` (from 1), "" if there is none."""
        lines = self.text.split("\n")
        return lines[line - 1] if 0 < line <= len(lines) else ""
