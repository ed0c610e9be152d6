"""`--connection N`: one connection as a ladder, with both ends' inferred states, by the renderer of `netsim run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.base.errors import UsageError
from netsim.base.packet import ACK
from netsim.base.units import format_duration
from netsim.check.flow import MASK, Conn
from netsim.check.second_look import fetch_connection
from netsim.check.states import refresh
from netsim.check.text import round_ns
from netsim.check.tracker import Tracker
from netsim.report.items import LEFT, RIGHT, Arrow, Item, Ladder, StateMark, is_dull

if TYPE_CHECKING:
    from netsim.capture.record import TcpRecord
    from netsim.check.engine import Report
    from netsim.check.summary import ConnReport

CAUSES = (
    ("timeout_retransmission", "RTO"), ("fast_retransmission", "fast"), ("tail_loss_probe", "TLP"),
    ("slow_start_retransmission", "go-back"),
)  # fmt: skip


def find_connection(report: Report, number: int) -> ConnReport:
    """The connection with this number; UsageError if there is none."""
    if 0 <= number < len(report.connections):
        return report.connections[number]
    last = len(report.connections) - 1
    known = "it has none" if last < 0 else "it has only number 0" if last == 0 else f"its numbers are 0 to {last}"
    raise UsageError(f"there is no connection {number} in {report.path}: {known}")


def states_by_frame(records: list[TcpRecord]) -> dict[int, tuple[str, str]]:
    """(client's, server's) inferred state after each frame, by replaying the connection alone."""
    done: list[Conn] = []
    tracker = Tracker((), done.append)
    states: dict[int, tuple[str, str]] = {}
    for record in records:
        tracker.feed(record)
        half = tracker.halves.get(record.key)
        if half is not None:
            refresh(half.conn)
            states[record.frame] = (half.conn.client.state, half.conn.server.state)
    return states


def _words(record: TcpRecord) -> list[tuple[str, str]]:
    """The options as (name, value) pairs."""
    opts = record.opts
    words: list[tuple[str, str]] = []
    if opts.mss >= 0:
        words.append(("mss", str(opts.mss)))
    if opts.sack_ok:
        words.append(("sackOK", ""))
    if opts.wscale >= 0:
        words.append(("ws", str(opts.wscale)))
    if record.ts_val >= 0 and opts.mss >= 0:
        words.append(("ts", f"{record.ts_val}:{record.ts_ecr}"))
    return words


def _arrow(record: TcpRecord, connection: ConnReport, marks: dict[int, list[str]], causes: dict[int, str]) -> Arrow:
    from_client = record.key == connection.client.key
    own, other = (connection.client, connection.server) if from_client else (connection.server, connection.client)
    arrow = Arrow(record.t_ns, LEFT if from_client else RIGHT, record.flags_names() or "no flags")
    arrow.n = record.frame
    arrow.seq = (record.seq - own.base) & MASK
    if record.flags & ACK:
        arrow.ack = (record.ack - other.base) & MASK
    arrow.length = record.payload_len
    arrow.win = record.wnd
    arrow.words = _words(record)
    for left, right in record.opts.sack:
        arrow.words.append(("sack", f"{(left - other.base) & MASK}:{(right - other.base) & MASK}"))
    if record.frame in causes:
        arrow.resent = causes[record.frame]
    noted = marks.get(record.frame)
    if noted:
        arrow.note = "← " + ", ".join(noted)
    return arrow


def build(report: Report, number: int) -> Ladder:
    """The ladder of connection `number`."""
    connection = find_connection(report, number)
    keys = (connection.client.key, connection.server.key)
    records = fetch_connection(report.path, connection.first_frame, connection.last_frame, keys)
    states = states_by_frame(records)
    marks: dict[int, list[str]] = {}
    for finding in connection.findings:
        for frame in finding.frames:
            marks.setdefault(frame, []).append(finding.meta.code)
    causes: dict[int, str] = dict.fromkeys(connection.frames("retransmission"), "")
    for category, words in CAUSES:
        for frame in connection.frames(category):
            causes[frame] = words
    start = records[0].t_ns if records else 0
    items: list[Item] = []
    before = ("", "")
    for record in records:
        arrow = _arrow(record, connection, marks, causes)
        arrow.t_ns -= start
        arrow.dull = not arrow.note and is_dull(arrow)
        after = states.get(record.frame, before)
        changes: list[Item] = []
        for side, old, new in ((LEFT, before[0], after[0]), (RIGHT, before[1], after[1])):
            if new != old and new:
                changes.append(StateMark(arrow.t_ns, side, old, new))
        own = [item for item in changes if item.side == arrow.side]
        items.extend(own)
        items.append(arrow)
        items.extend(item for item in changes if item.side != arrow.side)
        before = after
    items.extend(_ends(connection, items))
    client, server = connection.client, connection.server
    ladder = Ladder("client", "server", items)
    ladder.title = f"{report.path} · connection {number}"
    rtt = f" ═ RTT {format_duration(round_ns(connection.rtt_ns))} ═ " if connection.rtt_ns >= 0 else " ═ "
    ladder.subtitle = f"client {client.addr}:{client.port}{rtt}server {server.addr}:{server.port}"
    ladder.corner = f"tap: {connection.vantage}"
    ladder.notes.append(f"opened: {connection.open} · closed: {connection.close} · states are inferred at the tap")
    return ladder


def _ends(connection: ConnReport, items: list[Item]) -> list[Item]:
    """Where both ends are when the capture of the connection ends."""
    if not items:
        return []
    t_ns = items[-1].t_ns
    return [
        StateMark(t_ns, side, "", end.final_state)
        for side, end in ((LEFT, connection.client), (RIGHT, connection.server))
        if end.final_state and not any(isinstance(item, StateMark) and item.side == side for item in items)
    ]
