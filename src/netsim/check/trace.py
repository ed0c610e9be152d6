"""One connection as a list of normalised segments: what `netsim compare` and `--plot` work on.

Endpoints are "client" and "server" whatever their addresses, sequence numbers count from the
ISNs, times from the first segment.
"""

from __future__ import annotations

from netsim.base.errors import UsageError
from netsim.base.packet import ACK, PSH
from netsim.capture.record import TcpRecord
from netsim.check.engine import Report, check_file
from netsim.check.flow import MASK
from netsim.check.ladder_view import find_connection
from netsim.check.second_look import fetch_connection
from netsim.check.summary import ConnReport


class Line:
    """One segment. `n` is its frame number (or its number in the run); `seq`, `ack` are relative, -1 without ACK."""

    __slots__ = ("ack", "flags", "length", "n", "options", "record", "sender", "seq", "t_ns", "win")

    def __init__(self, record: TcpRecord, sender: str, seq: int, ack: int, t_ns: int, win: int) -> None:
        self.n = record.frame
        self.t_ns = t_ns
        self.sender = sender
        self.flags = record.flags & ~PSH
        self.seq = seq
        self.ack = ack
        self.length = record.payload_len
        self.win = win
        self.options = _options(record)
        self.record = record

    def key(self) -> tuple[str, int, int, int, int]:
        """What makes two segments the same one."""
        return self.sender, self.flags, self.seq, self.ack, self.length

    def words(self) -> str:
        """For people."""
        names = self.record.flags_names().replace("PSH,", "").replace(",PSH", "") or "no flags"
        text = f"{names} seq {self.seq:,}"
        if self.ack >= 0:
            text += f" ack {self.ack:,}"
        return text + (f" len {self.length:,}" if self.length else "")


def _options(record: TcpRecord) -> dict[str, int | bool]:
    """The options that a handshake settles."""
    opts = record.opts
    return {"mss": opts.mss, "window scale": opts.wscale, "SACK": opts.sack_ok, "timestamps": record.ts_val >= 0}


class Trace:
    """One connection: where it is from, its summary, its segments."""

    def __init__(self, name: str, report: Report, connection: ConnReport, lines: list[Line]) -> None:
        self.name = name
        self.report = report
        self.connection = connection
        self.lines = lines


def relative(number: int, base: int) -> int:
    """A wire number relative to the ISN, as a signed distance (negative: before it)."""
    return ((number - base + 0x80000000) & MASK) - 0x80000000 if (number - base) & MASK > 0xC0000000 else (
        number - base
    ) & MASK  # fmt: skip


def lines_of(records: list[TcpRecord], connection: ConnReport) -> list[Line]:
    """Normalise the records of a connection."""
    lines: list[Line] = []
    shifts = {"client": 0, "server": 0}
    scales: dict[str, int] = {}
    start = records[0].t_ns if records else 0
    for record in records:
        from_client = record.key == connection.client.key
        sender = "client" if from_client else "server"
        own, other = (connection.client, connection.server) if from_client else (connection.server, connection.client)
        if record.flags & 2:
            scales[sender] = record.opts.wscale
            if len(scales) == 2 and min(scales.values()) >= 0:
                shifts = dict(scales)
        win = record.wnd if record.flags & 2 else record.wnd << min(14, max(0, shifts[sender]))
        ack = relative(record.ack, other.base) if record.flags & ACK else -1
        lines.append(Line(record, sender, relative(record.seq, own.base), ack, record.t_ns - start, win))
    return lines


def from_capture(path: str, number: int | None = None) -> Trace:
    """A connection of a capture: `number`, or the one with the most packets among those opened in it."""
    if path == "-":
        raise UsageError("a capture to compare is read twice: give a file, not standard input")
    report = check_file(path)
    if not report.connections:
        raise UsageError(f"there is no TCP connection in {path}")
    if number is None:
        opened = [c for c in report.connections if c.open != "midstream"] or report.connections
        number = max(opened, key=lambda c: (c.packets, -c.ident)).ident
    connection = find_connection(report, number)
    keys = (connection.client.key, connection.server.key)
    records = fetch_connection(path, connection.first_frame, connection.last_frame, keys)
    return Trace(path, report, connection, lines_of(records, connection))


def from_scenario(name: str, tap: str, number: int | None = None, text: str | None = None) -> Trace:
    """A scenario, run, as a tap at `tap` sees it. `text`: the scenario itself instead of a name."""
    import tempfile
    from pathlib import Path

    from netsim.report.pcap import write_pcap
    from netsim.scenario.loader import load, load_text
    from netsim.scenario.runner import run

    scenario = load(name) if text is None else load_text(text.encode(), name)
    result = run(scenario)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "run.pcap")
        write_pcap(result.recorder, path, tap)
        trace = from_capture(path, number)
    trace.name = name
    return trace
