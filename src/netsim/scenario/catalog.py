"""The built-in scenarios: their names, and what `netsim scenarios` says of them.

Every built-in file begins with `name:`, `title:`, `source:` and `topic:`, one line each, so
that listing them need not read the rest (a test keeps it so).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "builtin"
_HEAD: Final = ("name", "title", "source", "topic")
TOPICS: Final = (
    "opening", "closing", "figures", "loss", "flow control",
    "congestion", "security", "network", "performance", "other",
)  # fmt: skip
"""Topics in the order in which they are listed."""


class Entry:
    """One line of the list."""

    __slots__ = ("name", "path", "source", "title", "topic")

    def __init__(self, name: str, title: str, source: str, topic: str, path: Path) -> None:
        self.name = name
        self.title = title
        self.source = source
        self.topic = topic
        self.path = path


def names() -> list[str]:
    """Names of all built-in scenarios, in alphabetical order."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def path_of(name: str) -> Path | None:
    """The file of the built-in scenario, or None if there is none of that name."""
    return _FOLDER / f"{name}.yaml" if name in names() else None


def entries() -> list[Entry]:
    """All built-in scenarios: by topic, then by name (figures by number)."""
    found = []
    for name in names():
        path = _FOLDER / f"{name}.yaml"
        head = _read_head(path)
        found.append(Entry(name, head["title"], head["source"], head["topic"], path))
    return sorted(found, key=lambda entry: (TOPICS.index(entry.topic), entry.name))


def _read_head(path: Path) -> dict[str, str]:
    head: dict[str, str] = {}
    with path.open(encoding="utf-8") as file:
        for key, line in zip(_HEAD, file, strict=False):
            found, _, value = line.partition(":")
            value = value.strip()
            if value[:1] == '"':
                value = value[1:-1].replace('\\"', '"')
            head[key] = value if found == key else ""
    return head
