"""Several captures, several processes: reports travel as plain data, their rows as a file in a common folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netsim.base.errors import CaptureError
from netsim.check.engine import Report, check_file
from netsim.check.model import Finding, Quality, Rule
from netsim.check.rules import RULES
from netsim.check.select import chosen

if TYPE_CHECKING:
    from collections.abc import Iterator

Job = tuple[str, list[str], list[str], int, str]
"""(path of a capture, codes selected, codes ignored, vantage, the folder)."""
State = tuple[Any, ...]


def check_each(paths: tuple[str, ...], wanted: list[str], unwanted: list[str], vantage: int, jobs: int, folder: str
               ) -> Iterator[Report | CaptureError]:  # fmt: skip
    """The report of each capture, or why it cannot be read, in the order given, by at most `jobs` processes."""
    from concurrent.futures import ProcessPoolExecutor

    rules = chosen(RULES, wanted, unwanted)
    work: list[Job] = [(path, wanted, unwanted, vantage, folder) for path in paths]
    with ProcessPoolExecutor(min(jobs, len(paths))) as pool:
        for path, state in zip(paths, pool.map(_work, work), strict=True):
            if len(state) == 2:
                message, offset = state
                yield CaptureError(message, file=path, offset=offset)
            else:
                yield unpack(state, path, rules)


def _work(job: Job) -> State:
    """In a process of its own: check one capture; the report's state, or the error's message and offset."""
    path, wanted, unwanted, vantage, folder = job
    try:
        report = check_file(path, chosen(RULES, wanted, unwanted), vantage)
    except CaptureError as error:
        return error.message, error.offset
    return pack(report, folder)


def pack(report: Report, folder: str) -> State:
    """Everything about a report as plain data; what is in a temporary file goes to a file of `folder`."""
    report.connections.leave_in(folder)
    return (
        report.packets, report.tcp_packets, report.skipped, report.truncated, report.damage, report.first_ns,
        report.last_ns, report.vantage,
        [(item.code, item.message, item.frames, item.count) for item in report.quality],
        [(finding.to_row(), finding.connection) for finding in report.capture_findings],
        report.connections.state(),
    )  # fmt: skip


def unpack(state: State, path: str, rules: tuple[Rule, ...]) -> Report:
    """The report that `pack` took apart."""
    metas = {rule.meta.code: rule.meta for rule in rules}
    report = Report(path, metas)
    (
        report.packets, report.tcp_packets, report.skipped, report.truncated, report.damage, report.first_ns,
        report.last_ns, report.vantage, quality, findings, connections,
    ) = state  # fmt: skip
    report.quality = [Quality(*item) for item in quality]
    report.capture_findings = [Finding.from_row(row, metas, connection) for row, connection in findings]
    report.connections.restore(connections)
    return report
