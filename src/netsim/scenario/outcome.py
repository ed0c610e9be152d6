"""What a run leaves behind: results of expectations, of flows, and the whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from netsim.report.json import Expectation

if TYPE_CHECKING:
    from netsim.report.record import Recorder
    from netsim.report.rows import EndpointRecord, SegmentRow
    from netsim.scenario.match import Wire
    from netsim.scenario.model import Scenario


class Verdict(Expectation):
    """One expectation after the run. `detail` says what happened where it failed ("" where it passed).

    `rows` are numbers of the segments (`SegmentRow.n`) around which the trouble is.
    """

    __slots__ = ("rows",)

    def __init__(self, text: str, passed: bool, detail: str = "", rows: list[int] | None = None) -> None:
        super().__init__(text, passed, detail)
        self.rows: list[int] = rows or []


@dataclass
class Delivery:
    """What one end of a connection sent and got, as its application saw it.

    sent, received: octets taken by the stack, octets read
    intact:         every octet read equals the one that the peer's application sent at that place
    error:          the error that the application learnt of ("" = none)
    """

    sent: int = 0
    received: int = 0
    peer_sent: int = 0
    intact: bool = True
    first_difference: int = -1
    error: str = ""


@dataclass
class Flow:
    """One flow of a `transfer` step: from its first call to the last octet acknowledged (ns)."""

    octets: int
    start_ns: int
    end_ns: int = -1


@dataclass
class RunResult:
    """A finished run.

    `recorder` holds rows, timelines and moments; it has seen nothing where recording was off,
    and then `digest` is "" and there are no verdicts but those on deliveries and flows.
    """

    scenario: Scenario
    seed: int
    recorder: Recorder
    wire: Wire
    simulated_ns: int
    steps: int
    verdicts: list[Verdict] = field(default_factory=list)
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    flows: list[Flow] = field(default_factory=list)
    notes: list[tuple[int, str]] = field(default_factory=list)
    """Remarks of `note` steps: (ns, text)."""
    problems: list[tuple[int, str]] = field(default_factory=list)
    """Calls of the script that failed: (ns, what)."""
    step_times: dict[str, list[int]] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Every expectation holds."""
        return all(verdict.passed for verdict in self.verdicts)

    @property
    def expectations(self) -> list[Verdict]:
        """The verdicts, in the order of the file."""
        return self.verdicts

    @property
    def digest(self) -> str:
        """Equal digests mean equal runs."""
        return self.recorder.digest

    @property
    def segments(self) -> list[SegmentRow]:
        """One row per TCP segment, in order of sending."""
        return self.recorder.segments

    @property
    def endpoints(self) -> dict[str, EndpointRecord]:
        """One record per end of a connection, by name."""
        return {record.name: record for record in self.recorder.endpoints.values()}
