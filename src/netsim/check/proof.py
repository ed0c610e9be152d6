"""A finding in full: what is wrong, and the few frames that prove it, with what the rule looks at in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.packet import ACK, SYN, URG
from netsim.base.units import format_seconds

if TYPE_CHECKING:
    from netsim.capture.record import TcpRecord
    from netsim.check.engine import Report
    from netsim.check.model import Finding
    from netsim.check.summary import ConnReport, EndReport

SHOWN_FRAMES: Final = 6
ECN_FIELD: Final = ("not-ECT", "ECT(1)", "ECT(0)", "CE")
_PLAIN: Final = ("ACK", "PSH,ACK", "ACK,PSH")
_MASK: Final = 0xFFFFFFFF


class Bases:
    """What turns the numbers on the wire into those that people read: ISNs and window scales by direction."""

    def __init__(self) -> None:
        self._ends: dict[bytes, EndReport] = {}

    def add(self, connection: ConnReport) -> None:
        """Both directions of a connection."""
        self._ends[connection.client.key] = connection.client
        self._ends[connection.server.key] = connection.server

    def seq(self, record: TcpRecord) -> int:
        """The sequence number relative to its sender's ISN."""
        end = self._ends.get(record.key)
        return (record.seq - (end.base if end is not None else 0)) & _MASK

    def peer(self, record: TcpRecord, number: int) -> int:
        """A number in the peer's space (an acknowledgement, an edge of a SACK block) relative to the peer's ISN."""
        from netsim.capture.record import reverse_key

        end = self._ends.get(reverse_key(record.key))
        return (number - (end.base if end is not None else 0)) & _MASK

    def window(self, record: TcpRecord) -> str:
        """The window in octets; as it stands on the wire, and saying so, where the scale is not known."""
        end = self._ends.get(record.key)
        if record.flags & SYN or (end is not None and end.shift == 0):
            return f"win {record.wnd:,}"
        if end is None or end.shift < 0:
            return f"win {record.wnd:,} (unscaled)"
        return f"win {record.wnd << end.shift:,}"


def _options(record: TcpRecord, stamps: bool) -> str:
    """The options that a SYN settles, wherever they stand, and timestamps if asked for."""
    opts = record.opts
    words = []
    if opts.mss >= 0:
        words.append(f"mss {opts.mss}")
    if opts.wscale >= 0:
        words.append(f"ws {opts.wscale}")
    if opts.sack_ok:
        words.append("sackOK")
    if record.ts_val >= 0 and stamps:
        words.append(f"ts {record.ts_val} ecr {record.ts_ecr}")
    elif record.ts_val >= 0 and record.flags & SYN:
        words.append("ts")
    return f"<{','.join(words)}>" if words else ""


def describe(record: TcpRecord, bases: Bases, family: str) -> str:
    """A segment in a few words. `family` of the rule: what it looks at is shown, other things may be left out."""
    names = record.flags_names()
    words = [] if names in _PLAIN and record.payload_len else [names or "no flags"]
    words.append(f"seq {bases.seq(record):,}")
    if record.payload_len:
        words.append(f"len {record.payload_len:,}")
    if record.flags & ACK and (not record.payload_len or family in ("ACK", "HSK", "RST")):
        words.append(f"ack {bases.peer(record, record.ack):,}")
    if record.flags & ACK and not record.payload_len:
        words.append(bases.window(record))
    if record.flags & URG or (record.urg and family == "SEQ"):
        words.append(f"urg {record.urg}")
    for left, right in record.opts.sack:
        words.append(f"sack {bases.peer(record, left):,}-{bases.peer(record, right):,}")
    if family == "ECN":
        words.append(ECN_FIELD[record.tos & 3])
    options = _options(record, family == "OPT")
    if options:
        words.append(options)
    return " ".join(words)


def shown_frames(finding: Finding) -> list[int]:
    """Those of the evidence that are shown: the last ones, or the first if the frame at fault is among these."""
    last = finding.evidence[-SHOWN_FRAMES:]
    return last if finding.frames[0] in last else finding.evidence[:SHOWN_FRAMES]


def evidence_rows(
    finding: Finding, connection: ConnReport | None, records: dict[int, TcpRecord], bases: Bases, start_ns: int
) -> list[str]:
    """The frames that prove a finding, as a small ladder."""
    lines: list[str] = []
    for frame in shown_frames(finding):
        record = records.get(frame)
        if record is None:
            continue
        from_client = connection is None or (
            record.src == connection.client.addr and record.sport == connection.client.port
        )
        label = describe(record, bases, finding.meta.family)
        when = format_seconds(record.t_ns - start_ns)
        here = "   ← here" if frame == finding.frames[0] else ""
        if from_client:
            lines.append(f"   {frame:>6} {when:>9}  client ── {label} ──▶ server{here}")
        else:
            lines.append(f"   {frame:>6} {when:>9}  client ◀── {label} ── server{here}")
    return lines


def finding_lines(
    finding: Finding, connection: ConnReport | None, records: dict[int, TcpRecord], bases: Bases, report: Report
) -> list[str]:
    """A finding in full."""
    head = f" {finding.meta.severity} {finding.meta.code} {finding.meta.name}"
    if connection is not None:
        head += f" · connection {connection.ident}"
        if finding.side:
            end = connection.client if finding.side == "client" else connection.server
            head += f" · {finding.side} {end.addr}:{end.port}"
    head += f" · {finding.confidence}"
    lines = [head, f"   {finding.message}"]
    lines.extend(evidence_rows(finding, connection, records, bases, report.first_ns))
    others = finding.frames[1:6]
    if finding.count > 1:
        more = ", ".join(str(frame) for frame in others)
        dots = ", …" if finding.count > len(others) + 1 else ""
        lines.append(f"   {finding.count:,} times in all: also frame{'' if len(others) == 1 else 's'} {more}{dots}")
    lines.append(f"   {finding.meta.source}. More: netsim rules {finding.meta.code}")
    return lines
