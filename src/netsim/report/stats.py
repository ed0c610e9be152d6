"""Numbers of a run, per conversation and direction: octets, losses, causes, times, rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netsim.base.units import SEC, format_duration, format_rate
from netsim.report.cells import Line, line

if TYPE_CHECKING:
    from netsim.report.record import Recorder
    from netsim.report.rows import SegmentRow


class DirectionStats:
    """One direction of one conversation.

    sender, receiver, connection: who to whom, and the conversation's number
    segments, octets:  sent in all, resent ones included
    new_octets:        payload octets sent for the first time
    lost:              segments that the network dropped
    resent:            cause -> number of segments
    first_ns, last_ns: first sending, and last arrival of payload
    goodput_bps:       new octets that arrived over that time, bits per second (0 where there is no payload)
    rtt_ns:            (least, mean, most) of the sender's samples, None without samples
    max_cwnd:          the largest congestion window, octets, 0 where none was told
    """

    __slots__ = (
        "connection", "first_ns", "goodput_bps", "last_ns", "lost", "max_cwnd", "new_octets", "octets", "receiver",
        "resent", "rtt_ns", "segments", "sender",
    )  # fmt: skip

    def __init__(self, connection: int, sender: str, receiver: str) -> None:
        self.connection = connection
        self.sender = sender
        self.receiver = receiver
        self.segments = 0
        self.octets = 0
        self.new_octets = 0
        self.lost = 0
        self.resent: dict[str, int] = {}
        self.first_ns = 0
        self.last_ns = 0
        self.goodput_bps = 0
        self.rtt_ns: tuple[int, int, int] | None = None
        self.max_cwnd = 0


def statistics(recorder: Recorder) -> list[DirectionStats]:
    """One entry per conversation and direction that sent anything, in order of appearance."""
    groups: dict[tuple[int, str, str], list[SegmentRow]] = {}
    for row in recorder.segments:
        groups.setdefault((row.flow, row.sender, recorder.receiver_of(row)), []).append(row)
    return [_direction(recorder, key, rows) for key, rows in groups.items()]


def _direction(recorder: Recorder, key: tuple[int, str, str], rows: list[SegmentRow]) -> DirectionStats:
    stats = DirectionStats(*key)
    ends = {(row.sender, row.conn_from) for row in rows if row.conn_from}
    stats.segments = len(rows)
    stats.octets = sum(row.length for row in rows)
    stats.new_octets = sum(recorder.endpoints[end].bytes_sent for end in ends if end in recorder.endpoints)
    stats.lost = sum(row.dropped is not None for row in rows)
    for row in rows:
        if row.retransmission:
            cause = row.cause or "unknown"
            stats.resent[cause] = stats.resent.get(cause, 0) + 1
    stats.first_ns = min((row.sent_ns for row in rows if row.sent_ns is not None), default=0)
    loaded = [row for row in rows if row.length]
    stats.last_ns = max((row.received_ns for row in loaded if row.received_ns is not None), default=stats.first_ns)
    begin = min((row.sent_ns for row in loaded if row.sent_ns is not None), default=stats.first_ns)
    if stats.last_ns > begin:
        stats.goodput_bps = stats.new_octets * 8 * SEC // (stats.last_ns - begin)
    samples = [sample.rtt_ns for sample in recorder.rtt if (sample.host, sample.conn) in ends]
    if samples:
        stats.rtt_ns = (min(samples), sum(samples) // len(samples), max(samples))
    stats.max_cwnd = max((each.cwnd for each in recorder.congestion if (each.host, each.conn) in ends), default=0)
    return stats


def statistics_object(recorder: Recorder) -> list[dict[str, Any]]:
    """The same for JSON."""
    found = []
    for each in statistics(recorder):
        made = {name: getattr(each, name) for name in sorted(DirectionStats.__slots__) if name != "rtt_ns"}
        made["rtt_ns"] = None if each.rtt_ns is None else dict(zip(("min", "mean", "max"), each.rtt_ns, strict=True))
        found.append(made)
    return found


def statistics_lines(recorder: Recorder, most: int = 40) -> list[Line]:
    """A block of lines per direction, at most `most` directions."""
    lines: list[Line] = []
    found = statistics(recorder)
    for each in found[:most]:
        lines.append(Line())
        lines.append(
            line(
                (f" {each.sender or '?'} → {each.receiver or '?'}", "title"), (f"  connection {each.connection}", "dim")
            )
        )
        resent = ", ".join(f"{count:,} {cause}" for cause, count in each.resent.items()) or "none"
        lines.append(line((f"   {each.segments:,} segments, {each.lost:,} lost; resent: {resent}", "")))
        if each.octets:
            rate = format_rate(round(each.goodput_bps, -3) if each.goodput_bps >= 10**5 else each.goodput_bps)
            text = f"   {each.new_octets:,} octets of data, {each.octets - each.new_octets:,} more resent; {rate}"
            lines.append(line((text, "")))
        if each.rtt_ns is not None:
            least, mean, most_ns = (format_duration(round(value, -4)) for value in each.rtt_ns)
            text = f"   round trip {least} to {most_ns}, mean {mean}"
            if each.max_cwnd:
                text += f"; congestion window up to {each.max_cwnd:,} octets"
            lines.append(line((text, "")))
    if len(found) > most:
        lines += [Line(), line((f" and {len(found) - most} more directions (--format json has them all)", "dim"))]
    return lines
