"""What a failing script tells: both packets field by field, what went before, the socket's state, the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.base.events import (
    ListSink,
    Noted,
    Notified,
    SegmentProcessed,
    SegmentSent,
    SendHeld,
    StateChanged,
    TimerExpired,
)
from netsim.packetdrill import tree
from netsim.packetdrill.machine import SCRIPT, STACK

if TYPE_CHECKING:
    from netsim.base.reasons import Reason
    from netsim.packetdrill.flow import Flow
    from netsim.packetdrill.machine import Machine
    from netsim.packetdrill.outcome import Outcome

_SHOWN_STEPS = 14


def expression_text(item: tree.Expression) -> str:
    """An argument as scripts write it."""
    if isinstance(item, tree.Anything):
        return "..."
    if isinstance(item, tree.Number):
        return hex(item.value) if item.hexadecimal else str(item.value)
    if isinstance(item, tree.Word):
        return item.name
    if isinstance(item, tree.Text):
        return '"' + item.value.decode("utf-8", "replace") + '"' + ("..." if item.open_ended else "")
    if isinstance(item, tree.BitOr):
        return "|".join(expression_text(part) for part in item.items)
    if isinstance(item, tree.Array):
        return "[" + ", ".join(expression_text(part) for part in item.items) + "]"
    if isinstance(item, tree.Call):
        return item.name + "(" + ", ".join(expression_text(part) for part in item.arguments) + ")"
    if isinstance(item, tree.Struct):
        parts: list[str] = []
        for field in item.fields:
            size = f"({expression_text(field.size)})" if field.size is not None else ""
            name = f"{field.name}{size}=" if field.name else ""
            parts.append(name + expression_text(field.value))
        return "{" + ", ".join(parts) + "}"
    return "?"


def call_text(call: tree.SystemCall) -> str:
    """A system call as scripts write it."""
    text = (
        f"{call.name}({', '.join(expression_text(item) for item in call.arguments)}) = {expression_text(call.result)}"
    )
    return f"{text} {call.errno}" if call.errno else text


def describe_failure(outcome: Outcome, machine: Machine, flow: Flow | None) -> None:
    """Fill the outcome's details from a recorded run."""
    sink = machine.sink
    if isinstance(sink, ListSink):
        outcome.events = sink.events
    outcome.packets = machine.log
    outcome.addresses = {machine.config.local_addr: STACK, machine.config.remote_addr: SCRIPT}
    reason = _last_reason(outcome)
    if reason is not None:
        outcome.reason, outcome.reason_cite = reason.text, reason.cite
    if flow is None:
        return
    for conn in machine.host.connections.values():
        if (conn.ep.local_port, conn.ep.remote_port) == (flow.local_port, flow.remote_port):
            shot = conn.snapshot()
            outcome.tcb = [(name, _value(value)) for name, value in shot.as_dict().items()]


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(_value(part) for part in value) or "none"
    return str(value)


def _last_reason(outcome: Outcome) -> Reason | None:
    """The reason of the last thing that the stack did before the failure.

    For a wrong packet, why it was sent; otherwise what was made of the last segment, or the last timer.
    """
    sent_first = bool(outcome.checks)
    if sent_first:
        for event in reversed(outcome.events):
            if isinstance(event, SegmentSent):
                return event.reason
    for event in reversed(outcome.events):
        if isinstance(
            event, SegmentSent | SegmentProcessed | TimerExpired | SendHeld | StateChanged | Noted | Notified
        ):
            return event.reason
    return None


def failure_text(outcome: Outcome) -> str:
    """The whole story for the terminal, without colour."""
    where = f"{outcome.path}:{outcome.line}" if outcome.line else outcome.path
    lines = [f"{where}: {outcome.message}"]
    if outcome.source:
        lines.append(f"  {outcome.line} | {outcome.source}")
    if outcome.checks:
        lines += _field_table(outcome)
    elif outcome.expected or outcome.actual:
        lines.append(f"  expected  {outcome.expected}")
        lines.append(f"  actual    {outcome.actual}")
    if outcome.reason:
        cite = f" ({outcome.reason_cite})" if outcome.reason_cite else ""
        lines.append(f"  why       {outcome.reason}{cite}")
    lines += _transcript(outcome)
    if outcome.tcb:
        lines.append("  the connection then")
        lines += _tcb_lines(outcome)
    return "\n".join(lines)


def ladder_text(outcome: Outcome, width: int, *, color: bool) -> str:
    """The run as a ladder: the script's end on the left, the stack under test on the right."""
    from netsim.report.build import ladder_from
    from netsim.report.cells import paint
    from netsim.report.ladder import Options, draw
    from netsim.report.record import record

    ladder = ladder_from(record(outcome.events, outcome.addresses), [SCRIPT, STACK])
    ladder.title = outcome.path
    return paint(draw(ladder, Options(width=width)), color=color, ascii_only=False)


def write_capture(outcome: Outcome, path: str) -> int:
    """The run as a capture file; how many packets. CaptureError where it cannot be written."""
    from netsim.capture.frames import LINK_RAW
    from netsim.capture.writer import open_writer
    from netsim.wire.codec import encode_packet

    with open_writer(path, LINK_RAW, name=STACK) as out:
        for t_ns, packet in outcome.packets:
            out.write(t_ns, encode_packet(packet))
        return out.frames


def _field_table(outcome: Outcome) -> list[str]:
    """Expected and actual, one column per field, differences marked below."""
    names, expected, actual, marks = "            ", "  expected  ", "  actual    ", "            "
    for check in outcome.checks:
        width = max(len(check.expected), len(check.actual), len(check.name))
        names += f"{check.name:<{width + 2}}"
        expected += f"{check.expected:<{width + 2}}"
        actual += f"{check.actual:<{width + 2}}"
        marks += f"{'' if check.ok else '^' * max(len(check.expected), len(check.actual), 1):<{width + 2}}"
    return [line.rstrip() for line in (names, expected, actual, marks)]


def _transcript(outcome: Outcome) -> list[str]:
    """What went before, as a small ladder: the script's end on the left, the stack under test on the right."""
    steps = outcome.steps[-_SHOWN_STEPS:]
    if not steps:
        return []
    lines = [
        "  what went before"
        + (f" (last {len(steps)} of {len(outcome.steps)})" if len(outcome.steps) > len(steps) else "")
    ]
    arrows = {"in": "──►", "out": "◄──", "surplus": "◄┄┄", "call": "   ", "shell": "   ", "code": "   "}
    for step in steps:
        at = f"{step.t_ns // 10**9}.{step.t_ns // 1000 % 10**6:06d}"
        text = " ".join(step.text.split())
        lines.append(f"    {at:>12}  {step.line:>4}  {arrows.get(step.kind, '   ')} {text}"[:160])
    return lines


def _tcb_lines(outcome: Outcome) -> list[str]:
    lines: list[str] = []
    row = "   "
    for name, value in outcome.tcb:
        part = f" {name}={value}"
        if len(row) + len(part) > 110:
            lines.append(row)
            row = "   "
        row += part
    lines.append(row)
    return lines
