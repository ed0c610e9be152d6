"""The full-screen stepper: panels around a debugger, keys, a command line, a palette.

Every key is a command of `netsim.step.commands`, the same as in plain mode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from netsim.base.errors import NetsimError
from netsim.report.cells import Line, line
from netsim.step import show
from netsim.step.command_list import COMMANDS, find
from netsim.step.commands import Console
from netsim.tui.dialogs import Menu, Reader, choices
from netsim.tui.panels import DiagramPanel, EndPanel, FlightPanel, LadderPanel, Panel, TimerPanel, WhyPanel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual import events
    from textual.app import ComposeResult
    from textual.screen import Screen
    from textual.timer import Timer

    from netsim.step.debugger import Debugger

KEYS = (
    ("n", "next"), ("p", "back"), ("s", "segment"), ("c", "state"), ("g", "goto"), ("b", "break"),
    ("f", "what if"), (":", "more"), ("?", "help"), ("q", "quit"),
)  # fmt: skip
DISPENSABLE = (":", "g", "b", "c", "s", "f", "p")
"""Keys that the last line does without where it is narrow, the first ones first; `?` shows them all."""
WIDE, TALL = 110, 34
"""From this size on there is room for the state diagram."""

KEY_HELP = (
    ("n  →  ↓", "one step forward"),
    ("p  ←  ↑", "one step back"),
    ("s  S", "next, last segment"),
    ("c  C", "next, last change of state"),
    ("t  T", "next, last timer"),
    ("]  [", "on to the next, back to the last breakpoint"),
    ("g", "go to a step, a time, a segment"),
    ("home  end", "to the start, to the end"),
    ("space  +  -", "run or pause; faster, slower"),
    ("/", "search"),
    ("b", "a breakpoint"),
    ("f", "what if …? forks here"),
    ("v", "branches: switch"),
    ("x", "compare this branch with another"),
    ("m", "predict mode on or off; enter answers"),
    ("w", "every reason of this step"),
    ("d", "state diagram"),
    ("k", "both control blocks in full"),
    (":", "a command line; the commands are below"),
    ("ctrl+p", "command palette (themes, too)"),
    ("q  ctrl+c", "leave"),
)


def keys_for(width: int) -> list[tuple[str, str]]:
    """The keys that have room in the last line, whole, in their order."""
    shown = list(KEYS)
    for key in DISPENSABLE:
        if sum(len(each) + len(words) + 2 for each, words in shown) - 1 <= width:
            break
        shown = [pair for pair in shown if pair[0] != key]
    return shown


class Stepper(App[int]):
    """The screen. `debugger` is what it shows; `stepping` carries out the commands."""

    CSS_PATH = "stepper.tcss"
    TITLE = "netsim step"
    ENABLE_COMMAND_PALETTE = True
    AUTO_FOCUS = None  # keys are commands; only an open command line takes text
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,right,down", "run_command('next')", "next"),
        Binding("p,left,up", "run_command('back')", "back"),
        Binding("s", "run_command('next segment')", "segment"),
        Binding("S", "run_command('back segment')", show=False),
        Binding("c", "run_command('next state')", "state"),
        Binding("C", "run_command('back state')", show=False),
        Binding("t", "run_command('next timer')", show=False),
        Binding("T", "run_command('back timer')", show=False),
        Binding("right_square_bracket", "run_command('continue')", show=False),
        Binding("left_square_bracket", "run_command('reverse')", show=False),
        Binding("home", "run_command('start')", show=False),
        Binding("end", "run_command('end')", show=False),
        Binding("g", "prompt('goto ')", "go to"),
        Binding("b", "prompt('break ')", "break"),
        Binding("slash", "prompt('search ')", "search"),
        Binding("colon", "prompt('')", "command"),
        Binding("f", "what_if", "what if"),
        Binding("v", "branches", show=False),
        Binding("x", "compare", show=False),
        Binding("m", "predict", show=False),
        Binding("enter", "answer", show=False),
        Binding("w", "run_command('why')", show=False),
        Binding("d", "run_command('states')", show=False),
        Binding("k", "run_command('tcb')", show=False),
        Binding("space", "play", show=False),
        Binding("plus,equals_sign", "speed(2.0)", show=False),
        Binding("minus", "speed(0.5)", show=False),
        Binding("question_mark", "help", "help"),
        Binding("q", "leave", "quit"),
        Binding("ctrl+c", "leave", show=False, priority=True),
        Binding("escape", "dismiss_prompt", show=False, priority=False),
    ]

    def __init__(self, debugger: Debugger, *, theme_name: str = "dark") -> None:
        super().__init__()
        self.debugger = debugger
        self.stepping = Console(debugger)
        self.playing: Timer | None = None
        self._theme_name = theme_name
        self._ready_to_draw = False

    # --- the parts --------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """The layout; sizes are in stepper.tcss."""
        yield Static("", id="title", markup=False)
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield LadderPanel("ladder", "ladder")
                with Horizontal(id="below"):
                    yield FlightPanel("flight", "in flight")
                    yield TimerPanel("timers", "timers")
            with Vertical(id="right"):
                yield EndPanel("end-0", 0)
                yield EndPanel("end-1", 1)
                yield DiagramPanel("diagram", "states")
        yield WhyPanel()
        yield Input(id="command", placeholder="a command; help lists them", compact=True)
        yield Static("", id="keys", markup=False)

    def on_mount(self) -> None:
        """Show the first step."""
        self.theme = "textual-light" if self._theme_name == "light" else "textual-dark"
        self.query_one("#command", Input).can_focus = False
        self._fit(self.size.width, self.size.height)
        self._ready_to_draw = True
        self.refresh_panels()

    def on_resize(self, event: events.Resize) -> None:
        """Choose the layout that fits."""
        self._fit(event.size.width, event.size.height)
        self.refresh_panels()

    def _fit(self, width: int, height: int) -> None:
        self.screen_stack[0].set_class(width >= WIDE and height >= TALL, "wide")
        self.screen_stack[0].set_class(height < 20, "short")
        self.screen_stack[0].set_class(width < 70, "narrow")

    def refresh_panels(self) -> None:
        """Draw everything anew."""
        if not self._ready_to_draw:
            return
        base = self.screen_stack[0]
        for panel in base.query(Panel):
            panel.show(self.debugger)
        base.query_one("#title", Static).update(self._title_line())
        base.query_one("#keys", Static).update(self._key_line())

    def _title_line(self) -> Text:
        debugger = self.debugger
        width = max(20, self.size.width - 2)
        total = "…" if debugger.total is None else str(debugger.total)
        unit = debugger.timeline.source.unit
        where = f"{unit} {debugger.cursor} of {total}   {debugger.view().clock()}   branch: {debugger.branch.name}"
        if self.playing is not None:
            where = f"▶ {where}"
        name = debugger.timeline.source.name
        room = width - len(where) - 2
        name = name if len(name) <= room else name[: max(0, room - 1)] + "…"
        return Text(name + " " * max(1, width - len(name) - len(where)) + where, no_wrap=True)

    def _key_line(self) -> Text:
        made = Text(no_wrap=True, overflow="crop")
        for key, words in keys_for(self.size.width - 2):
            made.append(key, "bold reverse")
            made.append(f" {words} ")
        return made

    # --- commands ---------------------------------------------------------------------------

    def execute(self, text: str) -> None:
        """Carry out one command, and show what came of it."""
        debugger = self.debugger
        why = self.screen_stack[0].query_one(WhyPanel)
        before = (debugger.branch, debugger.cursor)
        self.stepping.width = max(40, min(self.size.width - 6, 96))
        try:
            lines = self.stepping.execute(text)
        except NetsimError as error:
            why.say(show.wrapped(f"✗ {error}", why.content_size.width, ""), "that is wrong")
            return
        if self.stepping.done:
            self.exit(0)
            return
        moved = (debugger.branch, debugger.cursor) != before
        why.clear()
        self.refresh_panels()
        told = self.stepping.quiz is not None or not moved
        if lines and told:
            self.tell(text, lines if self.stepping.quiz is None or not moved else self._quiz_lines(lines))
        elif moved and lines and (debugger.branch is not before[0] or lines[0].text.startswith("●")):
            why.border_title = lines[0].text  # the branch, or the breakpoint that was hit

    def _quiz_lines(self, lines: list[Line]) -> list[Line]:
        """Of a question or a grade what the ladder does not show: marks, score, question."""
        marks = "  ".join(each.text for each in lines if each.text[:1] in "✓✗")
        rest = [each for each in lines if each.text.startswith(("?", "score", "no more"))]
        return [*show.wrapped(marks, self.stepping.width, ""), *rest] if marks else rest

    def tell(self, title: str, lines: list[Line]) -> None:
        """The answer to a command: in the panel below if it is short, else to read."""
        why = self.screen_stack[0].query_one(WhyPanel)
        if len(lines) <= max(1, why.content_size.height) and self.screen is self.screen_stack[0]:
            why.say(lines, title)
        else:
            self.push_screen(Reader(title, lines))

    def action_run_command(self, text: str) -> None:
        """A key that is a command."""
        self.execute(text)

    def action_prompt(self, text: str) -> None:
        """Open the command line with the beginning of a command in it."""
        box = self.query_one("#command", Input)
        box.add_class("open")
        box.can_focus = True
        box.value = text
        box.focus()
        box.cursor_position = len(text)
        self.query_one("#keys", Static).display = False  # the command line stands in its place: nothing moves
        self.call_after_refresh(box.action_end)

    def action_dismiss_prompt(self) -> None:
        """Close the command line; or leave the answer to a command."""
        self._close_prompt()
        self.screen_stack[0].query_one(WhyPanel).clear()
        self.refresh_panels()

    def _close_prompt(self) -> None:
        box = self.query_one("#command", Input)
        box.remove_class("open")
        box.value = ""
        box.can_focus = False
        self.query_one("#keys", Static).display = True
        self.set_focus(None)

    @on(Input.Submitted, "#command")
    def _submitted(self, event: Input.Submitted) -> None:
        text = event.value
        self._close_prompt()
        if text.strip() == "help":
            self.action_help()
        else:
            self.execute(text)

    def on_ladder_panel_chosen(self, message: LadderPanel.Chosen) -> None:
        """A click on the ladder."""
        self.execute(f"goto {message.index}")

    def on_ladder_panel_turned(self, message: LadderPanel.Turned) -> None:
        """The wheel over the ladder."""
        self.execute("next" if message.forward else "back")

    def action_what_if(self) -> None:
        """The what-if menu."""
        if self.debugger.origin is None:
            self.execute("fork")  # tells why it is not possible
            return
        self.push_screen(Menu("what if …", choices(self.debugger)), self._chosen)

    def _chosen(self, command: str | None) -> None:
        if command is None:
            return
        if command.endswith("…"):
            self.action_prompt(command.removesuffix("…"))
        else:
            self.execute(command)

    def action_branches(self) -> None:
        """The branches, to switch to."""
        branches = self.debugger.branches.items()
        self.push_screen(
            Menu("branches", [(f"{name}: {each.describe()}", f"switch {name}") for name, each in branches]),
            self._chosen,
        )

    def action_compare(self) -> None:
        """Compare this branch with another."""
        here = self.debugger.branch.name
        others = [name for name in self.debugger.branches if name != here]
        if len(others) == 1:
            self.execute(f"diff {others[0]} {here}")
        else:
            self.push_screen(Menu(f"compare {here} with …", [(name, f"diff {name}") for name in others]), self._chosen)

    def action_predict(self) -> None:
        """Predict mode on or off."""
        self.execute("predict off" if self.stepping.quiz is not None else "predict on")

    def action_answer(self) -> None:
        """Open the command line for an answer."""
        if self.stepping.quiz is not None:
            self.action_prompt("answer from=")

    def action_help(self) -> None:
        """Keys, then commands."""
        lines = [line(("Keys", "title"))]
        for keys, words in KEY_HELP:
            row = line((f"  {keys}", "flags"))
            row.put(16, words)
            lines.append(row)
        lines += [Line(), line(("Commands (after :)", "title")), *self.stepping.execute("help")]
        self.push_screen(Reader("help", lines))

    def action_leave(self) -> None:
        """Quit."""
        self.exit(0)

    # --- playing ----------------------------------------------------------------------------

    def action_play(self) -> None:
        """Run or pause."""
        if self.playing is None:
            self.playing = self.set_interval(1 / self.stepping.speed, self._tick)
        else:
            self._pause()
        self.refresh_panels()

    def _pause(self) -> None:
        if self.playing is not None:
            self.playing.stop()
            self.playing = None

    def _tick(self) -> None:
        debugger = self.debugger
        if not debugger.forward():
            self._pause()
        elif debugger.hit(debugger.cursor) is not None:
            self._pause()
        self.screen_stack[0].query_one(WhyPanel).clear()
        self.refresh_panels()

    def action_speed(self, factor: float) -> None:
        """Faster or slower."""
        self.stepping.speed = max(0.25, min(64.0, self.stepping.speed * factor))
        if self.playing is not None:
            self._pause()
            self.action_play()
        self.notify(f"{self.stepping.speed:g} steps a second", timeout=2)

    # --- the palette ------------------------------------------------------------------------

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every command of the stepper, besides textual's own."""
        yield from super().get_system_commands(screen)
        for command in COMMANDS:
            name = f"{command.name} {command.usage}".rstrip()
            yield SystemCommand(name, command.help_text, lambda word=command.name: self._from_palette(word))

    def _from_palette(self, word: str) -> None:
        if word == "help":
            self.action_help()
        elif find(word).usage and not find(word).usage.startswith("["):
            self.action_prompt(f"{word} ")
        elif word == "run":
            self.action_play()
        else:
            self.execute(word)
