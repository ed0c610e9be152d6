"""Impairments: what else may happen to a packet on a link. Rules say when, actions say what.

An `Impairer` judges each packet that a channel is about to carry and writes what should
become of it into a `Verdict`. `RuleSet` is the one for rules ("drop the 2nd data segment from
the client"); `netsim.sim.chance` has those that draw lots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.errors import UsageError
from netsim.base.packet import (
    ABSENT,
    CE,
    NO_BLOCKS,
    OPT_MD5,
    OPT_MSS,
    OPT_SACK,
    OPT_SACK_OK,
    OPT_TFO,
    OPT_WSCALE,
    IcmpMessage,
    Packet,
    Segment,
    UdpDatagram,
)
from netsim.base.seams import mypyc_attr
from netsim.base.seqnum import seq_diff, seq_in
from netsim.sim import reasons

if TYPE_CHECKING:
    from netsim.base.reasons import Reason

ANY: Final = -1


def copy_packet(packet: Packet) -> Packet:
    """A packet equal in every field, so that the network can change it without changing the record."""
    if isinstance(packet, Segment):
        return packet.copy()
    other: Packet
    if isinstance(packet, UdpDatagram):
        other = UdpDatagram(packet.src, packet.dst, packet.sport, packet.dport, packet.payload)
    elif isinstance(packet, IcmpMessage):
        icmp = IcmpMessage(packet.src, packet.dst, packet.icmp_type, packet.icmp_code, packet.quoted, packet.mtu)
        icmp.payload = packet.payload
        other = icmp
    else:
        raise UsageError(f"cannot copy a {type(packet).__name__}")
    other.ttl, other.tos, other.df, other.ip_id = packet.ttl, packet.tos, packet.df, packet.ip_id
    other.uid, other.copy_of, other.corrupted = packet.uid, packet.copy_of, packet.corrupted
    return other


class Verdict:
    """What becomes of one packet. Impairers fill it in; the channel carries it out.

    packet:     what travels on (a changed copy, if something was changed)
    drop:       the reason it is lost, or None
    rule:       name of the rule that dropped it
    delay_ns:   extra delay of this packet alone: later packets may overtake it
    hold_up_ns: extra delay that holds up the packets behind it too
    copies:     how many duplicates to deliver besides
    pass_count: wait until so many later packets have passed (0: do not wait) ...
    pass_at_most_ns: ... but not longer than this
    notes:      (what, rule) for `PacketImpaired`
    """

    __slots__ = (
        "copies", "delay_ns", "drop", "hold_up_ns", "notes", "packet", "pass_at_most_ns", "pass_count", "rule",
    )  # fmt: skip

    def __init__(self, packet: Packet) -> None:
        self.packet = packet
        self.drop: Reason | None = None
        self.rule = ""
        self.delay_ns = 0
        self.hold_up_ns = 0
        self.copies = 0
        self.pass_count = 0
        self.pass_at_most_ns = 0
        self.notes: list[tuple[str, str]] = []

    def change(self, what: str, rule: str) -> Packet:
        """A copy of the packet, to be changed: the record keeps the original. Notes what is done to it."""
        self.packet = copy_packet(self.packet)
        self.notes.append((what, rule))
        return self.packet


@mypyc_attr(allow_interpreted_subclasses=True)
class Impairer:
    """Judges packets as a channel takes them up."""

    def judge(self, now_ns: int, source: str, verdict: Verdict) -> None:
        """Write into `verdict` what becomes of `verdict.packet`, which the node `source` sends on."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class Directory:
    """What rules may ask about the world: whose address it is, which state a sender is in."""

    def host_of(self, address: str) -> str:
        """Name of the host that owns `address`, "" if none."""
        raise NotImplementedError

    def state_of(self, source: str, packet: Packet) -> str:
        """State of the connection at host `source` that sent this segment, "" if there is none."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class Match:
    """Which packets a rule means. Every condition given must hold; what is left out matches all.

    kind:        "tcp", "udp", "icmp"
    from_host, to_host: names of hosts (the one that really sent it, the one it is addressed to)
    src, dst, sport, dport: as in the packet
    flags_set, flags_clear: masks of control bits that must be set, that must not be set
    data:        1: it carries payload, 0: it does not
    length:      exact number of payload bytes
    bytes_from, bytes_to: its payload overlaps this range [from, to) of the sender's stream
                 (0 = the first byte sent)
    seq_from, seq_count: its SEG.SEQ lies in this range of absolute sequence numbers
    resent:      1: it carries sequence space seen on the way before, 0: it does not
    after_ns, before_ns: it is sent in [after, before)
    states:      the sender's state after sending is one of these
    uid:         it is this very packet
    """

    __slots__ = (
        "after_ns", "before_ns", "bytes_from", "bytes_to", "data", "dport", "dst", "flags_clear", "flags_set",
        "from_host", "kind", "length", "resent", "seq_count", "seq_from", "sport", "src", "states", "to_host", "uid",
    )  # fmt: skip

    def __init__(
        self,
        *,
        kind: str = "",
        from_host: str = "",
        to_host: str = "",
        src: str = "",
        dst: str = "",
        sport: int = ANY,
        dport: int = ANY,
        flags_set: int = 0,
        flags_clear: int = 0,
        data: int = ANY,
        length: int = ANY,
        bytes_from: int = ANY,
        bytes_to: int = ANY,
        seq_from: int = ANY,
        seq_count: int = ANY,
        resent: int = ANY,
        after_ns: int = 0,
        before_ns: int = ANY,
        states: tuple[str, ...] = (),
        uid: int = 0,
    ) -> None:
        self.kind = kind
        self.from_host = from_host
        self.to_host = to_host
        self.src = src
        self.dst = dst
        self.sport = sport
        self.dport = dport
        self.flags_set = flags_set
        self.flags_clear = flags_clear
        self.data = data
        self.length = length
        self.bytes_from = bytes_from
        self.bytes_to = bytes_to
        self.seq_from = seq_from
        self.seq_count = seq_count
        self.resent = resent
        self.after_ns = after_ns
        self.before_ns = before_ns
        self.states = states
        self.uid = uid

    def needs_tcp(self) -> bool:
        """Only a TCP segment can match."""
        return bool(
            self.flags_set or self.flags_clear or self.states
            or self.bytes_from != ANY or self.bytes_to != ANY or self.seq_from != ANY or self.resent != ANY
        )  # fmt: skip

    def accepts_envelope(self, now_ns: int, source: str, packet: Packet, directory: Directory) -> bool:
        """The conditions on time and on the IP header hold."""
        if now_ns < self.after_ns or 0 <= self.before_ns <= now_ns:
            return False
        if self.uid and packet.uid != self.uid:
            return False
        if (self.src and packet.src != self.src) or (self.dst and packet.dst != self.dst):
            return False
        if self.from_host and self.from_host not in (source, directory.host_of(packet.src)):
            return False
        return not self.to_host or directory.host_of(packet.dst) == self.to_host

    def accepts_content(self, source: str, packet: Packet, offset: int, resent: bool, directory: Directory) -> bool:
        """The conditions on what the packet carries hold. `offset`: stream offset of its first byte."""
        if isinstance(packet, Segment):
            return self._accepts_segment(source, packet, offset, resent, directory)
        if self.needs_tcp():
            return False
        if isinstance(packet, UdpDatagram):
            return self.kind in ("", "udp") and self._accepts_ports_and_length(
                packet.sport, packet.dport, len(packet.payload)
            )
        return self.kind in ("", "icmp") and self.sport == ANY and self.dport == ANY and self.data == ANY

    def _accepts_ports_and_length(self, sport: int, dport: int, length: int) -> bool:
        if (self.sport != ANY and sport != self.sport) or (self.dport != ANY and dport != self.dport):
            return False
        if self.length != ANY and length != self.length:
            return False
        return self.data == ANY or (length > 0) == (self.data == 1)

    def _accepts_segment(self, source: str, segment: Segment, offset: int, resent: bool, directory: Directory) -> bool:
        if self.kind not in ("", "tcp"):
            return False
        if segment.flags & self.flags_set != self.flags_set or segment.flags & self.flags_clear:
            return False
        length = len(segment.payload)
        if not self._accepts_ports_and_length(segment.sport, segment.dport, length):
            return False
        if self.bytes_from != ANY and offset + length <= self.bytes_from:
            return False
        if self.bytes_to != ANY and offset >= self.bytes_to:
            return False
        if (self.bytes_from != ANY or self.bytes_to != ANY) and length == 0:
            return False
        if self.seq_from != ANY and not seq_in(segment.seq, self.seq_from, max(1, self.seq_count)):
            return False
        if self.resent != ANY and resent != (self.resent == 1):
            return False
        return not self.states or directory.state_of(source, segment) in self.states


@mypyc_attr(allow_interpreted_subclasses=True)
class Effect:
    """What a rule does with a packet that it matches."""

    def apply(self, verdict: Verdict, rule: str) -> None:
        """Write it into the verdict; `rule` is the rule's name."""
        raise NotImplementedError


class Drop(Effect):
    """Lose the packet."""

    def apply(self, verdict: Verdict, rule: str) -> None:
        """The packet is lost."""
        verdict.drop = reasons.RULE
        verdict.rule = rule


class Delay(Effect):
    """Deliver the packet `by_ns` later; packets behind it may overtake it."""

    def __init__(self, by_ns: int) -> None:
        self.by_ns = by_ns

    def apply(self, verdict: Verdict, rule: str) -> None:
        """The packet is late."""
        verdict.delay_ns += self.by_ns
        verdict.notes.append(("delay", rule))


class Duplicate(Effect):
    """Deliver `copies` more of it, right behind it."""

    def __init__(self, copies: int = 1) -> None:
        self.copies = copies

    def apply(self, verdict: Verdict, rule: str) -> None:
        """Copies are made; the channel notes each of them, with its own uid."""
        verdict.copies += self.copies
        verdict.rule = rule


class Reorder(Effect):
    """Hold the packet back until `packets` others have passed it, but `at_most_ns` at the longest."""

    def __init__(self, packets: int = 1, at_most_ns: int = 1_000_000_000) -> None:
        self.packets = packets
        self.at_most_ns = at_most_ns

    def apply(self, verdict: Verdict, rule: str) -> None:
        """The packet steps aside."""
        verdict.pass_count = self.packets
        verdict.pass_at_most_ns = self.at_most_ns
        verdict.notes.append(("reorder", rule))


class Corrupt(Effect):
    """Flip bits: the checksum will be wrong, and the receiver drops it."""

    def apply(self, verdict: Verdict, rule: str) -> None:
        """The packet is marked as corrupted."""
        verdict.change("corrupt", rule).corrupted = True


class SetCe(Effect):
    """Mark "congestion experienced" in the IP header (RFC 3168 §5)."""

    def apply(self, verdict: Verdict, rule: str) -> None:
        """The packet's ECN field becomes CE."""
        packet = verdict.change("edit", rule)
        packet.tos = packet.tos | CE


EDITABLE: Final = (
    "ack", "df", "dport", "dst", "flags", "ip_id", "mtu", "opt_mss", "opt_wscale", "payload", "sack_ok", "seq",
    "sport", "src", "tos", "ts_ecr", "ts_val", "ttl", "urg", "wnd",
)  # fmt: skip
"""Fields that `Edit` may set, by their names in `netsim.base.packet`."""

_WIDTHS: Final = {
    "ack": 32, "seq": 32, "ts_val": 32, "ts_ecr": 32, "wnd": 16, "urg": 16, "sport": 16, "dport": 16, "ip_id": 16,
    "flags": 9, "tos": 8, "ttl": 8,
}  # fmt: skip


class Edit(Effect):
    """Set a field of the packet to `value`, or with `add` change it by that much (modulo its width).

    UsageError: no such field. A packet without that field stays as it is. The checksum is
    right afterwards: this is a middlebox (or an attacker), not noise.
    """

    def __init__(self, field: str, value: int | str | bytes, add: bool = False) -> None:
        if field not in EDITABLE:
            raise UsageError(f"a packet has no field '{field}' to edit; there are: {', '.join(EDITABLE)}")
        if add and (not isinstance(value, int) or field not in _WIDTHS):
            raise UsageError(f"'{field}' cannot be changed by an amount, only set")
        self.field = field
        self.value = value
        self.add = add

    def apply(self, verdict: Verdict, rule: str) -> None:
        """The packet travels on with the field changed."""
        if not hasattr(verdict.packet, self.field):
            return
        packet = verdict.change("edit", rule)
        value = self.value
        if isinstance(value, int) and self.field in _WIDTHS:
            if self.add:
                value += int(getattr(packet, self.field))
            value &= (1 << _WIDTHS[self.field]) - 1
        setattr(packet, self.field, value)


class StripOption(Effect):
    """Take a TCP option out, as some middleboxes do; NOPs take its place."""

    def __init__(self, kind: int) -> None:
        self.kind = kind

    def apply(self, verdict: Verdict, rule: str) -> None:
        """The segment travels on without the option."""
        original = verdict.packet
        if not isinstance(original, Segment) or self.kind not in original.layout:
            return
        before = original.options_bytes()
        segment = verdict.change("edit", rule)
        assert isinstance(segment, Segment)
        segment.layout = bytes(kind for kind in segment.layout if kind != self.kind)
        segment.layout = b"\x01" * (before - segment.options_bytes()) + segment.layout
        _forget_option(segment, self.kind)


def _forget_option(segment: Segment, kind: int) -> None:
    """The fields of an option that is no longer in the layout."""
    if kind == OPT_MSS:
        segment.opt_mss = ABSENT
    elif kind == OPT_WSCALE:
        segment.opt_wscale = ABSENT
    elif kind == OPT_SACK_OK:
        segment.sack_ok = False
    elif kind == OPT_SACK:
        segment.sack = NO_BLOCKS
    elif kind == OPT_TFO:
        segment.tfo = None
    elif kind == OPT_MD5:
        segment.md5 = None


class Rule:
    """One named rule: when `match` holds, apply `effects`.

    nth:   only these occurrences among the packets that match (1 = the first); () = all
    every: only each so-manieth match; 0 = all
    count: at most so many times; 0 = without end
    """

    __slots__ = ("applied", "count", "effects", "every", "match", "matched", "name", "nth")

    def __init__(
        self,
        name: str,
        match: Match,
        effects: list[Effect],
        *,
        nth: tuple[int, ...] = (),
        every: int = 0,
        count: int = 0,
    ) -> None:
        self.name = name
        self.match = match
        self.effects = effects
        self.nth = nth
        self.every = every
        self.count = count
        self.matched = 0
        self.applied = 0

    def wants(self) -> bool:
        """The match just found is one that the rule acts on. Counts it."""
        self.matched += 1
        if self.nth and self.matched not in self.nth:
            return False
        if self.every and self.matched % self.every:
            return False
        if self.count and self.applied >= self.count:
            return False
        self.applied += 1
        return True


class _Flow:
    """One direction of a TCP connection as rules see it: where its stream starts, how far it got."""

    __slots__ = ("high_offset", "high_seq")

    def __init__(self, first_seq: int) -> None:
        self.high_seq = first_seq
        self.high_offset = 0


class RuleSet(Impairer):
    """The rules in force, in order. A packet meets each of them; the first drop ends it.

    The set follows the streams that pass, so that rules can speak of stream offsets and of
    what was sent before. It must see each packet once: at the first link of its way.
    """

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.rules: list[Rule] = []
        self._flows: dict[tuple[str, int, str, int], _Flow] = {}

    def add(self, rule: Rule) -> None:
        """Put a rule behind the others; it starts counting now."""
        self.rules.append(rule)

    def judge(self, now_ns: int, source: str, verdict: Verdict) -> None:
        """Apply every rule that wants the packet."""
        packet = verdict.packet
        offset = 0
        resent = False
        if isinstance(packet, Segment):
            offset, resent = self._follow(packet)
        for rule in self.rules:
            match = rule.match
            if not match.accepts_envelope(now_ns, source, packet, self.directory):
                continue
            if not match.accepts_content(source, packet, offset, resent, self.directory):
                continue
            if rule.wants():
                for effect in rule.effects:
                    effect.apply(verdict, rule.name)
                if verdict.drop is not None:
                    return

    def _follow(self, segment: Segment) -> tuple[int, bool]:
        """Stream offset of the segment's first byte, and whether any of it was sent before."""
        key = (segment.src, segment.sport, segment.dst, segment.dport)
        flow = self._flows.get(key)
        syn = segment.flags & 2
        first = (segment.seq + 1) & 0xFFFFFFFF if syn else segment.seq
        if syn and (flow is None or abs(seq_diff(first, flow.high_seq)) > flow.high_offset + 1):
            # a new incarnation, or the first
            self._flows[key] = _Flow(first)
            self._advance(self._flows[key], 0, segment)
            return 0, False
        if flow is None:
            self._flows[key] = flow = _Flow(first)
            self._advance(flow, 0, segment)
            return 0, False
        offset = flow.high_offset + seq_diff(first, flow.high_seq)
        resent = segment.seg_len() > 0 and (bool(syn) or offset < flow.high_offset)
        self._advance(flow, offset, segment)
        return offset, resent

    def _advance(self, flow: _Flow, offset: int, segment: Segment) -> None:
        end = offset + len(segment.payload) + (segment.flags & 1)
        if end > flow.high_offset:
            flow.high_seq = (flow.high_seq + end - flow.high_offset) & 0xFFFFFFFF
            flow.high_offset = end
