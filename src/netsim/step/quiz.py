"""Predict mode: who sends next, which flags, which numbers, which state? And grading of answer files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from netsim.base import events as ev
from netsim.base.errors import UsageError

if TYPE_CHECKING:
    from netsim.report.rows import SegmentRow
    from netsim.step.debugger import Debugger

KEYS: Final = ("from", "flags", "seq", "ack", "state")

Grade = list[tuple[str, str, str, bool]]
"""(what was asked, the answer, the truth, whether they agree)."""


def truth_of(row: SegmentRow) -> dict[str, str]:
    """What was to be predicted about a segment: sender, flags, seq, ack, and the sender's state after sending it."""
    return {
        "from": row.sender,
        "flags": row.names or "none",
        "seq": str(row.rel_seq),
        "ack": "-" if row.rel_ack is None else str(row.rel_ack),
        "state": row.from_state or "-",
    }


def agrees(key: str, given: str, truth: str) -> bool:
    """Whether an answer is right. PSH may be left out or added; the order of flags is free."""
    given, truth = given.strip().upper(), truth.upper()
    if key == "flags":
        return set(given.split(",")) - {"PSH"} == set(truth.split(",")) - {"PSH"}
    if key == "ack" and truth == "-":
        return given in ("-", "", "NONE")
    return given == truth


class Quiz:
    """Asks before each segment that an end sends. `right` and `asked` are points, one per question part."""

    def __init__(self, debugger: Debugger) -> None:
        self.debugger = debugger
        self.right = 0
        self.asked = 0
        self.pending: tuple[int, SegmentRow] | None = None
        self._told: set[int] = set()

    def ask(self) -> str | None:
        """Move to just before the next sending, and ask. None: nothing more is sent."""
        found = self._next_sent()
        if found is None:
            self.debugger.end()
            self.pending = None
            return None
        index, row = found
        self.debugger.goto(index - 1 if row.n not in self._told else index)
        self.pending = found
        parts = "from, flags, seq, ack, state"
        return f"segment {row.n}: who sends next, and what? ({parts})"

    def _next_sent(self) -> tuple[int, SegmentRow] | None:
        timeline = self.debugger.timeline
        index = max(1, self.debugger.cursor)
        while timeline.reach(index) == index:
            for event in timeline.events(index):
                if isinstance(event, ev.SegmentSent):
                    row = timeline.source.recorder.row_of(event.segment)
                    if row is not None and row.n not in self._told:
                        return (index, row)  # type: ignore[return-value]
            index += 1
        return None

    def answer(self, given: dict[str, str]) -> Grade:
        """Grade an answer and move onto the step. UsageError: unknown keys, or nothing was asked."""
        if self.pending is None:
            raise UsageError("no question was asked; `next` asks")
        wrong = [key for key in given if key not in KEYS]
        if wrong:
            raise UsageError(f"'{wrong[0]}' was not asked; the keys are {', '.join(KEYS)}")
        index, row = self.pending
        grade = [(key, given.get(key, ""), truth, agrees(key, given.get(key, ""), truth) if key in given else False)
                 for key, truth in truth_of(row).items()]  # fmt: skip
        self.right += sum(1 for _, _, _, right in grade if right)
        self.asked += len(grade)
        self._told.add(row.n)
        self.pending = None
        self.debugger.goto(index)
        return grade

    def score_text(self) -> str:
        """`score: 7 of 10`."""
        return f"score: {self.right} of {self.asked}"


def grade_file(debugger: Debugger, answers: list[dict[str, Any]]) -> dict[str, Any]:
    """Grade a list of answers, one per segment in order of sending, as data for JSON.

    Only what an answer names is graded; what is missing at the end counts as wrong.
    """
    quiz = Quiz(debugger)
    questions: list[dict[str, Any]] = []
    points = possible = 0
    place = 0
    while quiz.ask() is not None:
        assert quiz.pending is not None
        row = quiz.pending[1]
        given = {str(key): _text(value) for key, value in (answers[place] if place < len(answers) else {}).items()}
        wanted = [key for key in given if key != "n"] or list(KEYS)
        grade = [entry for entry in quiz.answer({key: given[key] for key in given if key != "n"}) if entry[0] in wanted]
        points += sum(1 for entry in grade if entry[3])
        possible += len(grade)
        reason = row.reason
        questions.append({
            "segment": row.n, "step": debugger.cursor, "time_ns": row.sent_ns,
            "parts": [{"key": key, "answer": answer, "truth": truth, "right": right}
                      for key, answer, truth, right in grade],
            "why": reason.text if reason is not None else "", "source": reason.cite if reason is not None else "",
        })  # fmt: skip
        place += 1
    if place < len(answers):
        raise UsageError(f"there are {len(answers)} answers, but only {place} segments are sent")
    return {"points": points, "possible": possible, "questions": questions}


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return ",".join(str(item) for item in value) if isinstance(value, list) else str(value)
