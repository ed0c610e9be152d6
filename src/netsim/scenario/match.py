"""Does a packet of a run fit a description? One answer for faults, triggers and expectations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.packet import (
    ACK,
    OPT_MD5,
    OPT_MSS,
    OPT_SACK,
    OPT_SACK_OK,
    OPT_TFO,
    OPT_TS,
    OPT_WSCALE,
    PSH,
    SYN,
    Segment,
)
from netsim.base.seqnum import seq_le
from netsim.report.rows import SegmentRow

if TYPE_CHECKING:
    from netsim.report.record import Recorder
    from netsim.report.rows import PacketRow
    from netsim.scenario.model import Flags, Match

_KINDS: Final = {
    "mss": OPT_MSS, "ws": OPT_WSCALE, "sack-ok": OPT_SACK_OK, "ts": OPT_TS, "sack": OPT_SACK,
    "tfo": OPT_TFO, "md5": OPT_MD5,
}  # fmt: skip

_OPENING: Final = 30
"""Within so many segments of a conversation both SYNs are there, resent ones included."""

Endpoint = tuple[str, int]
"""(host, connection number)."""


class Wire:
    """What matching needs besides the row: names of connections, window scales, injected packets."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.connections: dict[str, Endpoint] = {}
        """Names of the script (`as`, `client`, `server#2`) -> endpoint."""
        self.injected: set[int] = set()
        """uids of injected packets."""
        self._scales: dict[int, dict[str, int]] = {}

    def endpoint(self, name: str) -> Endpoint | None:
        """The endpoint that the script calls `name`."""
        found = self.connections.get(name)
        if found is not None:
            return found
        for key, record in self.recorder.endpoints.items():
            if record.name == name:
                return key
        return None

    def is_of(self, row: PacketRow, name: str) -> bool:
        """The packet belongs to the connection of that name."""
        endpoint = self.endpoint(name)
        if endpoint is None:
            return False
        if endpoint in ((row.sender, row.conn_from), (row.receiver, row.conn_to)):
            return True
        record = self.recorder.endpoints.get(endpoint)
        if record is None or not isinstance(row, SegmentRow):
            return False
        seg = row.segment
        ends = {(seg.src, seg.sport), (seg.dst, seg.dport)}
        return {record.local, record.remote} == ends

    def scale_of(self, row: SegmentRow) -> int:
        """How far the window field of this segment is to be shifted: 0 on SYN, or where it was not agreed."""
        if row.segment.flags & SYN:
            return 0
        shifts = self._scales.get(row.flow)
        if shifts is None:
            shifts = self._offered_scales(row)
            if len(shifts) == 2:
                self._scales[row.flow] = shifts
        return shifts.get(row.sender, 0) if len(shifts) == 2 else 0

    def _offered_scales(self, row: SegmentRow) -> dict[str, int]:
        """What each side offered on its SYN, among the first segments of the row's conversation."""
        shifts: dict[str, int] = {}
        seen = 0
        for other in self.recorder.segments:
            if other.flow != row.flow:
                continue
            seen += 1
            if other.segment.flags & SYN and OPT_WSCALE in other.segment.layout:
                shifts[other.sender] = other.segment.opt_wscale
            if other is row or seen > _OPENING or len(shifts) == 2:
                break
        return shifts


def flags_fit(flags: Flags, bits: int) -> bool:
    """The control bits are as wanted. Where exactly these are, PSH is free unless it is named."""
    if bits & flags.must != flags.must or bits & flags.must_not:
        return False
    return not flags.exact or (bits | PSH) == (flags.must | PSH)


def fits(match: Match, row: PacketRow, wire: Wire) -> bool:
    """The packet fits everything but `nth`, which whoever counts looks after."""
    if match.protocol not in (row.kind, "any"):
        return False
    if match.sender is not None and match.sender != row.sender:
        return False
    if match.receiver is not None and match.receiver != wire.recorder.receiver_of(row):
        return False
    if match.connection is not None and not wire.is_of(row, match.connection):
        return False
    if not _fate_fits(match, row, wire) or not _times_fit(match, row):
        return False
    if isinstance(row, SegmentRow):
        return _segment_fits(match, row, wire)
    return _fits_without_tcp(match)


def _fate_fits(match: Match, row: PacketRow, wire: Wire) -> bool:
    if match.duplicate is not None:
        if (row.copy_of is not None) != match.duplicate:
            return False
    elif row.copy_of is not None:
        return False
    if match.injected is not None and (row.uid in wire.injected) != match.injected:
        return False
    if match.dropped is None:
        return True
    if isinstance(match.dropped, bool):
        return (row.dropped is not None) == match.dropped
    return match.dropped in (row.drop_rule, row.drop_reason.code if row.drop_reason is not None else None)


def _times_fit(match: Match, row: PacketRow) -> bool:
    sent = row.sent_ns if row.sent_ns is not None else row.received_ns
    if match.at_ns is not None and sent != match.at_ns:
        return False
    if match.arrives_ns is not None and row.received_ns != match.arrives_ns:
        return False
    if match.after_ns is not None and (sent is None or sent < match.after_ns):
        return False
    return match.before_ns is None or (sent is not None and sent < match.before_ns)


def _fits_without_tcp(match: Match) -> bool:
    """Nothing was asked that only TCP has."""
    wanted = (match.flags, match.seq, match.ack, match.abs_seq, match.abs_ack, match.win, match.carries, match.state,
              match.to_state, match.retransmission, match.cause)  # fmt: skip
    return all(field is None for field in wanted) and not match.options


def _segment_fits(match: Match, row: SegmentRow, wire: Wire) -> bool:
    seg = row.segment
    if match.flags is not None and not flags_fit(match.flags, seg.flags):
        return False
    if match.seq is not None and row.rel_seq != match.seq:
        return False
    if match.ack is not None and row.rel_ack != match.ack:
        return False
    if match.abs_seq is not None and seg.seq != match.abs_seq:
        return False
    if match.abs_ack is not None and (seg.ack != match.abs_ack or not seg.flags & ACK):
        return False
    if match.data is not None and (row.length > 0) != match.data:
        return False
    if match.length is not None and not match.length.fits(row.length):
        return False
    if match.carries is not None:
        start = row.rel_seq + (1 if seg.flags & SYN else 0)
        if not start <= match.carries < start + row.length:
            return False
    if match.win is not None and not match.win.fits(row.win << wire.scale_of(row)):
        return False
    return _options_fit(match, row) and _course_fits(match, row)


def _options_fit(match: Match, row: SegmentRow) -> bool:
    seg = row.segment
    for name in match.options:
        wanted = not name.startswith("!")
        word = name.removeprefix("!")
        there = _is_dsack(seg) if word == "dsack" else _KINDS[word] in seg.layout
        if there != wanted:
            return False
    if match.mss is not None and (OPT_MSS not in seg.layout or seg.opt_mss != match.mss):
        return False
    if match.ws is not None and (OPT_WSCALE not in seg.layout or seg.opt_wscale != match.ws):
        return False
    if match.sack is None:
        return True
    shift = seg.ack - (row.rel_ack or 0)
    blocks = tuple(((left - shift) & 0xFFFFFFFF, (right - shift) & 0xFFFFFFFF) for left, right in seg.sack)
    return OPT_SACK in seg.layout and blocks == match.sack


def _is_dsack(seg: Segment) -> bool:
    """The first block reports a duplicate (RFC 2883 §4): below the ACK, or inside the second block."""
    if OPT_SACK not in seg.layout or not seg.sack:
        return False
    left, right = seg.sack[0]
    if seq_le(right, seg.ack):
        return True
    return len(seg.sack) > 1 and seq_le(seg.sack[1][0], left) and seq_le(right, seg.sack[1][1])


def _course_fits(match: Match, row: SegmentRow) -> bool:
    """States, causes and reasons are as wanted."""
    if match.state is not None and row.from_state != match.state:
        return False
    if match.to_state is not None and row.to_state != match.to_state:
        return False
    if match.retransmission is not None and row.retransmission != match.retransmission:
        return False
    if match.cause is not None and row.cause != match.cause:
        return False
    if match.reason is not None and (row.reason is None or row.reason.code != match.reason):
        return False
    if match.outcome is not None and (row.outcome is None or row.outcome.code != match.outcome):
        return False
    return match.accepted is None or row.accepted == match.accepted


def find_all(match: Match, wire: Wire, rows: list[PacketRow] | None = None) -> list[PacketRow]:
    """Every packet that fits, in order of sending; with `nth`, only that one."""
    if rows is None:
        rows = all_rows(wire.recorder)
    found = [row for row in rows if fits(match, row, wire)]
    if match.nth is not None:
        return found[match.nth - 1 : match.nth]
    return found


def all_rows(recorder: Recorder) -> list[PacketRow]:
    """TCP segments and everything else, in order of sending."""
    if not recorder.others:
        return list(recorder.segments)
    rows: list[PacketRow] = [*recorder.segments, *recorder.others]
    return sorted(rows, key=_sent)


def _sent(row: PacketRow) -> int:
    return row.sent_ns if row.sent_ns is not None else row.received_ns or 0
