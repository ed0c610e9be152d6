"""How a script ended, and everything that a person wants to know when it failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from netsim.base.events import Event
    from netsim.base.packet import Packet
    from netsim.packetdrill.compare import FieldCheck

PASSED: Final = "passed"
FAILED: Final = "failed"
UNSUPPORTED: Final = "unsupported"


class Mismatch(Exception):
    """Something is not as the script expects. Carries both sides as text."""

    def __init__(
        self, message: str, expected: str = "", actual: str = "", checks: list[FieldCheck] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.actual = actual
        self.checks = checks or []


class Step:
    """One line of the transcript.

    kind: "call", "in", "out", "surplus", "shell", "code", "timer"; line: in the script, 0 if none
    """

    __slots__ = ("kind", "line", "t_ns", "text")

    def __init__(self, t_ns: int, kind: str, text: str, line: int) -> None:
        self.t_ns = t_ns
        self.kind = kind
        self.text = text
        self.line = line


class Outcome:
    """The verdict on one script.

    result: PASSED, FAILED or UNSUPPORTED; line: where it ended (0 when it passed)
    broken: the script could not even be read; text: the whole story, when it was told already
    simulated_ns: how much time passed in the simulation; wall_s: real time
    steps, events, packets, snapshot, reason: only filled where a run was recorded
    """

    def __init__(self, path: str, ip_version: str, profile: str) -> None:
        self.path = path
        self.ip_version = ip_version
        self.profile = profile
        self.result = PASSED
        self.line = 0
        self.source = ""
        self.message = ""
        self.expected = ""
        self.actual = ""
        self.broken = False
        self.text = ""
        self.addresses: dict[str, str] = {}
        self.simulated_ns = 0
        self.wall_s = 0.0
        self.checks: list[FieldCheck] = []
        self.steps: list[Step] = []
        self.events: list[Event] = []
        self.packets: list[tuple[int, Packet]] = []
        self.printed: list[str] = []
        self.warnings: list[str] = []
        self.tcb: list[tuple[str, str]] = []
        self.reason = ""
        self.reason_cite = ""

    def as_dict(self) -> dict[str, object]:
        """The object of the JSON output."""
        return {
            "path": self.path,
            "ip_version": self.ip_version,
            "profile": self.profile,
            "result": self.result,
            "line": self.line or None,
            "message": self.message or None,
            "expected": self.expected or None,
            "actual": self.actual or None,
            "reason": self.reason or None,
            "simulated_ns": self.simulated_ns,
            "wall_s": round(self.wall_s, 6),
        }
