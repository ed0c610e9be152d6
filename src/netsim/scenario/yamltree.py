"""YAML text to plain data, with the place of every key and value.

The file is composed (not constructed): nothing in it can make Python objects. Limits keep
bombs out: size, depth, the number of nodes after aliases are followed, cycles.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from netsim.base.errors import ScenarioError

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node

MAX_BYTES: Final = 4_000_000
MAX_DEPTH: Final = 30
MAX_NODES: Final = 200_000
MAX_DIGITS: Final = 30

Path = tuple[str | int, ...]

_INT: Final = re.compile(r"[-+]?[0-9]+")
_HEX: Final = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NULLS: Final = ("", "~", "null", "Null", "NULL")
_TRUE: Final = ("true", "True", "TRUE")
_FALSE: Final = ("false", "False", "FALSE")


class Place:
    """Where something stands: 1-based line and column, and how many characters to mark."""

    __slots__ = ("column", "line", "width")

    def __init__(self, line: int, column: int, width: int = 1) -> None:
        self.line = line
        self.column = column
        self.width = width


class Source:
    """A file's text, its plain data, and the places of keys and values by path."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.lines = text.splitlines()
        self.data: Any = None
        self.keys: dict[Path, Place] = {}
        self.values: dict[Path, Place] = {}

    def error(self, message: str, place: Place | None, hint: str | None = None) -> ScenarioError:
        """An error that shows `place`."""
        if place is None:
            return ScenarioError(message, file=self.file, hint=hint)
        line = self.lines[place.line - 1] if 0 < place.line <= len(self.lines) else None
        return ScenarioError(
            message,
            file=self.file,
            line=place.line,
            column=place.column,
            source_line=line,
            width=place.width,
            hint=hint,
        )

    def error_at(self, path: Path, message: str, hint: str | None = None, *, key: bool = False) -> ScenarioError:
        """An error about the value at `path` (or about its key), or about the nearest thing that has a place."""
        places = self.keys if key else self.values
        place = places.get(path)
        while place is None and path:
            path = path[:-1]
            place = self.values.get(path)
        return self.error(message, place, hint)


def _decode(file: str, raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        raise ScenarioError(
            f"the file has {len(raw):,} bytes", file=file, hint=f"a scenario may have {MAX_BYTES:,} at most"
        )
    for mark in (b"\xff\xfe", b"\xfe\xff"):
        if raw.startswith(mark):
            raise ScenarioError("the file is UTF-16", file=file, hint="save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ScenarioError(
            f"not a text file: byte {error.start} (0x{raw[error.start]:02x}) is not UTF-8",
            file=file,
            line=line,
            hint="a scenario is a YAML file in UTF-8",
        ) from None
    for number, char in enumerate(text):
        if char < " " and char not in "\t\n\r":
            line = text.count("\n", 0, number) + 1
            raise ScenarioError(
                f"not a text file: it holds the control character 0x{ord(char):02x}",
                file=file,
                line=line,
                hint="a scenario is a YAML file in UTF-8",
            )
    return text


def parse(file: str, raw: bytes) -> Source:
    """The plain data of a YAML file with places. ScenarioError on anything that is not one plain YAML document."""
    text = _decode(file, raw)
    source = Source(file, text)
    _check_tabs(source)
    if text.count("[") + text.count("{") > MAX_NODES:
        raise ScenarioError("too many brackets", file=file, hint=f"a scenario may have {MAX_NODES:,} nodes at most")
    _check_nesting(source)
    node = _compose(source, text)
    if node is None:
        raise ScenarioError("the file is empty", file=file, hint="a scenario needs at least `hosts:`")
    _Builder(source).build(node)
    return source


def _check_tabs(source: Source) -> None:
    for number, line in enumerate(source.lines, 1):
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent:
            place = Place(number, indent.index("\t") + 1)
            raise source.error("a tab cannot indent in YAML", place, "use spaces")


def _check_nesting(source: Source) -> None:
    """Stop deep brackets before the parser recurses into them."""
    depth = 0
    for number, line in enumerate(source.lines, 1):
        if len(line) - len(line.lstrip(" ")) > 400:
            raise source.error("the line is indented too deeply", Place(number, 1))
        for column, char in enumerate(line, 1):
            if char in "[{":
                depth += 1
                if depth > 3 * MAX_DEPTH:
                    raise source.error("nested too deeply", Place(number, column), f"at most {MAX_DEPTH} levels")
            elif char in "]}":
                depth = max(0, depth - 1)
        if line.lstrip().count("- ") > 3 * MAX_DEPTH and line.lstrip().startswith("- - - -"):
            raise source.error("nested too deeply", Place(number, 1), f"at most {MAX_DEPTH} levels")


def _compose(source: Source, text: str) -> Node | None:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    yaml = YAML(typ="safe", pure=True)
    try:
        return yaml.compose(text)  # type: ignore[no-any-return]
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark is not None else None
        problem = " ".join(str(error.problem or error.context or "not YAML").split())
        raise source.error(f"not valid YAML: {problem}", place, _yaml_hint(problem)) from None
    except (YAMLError, RecursionError, ValueError) as error:
        raise source.error(f"not valid YAML: {str(error).splitlines()[0]}", None) from None


def _yaml_hint(problem: str) -> str | None:
    if "single document" in problem:
        return "a file holds one scenario: take away the second `---`"
    if "undefined alias" in problem:
        return "the anchor (&name) must come before the alias (*name)"
    if "mapping values are not allowed" in problem:
        return "quote a text that contains ': '"
    if "expected ',' or" in problem:
        return "a bracket or a comma is missing, or a text needs quotes"
    if "could not find expected ':'" in problem:
        return "a colon is missing"
    if "found character" in problem:
        return "quote the text"
    return None


class _Builder:
    """Turns nodes into plain data. Kept apart: it counts what aliases multiply."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.count = 0
        self.open: list[Node] = []

    def build(self, root: Node) -> None:
        from ruamel.yaml.nodes import MappingNode

        if not isinstance(root, MappingNode):
            kind = "a list" if isinstance(root.value, list) else "a single value"
            hint = "a scenario is a mapping with keys such as hosts, links, script and expect"
            raise self.source.error(f"the file holds {kind}", self.place(root), hint)
        self.source.data = self.value(root, ())

    def place(self, node: Node) -> Place:
        start, end = node.start_mark, node.end_mark
        width = 1
        if end is not None and start is not None and end.line == start.line:
            width = max(1, end.column - start.column)
        return Place(start.line + 1, start.column + 1, width)

    def value(self, node: Node, path: Path) -> Any:
        from ruamel.yaml.nodes import MappingNode, SequenceNode

        self.count += 1
        if self.count > MAX_NODES:
            hint = f"aliases may not make it larger than {MAX_NODES:,} nodes"
            raise self.source.error("the scenario is too large", self.place(node), hint)
        if len(path) > MAX_DEPTH:
            raise self.source.error("nested too deeply", self.place(node), f"at most {MAX_DEPTH} levels")
        if any(node is other for other in self.open):
            raise self.source.error("an alias that contains itself", self.place(node), "break the cycle")
        self.source.values[path] = self.place(node)
        if isinstance(node, MappingNode):
            self.open.append(node)
            result: Any = self.mapping(node, path)
            self.open.pop()
            return result
        if isinstance(node, SequenceNode):
            self.open.append(node)
            result = [self.value(child, (*path, index)) for index, child in enumerate(node.value)]
            self.open.pop()
            return result
        return self.scalar(node)

    def mapping(self, node: Node, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node.value, str):
                raise self.source.error("a key must be a word", self.place(key_node))
            key = key_node.value
            if key == "<<":
                raise self.source.error("merge keys (<<) are not supported", self.place(key_node))
            here = (*path, key)
            if key in result:
                first = self.source.keys[here].line
                raise self.source.error(f"'{key}' stands here twice", self.place(key_node), f"first in line {first}")
            self.source.keys[here] = self.place(key_node)
            result[key] = self.value(value_node, here)
        return result

    def scalar(self, node: Node) -> Any:
        text: str = node.value
        tag = str(node.tag)
        if not tag.startswith("tag:yaml.org,2002:") or tag.endswith((":binary", ":timestamp")):
            if not tag.endswith(":timestamp"):
                raise self.source.error(f"the tag {tag} is not supported", self.place(node), "write a plain value")
            return text
        if getattr(node, "style", None) in ('"', "'", "|", ">") or tag.endswith(":str"):
            return text
        if text in _NULLS:
            return None
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        if _INT.fullmatch(text):
            if len(text) > MAX_DIGITS:
                raise self.source.error("the number is too large", self.place(node), f"at most {MAX_DIGITS} digits")
            return int(text)
        if _HEX.fullmatch(text) and len(text) <= MAX_DIGITS:
            return int(text, 16)
        if _FLOAT.fullmatch(text):
            return self.real(node, text)
        if text.lower() in (".inf", "-.inf", "+.inf", ".nan"):
            raise self.source.error(f"{text} is not a number that can be used here", self.place(node))
        return text

    def real(self, node: Node, text: str) -> float:
        value = float(text)
        if len(text) > MAX_DIGITS or abs(value) > 1e24:
            raise self.source.error("the number is too large", self.place(node), "at most 1e24")
        return value
