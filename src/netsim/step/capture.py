"""One connection of a capture as something to step through: one step per frame.

States are those that the checker infers at the tap. What a tap cannot know stays unknown.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from netsim.base import events as ev
from netsim.base.errors import UsageError
from netsim.base.packet import ACK, FIN, OPT_MSS, OPT_SACK, OPT_SACK_OK, OPT_TS, OPT_WSCALE, SYN, Segment
from netsim.base.reasons import Reason
from netsim.base.seqnum import seq_gt
from netsim.report.record import Recorder
from netsim.report.rows import SegmentRow
from netsim.step.source import Flight, Key, Source

if TYPE_CHECKING:
    from netsim.capture.record import TcpRecord
    from netsim.check.summary import ConnReport
    from netsim.tcp.snapshot import Snapshot

INFERRED: Final = Reason("inferred", "Inferred from what passed the tap.")
CAUSES: Final = {
    "timeout_retransmission": "timeout", "fast_retransmission": "fast", "tail_loss_probe": "tlp",
    "slow_start_retransmission": "go-back",
}  # fmt: skip


class CaptureSource(Source):
    """The frames of one connection, in the order of the capture."""

    has_tcb = False
    has_network = False
    unit = "frame"

    def __init__(
        self, name: str, connection: ConnReport, records: list[TcpRecord], states: dict[int, tuple[str, str]]
    ) -> None:
        self.ends = (connection.client, connection.server)
        addresses = {connection.client.addr: "client", connection.server.addr: "server"}
        self._same_address = connection.client.addr == connection.server.addr
        super().__init__(Recorder({} if self._same_address else addresses), ["client", "server"])
        self.recorder.hosts.extend(["client", "server"])
        self.name = name
        self.title = f"connection {connection.ident}, tap: {connection.vantage}; states are inferred"
        self._records = records
        self._states = states
        self._before = ("", "")
        self._place = 0
        self._start_ns = records[0].t_ns if records else 0
        self._now_ns = 0
        self._tap: list[dict[str, dict[str, str]]] = [{"client": {}, "server": {}}]
        self._nxt: dict[str, int] = {}
        self._resent = dict.fromkeys(connection.frames("retransmission"), "")
        for category, cause in CAUSES.items():
            for frame in connection.frames(category):
                self._resent[frame] = cause
        self._notes: dict[int, list[Reason]] = {}
        for finding in connection.findings:
            for frame in finding.frames:
                reason = Reason(finding.meta.code, f"{finding.meta.code}: {finding.message}", finding.meta.source)
                self._notes.setdefault(frame, []).append(reason)

    @property
    def now_ns(self) -> int:
        """Since the connection's first frame."""
        return self._now_ns

    @property
    def steps(self) -> int:
        """Frames seen."""
        return self._place

    def advance(self) -> str | None:
        """The next frame."""
        if self._place >= len(self._records):
            return None
        record = self._records[self._place]
        self._place += 1
        self._now_ns = max(self._now_ns, record.t_ns - self._start_ns)
        side = 0 if record.key == self.ends[0].key else 1
        segment = self._segment(record, side)
        host = self.hosts[side]
        after = self._states.get(record.frame, self._before)
        self._change(side, after)
        self._emit(ev.PacketSent(self._now_ns, host, segment, "the tap"))
        row = self.recorder.row_of(segment)
        if isinstance(row, SegmentRow) and record.frame in self._resent:
            row.retransmission = True
            row.cause = self._resent[record.frame]
        self._change(1 - side, after)
        for reason in self._notes.get(record.frame, []):
            self._emit(ev.Noted(self._now_ns, host, 1, reason))
        self._before = after
        self._look(segment, side)
        return ""

    def _emit(self, event: ev.Event) -> None:
        self.recorder.emit(event)
        self.events.append(event)

    def _change(self, side: int, after: tuple[str, str]) -> None:
        old, new = self._before[side], after[side]
        if new and new != old:
            host = self.hosts[side]
            self._emit(ev.StateChanged(self._now_ns, host, 1, old or "?", new, "inferred", INFERRED))

    def _segment(self, record: TcpRecord, side: int) -> Segment:
        own, other = self.ends[side], self.ends[1 - side]
        segment = Segment(own.addr, other.addr, own.port, other.port, record.seq, record.ack, record.flags, record.wnd,
                          bytes(record.payload_len))  # fmt: skip
        segment.uid = record.frame
        kinds = b""
        if record.opts.mss >= 0:
            segment.opt_mss, kinds = record.opts.mss, kinds + bytes((OPT_MSS,))
        if record.opts.wscale >= 0:
            segment.opt_wscale, kinds = record.opts.wscale, kinds + bytes((OPT_WSCALE,))
        if record.opts.sack_ok:
            segment.sack_ok, kinds = True, kinds + bytes((OPT_SACK_OK,))
        if record.ts_val >= 0:
            segment.ts_val, segment.ts_ecr, kinds = record.ts_val, record.ts_ecr, kinds + bytes((OPT_TS,))
        if record.opts.sack:
            segment.sack, kinds = tuple(record.opts.sack), kinds + bytes((OPT_SACK,))
        segment.layout = kinds
        return segment

    def _look(self, segment: Segment, side: int) -> None:
        """What this frame tells of both ends' variables."""
        tap = {host: dict(fields) for host, fields in self._tap[-1].items()}
        own, other = self.hosts[side], self.hosts[1 - side]
        end = (segment.seq + len(segment.payload) + bool(segment.flags & SYN) + bool(segment.flags & FIN)) & 0xFFFFFFFF
        if own not in self._nxt or seq_gt(end, self._nxt[own]):
            self._nxt[own] = end
        tap[own]["snd.nxt"] = self._relative(self._nxt[own], side)
        tap[own]["rcv.wnd"] = tap[other]["snd.wnd"] = f"{segment.wnd} (field)"
        if segment.flags & ACK:
            acked = self._relative(segment.ack, 1 - side)
            tap[own]["rcv.nxt"] = acked
            tap[other]["snd.una"] = acked
        if segment.opt_mss >= 0:
            tap[other]["mss"] = str(segment.opt_mss)
        self._tap.append(tap)

    def _relative(self, number: int, side: int) -> str:
        return str((number - self.ends[side].base) & 0xFFFFFFFF)

    def seen(self, steps: int, host: str) -> dict[str, str]:
        """What the frames so far tell."""
        return self._tap[min(steps, len(self._tap) - 1)].get(host, {})

    def snapshots(self) -> dict[Key, Snapshot]:
        """A tap does not see TCBs."""
        return {}

    def flights(self) -> list[Flight]:
        """A tap does not see what is on its way elsewhere."""
        return []


def open_capture(path: str, connection: int | None) -> CaptureSource:
    """A connection of a capture. UsageError: it has none of that number. CaptureError: it is no capture."""
    from netsim.check.engine import check_file
    from netsim.check.ladder_view import find_connection, states_by_frame
    from netsim.check.second_look import fetch_connection

    report = check_file(path)
    if not report.connections:
        raise UsageError(f"{path} holds no TCP connection")
    if connection is None and len(report.connections) > 1:
        import sys

        sys.stderr.write(f"{path}: {len(report.connections)} connections; this is 0, --connection N chooses another\n")
    chosen = find_connection(report, connection or 0)
    keys = (chosen.client.key, chosen.server.key)
    records = fetch_connection(path, chosen.first_frame, chosen.last_frame, keys)
    return CaptureSource(Path(path).name, chosen, records, states_by_frame(records))
