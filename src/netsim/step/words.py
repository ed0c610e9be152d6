"""What happened, in words: a headline for every event, and why, with the citation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base import events as ev
from netsim.base.units import format_duration, format_seconds
from netsim.report.rows import SegmentRow

if TYPE_CHECKING:
    from netsim.base.packet import Packet
    from netsim.base.reasons import Reason
    from netsim.report.record import Recorder
    from netsim.report.rows import PacketRow

CHANGES: Final = {
    "duplicate": "duplicates", "delay": "delays", "reorder": "holds back", "corrupt": "corrupts", "edit": "alters",
}  # fmt: skip


def segment_words(row: PacketRow, *, with_n: bool = True) -> str:
    """`FIN,ACK seq 1001 ack 1 len 20`: a packet in a few words, numbers relative to the ISNs."""
    if not isinstance(row, SegmentRow):
        return f"{row.kind.upper()} packet"
    text = f"{row.names or 'no flags'} seq {row.rel_seq}"
    if row.rel_ack is not None:
        text += f" ack {row.rel_ack}"
    if row.length:
        text += f" len {row.length}"
    return text


def headline(event: ev.Event, recorder: Recorder) -> str:
    """One event as a sentence without a full stop; "" for what is not worth one."""
    if isinstance(event, ev.SegmentSent):
        again = f" again ({event.cause})" if event.retransmission and event.cause else ""
        return f"{event.host} sends {_packet(event.segment, recorder)}{again}"
    if isinstance(event, ev.SegmentReceived):
        return f"{event.host} receives {_packet(event.segment, recorder)}"
    if isinstance(event, ev.SegmentProcessed):
        return "" if event.accepted else f"{event.host} does not accept {_packet(event.segment, recorder)}"
    if isinstance(event, ev.StateChanged):
        return f"{event.host}: {event.old} → {event.new}"
    if isinstance(event, ev.TimerExpired):
        count = f", {event.count} in a row" if event.count > 1 else ""
        return f"{event.host}: the {event.timer} timer expires{count}"
    if isinstance(event, ev.TimerSet):
        return f"{event.host}: the {event.timer} timer runs until {format_seconds(event.at_ns)}"
    if isinstance(event, ev.Called):
        result = f" → {event.result}" if event.result else ""
        return f"{event.host} calls {event.call} {event.detail}".rstrip() + result
    return _network_headline(event, recorder) or _other_headline(event)


def _packet(packet: Packet, recorder: Recorder) -> str:
    row = recorder.row_of(packet)
    return "a packet" if row is None else segment_words(row)


def _network_headline(event: ev.Event, recorder: Recorder) -> str:
    if isinstance(event, ev.PacketSent):
        return f"{event.host} sends {_packet(event.packet, recorder)}"
    if isinstance(event, ev.PacketDropped):
        what = f'the rule "{event.rule}"' if event.rule and event.rule != "what if" else event.where
        return f"{_packet(event.packet, recorder)} is lost: {what}"
    if isinstance(event, ev.PacketImpaired):
        return f"the network {CHANGES.get(event.what, event.what)} {_packet(event.packet, recorder)}"
    if isinstance(event, ev.LinkChanged):
        return f"link {event.link}: {event.detail}"
    return ""


def _other_headline(event: ev.Event) -> str:
    if isinstance(event, ev.Delivered):
        return f"{event.host}: {event.byte_count:,} bytes are there to read"
    if isinstance(event, ev.Notified):
        return f"{event.host}: the user is told: {event.what}"
    if isinstance(event, ev.CongestionChanged):
        return f"{event.host}: cwnd {event.cwnd:,}, {event.phase}"
    if isinstance(event, ev.RttSampled):
        return f"{event.host}: a round trip took {format_duration(event.rtt_ns)}"
    if isinstance(event, ev.SendHeld):
        return f"{event.host} holds {event.bytes_waiting:,} bytes back"
    if isinstance(event, ev.Noted):
        return f"{event.host}: {event.reason.code.replace('-', ' ')}"
    return ""


_WEIGHT: Final[dict[type, int]] = {
    ev.TimerExpired: 0, ev.StateChanged: 1, ev.PacketDropped: 2, ev.SegmentSent: 3, ev.SegmentProcessed: 4,
    ev.Notified: 5, ev.Noted: 5, ev.SendHeld: 6, ev.TimerSet: 7, ev.CongestionChanged: 8,
}  # fmt: skip
"""Which reasons come first."""


class Why:
    """What happened in a step: headlines, and reasons as (sentence, citation), the weightiest first."""

    __slots__ = ("headlines", "minor", "reasons")

    def __init__(self) -> None:
        self.headlines: list[str] = []
        self.minor: list[str] = []
        self.reasons: list[tuple[str, str]] = []


_MINOR: Final = (ev.TimerSet, ev.RttSampled, ev.CongestionChanged, ev.Delivered)


def explain(events: list[ev.Event], recorder: Recorder, words: str = "") -> Why:
    """The events of one step in words."""
    why = Why()
    if words:
        why.headlines.append(words)
    weighed: list[tuple[int, int, Reason]] = []
    for place, event in enumerate(events):
        text = headline(event, recorder)
        if isinstance(event, ev.PacketSent) and any(isinstance(other, ev.SegmentSent) for other in events):
            text = ""  # the endpoint told of it
        if text:
            (why.minor if isinstance(event, _MINOR) else why.headlines).append(text)
        reason = getattr(event, "reason", None)
        if reason is not None:
            weighed.append((_WEIGHT.get(type(event), 9), place, reason))
    weighed.sort(key=lambda entry: entry[:2])
    for weight, _, reason in weighed:
        pair = (reason.text, reason.cite)
        if pair not in why.reasons and (weight < 7 or not why.reasons):
            why.reasons.append(pair)
    return why
