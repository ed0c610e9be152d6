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
from struct import Struct
from typing import Any, Final, overload

from netsim.base.errors import UsageError
from netsim.capture.record import TcpRecord, reverse_key
from netsim.check.flow import UNKNOWN
from netsim.check.model import CONFIDENCES, SEVERITIES, Finding, Meta
from netsim.check.summary import ConnReport, Row

IN_MEMORY: Final = 1 << 18
"""Octets of rows kept in memory before they go to the file."""
SHOWN: Final = 20
"""How many connections the text report shows, and how many frames a quality message names."""
_ROOM: Final = 64 * SHOWN
_IDENTS: Final = (1 << 40) - 1
_SIZE_BITS: Final = 26
_MAX_SIZE: Final = (1 << _SIZE_BITS) - 1
"""64 MB: a row of a connection with eight million segments sent again."""
_FAR_FUTURE: Final = 1 << 61
_ALIKE: Final = Struct("<BIQQqqIIq")
"""Of an opening like another: a mark, its row's place; frames, times, both ISNs, round-trip time; the key follows."""
_IS_ALIKE: Final = 0
"""No marshalled row begins so."""


def _unfold(row: Row, ident: int, traits: tuple[int, ...], key: bytes) -> Row:
    """The row of an opening like that of `row`."""
    first_frame, last_frame, first_ns, last_ns, client_isn, server_isn, rtt_ns = traits
    return (
        ident, key, reverse_key(key), first_frame, last_frame, first_ns, last_ns, *row[7:10],
        (client_isn, *row[10][1:]), (server_isn, *row[11][1:]), *row[12:14],
        rtt_ns if row[14] >= 0 else UNKNOWN, *row[15:],
    )  # fmt: skip


class Firsts:
    """The `SHOWN` smallest of many tuples of numbers, the others forgotten; and how many there were.

    bar: what is not below this is not among them; None as long as that is open
    """

    __slots__ = ("_found", "bar", "count")

    def __init__(self) -> None:
        self.count = 0
        self._found: list[tuple[int, ...]] = []
        self.bar: tuple[int, ...] | None = None

    def add(self, entry: tuple[int, ...]) -> None:
        """One more."""
        self.count += 1
        if self.bar is None or entry < self.bar:
            self._found.append(entry)
            if len(self._found) >= _ROOM:
                self.bar = self.smallest()[-1]

    def state(self) -> tuple[int, list[tuple[int, ...]]]:
        """As plain data."""
        return self.count, self.smallest()

    def restore(self, state: tuple[int, list[tuple[int, ...]]]) -> None:
        """Become what `state` was asked of."""
        self.count, self._found = state

    def smallest(self) -> list[tuple[int, ...]]:
        """In order."""
        self._found.sort()
        del self._found[SHOWN:]
        return list(self._found)


def _not_in(frames: bytes, others: bytes) -> int:
    """How many of the frames (arrays of 8-byte numbers) are not among the others."""
    left, right = array("q"), array("q")
    left.frombytes(frames)
    right.frombytes(others)
    return len(set(left).difference(right))


class Connections:
    """Connections by number, like a list. Each look makes a new `ConnReport`.

    totals: frames per category of the analysis
    one_way, joined: the midstream ones seen in one and in both directions without SYN: (number, first frame)
    worst:  findings of a lesser severity than this (index into SEVERITIES) are not shown
    metas:  of the rules that judged, by code
    """

    def __init__(self, metas: dict[str, Meta]) -> None:
        self.worst = len(SEVERITIES) - 1
        self.totals: dict[str, int] = {}
        self.new_data_probes = 0
        self.one_way = Firsts()
        self.joined = Firsts()
        self._metas = metas
        self._busiest = Firsts()
        self._places = array("q")
        """Per connection where its blob begins in the file, and its size."""
        self._count = 0
        self._recent = bytearray()
        self._written = 0
        self._file: Any = None
        self._path = ""
        self._rows: list[Row] = []
        """Openings that others are like; `_examples` has their places by number of connection."""
        self._examples: dict[int, int] = {}
        self._alike: list[int] = []
        """How many are like each of them."""
        self._last_example: Row = ()
        self._last_number = 0
        self._ways: dict[tuple[str, str], int] = {}
        """Counts by (open, close) of what came with a row of its own."""
        self._last_calm = _FAR_FUTURE
        """Connections without any trouble from this number on are not among the busiest."""
        self._judged = array("q")
        """Per finding its place in the order of all: severity, confidence, connection, place among its findings."""

    def add(self, row: Row) -> None:
        """Take in a connection. Numbers come in any order, each once, in the end without gaps."""
        ident: int = row[0]
        opened: str = row[12]
        closed: str = row[13]
        way = (opened, closed)
        self._ways[way] = self._ways.get(way, 0) + 1
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
            probes = analysis.get("tail_loss_probe")
            if probes:
                self.new_data_probes += _not_in(probes, analysis.get("retransmission", b""))
        found: list[Row] | None = row[16]
        if found:
            for place, each in enumerate(found):
                code: str = each[0]
                confidence: str = each[2]
                grade = SEVERITIES.index(self._metas[code].severity) << 2 | CONFIDENCES.index(confidence)
                self._judged.append((grade << 40 | ident) << 12 | place)
        if found or resent:
            self._busiest.add((-len(found) if found else 0, -resent, ident))
        elif ident < self._last_calm:
            self._note_calm(ident)
        self._keep(ident, marshal.dumps(row, 2))

    def add_alike(self, row: Row, ident: int, syn: TcpRecord, answer: TcpRecord | None) -> None:
        """Take in an opening that differs from one taken in before (its row) only in what these records say."""
        if row is not self._last_example:
            self._note_example(row)
        number = self._last_number
        self._alike[number] += 1
        if ident < self._last_calm:
            self._note_calm(ident)
        last, server_isn, rtt_ns = syn, 0, UNKNOWN
        if answer is not None:
            last, server_isn, rtt_ns = answer, answer.seq, answer.t_ns - syn.t_ns
        if last.t_ns < _FAR_FUTURE:
            blob: bytes = _ALIKE.pack(
                _IS_ALIKE, number, syn.frame, last.frame, syn.t_ns, last.t_ns, syn.seq, server_isn, rtt_ns
            )
            self._keep(ident, blob + syn.key)
        else:
            traits = (syn.frame, last.frame, syn.t_ns, last.t_ns, syn.seq, server_isn, rtt_ns)
            self._keep(ident, marshal.dumps(_unfold(row, ident, traits, syn.key), 2))

    def _note_example(self, row: Row) -> None:
        """The next openings are like that of `row`."""
        known = self._examples.get(row[0])
        if known is None:
            known = self._examples[row[0]] = len(self._rows)
            self._rows.append(row)
            self._alike.append(0)
        self._last_example = row
        self._last_number = known

    def ways(self) -> dict[tuple[str, str], int]:
        """How many connections opened and closed how."""
        found = dict(self._ways)
        for row, count in zip(self._rows, self._alike, strict=True):
            found[row[12], row[13]] += count
        return found

    @property
    def opened(self) -> dict[str, int]:
        """How many opened how."""
        found: dict[str, int] = {}
        for (opened, _), count in self.ways().items():
            found[opened] = found.get(opened, 0) + count
        return found

    @property
    def closed(self) -> dict[str, int]:
        """How many closed how."""
        found: dict[str, int] = {}
        for (_, closed), count in self.ways().items():
            found[closed] = found.get(closed, 0) + count
        return found

    @property
    def never_opened(self) -> int:
        """Openings that nobody completed or refused."""
        return self.ways().get(("attempt", "none"), 0)

    def _note_calm(self, ident: int) -> None:
        """Nothing happened on this connection; it is shown if there are not enough others."""
        self._busiest.add((0, 0, ident))
        bar = self._busiest.bar
        if bar is not None:
            self._last_calm = bar[2] if bar[0] == bar[1] == 0 else 0

    def _keep(self, ident: int, blob: bytes) -> None:
        """Enter what is to be written of a connection."""
        place = (self._written + len(self._recent)) << _SIZE_BITS | len(blob)
        places = self._places
        if ident == len(places):
            places.append(place)
        else:
            while len(places) <= ident:
                places.append(0)
            places[ident] = place
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

    @property
    def on_disk(self) -> bool:
        """There are too many to hold."""
        return self._written > 0

    def state(self) -> tuple[Any, ...]:
        """Everything but the file, as plain data; after `leave_in`."""
        return (
            self._path, self._written, bytes(self._recent), self._places.tobytes(), self._judged.tobytes(), self._count,
            self._rows, self._alike, self._ways, self.totals, self.new_data_probes, self.one_way.state(),
            self.joined.state(), self._busiest.state(),
        )  # fmt: skip

    def restore(self, state: tuple[Any, ...]) -> None:
        """Become what `state` was asked of."""
        (
            self._path, self._written, recent, places, judged, self._count, self._rows, self._alike, self._ways,
            self.totals, self.new_data_probes, one_way, joined, busiest,
        ) = state  # fmt: skip
        self._recent = bytearray(recent)
        self._places.frombytes(places)
        self._judged.frombytes(judged)
        self.one_way.restore(one_way)
        self.joined.restore(joined)
        self._busiest.restore(busiest)

    def _row(self, ident: int) -> Row:
        """Read a row back."""
        offset = self._places[ident] >> _SIZE_BITS
        size = self._places[ident] & _MAX_SIZE
        if offset >= self._written:
            start = offset - self._written
            blob = bytes(self._recent[start : start + size])
        else:
            if self._file is None:
                self._file = Path(self._path).open("rb", buffering=0)  # noqa: SIM115 (lives as long as this)
            self._file.seek(offset)
            blob = self._file.read(size)
        if blob[0] == _IS_ALIKE:
            _, number, *traits = _ALIKE.unpack_from(blob)
            return _unfold(self._rows[number], ident, tuple(traits), blob[_ALIKE.size :])
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
