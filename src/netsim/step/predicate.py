"""Predicates for breakpoints: `client.state == TIME-WAIT`, `client.cwnd < 4*mss`, `segment.flags has RST`.

    expression:  or-terms of and-terms; `not`, parentheses
    comparison:  NAME (== != < <= > >=) VALUE, or `segment.flags has FLAG,FLAG`
    NAME:        HOST.variable (`client.snd.una`, `server.rto`), `segment.seq`, `time`, `step`
    VALUE:       a number with or without a unit (`4*mss`, `200ms`, `64KiB`, `1 + 2`), a state, another NAME

Nothing is executed: the text becomes a small tree that asks a `View`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from netsim.base.errors import UsageError
from netsim.base.hints import nearest
from netsim.base.seqnum import seq_diff
from netsim.base.units import parse_duration, parse_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from netsim.report.rows import SegmentRow
    from netsim.step.view import View
    from netsim.tcp.snapshot import Snapshot

Value = int | str | None
"""None: unknown. A comparison with it is false."""

STATES: Final = (
    "CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2",
    "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT",
)  # fmt: skip
FLAGS: Final = {"FIN": "F", "SYN": "S", "RST": "R", "PSH": "P", "ACK": "A", "URG": "U", "ECE": "E", "CWR": "C"}
PHASES: Final = ("slow-start", "avoidance", "disorder", "recovery", "cwr", "loss")

TCB: Final[dict[str, str]] = {
    "state": "state", "snd.wnd": "snd_wnd", "rcv.wnd": "rcv_wnd", "cwnd": "cwnd", "ssthresh": "ssthresh",
    "phase": "phase", "srtt": "srtt_ns", "rttvar": "rttvar_ns", "rto": "rto_ns", "backoff": "backoff",
    "mss": "mss", "flight": "flight", "unsent": "unsent", "readable": "bytes_readable", "iss": "iss", "irs": "irs",
}  # fmt: skip
RELATIVE: Final = {
    "snd.una": ("snd_una", "iss"), "snd.nxt": ("snd_nxt", "iss"), "rcv.nxt": ("rcv_nxt", "irs"),
    "snd.wl1": ("snd_wl1", "irs"), "snd.wl2": ("snd_wl2", "iss"),
}  # fmt: skip
SEGMENT: Final = ("flags", "seq", "ack", "len", "win", "from", "lost", "resent", "n")

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<op>==|!=|<=|>=|<|>|=|\(|\)|\*|\+)|(?P<number>\d+(?:\.\d+)?(?:\s*(?:ns|us|µs|ms|s|min|h|KiB|MiB|kB|MB|bytes)\b)?)"
    r"|(?P<word>[A-Za-z][A-Za-z0-9_.#,-]*))"
)


class Predicate:
    """A condition: its text, and `holds(view)`."""

    __slots__ = ("_test", "text")

    def __init__(self, text: str, test: Callable[[View], bool]) -> None:
        self.text = text
        self._test = test

    def holds(self, view: View) -> bool:
        """Whether it is true at a step. What it says of a segment must be true of one and the same."""
        if "segment." not in self.text:
            return self._test(view)
        rows: list[SegmentRow | None] = [*view.segments()] or [None]
        for row in rows:
            view.focus = row
            if self._test(view):
                return True
        return False


def parse(text: str, hosts: list[str]) -> Predicate:
    """The predicate that a text stands for. UsageError says what is wrong, and what there is."""
    return Predicate(" ".join(text.split()), _Parser(text, hosts).whole())


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, text: str, hosts: list[str]) -> None:
        self.text = text
        self.hosts = hosts
        self.tokens: list[tuple[str, str]] = []
        self.at = 0
        self.owner = ""
        """The host of the comparison's left side: `mss` on the right means its."""
        place = 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None:
                raise self._error(f"'{text[place:].strip()[:12]}' is not understood")
            kind = match.lastgroup or ""
            self.tokens.append((kind, match.group(kind)))
            place = match.end()

    def _error(self, message: str) -> UsageError:
        host = self.hosts[0] if self.hosts else "client"
        examples = f"{host}.state == TIME-WAIT, {host}.cwnd < 4*mss, segment.flags has RST"
        return UsageError(f"{message}; write for example: {examples}")

    def _peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def _next(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise self._error("the condition ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def whole(self) -> Callable[[View], bool]:
        """The entire text."""
        if not self.tokens:
            raise self._error("a condition is missing")
        test = self._or()
        if self.at < len(self.tokens):
            raise self._error(f"'{self._peek()}' is not expected here")
        return test

    def _or(self) -> Callable[[View], bool]:
        tests = [self._and()]
        while self._peek() == "or":
            self.at += 1
            tests.append(self._and())
        return tests[0] if len(tests) == 1 else lambda view: any(test(view) for test in tests)

    def _and(self) -> Callable[[View], bool]:
        tests = [self._not()]
        while self._peek() == "and":
            self.at += 1
            tests.append(self._not())
        return tests[0] if len(tests) == 1 else lambda view: all(test(view) for test in tests)

    def _not(self) -> Callable[[View], bool]:
        if self._peek() == "not":
            self.at += 1
            test = self._not()
            return lambda view: not test(view)
        if self._peek() == "(":
            self.at += 1
            test = self._or()
            if self._next()[1] != ")":
                raise self._error("a ')' is missing")
            return test
        return self._comparison()

    def _comparison(self) -> Callable[[View], bool]:
        kind, name = self._next()
        if kind != "word":
            raise self._error(f"'{name}' is no variable")
        self.owner = name.partition(".")[0] if name.partition(".")[0] in self.hosts else ""
        if name.startswith("segment."):
            return self._segment(name.partition(".")[2])
        left = self._variable(name)
        return self._compare(left, name)

    def _compare(self, left: Callable[[View], Value], name: str) -> Callable[[View], bool]:
        op = self._next()[1]
        if op not in ("==", "=", "!=", "<", "<=", ">", ">="):
            raise self._error(f"after '{name}' comes one of == != < <= > >=, not '{op}'")
        right = self._sum()
        return lambda view: _fits(left(view), op, right(view))

    def _segment(self, field: str) -> Callable[[View], bool]:
        if field not in SEGMENT:
            raise self._error(f"a segment has no '{field}'; it has {', '.join(SEGMENT)}" + _near(field, SEGMENT))
        if field == "flags":
            op, wanted = self._next()[1], self._next()[1]
            if op not in ("has", "==", "="):
                raise self._error("write: segment.flags has RST, or segment.flags == SYN,ACK")
            letters = [FLAGS.get(flag) for flag in wanted.upper().split(",")]
            if None in letters:
                raise self._error(f"'{wanted}' is no flag; flags are {', '.join(FLAGS)}")
            exact = op != "has"
            return lambda view: view.focus is not None and _flags_fit(view.focus, letters, exact)
        if field in ("lost", "resent"):
            return lambda view: view.focus is not None and _mark(view.focus, field, view)
        op = self._next()[1]
        if op not in ("==", "=", "!=", "<", "<=", ">", ">="):
            raise self._error(f"after 'segment.{field}' comes one of == != < <= > >=, not '{op}'")
        right = self._sum()
        return lambda view: view.focus is not None and _fits(_segment_value(view.focus, field), op, right(view))

    def _sum(self) -> Callable[[View], Value]:
        terms = [self._product()]
        while self._peek() == "+":
            self.at += 1
            terms.append(self._product())
        return terms[0] if len(terms) == 1 else lambda view: _fold(terms, view, product=False)

    def _product(self) -> Callable[[View], Value]:
        factors = [self._atom()]
        while self._peek() == "*":
            self.at += 1
            factors.append(self._atom())
        return factors[0] if len(factors) == 1 else lambda view: _fold(factors, view, product=True)

    def _atom(self) -> Callable[[View], Value]:
        kind, text = self._next()
        if kind == "number":
            number = _number(text)
            return lambda view: number
        if kind != "word":
            raise self._error(f"'{text}' is not a value")
        if text.upper() in STATES:
            state = text.upper()
            return lambda view: state
        if text.lower() in PHASES or text in self.hosts:
            return lambda view: text
        if self.owner and text in (*TCB, *RELATIVE):
            text = f"{self.owner}.{text}"
        return self._variable(text)

    def _variable(self, name: str) -> Callable[[View], Value]:
        if name == "time":
            return lambda view: view.t_ns
        if name == "step":
            return lambda view: view.index
        host, dot, field = name.partition(".")
        if host not in self.hosts or not dot:
            near = nearest(name, STATES)
            if near:
                raise self._error(f"'{name}' is no state; did you mean {near}?")
            raise self._error(
                f"there is no '{name}'; hosts are {', '.join(self.hosts)}" + _near(host, tuple(self.hosts))
            )
        if field in RELATIVE:
            attribute, base = RELATIVE[field]
            return lambda view: _relative(view.end(host).snapshot, attribute, base)
        if field == "state":
            return lambda view: view.end(host).state
        if field not in TCB:
            names = (*TCB, *RELATIVE)
            raise self._error(f"a connection has no '{field}'; it has {', '.join(names)}" + _near(field, names))
        attribute = TCB[field]
        return lambda view: _attribute(view.end(host).snapshot, attribute)


def _near(word: str, names: tuple[str, ...]) -> str:
    near = nearest(word, names)
    return f" (did you mean '{near}'?)" if near else ""


def _number(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError:
        try:
            return parse_duration(text)
        except ValueError as error:
            raise UsageError(str(error)) from None


def _relative(snapshot: Snapshot | None, attribute: str, base: str) -> int | None:
    return None if snapshot is None else seq_diff(getattr(snapshot, attribute), getattr(snapshot, base))


def _attribute(snapshot: Snapshot | None, attribute: str) -> Value:
    value: Value = None if snapshot is None else getattr(snapshot, attribute)
    return value


def _fold(parts: list[Callable[[View], Value]], view: View, *, product: bool) -> Value:
    total = 1 if product else 0
    for part in parts:
        value = part(view)
        if not isinstance(value, int):
            return None
        total = total * value if product else total + value
    return total


def _fits(left: Value, op: str, right: Value) -> bool:
    if left is None or right is None:
        return False
    if op in ("==", "="):
        return left == right
    if op == "!=":
        return left != right
    if isinstance(left, str) or isinstance(right, str):
        return False
    if op == "<":
        return left < right
    if op == "<=":
        return left <= right
    return left > right if op == ">" else left >= right


def _flags_fit(row: SegmentRow, letters: list[str | None], exact: bool) -> bool:
    has_all = all(letter is not None and letter in row.flags for letter in letters)
    return has_all and (not exact or len(row.flags) == len(letters))


def _mark(row: SegmentRow, field: str, view: View) -> bool:
    if field == "resent":
        return row.retransmission
    return view.timeline.fate(row.uid, view.index) == "lost"


def _segment_value(row: SegmentRow, field: str) -> Value:
    if field == "seq":
        return row.rel_seq
    if field == "ack":
        return row.rel_ack
    if field == "len":
        return row.length
    if field == "win":
        return row.win
    return row.sender if field == "from" else row.n
