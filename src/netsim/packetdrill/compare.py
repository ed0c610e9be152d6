"""Is the packet that the stack sent the one that the script expects? Field by field.

The rules are packetdrill's: what the script does not say is not checked (window, TTL, TOS),
options must be of the same kinds in the same order, the data offset must be equal, time stamp
values are free unless the script sets a tick.
"""

from __future__ import annotations

from typing import Final

from netsim.base.packet import ACK, AE, CWR, ECE, FIN, PSH, RST, SYN, URG, Packet, Segment
from netsim.packetdrill import tree
from netsim.packetdrill.flow import KIND_NUMBERS, options_size
from netsim.report.options import option_words
from netsim.tcp.signature import segment_digest

_FLAG_LETTERS: Final = ((FIN, "F"), (SYN, "S"), (RST, "R"), (PSH, "P"), (URG, "U"), (ECE, "E"), (CWR, "W"), (AE, "A"))
_KIND_NAMES: Final = {number: name for name, number in KIND_NUMBERS.items()}
_ECN_NAMES: Final = ("noecn", "ect1", "ect0", "ce")


class FieldCheck:
    """One field: what the script expects, what the packet has, and whether that is alright.

    expected is "any" where the script does not care.
    """

    __slots__ = ("actual", "expected", "name", "ok")

    def __init__(self, name: str, expected: str, actual: str, ok: bool) -> None:
        self.name = name
        self.expected = expected
        self.actual = actual
        self.ok = ok

    def __repr__(self) -> str:
        return f"{self.name}: {self.expected} / {self.actual} {'ok' if self.ok else 'DIFFERENT'}"


class CheckSettings:
    """What the run's options say about comparing.

    ts_tick_us: 0 = time stamp values are not compared; tolerance_us: for them
    md5_key: key for `md5 valid`, b"" = none
    """

    __slots__ = ("md5_key", "tolerance_us", "ts_tick_us")

    def __init__(self, ts_tick_us: int = 0, tolerance_us: int = 4000, md5_key: bytes = b"") -> None:
        self.ts_tick_us = ts_tick_us
        self.tolerance_us = tolerance_us
        self.md5_key = md5_key


def flags_text(flags: int) -> str:
    """packetdrill's way: `S.`, `P.`, `.`, `-` for none."""
    letters = "".join(letter for mask, letter in _FLAG_LETTERS if flags & mask)
    return (letters + ("." if flags & ACK else "")) or "-"


def check_segment(spec: tree.TcpSpec, live: Segment, actual: Segment, settings: CheckSettings) -> list[FieldCheck]:
    """Compare; `live` is as sent, `actual` has the script's numbers."""
    checks = [_flags(spec, actual)]
    seq = live.seq if spec.seq.absolute else actual.seq
    length = len(actual.payload)
    checks.append(
        FieldCheck(
            "seq",
            "any" if spec.seq.ignored else str(spec.seq.start),
            str(seq),
            spec.seq.ignored or seq == spec.seq.start,
        )
    )
    checks.append(FieldCheck("length", str(spec.seq.length), str(length), spec.seq.length == length))
    checks.append(_number("ack", spec.ack or 0, actual.ack))
    checks.append(_number("win", spec.win, actual.wnd))
    checks.append(_number("urg", spec.urg, actual.urg))
    checks.append(_options(spec, live, actual, settings))
    if spec.ip is not None:
        checks += check_ip(spec.ip, actual)
    if spec.udp is not None or live.encap_dport:
        expected = "none" if spec.udp is None else f"{spec.udp[0]} > {spec.udp[1]}"
        found = f"{live.encap_sport} > {live.encap_dport}" if live.encap_dport else "none"
        checks.append(FieldCheck("udp", expected, found, expected == found))
    if spec.ports is not None:
        for name, wanted, port in zip(("sport", "dport"), spec.ports, (live.sport, live.dport), strict=True):
            if wanted:
                checks.append(_number(name, wanted, port))
    if live.payload and live.payload.count(0) != length:
        checks.append(FieldCheck("payload", "zeroes", "other bytes", True))
    return checks


def _number(name: str, expected: int | None, actual: int) -> FieldCheck:
    return FieldCheck(name, "any" if expected is None else str(expected), str(actual), expected in (None, actual))


def _flags(spec: tree.TcpSpec, actual: Segment) -> FieldCheck:
    if spec.ace is not None:
        ecn = ECE | CWR | AE
        ace = (actual.flags & ECE) >> 6 | (actual.flags & CWR) >> 6 | (actual.flags & AE) >> 6
        same = spec.flags & ~ecn == actual.flags & ~ecn and ace == spec.ace
        return FieldCheck("flags", spec.flags_text, f"{flags_text(actual.flags & ~ecn)}{ace}", same)
    return FieldCheck("flags", flags_text(spec.flags), flags_text(actual.flags), spec.flags == actual.flags)


def check_ip(info: tree.IpInfo, actual: Packet) -> list[FieldCheck]:
    """The IP fields that the script gives."""
    checks: list[FieldCheck] = []
    ecn = _ECN_NAMES[actual.tos & 3]
    if info.ecn is not None:
        checks.append(
            FieldCheck("ecn", info.ecn, ecn, ecn in (info.ecn, *(("ect0", "ect1") if info.ecn == "ect01" else ())))
        )
    if info.tos is not None:
        checks.append(FieldCheck("tos", f"0x{info.tos:02x}", f"0x{actual.tos:02x}", info.tos == actual.tos))
    if info.ttl is not None:
        checks.append(_number("ttl", info.ttl, actual.ttl))
    return checks


def _options(spec: tree.TcpSpec, live: Segment, actual: Segment, settings: CheckSettings) -> FieldCheck:
    found = segment_options_text(actual)
    if spec.options is None:
        return FieldCheck("options", "any", found, True)
    expected = ",".join(option_text(option) for option in spec.options)
    return FieldCheck("options", expected or "none", found or "none", _same_options(spec, live, actual, settings))


def _same_options(spec: tree.TcpSpec, live: Segment, actual: Segment, settings: CheckSettings) -> bool:
    options = spec.options or ()
    if (options_size(options) + 3) // 4 != actual.options_bytes() // 4:
        return False
    layout = actual.layout
    kinds = [KIND_NUMBERS.get(option.kind, -1) for option in options]
    # Padding after the last option is not an option: the tool stops at the first EOL.
    if list(layout) != kinds:
        wanted = bytes(kind & 0xFF for kind in kinds)
        if layout.rstrip(b"\0") != wanted.rstrip(b"\0"):
            return False
    for option in options:
        if option.kind == "mss" and option.value != actual.opt_mss:
            return False
        if option.kind == "wscale" and option.value != actual.opt_wscale:
            return False
        if option.kind == "sack" and option.blocks != actual.sack:
            return False
        if option.kind in ("FO", "FOEXP") and (option.data != actual.tfo or actual.tfo_exp != (option.kind == "FOEXP")):
            return False
        if option.kind == "TS" and not _same_timestamp(option, actual, settings):
            return False
        if option.kind == "md5" and not _same_digest(option, live, settings):
            return False
    return True


def _same_timestamp(option: tree.TcpOption, actual: Segment, settings: CheckSettings) -> bool:
    if not settings.ts_tick_us or option.value is None:
        return True
    apart = (actual.ts_val - option.value + 0x80000000 & 0xFFFFFFFF) - 0x80000000
    return abs(apart) * settings.ts_tick_us <= settings.tolerance_us


def _same_digest(option: tree.TcpOption, live: Segment, settings: CheckSettings) -> bool:
    if option.words:
        valid = live.md5 == segment_digest(live, settings.md5_key)
        return valid == (option.words[0][0] == "valid")
    return option.data == live.md5


def option_text(option: tree.TcpOption) -> str:
    """One option as scripts write it."""
    kind = option.kind
    if kind in ("mss", "wscale"):
        return f"{kind} {option.value}"
    if kind == "TS":
        return f"TS val {'' if option.value is None else option.value} ecr {'' if option.ecr is None else option.ecr}"
    if kind == "sack":
        return "sack " + " ".join(f"{left}:{right}" for left, right in option.blocks)
    if option.words:
        return kind + " " + " ".join(f"{name} {value}" if kind == "ECN" else name for name, value in option.words)
    return f"{kind} {option.data.hex()}".rstrip()


def segment_options_text(seg: Segment) -> str:
    """The options of a segment as scripts write them."""
    parts: list[str] = []
    for kind, (name, value) in zip(seg.layout, option_words(seg), strict=True):
        if name == "TS":
            value = "val {} ecr {}".format(*value.split())
        elif name == "md5" and seg.md5 is not None:
            value = seg.md5.hex()
        parts.append(f"{_KIND_NAMES.get(kind, f'kind-{kind}')} {value}".rstrip())
    return ",".join(parts)


def segment_text(seg: Segment, *, win: bool = True) -> str:
    """A segment in the script's notation: `P. 1:1001(1000) ack 1 win 1027 <nop,nop,TS val 1 ecr 2>`."""
    length = len(seg.payload)
    text = f"{flags_text(seg.flags)} {seg.seq}:{(seg.seq + length) & 0xFFFFFFFF}({length})"
    if seg.flags & ACK:
        text += f" ack {seg.ack}"
    if win:
        text += f" win {seg.wnd}"
    if seg.urg:
        text += f" urg {seg.urg}"
    options = segment_options_text(seg)
    if options:
        text += f" <{options}>"
    if seg.encap_dport:
        text += f"/udp({seg.encap_sport} > {seg.encap_dport})"
    return text


def spec_text(spec: tree.TcpSpec) -> str:
    """The expected segment in the script's notation."""
    start = "..." if spec.seq.ignored else f"{spec.seq.start}:{spec.seq.end}"
    text = f"{flags_text(spec.flags) if spec.ace is None else spec.flags_text} {start}({spec.seq.length})"
    if spec.ack is not None:
        text += f" ack {spec.ack}"
    if spec.win is not None:
        text += f" win {spec.win}"
    if spec.urg:
        text += f" urg {spec.urg}"
    if spec.options is None:
        text += " <...>"
    elif spec.options:
        text += f" <{','.join(option_text(option) for option in spec.options)}>"
    if spec.udp is not None:
        text += f"/udp({spec.udp[0]} > {spec.udp[1]})"
    return text


def may_join(first: Segment, second: Segment) -> str:
    """May `second` follow `first` in an aggregate (Linux tool)? "" if so, else the field that differs."""
    loose = FIN | PSH | CWR
    if first.flags & ~loose != second.flags & ~loose:
        return "flags"
    if (first.seq + len(first.payload)) & 0xFFFFFFFF != second.seq:
        return "seq"
    if first.ack != second.ack:
        return "ack"
    if first.options_bytes() != second.options_bytes():
        return "options"
    if first.wnd != second.wnd:
        return "win"
    return ""


def join(parts: list[Segment]) -> Segment:
    """The aggregate: header of the last part, sequence number and CWR of the first, all the data."""
    if len(parts) == 1:
        return parts[0]
    whole = parts[-1].copy()
    whole.seq = parts[0].seq
    whole.payload = b"".join(part.payload for part in parts)
    whole.flags = (whole.flags & ~CWR) | (parts[0].flags & CWR)
    return whole
