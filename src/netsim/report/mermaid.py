"""A ladder as a mermaid sequence diagram, for Markdown pages that render mermaid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.units import format_seconds
from netsim.report.items import LEFT, Arrow, Gap, Item, Ladder, NoteMark, StateMark, TimerMark, fold
from netsim.report.options import short_options

if TYPE_CHECKING:
    from netsim.base.reasons import Reason

# `;` ends a statement, `#` begins an entity, `<` begins a tag; "end" as a word closes a block.
_ESCAPES: Final = str.maketrans(
    {"#": "#35;", ";": "#59;", "<": "#lt;", ">": "#gt;", "&": "#amp;", '"': "#quot;", "\n": " ", "\r": " "}
)
_IDS: Final = ("L", "R")


def escape(text: str) -> str:
    """Text that mermaid shows as it is."""
    return " ".join("#101;nd" if word == "end" else word for word in text.translate(_ESCAPES).split(" "))


def arrow_words(arrow: Arrow) -> str:
    """The words on an arrow: flags, numbers, length, options, what is special about it."""
    words = arrow.names
    if arrow.seq is not None:
        words += f" seq {arrow.seq}"
    if arrow.ack is not None:
        words += f" ack {arrow.ack}"
    if arrow.length:
        words += f" len {arrow.length}"
    if arrow.win == 0:
        words += " win 0"
    options = short_options(arrow.words, 1 if "SYN" in arrow.names else 2)
    if options:
        words += f" <{options}>"
    if arrow.resent is not None:
        words += f" ↻ {arrow.resent}".rstrip()
    if arrow.copy:
        words += " (duplicate)"
    for change in arrow.changes:
        words += f" ({change})"
    return f"{words} {arrow.note}".rstrip()


def _note(side: int, text: str) -> str:
    place = "left of" if side == LEFT else "right of"
    return f"    Note {place} {_IDS[side]}: {escape(text)}"


def _because(reason: Reason | None) -> str:
    return "" if reason is None else f" — {reason.text} {reason.cite}".rstrip()


def _lines(item: Item, explain: bool) -> list[str]:
    time = f"{format_seconds(item.t_ns)} "
    label = " ".join(part for part in (item.who, item.tag) if part)
    label = f"{label} " if label else ""
    because = _because(item.reason) if explain else ""
    if isinstance(item, Arrow):
        here, there = _IDS[item.side], _IDS[1 - item.side]
        head = "-x" if item.lost is not None else "->>"
        words = f"{time}{label}{arrow_words(item)}"
        if item.lost is not None:
            words += f" ✗ {item.lost}"
        lines = [f"    {here}{head}{there}: {escape(words)}"]
        if because:
            lines.append(_note(item.side, because.removeprefix(" — ")))
        return lines
    if isinstance(item, StateMark):
        return [_note(item.side, f"{time}{label}{item.state}{because}")]
    if isinstance(item, TimerMark):
        return [_note(item.side, f"{time}{label}⏲ {item.text}{because}")]
    if isinstance(item, NoteMark):
        return [_note(item.side, f"{time}{label}{item.text}{because}")]
    return []


def mermaid(ladder: Ladder, *, explain: bool = False, show_all: bool = False) -> str:
    """The whole diagram. `explain` adds the reasons as notes, `show_all` folds nothing."""
    lines = ["sequenceDiagram"]
    if ladder.title:
        lines.append(f"    title {escape(ladder.title)}")
    lines.append(f"    participant L as {escape(ladder.left or 'left')}")
    lines.append(f"    participant R as {escape(ladder.right or 'right')}")
    for side, state in enumerate((ladder.left_state, ladder.right_state)):
        if state:
            lines.append(_note(side, state))
    items = ladder.items if show_all else fold(_shown(ladder.items, explain))
    for item in items:
        if isinstance(item, Gap):
            lines.append(f"    Note over L,R: ⋮ {item.segments:,} segments, {item.length:,} bytes")
        else:
            lines += _lines(item, explain)
    return "\n".join(lines) + "\n"


def _shown(items: list[Item], explain: bool) -> list[Item]:
    kept = []
    for item in items:
        is_detail = isinstance(item, TimerMark | NoteMark) and item.detail
        if not is_detail or (explain and isinstance(item, NoteMark)):
            kept.append(item)
    return kept
