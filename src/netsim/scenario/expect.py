"""Judges a finished run by its scenario's expectations."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from netsim.base import events as ev
from netsim.base.packet import ACK, FIN, RST, SYN
from netsim.base.units import format_duration, format_seconds
from netsim.report.rows import SegmentRow
from netsim.scenario import timeline
from netsim.scenario.match import all_rows, find_all, fits
from netsim.scenario.moments import time_of
from netsim.scenario.outcome import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from netsim.report.rows import EndpointRecord, PacketRow
    from netsim.scenario.model import Expectation, Match
    from netsim.scenario.outcome import RunResult


def judge(result: RunResult, *, recorded: bool = True) -> list[Verdict]:
    """A verdict for every expectation of the scenario, in order; of a run without record, where it can be told."""
    return [
        _judge_one(expectation, result)
        for expectation in result.scenario.expect
        if recorded or expectation.kind in WITHOUT_RECORD
    ]


WITHOUT_RECORD: Final = ("delivered", "fairness", "utilisation")
"""Kinds of expectations that applications alone can tell."""


def _judge_one(expectation: Expectation, result: RunResult) -> Verdict:
    detail, rows = _JUDGES[expectation.kind](expectation, result)
    return Verdict(expectation.text, not detail, detail, [row.n for row in rows if isinstance(row, SegmentRow)])


Finding = tuple[str, list[Any]]
"""("" or what is wrong, the rows around which it is)."""

_FINE: Finding = ("", [])


def line(row: PacketRow) -> str:
    """A packet in one line, for messages."""
    at_ns = row.sent_ns if row.sent_ns is not None else row.received_ns or 0
    head = f"{format_seconds(at_ns)} {row.sender or '?'}"
    if not isinstance(row, SegmentRow):
        return f"{head} {row.kind} packet"
    text = f"{head} {row.names or 'no flags'} seq {row.rel_seq}"
    if row.rel_ack is not None:
        text += f" ack {row.rel_ack}"
    if row.length:
        text += f" len {row.length}"
    if row.options:
        text += f" <{row.options}>"
    return text + (f" (lost: {row.dropped})" if row.dropped is not None else "")


def _some(rows: list[PacketRow], most: int = 6) -> str:
    shown = "; ".join(line(row) for row in rows[:most])
    return shown + (f"; and {len(rows) - most} more" if len(rows) > most else "")


# --- counts -----------------------------------------------------------------------------


def _compare(expectation: Expectation, number: int) -> str:
    """Nothing where the number is as wanted, else what was wanted and what was found."""
    if expectation.count is not None and number != expectation.count:
        return f"expected exactly {expectation.count}, found {number}"
    if expectation.at_least is not None and number < expectation.at_least:
        return f"expected at least {expectation.at_least}, found {number}"
    if expectation.at_most is not None and number > expectation.at_most:
        return f"expected at most {expectation.at_most}, found {number}"
    return ""


# --- states -----------------------------------------------------------------------------


def _judge_states(expectation: Expectation, result: RunResult) -> Finding:
    stays = timeline.stays(result.recorder, result.wire, expectation.host, expectation.connection)
    found = [stay.state for stay in stays]
    if timeline.pattern_fits(expectation.states, found):
        return _FINE
    departed = timeline.departure(expectation.states, found)
    until_ns = stays[departed].start_ns if departed < len(stays) else None
    return f"it went through {', '.join(found) or 'nothing'}", _last_of(expectation.host, result, until_ns)


def _last_of(host: str, result: RunResult, until_ns: int | None) -> list[SegmentRow]:
    """The last segment that the host sent or got until then (None: at all): what made it do what it did."""
    latest: tuple[int, SegmentRow] | None = None
    for row in result.recorder.segments:
        at_ns = row.sent_ns if row.sender == host else row.received_ns if row.receiver == host else None
        if at_ns is None or (until_ns is not None and at_ns > until_ns):
            continue
        if latest is None or at_ns > latest[0]:  # of several at one instant the first: what arrives, not the answer
            latest = (at_ns, row)
    return [latest[1]] if latest else []


def _judge_state(expectation: Expectation, result: RunResult) -> Finding:
    stays = timeline.stays(result.recorder, result.wire, expectation.host, expectation.connection)
    if expectation.lasts_ns is not None:
        return _judge_stay(expectation, result, stays)
    at_ns = expectation.at_ns
    current = "CLOSED"
    for stay in stays:
        if at_ns is None or stay.start_ns <= at_ns:
            current = stay.state
    if current == expectation.state:
        return _FINE
    return f"it is in {current}", result.recorder.segments[-1:]


def _judge_stay(expectation: Expectation, result: RunResult, stays: list[timeline.Stay]) -> Finding:
    after_ns = None
    if expectation.after is not None:
        after_ns = time_of(expectation.after, result.recorder, result.wire, result.step_times)
        if after_ns is None:
            return f"'{expectation.after.text}' did not happen", []
    visits = [stay for stay in stays if stay.state == expectation.state]
    if after_ns is not None:
        visits = [stay for stay in visits if stay.end_ns is None or stay.end_ns >= after_ns]
    if not visits:
        return f"it never was in {expectation.state}", []
    stay = visits[0]
    near = _rows_near(result, stay.start_ns)
    if stay.end_ns is None:
        return f"it was still there when the run ended at {format_seconds(result.simulated_ns)}", near
    assert expectation.lasts_ns is not None
    lasted = stay.end_ns - (stay.start_ns if after_ns is None else after_ns)
    if abs(lasted - expectation.lasts_ns) <= expectation.tolerance_ns:
        return _FINE
    return f"it lasted {format_duration(lasted)}, until {format_seconds(stay.end_ns)}", near


def _rows_near(result: RunResult, at_ns: int) -> list[PacketRow]:
    rows: list[PacketRow] = list(result.recorder.segments)
    before = [row for row in rows if row.sent_ns is not None and row.sent_ns <= at_ns]
    return before[-1:]


# --- packets -----------------------------------------------------------------------------


def _judge_segments(expectation: Expectation, result: RunResult) -> Finding:
    assert expectation.match is not None
    found = find_all(expectation.match, result.wire)
    no_count = expectation.count is None and expectation.at_least is None and expectation.at_most is None
    if no_count and not expectation.gaps_ns and not found:
        return "there is none" + _nearest(expectation.match, result), []
    problem = _compare(expectation, len(found))
    if problem:
        return problem + (f": {_some(found)}" if found else _nearest(expectation.match, result)), found
    if expectation.gaps_ns:
        times = [row.sent_ns or 0 for row in found]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        wanted = list(expectation.gaps_ns)
        close = len(gaps) == len(wanted) and all(
            abs(gap - want) <= expectation.tolerance_ns for gap, want in zip(gaps, wanted, strict=True)
        )
        if not close:
            return f"they are {', '.join(format_duration(gap) for gap in gaps) or 'not there'} apart", found
    return _FINE


def _nearest(match: Match, result: RunResult) -> str:
    """What came from that sender, to help see why nothing fits."""
    rows = [row for row in all_rows(result.recorder) if match.sender in (None, row.sender)]
    if match.flags is not None:
        rows = [row for row in rows if isinstance(row, SegmentRow) and row.segment.flags & match.flags.must] or rows
    return f"; near: {_some(rows[-3:])}" if rows else ""


def _judge_none(expectation: Expectation, result: RunResult) -> Finding:
    assert expectation.match is not None
    found = find_all(expectation.match, result.wire)
    return (f"there is: {_some(found)}", found) if found else _FINE


def _judge_wire(expectation: Expectation, result: RunResult) -> Finding:
    rows = [row for row in all_rows(result.recorder) if row.copy_of is None or expectation.match is not None]
    if expectation.match is not None:
        rows = [row for row in rows if fits(expectation.match, row, result.wire)]
    if expectation.order == "received":
        rows = sorted((row for row in rows if row.received_ns is not None), key=_arrival)
    if any(item is None for item in expectation.wire):
        return _judge_wire_with_gaps(expectation.wire, rows, result)
    for index, (match, row) in enumerate(zip(expectation.wire, rows, strict=False), 1):
        assert match is not None
        if not fits(match, row, result.wire):
            return f"line {index} should be {match.text}, but it is {line(row)}", [row]
    if len(rows) < len(expectation.wire):
        missing = expectation.wire[len(rows)]
        assert missing is not None
        return f"after {len(rows)} packets nothing more came: line {len(rows) + 1} should be {missing.text}", rows[-1:]
    if len(rows) > len(expectation.wire):
        extra = rows[len(expectation.wire) :]
        return f"{len(extra)} more packets: {_some(extra)}", extra[:1]
    return _FINE


def _arrival(row: PacketRow) -> int:
    return row.received_ns or 0


def _judge_wire_with_gaps(pattern: tuple[Match | None, ...], rows: list[PacketRow], result: RunResult) -> Finding:
    """Like `timeline.pattern_fits`, remembering how far the pattern got."""
    reached = {0}
    for index, match in enumerate(pattern, 1):
        if match is None:
            reached = set(range(min(reached), len(rows) + 1))
            continue
        following = {at + 1 for at in reached if at < len(rows) and fits(match, rows[at], result.wire)}
        if not following:
            last = max(reached)
            around = rows[max(0, last - 1) : last + 1]
            return f"line {index} ({match.text}) does not come; there is {_some(around) or 'nothing'}", around
        reached = following
    if len(rows) in reached:
        return _FINE
    extra = rows[max(reached) :]
    return f"{len(extra)} more packets: {_some(extra)}", extra[:1]


# --- data ---------------------------------------------------------------------------------


def _judge_delivered(expectation: Expectation, result: RunResult) -> Finding:
    name = expectation.connection or expectation.host
    delivery = result.deliveries.get(name)
    if delivery is None:
        return f"no application on {name} has a connection", []
    if delivery.intact != expectation.intact:
        if delivery.intact:
            return "every byte is what the peer sent", []
        return f"byte {delivery.first_difference + 1} differs from what the peer sent", []
    wanted = delivery.peer_sent if expectation.delivered < 0 else expectation.delivered
    if delivery.received != wanted:
        return f"it received {delivery.received:,} of {wanted:,} bytes", _last_data(result, expectation.host)
    if expectation.delivered < 0 and wanted == 0:
        return "nothing was sent", []
    return _FINE


def _last_data(result: RunResult, host: str) -> list[PacketRow]:
    rows: list[PacketRow] = [row for row in result.recorder.segments if row.length and row.receiver in (host, "")]
    return rows[-1:]


# --- counters and events ---------------------------------------------------------------------


def _mine(expectation: Expectation, result: RunResult) -> list[EndpointRecord]:
    if expectation.connection is not None:
        endpoint = result.wire.endpoint(expectation.connection)
        record = result.recorder.endpoints.get(endpoint) if endpoint is not None else None
        return [record] if record is not None else []
    return [record for record in result.recorder.endpoints.values() if record.host == expectation.host]


def _events_of(expectation: Expectation, result: RunResult) -> list[ev.Event]:
    ends = {(record.host, record.conn) for record in _mine(expectation, result)}
    return [item.event for item in result.recorder.moments if (item.event.host, item.event.conn) in ends]


def _judge_counter(expectation: Expectation, result: RunResult) -> Finding:
    number = count(expectation.name, expectation, result)
    problem = _compare(expectation, number)
    return (problem, []) if problem else _FINE


def count(name: str, expectation: Expectation, result: RunResult) -> int:
    """The counter `name` of the expectation's host or connection."""
    records = _mine(expectation, result)
    if name in ("segments_sent", "bytes_sent", "bytes_received", "retransmissions"):
        return sum(int(getattr(record, name)) for record in records)
    if name == "timeouts":
        return _expirations(_events_of(expectation, result), "RTO")
    ends = {(record.host, record.conn) for record in records}
    sent = [row for row in result.recorder.segments if (row.sender, row.conn_from) in ends and row.copy_of is None]
    if name == "segments_received":
        return sum(1 for row in result.recorder.segments if (row.receiver, row.conn_to) in ends)
    if name == "fast_retransmissions":
        return sum(1 for row in sent if row.retransmission and row.cause in ("fast", "sack", "rack"))
    if name == "challenge_acks":
        return sum(1 for row in sent if row.reason is not None and row.reason.code.startswith("challenge"))
    if name == "dropped":
        return sum(1 for row in sent if row.dropped is not None)
    return _duplicate_acks(sent)


def _duplicate_acks(sent: list[SegmentRow]) -> int:
    """Pure ACKs that repeat the one before in acknowledgement and window (RFC 5681 §2)."""
    number = 0
    before: tuple[int, int, int] | None = None
    for row in sent:
        if not row.segment.flags & ACK or row.segment.flags & (SYN | FIN | RST) or row.length:
            continue
        current = (row.conn_from, row.segment.ack, row.win)
        number += current == before
        before = current
    return number


def _expirations(events: list[ev.Event], timer: str) -> int:
    return sum(1 for event in events if isinstance(event, ev.TimerExpired) and event.timer == timer)


def _judge_timer(expectation: Expectation, result: RunResult) -> Finding:
    problem = _compare(expectation, _expirations(_events_of(expectation, result), expectation.name))
    return (problem, []) if problem else _FINE


def _judge_note(expectation: Expectation, result: RunResult) -> Finding:
    number = 0
    for event in _events_of(expectation, result):
        reason = getattr(event, "reason", None)
        number += reason is not None and reason.code == expectation.name
    problem = _compare(expectation, number)
    return (problem, []) if problem else _FINE


def _judge_told(expectation: Expectation, result: RunResult) -> Finding:
    name = expectation.connection or expectation.host
    told = [event.what for event in _events_of(expectation, result) if isinstance(event, ev.Notified)]
    delivery = result.deliveries.get(name)
    if delivery is not None and delivery.error:
        told.append(delivery.error)
    errors = [what for what in told if what not in ("connection-closing", "urgent-data", "soft-error", "r1")]
    if expectation.name == "none":
        return (f"it was told: {', '.join(errors)}", []) if errors else _FINE
    return _FINE if expectation.name in told else (f"it was told: {', '.join(told) or 'nothing'}", [])


def _judge_between(expectation: Expectation, result: RunResult) -> Finding:
    times = []
    for moment in expectation.between:
        at_ns = time_of(moment, result.recorder, result.wire, result.step_times)
        if at_ns is None:
            return f"'{moment.text}' did not happen", []
        times.append(at_ns)
    took = times[1] - times[0]
    if abs(took - expectation.takes_ns) <= expectation.tolerance_ns:
        return _FINE
    return (
        f"it took {format_duration(took)}: from {format_seconds(times[0])} to {format_seconds(times[1])}",
        _rows_near(result, times[0]),
    )


# --- congestion -------------------------------------------------------------------------------


def _changes(expectation: Expectation, result: RunResult) -> list[ev.CongestionChanged]:
    ends = {(record.host, record.conn) for record in _mine(expectation, result)}
    return [event for event in result.recorder.congestion if (event.host, event.conn) in ends]


def _judge_phases(expectation: Expectation, result: RunResult) -> Finding:
    found: list[str] = []
    for change in _changes(expectation, result):
        if not found or found[-1] != change.phase:
            found.append(change.phase)
    if timeline.pattern_fits(expectation.states, found):
        return _FINE
    return f"it went through {', '.join(found) or 'nothing'}", []


def _judge_cwnd(expectation: Expectation, result: RunResult) -> Finding:
    at_ns = expectation.at_ns
    if expectation.after is not None:
        at_ns = time_of(expectation.after, result.recorder, result.wire, result.step_times)
        if at_ns is None:
            return f"'{expectation.after.text}' did not happen", []
    changes = [change for change in _changes(expectation, result) if at_ns is None or change.t_ns <= at_ns]
    if not changes:
        return "no congestion window is known", []
    assert expectation.bound is not None
    cwnd = changes[-1].cwnd
    return _FINE if expectation.bound.fits(cwnd) else (f"it is {cwnd:,} bytes", [])


def _judge_fairness(expectation: Expectation, result: RunResult) -> Finding:
    flows = [flow for flow in result.flows if flow.end_ns > flow.start_ns]
    if len(flows) < len(result.flows) or not flows:
        return f"only {len(flows)} of {len(result.flows)} flows came to an end", []
    rates = [flow.octets / (flow.end_ns - flow.start_ns) for flow in flows]
    index = sum(rates) ** 2 / (len(rates) * sum(rate * rate for rate in rates))
    return _FINE if index >= expectation.share else (f"the index is {index:.3f}", [])


def _judge_utilisation(expectation: Expectation, result: RunResult) -> Finding:
    flows = [flow for flow in result.flows if flow.end_ns > flow.start_ns]
    if len(flows) < len(result.flows) or not flows:
        return f"only {len(flows)} of {len(result.flows)} flows came to an end", []
    took = max(flow.end_ns for flow in flows) - min(flow.start_ns for flow in flows)
    share = sum(flow.octets for flow in flows) * 8 * 1_000_000_000 / took / expectation.rate_bps
    return _FINE if share >= expectation.share else (f"they use {share:.1%}", [])


def _judge_connections(expectation: Expectation, result: RunResult) -> Finding:
    number = sum(1 for record in _mine(expectation, result) if "ESTABLISHED" in record.states)
    return _FINE if number == expectation.count else (f"there were {number}", [])


_JUDGES: dict[str, Callable[[Expectation, RunResult], Finding]] = {
    "states": _judge_states,
    "state": _judge_state,
    "segments": _judge_segments,
    "none": _judge_none,
    "wire": _judge_wire,
    "delivered": _judge_delivered,
    "counter": _judge_counter,
    "timer": _judge_timer,
    "told": _judge_told,
    "between": _judge_between,
    "phases": _judge_phases,
    "cwnd": _judge_cwnd,
    "fairness": _judge_fairness,
    "utilisation": _judge_utilisation,
    "connections": _judge_connections,
    "note": _judge_note,
}
