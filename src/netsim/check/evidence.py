"""What rules have in common: was it negotiated, who sent first, how long is the round trip."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK, AE, CWR, ECE
from netsim.capture.record import NOTE_CUT, NOTE_IP_TOO_LONG, TcpRecord
from netsim.check.cause import TIMEOUT
from netsim.check.flow import AT_CLIENT, AT_SERVER, MASK, UNKNOWN, Conn, Half, Resend, unwrap
from netsim.check.look import Look
from netsim.check.sequence import EARLIER, LATER, SAME, order_of
from netsim.check.vantage import infer
from netsim.wire.checksum import PROTO_TCP, ones_sum, pseudo_sum

__all__ = (
    "EARLIER", "LATER", "SAME", "agreed", "ecn_agreed", "ids_order", "is_group", "is_near", "knows_closed", "order_of",
    "round_trip", "sack_blocks", "sent_apart", "stamps_agreed", "timeout_gap", "whole_checksum_fits",
)  # fmt: skip

NO_ECN: Final = 0
CLASSIC_ECN: Final = 1
OTHER_ECN: Final = 2


def agreed(c: Conn) -> bool:
    """SYN and SYN-ACK were both seen, so the options are known."""
    return c.client.syn is not None and c.server.syn is not None and c.server.syn.flags & ACK != 0


def stamps_agreed(c: Conn) -> bool:
    """Timestamps were offered and accepted."""
    return agreed(c) and c.client.ts_ok and c.server.ts_ok


def ecn_agreed(c: Conn) -> int:
    """0: the handshake did not agree on ECN; 1: it did (RFC 3168); 2: unknown, or another kind (Accurate ECN)."""
    client = c.client.syn
    server = c.server.syn
    if client is None or server is None or client.flags & AE or server.flags & AE:
        return OTHER_ECN
    if client.flags & (ECE | CWR) != ECE | CWR:
        return NO_ECN
    return CLASSIC_ECN if server.flags & (ECE | CWR) == ECE else NO_ECN


def ids_order(h: Half, r: TcpRecord, other: TcpRecord) -> int:
    """Was `r` sent EARLIER or LATER than `other`, by the IP identification alone? SAME if it does not tell."""
    if r.ip_id <= 0 or other.ip_id <= 0 or not h.ids_count():
        return SAME
    step = (r.ip_id - other.ip_id) & 0xFFFF
    if 0 < step < 0x1000:
        return LATER
    return EARLIER if step > 0xF000 else SAME


def is_group(address: bytes) -> bool:
    """A multicast address, or IPv4's limited broadcast."""
    if len(address) == 4:
        return 224 <= address[0] <= 239 or address == b"\xff\xff\xff\xff"
    return address[0] == 0xFF


def is_near(h: Half) -> bool:
    """As far as can be told by now, the tap is at this end: nothing that it sends is overtaken before the tap."""
    c = h.conn
    place = c.vantage or infer(c.client.turn_ns, c.server.turn_ns)
    return place == (AT_CLIENT if h.name == "client" else AT_SERVER)


def knows_closed(x: Look) -> bool:
    """The window is closed, and the sender has been told: it echoes that ACK's clock, or there was time enough."""
    closed_ns = x.p.zero_since
    if closed_ns < 0:
        return False
    last = x.p.last
    if last is not None and last.wnd == 0 and x.r.ts_ecr >= 0 and x.r.ts_ecr == last.ts_val:
        return True
    turn = max(x.h.turn_ns, x.p.srtt, 0)
    return x.r.t_ns - closed_ns > turn + (turn >> 1) + 1_000_000


def whole_checksum_fits(r: TcpRecord) -> bool:
    """The checksum over the whole segment, wherever its header may end, is right: nothing damaged it on the way."""
    size = r.end_at - r.tcp_at
    if size < 20 or r.notes & (NOTE_CUT | NOTE_IP_TOO_LONG):
        return False
    half = (len(r.key) - 4) // 2
    pseudo = pseudo_sum(r.key[:half], r.key[half : 2 * half], PROTO_TCP, size)
    return ones_sum(memoryview(r.buf)[r.tcp_at : r.end_at], pseudo) == 0xFFFF


def sent_apart(h: Half, first: TcpRecord, again: TcpRecord) -> int:
    """The time at most between two sendings, ns, by the sender's own timestamp clock; UNKNOWN if it does not tell.

    Holds wherever the tap is: the network's jitter is not in it, but for what it adds to the measured tick.
    """
    start = h.ts_first
    if start is None or first.ts_val < 0 or again.ts_val < 0:
        return UNKNOWN
    ticks = (again.ts_val - start.ts_val) & MASK
    passed = again.t_ns - start.t_ns
    if not 20 <= ticks < 0x40000000 or passed < 50_000_000:
        return UNKNOWN
    # RFC 7323 §5.4: a tick of at least 1 ms. Were the first segment held up on its way, it would seem shorter.
    tick = max(passed // ticks, 1_000_000)
    return (((again.ts_val - first.ts_val) & MASK) + 1) * (tick + (tick >> 2))


def round_trip(h: Half) -> int:
    """The round-trip time between the ends as known so far, ns; 0 if not known."""
    p = h.peer
    near = p.srtt or h.turn_ns
    far = h.srtt or p.turn_ns
    return near + far if near >= 0 and far >= 0 else 0


def sack_blocks(x: Look) -> list[tuple[int, int]]:
    """The SACK blocks of this segment, unwrapped in the peer's space."""
    near = x.p.nxt if x.p.nxt >= 0 else x.ack
    return [(unwrap(near, left), unwrap(near, right)) for left, right in x.r.opts.sack]


def timeout_gap(h: Half, resend: Resend) -> int:
    """The time between the last two timeouts of this byte before `resend`, ns; 0 if there were not two in a row."""
    resends = h.resends
    if resend.cause != TIMEOUT or not resends or resend.first is None:
        return 0
    for index in range(len(resends) - 1, -1, -1):
        entry = resends[index]
        if entry.record is not resend.first:
            continue
        if entry.cause != TIMEOUT or entry.start != resend.start or entry.first is None:
            return 0
        for earlier in range(index - 1, -1, -1):
            if resends[earlier].record is entry.first:
                return entry.waited_ns if resends[earlier].cause == TIMEOUT else 0
        return 0
    return 0
