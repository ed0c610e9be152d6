"""The packetdrill language: what each form means, and what the errors say."""

from __future__ import annotations

import pytest

from netsim.base.errors import ScriptSyntaxError
from netsim.base.packet import ACK, CWR, ECE, FIN, PSH, RST, SYN
from netsim.packetdrill import tree
from netsim.packetdrill.parser import parse

MS = 1_000_000


def one(text: str, **defines: str) -> tree.Event:
    script = parse(text, "t.pkt", defines)
    assert len(script.events) == 1
    return script.events[0]


def tcp(text: str) -> tree.TcpSpec:
    action = one(text).action
    assert isinstance(action, tree.TcpSpec)
    return action


def call(text: str) -> tree.SystemCall:
    action = one(text).action
    assert isinstance(action, tree.SystemCall)
    return action


@pytest.mark.parametrize(
    ("text", "kind", "start", "end"),
    [
        ("0", tree.ABSOLUTE, 0, 0),
        ("0.", tree.ABSOLUTE, 0, 0),
        (".1", tree.ABSOLUTE, 100 * MS, 0),
        ("1.000000001", tree.ABSOLUTE, 1_000_000_001, 0),
        ("+.005", tree.RELATIVE, 5 * MS, 0),
        ("+ 0.00", tree.RELATIVE, 0, 0),
        ("+0.1~+0.105", tree.RELATIVE_RANGE, 100 * MS, 105 * MS),
        ("1~2.5", tree.ABSOLUTE_RANGE, 1000 * MS, 2500 * MS),
    ],
)
def test_times(text: str, kind: str, start: int, end: int) -> None:
    assert one(f"{text} > . 1:1(0) ack 1").time == tree.EventTime(kind, start, end)


def test_any_time_is_refused_for_the_first_event_and_taken_later() -> None:
    with pytest.raises(ScriptSyntaxError, match="first event needs a time"):
        parse("* > . 1:1(0) ack 1")
    script = parse("0 < . 1:1(0) ack 1\n* > . 1:1(0) ack 1")
    assert script.events[1].time.kind == tree.ANY_TIME
    assert script.events[1].line == 2


@pytest.mark.parametrize(
    ("flags", "mask"),
    [
        ("S", SYN),
        ("S.", SYN | ACK),
        (".", ACK),
        ("P.", PSH | ACK),
        ("F  .", FIN | ACK),
        ("R", RST),
        ("SEW", SYN | ECE | CWR),
        ("SF.", SYN | FIN | ACK),
        ("-", 0),
    ],
)
def test_flags(flags: str, mask: int) -> None:
    assert tcp(f"0 < {flags} 1:1(0) win 5").flags == mask


def test_a_segment_with_everything() -> None:
    spec = tcp(
        "0 > [ect0, ttl 3] 8080 > 1234 P. 1:1001(1000) ack 7 win 99 urg 5"
        " <mss 1460,nop,wscale 8,sackOK,TS val 1 ecr 2,sack 3:4 5:6,FO abcd,eol>/udp(9811 > 1)"
    )
    assert not spec.inbound
    assert spec.ip == tree.IpInfo("ect0", None, 3)
    assert spec.ports == (8080, 1234)
    assert spec.seq == tree.Sequence(1, 1001, 1000)
    assert (spec.ack, spec.win, spec.urg, spec.udp) == (7, 99, 5, (9811, 1))
    assert spec.options == (
        tree.TcpOption("mss", 1460),
        tree.TcpOption("nop"),
        tree.TcpOption("wscale", 8),
        tree.TcpOption("sackOK"),
        tree.TcpOption("TS", 1, 2),
        tree.TcpOption("sack", blocks=((3, 4), (5, 6))),
        tree.TcpOption("FO", data=b"\xab\xcd"),
        tree.TcpOption("eol"),
    )


def test_what_is_not_said_is_none() -> None:
    spec = tcp("0 > . 1:1(0)")
    assert (spec.ack, spec.win, spec.urg, spec.options, spec.ports, spec.udp, spec.ip) == (
        None, None, 0, (), None, None, None,
    )  # fmt: skip
    assert tcp("0 > . 1:1(0) <...>").options is None


def test_special_sequences() -> None:
    assert tcp("0 > R. 0:0(0)! ack 1").seq.absolute
    assert tcp("0 > S. ...(0) ack 1").seq.ignored
    assert tcp("0 < F. 4294967295:4294967295(0) ack 1").seq.start == 0xFFFFFFFF
    wrapped = tcp("0 < . 4294967295:9(10) ack 1").seq
    assert (wrapped.start, wrapped.end, wrapped.length) == (0xFFFFFFFF, 9, 10)


def test_icmp() -> None:
    action = one("0 <icmp unreachable frag_needed mtu 1300 [1453:2905(1452)/udp(9811 > 1)]").action
    assert isinstance(action, tree.IcmpSpec)
    assert (action.type_name, action.code_name, action.mtu) == ("unreachable", "frag_needed", 1300)
    assert action.echo == tree.Sequence(1453, 2905, 1452)
    assert action.echo_udp == (9811, 1)
    bare = one("0 < icmp unreachable [5000:6000(1000)]").action
    assert isinstance(bare, tree.IcmpSpec)
    assert bare.code_name is None


def test_udp_datagram() -> None:
    action = one("0 < udp (1000)").action
    assert isinstance(action, tree.UdpSpec)
    assert action.length == 1000


def test_system_call_with_every_form_of_argument() -> None:
    action = call(
        '0 f(..., 5, -1, 0x1F, A|B | 2, [1, 2], [], "a\\n" "b", "c"..., '
        '{sa_family = AF_INET, sin_port = htons(8080), sin_addr = inet_addr("192.168.0.1")}, '
        "{msg_name(...)=..., msg_iov(1)=[{..., 0}]}, NULL) = -1 EINVAL (a note)"
    )
    dots, five, minus, hexa, either, array, empty, joined, opened, sockaddr, message, null = action.arguments
    assert dots == tree.Anything()
    assert five == tree.Number(5)
    assert minus == tree.Number(-1)
    assert hexa == tree.Number(31, True)
    assert either == tree.BitOr((tree.Word("A"), tree.Word("B"), tree.Number(2)))
    assert array == tree.Array((tree.Number(1), tree.Number(2)))
    assert empty == tree.Array(())
    assert joined == tree.Text(b"a\nb")
    assert opened == tree.Text(b"c", True)
    assert isinstance(sockaddr, tree.Struct)
    assert sockaddr.get("sin_port") == tree.Call("htons", (tree.Number(8080),))
    assert isinstance(message, tree.Struct)
    assert message.fields[0] == tree.Field("msg_name", tree.Anything(), tree.Anything())
    assert message.fields[1].size == tree.Number(1)
    assert null == tree.Word("NULL")
    assert (action.result, action.errno, action.note) == (tree.Number(-1), "EINVAL", "a note")


def test_blocking_calls_carry_their_end() -> None:
    assert call("0...0.010 connect(3, ..., ...) = 0").end_ns == 10 * MS
    assert call("+0 ...0.010 connect(3, ..., ...) = 0").end_ns == 10 * MS
    assert call("1.00...6.00 f() = 0").end_ns == 6000 * MS
    assert call("0 f() = 0").end_ns is None


def test_keywords_are_ordinary_words_elsewhere() -> None:
    action = call("0 ack(mss, win, udp, ECN) = 0")
    assert action.name == "ack"
    assert action.arguments == tuple(tree.Word(name) for name in ("mss", "win", "udp", "ECN"))


def test_options_commands_code_and_lines() -> None:
    script = parse(
        "// a comment with ' and `\n--ip_version=ipv4\n--strict_segments\n`init\nsecond`\n"
        "0 socket(..., SOCK_STREAM,\n   IPPROTO_TCP) = 3 /* a\ncomment */\n"
        "+0 %{ assert 1,\n 'x' }%\n+1 `command`\n`cleanup`\n",
        "x.pkt",
    )
    assert [(option.name, option.value, option.line) for option in script.options] == [
        ("ip_version", "ipv4", 2),
        ("strict_segments", None, 3),
    ]
    assert script.init == tree.ShellCommand("init\nsecond")
    assert script.init_line == 4
    assert [event.line for event in script.events] == [6, 9, 11]
    assert script.events[1].action == tree.CodeBlock(" assert 1,\n 'x' ")
    assert script.events[2].action == tree.ShellCommand("command")
    assert script.cleanup == tree.ShellCommand("cleanup")


def test_two_events_on_one_line_and_events_over_many_lines() -> None:
    script = parse("0 f() = 0 +1 g(1,\n2) = 0\n +2 > . 1:1(0)\n ack 1\n win\n 100")
    assert [event.line for event in script.events] == [1, 1, 3]
    last = script.events[2].action
    assert isinstance(last, tree.TcpSpec)
    assert (last.ack, last.win) == (1, 100)


def test_conditions_and_defines() -> None:
    text = "0 f() = 0\n#ifdef A\n+0 a(X) = 0\n#else\n+0 b() = 0\n#ifndef B\n+0 c() = 0\n#endif\n#endif\n+0 d() = 0\n"

    def names(**defines: str) -> list[str]:
        return [
            event.action.name
            for event in parse(text, defines=defines).events
            if isinstance(event.action, tree.SystemCall)
        ]

    assert names() == ["f", "b", "c", "d"]
    assert names(B="") == ["f", "b", "d"]
    assert names(A="") == ["f", "a", "d"]
    assert [event.line for event in parse(text, defines={"A": ""}).events] == [1, 3, 10]
    replaced = parse(text, defines={"A": "", "X": "0x10"}).events[1].action
    assert isinstance(replaced, tree.SystemCall)
    assert replaced.arguments == (tree.Number(16, True),)


def test_defines_do_not_reach_into_strings_and_commands() -> None:
    script = parse('0 f("X", X) = 0\n+0 `X`', defines={"X": "7"})
    first = script.events[0].action
    assert isinstance(first, tree.SystemCall)
    assert first.arguments == (tree.Text(b"X"), tree.Number(7))
    assert script.events[1].action == tree.ShellCommand("X")


ERRORS = [
    ("s\n0 f() = 0", 1, 1, "expected the next event"),
    ("0 f() = 0\n+0 > . 1:1(0) ack", 2, 17, "ends too early; expected a number"),
    ("0 < S 0:0(0) win 1 <mss 1460,bad>", 1, 30, "expected a TCP option"),
    ("0 < S 0:0(0) win 1 <mss X>", 1, 25, "expected a number"),
    ("0 < S 0:1(0) win 1", 1, 11, "covers 1 bytes, not 0"),
    ("0 < SS 0:0(0) win 1", 1, 5, "stands there twice"),
    ("0 < S 0:0(0) win 65536", 1, 18, "between 0 and 65535"),
    ("0 f( = 0", 1, 6, "'=' cannot stand here"),
    ("0 f() = ", 1, 7, "ends too early"),
    ("0 f() 0", 1, 7, "expected '='"),
    ('0 f("abc) = 0', 1, 5, "string that is never closed"),
    ("0 `abc", 1, 3, "command that is never closed"),
    ("0 %{ abc", 1, 3, "code block that is never closed"),
    ("/* abc\n0 f() = 0", 1, 1, "comment that is never closed"),
    ("#ifdef X\n0 f() = 0", 1, 1, "never closed"),
    ("0 f() = 0\n#endif", 2, 1, "without an #ifdef"),
    ("0 f() = 0\n #else", 2, 2, "without an #ifdef"),
    ("#ifdef X\n#else\n#else\n#endif\n0 f() = 0", 3, 1, "second #else"),
    ("#define X\n0 f() = 0", 1, 1, "not a directive"),
    ("0 f() = 0\n--late=1", 2, 1, "options stand before"),
    ("0 f() = 0\n`a`\n`b`", 3, 1, "second command without a time"),
    ("0 f() = 0\n`a`\n+0 g() = 0", 3, 1, "after the cleanup"),
    ("0 > . 1:1(0) <FO xyz>", 1, 18, "hexadecimal"),
    ("0 > . 1:1(0) <FO abc>", 1, 18, "even number"),
    ("+2~+1 > . 1:1(0)", 1, 5, "ends before it starts"),
    ("9999999999 f() = 0", 1, 1, "too large"),
    ("0 f({a(1,2)=3}) = 0", 1, 12, "only a name"),
    ("0 f() = 0 \x00", 1, 11, "not text"),
]


@pytest.mark.parametrize(("text", "line", "column", "message"), ERRORS, ids=[error[3] for error in ERRORS])
def test_errors_have_line_column_and_words(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(ScriptSyntaxError) as caught:
        parse(text, "dir/x.pkt")
    error = caught.value
    assert message in error.message
    assert (error.line, error.column) == (line, column)
    assert str(error).startswith(f"dir/x.pkt:{line}:{column}: ")
    assert not any(name in error.message for name in ("LPAR", "RPAR", "INT", "WORD", "ELLIPSIS", "_EQUALS"))


def test_hints() -> None:
    with pytest.raises(ScriptSyntaxError) as caught:
        parse("0 f() = 0\nclose(3) = 0")
    assert "starts with a time" in str(caught.value)
    with pytest.raises(ScriptSyntaxError) as caught:
        parse("0 < S 0:0(0) win 1 <mss MSS>")
    assert "-D MSS=" in str(caught.value)


def test_no_events() -> None:
    with pytest.raises(ScriptSyntaxError, match="no events"):
        parse("// nothing\n")
