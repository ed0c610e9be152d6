"""From a file's text to text that the grammar reads: comments out, `#ifdef` parts chosen, symbols replaced.

Every step keeps lines and columns where they were, except that a replaced `-D` symbol
moves the rest of its own line.
"""

from __future__ import annotations

import re
from typing import Final

from netsim.base.errors import ScriptSyntaxError

MAX_SCRIPT_BYTES: Final = 4_000_000
"""Larger scripts are refused: the largest one known has 40 kB."""

_QUOTED: Final = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<quoted>"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|%\{.*?\}%)
      | (?P<bad>/\*|"|`|%\{)""",
    re.DOTALL | re.VERBOSE,
)
_DIRECTIVE: Final = re.compile(r"^[ \t]*#[ \t]*([A-Za-z]*)[ \t]*([^\n]*)$", re.MULTILINE)
_WORD: Final = re.compile(r"(?<![A-Za-z0-9_])[A-Za-z_][A-Za-z0-9_]*")
_NOT_NEWLINE: Final = re.compile(r"[^\n]")
_STARTS_ITEM: Final = re.compile(r"^[ \t]*(?:[+*`]|\.?[0-9])", re.MULTILINE)
_UNTERMINATED: Final = {
    "/*": ("a comment that is never closed", "close it with */"),
    '"': ("a string that is never closed", 'close it with " on the same line'),
    "`": ("a command that is never closed", "close it with `"),
    "%{": ("a code block that is never closed", "close it with }%"),
}


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of the character at `offset`."""
    line = text.count("\n", 0, offset) + 1
    return line, offset - (text.rfind("\n", 0, offset) + 1) + 1


def source_line(text: str, line: int) -> str:
    """Line number `line` (from 1) of `text`."""
    lines = text.split("\n")
    return lines[line - 1] if 0 < line <= len(lines) else ""


def fail(text: str, path: str, offset: int, message: str, hint: str | None = None, width: int = 1) -> ScriptSyntaxError:
    """The error at `offset` of `text`, with line, column and the source line."""
    line, column = place(text, offset)
    return ScriptSyntaxError(
        message,
        file=path,
        line=line,
        column=column,
        source_line=source_line(text, line),
        width=width,
        hint=hint,
    )


class Prepared:
    """A script ready for the grammar.

    text:  comments and excluded parts replaced by blanks, symbols replaced
    masked: the same, with the insides of strings, commands and code blanked as well
    """

    __slots__ = ("masked", "original", "text")

    def __init__(self, original: str, text: str, masked: str) -> None:
        self.original = original
        self.text = text
        self.masked = masked

    def chunks(self) -> list[tuple[int, str]]:
        """The text cut before each line that looks like the start of an event: (lines before it, piece).

        Only a guess that makes equal lines of many scripts equal pieces: a continuation line may look
        like a start as well. The caller parses the whole text when a piece does not parse.
        """
        cuts = [match.start() for match in _STARTS_ITEM.finditer(self.masked)]
        pieces: list[tuple[int, str]] = []
        start = 0
        line = 0
        for cut in [*cuts, len(self.text)]:
            piece = self.text[start:cut]
            if piece and not piece.isspace():
                stripped = piece.lstrip("\n")
                pieces.append((line + len(piece) - len(stripped), stripped.rstrip()))
            line += piece.count("\n")
            start = cut
        return pieces


def prepare(original: str, path: str, defines: dict[str, str]) -> Prepared:
    """Take out comments, choose `#ifdef` parts, replace the symbols of `defines`.

    Raises ScriptSyntaxError for what is never closed, for unbalanced or unknown directives,
    and for files that cannot be a script.
    """
    if len(original) > MAX_SCRIPT_BYTES:
        raise ScriptSyntaxError(
            f"the script has {len(original)} characters; at most {MAX_SCRIPT_BYTES} are read", file=path
        )
    original = original.replace("\r\n", "\n")
    nul = original.find("\0")
    if nul >= 0:
        raise fail(original, path, nul, "this is not text: a NUL character", "is this really a packetdrill script?")
    text, masked = _blank(original, path)
    if "#" in masked:
        text, masked = _choose(original, text, masked, path, defines)
    if defines:
        text, masked = _substitute(text, masked, defines)
    return Prepared(original, text, masked)


def _blank(original: str, path: str) -> tuple[str, str]:
    """`original` without comments, and the same without the insides of quotes."""
    text: list[str] = []
    masked: list[str] = []
    last = 0
    for match in _QUOTED.finditer(original):
        between = original[last : match.start()]
        found = match.group()
        blank = _NOT_NEWLINE.sub(" ", found)
        text.append(between)
        masked.append(between)
        if match.lastgroup == "bad":
            what, hint = _UNTERMINATED[found]
            raise fail(original, path, match.start(), what, hint, len(found))
        if match.lastgroup == "comment":
            text.append(blank)
            masked.append(blank)
        else:
            text.append(found)
            masked.append(found[0] + _NOT_NEWLINE.sub(" ", found[1:-1]) + found[-1])
        last = match.end()
    text.append(original[last:])
    masked.append(original[last:])
    return "".join(text), "".join(masked)


def _choose(original: str, text: str, masked: str, path: str, defines: dict[str, str]) -> tuple[str, str]:
    """Blank the directives and the parts that they exclude."""
    stack: list[tuple[bool, bool, int]] = []  # (this branch is on, an #else was seen, offset of the #ifdef)
    keep: list[tuple[int, int]] = []
    last = 0
    for match in _DIRECTIVE.finditer(masked):
        active = all(on for on, _, _ in stack)
        if active:
            keep.append((last, match.start()))
        last = match.end()
        hash_at = masked.index("#", match.start())
        name, rest = match.group(1), match.group(2).strip()
        if name in {"ifdef", "ifndef"}:
            if not _WORD.fullmatch(rest):
                raise fail(original, path, hash_at, f"#{name} needs one symbol", f"for example #{name} FreeBSD")
            stack.append(((rest in defines) == (name == "ifdef"), False, hash_at))
        elif name == "else":
            if not stack:
                raise fail(original, path, hash_at, "#else without an #ifdef before it")
            on, seen, where = stack.pop()
            if seen:
                raise fail(original, path, hash_at, "a second #else for the same #ifdef")
            stack.append((not on, True, where))
        elif name == "endif":
            if not stack:
                raise fail(original, path, hash_at, "#endif without an #ifdef before it")
            stack.pop()
        else:
            raise fail(
                original,
                path,
                hash_at,
                f"'#{name}' is not a directive",
                "directives are #ifdef, #ifndef, #else and #endif; comments start with //",
            )
    if stack:
        raise fail(original, path, stack[-1][2], "this condition is never closed", "close it with #endif")
    keep.append((last, len(masked)))
    return _keep_only(text, keep), _keep_only(masked, keep)


def _keep_only(text: str, keep: list[tuple[int, int]]) -> str:
    """`text` with everything outside the ranges blanked."""
    parts: list[str] = []
    last = 0
    for start, end in keep:
        parts.append(_NOT_NEWLINE.sub(" ", text[last:start]))
        parts.append(text[start:end])
        last = end
    parts.append(_NOT_NEWLINE.sub(" ", text[last:]))
    return "".join(parts)


def _substitute(text: str, masked: str, defines: dict[str, str]) -> tuple[str, str]:
    """Replace every whole word that is a symbol with a value, outside quotes."""
    new_text: list[str] = []
    new_masked: list[str] = []
    last = 0
    for match in _WORD.finditer(masked):
        value = defines.get(match.group())
        if not value:
            continue
        new_text += [text[last : match.start()], value]
        new_masked += [masked[last : match.start()], value]
        last = match.end()
    if not new_text:
        return text, masked
    new_text.append(text[last:])
    new_masked.append(masked[last:])
    return "".join(new_text), "".join(new_masked)
