"""From a capture to a scenario: what the applications did, what the path was like, what it lost.

What a tap cannot know (buffers, when an application read, sysctls) is left to the profile.
"""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK, CWR, ECE, FIN, OPT_EOL, OPT_NOP, OPT_SACK_OK, OPT_WSCALE, PSH, RST, SYN
from netsim.base.units import MS
from netsim.check.trace import Line, Trace

ETHERNET_MTU: Final = 1500
BURST_NS: Final = 2 * MS
MIN_DELAY_NS: Final = 10_000


def derive(trace: Trace, name: str) -> str:
    """The text of a scenario file that does what the applications and the network did in `trace`."""
    connection = trace.connection
    lines = trace.lines
    rtt = connection.rtt_ns if connection.rtt_ns > 0 else MS
    out = [f"name: {name}", f'title: "Derived from connection {connection.ident} of a capture"', "hosts:"]
    for side in ("client", "server"):
        out.append(f"  {side}: {{{', '.join(_host(trace, side))}}}")
    path = f"between: [client, server], delay: {_time(max(rtt // 2, MIN_DELAY_NS))}"
    mtu = min(_mtu(trace, side) for side in ("client", "server") if _syn(trace, side) is not None or side == "client")
    if mtu > ETHERNET_MTU:
        path += f", mtu: {mtu} bytes"
    out += ["links:", f"  - {{{path}}}", "script:"]
    port = connection.server.port
    if connection.open != "refused" and any(line.sender == "server" for line in lines):
        out.append(f"  - {{at: 0s, host: server, listen: {port}}}")
    out.append(f'  - {{at: 0s, host: client, connect: "server:{port}"}}')
    for side in ("client", "server"):
        if _writes_at_once(trace, side):
            out.append(f"  - {{on: {side}.connected, host: {side}, option: {{nodelay: true}}}}")
    for t_ns, side, what in _actions(trace, rtt):
        out.append(f"  - {{at: {_time(t_ns)}, host: {side}, {what}}}")
    faults = _faults(trace)
    if faults:
        out += ["faults:", *faults]
    return "\n".join(out) + "\n"


def _time(t_ns: int) -> str:
    """A time as the scenario language writes it, to the microsecond."""
    return f"{max(0, t_ns) // 1000}us"


def _syn(trace: Trace, side: str) -> Line | None:
    return next((line for line in trace.lines if line.sender == side and line.flags & SYN), None)


def _mtu(trace: Trace, side: str) -> int:
    """The MTU behind the MSS that one end announces; the usual one if that is not larger."""
    syn = _syn(trace, side)
    if syn is None:
        return ETHERNET_MTU
    headers = 40 if trace.connection.ip_version == 4 else 60
    return max(ETHERNET_MTU, syn.options["mss"] + headers)


def _profile(syn: Line) -> str:
    """Which stack writes its options so. Linux puts the window scale last and pads with NOPs; FreeBSD ends with EOL."""
    layout = bytes(syn.record.opts.layout)
    kinds = layout.replace(bytes((OPT_NOP,)), b"").replace(bytes((OPT_EOL,)), b"")
    scale, sack = kinds.find(bytes((OPT_WSCALE,))), kinds.find(bytes((OPT_SACK_OK,)))
    if OPT_EOL in layout:
        return "freebsd"
    return "rfc" if 0 <= scale < sack else "linux"


def _host(trace: Trace, side: str) -> list[str]:
    """Profile and options of one end, from its SYN; what its windows tell of its application."""
    syn = _syn(trace, side)
    if syn is None:
        return ["profile: linux"]
    options = syn.options
    words = [f"profile: {_profile(syn)}"]
    if options["mss"] > 0:
        words.append(f"mss: {options['mss']} bytes")
    if _mtu(trace, side) > ETHERNET_MTU:
        words.append(f"mtu: {_mtu(trace, side)} bytes")
    words.append(f"sack: {'true' if options['SACK'] else 'false'}")
    words.append(f"timestamps: {'true' if options['timestamps'] else 'false'}")
    words.append(f"window_scale: {options['window scale'] if options['window scale'] >= 0 else 'false'}")
    if syn.flags & ACK:
        words.append("ecn: passive" if syn.flags & ECE and not syn.flags & CWR else "ecn: off")
    elif syn.flags & ECE and syn.flags & CWR:
        words.append("ecn: active")
    closed = _closed_window(trace, side)
    if closed is not None:
        words += [f"receive_buffer: {closed[0].ack - 1} bytes", "read: none"]
    return words


def _closed_window(trace: Trace, side: str) -> tuple[Line, Line | None] | None:
    """The ACK with which one end closes its window for the first time, and the one that opens it again.

    Until then its application has read nothing, as far as the windows tell: what was acknowledged is what it holds.
    """
    closing: Line | None = None
    for line in trace.lines:
        if line.sender != side or line.flags & (SYN | RST) or line.ack <= 1:
            continue
        if closing is None and line.win == 0:
            closing = line
        elif closing is not None and line.win > 0:
            return closing, line
    return None if closing is None else (closing, None)


def _at_host(trace: Trace, line: Line, rtt: int) -> int:
    """When its sender sent it, on the simulation's clock (which starts as the client connects)."""
    one_way = rtt // 2
    vantage = trace.connection.vantage
    offset = one_way if vantage == "server" else one_way // 2 if vantage == "between" else 0
    if line.sender == "client":
        return line.t_ns
    # Seen at the client, the server's segments left half a round trip earlier.
    return line.t_ns - one_way + 2 * offset


def _actions(trace: Trace, rtt: int) -> list[tuple[int, str, str]]:
    """What the applications did: writes (runs of new data), closes, aborts."""
    actions: list[tuple[int, str, str]] = []
    writes: dict[str, list[int]] = {}
    top = {"client": 1, "server": 1}
    for line in trace.lines:
        if line.flags & SYN:
            top[line.sender] = max(top[line.sender], 1 + line.length)
            continue
        if line.flags & RST:
            if (line.flags & ACK and line.sender == "client") or _is_abort(trace, line):
                actions.append((_at_host(trace, line, rtt), line.sender, "abort"))
            break
        end = line.seq + line.length
        if line.length and end > top[line.sender]:
            new = end - top[line.sender]
            at = _at_host(trace, line, rtt)
            last = writes.get(line.sender)
            whole = not _ends_write(trace, line)
            if last is not None and whole and (at - last[2] < BURST_NS or _in_flight(trace, line)):
                last[1] += new
                last[2] = at
            else:
                if last is not None:
                    actions.append((last[0], line.sender, f"send: {last[1]} bytes"))
                writes[line.sender] = [at, new, at]
            top[line.sender] = end
        if line.flags & FIN and end >= top[line.sender]:
            _flush(actions, writes, line.sender, line.length > 0)
            actions.append((_at_host(trace, line, rtt), line.sender, "shutdown"))
            top[line.sender] = end + 1
    for side in list(writes):
        _flush(actions, writes, side)
    for side in ("client", "server"):
        closed = _closed_window(trace, side)
        if closed is not None and closed[1] is not None:
            actions.append((_at_host(trace, closed[1], rtt), side, "read: auto"))
    actions.sort(key=lambda action: action[0])
    return actions


def _is_abort(trace: Trace, line: Line) -> bool:
    """A RST that its application asked for, not one that answers a segment for nobody."""
    before = [other for other in trace.lines if other.n < line.n]
    return bool(before) and not (before[-1].sender != line.sender and before[-1].length) and len(before) > 2


def _flush(
    actions: list[tuple[int, str, str]], writes: dict[str, list[int]], side: str, with_fin: bool = False
) -> None:  # fmt: skip
    """The run of data that was open is a write. `with_fin`: its last segment waited for the FIN (MSG_MORE)."""
    last = writes.pop(side, None)
    if last is not None:
        what = f"{{bytes: {last[1]} bytes, more: true}}" if with_fin else f"{last[1]} bytes"
        actions.append((last[0], side, f"send: {what}"))


def _full(trace: Trace, side: str) -> int:
    """The longest segment of one end."""
    return max((line.length for line in trace.lines if line.sender == side), default=0)


def _before(trace: Trace, line: Line) -> Line | None:
    """The segment with data that its sender sent before it."""
    for other in reversed(trace.lines[: trace.lines.index(line)]):
        if other.sender == line.sender and other.length:
            return other
    return None


def _ends_write(trace: Trace, line: Line) -> bool:
    """The segment before it was the last of a write: a short one with PSH."""
    before = _before(trace, line)
    return before is not None and before.length < _full(trace, line.sender) and before.record.flags & PSH != 0


def _writes_at_once(trace: Trace, side: str) -> bool:
    """Short segments while others are unacknowledged: Nagle's algorithm is off (RFC 9293 §3.7.4)."""
    full = _full(trace, side)
    acked = 0
    short_end = 0
    for line in trace.lines:
        if line.sender != side:
            acked = max(acked, line.ack)
        elif line.length and line.record.flags & PSH:
            if 0 < line.length < full and acked < short_end <= line.seq:
                return True
            short_end = line.seq + line.length if line.length < full else short_end
    return False


def _in_flight(trace: Trace, line: Line) -> bool:
    """The segment before was full-sized: the write went on, held back by a window."""
    full = max((other.length for other in trace.lines if other.sender == line.sender), default=0)
    place = trace.lines.index(line)
    for other in reversed(trace.lines[:place]):
        if other.sender == line.sender and other.length:
            return other.length == full and full > 500
    return False


def _faults(trace: Trace) -> list[str]:
    """What the path lost: what was sent again and not for nothing, or the ACKs without which it was."""
    connection = trace.connection
    needless = set(connection.frames("spurious_retransmission"))
    by_frame = {line.n: line for line in trace.lines}
    dropped: dict[tuple[str, int, int], int] = {}
    acks: dict[tuple[str, int], int] = {}
    for frame in connection.frames("retransmission"):
        line = by_frame.get(frame)
        if line is None or line.flags & RST:
            continue
        if frame in needless:
            for ack in _lost_acks(trace, line):
                acks[ack.sender, ack.ack] = acks.get((ack.sender, ack.ack), 0) + 1
            continue
        # Where its original was not seen, it was lost before the tap.
        key = (line.sender, line.seq, line.flags & (SYN | FIN) if not line.length else 0)
        dropped[key] = dropped.get(key, 0) + 1
    rules = []
    for (side, seq, flags), count in dropped.items():
        names = [name for bit, name in ((SYN, "SYN"), (FIN, "FIN")) if flags & bit]
        match = f'from: {side}, flags: "{",".join(names)}"' if names else f"from: {side}, carries: {seq}"
        rules.append(f"  - {{drop: {{{match}, count: {count}}}}}")
    for (side, number), count in acks.items():
        rules.append(f'  - {{drop: {{from: {side}, flags: "=ACK", ack: {number}, count: {count}}}}}')
    return rules


def _lost_acks(trace: Trace, again: Line) -> list[Line]:
    """The ACKs of what `again` resends for nothing, seen before it: they did not reach its sender in time.

    Only where the tap is at the receiver, who sends them; they may have been late instead of lost.
    """
    if trace.connection.vantage == again.sender:
        return []
    end = again.seq + again.length + bool(again.flags & FIN)
    first = next((line for line in trace.lines if line.sender == again.sender and _covers(line, again)), again)
    return [
        line
        for line in trace.lines
        if first.n < line.n < again.n and line.sender != again.sender and line.ack >= end
        and not line.length and line.flags == ACK
    ]  # fmt: skip


def _covers(other: Line, line: Line) -> bool:
    """`other` carried the first number of `line`."""
    size = other.length + bool(other.flags & FIN) + bool(other.flags & SYN)
    return other.seq <= line.seq < other.seq + size
