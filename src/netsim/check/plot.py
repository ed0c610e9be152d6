"""`--plot`: time-sequence, round-trip time, window and throughput of one connection of a capture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from netsim.base.errors import UsageError
from netsim.check.trace import Line, lines_of

if TYPE_CHECKING:
    from netsim.check.engine import Report

FORMATS: Final = ("png", "svg", "pdf")
COLORS: Final = ("#0969da", "#bf3989", "#1a7f37", "#9a6700", "#57606a")
BINS: Final = 60


def plot_connection(report: Report, number: int | None, path: str) -> None:
    """Draw connection `number` (default: the one with most bytes) into a file; the suffix says in which form."""
    from netsim.check.ladder_view import find_connection
    from netsim.check.second_look import fetch_connection

    kind = Path(path).suffix.lstrip(".").lower()
    if kind not in FORMATS:
        raise UsageError(f"--plot {path}: the name must end in {', '.join('.' + word for word in FORMATS)}")
    if report.path == "-":
        raise UsageError("--plot reads the capture twice: give a file, not standard input")
    if not report.connections:
        raise UsageError(f"there is no TCP connection in {report.path} to plot")
    if number is None:
        busiest = max(report.connections, key=lambda c: (c.client.byte_count + c.server.byte_count, -c.ident))
        number = busiest.ident
    connection = find_connection(report, number)
    keys = (connection.client.key, connection.server.key)
    records = fetch_connection(report.path, connection.first_frame, connection.last_frame, keys)
    lines = lines_of(records, connection)
    sender = "client" if connection.client.byte_count >= connection.server.byte_count else "server"
    resent = set(connection.frames("retransmission"))
    _draw(lines, sender, resent, f"{Path(report.path).name}, connection {number}: data of the {sender}", path, kind)


def _seconds(line: Line) -> float:
    return line.t_ns / 1e9


def _draw(lines: list[Line], sender: str, resent: set[int], title: str, path: str, kind: str) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 8), layout="constrained")
    axes = figure.subplots(4, 1, sharex=True, height_ratios=(3, 1, 1, 1))
    figure.suptitle(title, fontsize=11)
    data = [line for line in lines if line.sender == sender and line.length]
    acks = [line for line in lines if line.sender != sender and line.ack >= 0]
    _sequence(axes[0], data, acks, resent)
    _round_trips(axes[1], data, acks, resent)
    _flight(axes[2], data, acks)
    _throughput(axes[3], data, resent)
    axes[3].set_xlabel("seconds since the first segment")
    for axis in axes:
        axis.grid(alpha=0.25)
    figure.savefig(path, format=kind, dpi=110, metadata={"Date": None} if kind == "svg" else None)


def _sequence(axis: Any, data: list[Line], acks: list[Line], resent: set[int]) -> None:
    new = [line for line in data if line.n not in resent]
    again = [line for line in data if line.n in resent]
    for lines, color, width, label in ((new, COLORS[0], 1.5, "sent"), (again, COLORS[1], 2.5, "sent again")):
        starts = [line.seq for line in lines]
        ends = [line.seq + line.length for line in lines]
        axis.vlines([_seconds(line) for line in lines], starts, ends, color=color, linewidth=width, label=label)
    times = [_seconds(line) for line in acks]
    axis.step(times, [line.ack for line in acks], where="post", color=COLORS[2], label="acknowledged")
    axis.step(times, [line.ack + line.win for line in acks], where="post", color=COLORS[3], linewidth=0.8,
              label="window's edge")  # fmt: skip
    top = max([line.seq + line.length for line in data], default=1)
    axis.set_ylim(0, top * 1.15)
    axis.set_ylabel("sequence number")
    axis.legend(loc="upper left", fontsize=8)


def _round_trips(axis: Any, data: list[Line], acks: list[Line], resent: set[int]) -> None:
    """From each segment not sent again to the first ACK that covers it (Karn)."""
    times: list[float] = []
    values: list[float] = []
    place = 0
    again = {line.seq for line in data if line.n in resent}
    for line in data:
        if line.n in resent or line.seq in again:
            continue
        while place < len(acks) and (acks[place].t_ns < line.t_ns or acks[place].ack < line.seq + line.length):
            place += 1
        if place < len(acks):
            times.append(_seconds(acks[place]))
            values.append((acks[place].t_ns - line.t_ns) / 1e6)
    axis.plot(times, values, ".", color=COLORS[0], markersize=3)
    axis.set_ylabel("RTT at the tap, ms")
    axis.set_ylim(0, max(values, default=1.0) * 1.15)


def _flight(axis: Any, data: list[Line], acks: list[Line]) -> None:
    top = una = 0
    times: list[float] = []
    flight: list[int] = []
    window: list[int] = []
    edge = 0
    for line in sorted([*data, *acks], key=lambda line: line.n):
        if line in data:
            top = max(top, line.seq + line.length)
        else:
            una = max(una, line.ack)
            edge = line.win
        times.append(_seconds(line))
        flight.append(max(0, top - una))
        window.append(edge)
    axis.step(times, window, where="post", color=COLORS[3], linewidth=0.8, label="window offered")
    axis.step(times, flight, where="post", color=COLORS[0], label="in flight")
    axis.set_ylabel("bytes")
    axis.legend(loc="upper left", fontsize=8)


def _throughput(axis: Any, data: list[Line], resent: set[int]) -> None:
    if not data:
        return
    start, end = data[0].t_ns, data[-1].t_ns
    width = max((end - start) // BINS, 1_000_000)
    total = [0.0] * (BINS + 2)
    useful = [0.0] * (BINS + 2)
    for line in data:
        place = min(BINS + 1, (line.t_ns - start) // width)
        total[place] += line.length
        if line.n not in resent:
            useful[place] += line.length
    times = [(start + index * width) / 1e9 for index in range(len(total))]
    axis.step(times, [value * 8e3 / width for value in total], where="post", color=COLORS[1], label="sent")
    axis.step(times, [value * 8e3 / width for value in useful], where="post", color=COLORS[0], label="new data")
    axis.set_ylabel("Mbit/s")
    axis.set_ylim(bottom=0)
    axis.legend(loc="upper left", fontsize=8)
