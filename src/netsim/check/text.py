"""The report for people: what an engineer on call reads in ten seconds, then the proofs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.units import format_duration, format_seconds
from netsim.check.model import DEVIATION, ERROR, NOTE
from netsim.check.store import SHOWN

if TYPE_CHECKING:
    from netsim.check.engine import Report
    from netsim.check.model import Finding

RESENT: Final = (
    ("fast_retransmission", "fast"), ("timeout_retransmission", "timeout"),
    ("slow_start_retransmission", "after a timeout"), ("tail_loss_probe", "tail probe"),
)  # fmt: skip


def plural(count: int, one: str, many: str = "") -> str:
    """`1 packet`, `2 packets`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def headline(report: Report) -> list[str]:
    """What the capture is, and what is wrong with it."""
    many = plural(len(report.connections), "connection")
    parts = [f"{plural(report.packets, 'packet')}, {report.tcp_packets:,} TCP, {many}"]
    if report.first_ns >= 0:
        parts.append(f"{format_seconds(max(0, report.last_ns - report.first_ns), 1)} s")
    text = f" {report.name} · {', '.join(parts)}"
    if report.vantage in ("client", "server"):
        text += f" · tap at the {report.vantage}"
    elif report.vantage == "between":
        text += " · tap between the ends"
    lines = [text]
    for index, item in enumerate(report.quality):
        lead = " capture: " if index == 0 else "          "
        lines.append(f"{lead}{item.message} ({item.code})")
    if any(item.code in ("CAP001", "CAP003", "CAP007") for item in report.quality):
        lines.append("          rules that need what is missing stay silent")
    return lines


def _counted(pairs: list[tuple[int, str]]) -> str:
    return "  ".join(f"{count:,} {name}" for count, name in pairs if count)


def _causes(report: Report, new_probes: int) -> list[tuple[int, str]]:
    """Why segments were sent again. `new_probes`: tail loss probes with new data, which are no resends."""
    return [(report.total(key) - (new_probes if key == "tail_loss_probe" else 0), name) for key, name in RESENT]


def totals(report: Report) -> list[str]:
    """How connections opened and closed, what was resent."""
    if not len(report.connections):
        return [" there is no TCP in it"] if not report.tcp_packets else []
    opened, closed = report.connections.opened, report.connections.closed
    never = report.connections.never_opened
    opens = [
        (opened.get("handshake", 0), "handshake"), (opened.get("simultaneous", 0), "simultaneous"),
        (opened.get("midstream", 0), "mid-stream"), (opened.get("refused", 0), "refused"),
        (opened.get("attempt", 0), "not completed"),
    ]  # fmt: skip
    closes = [
        (closed.get("fin", 0), "FIN"), (closed.get("simultaneous", 0), "simultaneous"), (closed.get("rst", 0), "RST"),
        (closed.get("none", 0) - never, "still open"), (never, "never open"),
    ]  # fmt: skip
    lead = f" {plural(len(report.connections), 'connection')}"
    pad = max(len(lead) + 3, 18)
    lines = [f"{lead:<{pad}}opened  {_counted(opens)}", f"{'':<{pad}}closed  {_counted(closes)}"]
    resent = report.total("retransmission")
    new = report.connections.new_data_probes
    if resent:
        causes = [f"{count:,} {name}" for count, name in _causes(report, new) if count]
        spurious = report.total("spurious_retransmission")
        if spurious:
            causes.append(f"{spurious} needless")
        lines.append(f"{'':<{pad}}resent  {plural(resent, 'segment')}" + (f": {', '.join(causes)}" if causes else ""))
    others = [
        plural(count, one) if one else f"{count:,} out of order"
        for count, one in (
            (report.total("out_of_order"), ""), (report.total("lost_segment"), "gap"),
            (report.total("zero_window"), "zero window"), (report.total("keep_alive"), "keep-alive"),
            (new, "tail probe"),
        )
        if count
    ]  # fmt: skip
    if others:
        lines.append(f"{'':<{pad}}also    {'  '.join(others)}{' with new data' if new else ''}")
    return lines


def size_text(count: int) -> str:
    """`1.2 MB`, in three or four significant places."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


def table(report: Report, everything: bool = False) -> list[str]:
    """One line per connection, those with most trouble if there are too many."""
    if not len(report.connections):
        return []
    few = everything or len(report.connections) <= SHOWN
    rows = list(report.connections) if few else report.connections.busiest()
    ends = [(f"{c.client.addr}:{c.client.port}", f"{c.server.addr}:{c.server.port}") for c in rows]
    left = max([len(a) for a, _ in ends] + [6])
    right = max([len(b) for _, b in ends] + [6])
    head = f"   id {'client':<{left}}  {'server':<{right}}  {'opened':<12} {'closed':<12}"
    lines = [f"{head} {'RTT':>8} {'sent':>8} {'got':>8} resent"]
    for c, (a, b) in zip(rows, ends, strict=True):
        rtt = format_duration(round_ns(c.rtt_ns)) if c.rtt_ns >= 0 else "-"
        resent = len(c.frames("retransmission"))
        mark = "!" if any(f.meta.severity == ERROR for f in c.findings) else ("*" if c.findings else " ")
        lines.append(
            f" {mark}{c.ident:>3} {a:<{left}}  {b:<{right}}  {c.open:<12} {c.close:<12} {rtt:>8} "
            f"{size_text(c.client.byte_count):>8} {size_text(c.server.byte_count):>8} {resent or '':>6}".rstrip()
        )
    if len(report.connections) > len(rows):
        lines.append(f"      … {len(report.connections) - len(rows):,} more (--all shows them)")
    return lines


def round_ns(t_ns: int) -> int:
    """Three significant digits, for a table."""
    scale = 1
    while t_ns // scale >= 1000:
        scale *= 10
    return (t_ns + scale // 2) // scale * scale


class Tally:
    """Counts findings as they pass by: how many of which severity, in how many connections."""

    def __init__(self) -> None:
        self.total = 0
        self.known = 0
        self.failed = False
        self._counts = {ERROR: 0, DEVIATION: 0, NOTE: 0}
        self._where: set[int] = set()

    def add(self, finding: Finding) -> None:
        """One that counts."""
        self.total += 1
        self._counts[finding.meta.severity] += 1
        if finding.connection >= 0:
            self._where.add(finding.connection)

    def verdict(self) -> str:
        """The last line. `known`: how many the baseline held back."""
        if not self.total and not self.known:
            return " ✓ no findings"
        counts = self._counts
        parts = [plural(counts[ERROR], "error"), plural(counts[DEVIATION], "deviation"), plural(counts[NOTE], "note")]
        text = f" {', '.join(parts)}"
        if self._where:
            text += f" in {plural(len(self._where), 'connection')}"
        if self.known:
            text += f" · {plural(self.known, 'finding')} of the baseline not shown"
        return text
