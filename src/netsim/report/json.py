"""A run as JSON, schema `netsim.run/1`: the names of the keys are a promise.

Beyond the promised keys there are, per segment: `connection`, `cause`, `state_before`, `accepted`,
`cite`, `outcome`, `copy_of`, `changes`; at the top: `connections`, `statistics`, `other_packets`,
`parameters`, `absolute`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from netsim.base.packet import IcmpMessage, UdpDatagram
from netsim.report.stats import statistics_object

if TYPE_CHECKING:
    from collections.abc import Iterable

    from netsim.report.record import Recorder
    from netsim.report.rows import EndpointRecord, PacketRow, SegmentRow

SCHEMA: Final = "netsim.run/1"


class Expectation:
    """One expectation for the report: its text, whether it holds, and what happened where it does not."""

    __slots__ = ("detail", "passed", "text")

    def __init__(self, text: str, passed: bool, detail: str = "") -> None:
        self.text = text
        self.passed = passed
        self.detail = detail


def segment_object(row: SegmentRow, receiver: str, *, absolute: bool = False) -> dict[str, Any]:
    """One segment. Sequence numbers relative to the ISNs, or as they are if `absolute`."""
    return {
        "n": row.n,
        "sent_ns": row.sent_ns,
        "received_ns": row.received_ns,
        "from": row.sender,
        "to": receiver,
        "flags": row.flags,
        "seq": row.seq if absolute else row.rel_seq,
        "ack": row.ack if absolute else row.rel_ack,
        "len": row.length,
        "win": row.win,
        "options": row.options,
        "reason": _sentence(row),
        "cite": row.reason.cite if row.reason is not None else "",
        "retransmission": row.retransmission,
        "cause": row.cause,
        "dropped": row.dropped,
        "from_state": row.from_state or None,
        "to_state": row.to_state,
        "state_before": row.at_state,
        "accepted": row.accepted,
        "outcome": row.outcome.text if row.outcome is not None else None,
        "connection": row.flow,
        "copy_of": row.copy_of.n if row.copy_of is not None else None,
        "changes": [what for what, _ in row.changes],
    }


def _sentence(row: SegmentRow) -> str:
    if row.reason is not None:
        return row.reason.text
    return "duplicated by the network" if row.copy_of is not None else "put into the network by the scenario"


def endpoint_object(record: EndpointRecord) -> dict[str, Any]:
    """One end of one connection."""
    return {
        "host": record.host,
        "states": record.states,
        "final_state": record.final_state,
        "bytes_sent": record.bytes_sent,
        "bytes_received": record.bytes_received,
        "segments_sent": record.segments_sent,
        "retransmissions": record.retransmissions,
        "local": {"addr": record.local[0], "port": record.local[1]},
        "remote": {"addr": record.remote[0], "port": record.remote[1]},
        "changes": [
            {"t_ns": t_ns, "state": state, "reason": reason.text if reason is not None else ""}
            for t_ns, state, reason in record.changes
        ],
    }


def _other_object(row: PacketRow, receiver: str) -> dict[str, Any]:
    packet = row.packet
    made: dict[str, Any] = {
        "kind": row.kind,
        "sent_ns": row.sent_ns,
        "received_ns": row.received_ns,
        "from": row.sender,
        "to": receiver,
        "dropped": row.dropped,
    }
    if isinstance(packet, UdpDatagram):
        made |= {"sport": packet.sport, "dport": packet.dport, "len": len(packet.payload)}
    elif isinstance(packet, IcmpMessage):
        made |= {"type": packet.icmp_type, "code": packet.icmp_code, "mtu": packet.mtu}
    return made


def connection_numbers(recorder: Recorder) -> list[dict[str, Any]]:
    """The conversations of the run, numbered from 1 as `--connection` takes them."""
    seen: dict[int, dict[str, Any]] = {}
    for row in recorder.segments:
        known = seen.get(row.flow)
        if known is None:
            packet = row.segment
            known = {
                "id": row.flow, "from": row.sender, "to": recorder.receiver_of(row),
                "from_port": packet.sport, "to_port": packet.dport,
                "first_segment": row.n, "segments": 0, "bytes": 0, "retransmissions": 0, "lost": 0,
            }  # fmt: skip
            seen[row.flow] = known
        known["segments"] += 1
        known["bytes"] += row.length
        known["retransmissions"] += row.retransmission
        known["lost"] += row.dropped is not None
    return list(seen.values())


def run_object(
    recorder: Recorder, *, scenario: str, seed: int, expectations: Iterable[Expectation], simulated_ns: int,
    wall_s: float, absolute: bool = False, parameters: dict[str, str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The whole run as one object; `wall_s` (rounded to microseconds) is the only value that varies."""
    results = list(expectations)
    return {
        "schema": SCHEMA,
        "scenario": scenario,
        "seed": seed,
        "parameters": parameters or {},
        "passed": all(result.passed for result in results),
        "expectations": [
            {"text": result.text, "passed": result.passed, "detail": result.detail} for result in results
        ],
        "endpoints": {record.name: endpoint_object(record) for record in recorder.endpoints.values()},
        "connections": connection_numbers(recorder),
        "statistics": statistics_object(recorder),
        "absolute": absolute,
        "segments": [
            segment_object(row, recorder.receiver_of(row), absolute=absolute) for row in recorder.segments
        ],
        "other_packets": [_other_object(row, recorder.receiver_of(row)) for row in recorder.others],
        "simulated_ns": simulated_ns,
        "wall_s": round(wall_s, 6),
        "events": recorder.event_count,
        "digest": recorder.digest,
    }  # fmt: skip


def dump(value: dict[str, Any]) -> str:
    """JSON text, one key a line down to the segments, UTF-8 kept as it is."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
