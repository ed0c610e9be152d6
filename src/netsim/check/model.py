"""The vocabulary of the checker: severities, confidences, needs, rules, findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from netsim.base.seams import mypyc_attr

if TYPE_CHECKING:
    from netsim.check.look import Look

ERROR: Final = "error"
"""A MUST is broken."""
DEVIATION: Final = "deviation"
"""A SHOULD is not followed."""
NOTE: Final = "note"
"""Legal, or documented practice of a stack, but worth knowing."""
SEVERITIES: Final = (ERROR, DEVIATION, NOTE)

CERTAIN: Final = "certain"
"""Holds even if packets were missing from the capture, or none can be missing."""
LIKELY: Final = "likely"
"""A rival explanation exists, and nothing in the capture speaks for it."""
POSSIBLE: Final = "possible"
"""A hint."""
CONFIDENCES: Final = (CERTAIN, LIKELY, POSSIBLE)

# What a rule needs from the capture before its candidates become findings.
NEED_BOTH: Final = 0x01
"""Packets of both directions."""
NEED_WHOLE: Final = 0x02
"""No sign that packets of this connection were not seen."""
NEED_HANDSHAKE: Final = 0x04
"""SYN and SYN-ACK were seen: the options are known."""
NEED_AT_SENDER: Final = 0x08
"""The tap is at the host that is judged."""
NEED_FAR_WHOLE: Final = 0x10
"""No sign that packets sent *to* the judged host were not seen."""
NEED_FAR_PROVEN: Final = 0x20
"""Packets sent *to* the judged host are counted by their IP identification, and none is missing."""

NEED_OWN_WHOLE: Final = 0x40
"""No sign that packets sent *by* the judged host were not seen."""

NEED_TEXTS: Final = (
    (NEED_BOTH, "both directions"),
    (NEED_WHOLE, "no packets missing from the connection"),
    (NEED_HANDSHAKE, "the handshake"),
    (NEED_AT_SENDER, "a tap at the judged host"),
    (NEED_FAR_WHOLE, "no packets missing towards the judged host"),
    (NEED_OWN_WHOLE, "no packets missing from the judged host"),
    (NEED_FAR_PROVEN, "proof that no packets towards the judged host are missing"),
)

# Moments at which rules are asked.
AT_SEGMENT: Final = 0
"""Any segment that is not plain in-order data or a plain new acknowledgement."""
AT_SYN: Final = 1
AT_OPTIONS: Final = 2
"""A segment whose options are not this direction's usual ones."""
AT_DATA: Final = 3
"""New data outside the fast path: beyond a limit, early in the connection, after a FIN..."""
AT_RESEND: Final = 4
AT_ACK: Final = 5
AT_SACK: Final = 6
AT_WINDOW: Final = 7
"""The right edge of the window is below what was offered before, or the window is closed or opens again."""
AT_RST: Final = 8
AT_FIN: Final = 9
AT_ECN: Final = 10
AT_STAMP: Final = 11
"""A timestamp that goes backwards, or an echo of something never seen."""
AT_END: Final = 12
"""The connection is over, or the capture is."""
AT_CAPTURE: Final = 13
"""The capture is over: rules about many connections."""
AT_DAMAGE: Final = 14
"""A segment that its receiver drops: a wrong checksum (maybe found only when it is sent again), a wrong header."""
MOMENTS: Final = 15

CATEGORIES: Final = (
    "retransmission", "fast_retransmission", "timeout_retransmission", "tail_loss_probe",
    "slow_start_retransmission", "spurious_retransmission", "out_of_order", "duplicate_ack", "lost_segment",
    "zero_window", "zero_window_probe", "keep_alive", "window_update", "window_full", "reused_ports",
)  # fmt: skip
"""Keys of `analysis`. `slow_start_retransmission`: what is sent again on the way out of a timeout."""


class Meta:
    """What a rule is, for people and for the gate.

    code:     permanent, family and number     name: states the fault, kebab-case
    severity: ERROR, DEVIATION or NOTE         source: citation
    needs:    NEED_* bits                      off: not counted for the exit code unless selected
    page:     what it does, why it matters, example, what it must not claim, references
    """

    __slots__ = ("code", "name", "needs", "off", "page", "severity", "source", "summary")

    def __init__(
        self, code: str, name: str, severity: str, source: str, needs: int, page: str, off: bool = False
    ) -> None:
        self.code = code
        self.name = name
        self.severity = severity
        self.source = source
        self.needs = needs
        self.page = page.strip() + "\n"
        self.off = off
        self.summary = _summary(self.page)

    @property
    def family(self) -> str:
        """`ACK` of `ACK003`."""
        return self.code[:3]


def _summary(page: str) -> str:
    """The first sentence under "What it does"."""
    body = page.split("## What it does", 1)[-1].strip().split("\n\n", 1)[0]
    text = " ".join(body.split())
    end = text.find(". ")
    return text if end < 0 else text[: end + 1]


@mypyc_attr(allow_interpreted_subclasses=True)
class Rule:
    """One rule: its meta data, the moments it is asked at, and `look`, which reports candidates."""

    meta: ClassVar[Meta]
    moments: ClassVar[tuple[int, ...]] = ()

    def look(self, x: Look) -> None:
        """Look at the moment; call `x.report(...)` on a fault."""
        raise NotImplementedError


class Finding:
    """One fault of one endpoint in one connection, with all its frames.

    side: "client", "server" or "" (the connection as a whole)
    frames: the frames at fault, the first ones only if there are very many (`count` has them all)
    evidence: the frames that prove the first occurrence, in order, `frames[0]` among them
    """

    __slots__ = ("confidence", "connection", "count", "evidence", "frames", "message", "meta", "side")

    def __init__(self, meta: Meta, side: str, confidence: str, frames: list[int], message: str) -> None:
        self.meta = meta
        self.side = side
        self.confidence = confidence
        self.frames = frames
        self.message = message
        self.evidence: list[int] = frames
        self.count = 1
        self.connection = -1

    def to_row(self) -> tuple[str, str, str, list[int], str, list[int], int]:
        """Everything but the connection as plain data, with the rule's code; `from_row` undoes it."""
        return self.meta.code, self.side, self.confidence, self.frames, self.message, self.evidence, self.count

    @staticmethod
    def from_row(
        row: tuple[str, str, str, list[int], str, list[int], int], metas: dict[str, Meta], connection: int
    ) -> Finding:
        """The finding of a row; `metas` by code."""
        code, side, confidence, frames, message, evidence, count = row
        finding = Finding(metas[code], side, confidence, frames, message)
        finding.evidence = evidence
        finding.count = count
        finding.connection = connection
        return finding

    def sort_key(self) -> tuple[int, int, int, str]:
        """Worst first, then surest, then earliest."""
        frame = self.frames[0] if self.frames else 0
        return SEVERITIES.index(self.meta.severity), CONFIDENCES.index(self.confidence), frame, self.meta.code


class Quality:
    """One fault of the capture itself."""

    __slots__ = ("code", "connection", "count", "frames", "message")

    def __init__(self, code: str, message: str, frames: list[int], count: int) -> None:
        self.code = code
        self.message = message
        self.frames = frames
        self.count = count
        self.connection = -1
