"""A connection that is over, summarised.

A capture may hold millions of connections, so what is kept of one is a *row*: a flat tuple of
numbers, texts and bytes that `store.Connections` can write to disk as it is. A `ConnReport` is
the same with names, made when somebody looks.
"""

from __future__ import annotations

from array import array
from typing import Any, Final

from netsim.check.flow import VANTAGE_NAMES, Conn, Half
from netsim.check.model import Finding, Meta
from netsim.wire import address

Row = tuple[Any, ...]
"""(ident, client key, server key, first frame, last frame, first ns, last ns, packets, one way, vantage,
client end, server end, open, close, rtt ns, analysis, findings, quality, the client's SYN was seen)"""

_MASK: Final = 0xFFFFFFFF
_NO_FRAMES: Final[list[int]] = []


def row_of(c: Conn, findings: list[Finding]) -> Row:
    """The row of a connection that is over and judged."""
    client, server = c.client, c.server
    analysis = None
    if c.analysis is not None:
        analysis = {category: frames.tobytes() for category, frames in c.analysis.items()}
    found = [finding.to_row() for finding in findings] if findings else None
    return (
        c.ident, client.addr_key, server.addr_key, c.first_frame, c.last_frame, c.first_ns, c.last_ns, c.packets(),
        not (client.packets and server.packets), c.vantage, end_row(client), end_row(server), c.open, c.close,
        c.full_rtt, analysis, found, c.quality, client.syn is not None,
    )  # fmt: skip


def end_row(h: Half) -> Row:
    """One endpoint: (base, final state, octets, MSS, shift of its window or -1)."""
    base = (h.iss if h.iss >= 0 else max(h.start_nxt, 0)) & _MASK
    shift = h.shift if h.syn is not None and h.peer.syn is not None else -1
    return base, h.state, h.bytes_sent() if h.nxt >= 0 else 0, h.mss, shift


class EndReport:
    """One endpoint of a connection.

    base: its ISN, or the first number seen; byte_count: octets it sent; shift: of its windows, -1 if not known.
    """

    __slots__ = ("base", "byte_count", "final_state", "key", "mss", "shift")

    def __init__(self, key: bytes, row: Row) -> None:
        self.key = key
        self.base: int = row[0]
        self.final_state: str | None = row[1] or None
        self.byte_count: int = row[2]
        self.mss: int | None = row[3] if row[3] >= 0 else None
        self.shift: int = row[4]

    @property
    def addr(self) -> str:
        """Address, normal text."""
        return address.to_text(self.key[: (len(self.key) - 4) // 2])

    @property
    def port(self) -> int:
        """Port number."""
        return self.key[-4] << 8 | self.key[-3]


class ConnReport:
    """One connection. Frames are 1-based positions in the file; times are ns.

    metas: of the rules that judged, by code
    """

    __slots__ = (
        "analysis", "client", "close", "findings", "first_frame", "first_ns", "ident", "ip_version", "last_frame",
        "last_ns", "one_way", "open", "packets", "quality", "rtt_ns", "server", "syn_seen", "vantage",
    )  # fmt: skip

    def __init__(self, row: Row, metas: dict[str, Meta]) -> None:
        (
            ident, client_key, server_key, first_frame, last_frame, first_ns, last_ns, packets, one_way, vantage,
            client, server, opened, closed, rtt_ns, analysis, found, quality, syn_seen,
        ) = row  # fmt: skip
        self.ident: int = ident
        self.ip_version = 4 if len(client_key) == 12 else 6
        self.first_frame: int = first_frame
        self.last_frame: int = last_frame
        self.first_ns: int = first_ns
        self.last_ns: int = last_ns
        self.packets: int = packets
        self.one_way: bool = one_way
        self.vantage: str = VANTAGE_NAMES[vantage]
        self.client = EndReport(client_key, client)
        self.server = EndReport(server_key, server)
        self.open: str = opened
        self.close: str = closed
        self.rtt_ns: int = rtt_ns
        self.analysis: dict[str, bytes] = analysis or {}
        self.findings: list[Finding] = [Finding.from_row(each, metas, ident) for each in found or ()]
        self.syn_seen: bool = syn_seen
        self.quality: dict[str, list[int]] | None = quality

    def frames(self, category: str) -> array[int] | list[int]:
        """The frames under a category of the analysis, in order."""
        found = self.analysis.get(category)
        if found is None:
            return _NO_FRAMES
        frames = array("q")
        frames.frombytes(found)
        return frames
