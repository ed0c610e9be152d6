"""The grammar's productions made into the classes of `tree`. Runs inside the parser.

The methods of `TreeBuilder` have no docstrings of their own: each is named after its
production in `grammar.lark`, which says what it is.
"""
# ruff: noqa: D102

from __future__ import annotations

import re
from typing import Any, Final

from lark import Token, Transformer, v_args

from netsim.base.packet import ACK, AE, CWR, ECE, FIN, PSH, RST, SYN, URG
from netsim.packetdrill import tree

_FLAG_BITS: Final = {
    "S": SYN, "F": FIN, "R": RST, "P": PSH, "E": ECE, "W": CWR, "C": CWR, "U": URG, "A": AE, ".": ACK,
}  # fmt: skip
_ESCAPES: Final = {"n": b"\n", "t": b"\t", "r": b"\r", "0": b"\0", "\\": b"\\", '"': b'"', "'": b"'", "a": b"\a"}
_ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{1,2}|.)", re.DOTALL)
_HEX_DIGITS: Final = frozenset("0123456789abcdefABCDEF")
_MAX_DIGITS: Final = 25
_MAX_SECONDS: Final = 10**9


class BuildError(Exception):
    """Something that the grammar allows and that makes no sense; becomes a ScriptSyntaxError."""

    def __init__(self, token: Token, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.line = token.line or 1
        self.column = token.column or 1
        self.width = max(1, len(token))
        self.message = message
        self.hint = hint


def _nanoseconds(token: Token) -> int:
    """Seconds as written into integer nanoseconds, without floating point."""
    text = str(token)
    negative = text.startswith("-")
    whole, _, fraction = text.lstrip("-").partition(".")
    if len(whole) > _MAX_DIGITS or int(whole or "0") > _MAX_SECONDS:
        raise BuildError(token, "this time is too large", "times are seconds")
    value = int(whole or "0") * 10**9 + int((fraction + "000000000")[:9])
    return -value if negative else value


def _number(token: Token, low: int, high: int, what: str) -> int:
    """The number of `token`, within its limits."""
    text = str(token)
    if len(text) <= _MAX_DIGITS:
        value = int(text, 0 if text[:2].lower() == "0x" else 10)
        if low <= value <= high:
            return value
    raise BuildError(token, f"{what} must be between {low} and {high}")


def _port(token: Token) -> int:
    return _number(token, 0, 0xFFFF, "a port")


def _seq(token: Token) -> int:
    return _number(token, -0xFFFFFFFF, 0xFFFFFFFF, "a sequence number")


def _blob(token: Token | None, largest: int, what: str) -> bytes:
    """The bytes of a hexadecimal string."""
    if token is None:
        return b""
    text = str(token).removeprefix("0x")
    if any(letter not in _HEX_DIGITS for letter in text):
        raise BuildError(
            token, f"{what} is written in hexadecimal digits", f"if {token} is a symbol, define it with -D"
        )
    if len(text) % 2:
        raise BuildError(token, f"{what} needs an even number of hexadecimal digits")
    if len(text) // 2 > largest:
        raise BuildError(token, f"{what} has at most {largest} bytes")
    return bytes.fromhex(text)


def _unquote(token: Token) -> bytes:
    """The bytes of a string with C's escapes."""
    out = bytearray()
    last = 0
    text = str(token)[1:-1]
    for match in _ESCAPE.finditer(text):
        out += text[last : match.start()].encode("utf-8")
        code = match.group(1)
        if code[0] == "x" and len(code) > 1:
            out.append(int(code[1:], 16))
        else:
            out += _ESCAPES.get(code, code.encode("utf-8"))
        last = match.end()
    out += text[last:].encode("utf-8")
    return bytes(out)


@v_args(inline=True)
class TreeBuilder(Transformer[Token, Any]):
    """One method per production; each gets the children of the production."""

    # --- items ---

    def start(self, *items: Any) -> list[Any]:
        return [tree_item for tree_item in items if tree_item is not None]

    def option(self, name: Token, value: Token | None) -> tree.OptionLine:
        text = None if value is None else str(value)
        if text is not None and len(text) > 1 and text[0] == text[-1] == '"':
            text = text[1:-1]
        return tree.OptionLine(str(name)[2:], text, name.line or 1, name.column or 1)

    def command(self, token: Token) -> tuple[tree.ShellCommand, int]:
        return tree.ShellCommand(str(token)[1:-1].replace("\\`", "`")), token.line or 1

    def event(self, when: tuple[tree.EventTime, int, int], action: Any) -> tree.Event:
        time, line, column = when
        if isinstance(action, tuple):
            action = action[0]
        elif isinstance(action, Token):
            action = tree.CodeBlock(str(action)[2:-2])
        if isinstance(action, tree.SystemCall):
            _rebase_words(action.arguments, line)
        return tree.Event(time, action, line, column)

    # --- times ---

    def time_relative(self, plus: Token, number: Token) -> tuple[tree.EventTime, int, int]:
        return tree.EventTime(tree.RELATIVE, _nanoseconds(number)), plus.line or 1, plus.column or 1

    def time_absolute(self, number: Token) -> tuple[tree.EventTime, int, int]:
        return tree.EventTime(tree.ABSOLUTE, _nanoseconds(number)), number.line or 1, number.column or 1

    def time_any(self, star: Token) -> tuple[tree.EventTime, int, int]:
        return tree.EventTime(tree.ANY_TIME), star.line or 1, star.column or 1

    def time_range(self, start: Token, end: Token) -> tuple[tree.EventTime, int, int]:
        return _range(tree.ABSOLUTE_RANGE, start, start, end)

    def time_relative_range(
        self, plus: Token, start: Token, _plus: Token | None, end: Token
    ) -> tuple[tree.EventTime, int, int]:
        return _range(tree.RELATIVE_RANGE, plus, start, end)

    # --- packets ---

    def direction_mark(self, mark: Token) -> bool:
        return str(mark) == "<"

    def tunnel(self, *children: Any) -> str:
        if children and isinstance(children[0], Token) and children[0].type in {"GRE", "MPLS"}:
            return str(children[0].type).lower()
        return "ip"

    def direction(self, inbound: bool, *tunnels: str) -> tuple[bool, tuple[str, ...]]:
        return inbound, tunnels

    def encap(self, _spi: Token) -> str:
        return "psp"

    def tcp(
        self,
        direction: tuple[bool, tuple[str, ...]],
        ip: tree.IpInfo | None,
        encap: str | None,
        ports: tuple[int, int] | None,
        flags: Token,
        seq: tree.Sequence,
        ack: int | None,
        win: int | None,
        urg: int | None,
        options: tuple[tree.TcpOption, ...] | tree.Anything | None,
        udp: tuple[int, int] | None,
    ) -> tree.TcpSpec:
        inbound, tunnels = direction
        text = str(flags).replace(" ", "").replace("\t", "")
        ace = int(text[-1]) if text[-1].isdigit() else None
        mask = 0
        for letter in text.rstrip("01234567-"):
            if mask & _FLAG_BITS[letter]:
                raise BuildError(flags, f"the flag '{letter}' stands there twice")
            mask |= _FLAG_BITS[letter]
        return tree.TcpSpec(
            inbound,
            ip,
            tunnels if encap is None else (*tunnels, encap),
            flags=mask,
            flags_text=text,
            ace=ace,
            seq=seq,
            ack=ack,
            win=win,
            urg=urg or 0,
            options=() if options is None else None if isinstance(options, tree.Anything) else options,
            ports=ports,
            udp=udp,
        )

    def udp(
        self,
        direction: tuple[bool, tuple[str, ...]],
        ip: tree.IpInfo | None,
        ports: tuple[int, int] | None,
        length: Token,
    ) -> tree.UdpSpec:
        return tree.UdpSpec(direction[0], ip, direction[1], ports, _number(length, 0, 0xFFFF, "a UDP length"))

    def icmp(
        self,
        direction: tuple[bool, tuple[str, ...]],
        ip: tree.IpInfo | None,
        name: Token,
        code: str | None,
        mtu: int | None,
        message_id: int | None,
        echo: tuple[str, tree.Sequence | None, tuple[int, int] | None] | None,
    ) -> tree.IcmpSpec:
        kind, seq, udp = echo or ("tcp", None, None)
        return tree.IcmpSpec(
            direction[0],
            ip,
            direction[1],
            type_name=str(name),
            code_name=code,
            mtu=-1 if mtu is None else mtu,
            message_id=message_id or 0,
            echo=seq,
            echo_udp=udp,
            echo_kind=kind,
        )

    def ip(self, *items: tuple[str, Any]) -> tree.IpInfo:
        said = dict(items)
        return tree.IpInfo(said.get("ecn"), said.get("tos"), said.get("ttl"), said.get("flow"))

    def ip_ecn(self, mark: Token) -> tuple[str, str]:
        return "ecn", str(mark)

    def ip_tos(self, value: Token) -> tuple[str, int]:
        return "tos", _number(value, 0, 0xFF, "the TOS byte")

    def ip_ttl(self, value: Token) -> tuple[str, int]:
        return "ttl", _number(value, 0, 0xFF, "the time to live")

    def ip_flow_label(self, value: Token) -> tuple[str, int]:
        return "flow", _number(value, 0, 0xFFFFF, "the flow label")

    def ports(self, source: Token, destination: Token) -> tuple[int, int]:
        return _port(source), _port(destination)

    def udp_encap(self, source: Token, destination: Token) -> tuple[int, int]:
        return _port(source), _port(destination)

    def seq(self, start: Token, end: Token, length: Token, absolute: Token | None) -> tree.Sequence:
        first, last = _seq(start), _seq(end)
        count = _number(length, 0, 0xFFFFFFFF, "the payload's length")
        if (first + count - last) & 0xFFFFFFFF:
            raise BuildError(
                length,
                f"{first}:{last} covers {(last - first) & 0xFFFFFFFF} bytes, not {count}",
                "SYN and FIN are not counted here",
            )
        return tree.Sequence(first & 0xFFFFFFFF, last & 0xFFFFFFFF, count, absolute is not None)

    def seq_any(self, _dots: Token, length: Token) -> tree.Sequence:
        return tree.Sequence(0, 0, _number(length, 0, 0xFFFFFFFF, "the payload's length"), ignored=True)

    def ack(self, value: Token) -> int:
        return _seq(value) & 0xFFFFFFFF

    def win(self, value: Token) -> int:
        return _number(value, 0, 0xFFFF, "the window field")

    def urg(self, value: Token) -> int:
        return _number(value, 0, 0xFFFF, "the urgent pointer")

    # --- TCP options ---

    def options(self, *options: tree.TcpOption) -> tuple[tree.TcpOption, ...]:
        return options

    def options_any(self, _dots: Token) -> tree.Anything:
        return tree.Anything()

    def opt_nop(self) -> tree.TcpOption:
        return tree.TcpOption("nop")

    def opt_eol(self) -> tree.TcpOption:
        return tree.TcpOption("eol")

    def opt_mss(self, value: Token) -> tree.TcpOption:
        return tree.TcpOption("mss", _number(value, 0, 0xFFFF, "the MSS"))

    def opt_wscale(self, value: Token) -> tree.TcpOption:
        return tree.TcpOption("wscale", _number(value, 0, 0xFF, "the window scale"))

    def opt_sack_ok(self) -> tree.TcpOption:
        return tree.TcpOption("sackOK")

    def opt_sack(self, *blocks: tuple[int, int]) -> tree.TcpOption:
        return tree.TcpOption("sack", blocks=blocks)

    def sack_block(self, left: Token, right: Token) -> tuple[int, int]:
        return _seq(left) & 0xFFFFFFFF, _seq(right) & 0xFFFFFFFF

    def opt_md5(self, word: Token) -> tree.TcpOption:
        if str(word) in {"valid", "invalid"}:
            return tree.TcpOption("md5", words=((str(word), 1),))
        return tree.TcpOption("md5", data=_blob(word, 38, "an MD5 digest"))

    def opt_ts(self, value: Token | None, echo: Token | None) -> tree.TcpOption:
        val = None if value is None else _number(value, 0, 0xFFFFFFFF, "a timestamp")
        return tree.TcpOption("TS", val, None if echo is None else _number(echo, 0, 0xFFFFFFFF, "a timestamp"))

    def opt_fo(self, cookie: Token | None) -> tree.TcpOption:
        return tree.TcpOption("FO", data=_blob(cookie, 38, "a Fast Open cookie"))

    def opt_fo_exp(self, cookie: Token | None) -> tree.TcpOption:
        return tree.TcpOption("FOEXP", data=_blob(cookie, 36, "a Fast Open cookie"))

    def opt_accecn(self, *counters: tuple[str, int]) -> tree.TcpOption:
        return tree.TcpOption("ECN", words=counters)

    def accecn_counter(self, name: Token, value: Token) -> tuple[str, int]:
        return str(name), _number(value, 0, 0xFFFFFF, "an AccECN counter")

    # --- ICMP ---

    def icmp_code(self, code: Token) -> str:
        return str(code)

    def mtu(self, value: Token) -> int:
        return _number(value, 0, 0xFFFFFFFF, "the MTU")

    def icmp_id(self, value: Token) -> int:
        return _number(value, 0, 0xFFFF, "the identifier")

    def echo(
        self, seq: tree.Sequence, udp: tuple[int, int] | None
    ) -> tuple[str, tree.Sequence | None, tuple[int, int] | None]:
        return "tcp", seq, udp

    def echo_udp(self, length: Token) -> tuple[str, tree.Sequence | None, tuple[int, int] | None]:
        return "udp", tree.Sequence(0, 0, _number(length, 0, 0xFFFF, "a UDP length")), None

    def echo_raw(self, length: Token) -> tuple[str, tree.Sequence | None, tuple[int, int] | None]:
        return "raw", tree.Sequence(0, 0, _number(length, 0, 0xFFFF, "a length")), None

    # --- system calls ---

    def syscall(self, end_ns: int | None, name: Token, *rest: Any) -> tree.SystemCall:
        *arguments, result, errno, note = rest
        if len(arguments) == 1 and arguments[0] is None:
            arguments = []
        return tree.SystemCall(str(name), tuple(arguments), result, errno, note, end_ns, name.column or 1)

    def end_time(self, _dots: Token, number: Token) -> int:
        return _nanoseconds(number)

    def result(self, token: Token) -> tree.Expression:
        if token.type == "ELLIPSIS":
            return tree.Anything()
        if token.type == "WORD":
            return tree.Word(str(token), token.line or 1, token.column or 1)
        return self._as_number(token)

    def errno(self, name: Token) -> str:
        return str(name)

    def note(self, text: Token) -> str:
        return " ".join(str(text)[1:-1].split())

    def expression(self, *items: tree.Expression) -> tree.Expression:
        return items[0] if len(items) == 1 else tree.BitOr(items)

    def integer(self, token: Token) -> tree.Expression:
        return self._as_number(token)

    def hexadecimal(self, token: Token) -> tree.Expression:
        return self._as_number(token)

    @staticmethod
    def _as_number(token: Token) -> tree.Number:
        is_hex = token.type == "HEX"
        return tree.Number(_number(token, -(2**63), 2**64 - 1, "a number"), is_hex)

    def anything(self, _dots: Token) -> tree.Expression:
        return tree.Anything()

    def word(self, token: Token) -> tree.Expression:
        return tree.Word(str(token), token.line or 1, token.column or 1)

    def call(self, name: Token, *arguments: tree.Expression | None) -> tree.Expression:
        return tree.Call(str(name), tuple(item for item in arguments if item is not None))

    def string(self, *parts: Token | None) -> tree.Expression:
        value = b"".join(_unquote(part) for part in parts if part is not None and part.type == "STRING")
        return tree.Text(value, parts[-1] is not None and parts[-1].type == "ELLIPSIS")

    def array(self, *items: tree.Expression | None) -> tree.Expression:
        return tree.Array(tuple(item for item in items if item is not None))

    def field(self, value: tree.Expression) -> tree.Field:
        return tree.Field("", value)

    def named_field(self, name: tree.Expression, equals: Token, value: tree.Expression) -> tree.Field:
        if isinstance(name, tree.Word):
            return tree.Field(name.name, value)
        if isinstance(name, tree.Call) and len(name.arguments) == 1:
            return tree.Field(name.name, value, name.arguments[0])
        raise BuildError(equals, "only a name can stand before '='")

    def struct(self, *fields: tree.Field) -> tree.Expression:
        return tree.Struct(fields)


def _range(kind: str, first: Token, start: Token, end: Token) -> tuple[tree.EventTime, int, int]:
    low, high = _nanoseconds(start), _nanoseconds(end)
    if high < low:
        raise BuildError(end, "the range ends before it starts")
    return tree.EventTime(kind, low, high), first.line or 1, first.column or 1


def _rebase_words(expressions: tuple[tree.Expression, ...], line: int) -> None:
    """Count the rows of the words from the event's first line."""
    stack: list[tree.Expression] = list(expressions)
    while stack:
        item = stack.pop()
        if isinstance(item, tree.Word):
            item.row -= line
        elif isinstance(item, tree.BitOr | tree.Array):
            stack += item.items
        elif isinstance(item, tree.Call):
            stack += item.arguments
        elif isinstance(item, tree.Struct):
            for field in item.fields:
                stack.append(field.value)
                if field.size is not None:
                    stack.append(field.size)
