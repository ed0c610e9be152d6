"""The script's side of the connection under test: which packets belong to it, and how its numbers map.

A script writes sequence numbers relative to the initial ones (except on SYNs) and time stamps
of its own; the stack under test uses live ones. `Flow` keeps the mapping, makes live segments
out of script segments, and turns live segments into script numbers.
"""

from __future__ import annotations

from typing import Final

from netsim.base.packet import (
    ACK,
    OPT_EOL,
    OPT_EXP,
    OPT_MD5,
    OPT_MSS,
    OPT_NOP,
    OPT_SACK,
    OPT_SACK_OK,
    OPT_TFO,
    OPT_TS,
    OPT_WSCALE,
    SYN,
    IcmpMessage,
    Packet,
    Segment,
)
from netsim.packetdrill import symbols, tree
from netsim.tcp.signature import segment_digest

MASK: Final = 0xFFFFFFFF

# States of the flow, named after what the script has shown so far.
IDLE: Final = "idle"
LISTENING: Final = "listening"
CONNECTING: Final = "connecting"
SYN_SENT: Final = "syn-sent"
SYN_RECEIVED: Final = "syn-received"
SYNACK_SENT: Final = "synack-sent"
OPEN: Final = "open"

KIND_NUMBERS: Final = {
    "eol": OPT_EOL, "nop": OPT_NOP, "mss": OPT_MSS, "wscale": OPT_WSCALE, "sackOK": OPT_SACK_OK, "sack": OPT_SACK,
    "TS": OPT_TS, "md5": OPT_MD5, "FO": OPT_TFO, "FOEXP": OPT_EXP,
}  # fmt: skip
_ECN_BITS: Final = {"noecn": 0, "ect1": 1, "ect0": 2, "ect01": 2, "ce": 3}
_ICMP_DEFAULT_MTU: Final = 0
_MAX_PAYLOAD: Final = 65_495


class ScriptProblem(Exception):
    """The script asks for something that cannot be done (not a difference in behaviour)."""


class Flow:
    """One connection as the script sees it.

    local_*: the stack under test; remote_*: the script's end. Ports are live ones.
    *_isn: initial sequence numbers: script's and live.
    """

    def __init__(self, local_addr: str, remote_addr: str, *, state: str = IDLE) -> None:
        self.state = state
        self.local_addr = local_addr
        self.remote_addr = remote_addr
        self.local_port = 0
        self.true_port = 0
        """Of an active open before its SYN was seen: other sockets may resend theirs meanwhile."""
        self.remote_port = 0
        self.script_local_isn = 0
        self.live_local_isn = 0
        self.live_remote_isn = 0
        self.ts_map: dict[int, int] = {}
        self.first_script_ts: int | None = None
        self.first_live_ts = 0
        self.local_wscale_seen = False
        self.saw_synack = False

    # --- mapping -------------------------------------------------------------------------

    def local_offset(self, is_syn: bool) -> int:
        """Added to a script number of our stack's space, gives the live one."""
        return self.live_local_isn - (self.script_local_isn if is_syn else 0)

    def remote_offset(self, is_syn: bool) -> int:
        """The same for the script end's space."""
        return 0 if is_syn else self.live_remote_isn

    def belongs(self, seg: Segment) -> bool:
        """True when this live outbound segment is one of the flow under test."""
        if seg.dst != self.remote_addr or seg.src != self.local_addr:
            return False
        if self.state in (CONNECTING, SYN_SENT) and not self.local_port:
            known = self.true_port in (0, seg.sport)
            return known and seg.dport == self.remote_port and seg.flags & (SYN | ACK) == SYN
        return seg.sport == self.local_port and seg.dport == self.remote_port

    # --- inbound: script to live ------------------------------------------------------------

    def to_live(self, spec: tree.TcpSpec, md5_key: bytes, ts_scaled: bool) -> Segment:
        """The live segment of an inbound script segment. Raises ScriptProblem."""
        if spec.seq.length > _MAX_PAYLOAD:
            raise ScriptProblem(f"a packet has at most {_MAX_PAYLOAD} bytes of data")
        is_syn = bool(spec.flags & SYN)
        seq = spec.seq.start if spec.seq.absolute else spec.seq.start + self.remote_offset(is_syn)
        ack = 0
        if spec.flags & ACK:
            ack = (spec.ack or 0) + self.local_offset(is_syn)
        sport, dport = self.remote_port, self.local_port
        if spec.ports is not None:
            sport, dport = spec.ports[0] or sport, spec.ports[1] or dport
        flags = spec.flags
        if spec.ace is not None:
            flags = flags & ~0x1C0 | ((spec.ace & 1) << 6) | ((spec.ace & 2) << 6) | ((spec.ace & 4) << 6)
        seg = Segment(
            self.remote_addr, self.local_addr, sport, dport, seq & MASK, ack & MASK, flags, spec.win or 0,
            bytes(spec.seq.length),
        )  # fmt: skip
        seg.urg = spec.urg
        if spec.udp is not None:
            seg.encap_sport, seg.encap_dport = spec.udp
        apply_ip(spec.ip, seg)
        self._add_options(seg, spec, is_syn, ts_scaled)
        if md5_key and any(option.words == (("valid", 1),) for option in spec.options or ()):
            seg.md5 = segment_digest(seg, md5_key)
        return seg

    def _add_options(self, seg: Segment, spec: tree.TcpSpec, is_syn: bool, ts_scaled: bool) -> None:
        layout = bytearray()
        for option in spec.options or ():
            kind = KIND_NUMBERS.get(option.kind)
            if kind is None:
                raise ScriptProblem(f"the TCP option '{option.kind}' is not supported")
            layout.append(kind)
            if kind == OPT_MSS:
                seg.opt_mss = option.value or 0
            elif kind == OPT_WSCALE:
                seg.opt_wscale = option.value or 0
            elif kind == OPT_SACK_OK:
                seg.sack_ok = True
            elif kind == OPT_SACK:
                offset = self.local_offset(is_syn)
                seg.sack = tuple(((left + offset) & MASK, (right + offset) & MASK) for left, right in option.blocks)
            elif kind == OPT_TS:
                seg.ts_val = option.value or 0
                seg.ts_ecr = self._live_echo(option.ecr or 0, spec, ts_scaled)
            elif kind == OPT_MD5:
                seg.md5 = option.data or bytes(16)
            elif kind in (OPT_TFO, OPT_EXP):
                seg.tfo = option.data
                seg.tfo_exp = kind == OPT_EXP
        size = options_size(spec.options or ())
        if size > 40:
            raise ScriptProblem(f"these options take {size} bytes; a TCP header has room for 40")
        layout.extend([OPT_EOL] * (-size % 4))
        seg.layout = bytes(layout)

    def _live_echo(self, ecr: int, spec: tree.TcpSpec, ts_scaled: bool) -> int:
        """The live time stamp that the script's echo means."""
        if not spec.flags & ACK:
            return ecr
        live = self.ts_map.get(ecr)
        if live is not None:
            return live
        if ts_scaled and self.first_script_ts is not None:
            return (ecr - self.first_script_ts + self.first_live_ts) & MASK
        raise ScriptProblem(
            f"the time stamp echo {ecr} matches no time stamp that an outbound segment of this script carried before"
        )

    def icmp_to_live(self, spec: tree.IcmpSpec, quoted_ttl: int = 64) -> IcmpMessage:
        """The live ICMP message. Raises ScriptProblem for names that its IP version does not have."""
        is_v6 = ":" in self.local_addr
        icmp_type, icmp_code = icmp_numbers(spec, is_v6)
        seq = spec.echo.start if spec.echo is not None else 0
        length = min(spec.echo.length, _MAX_PAYLOAD) if spec.echo is not None else 0
        quoted = Segment(
            self.local_addr, self.remote_addr, self.local_port, self.remote_port,
            (seq if spec.echo is not None and spec.echo.absolute else seq + self.live_local_isn) & MASK,
            0, 0, 0, bytes(length),
        )  # fmt: skip
        quoted.ttl = quoted_ttl
        if spec.echo_udp is not None:
            quoted.encap_sport, quoted.encap_dport = spec.echo_udp
        mtu = spec.mtu if spec.mtu >= 0 else _ICMP_DEFAULT_MTU
        message = IcmpMessage(self.remote_addr, self.local_addr, icmp_type, icmp_code, quoted, mtu)
        apply_ip(spec.ip, message)
        return message

    def note_inbound(self, spec: tree.TcpSpec) -> None:
        """Follow the opening as the script shows it: an inbound segment is about to go in."""
        if self.state == SYNACK_SENT and spec.flags & ACK:
            self.state = OPEN
        elif self.state == SYN_SENT and spec.flags & SYN:
            self.live_remote_isn = spec.seq.start
            if spec.flags & ACK:
                self.state = OPEN

    # --- outbound: live to script ---------------------------------------------------------------

    def note_outbound(self, spec: tree.TcpSpec, seg: Segment) -> None:
        """Learn from a live outbound segment that is about to be compared with `spec`."""
        is_syn_ack = seg.flags & (SYN | ACK) == SYN | ACK
        if self.state == CONNECTING and spec.flags & (SYN | ACK) == SYN:
            self.state = SYN_SENT
            self.script_local_isn = spec.seq.start
        if self.state == SYN_SENT and not self.local_port and seg.flags & (SYN | ACK) == SYN:
            self.local_port = seg.sport
            self.live_local_isn = seg.seq
        elif self.state == SYN_RECEIVED and is_syn_ack:
            self.live_local_isn = seg.seq
            if spec.flags & (SYN | ACK) == SYN | ACK:
                self.state = SYNACK_SENT
                self.script_local_isn = spec.seq.start

    def to_script(self, seg: Segment) -> Segment:
        """A copy of the live outbound segment with its numbers in the script's space."""
        is_syn = bool(seg.flags & SYN)
        copy = seg.copy()
        copy.seq = (seg.seq - self.local_offset(is_syn)) & MASK
        offset = self.remote_offset(is_syn)
        if seg.flags & ACK:
            copy.ack = (seg.ack - offset) & MASK
        if seg.sack:
            copy.sack = tuple(((left - offset) & MASK, (right - offset) & MASK) for left, right in seg.sack)
        return copy

    def learn_timestamp(self, spec: tree.TcpSpec, seg: Segment) -> None:
        """Remember which live time stamp stands for the script's; put the script's into `seg`."""
        for option in spec.options or ():
            if option.kind == "TS" and seg.has_ts and option.value is not None:
                self.ts_map[option.value] = seg.ts_val
                if self.first_script_ts is None:
                    self.first_script_ts = option.value
                    self.first_live_ts = seg.ts_val
                seg.ts_val = (self.first_script_ts + seg.ts_val - self.first_live_ts) & MASK


def apply_ip(info: tree.IpInfo | None, packet: Packet) -> None:
    """Set the IP fields that the script gives."""
    if info is None:
        return
    if info.tos is not None:
        packet.tos = info.tos
    if info.ecn is not None:
        packet.tos = (packet.tos & ~3) | _ECN_BITS[info.ecn]
    if info.ttl is not None:
        packet.ttl = info.ttl


def option_size(option: tree.TcpOption) -> int:
    """Octets of one option as the script writes it."""
    kind = option.kind
    if kind in ("nop", "eol"):
        return 1
    if kind == "mss":
        return 4
    if kind == "wscale":
        return 3
    if kind == "sackOK":
        return 2
    if kind == "TS":
        return 10
    if kind == "sack":
        return 2 + 8 * len(option.blocks)
    if kind == "md5":
        return 2 + (len(option.data) or 16)
    if kind == "FOEXP":
        return 4 + len(option.data)
    if kind == "ECN":
        return 2 + 3 * len(option.words)
    return 2 + len(option.data)


def options_size(options: tuple[tree.TcpOption, ...]) -> int:
    """Octets of the options, without padding."""
    return sum(option_size(option) for option in options)


def icmp_numbers(spec: tree.IcmpSpec, is_v6: bool) -> tuple[int, int]:
    """Type and code on the wire. Raises ScriptProblem."""
    types = symbols.ICMP6_TYPES if is_v6 else symbols.ICMP4_TYPES
    codes = symbols.ICMP6_CODES if is_v6 else symbols.ICMP4_CODES
    version = "ICMPv6" if is_v6 else "ICMP"
    name = spec.type_name
    if name in types:
        icmp_type = types[name]
    else:
        number = _numbered(name, "type")
        if number is None:
            raise ScriptProblem(f"{version} has no type '{name}'; known are {', '.join(sorted(types))}")
        icmp_type = number
    if spec.code_name is None:
        return icmp_type, 0
    table = codes.get(name, {})
    if spec.code_name in table:
        return icmp_type, table[spec.code_name]
    number = _numbered(spec.code_name, "code")
    if number is None:
        known = ", ".join(sorted(table)) or "numbers"
        raise ScriptProblem(f"{version} {name} has no code '{spec.code_name}'; known are {known}")
    return icmp_type, number


def _numbered(text: str, prefix: str) -> int | None:
    """`5`, `code_5` or `type_5`."""
    digits = text.removeprefix(prefix + "_")
    return int(digits) & 0xFF if digits.isdigit() and len(digits) < 4 else None
