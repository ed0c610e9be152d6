"""A connection as a tap sees it: two halves, each an endpoint as a sender.

Sequence numbers here are *unwrapped*: unbounded integers whose low 32 bits are the number on
the wire, so that they compare with `<` (a connection's first number is its ISN as it stands).
-1 means unknown. "Seen" always means: by the tap.
"""

from __future__ import annotations

from array import array
from typing import Final

from netsim.capture.record import TcpRecord

MASK: Final = 0xFFFFFFFF
UNKNOWN: Final = -1

FREE: Final = (1 << 62) - 1
"""A limit that limits nothing."""

SACK_NEWS_NS: Final = 2_000_000
"""What a SACK reports may reach the tap so long before the sender has taken it in."""

OVERTAKEN_NS: Final = 10_000_000
"""What comes later than this after a segment was not overtaken by it."""

UNSET_LAYOUT: Final = b"\xff"
"""No segment beyond the SYN was seen yet."""

MODE_OPEN: Final = 0
MODE_RECOVERY: Final = 1
MODE_LOSS: Final = 2

VANTAGE_NAMES: Final = ("unknown", "client", "server", "between")
AT_UNKNOWN: Final = 0
AT_CLIENT: Final = 1
AT_SERVER: Final = 2
AT_BETWEEN: Final = 3

_NO_RECORDS: Final[list[TcpRecord]] = []


def unwrap(near: int, wire: int) -> int:
    """The unwrapped number with low bits `wire` that lies nearest to `near`."""
    return near + ((wire - near + 0x80000000) & MASK) - 0x80000000


class Hole:
    """Sequence space below `nxt` that the tap has not seen: [start, end), opened by the record `opener`.

    since_ns: when the last new data before it passed: what is missing was sent later than that
    """

    __slots__ = ("acks", "end", "opener", "since_ns", "start")

    def __init__(self, start: int, end: int, opener: TcpRecord, since_ns: int) -> None:
        self.since_ns = since_ns
        self.start = start
        self.end = end
        self.opener = opener
        self.acks = 0


class Resend:
    """One segment sent again: what, when, why.

    cause:   "timeout", "go-back", "fast", "tlp", "syn", "fin", "unknown"
    waited_ns: since the segment was last sent; -1 if its last transmission was not seen
    first:   the record of the last transmission before, None if not seen
    spurious: proven needless: "" or "dsack", "timestamp", "acked"
    """

    __slots__ = ("cause", "end", "first", "flight", "record", "spurious", "start", "tail", "waited_ns")

    def __init__(self, start: int, end: int, record: TcpRecord, cause: str, waited_ns: int) -> None:
        self.start = start
        self.end = end
        self.record = record
        self.cause = cause
        self.waited_ns = waited_ns
        self.first: TcpRecord | None = None
        self.spurious = ""
        self.flight = 0
        self.tail = False


class Beyond:
    """An acknowledgement (or SACK) of something the tap has not seen sent: `high`, while `nxt` was `seen`."""

    __slots__ = ("high", "id_next", "proof", "record", "sacked", "seen", "settled")

    def __init__(self, high: int, seen: int, record: TcpRecord, id_next: int, sacked: bool) -> None:
        self.high = high
        self.seen = seen
        self.record = record
        self.id_next = id_next
        self.sacked = sacked
        self.settled = False
        self.proof = ""


class Half:
    """One endpoint, as a sender.

    iss, nxt, una: ISN; the highest number seen + 1; the highest acknowledgement seen for it
    edge:     the farthest right edge of the window that its peer ever offered (UNKNOWN: not known)
    limit:    the lower of `edge` and what slow start could at most allow: the fast path's bound
    mss, wscale, sack_ok, ts_ok: what its own SYN said (mss and wscale -1 if absent or not seen)
    shift:    how far its window fields are shifted now (0 on SYNs)
    max_len:  payload above this leaves the fast path
    layout:   its usual option layout
    una_doubt: what was acknowledged before a segment that its receiver may ignore acknowledged more (UNKNOWN: none did)
    left_*:   when its last recovery ended, as seen; up to where it reached; why it sent again during it
    sent:     records with sequence space not acknowledged yet, in order; `head` is the first valid index
    """

    __slots__ = (
        "addr_key",
        "age_ns",
        "beyond",
        "ce_after",
        "ce_frames",
        "ce_pending",
        "conn",
        "cwr_due",
        "cwr_end",
        "cwr_seen",
        "data_packets",
        "dup_bytes",
        "dupacks",
        "dupacks_total",
        "ece_from",
        "ece_ticked",
        "edge",
        "edge_record",
        "fast",
        "fin",
        "fin_acked",
        "fin_arrived",
        "fin_ns",
        "fin_record",
        "first",
        "giants",
        "head",
        "holes",
        "id_bad",
        "id_inc",
        "id_next",
        "id_ok",
        "ident",
        "iss",
        "last",
        "last_ack",
        "last_new_ns",
        "last_pure",
        "law",
        "layout",
        "left_cause",
        "left_high",
        "left_ns",
        "limit",
        "loop_n",
        "loop_ns",
        "max_len",
        "max_sack",
        "max_wnd",
        "missing",
        "mode",
        "mss",
        "name",
        "nxt",
        "packets",
        "passive",
        "peer",
        "port",
        "probe_gap",
        "probe_record",
        "probes",
        "pure_acks",
        "recover",
        "resend_bytes",
        "resends",
        "resent",
        "rst",
        "rst_count",
        "rtt_max",
        "rtt_min",
        "rtt_n",
        "rtt_sum",
        "sack_news",
        "sack_ok",
        "sacked",
        "seg_max",
        "sent",
        "shift",
        "srtt",
        "stage",
        "start_nxt",
        "state",
        "stray",
        "syn",
        "syn_acked",
        "syn_first",
        "tfo_bytes",
        "tos",
        "ts_ecr",
        "ts_first",
        "ts_ok",
        "ts_val",
        "turn_ns",
        "una",
        "una_doubt",
        "una_ns",
        "unseen",
        "wnd",
        "wscale",
        "zero_left_ns",
        "zero_since",
    )  # fmt: skip

    def __init__(self, conn: Conn, name: str, key: bytes) -> None:
        self.conn = conn
        self.name = name
        self.addr_key = key
        self.peer: Half = self
        self.fast = False
        self.packets = 0
        self.first: TcpRecord | None = None
        self.last: TcpRecord | None = None
        self.state: str = ""
        # sequence space
        self.iss = UNKNOWN
        self.start_nxt = UNKNOWN
        self.nxt = UNKNOWN
        self.una = UNKNOWN
        self.una_ns = 0
        self.edge = UNKNOWN
        self.edge_record: TcpRecord | None = None
        self.limit = UNKNOWN
        self.law = UNKNOWN
        self.sent: list[TcpRecord] = []
        self.head = 0
        self.holes: list[Hole] | None = None
        self.sacked: list[list[int]] | None = None
        self.sack_news: list[tuple[int, int, int]] | None = None
        self.last_new_ns = 0
        self.data_packets = 0
        # its own acknowledgements and windows
        self.last_ack = UNKNOWN
        self.wnd = UNKNOWN
        self.max_wnd = 0
        self.zero_since = UNKNOWN
        self.zero_left_ns = 0
        self.pure_acks = 0
        self.last_pure: TcpRecord | None = None
        self.loop_n = 0
        self.loop_ns = 0
        self.rst_count = 0
        # options
        self.syn: TcpRecord | None = None
        self.syn_first: TcpRecord | None = None
        self.syn_acked = False
        self.mss = UNKNOWN
        self.wscale = UNKNOWN
        self.shift = 0
        self.sack_ok = False
        self.ts_ok = False
        self.layout = UNSET_LAYOUT
        self.max_len = 0
        self.seg_max = 536
        self.ts_val = UNKNOWN
        self.ts_ecr = UNKNOWN
        self.ts_first: TcpRecord | None = None
        self.tos = 0
        # losses and their repair
        self.mode = MODE_OPEN
        self.recover = UNKNOWN
        self.dupacks = 0
        self.dupacks_total = 0
        self.resends: list[Resend] | None = None
        self.resent = 0
        self.resend_bytes = 0
        self.dup_bytes = 0
        self.giants = 0
        self.max_sack = UNKNOWN
        # closing
        self.fin = UNKNOWN
        self.fin_record: TcpRecord | None = None
        self.fin_acked = False
        self.fin_arrived = False
        self.fin_ns = 0
        self.una_doubt = UNKNOWN
        self.left_ns = UNKNOWN
        self.left_high = UNKNOWN
        self.left_cause = ""
        self.passive = False
        self.rst: TcpRecord | None = None
        self.stage = 0
        # round trips from the tap to the peer and back
        self.srtt = 0
        self.rtt_min = UNKNOWN
        self.rtt_max = 0
        self.rtt_sum = 0
        self.rtt_n = 0
        self.turn_ns = UNKNOWN
        # completeness
        self.id_next = UNKNOWN
        self.id_inc = 1
        self.id_ok = 0
        self.id_bad = 0
        self.unseen = 0
        self.missing = 0
        self.beyond: list[Beyond] | None = None
        self.stray: TcpRecord | None = None
        # probes
        self.probes = 0
        self.probe_record: TcpRecord | None = None
        self.probe_gap = 0
        self.tfo_bytes = 0
        self.age_ns = 0
        self.ident = 0
        # ECN
        self.ce_frames = 0
        self.ce_pending: TcpRecord | None = None
        self.ece_from: TcpRecord | None = None
        self.ece_ticked = False
        self.cwr_due = UNKNOWN
        self.cwr_seen = False
        self.cwr_end = UNKNOWN
        self.ce_after = False
        self.port = key[-4] << 8 | key[-3]

    def rel(self, number: int) -> int:
        """A sequence number of this endpoint relative to its ISN (or to the first number seen)."""
        return number - (self.iss if self.iss >= 0 else self.start_nxt)

    def outstanding(self) -> int:
        """Octets of sequence space sent and not acknowledged, as seen."""
        return self.nxt - self.una if self.una >= 0 and self.nxt > self.una else 0

    def ids_count(self) -> bool:
        """Its IP identifications count its packets, so that a gap proves a packet not seen."""
        return self.id_inc == 1 and self.id_ok >= 4 and self.id_ok >= 3 * self.id_bad

    def sent_whole(self, r: TcpRecord) -> bool:
        """The giant before `r` took one IP identification only: it went over the wire as it is."""
        last = self.last
        if last is None or self.giants == 0 or last.payload_len <= self.seg_max:
            return False
        return r.ip_id == (last.ip_id + 1) & 0xFFFF

    def id_gaps(self) -> int:
        """Packets that the IP identifications say were sent and not seen; 0 where they say nothing."""
        return self.unseen if self.ids_count() else 0

    def bytes_sent(self) -> int:
        """Octets of payload in its sequence space up to the highest seen."""
        if self.nxt < 0:
            return 0
        base = self.iss + 1 if self.iss >= 0 else self.start_nxt
        top = self.nxt - (1 if 0 <= self.fin < self.nxt else 0)
        return max(0, top - base)

    def shift_known(self) -> bool:
        """The scale of the windows offered *to* this end is known, so that its right edge is."""
        return self.peer.shift != 14 or self.peer.wscale == 14

    def pending_zero(self) -> bool:
        """The window of this end is closed, or was until a moment ago."""
        return self.zero_since >= 0


class Conn:
    """One connection: its two halves, its lists, its candidates.

    open:  "handshake", "simultaneous", "midstream", "attempt", "refused"
    close: "fin", "simultaneous", "rst", "none"
    """

    __slots__ = (
        "analysis",
        "answers_again",
        "candidates",
        "checked",
        "client",
        "close",
        "closed_ns",
        "duplicates",
        "first_frame",
        "first_ns",
        "full_rtt",
        "icmp_ns",
        "ident",
        "last_frame",
        "last_ns",
        "linger",
        "open",
        "previous",
        "prior_syn",
        "quality",
        "reordered",
        "reused",
        "rtt_ns",
        "server",
        "syn_copy",
        "vantage",
    )  # fmt: skip

    def __init__(self, ident: int, client_key: bytes, server_key: bytes, record: TcpRecord) -> None:
        self.ident = ident
        self.client = Half(self, "client", client_key)
        self.server = Half(self, "server", server_key)
        self.client.peer = self.server
        self.server.peer = self.client
        self.first_frame = record.frame
        self.last_frame = record.frame
        self.first_ns = record.t_ns
        self.last_ns = record.t_ns
        self.open = "midstream"
        self.close = "none"
        self.closed_ns = UNKNOWN
        self.vantage = AT_UNKNOWN
        self.rtt_ns = UNKNOWN
        self.full_rtt = UNKNOWN
        self.analysis: dict[str, array[int]] | None = None
        self.candidates: dict[str, Candidate] | None = None
        self.quality: dict[str, list[int]] | None = None
        self.reordered = 0
        self.duplicates = 0
        self.reused = False
        self.previous: Tomb | None = None
        self.prior_syn: TcpRecord | None = None
        self.syn_copy: TcpRecord | None = None
        self.answers_again: list[int] | None = None
        self.icmp_ns = UNKNOWN
        self.linger = False
        self.checked = 0

    def add(self, category: str, frame: int) -> None:
        """Enter a frame under a category of `analysis`."""
        if self.analysis is None:
            self.analysis = {}
        frames = self.analysis.get(category)
        if frames is None:
            frames = self.analysis[category] = array("q")
        if not frames or frames[-1] < frame:
            frames.append(frame)
        elif frame not in frames:
            place = len(frames)
            while place > 0 and frames[place - 1] > frame:
                place -= 1
            frames.insert(place, frame)

    def discard(self, category: str, frame: int) -> None:
        """Take a frame out of a category again: later evidence spoke against it."""
        if self.analysis is None:
            return
        frames = self.analysis.get(category)
        if frames is None:
            return
        for index in range(len(frames) - 1, -1, -1):
            if frames[index] == frame:
                del frames[index]
                return
            if frames[index] < frame:
                return

    def note_quality(self, code: str, frame: int) -> None:
        """A fault of the capture, at this frame."""
        if self.quality is None:
            self.quality = {}
        frames = self.quality.setdefault(code, [0])
        frames[0] += 1
        if len(frames) <= 20:
            frames.append(frame)

    def packets(self) -> int:
        """Of both directions."""
        return self.client.packets + self.server.packets


class Tomb:
    """What is remembered of a connection that is over, in case its addresses and ports are used again.

    active: "client", "server", "both" or "" - who closed first and so is in TIME-WAIT
    """

    __slots__ = ("active", "client_key", "client_nxt", "closed_ns", "first_frame", "reset", "server_nxt", "ts_val")

    def __init__(
        self, client_key: bytes, client_nxt: int, server_nxt: int, ts_val: int, closed_ns: int, reset: bool,
        first_frame: int, active: str,
    ) -> None:  # fmt: skip
        self.client_key = client_key
        self.client_nxt = client_nxt
        self.server_nxt = server_nxt
        self.ts_val = ts_val
        self.closed_ns = closed_ns
        self.reset = reset
        self.first_frame = first_frame
        self.active = active


def tomb_of(conn: Conn) -> Tomb:
    """The tomb of a connection that is over."""
    client, server = conn.client, conn.server
    active = ""
    if conn.close in ("fin", "simultaneous"):
        if not client.passive and client.fin >= 0:
            active = "client"
        if not server.passive and server.fin >= 0:
            active = "both" if active else "server"
    return Tomb(
        client.addr_key, client.nxt, server.nxt, client.ts_val, conn.closed_ns if conn.closed_ns >= 0 else conn.last_ns,
        client.rst is not None or server.rst is not None, conn.first_frame, active,
    )  # fmt: skip


class Candidate:
    """Something a rule reported, before the gate decides whether the capture allows to say so."""

    __slots__ = ("anywhere", "confidence", "count", "evidence", "frames", "half", "message", "rule_index")

    def __init__(
        self, rule_index: int, half: Half, confidence: str, message: str, frame: int, evidence: list[int]
    ) -> None:
        self.rule_index = rule_index
        self.half = half
        self.confidence = confidence
        self.message = message
        self.frames = [frame]
        self.evidence = evidence
        self.count = 1
        self.anywhere = False
