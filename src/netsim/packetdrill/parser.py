"""From text to the syntax tree: `parse(text, path, defines)`.

The grammar is `grammar.lark` (LALR, contextual lexer). Scripts of a suite share most of
their lines, so the text is cut into pieces at the starts of events and each piece is parsed
once; when a piece does not parse, the whole text goes through the grammar, which then
decides, and says exactly where it is wrong.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Final

from lark import Lark, UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken
from lark.exceptions import LarkError

from netsim.base.errors import ScriptSyntaxError
from netsim.packetdrill import tree
from netsim.packetdrill.build import BuildError, TreeBuilder
from netsim.packetdrill.reader import Prepared, fail, prepare, source_line

_CACHE_ENTRIES: Final = 50_000

_WORD_START: Final = re.compile(r"[A-Za-z0-9_]+")

Item = tree.Event | tree.OptionLine | tuple[tree.ShellCommand, int]


class _Grammar:
    """The compiled grammar and the pieces already parsed; built on first use."""

    def __init__(self) -> None:
        self.pieces: dict[str, tuple[Item, ...]] = {}
        self._lark: Lark | None = None

    def parse(self, text: str) -> tuple[Item, ...]:
        """The items of `text`; raises what lark raises, or BuildError."""
        if self._lark is None:
            grammar = (Path(__file__).parent / "grammar.lark").read_text(encoding="utf-8")
            self._lark = Lark(
                grammar, parser="lalr", lexer="contextual", transformer=TreeBuilder(), maybe_placeholders=True
            )
        result: Any = self._lark.parse(text)
        return tuple(result)


_GRAMMAR: Final = _Grammar()

# What the tokens are called in messages.
_NAMES: Final = {
    "INT": "a number",
    "FLOAT": "a number",
    "HEX": "a hexadecimal number",
    "WORD": "a name",
    "STRING": 'a "string"',
    "ELLIPSIS": "'...'",
    "FLAGS": "TCP flags (such as S, S., P. or .)",
    "ABSOLUTE": "'!'",
    "COMMAND": "a `command`",
    "CODE": "a %{ code block }%",
    "NOTE": "a (note)",
    "OPTION": "an --option",
    "VALUE": "the option's value",
    "ECN_MARK": "an ECN mark (noecn, ect0, ect1, ect01, ce)",
    "GRE": "'gre'",
    "MPLS": "'mpls'",
    "IPV4_ADDRESS": "an IPv4 address",
    "IPV6_ADDRESS": "an IPv6 address",
    "EQUALS": "'='",
    "$END": "the end of the script",
    "LESSTHAN": "'<'",
    "MORETHAN": "'>'",
    "LPAR": "'('",
    "RPAR": "')'",
    "LSQB": "'['",
    "RSQB": "']'",
    "LBRACE": "'{'",
    "RBRACE": "'}'",
    "COMMA": "','",
    "COLON": "':'",
    "VBAR": "'|'",
    "SLASH": "'/udp(... > ...)'",
    "PLUS": "'+'",
    "STAR": "'*'",
    "TILDE": "'~'",
}
_OPTION_KINDS: Final = frozenset({"NOP", "EOL", "MSS", "WSCALE", "SACKOK", "SACK", "MD5", "TS", "FO", "FOEXP", "ECN"})
_EVENT_STARTS: Final = frozenset({"PLUS", "STAR", "FLOAT", "INT"})


def _expected(tokens: set[str]) -> str:
    """The tokens that the grammar would take, in words."""
    names: list[str] = []
    rest = set(tokens)
    if rest >= _EVENT_STARTS:
        rest -= _EVENT_STARTS | {"COMMAND", "OPTION", "$END"}
        names.append("the next event (it starts with a time such as +0.1)")
    if rest >= _OPTION_KINDS:
        rest -= _OPTION_KINDS
        names.append("a TCP option (mss, nop, eol, wscale, sackOK, sack, TS, FO, FOEXP, md5, ECN)")
    if rest >= {"INT", "FLOAT"}:
        rest.discard("FLOAT")
    names += sorted({_NAMES.get(name, f"'{name.lower()}'") for name in rest})
    if len(names) > 1:
        return ", ".join(names[:-1]) + " or " + names[-1]
    return names[0] if names else "nothing more"


def _as_syntax_error(error: Exception, prepared: Prepared, path: str) -> ScriptSyntaxError:
    """Our error from lark's or from the tree builder's."""
    text = prepared.text
    if isinstance(error, BuildError):
        line, column, width, message, hint = error.line, error.column, error.width, error.message, error.hint
    elif isinstance(error, UnexpectedToken) and error.token.type != "$END":
        found = _visible(error.token)
        line, column, width = error.line, error.column, max(1, len(found))
        message = f"'{found[:40]}' cannot stand here; expected {_expected(set(error.accepts or error.expected))}"
        hint = _hint(found, source_line(text, line))
    elif isinstance(error, UnexpectedCharacters):
        line, column, width = error.line, error.column, 1
        found = text[error.pos_in_stream : error.pos_in_stream + 1] if error.pos_in_stream is not None else "?"
        message = f"'{found}' cannot stand here; expected {_expected(set(error.allowed or ()))}"
        hint = _hint(found, source_line(text, line))
    else:
        end = len(text.rstrip())
        expected = _expected(set(getattr(error, "accepts", None) or getattr(error, "expected", None) or ()))
        return fail(text, path, max(0, end - 1), f"the script ends too early; expected {expected}")
    return ScriptSyntaxError(
        message, file=path, line=line, column=column, source_line=source_line(text, line), width=width, hint=hint
    )


def _visible(token: str) -> str:
    """What a person would call the word that stands there."""
    text = token.split("\n")[0]
    match = _WORD_START.match(text)
    return match.group() if match else text[:1]


def _hint(found: str, line: str) -> str | None:
    """A guess at what went wrong."""
    stripped = line.strip()
    if stripped[:1].isalpha() and stripped.startswith(found[:1]):
        return "an event starts with a time: +0 in front of it?"
    if found == "#":
        return "comments start with //"
    if found.isupper() and len(found) > 1:
        return f"if {found} is a symbol, define it with -D {found}=..."
    return None


def _read_items(prepared: Prepared, path: str) -> list[Item]:
    """All items of the script, by pieces where possible."""
    items: list[Item] = []
    cache = _GRAMMAR.pieces
    try:
        for lines_before, piece in prepared.chunks():
            found = cache.get(piece)
            if found is None:
                found = _GRAMMAR.parse(piece)
                if len(cache) < _CACHE_ENTRIES:
                    cache[piece] = found
            items += [_moved(item, lines_before) for item in found]
    except (LarkError, BuildError):
        pass
    else:
        return items
    try:
        return list(_GRAMMAR.parse(prepared.text))
    except (UnexpectedInput, UnexpectedEOF, BuildError) as error:
        raise _as_syntax_error(error, prepared, path) from None


def _moved(item: Item, lines: int) -> Item:
    """The item `lines` further down (the parts are shared)."""
    if isinstance(item, tree.Event):
        return tree.Event(item.time, item.action, item.line + lines, item.column)
    if isinstance(item, tree.OptionLine):
        return tree.OptionLine(item.name, item.value, item.line + lines, item.column)
    return (item[0], item[1] + lines)


def parse(text: str, path: str = "<script>", defines: dict[str, str] | None = None) -> tree.Script:
    """The syntax tree of a script.

    defines: symbols of `-D` (a symbol without value maps to "").
    Raises ScriptSyntaxError, with file, line, column, and what was expected there.
    """
    prepared = prepare(text, path, dict(defines or {}))
    options: list[tree.OptionLine] = []
    events: list[tree.Event] = []
    init: tree.ShellCommand | None = None
    cleanup: tree.ShellCommand | None = None
    init_line = 0
    for item in _read_items(prepared, path):
        if isinstance(item, tree.OptionLine):
            if events or init is not None:
                raise _misplaced(prepared, path, item.line, item.column, "options stand before everything else")
            options.append(item)
        elif isinstance(item, tree.Event):
            if cleanup is not None:
                raise _misplaced(
                    prepared,
                    path,
                    item.line,
                    item.column,
                    "an event after the cleanup command (a command without a time)",
                )
            events.append(item)
        elif not events and init is None:
            init, init_line = item
        elif events and cleanup is None:
            cleanup = item[0]
        else:
            raise _misplaced(prepared, path, item[1], 1, "a second command without a time; give it one, such as +0")
    if not events:
        raise ScriptSyntaxError("the script has no events", file=path, line=1, hint="for example: 0 socket(...) = 3")
    if events[0].time.kind == tree.ANY_TIME:
        first = events[0]
        raise _misplaced(prepared, path, first.line, first.column, "the first event needs a time")
    return tree.Script(path, prepared.original, tuple(options), init, init_line, tuple(events), cleanup)


def _misplaced(prepared: Prepared, path: str, line: int, column: int, message: str) -> ScriptSyntaxError:
    return ScriptSyntaxError(message, file=path, line=line, column=column, source_line=source_line(prepared.text, line))


def read_script(path: str) -> str:
    """The text of a script ("-": standard input). ScriptSyntaxError: it cannot be read, or is not text."""
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except FileNotFoundError:
        raise ScriptSyntaxError("no such file", file=path) from None
    except OSError as error:
        raise ScriptSyntaxError(f"cannot be read: {error.strerror or error}", file=path) from None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ScriptSyntaxError("this is not UTF-8 text", file=path, line=line) from None
