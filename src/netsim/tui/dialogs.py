"""What opens over the screen: texts to read, and the what-if menu."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Label, OptionList, Static
from textual.widgets.option_list import Option

from netsim.tui.panels import text_of

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from netsim.report.cells import Line
    from netsim.step.debugger import Debugger

CLOSE = [Binding(key, "dismiss", "close", show=False) for key in ("escape", "q", "enter", "question_mark", "space")]


class Reader(ModalScreen[None]):
    """A text to read; escape, enter or q closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [*CLOSE]

    def __init__(self, title: str, lines: list[Line]) -> None:
        super().__init__()
        self._title = title
        self._lines = lines

    def compose(self) -> ComposeResult:
        """The text in a frame."""
        with VerticalScroll(id="dialog") as box:
            box.border_title = self._title
            box.border_subtitle = "esc closes"
            yield Static(text_of(self._lines), id="text", markup=False)

    def on_mount(self) -> None:
        """Arrow keys scroll."""
        self.query_one("#dialog").focus()


def choices(debugger: Debugger) -> list[tuple[str, str]]:
    """What can be asked here, as (words, command)."""
    view = debugger.view()
    found: list[tuple[str, str]] = []
    for packet in view.flights():
        for words, command in (("were lost", "drop"), ("came twice", "dup")):
            found.append((f"{packet.uid} {packet.text} {words}", f"{command} {packet.uid}"))
        found.append((f"{packet.uid} {packet.text} came later …", f"delay {packet.uid} 200ms…"))
        found.append((f"{packet.uid} {packet.text} were different …", f"edit {packet.uid} …"))
    for _, host, timer in view.timers():
        found.append((f"the {timer} timer of {host} expired now", f"expire {timer} {host}"))
    for end in view.ends():
        if end.state not in ("CLOSED", "LISTEN", "?"):
            found.append((f"{end.host} closed now", f"close {end.host}"))
            found.append((f"{end.host} aborted now", f"abort {end.host}"))
    if debugger.origin is not None:
        for link in debugger.origin.scenario.links:
            found.append((f"link {link.name} went down", f"link {link.name} up=no"))
            found.append((f"link {link.name} changed …", f"link {link.name} delay=200ms…"))
        found.append(("nothing changed (a branch like this one)", "fork"))
    return found


class Menu(ModalScreen[str | None]):
    """Choose one of several; the result is its command, None for none."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "close", show=False)]

    def __init__(self, title: str, options: list[tuple[str, str]]) -> None:
        super().__init__()
        self._title = title
        self._options = options

    def compose(self) -> ComposeResult:
        """The list."""
        with Vertical(id="dialog") as box:
            box.border_title = self._title
            box.border_subtitle = "enter chooses · esc closes"
            if not self._options:
                yield Label("nothing can be changed here")
            yield OptionList(*[Option(words, id=None) for words, _ in self._options], markup=False)

    def on_mount(self) -> None:
        """Arrow keys choose."""
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Return the command."""
        self.dismiss(self._options[event.option_index][1])
