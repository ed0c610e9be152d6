"""From a capture to a scenario: what the applications did, what the path was like, what it lost.

What a tap cannot know (buffers, when an application read, sysctls) is left to the profile.
"""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK, FIN, RST, SYN
from netsim.base.units import MS
from netsim.check.trace import Line, Trace

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
    out += ["links:", f"  - {{between: [client, server], delay: {_time(max(rtt // 2, MIN_DELAY_NS))}}}", "script:"]
    port = connection.server.port
    if connection.open != "refused" and any(line.sender == "server" for line in lines):
        out.append(f"  - {{at: 0s, host: server, listen: {port}}}")
    out.append(f'  - {{at: 0s, host: client, connect: "server:{port}"}}')
    for t_ns, side, what in _actions(trace, rtt):
        out.append(f"  - {{at: {_time(t_ns)}, host: {side}, {what}}}")
    faults = _faults(trace)
    if faults:
        out += ["faults:", *faults]
    return "\n".join(out) + "\n"


def _time(t_ns: int) -> str:
    """A time as the scenario language writes it, to the microsecond."""
    return f"{max(0, t_ns) // 1000}us"


def _host(trace: Trace, side: str) -> list[str]:
    """Profile and options of one end, from its SYN."""
    syn = next((line for line in trace.lines if line.sender == side and line.flags & SYN), None)
    if syn is None:
        return ["profile: linux"]
    options = syn.options
    modern = options["SACK"] and options["timestamps"] and options["window scale"] >= 0
    words = [f"profile: {'linux' if modern else 'rfc'}"]
    if options["mss"] > 0:
        words.append(f"mss: {options['mss']} bytes")
    words.append(f"sack: {'true' if options['SACK'] else 'false'}")
    words.append(f"timestamps: {'true' if options['timestamps'] else 'false'}")
    words.append(f"window_scale: {options['window scale'] if options['window scale'] >= 0 else 'false'}")
    return words


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
            if last is not None and (at - last[2] < BURST_NS or _in_flight(trace, line)):
                last[1] += new
                last[2] = at
            else:
                if last is not None:
                    actions.append((last[0], line.sender, f"send: {last[1]} bytes"))
                writes[line.sender] = [at, new, at]
            top[line.sender] = end
        if line.flags & FIN and end >= top[line.sender]:
            _flush(actions, writes, line.sender)
            actions.append((_at_host(trace, line, rtt), line.sender, "shutdown"))
            top[line.sender] = end + 1
    for side in list(writes):
        _flush(actions, writes, side)
    actions.sort(key=lambda action: action[0])
    return actions


def _is_abort(trace: Trace, line: Line) -> bool:
    """A RST that its application asked for, not one that answers a segment for nobody."""
    before = [other for other in trace.lines if other.n < line.n]
    return bool(before) and not (before[-1].sender != line.sender and before[-1].length) and len(before) > 2


def _flush(actions: list[tuple[int, str, str]], writes: dict[str, list[int]], side: str) -> None:
    last = writes.pop(side, None)
    if last is not None:
        actions.append((last[0], side, f"send: {last[1]} bytes"))


def _in_flight(trace: Trace, line: Line) -> bool:
    """The segment before was full-sized: the write went on, held back by a window."""
    full = max((other.length for other in trace.lines if other.sender == line.sender), default=0)
    place = trace.lines.index(line)
    for other in reversed(trace.lines[:place]):
        if other.sender == line.sender and other.length:
            return other.length == full and full > 500
    return False


def _faults(trace: Trace) -> list[str]:
    """What the path lost: the originals of segments that were sent again and not for nothing."""
    connection = trace.connection
    needless = set(connection.frames("spurious_retransmission"))
    dropped: dict[tuple[str, int, int], int] = {}
    for frame in connection.frames("retransmission"):
        if frame in needless:
            continue
        line = next((line for line in trace.lines if line.n == frame), None)
        if line is None or line.flags & RST:
            continue
        first = next(
            (
                other
                for other in trace.lines
                if other.sender == line.sender and other.n < frame and _covers(other, line)
            ),
            None,
        )
        if first is not None:
            key = (line.sender, line.seq, line.flags & (SYN | FIN))
            dropped[key] = dropped.get(key, 0) + 1
    rules = []
    for (side, seq, flags), count in dropped.items():
        names = [name for bit, name in ((SYN, "SYN"), (FIN, "FIN")) if flags & bit]
        match = f"from: {side}, seq: {seq}" + (f', flags: "{",".join(names)}"' if names else "")
        if not names:
            match = f"from: {side}, carries: {seq}"
        rules.append(f"  - {{drop: {{{match}, count: {count}}}}}")
    return rules


def _covers(other: Line, line: Line) -> bool:
    """`other` carried the first number of `line`."""
    size = other.length + bool(other.flags & FIN) + bool(other.flags & SYN)
    return other.seq <= line.seq < other.seq + size
