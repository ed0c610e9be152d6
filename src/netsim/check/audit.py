"""Phase 0: what is wrong with the capture itself. Reported under `quality`, never blamed on an endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.units import format_duration
from netsim.check.model import Quality

if TYPE_CHECKING:
    from netsim.capture.source import TcpSource
    from netsim.check.engine import Report
    from netsim.check.tracker import Tracker

MESSAGES: Final = {
    "CAP001": "{count} packets are missing from the capture: their data were acknowledged and never seen",
    "CAP002": "{count} packets were captured twice (a span port, two interfaces, or doubled by the network)",
    "CAP003": "{count} packets are out of order in the file: answers stand before what they answer",
    "CAP004": "{count} segments are larger than the wire carries: segmentation offload, captured inside the host",
    "CAP005": "{count} packets leave without checksum: checksum offload, captured inside the host",
    "CAP006": "{count} packets are cut short (snaplen): their payload cannot be compared",
    "CAP007": "{count} connections are seen in one direction only",
    "CAP008": "the capture's clock steps back {count} times",
    "CAP009": "{count} segments came as IP fragments",
    "CAP010": "the file is damaged: {detail}",
    "CAP011": "{count} packets have a wrong checksum: damaged on the way, the receiver drops them",
    "CAP012": "{count} packets have a TCP header that points outside the packet",
    "CAP013": "{count} connections were under way when the capture began",
}
FAULTS: Final = ("CAP001", "CAP002", "CAP003", "CAP008", "CAP010", "CAP011", "CAP012")


def _names(report: Report, tracker: Tracker, quality: dict[str, list[int]]) -> None:
    """Complete what was counted per connection with what is known of the whole."""
    for code, seen in (("CAP007", report.connections.one_way), ("CAP013", report.connections.joined)):
        if seen.count:
            quality[code] = [seen.count, *[frame for _, frame in seen.smallest()]]
    if tracker.clock_steps:
        steps = tracker.clock_steps
        quality["CAP008"] = [len(steps), *[frame for frame, _ in steps[:20]]]
    if tracker.partial > 20:
        quality.setdefault("CAP005", [0])[0] = tracker.partial


def audit(report: Report, tracker: Tracker, quality: dict[str, list[int]], source: TcpSource | None) -> list[Quality]:
    """The capture's faults and peculiarities, by code."""
    _names(report, tracker, quality)
    if source is not None:
        if source.cut_frames:
            quality["CAP006"] = [source.cut_frames]
        if source.reassembled:
            quality["CAP009"] = [source.reassembled]
        if source.damage is not None:
            quality["CAP010"] = [1]
    result: list[Quality] = []
    for code in sorted(quality):
        frames = quality[code]
        count = frames[0]
        detail = report.damage
        message = MESSAGES[code].format(count=f"{count:,}", detail=detail)
        if count == 1:
            message = _singular(message)
        if code == "CAP008":
            worst = min(step for _, step in tracker.clock_steps)
            message += f", by up to {format_duration(-worst)}"
        result.append(Quality(code, message, frames[1:], count))
    return result


def _singular(message: str) -> str:
    for plural, single in (
        ("1 packets are", "1 packet is"), ("1 packets were", "1 packet was"), ("1 packets have", "1 packet has"),
        ("1 packets leave", "1 packet leaves"), ("1 connections are", "1 connection is"),
        ("1 connections were", "1 connection was"), ("1 segments are", "1 segment is"),
        ("1 segments came as IP fragments", "1 segment came as IP fragments"), ("1 times", "once"),
        ("their data were", "its data were"), ("their payload", "its payload"),
    ):  # fmt: skip
        message = message.replace(plural, single)
    return message
