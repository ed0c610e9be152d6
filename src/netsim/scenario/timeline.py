"""A host's states over time, put together from the connections that it had."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.report.rows import EndpointRecord

if TYPE_CHECKING:
    from netsim.report.record import Recorder
    from netsim.scenario.match import Wire


class Stay:
    """One visit to a state: from `start_ns` to `end_ns` (None: it was never left)."""

    __slots__ = ("end_ns", "start_ns", "state")

    def __init__(self, state: str, start_ns: int) -> None:
        self.state = state
        self.start_ns = start_ns
        self.end_ns: int | None = None


def records_of(recorder: Recorder, host: str) -> list[EndpointRecord]:
    """The host's connections that came to more than waiting in LISTEN; if none did, those that waited."""
    mine = [record for (name, _), record in recorder.endpoints.items() if name == host]
    busy = [record for record in mine if any(state not in ("CLOSED", "LISTEN") for state in record.states)]
    return busy or mine


def stays(recorder: Recorder, wire: Wire, host: str, connection: str | None = None) -> list[Stay]:
    """The states of a host in order.

    With a connection: of that one. Without: of all the host's connections one after another,
    as long as each began after the one before had ended; a connection that runs beside
    others is left out (name it to look at it).
    """
    if connection is not None:
        endpoint = wire.endpoint(connection)
        record = recorder.endpoints.get(endpoint) if endpoint is not None else None
        records = [record] if record is not None else []
    else:
        records = records_of(recorder, host)
    result: list[Stay] = []
    for record in records:
        _append(result, record)
    return result


def _append(result: list[Stay], record: EndpointRecord) -> None:
    changes = [(at_ns, state) for at_ns, state, _ in record.changes]
    if not result:
        result.append(Stay(record.initial, 0))
    else:
        last = result[-1]
        begins = next((at_ns for at_ns, state in changes if state not in ("CLOSED", "LISTEN")), None)
        if last.state not in ("CLOSED", "LISTEN") or begins is None or begins < last.start_ns:
            return
        changes = _after(changes, last, begins)
    for at_ns, state in changes:
        if result[-1].state == state:
            continue
        result[-1].end_ns = at_ns
        result.append(Stay(state, at_ns))


def _after(changes: list[tuple[int, str]], last: Stay, begins: int) -> list[tuple[int, str]]:
    """The changes of the next incarnation: its waiting in LISTEN began when the one before was over."""
    opening = [(max(at_ns, last.start_ns), state) for at_ns, state in changes if at_ns <= begins]
    if last.state == "LISTEN":
        opening = [change for change in opening if change[1] not in ("CLOSED", "LISTEN")]
    return opening + [(at_ns, state) for at_ns, state in changes if at_ns > begins]


def pattern_fits(pattern: tuple[str, ...], found: list[str]) -> bool:
    """`found` is the pattern, where `...` stands for any number of items."""
    reached = {0}
    for item in pattern:
        if item == "...":
            reached = set(range(min(reached), len(found) + 1)) if reached else set()
        else:
            reached = {at + 1 for at in reached if at < len(found) and found[at] == item}
    return len(found) in reached


def departure(pattern: tuple[str, ...], found: list[str]) -> int:
    """The index of the first state that the pattern does not allow; `len(found)` if what is there began well."""
    reached = _with_skips(pattern, {0})
    for index, state in enumerate(found):
        stepped = {
            at if pattern[at] == "..." else at + 1
            for at in reached
            if at < len(pattern) and pattern[at] in ("...", state)
        }
        if not stepped:
            return index
        reached = _with_skips(pattern, stepped)
    return len(found)


def _with_skips(pattern: tuple[str, ...], reached: set[int]) -> set[int]:
    """The places in the pattern, with those behind a `...` that may stand for nothing."""
    wider = set(reached)
    for at in range(len(pattern)):
        if at in wider and pattern[at] == "...":
            wider.add(at + 1)
    return wider
