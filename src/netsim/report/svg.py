"""A ladder as a picture: SVG of our own, no dependency.

Time runs downwards in order, not to scale: every instant at which something happens has its
place, so that arrows slant, crossing segments cross, and a 2MSL wait takes no more room than
a round trip. Colours follow the reader's light or dark theme where the viewer supports it;
nothing is told by colour alone. Reasons appear as tooltips.
"""

from __future__ import annotations

import math
from html import escape
from textwrap import wrap
from typing import Final

from netsim.base.units import format_seconds
from netsim.report.items import LEFT, RIGHT, Arrow, Gap, Item, Ladder, NoteMark, StateMark, TimerMark, fold
from netsim.report.mermaid import arrow_words

WIDTH: Final = 1000
LANES: Final = (316, 736)
STEP: Final = 34
SIDE_CHARACTERS: Final = (28, 30)
"""What fits beside the left lane, where the times stand, and beside the right one."""
TITLE_CHARACTERS: Final = 92
"""What fits into a line of the title; a longer one goes on below."""
SUBTITLE_CHARACTERS: Final = 104
TOP: Final = 92
"""Where the lanes begin, below a title and a subtitle of one line each."""

STYLE: Final = """
:root{--bg:#ffffff;--ink:#1f2328;--soft:#6e7781;--line:#8c959f;--state:#116329;--syn:#0969da;--fin:#8250df;
--bad:#cf222e;--again:#9a6700;--wait:#d4a72c}
@media (prefers-color-scheme:dark){:root{--bg:#0d1117;--ink:#e6edf3;--soft:#9198a1;--line:#656c76;--state:#56d364;
--syn:#58a6ff;--fin:#bc8cff;--bad:#ff7b72;--again:#e3b341;--wait:#9e6a03}}
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:var(--ink)}
.bg{fill:var(--bg)}.title{font-weight:bold;font-size:16px}.soft{fill:var(--soft)}.lane{stroke:var(--line);stroke-width:1.5}
.wait{stroke:var(--wait);stroke-width:7;stroke-linecap:round}.state{font-weight:bold;fill:var(--state)}
.a{stroke:var(--ink);stroke-width:1.5;fill:none}.h{fill:var(--ink)}.timer{fill:var(--again)}
.syn .a{stroke:var(--syn)}.syn text,.syn .h{fill:var(--syn)}.fin .a{stroke:var(--fin)}.fin text,.fin .h{fill:var(--fin)}
.rst .a{stroke:var(--bad)}.rst text,.rst .h{fill:var(--bad)}
.lost .a{stroke:var(--bad);stroke-dasharray:5 3}.lost text,.bad{fill:var(--bad)}
.resent .a{stroke:var(--again);stroke-width:2.5}.resent text,.resent .h{fill:var(--again)}
""".strip().replace("\n", "")

# For viewers that know neither custom properties nor media queries: the light colours, written out.
LIGHT: Final = {
    "--bg": "#ffffff", "--ink": "#1f2328", "--soft": "#6e7781", "--line": "#8c959f", "--state": "#116329",
    "--syn": "#0969da", "--fin": "#8250df", "--bad": "#cf222e", "--again": "#9a6700", "--wait": "#d4a72c",
}  # fmt: skip


def _plain_style() -> str:
    """The rules with the light colours in place of the variables."""
    rules = STYLE[STYLE.index("text{") :]
    for name, color in LIGHT.items():
        rules = rules.replace(f"var({name})", color)
    return rules


class _Tick:
    """One place in time: what happens there, and its height on the picture."""

    __slots__ = ("arrivals", "arrow", "gap", "t_ns", "texts", "y")

    def __init__(self, t_ns: int) -> None:
        self.t_ns = t_ns
        self.y = 0.0
        self.arrow: Arrow | None = None
        self.arrivals: set[int] = set()
        """The sides from which something arrives here."""
        self.texts: dict[int, list[tuple[str, str, Item]]] = {LEFT: [], RIGHT: []}
        self.gap: Gap | None = None


class _Picture:
    """Lays ticks out and writes the elements."""

    def __init__(self, ladder: Ladder, *, explain: bool, show_all: bool) -> None:
        self.ladder = ladder
        kept = [
            item for item in ladder.items
            if show_all or explain or not (isinstance(item, TimerMark | NoteMark) and item.detail)
        ]  # fmt: skip
        self.items = kept if show_all else fold(kept)
        self.out: list[str] = []
        self.ticks: list[_Tick] = []
        self.sent: dict[int, _Tick] = {}
        self.arrived: dict[int, _Tick] = {}
        self.title = wrap(ladder.title, TITLE_CHARACTERS)
        self.subtitle = wrap(ladder.subtitle, SUBTITLE_CHARACTERS)
        self.top = TOP + 22 * (max(len(self.title), 1) - 1) + 18 * (max(len(self.subtitle), 1) - 1)
        self._place()

    def _place(self) -> None:
        """Sort sendings, arrivals and marks into ticks."""
        moments: list[tuple[int, int, int, Item | None, Arrow | None]] = []
        for number, each in enumerate(self.items):
            moments.append((each.t_ns, 1, number, each, None))
            if isinstance(each, Arrow) and each.arrival_ns is not None and each.arrival_ns > each.t_ns:
                moments.append((each.arrival_ns, 0, number, None, each))
        # Gaps keep their place among the items; an arrival comes before what it causes.
        moments.sort(key=lambda moment: moment[:3])
        for t_ns, _, _, item, arrived in moments:
            tick: _Tick | None = self.ticks[-1] if self.ticks else None
            if arrived is not None:
                # Two that arrive on one side at one instant stand below each other: their words would overlap.
                if tick is None or tick.t_ns != t_ns or tick.arrow or arrived.side in tick.arrivals:
                    tick = self._fresh(t_ns)
                tick.arrivals.add(arrived.side)
                self.arrived[id(arrived)] = tick
            elif isinstance(item, Gap):
                self._fresh(t_ns).gap = item
            elif isinstance(item, Arrow):
                if tick is None or tick.t_ns != t_ns or tick.arrow or tick.gap or tick.texts[1 - item.side]:
                    tick = self._fresh(t_ns)
                tick.arrow = item
                self.sent[id(item)] = tick
                if item.arrival_ns is not None and item.arrival_ns <= t_ns:
                    self.arrived[id(item)] = tick
            elif item is not None:
                if tick is None or tick.t_ns != t_ns or tick.gap:
                    tick = self._fresh(t_ns)
                tick.texts[item.side].append((*_words(item), item))
        y = float(self.top + STEP)
        for tick in self.ticks:
            tick.y = y
            y += STEP + 16 * (max(len(tick.texts[LEFT]), len(tick.texts[RIGHT]), 1) - 1)
            if tick.arrow is not None and tick.arrow.lost is not None:
                y += 18  # what became of it stands below
        self.height = int(y + 40)

    def _fresh(self, t_ns: int) -> _Tick:
        self.ticks.append(_Tick(t_ns))
        return self.ticks[-1]

    # --- writing ------------------------------------------------------------------------

    def _text(self, x: float, y: float, text: str, css: str = "", anchor: str = "start", more: str = "") -> None:
        css = f' class="{css}"' if css else ""
        anchor = f' text-anchor="{anchor}"' if anchor != "start" else ""
        self.out.append(f'<text x="{x:g}" y="{y:g}"{css}{anchor}{more}>{escape(text)}</text>')

    def draw(self) -> str:
        """The whole document."""
        title = escape(self.ladder.title or f"{self.ladder.left} and {self.ladder.right}")
        self.out += [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" '
            f'width="{WIDTH}" height="{self.height}" role="img">',
            f"<title>{title}</title>",
            f"<style>{_plain_style()}</style>",
            f"<style>{STYLE}</style>",
            f'<rect class="bg" width="{WIDTH}" height="{self.height}" fill="#fff"/>',
        ]
        y = 28
        for line in self.title:
            self._text(20, y, line, "title")
            y += 22
        y = max(y, 50) - 2
        for number, line in enumerate(self.subtitle):
            self._text(20, y + 18 * number, line, "soft")
        self._text(WIDTH - 20, y, self.ladder.corner, "soft", "end")
        self._lanes()
        last = ""
        for tick in self.ticks:
            time = format_seconds(tick.t_ns)
            if time != last and tick.gap is None:
                self._text(72, tick.y + 4, time, "soft", "end")
                last = time
            self._tick(tick)
        for note in self.ladder.notes:
            self._text(20, self.height - 14, note, "soft")
        self.out.append("</svg>")
        return "\n".join(self.out) + "\n"

    def _lanes(self) -> None:
        states = (self.ladder.left_state, self.ladder.right_state)
        for side, name in enumerate((self.ladder.left, self.ladder.right)):
            x = LANES[side]
            self._text(x, self.top - 16, name, "title", "middle")
            self.out.append(f'<line class="lane" x1="{x}" y1="{self.top - 6}" x2="{x}" y2="{self.height - 30}"/>')
            if states[side]:
                self._side_text(side, self.top + 8, states[side], "state")
            self._waits(side)

    def _waits(self, side: int) -> None:
        """The lane is thick where its end waits in TIME-WAIT."""
        start: float | None = None
        for tick in self.ticks:
            for _, _, item in tick.texts[side]:
                if isinstance(item, StateMark):
                    if item.state == "TIME-WAIT":
                        start = tick.y
                    elif start is not None:
                        self._wait(side, start, tick.y)
                        start = None
        if start is not None:
            self._wait(side, start, self.height - 30)

    def _wait(self, side: int, start: float, end: float) -> None:
        x = LANES[side]
        self.out.append(f'<line class="wait" x1="{x}" y1="{start:g}" x2="{x}" y2="{end:g}"><title>2MSL</title></line>')

    def _side_text(self, side: int, y: float, text: str, css: str, item: Item | None = None) -> None:
        x = LANES[side] + (-14 if side == LEFT else 14)
        text = text if len(text) <= SIDE_CHARACTERS[side] else text[: SIDE_CHARACTERS[side] - 1] + "…"
        if item is not None and item.reason is not None:
            self.out.append("<g>")
            self._tooltip(item)
        self._text(x, y, text, css, "end" if side == LEFT else "start")
        if item is not None and item.reason is not None:
            self.out.append("</g>")

    def _tooltip(self, item: Item) -> None:
        if item.reason is not None:
            self.out.append(f"<title>{escape(f'{item.reason.text} {item.reason.cite}'.strip())}</title>")

    def _tick(self, tick: _Tick) -> None:
        if tick.gap is not None:
            text = f"⋮ {tick.gap.segments:,} segments, {tick.gap.length:,} bytes"
            self._text(sum(LANES) / 2, tick.y + 4, text, "soft", "middle")
        for side in (LEFT, RIGHT):
            for number, (text, css, item) in enumerate(tick.texts[side]):
                self._side_text(side, tick.y + 4 + 16 * number, text, css, item)
        if tick.arrow is not None:
            self._arrow(tick.arrow, tick)

    def _arrow(self, arrow: Arrow, tick: _Tick) -> None:
        start, full = LANES[arrow.side], LANES[1 - arrow.side]
        arrival = self.arrived.get(id(arrow))
        end_y = arrival.y if arrival is not None else tick.y + STEP * 0.7
        end: float = full
        if arrow.lost is not None and not arrow.lost_at_end:
            end, end_y = start + (full - start) * 0.72, tick.y + (end_y - tick.y) * 0.72
        css = "lost" if arrow.lost is not None else "resent" if arrow.resent is not None else _kind(arrow)
        self.out.append(f'<g class="{css}">')
        self._tooltip(arrow)
        self.out.append(f'<line class="a" x1="{start}" y1="{tick.y:g}" x2="{end:g}" y2="{end_y:g}"/>')
        angle = math.atan2(end_y - tick.y, end - start)
        if arrow.lost is None:
            tips = [(end - 9 * math.cos(angle + turn), end_y - 9 * math.sin(angle + turn)) for turn in (0.4, -0.4)]
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in ((end, end_y), *tips))
            self.out.append(f'<polygon class="h" points="{points}"/>')
        else:
            self._text(end, end_y + 5, "✗", "", "middle")
            if arrow.lost_at_end:
                self._text(start + (full - start) / 2, end_y + 16, arrow.lost, "", "middle")
            elif arrow.side == LEFT:
                self._text(end + 8, end_y + 20, arrow.lost, "", "end")
            else:
                self._text(end - 8, end_y + 20, arrow.lost)
        # The words stand above the line and turn with it: in its middle, or nearer to the
        # sender where another arrow crosses it there.
        degrees = math.degrees(angle) if arrow.side == LEFT else math.degrees(angle) - 180
        share = 0.5 if not self._is_crossed(arrow, tick.y, end_y) else 0.3
        x = start + (full - start) * share * (0.8 if end != full else 1)
        y = tick.y + math.tan(angle) * (x - start) - 5
        words = " ".join(part for part in (arrow.who, arrow.tag, arrow_words(arrow)) if part)
        room = abs(full - start) * min(1.0, 2 * share) - 30
        wide = len(words) * 7.9
        more = f' transform="rotate({degrees % 360:.2f} {x:g} {y:.1f})"'
        if wide > room:
            more += f' style="font-size:{max(8.0, 13 * room / wide):.1f}px"'
        self._text(x, round(y, 1), words, "", "middle", more)
        self.out.append("</g>")

    def _is_crossed(self, arrow: Arrow, start_y: float, end_y: float) -> bool:
        """Whether a segment of the other side is under way at the same time."""
        for other in self.items:
            if isinstance(other, Arrow) and other.side != arrow.side and id(other) in self.arrived:
                sent, arrived = self.sent[id(other)].y, self.arrived[id(other)].y
                if sent < end_y and arrived > start_y:
                    return True
        return False


def _kind(arrow: Arrow) -> str:
    if "RST" in arrow.names:
        return "rst"
    return "syn" if "SYN" in arrow.names else "fin" if "FIN" in arrow.names else "data"


def _words(item: Item) -> tuple[str, str]:
    """Text and class of what stands beside a lane."""
    label = " ".join(part for part in (item.who, item.tag) if part)
    label = f"{label} " if label else ""
    if isinstance(item, StateMark):
        return label + item.state, "state"
    if isinstance(item, TimerMark):
        return f"{label}◔ {item.text}", "timer"
    assert isinstance(item, NoteMark)
    return label + item.text, "bad" if item.kind == "rejected" else "soft"


def svg(ladder: Ladder, *, explain: bool = False, show_all: bool = False) -> str:
    """The ladder as an SVG document. `explain` adds calls and notes, `show_all` folds nothing."""
    return _Picture(ladder, explain=explain, show_all=show_all).draw()
