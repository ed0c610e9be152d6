"""Check one capture: read it once, track, judge, summarise."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from heapq import merge
from typing import TYPE_CHECKING, Final

from netsim.capture.record import IcmpRecord, TcpRecord
from netsim.check.attempts import Attempt
from netsim.check.audit import audit
from netsim.check.flow import AT_UNKNOWN, VANTAGE_NAMES, Conn
from netsim.check.gate import judge
from netsim.check.model import CATEGORIES, Finding, Meta, Quality, Rule
from netsim.check.store import Connections
from netsim.check.summary import ConnReport, EndReport, Row, row_of
from netsim.check.tracker import Tracker

if TYPE_CHECKING:
    from netsim.capture.source import TcpSource

PROGRESS_EVERY: Final = 8
KEPT_BATCHES: Final = 12
"""For how many batches payloads stay comparable; older records let go of the file's buffers."""


class Report:
    """One capture, checked. `name`: what people are told it is, where that is not the path of a file."""

    def __init__(self, path: str, metas: dict[str, Meta]) -> None:
        self.path = path
        self.name = path
        self.packets = 0
        self.tcp_packets = 0
        self.skipped: dict[str, int] = {}
        self.truncated = False
        self.damage: str = ""
        self.quality: list[Quality] = []
        self.connections = Connections(metas)
        self.capture_findings: list[Finding] = []
        self.first_ns = -1
        self.last_ns = -1
        self.vantage = "unknown"

    def each_finding(self) -> Iterator[Finding]:
        """All findings, worst first, one at a time: there may be as many as connections."""
        found = sorted(self.capture_findings, key=Finding.sort_key)
        return merge(found, self.connections.findings(), key=_order)

    def findings(self) -> list[Finding]:
        """All findings, worst first."""
        return list(self.each_finding())

    def total(self, category: str) -> int:
        """Frames under a category over all connections."""
        return self.connections.totals.get(category, 0)


def _order(finding: Finding) -> tuple[int, int, int]:
    """Severity, confidence, connection."""
    key = finding.sort_key()
    return key[0], key[1], finding.connection


class Checker:
    """Feeds records to a tracker and gathers the report; for files, live captures and tests alike."""

    def __init__(self, path: str, rules: tuple[Rule, ...], vantage: int = AT_UNKNOWN) -> None:
        self.rules = rules
        self.report = Report(path, {rule.meta.code: rule.meta for rule in rules})
        self._vantage = vantage
        self._quality: dict[str, list[int]] = {}
        self._votes = [0, 0, 0, 0]
        self.tracker = Tracker(rules, self._done, self._take_alike)
        self.tracker.vantage = vantage

    def feed_with_errors(self, batch: list[TcpRecord], errors: list[IcmpRecord]) -> None:
        """Records and ICMP errors, in the file's order."""
        place = 0
        for record in batch:
            while place < len(errors) and errors[place].frame < record.frame:
                self.tracker.note_icmp(errors[place])
                place += 1
            self.tracker.feed(record)
        for error in errors[place:]:
            self.tracker.note_icmp(error)

    def _done(self, c: Conn) -> None:
        if self._vantage != AT_UNKNOWN:
            c.vantage = self._vantage
        self._votes[c.vantage] += 1
        findings = judge(c, self.rules)
        self.report.connections.add(row_of(c, findings))
        if c.quality:
            for code, frames in c.quality.items():
                known = self._quality.setdefault(code, [0])
                known[0] += frames[0]
                known.extend(frames[1 : max(1, 22 - len(known))])

    def _take_alike(self, row: Row, a: Attempt) -> None:
        """An opening like another one, whose row this is."""
        vantage: int = row[9]
        self._votes[vantage] += 1
        self.report.connections.add_alike(row, a.ident, a.syn, a.answer)

    def finish(self, source: TcpSource | None = None) -> Report:
        """The capture is over: everything that was open is judged, and the capture itself."""
        tracker = self.tracker
        tracker.finish()
        report = self.report
        for index, message, confidence, frames in tracker.hits:
            finding = Finding(self.rules[index].meta, "", confidence, frames, message)
            finding.count = len(frames)
            report.capture_findings.append(finding)
        best = max(range(1, 4), key=lambda which: self._votes[which])
        report.vantage = VANTAGE_NAMES[best] if self._votes[best] else "unknown"
        if source is not None:
            report.packets = source.frames
            report.tcp_packets = source.tcp_frames
            report.skipped = dict(sorted(source.skipped.items()))
            report.first_ns = source.first_ns
            report.last_ns = source.last_ns
            if source.damage is not None:
                report.truncated = True
                report.damage = f"byte {source.damage.offset}: {source.damage.what}"
        report.quality = audit(report, tracker, self._quality, source)
        return report


def release(batch: list[TcpRecord]) -> None:
    """Let go of the buffers behind records that somebody may still keep."""
    for record in batch:
        record.buf = b""
        record.tcp_at = record.end_at = 0


def check_source(
    path: str, source: TcpSource, rules: tuple[Rule, ...], vantage: int = AT_UNKNOWN,
    progress: Callable[[int, int], None] | None = None,
) -> Report:  # fmt: skip
    """Check everything a source yields."""
    # Records and connections are made by the hundred thousand: the collector need not look at each few hundred.
    thresholds = gc.get_threshold()
    gc.set_threshold(50_000, 20, 50)
    try:
        return _read_all(path, source, rules, vantage, progress)
    finally:
        gc.set_threshold(*thresholds)


def _read_all(
    path: str, source: TcpSource, rules: tuple[Rule, ...], vantage: int, progress: Callable[[int, int], None] | None
) -> Report:
    """Feed everything a source yields to a checker."""
    checker = Checker(path, rules, vantage)
    tracker = checker.tracker
    batches = 0
    recent: list[list[TcpRecord]] = []
    while batch := source.read_batch():
        errors = source.take_icmp()
        if errors:
            checker.feed_with_errors(batch, errors)
        else:
            for record in batch:
                tracker.feed(record)
        batches += 1
        recent.append(batch)
        if len(recent) > KEPT_BATCHES:
            release(recent.pop(0))
        if progress is not None and batches % PROGRESS_EVERY == 0:
            done, whole = source.progress
            progress(done, whole)
    return checker.finish(source)


def check_file(
    path: str, rules: tuple[Rule, ...] | None = None, vantage: int = AT_UNKNOWN,
    progress: Callable[[int, int], None] | None = None,
) -> Report:  # fmt: skip
    """Check a capture file ("-": standard input). CaptureError if it is none."""
    from netsim.capture.tcpview import open_tcp

    if rules is None:
        from netsim.check.rules import RULES

        rules = RULES
    source = open_tcp(path)
    try:
        return check_source(path, source, rules, vantage, progress)
    finally:
        source.close()


def connection_json(connection: ConnReport) -> dict[str, object]:
    """A connection as in the JSON output."""
    return {
        "id": connection.ident,
        "ip_version": connection.ip_version,
        "first_frame": connection.first_frame,
        "last_frame": connection.last_frame,
        "packets": connection.packets,
        "vantage": connection.vantage,
        "client": _end_json(connection.client),
        "server": _end_json(connection.server),
        "open": connection.open,
        "close": connection.close,
        "rtt_ns": connection.rtt_ns if connection.rtt_ns >= 0 else None,
        "analysis": {category: list(connection.frames(category)) for category in CATEGORIES},
        "findings": [finding_json(finding) for finding in connection.findings],
    }


def _end_json(end: EndReport) -> dict[str, object]:
    return {
        "addr": end.addr, "port": end.port, "final_state": end.final_state, "bytes": end.byte_count, "mss": end.mss,
    }  # fmt: skip


def finding_json(finding: Finding) -> dict[str, object]:
    """A finding as in the JSON output."""
    return {
        "rule": finding.meta.code,
        "name": finding.meta.name,
        "severity": finding.meta.severity,
        "side": finding.side,
        "confidence": finding.confidence,
        "frames": list(finding.frames),
        "count": finding.count,
        "evidence": list(finding.evidence),
        "message": finding.message,
        "source": finding.meta.source,
    }


def report_json(report: Report) -> dict[str, object]:
    """A capture as in the JSON output, all at once; `outputs.json_parts` does it piece by piece."""
    result = head_json(report)
    result["connections"] = [connection_json(connection) for connection in report.connections]
    if report.capture_findings:
        result["findings"] = [finding_json(finding) for finding in report.capture_findings]
    return result


def head_json(report: Report) -> dict[str, object]:
    """What the JSON output says of a capture before its connections."""
    return {
        "path": report.path,
        "packets": report.packets,
        "tcp_packets": report.tcp_packets,
        "skipped": report.skipped,
        "truncated": report.truncated,
        "quality": [
            {"code": item.code, "message": item.message, "frames": item.frames, "count": item.count}
            for item in report.quality
        ],
    }
