"""The streaming pass: which connection a record belongs to, the fast path, and the life of connections.

`feed` takes plain in-order data and plain new acknowledgements with integer comparisons only;
everything else goes through `take` (in `segment.py`), which classifies and asks the rules.
Memory is bounded by live connections: a closed one lingers for a while (so that what comes
after its end is still seen as belonging to it), is then summarised, handed to `on_done` and
remembered only as a small `Tomb`; unanswered SYNs are limited in number, oldest out first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from netsim.base.packet import ACK, PSH, RST, SYN
from netsim.capture.record import NOTE_RESERVED, IcmpRecord, TcpRecord, reverse_key
from netsim.check.attempts import Attempt, Kind, finish_attempt, is_plain_answer, is_plain_syn
from netsim.check.flow import MASK, UNKNOWN, Conn, Half, Tomb, tomb_of
from netsim.check.look import Look
from netsim.check.model import AT_CAPTURE, AT_END, MOMENTS, Rule
from netsim.check.states import STAGE_OPEN, STAGE_SYN_RECEIVED, refresh
from netsim.check.summary import Row
from netsim.wire.options import TcpOptions

_PLAIN: Final = 0x1FF & ~PSH
_HALF: Final = 0x80000000
LINGER_NS: Final = 125_000_000_000
"""Somewhat over the 2MSL of 120 s: until then TIME-WAIT may have to answer what comes late."""
TOMB_NS: Final = 240_000_000_000
MAX_ATTEMPTS: Final = 20_000
MAX_LINGERING: Final = 5_000
MAX_TOMBS: Final = 50_000
ATTEMPT_NS: Final = 190_000_000_000
FAR: Final = 1 << 17
NEW_NUMBERS: Final = 1 << 15
"""So far ahead of a finished connection only a new one begins (Linux: 65,537 ahead of TIME-WAIT's)."""
SLOW_AGE_NS: Final = 200_000_000
MAX_ISNS: Final = 20_000


_GRAVE: Final = Conn(
    -1, bytes(12), bytes(12),
    TcpRecord(0, 0, 0, bytes(12), 0, 0, 0, 0, 0, -1, -1, TcpOptions(), 0, 0, 0, True, 0, 0, 20, 0, b"", 0, 0),
)  # fmt: skip
"""Where the halves of finished connections point to."""


class Tracker:
    """Rebuilds connections from records, in one pass.

    rules:   in registry order; asked at their moments
    on_done: called with each connection when it is over and judged by the rules asked at its end
    on_alike: called with an opening that is like an earlier one, and that one's row; None: all are followed in full
    """

    __slots__ = (
        "at",
        "attempts",
        "bad_sums",
        "clean_syns",
        "clock_steps",
        "conns",
        "first_ns",
        "halves",
        "hits",
        "isn_count",
        "isns",
        "kinds",
        "last_kind",
        "last_ns",
        "lingering",
        "look",
        "noted",
        "now_ns",
        "on_alike",
        "on_done",
        "partial",
        "rules",
        "taking_again",
        "tombs",
        "vantage",
    )  # fmt: skip

    def __init__(
        self,
        rules: tuple[Rule, ...],
        on_done: Callable[[Conn], None],
        on_alike: Callable[[Row, Attempt], None] | None = None,
    ) -> None:
        self.rules = rules
        self.on_done = on_done
        self.on_alike = on_alike
        self.at: list[list[tuple[int, Rule]]] = [[] for _ in range(MOMENTS)]
        for index, rule in enumerate(rules):
            for moment in rule.moments:
                self.at[moment].append((index, rule))
        self.halves: dict[bytes, Half] = {}
        self.conns = 0
        self.attempts: OrderedDict[bytes, Attempt] = OrderedDict()
        self.noted: dict[bytes, Attempt] = {}
        """Those openings of `attempts` that are not followed in full, by the key of the answer."""
        self.kinds: dict[Kind, Row] = {}
        self.last_kind: Attempt | None = None
        self.taking_again = False
        self.lingering: OrderedDict[int, Conn] = OrderedDict()
        self.tombs: OrderedDict[bytes, Tomb] = OrderedDict()
        self.now_ns = 0
        self.first_ns = UNKNOWN
        self.last_ns = UNKNOWN
        self.clock_steps: list[tuple[int, int]] = []
        self.isns: dict[bytes, list[tuple[int, int, int]]] = {}
        self.isn_count = 0
        self.hits: list[tuple[int, str, str, list[int]]] = []
        self.clean_syns: set[tuple[int, bytes, int, int, bytes]] = set()
        self.look: Look | None = None
        self.partial = 0
        self.bad_sums = 0
        self.vantage = 0

    # --- per packet --------------------------------------------------------------------

    def feed(self, r: TcpRecord) -> None:
        """Take one record, in the file's order."""
        h = self.halves.get(r.key)
        if h is None:
            self._meet(r)
            return
        if h.fast and (r.flags & _PLAIN) == ACK and r.tos == h.tos and r.seq == h.nxt & MASK and (
            r.opts.layout == h.layout
        ):  # fmt: skip
            p = h.peer
            una = p.una
            moved = (r.ack - una) & MASK
            size = r.payload_len
            edge = una + moved + (r.wnd << h.shift)
            end = h.nxt + size
            t_ns = r.t_ns
            if (
                una + moved <= p.nxt
                and edge >= p.edge
                and r.wnd != 0
                and not r.opts.problem
                and not r.notes & NOTE_RESERVED
                and end < h.limit
                and size <= h.max_len
                and (size != 0 or (moved != 0 and not r.tos & 3))
                and t_ns >= self.now_ns
                and (r.ts_val < 0 or ((r.ts_val - h.ts_val) & MASK < _HALF and (p.ts_val - r.ts_ecr) & MASK < _HALF))
            ):
                if moved:
                    sent = p.sent
                    head = p.head
                    count = len(sent)
                    if head < count and t_ns - sent[head].t_ns < SLOW_AGE_NS:
                        last = sent[head]
                        while head < count:
                            first = sent[head]
                            if (first.seq + first.payload_len - una) & MASK > moved:
                                break
                            last = first
                            head += 1
                        if head > p.head:
                            rtt = t_ns - last.t_ns
                            p.srtt += (rtt - p.srtt) >> 3
                            if rtt < p.rtt_min or p.rtt_min < 0:
                                if not p.rtt_n:
                                    p.srtt = rtt
                                p.rtt_min = rtt
                            if rtt > p.rtt_max:
                                p.rtt_max = rtt
                            p.rtt_sum += rtt
                            p.rtt_n += 1
                            if head > 256:
                                del sent[: head - 32]
                                head = 32
                            p.head = head
                    elif head < count:
                        self._slow(h, r)
                        return
                    una += moved
                    p.una = una
                    p.una_ns = t_ns
                    law = p.law + una + una
                    p.limit = edge if edge < law else law
                elif edge > p.edge:
                    law = p.law + una + una
                    p.limit = edge if edge < law else law
                p.edge = edge
                p.edge_record = r
                h.wnd = r.wnd
                h.last_ack = una
                if size:
                    h.nxt = end
                    h.sent.append(r)
                    h.last_new_ns = t_ns
                    h.data_packets += 1
                    if h.head == 0 and len(h.sent) > 4096:
                        del h.sent[:2048]
                else:
                    h.pure_acks += 1
                h.ts_val = r.ts_val
                h.ts_ecr = r.ts_ecr
                if r.ip_id == h.id_next:
                    h.id_ok += 1
                elif h.id_inc:
                    _note_id(h, r)
                if size > h.seg_max:
                    h.id_next = (r.ip_id + (size + h.seg_max - 1) // h.seg_max) & 0xFFFF
                else:
                    h.id_next = (r.ip_id + h.id_inc) & 0xFFFF
                h.last = r
                h.packets += 1
                self.now_ns = t_ns
                return
        self._slow(h, r)

    def _slow(self, h: Half, r: TcpRecord) -> None:
        """Everything that is not plain."""
        c = h.conn
        if c.linger and not r.flags & SYN:
            # It still belongs to the connection, however late it is.
            c.last_ns = r.t_ns
            self.lingering.move_to_end(c.ident)
        self._tick(r)
        if h.conn is not c:
            # Its time was over by this very clock: a SYN begins another one.
            self._meet(r)
            return
        if c.linger and self._reopens(h, r):
            return
        take(self, h, r)

    def _tick(self, r: TcpRecord) -> None:
        """The clock of the capture; whatever is due by it."""
        t_ns = r.t_ns
        if t_ns < self.now_ns:
            if len(self.clock_steps) < 1000:
                self.clock_steps.append((r.frame, t_ns - self.now_ns))
        elif self.first_ns < 0:
            self.first_ns = t_ns
        self.now_ns = t_ns
        lingering = self.lingering
        while lingering:
            ident = next(iter(lingering))
            c = lingering[ident]
            if len(lingering) <= MAX_LINGERING and t_ns - c.last_ns < LINGER_NS:
                break
            del lingering[ident]
            self.finish_conn(c)

    # --- the life of connections ---------------------------------------------------------

    def _meet(self, r: TcpRecord) -> None:
        """The first record of an unknown pair of endpoints, or one of an opening that is only noted."""
        key = r.key
        a = self.noted.get(key)
        if a is not None:
            if a.answer is None and is_plain_answer(self, a.syn, r):
                self._tick(r)
                a.answer = r
                self._keep_isn(r)
                return
            self._slow(self.materialize(a).server, r)
            return
        a = self.attempts.get(key)
        if a is not None and a.conn is None:
            self._slow(self.materialize(a).client, r)
            return
        self._tick(r)
        other = reverse_key(key)
        flags = r.flags
        tombs = self.tombs
        if (
            flags & SYN
            and self.on_alike is not None
            and (not tombs or (key not in tombs and other not in tombs))
            and is_plain_syn(self, r)
        ):
            self.attempts[key] = self.noted[other] = Attempt(self.conns, r, other, None)
            self.conns += 1
            self._keep_isn(r)
            self._limit_attempts(r)
            return
        from_client = True
        if flags & SYN:
            from_client = not flags & ACK
        else:
            sport = r.key[-4] << 8 | r.key[-3]
            dport = r.key[-2] << 8 | r.key[-1]
            from_client = sport > dport
        c = self._open(r, key if from_client else other, other if from_client else key)
        take(self, c.client if from_client else c.server, r)

    def _open(self, r: TcpRecord, client: bytes, server: bytes) -> Conn:
        """A new connection; its first record is `r`."""
        c = Conn(self.conns, client, server, r)
        self.conns += 1
        tombs = self.tombs
        if tombs:
            tomb = tombs.pop(client, None) or tombs.pop(server, None)
            if tomb is not None and r.t_ns - tomb.closed_ns < TOMB_NS:
                c.previous = tomb
        self._enter(c, r)
        if r.flags & SYN and not r.flags & ACK:
            c.open = "attempt"
            self.attempts[client] = Attempt(c.ident, r, server, c)
            self._limit_attempts(r)
        return c

    def _enter(self, c: Conn, r: TcpRecord) -> None:
        """From now on the connection's segments find it."""
        self.halves[c.client.addr_key] = c.client
        self.halves[c.server.addr_key] = c.server
        if self.look is None:
            self.look = Look(c, r)

    def _limit_attempts(self, r: TcpRecord) -> None:
        """Give the oldest opening up if there are too many, or if it waits too long."""
        attempts = self.attempts
        if len(attempts) > MAX_ATTEMPTS or (
            r.frame & 0xFF == 0 and r.t_ns - _last_ns(next(iter(attempts.values()))) > ATTEMPT_NS
        ):
            _, oldest = attempts.popitem(last=False)
            c = oldest.conn
            if c is None:
                del self.noted[oldest.other]
                finish_attempt(self, oldest)
            elif not c.linger:
                self.finish_conn(c)

    def materialize(self, a: Attempt) -> Conn:
        """Follow in full an opening that was only noted: take its records as they would have been at once."""
        syn = a.syn
        c = Conn(a.ident, syn.key, a.other, syn)
        c.open = "attempt"
        self.noted.pop(a.other, None)
        a.conn = c
        self._enter(c, syn)
        self.taking_again = True
        take(self, c.client, syn)
        if a.answer is not None:
            take(self, c.server, a.answer)
            a.answer = None
        self.taking_again = False
        return c

    def answered(self, c: Conn) -> None:
        """The connection is no longer a mere attempt."""
        self.attempts.pop(c.client.addr_key, None)

    def closed(self, c: Conn, t_ns: int) -> None:
        """The connection is over; it lingers."""
        if c.closed_ns < 0:
            c.closed_ns = t_ns
        if not c.linger:
            c.linger = True
            self.lingering[c.ident] = c
            self.attempts.pop(c.client.addr_key, None)

    def _reopens(self, h: Half, r: TcpRecord) -> bool:
        """A SYN with another ISN after the end is a new connection with the same addresses and ports."""
        if not r.flags & SYN and not r.flags & RST and h.fin_acked and h.peer.fin_acked:
            # Numbers from elsewhere after both FINs: the SYN of a new connection was not seen.
            ahead = (r.seq - h.nxt) & MASK
            if NEW_NUMBERS <= ahead < (1 << 32) - FAR:
                self.begin_anew(h.conn, r)
                return True
            return False
        if not r.flags & SYN or r.flags & RST:
            return False
        if r.flags & ACK:
            if (h.syn is None or h.syn.seq != r.seq) and h.peer.fin_acked:
                self.begin_anew(h.conn, r)
                return True
            return False
        known = h.syn
        if known is not None and known.seq == r.seq:
            return False
        stray = h.stray
        if stray is not None and stray.seq == r.seq:
            # It was sent before, into the connection that a reset has ended since: this is its retransmission.
            self.replace(h.conn, stray, h.addr_key, h.peer.addr_key)
            self.feed(r)
            return True
        self.replace(h.conn, r, h.addr_key, h.peer.addr_key)
        return True

    def begin_anew(self, old: Conn, r: TcpRecord) -> None:
        """End `old` and take `r` as the first packet seen of another connection between the same ends."""
        self.lingering.pop(old.ident, None)
        self.finish_conn(old)
        self._meet(r)

    def replace(self, old: Conn, r: TcpRecord, client: bytes, server: bytes) -> None:
        """End `old` now and begin a new connection on the same addresses and ports with the SYN `r`."""
        self.lingering.pop(old.ident, None)
        self.attempts.pop(old.client.addr_key, None)
        if old.closed_ns < 0:
            old.closed_ns = old.last_ns
        self.finish_conn(old)
        c = self._open(r, client, server)
        if c.previous is None and old.open != "attempt" and r.t_ns - old.closed_ns < TOMB_NS:
            c.previous = tomb_of(old)
        if old.client.syn is not None and old.client.last is old.client.syn and old.server.data_packets == 0:
            # Nothing but SYNs from the client so far: as far as it shows, it still waits for an answer.
            c.prior_syn = old.client.syn
        else:
            c.reused = True
            c.add("reused_ports", r.frame)
        take(self, c.client, r)

    def finish_conn(self, c: Conn) -> None:
        """Summarise: ask the rules of the end, hand over, forget all but a tomb."""
        if self.halves.get(c.client.addr_key) is c.client:
            del self.halves[c.client.addr_key]
        if self.halves.get(c.server.addr_key) is c.server:
            del self.halves[c.server.addr_key]
        refresh(c)
        settle(self, c)
        x = self.look
        record = c.client.last or c.server.last
        if x is not None and record is not None:
            x.c, x.h, x.p, x.r = c, c.client, c.server, record
            x.seq = x.end = x.ack = x.edge = UNKNOWN
            x.n = 0
            x.resend = None
            for index, rule in self.at[AT_END]:
                x.rule = index
                rule.look(x)
        unfinished = c.open == "attempt" or (c.server.stage == STAGE_SYN_RECEIVED and c.close == "none")
        if not unfinished or c.client.fin >= 0:
            tombs = self.tombs
            tombs[c.client.addr_key] = tomb_of(c)
            if len(tombs) > MAX_TOMBS:
                tombs.popitem(last=False)
        self.on_done(c)
        # Part the ring of references, so that all of it goes at once.
        for half in (c.client, c.server):
            half.peer = _GRAVE.client
            half.conn = _GRAVE

    def finish(self) -> None:
        """The capture is over: finish every connection, in order of appearance, then the rules of the capture."""
        rest: dict[int, Conn] = {}
        for h in self.halves.values():
            rest[h.conn.ident] = h.conn
        noted = {a.ident: a for a in self.noted.values()}
        self.lingering.clear()
        self.attempts.clear()
        self.noted.clear()
        for ident in sorted([*rest, *noted]):
            c = rest.get(ident)
            if c is not None:
                self.finish_conn(c)
            else:
                finish_attempt(self, noted.pop(ident))
        x = self.look
        if x is not None:
            x.isns = self.isns
            for index, rule in self.at[AT_CAPTURE]:
                x.rule = index
                rule.look(x)
            self.hits = x.hits
            x.isns = {}
        self.isns = {}
        self.tombs.clear()

    def note_icmp(self, error: IcmpRecord) -> None:
        """An ICMP error about a segment: its sender may answer by sending again, in other sizes."""
        a = self.noted.get(error.key) or self.noted.get(reverse_key(error.key))
        if a is not None:
            self.materialize(a)
        half = self.halves.get(error.key)
        if half is not None:
            half.conn.icmp_ns = error.t_ns
            half.fast = half.peer.fast = False

    def note_isn(self, h: Half, r: TcpRecord) -> None:
        """Remember an ISN for the rules that look at many connections of one host."""
        if not self.taking_again:
            self._keep_isn(r)

    def _keep_isn(self, r: TcpRecord) -> None:
        if self.isn_count >= MAX_ISNS:
            return
        self.isn_count += 1
        half = (len(r.key) - 4) // 2
        self.isns.setdefault(r.key[:half], []).append((r.t_ns, r.seq, r.frame))


def _last_ns(a: Attempt) -> int:
    """When something was last seen of an opening."""
    if a.conn is not None:
        return a.conn.last_ns
    return a.syn.t_ns if a.answer is None else a.answer.t_ns


def _note_id(h: Half, r: TcpRecord) -> None:
    """The IP identification is not the next one: packets not seen, another order, or no counter at all."""
    gap = (r.ip_id - h.id_next) & 0xFFFF
    if r.ip_id < 0 or (r.ip_id == 0 and h.id_next == 1 and h.id_ok == 0):
        h.id_inc = 0
    elif gap < 512:
        h.unseen += gap
        h.id_bad += 1
    elif gap < 0xFF00:
        h.id_bad += 2
    elif h.sent_whole(r):
        h.giants -= 1
    if h.id_bad > 8 and h.id_bad > 2 * h.id_ok:
        h.id_inc = 0


def is_open(h: Half) -> bool:
    """Both ends are synchronized as far as this end's traffic shows."""
    return h.stage == STAGE_OPEN


from netsim.check.segment import settle, take  # noqa: E402  (the two halves of one loop)
