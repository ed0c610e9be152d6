"""Align two connections segment by segment and explain where they part.

Segments correspond if sender, control bits (but PSH), relative numbers and length agree. The
same bytes cut into other segments are recognised and are no difference; nor is the time
within a tolerance. After a difference the comparison finds the next place where both agree.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any, Final

from netsim.base.units import format_duration
from netsim.check.trace import Line, Trace

Pair = tuple[Line | None, Line | None, str]
"""One row: A's segment, B's, a note ("": they are the same one)."""
CROSSED: Final = "as "
LOOK_AHEAD: Final = 40
MOST: Final = 200

EXPLAIN: Final = {
    "segment": "One side sends a segment that the other does not.",
    "flags": "The control bits differ.",
    "seq": "The data start elsewhere in the stream: something was sent (or sent again) on one side only.",
    "ack": "One receiver has acknowledged more than the other: another delayed-ACK decision, or data not arrived.",
    "length": "Another amount of data.",
    "time": "The same segment, at another time: a timer, the path, or the application.",
    "mss": "Another MSS: MTU or configuration.",
    "window scale": "Another window scale: the size of the receive buffer.",
    "SACK": "Only one side permits SACK.",
    "timestamps": "Only one side offers timestamps.",
}


AGAIN: Final = {
    "timeout_retransmission": "sends this again as its timer has run out",
    "fast_retransmission": "sends this again, as ACKs tell of a loss",
    "tail_loss_probe": "probes for a lost tail",
    "slow_start_retransmission": "sends this again on the way out of a timeout",
    "keep_alive": "asks whether its peer is still there (keep-alive)",
    "zero_window_probe": "probes the closed window",
    "retransmission": "sends this again",
    "duplicate_ack": "repeats its ACK, as something came out of order or twice",
    "window_update": "tells of a new window",
}
"""What the checker says of a segment, in words; the first that applies."""


class Difference:
    """One difference: numbers of the segments (0: there is none), field, values."""

    __slots__ = ("a", "a_value", "b", "b_value", "field")

    def __init__(self, a: int, b: int, field: str, a_value: Any, b_value: Any) -> None:
        self.a = a
        self.b = b
        self.field = field
        self.a_value = a_value
        self.b_value = b_value

    def to_json(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "a": self.a or None, "b": self.b or None, "field": self.field,
            "a_value": self.a_value, "b_value": self.b_value,
        }  # fmt: skip


class Comparison:
    """What came of it: pairs (either may be None), differences, how often only the segmentation differs."""

    def __init__(self, a: Trace, b: Trace) -> None:
        self.a = a
        self.b = b
        self.pairs: list[Pair] = []
        self.differences: list[Difference] = []
        self.aligned = 0
        self.resegmented = 0

    @property
    def equal(self) -> bool:
        """Nothing differs."""
        return not self.differences

    def to_json(self) -> dict[str, Any]:
        """As promised for `netsim compare --format json`."""
        return {
            "schema": "netsim.compare/1", "equal": self.equal, "aligned": self.aligned,
            "first_divergence": self.differences[0].to_json() if self.differences else None,
            "differences": [difference.to_json() for difference in self.differences[:MOST]],
            "segmentation_differences": self.resegmented, "a": self.a.name, "b": self.b.name,
        }  # fmt: skip


def compare(a: Trace, b: Trace, tolerance_ns: int = -1) -> Comparison:
    """Compare two connections; times too where `tolerance_ns` >= 0.

    Each direction is aligned by itself: which of two segments that cross on the wire the tap
    saw first is chance, and what an endpoint knew when it sent is in its acknowledgement number.
    """
    result = Comparison(a, b)
    for sender in ("client", "server"):
        left = [line for line in a.lines if line.sender == sender]
        right = [line for line in b.lines if line.sender == sender]
        _align(result, left, right, tolerance_ns)
    result.pairs = _in_order(result.pairs)
    order = {id(line): place for place, pair in enumerate(result.pairs) for line in pair[:2] if line is not None}
    places = {(line.n, side): order[id(line)] for side, lines in ((0, a.lines), (1, b.lines)) for line in lines}
    result.differences.sort(key=lambda d: min(places[n, side] for n, side in ((d.a, 0), (d.b, 1)) if n))
    return result


def _in_order(pairs: list[Pair]) -> list[Pair]:
    """The rows of the table: the segments of A from top to bottom as its tap saw them, and those of B as well.

    Segments that crossed on the wire passed one tap in this order, the other in that. As many pairs as
    possible stay in one row; of the others each half stands in its own, with the number of its counterpart.
    """
    both = sorted((pair for pair in pairs if pair[0] is not None and pair[1] is not None), key=_number_in_a)
    kept = _longest_rise([pair[1].n for pair in both if pair[1] is not None])
    anchors = [both[place] for place in kept]
    left: list[Pair] = [pair for pair in pairs if pair[1] is None]
    right: list[Pair] = [pair for pair in pairs if pair[0] is None]
    apart = set(range(len(both))) - set(kept)
    for place in sorted(apart):
        one, other, note = both[place]
        if one is None or other is None:
            continue
        left.append((one, None, note or f"{CROSSED}{other.n} of B"))
        right.append((None, other, note or f"{CROSSED}{one.n} of A"))
    left.sort(key=_number_in_a)
    right.sort(key=_number_in_b)
    rows: list[Pair] = []
    for anchor in [*anchors, None]:
        rows += _before(left, right, anchor)
        if anchor is not None:
            rows.append(anchor)
    return rows


def _number_in_a(pair: Pair) -> int:
    return pair[0].n if pair[0] is not None else 0


def _number_in_b(pair: Pair) -> int:
    return pair[1].n if pair[1] is not None else 0


def _before(left: list[Pair], right: list[Pair], anchor: Pair | None) -> list[Pair]:
    """Take from both lists what comes before the anchor, by the time since the start."""
    rows: list[Pair] = []
    while True:
        one = left[0][0] if left else None
        other = right[0][1] if right else None
        if anchor is not None:
            one = one if one is not None and one.n < _number_in_a(anchor) else None
            other = other if other is not None and other.n < _number_in_b(anchor) else None
        if one is None and other is None:
            return rows
        if other is None or (one is not None and one.t_ns <= other.t_ns):
            rows.append(left.pop(0))
        else:
            rows.append(right.pop(0))


def _longest_rise(numbers: list[int]) -> list[int]:
    """Indices of a longest rising subsequence."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, number in enumerate(numbers):
        place = bisect_left(tails, number)
        before.append(ends[place - 1] if place else -1)
        if place == len(tails):
            tails.append(number)
            ends.append(index)
        else:
            tails[place] = number
            ends[place] = index
    found: list[int] = []
    index = ends[-1] if ends else -1
    while index >= 0:
        found.append(index)
        index = before[index]
    return found[::-1]


def _align(result: Comparison, a: list[Line], b: list[Line], tolerance_ns: int) -> None:
    """Align what one endpoint sent."""
    i = j = 0
    clock: tuple[int, int] | None = None
    while i < len(a) and j < len(b):
        left, right = a[i], b[j]
        if left.key() == right.key():
            note = _same_segment(result, left, right, clock, tolerance_ns)
            clock = (left.t_ns, right.t_ns)
            result.pairs.append((left, right, note))
            i, j = i + 1, j + 1
            continue
        taken = _same_bytes(a, b, i, j)
        if taken is not None:
            result.resegmented += 1
            _add_run(result, a[i : i + taken[0]], b[j : j + taken[1]])
            clock = (a[i + taken[0] - 1].t_ns, b[j + taken[1] - 1].t_ns)
            i, j = i + taken[0], j + taken[1]
            continue
        step = _resume(a, b, i, j)
        if step is None or step == (1, 1):
            _differ(result, left, right)
            i, j = i + 1, j + 1
            continue
        _skip(result, a[i : i + step[0]], b[j : j + step[1]])
        i, j = i + step[0], j + step[1]
    for line in a[i:]:
        _only(result, line, None)
    for line in b[j:]:
        _only(result, None, line)


def _same_segment(result: Comparison, left: Line, right: Line, clock: tuple[int, int] | None, tolerance_ns: int) -> str:
    """The segments correspond: options, and the time since the pair before."""
    result.aligned += 1
    note = ""
    if left.flags & 2:
        for name, value in left.options.items():
            if value != right.options[name]:
                result.differences.append(Difference(left.n, right.n, name, value, right.options[name]))
                note = name
    if clock is not None and tolerance_ns >= 0:
        apart = abs((left.t_ns - clock[0]) - (right.t_ns - clock[1]))
        if apart > tolerance_ns:
            result.differences.append(Difference(left.n, right.n, "time", left.t_ns, right.t_ns))
            note = "time"
    return note


def _same_bytes(a: list[Line], b: list[Line], i: int, j: int) -> tuple[int, int] | None:
    """How many segments on each side carry the same run of data, cut differently; None if they do not."""
    left, right = a[i], b[j]
    if left.sender != right.sender or left.seq != right.seq or not left.length or not right.length:
        return None
    if (left.flags | right.flags) & 0x06:
        return None
    end_a, end_b = left.seq + left.length, right.seq + right.length
    m, n = 1, 1
    while end_a != end_b:
        if end_a < end_b:
            if i + m >= len(a) or a[i + m].sender != left.sender or a[i + m].seq != end_a or not a[i + m].length:
                return None
            end_a += a[i + m].length
            m += 1
        else:
            if j + n >= len(b) or b[j + n].sender != left.sender or b[j + n].seq != end_b or not b[j + n].length:
                return None
            end_b += b[j + n].length
            n += 1
    if m == n == 1 or a[i + m - 1].flags != b[j + n - 1].flags:
        return None
    return m, n


def _add_run(result: Comparison, left: list[Line], right: list[Line]) -> None:
    for index in range(max(len(left), len(right))):
        one = left[index] if index < len(left) else None
        other = right[index] if index < len(right) else None
        result.pairs.append((one, other, "same bytes, other segments"))
    result.aligned += min(len(left), len(right))


def _resume(a: list[Line], b: list[Line], i: int, j: int) -> tuple[int, int] | None:
    """The nearest place ahead where both sides agree again: steps on each side."""
    for total in range(1, LOOK_AHEAD):
        for m in range(total + 1):
            n = total - m
            if i + m < len(a) and j + n < len(b) and a[i + m].key() == b[j + n].key():
                return m, n
    return None


def _skip(result: Comparison, a: list[Line], b: list[Line]) -> None:
    """Pass over what only one side has, pairing what is left over on both."""
    both = min(len(a), len(b))
    for left, right in zip(a[:both], b[:both], strict=True):
        _differ(result, left, right)
    for line in a[both:]:
        _only(result, line, None)
    for line in b[both:]:
        _only(result, None, line)


def _differ(result: Comparison, left: Line, right: Line) -> None:
    """Two segments stand in the same place and are not the same."""
    fields: list[tuple[str, Any, Any]] = [
        ("flags", left.record.flags_names(), right.record.flags_names()),
        ("seq", left.seq, right.seq), ("ack", left.ack, right.ack), ("length", left.length, right.length),
    ]  # fmt: skip
    note = ""
    for name, one, other in fields:
        if one != other and not (name == "flags" and left.flags == right.flags):
            result.differences.append(Difference(left.n, right.n, name, one, other))
            note = note or name
    result.pairs.append((left, right, note))


def _only(result: Comparison, left: Line | None, right: Line | None) -> None:
    """A segment that one side has and the other has not."""
    one = left.words() if left is not None else None
    other = right.words() if right is not None else None
    a, b = left.n if left is not None else 0, right.n if right is not None else 0
    result.differences.append(Difference(a, b, "segment", one, other))
    result.pairs.append((left, right, "only here"))


def _cell(line: Line | None, width: int) -> str:
    if line is None:
        return " " * width
    arrow = "→" if line.sender == "client" else "←"
    text = f"{line.n:>4} {line.t_ns / 1e9:8.3f} {arrow} {line.words()}"
    return f"{text[: width - 1] + '…' if len(text) > width else text:<{width}}"


def explain(result: Comparison) -> list[str]:
    """The first divergence in words."""
    if result.equal:
        return [" ✓ the same conversation, segment by segment"]
    first = result.differences[0]
    a = f"segment {first.a}" if first.a else "nothing"
    b = f"segment {first.b}" if first.b else "nothing"
    lines = [f" First divergence: {a} of A, {b} of B: {first.field}"]
    values = [format_duration(v) if first.field == "time" else v for v in (first.a_value, first.b_value)]
    lines.append(f"   A: {'-' if values[0] is None else values[0]}    B: {'-' if values[1] is None else values[1]}")
    lines.append(f"   {_why(result, first)}")
    return lines


def _why(result: Comparison, first: Difference) -> str:
    """What the first difference means, as far as the segment itself tells."""
    if first.field != "segment":
        return EXPLAIN.get(first.field, "")
    here, there, trace, number = ("A", "B", result.a, first.a) if first.a else ("B", "A", result.b, first.b)
    line = next((line for line in trace.lines if line.n == number), None)
    if line is None:
        return EXPLAIN["segment"]
    for category, words in AGAIN.items():
        if number in trace.connection.frames(category):
            return f"In {here} the {line.sender} {words}; in {there} it does not."
    if line.flags & 0x07:
        kind = "resets the connection" if line.flags & 4 else "sends a SYN" if line.flags & 2 else "sends a FIN"
        return f"In {here} the {line.sender} {kind} at this point; in {there} it does not."
    if line.length:
        return f"In {here} the {line.sender} sends these data here; in {there} later, in other segments, or not at all."
    before = max((other.ack for other in trace.lines if other.sender == line.sender and other.n < number), default=-1)
    if line.ack <= before:
        return (
            f"In {here} an ACK comes that says nothing new: doubled or overtaken on the way, or an answer to old data."
        )
    seen = trace.connection.vantage not in ("unknown", line.sender)
    lost = ", or the ACK was lost before the tap" if seen else ""
    return f"In {here} the {line.sender} acknowledges here; in {there} it waits for more (delayed ACK){lost}."


def to_text(result: Comparison, width: int, everything: bool) -> str:
    """Side by side, then the first divergence."""
    half = (width - 6) // 2
    lines = [f" A: {result.a.name}", f" B: {result.b.name}", ""]
    marks = [index for index, pair in enumerate(result.pairs) if pair[2] and _sign(pair[2]) == "≠"]
    shown = set(range(len(result.pairs))) if everything else _near(marks, len(result.pairs))
    skipped = 0
    for index, (left, right, note) in enumerate(result.pairs):
        if index not in shown:
            skipped += 1
            continue
        if skipped:
            lines.append(f"      ⋮    {skipped} alike")
            skipped = 0
        hint = f"       {note}" if note.startswith(CROSSED) else ""
        one = _cell(left, half) if left is not None else f"{hint:<{half}}"
        other = _cell(right, half) if right is not None else hint
        lines.append(f" {one} {_sign(note)} {other}".rstrip())
    if skipped:
        lines.append(f"      ⋮    {skipped} alike")
    lines += ["", *explain(result)]
    text = f" {result.aligned} segments aligned, {len(result.differences)} differences"
    if result.resegmented:
        text += f"; the same bytes in other segments {result.resegmented} times"
    return "\n".join([*lines, text]) + "\n"


def _sign(note: str) -> str:
    """What stands between A and B: the same, the same bytes, the same at another place, different."""
    if not note:
        return "="
    return "≈" if note.startswith("same") else "↕" if note.startswith(CROSSED) else "≠"


def _near(marks: list[int], count: int) -> set[int]:
    """Which rows to show: the first ones, and what is around the first differences."""
    shown = set(range(min(4, count)))
    for mark in marks[:12]:
        shown.update(range(max(0, mark - 2), min(count, mark + 3)))
    return shown
