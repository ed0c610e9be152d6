"""The connections of a report: all of them, in memory that does not grow with them.

What the text report needs of every connection is counted as it comes in; the rows themselves
go to a temporary file once there are many, and are read back one at a time.
"""

from __future__ import annotations

import marshal
import tempfile
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, overload

from netsim.base.errors import UsageError
from netsim.check.model import CONFIDENCES, SEVERITIES, Finding, Meta
from netsim.check.summary import ConnReport, Row

IN_MEMORY: Final = 1 << 20
"""Octets of rows kept in memory before they go to the file."""
SHOWN: Final = 20
"""How many connections the text report shows, and how many frames a quality message names."""
_ROOM: Final = 64 * SHOWN
_IDENTS: Final = (1 << 40) - 1


class Firsts:
    """The `SHOWN` smallest of many tuples of numbers, the others forgotten; and how many there were."""

    __slots__ = ("_bar", "_found", "count")

    def __init__(self) -> None:
        self.count = 0
        self._found: list[tuple[int, ...]] = []
        self._bar: tuple[int, ...] | None = None

    def add(self, entry: tuple[int, ...]) -> None:
        """One more."""
        self.count += 1
        if self._bar is None or entry < self._bar:
            self._found.append(entry)
            if len(self._found) >= _ROOM:
                self._bar = self.smallest()[-1]

    def smallest(self) -> list[tuple[int, ...]]:
        """In order."""
        self._found.sort()
        del self._found[SHOWN:]
        return list(self._found)


class Connections:
    """Connections by number, like a list. Each look makes a new `ConnReport`.

    opened, closed: how many opened and closed how     totals: frames per category of the analysis
    one_way, joined: the midstream ones seen in one and in both directions without SYN: (number, first frame)
    worst:  findings of a lesser severity than this (index into SEVERITIES) are not shown
    metas:  of the rules that judged, by code
    """

    def __init__(self, metas: dict[str, Meta]) -> None:
        self.worst = len(SEVERITIES) - 1
        self.opened: dict[str, int] = {}
        self.closed: dict[str, int] = {}
        self.totals: dict[str, int] = {}
        self.one_way = Firsts()
        self.joined = Firsts()
        self._metas = metas
        self._busiest = Firsts()
        self._offsets = array("q")
        self._sizes = array("L")
        self._count = 0
        self._recent = bytearray()
        self._written = 0
        self._file: Any = None
        self._path = ""
        self._judged = array("q")
        """Per finding its place in the order of all: severity, confidence, connection, place among its findings."""

    def add(self, row: Row) -> None:
        """Take in a connection. Numbers come in any order, each once, in the end without gaps."""
        ident: int = row[0]
        opened: str = row[12]
        closed: str = row[13]
        self.opened[opened] = self.opened.get(opened, 0) + 1
        self.closed[closed] = self.closed.get(closed, 0) + 1
        if opened == "midstream":
            if row[8]:
                self.one_way.add((ident, row[3]))
            elif row[7] > 1 and not row[18]:
                self.joined.add((ident, row[3]))
        resent = 0
        analysis: dict[str, bytes] | None = row[15]
        if analysis is not None:
            for category, frames in analysis.items():
                self.totals[category] = self.totals.get(category, 0) + len(frames) // 8
            resent = len(analysis.get("retransmission", b"")) // 8
        found: list[Row] | None = row[16]
        if found:
            for place, each in enumerate(found):
                code: str = each[0]
                confidence: str = each[2]
                grade = SEVERITIES.index(self._metas[code].severity) << 2 | CONFIDENCES.index(confidence)
                self._judged.append((grade << 40 | ident) << 12 | place)
        self._busiest.add((-len(found) if found else 0, -resent, ident))
        blob = marshal.dumps(row, 2)
        offsets, sizes = self._offsets, self._sizes
        if ident == len(offsets):
            offsets.append(self._written + len(self._recent))
            sizes.append(len(blob))
        else:
            while len(offsets) <= ident:
                offsets.append(-1)
                sizes.append(0)
            offsets[ident] = self._written + len(self._recent)
            sizes[ident] = len(blob)
        self._count += 1
        self._recent += blob
        if len(self._recent) >= IN_MEMORY:
            self._write()

    def _write(self) -> None:
        """The recent rows go to the file."""
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="netsim-")  # noqa: SIM115 (lives as long as this)
            self._file.seek(self._written)
            self._file.write(self._recent)
            self._file.flush()
        except OSError as error:
            raise UsageError(f"no temporary file can be written: {error} (TMPDIR names the folder for it)") from None
        self._written += len(self._recent)
        self._recent = bytearray()

    def leave_in(self, folder: str) -> None:
        """Before this goes to another process: what is in the temporary file goes to a file of `folder`."""
        if self._file is None:
            return
        self._file.seek(0)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as out:
            self._path = out.name
            while piece := self._file.read(IN_MEMORY):
                out.write(piece)
        self._file.close()
        self._file = None

    def _row(self, ident: int) -> Row:
        """Read a row back."""
        offset = self._offsets[ident]
        size = self._sizes[ident]
        if offset >= self._written:
            start = offset - self._written
            blob = bytes(self._recent[start : start + size])
        else:
            if self._file is None:
                self._file = Path(self._path).open("rb", buffering=0)  # noqa: SIM115 (lives as long as this)
            self._file.seek(offset)
            blob = self._file.read(size)
        row: Row = marshal.loads(blob)
        return row

    def _get(self, ident: int) -> ConnReport:
        connection = ConnReport(self._row(ident), self._metas)
        if self.worst < len(SEVERITIES) - 1 and connection.findings:
            connection.findings = [f for f in connection.findings if SEVERITIES.index(f.meta.severity) <= self.worst]
        return connection

    def __len__(self) -> int:
        return self._count

    def __bool__(self) -> bool:
        return self._count > 0

    @overload
    def __getitem__(self, key: int) -> ConnReport: ...

    @overload
    def __getitem__(self, key: slice) -> list[ConnReport]: ...

    def __getitem__(self, key: int | slice) -> ConnReport | list[ConnReport]:
        if isinstance(key, slice):
            return [self._get(ident) for ident in range(*key.indices(self._count))]
        if not -self._count <= key < self._count:
            raise IndexError(key)
        return self._get(key % self._count)

    def __iter__(self) -> Iterator[ConnReport]:
        for ident in range(self._count):
            yield self._get(ident)

    def busiest(self) -> list[ConnReport]:
        """The `SHOWN` connections with most trouble (findings, then segments sent again), by number."""
        return [self._get(ident) for ident in sorted(entry[2] for entry in self._busiest.smallest())]

    def findings(self) -> Iterator[Finding]:
        """Of all connections, worst first, then surest, then by connection."""
        last: ConnReport | None = None
        for packed in sorted(self._judged):
            if packed >> 54 > self.worst:
                break
            ident = packed >> 12 & _IDENTS
            if last is None or last.ident != ident:
                last = ConnReport(self._row(ident), self._metas)
            yield last.findings[packed & 0xFFF]
