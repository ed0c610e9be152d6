"""A line of text made of styled cells, and its way to the terminal.

Renderers put text at columns and name a style; `plain` and `paint` turn lines into text
without and with colour. The text is the same either way: colour carries nothing alone.
"""

from __future__ import annotations

from typing import Final

STYLES: Final[dict[str, str]] = {
    "": "",
    "title": "bold",
    "dim": "dim",
    "time": "cyan",
    "state": "bold green",
    "arrow": "",
    "flags": "bold",
    "syn": "bold blue",
    "fin": "bold magenta",
    "rst": "bold red",
    "lost": "bold red",
    "resent": "bold yellow",
    "timer": "yellow",
    "note": "italic",
    "explain": "",
    "cite": "dim cyan",
    "pass": "bold green",
    "fail": "bold red",
}
"""Style names and what they look like, in rich's notation; all from the terminal's own 16 colours."""


class Line:
    """One line: cells of (character, style)."""

    __slots__ = ("_styles", "_text")

    def __init__(self) -> None:
        self._text: list[str] = []
        self._styles: list[str] = []

    def put(self, column: int, text: str, style: str = "") -> int:
        """Write text at a column (over whatever is there); returns the column after it."""
        end = column + len(text)
        while len(self._text) < end:
            self._text.append(" ")
            self._styles.append("")
        for offset, character in enumerate(text):
            self._text[column + offset] = character
            self._styles[column + offset] = style
        return end

    def add(self, text: str, style: str = "") -> int:
        """Write text at the end."""
        return self.put(len(self._text), text, style)

    def free_from(self, column: int) -> bool:
        """Whether there is only space from a column on."""
        return not "".join(self._text[column:]).strip()

    @property
    def text(self) -> str:
        """The line without styles, without trailing space."""
        return "".join(self._text).rstrip()

    def spans(self) -> list[tuple[str, str]]:
        """The line as runs of (text, style), without trailing space."""
        length = len(self.text)
        runs: list[tuple[str, str]] = []
        for character, style in zip(self._text[:length], self._styles[:length], strict=True):
            if runs and runs[-1][1] == style:
                runs[-1] = (runs[-1][0] + character, style)
            else:
                runs.append((character, style))
        return runs


def line(*parts: tuple[str, str]) -> Line:
    """A line of (text, style) parts, one after the other."""
    made = Line()
    for text, style in parts:
        made.add(text, style)
    return made


ASCII: Final = str.maketrans({
    "─": "-", "▶": ">", "◀": "<", "═": "=", "·": "-", "…": "~", "↳": ">", "→": ">", "←": "<",
    "§": "s", "µ": "u", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "⋮": ":",
    "✗": "X", "✓": "+", "↻": "*", "⏲": "@", "│": "|", "×": "x",
})  # fmt: skip
"""One character for one, so that columns keep their place."""


def to_ascii(text: str) -> str:
    """The text in plain ASCII; what has no equivalent becomes `?`."""
    return text.translate(ASCII).encode("ascii", "replace").decode("ascii")


def plain(lines: list[Line], *, ascii_only: bool = False) -> str:
    """The lines as text, each ended by a newline."""
    text = "".join(f"{each.text}\n" for each in lines)
    return to_ascii(text) if ascii_only else text


def paint(lines: list[Line], *, color: bool, ascii_only: bool = False) -> str:
    """The lines as text, with ANSI colours if `color`. rich is imported only then."""
    if not color:
        return plain(lines, ascii_only=ascii_only)
    from rich.style import Style

    styles = {name: Style.parse(look) if look else None for name, look in STYLES.items()}
    out: list[str] = []
    for each in lines:
        for text, style in each.spans():
            text = to_ascii(text) if ascii_only else text
            look = styles.get(style)
            out.append(look.render(text) if look is not None and text.strip() else text)
        out.append("\n")
    return "".join(out)
