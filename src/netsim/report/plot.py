"""Plots of a run: time-sequence, congestion window, round-trip time, as PNG or SVG.

matplotlib is imported inside `plot`, with the Agg backend: no display is needed, and the same
run gives the same picture.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from netsim.base.errors import UsageError
from netsim.report.console import write_bytes

if TYPE_CHECKING:
    from netsim.report.record import Recorder
    from netsim.report.rows import SegmentRow

FORMATS: Final = ("png", "svg", "pdf")
NO_SSTHRESH: Final = 1 << 30
"""Thresholds from here on mean "not yet set" and are not drawn."""
COLORS: Final = ("#0969da", "#bf3989", "#1a7f37", "#9a6700", "#8250df", "#57606a")


class _Direction:
    """The segments of one flow from one host."""

    __slots__ = ("acks", "conn", "flow", "host", "name", "sent")

    def __init__(self, flow: int, host: str, name: str) -> None:
        self.flow = flow
        self.host = host
        self.name = name
        self.conn = 0
        self.sent: list[SegmentRow] = []
        self.acks: list[tuple[int, int]] = []


def _directions(recorder: Recorder, connection: int | None) -> list[_Direction]:
    """The directions that carry data (or all, if none does), those with most octets first."""
    found: dict[tuple[int, str], _Direction] = {}
    flows = {row.flow for row in recorder.segments}
    if connection is not None and connection not in flows:
        raise UsageError(f"there is no connection {connection} in this run to plot")
    for row in recorder.segments:
        if connection not in (None, row.flow) or not row.conn_from:
            continue
        receiver = recorder.receiver_of(row)
        tag = f" (connection {row.flow})" if len(flows) > 1 else ""
        here = found.setdefault((row.flow, row.sender), _Direction(row.flow, row.sender, f"{row.sender}{tag}"))
        here.conn = here.conn or row.conn_from
        here.sent.append(row)
        if row.rel_ack is not None and row.received_ns is not None:
            back = found.setdefault((row.flow, receiver), _Direction(row.flow, receiver, f"{receiver}{tag}"))
            back.acks.append((row.received_ns, row.rel_ack))
    busy = [each for each in found.values() if any(row.length for row in each.sent)]
    chosen = busy or [each for each in found.values() if each.sent]
    chosen.sort(key=lambda each: -sum(row.length for row in each.sent))
    return chosen


def _sequence(axes: Any, direction: _Direction, color: str) -> None:
    """Segments as bars from their first to their last octet, resent and lost ones marked, ACKs as a step."""
    for rows, look, label, width in (
        ([row for row in direction.sent if not row.retransmission], color, f"{direction.name}: sent", 2.0),
        ([row for row in direction.sent if row.retransmission], "#e16f24", "resent", 3.5),
    ):
        rows = [row for row in rows if row.length or row.flags.strip("A")]
        if rows:
            times = [(row.sent_ns or 0) / 1e9 for row in rows]
            starts = [row.rel_seq for row in rows]
            ends = [row.rel_seq + max(row.length, 1) for row in rows]
            axes.vlines(times, starts, ends, colors=look, linewidth=width, label=label)
            if label == "resent":  # a bar of one segment is too small to see in a long transfer
                axes.plot(times, starts, "^", color=look, markersize=5)
    lost = [row for row in direction.sent if row.dropped is not None]
    if lost:
        times = [(row.sent_ns or 0) / 1e9 for row in lost]
        axes.plot(times, [row.rel_seq for row in lost], "x", color="#cf222e", markersize=7, label="lost")
    if direction.acks:
        direction.acks.sort()
        times = [t_ns / 1e9 for t_ns, _ in direction.acks]
        axes.step(times, [ack for _, ack in direction.acks], where="post", color=color, alpha=0.45, linewidth=1,
                  label=f"{direction.name}: acknowledged")  # fmt: skip
    axes.set_ylabel("sequence number (relative)")


def _windows(axes: Any, recorder: Recorder, directions: list[_Direction]) -> None:
    """Congestion window and threshold of each direction's sender."""
    for number, direction in enumerate(directions):
        color = COLORS[number % len(COLORS)]
        mine = [each for each in recorder.congestion if (each.host, each.conn) == (direction.host, direction.conn)]
        times = [each.t_ns / 1e9 for each in mine]
        axes.step(times, [each.cwnd for each in mine], where="post", color=color, label=f"{direction.name}: cwnd")
        limits = [(each.t_ns / 1e9, each.ssthresh) for each in mine if each.ssthresh < NO_SSTHRESH]
        if limits:
            axes.step([at for at, _ in limits], [value for _, value in limits], where="post", color=color,
                      linestyle=":", label=f"{direction.name}: ssthresh")  # fmt: skip
    axes.set_ylabel("congestion window (octets)")
    axes.set_ylim(bottom=0)


def _times(axes: Any, recorder: Recorder, directions: list[_Direction]) -> None:
    """Round-trip times as measured and smoothed, and the retransmission timeout."""
    for number, direction in enumerate(directions):
        color = COLORS[number % len(COLORS)]
        mine = [each for each in recorder.rtt if (each.host, each.conn) == (direction.host, direction.conn)]
        times = [each.t_ns / 1e9 for each in mine]
        axes.plot(times, [each.rtt_ns / 1e6 for each in mine], ".", color=color, label=f"{direction.name}: RTT")
        axes.plot(times, [each.srtt_ns / 1e6 for each in mine], color=color, linewidth=1, label="smoothed")
        longest = max((each.rtt_ns for each in mine), default=0)
        if any(each.rto_ns < 5 * longest for each in mine):  # else it would only flatten the rest
            axes.plot(times, [each.rto_ns / 1e6 for each in mine], color=color, linestyle=":", label="RTO")
    axes.set_ylabel("round-trip time (ms)")
    axes.set_ylim(bottom=0)


def plot(recorder: Recorder, path: str, *, title: str = "", connection: int | None = None) -> None:
    """Draw the run into `path`; the extension decides the format.

    Raises UsageError for an unknown extension, a connection that does not exist, a run without
    segments, or a file that cannot be written.
    """
    kind = Path(path).suffix.lower().lstrip(".")
    if kind not in FORMATS:
        raise UsageError(f"--plot {path}: the name must end in .png, .svg or .pdf")
    directions = _directions(recorder, connection)[:6]
    if not directions:
        raise UsageError("nothing to plot: no connection sent a segment")
    import io

    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "netsim", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3})
    from matplotlib.figure import Figure

    keys = {(each.host, each.conn) for each in directions}
    panels: list[Any] = ["sequence"]
    panels += ["window"] if any((each.host, each.conn) in keys for each in recorder.congestion) else []
    panels += ["rtt"] if any((each.host, each.conn) in keys for each in recorder.rtt) else []
    figure = Figure(figsize=(10, 1 + 2.9 * len(panels)), layout="constrained")
    column = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for number, direction in enumerate(directions):
        _sequence(column[0], direction, COLORS[number % len(COLORS)])
    if "window" in panels:
        _windows(column[panels.index("window")], recorder, directions)
    if "rtt" in panels:
        _times(column[panels.index("rtt")], recorder, directions)
    for axes in column:
        entries = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        axes.legend(entries.values(), entries.keys(), fontsize=8, loc="best")
    column[-1].set_xlabel("time (s)")
    figure.suptitle(title)
    for axes in column[: len(panels) - ("rtt" in panels)]:
        axes.yaxis.set_major_formatter("{x:,.0f}")
    buffer = io.BytesIO()
    metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {"CreationDate": None} if kind == "pdf" else {}
    figure.savefig(buffer, format=kind, dpi=120, metadata=metadata)
    write_bytes(path, buffer.getvalue())
