"""What a ladder is made of: neutral items that anyone can build, whoever saw the segments.

`netsim run` builds them from a recorder (`report.build`), the checker from a capture, the
packetdrill runner from a script. The renderers (text, SVG, mermaid) and the stepper draw them.

A ladder has two sides, LEFT and RIGHT. Usually each is one host; where several hosts talk
to one, they share a side and an item's `who` names its host.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from netsim.base.reasons import Reason

LEFT: Final = 0
RIGHT: Final = 1


class Item:
    """One thing at one time on one side.

    t_ns:   when                         side: LEFT or RIGHT
    who:    the host, where a side has several ("" otherwise)
    tag:    the connection, where a ladder shows several ("#2"; "" otherwise)
    reason: why, with its citation, or None
    """

    __slots__ = ("reason", "side", "t_ns", "tag", "who")

    def __init__(self, t_ns: int, side: int, reason: Reason | None = None) -> None:
        self.t_ns = t_ns
        self.side = side
        self.reason = reason
        self.who = ""
        self.tag = ""


class Arrow(Item):
    """A packet on its way from `side` to the other side.

    n:          its number (a frame number for a capture); 0 = none
    names:      control bits for people ("SYN,ACK"); for other packets what they are ("ICMP …", "UDP")
    seq, ack:   numbers to show, None = none
    length:     payload octets              win: the window field, None = not shown
    words:      its options as (name, value)
    arrival_ns: when it arrived; None = it did not, or nobody saw
    lost:       None, or what became of it, for people ('dropped by rule "x"')
    lost_at_end: it was dropped at the receiving host, not on the way
    resent:     None, or why it was sent again ("timeout", "fast", ...; "" = unknown)
    copy:       the network made it as a duplicate
    changes:    what else the network did: "delayed", "corrupted", ...
    dull:       nothing about it is worth a line in a long run of its like
    note:       a few words of the checker or of a script about it ("← here"), "" = none
    """

    __slots__ = (
        "ack", "arrival_ns", "changes", "copy", "dull", "length", "lost", "lost_at_end", "n", "names", "note",
        "resent", "seq", "win", "words",
    )  # fmt: skip

    def __init__(self, t_ns: int, side: int, names: str, reason: Reason | None = None) -> None:
        super().__init__(t_ns, side, reason)
        self.n = 0
        self.names = names
        self.seq: int | None = None
        self.ack: int | None = None
        self.length = 0
        self.win: int | None = None
        self.words: list[tuple[str, str]] = []
        self.arrival_ns: int | None = None
        self.lost: str | None = None
        self.lost_at_end = False
        self.resent: str | None = None
        self.copy = False
        self.changes: list[str] = []
        self.dull = False
        self.note = ""


class StateMark(Item):
    """The endpoint on this side entered `state`; `old` is where it came from."""

    __slots__ = ("old", "state")

    def __init__(self, t_ns: int, side: int, old: str, state: str, reason: Reason | None = None) -> None:
        super().__init__(t_ns, side, reason)
        self.old = old
        self.state = state


class TimerMark(Item):
    """A timer: `text` for people; `expired` (it fired now) or set.

    A `detail` is shown only when everything is.
    """

    __slots__ = ("detail", "expired", "text")

    def __init__(
        self, t_ns: int, side: int, text: str, *, expired: bool, detail: bool = False, reason: Reason | None = None
    ) -> None:
        super().__init__(t_ns, side, reason)
        self.text = text
        self.expired = expired
        self.detail = detail


class NoteMark(Item):
    """A few words on one side: an application's call, a rejected segment, a notification.

    kind: "call", "rejected", "told", "noted", "link" or "finding". A `detail` is shown only
    with explanations or when everything is.
    """

    __slots__ = ("detail", "kind", "text")

    def __init__(
        self, t_ns: int, side: int, text: str, kind: str, *, detail: bool = False, reason: Reason | None = None
    ) -> None:
        super().__init__(t_ns, side, reason)
        self.text = text
        self.kind = kind
        self.detail = detail


class Gap(Item):
    """Segments that are not shown: how many, with how many payload octets, lost and resent ones."""

    __slots__ = ("length", "lost", "resent", "segments")

    def __init__(self, t_ns: int, segments: int, length: int, lost: int = 0, resent: int = 0) -> None:
        super().__init__(t_ns, LEFT)
        self.segments = segments
        self.length = length
        self.lost = lost
        self.resent = resent


class Ladder:
    """A whole ladder.

    title:    its first line, e.g. "last-ack-lost · The final ACK is lost: …" ("" = none)
    subtitle: the two ends and what is between them ("" = none)
    corner:   at the right end of the subtitle, e.g. "seed 1"
    left, right: the sides' names;  left_state, right_state: their states before the first item
    items:    in order of time
    notes:    lines below the ladder, for people (other connections that are not shown, …)
    """

    __slots__ = ("corner", "items", "left", "left_state", "notes", "right", "right_state", "subtitle", "title")

    def __init__(self, left: str, right: str, items: list[Item] | None = None) -> None:
        self.title = ""
        self.subtitle = ""
        self.corner = ""
        self.left = left
        self.right = right
        self.left_state = ""
        self.right_state = ""
        self.items: list[Item] = items if items is not None else []
        self.notes: list[str] = []


def excerpt(ladder: Ladder, numbers: list[int], before: int = 2, after: int = 2) -> Ladder:
    """The piece of a ladder around the first of some segments (`Arrow.n`), which is marked; empty if it is not there.

    States entered before the piece are its first states.
    """
    arrows = [place for place, item in enumerate(ladder.items) if isinstance(item, Arrow) and item.n]
    wanted = [place for place in arrows if getattr(ladder.items[place], "n", 0) in numbers]
    piece = Ladder(ladder.left, ladder.right)
    if not wanted:
        return piece
    middle = arrows.index(wanted[0])
    first = arrows[max(0, middle - before)]
    last = arrows[middle + after + 1] if middle + after + 1 < len(arrows) else len(ladder.items)
    piece.left_state, piece.right_state = ladder.left_state, ladder.right_state
    for item in ladder.items[:first]:
        if isinstance(item, StateMark):
            if item.side == LEFT:
                piece.left_state = item.state
            else:
                piece.right_state = item.state
    piece.items = list(ladder.items[first:last])
    marked = copy(ladder.items[wanted[0]])
    assert isinstance(marked, Arrow)
    marked.note = marked.note or "← here"
    piece.items[wanted[0] - first] = marked
    return piece


DULL_FLAGS: Final = frozenset({"ACK", "PSH,ACK", "PSH"})


def is_dull(arrow: Arrow) -> bool:
    """Whether a long run of such segments may be folded: plain data and ACKs that simply arrived."""
    return (
        arrow.names in DULL_FLAGS
        and arrow.lost is None
        and arrow.resent is None
        and not arrow.copy
        and not arrow.changes
        and not arrow.note
        and arrow.win != 0
    )


def has_sack(arrow: Arrow) -> bool:
    """Whether it reports missing octets: long runs of such ACKs are folded later than others."""
    return any(name == "sack" for name, _ in arrow.words)


def _tells(arrow: Arrow) -> bool:
    """Whether its control bits deserve a line whatever comes around them."""
    return any(flag in arrow.names for flag in ("SYN", "FIN", "RST", "URG", "ECE", "CWR")) or arrow.win == 0


def kind_of_run(item: Item) -> str:
    """Items of one kind make a run that may be folded; "" never does.

    Dull segments are one kind; so are losses of one cause, resent segments of one cause, and
    packets of other protocols with the same words, each as far as nothing else stands between.
    """
    if isinstance(item, Arrow):
        if item.dull:
            return "dull"
        if item.copy or item.changes or item.note or _tells(item):
            return ""
        if item.lost is not None:
            return f"{item.side} lost {item.resent} {item.lost}"
        if item.resent is not None:
            return f"{item.side} resent {item.resent}"
        return f"{item.side} {item.names}" if item.seq is None else ""
    if isinstance(item, NoteMark):
        return "dull" if item.detail else ""
    if isinstance(item, TimerMark):
        return "dull" if item.detail or item.text.startswith("delayed ACK") else ""
    return ""


KEEP_EACH_END: Final = 2
"""Of a long run of dull segments, so many stay at either end."""
FOLD_FROM: Final = 8
"""A run of so many dull segments is folded."""
FOLD_TELLING_FROM: Final = 24
"""A run of losses, of resent segments or of ACKs with SACK blocks is folded only when it is this long."""
MAX_ITEMS: Final = 160
"""A ladder with more items than this loses its middle, dull or not."""


def fold(items: list[Item]) -> list[Item]:
    """The items with long runs of dull segments, and the middle of very long ladders, as gaps.

    Marks inside a run that are themselves details (delayed ACKs, calls) go with it.
    """
    folded: list[Item] = []
    run: list[Item] = []
    kind = ""
    for item in items:
        here = kind_of_run(item)
        if not here or here != kind:
            folded += _fold_run(run)
            run = []
        kind = here
        if here:
            run.append(item)
        else:
            folded.append(item)
    folded += _fold_run(run)
    if len(folded) <= MAX_ITEMS:
        return folded
    head, tail = MAX_ITEMS * 5 // 8, MAX_ITEMS * 3 // 8
    return [*folded[:head], _gap(folded[head:-tail]), *folded[-tail:]]


def _fold_run(run: list[Item]) -> list[Item]:
    places = [index for index, item in enumerate(run) if isinstance(item, Arrow)]
    telling = any(isinstance(item, Arrow) and (not item.dull or has_sack(item)) for item in run)
    if len(places) < (FOLD_TELLING_FROM if telling else FOLD_FROM):
        return run
    first, last = places[KEEP_EACH_END - 1], places[-KEEP_EACH_END]
    return [*run[: first + 1], _gap(run[first + 1 : last]), *run[last:]]


def _gap(hidden: list[Item]) -> Gap:
    """One gap for a stretch of items, which may contain gaps."""
    segments = length = lost = resent = 0
    for item in hidden:
        if isinstance(item, Arrow):
            segments += 1
            length += item.length
            lost += item.lost is not None
            resent += item.resent is not None
        elif isinstance(item, Gap):
            segments, length = segments + item.segments, length + item.length
            lost, resent = lost + item.lost, resent + item.resent
    return Gap(hidden[0].t_ns if hidden else 0, segments, length, lost, resent)
