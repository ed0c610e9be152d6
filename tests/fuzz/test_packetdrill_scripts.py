"""Whatever the text, reading a script ends in a tree or in one clear error, and touches nothing outside.

A script that can be read is run as well, by two profiles: it ends in a verdict. Seeds are written here
and taken from our own scripts; mutations cut, repeat, swap and overwrite pieces of them. An audit hook
watches for files opened, processes started and code executed while a text is read.
"""

from __future__ import annotations

import random
import re
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netsim.base.errors import ScriptSyntaxError
from netsim.packetdrill import shell, tree
from netsim.packetdrill.config import RunOptions
from netsim.packetdrill.evaluator import AssertionFailed, CodeError, Evaluator, read_block
from netsim.packetdrill.parser import parse
from netsim.packetdrill.report import failure_text
from netsim.packetdrill.run import run_script
from netsim.packetdrill.symbols import LINUX

SEEDS = (
    """--tolerance_usecs=10000
`../common/defaults.sh
../common/set_sysctls.py /proc/sys/net/ipv4/tcp_timestamps=0`
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>
+0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK,nop,wscale 8>
+.1 < . 1:1(0) ack 1 win 257
+0 accept(3, ..., ...) = 4
+0 %{ assert tcpi_snd_cwnd == 10, 'cwnd %d' % tcpi_snd_cwnd; x = 1 }%
+0...0.1 read(4, ..., 100) = 100 // blocks
+.1~+.2 > P. 1:1001(1000) ack 1 <nop,nop,TS val 100 ecr 2>
`/tmp/sysctl_restore_${PPID}.sh`
""",
    """#ifdef FreeBSD
0 `sysctl -w net.inet.tcp.insecure_rst=1`
#else
0 `kldstat -q -m tcpmd5 || kldload tcpmd5; echo 'add 1.2.3.4 5.6.7.8 tcp 0x1 -A tcp-md5 "k" ;' | setkey -c`
#endif
* > R. 0:0(0)! ack 1 win 0/udp(9811 > 1)
+0 < (ttl 3) icmp unreachable frag_needed mtu 1300 [0:0(0)/udp(1 > 2)]
+0 > [ect0] FP. 1:10(9) ack 5 win 100 urg 3 <sack 1:2 3:4,FO abcd,md5 valid,eol>
+0 recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{...,0}], msg_flags=MSG_ERRQUEUE,
   msg_control=[{cmsg_level=SOL_IP, cmsg_type=IP_RECVERR, cmsg_data={ee_errno=ENOMSG}}]}, A|B) = -1 EINVAL (x)
+0 connect(3, {sa_family = AF_INET, sin_port = htons(8080), sin_addr = inet_addr("192.168.0.1")}, 16) = 0
+0 `sockstat -4 -P tcp -s | grep packetdril | grep -c TIME_WAIT | grep 1`
""",
)
OWN = Path(__file__).parent.parent / "packetdrill"
SEEDS = SEEDS + tuple(path.read_text(encoding="utf-8") for path in sorted(OWN.rglob("*.pkt"))[::5])
PIECES = (
    "`", '"', "%{", "}%", "/*", "*/", "//", "#ifdef X\n", "#endif\n", "...", "~", "+", "<", ">", "(", ")", "[", "]",
    "{", "}", "|", "=", "!", "\0", "\n", "\\", "99999999999999999999999999", "0x", "é", "\t", "(" * 300, "[" * 300,
    "{" * 300, "-" * 300, "1|" * 300, "udp", "icmp", "TS val", "sack", "nop,", "`rm -rf /`",
    "%{ __import__('os').system('id') }%",
    "%{ 9**9**9 }%", "`touch x`", "$(id)", "`echo x > /etc/x`",
)  # fmt: skip

NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
EXTREMES = (
    "-1", "0", "1", "2", "3", "4", "100", "65535", "65536", "2147483647", "2147483648", "4294967295", "4294967296",
    "1000000000000", "0.000001", "86400", "0x7fffffff",
)  # fmt: skip
_FORBIDDEN = ("open", "os.", "subprocess.", "exec", "socket.", "shutil.", "import", "tempfile.", "ctypes.")
_armed = False
_seen: list[str] = []


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if _armed and event.startswith(_FORBIDDEN) and not (event == "open" and arguments[0] == ""):
        _seen.append(f"{event} {arguments}")


sys.addaudithook(_watch)


def must_be_clear(error: Exception) -> None:
    assert str(error)
    line = getattr(error, "line", None)
    assert line is None or line >= 1


def read(text: str) -> None:
    """All of the language's front end."""
    try:
        script = parse(text, "fuzz.pkt")
    except ScriptSyntaxError as error:
        must_be_clear(error)
        return
    for profile in ("linux", "freebsd"):
        try:
            outcome = run_script(script, RunOptions(), profile)
        except ScriptSyntaxError as error:
            must_be_clear(error)
            continue
        assert outcome.result in ("passed", "failed", "unsupported")
        assert outcome.result == "passed" or outcome.message
        assert failure_text(outcome)
    evaluator = Evaluator(LINUX)
    actions = [event.action for event in script.events]
    for action in [*actions, script.init, script.cleanup]:
        try:
            if isinstance(action, tree.ShellCommand):
                shell.interpret(action.text)
            elif isinstance(action, tree.CodeBlock):
                evaluator.run(read_block(action.text), {"tcpi_snd_cwnd": 10})
        except (shell.CommandError, CodeError, AssertionFailed) as error:
            must_be_clear(error)


def watched_read(text: str) -> None:
    global _armed
    _seen.clear()
    started = time.process_time()
    _armed = True
    try:
        read(text)
    finally:
        _armed = False
    assert not _seen
    assert time.process_time() - started < 5.0


def mutate(rng: random.Random, text: str) -> str:
    for _ in range(rng.randint(1, 4)):
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.choice((0, 1, 2, 10, 60)))
        kind = rng.randrange(9)
        numbers = list(NUMBER.finditer(text))
        if kind >= 5 and numbers:
            found = rng.choice(numbers)
            text = text[: found.start()] + rng.choice(EXTREMES) + text[found.end() :]
            continue
        kind %= 5
        if kind == 0:
            text = text[:start] + text[end:]
        elif kind == 1:
            text = text[:start] + rng.choice(PIECES) + text[end:]
        elif kind == 2:
            text = text[:end] + text[start:end] * rng.randint(1, 30) + text[end:]
        elif kind == 3:
            other = rng.randrange(len(text) + 1)
            text = text[:start] + text[other : other + 40] + text[start:]
        else:
            lines = text.split("\n")
            rng.shuffle(lines)
            text = "\n".join(lines)
    return text


@pytest.fixture(autouse=True)
def _warm() -> None:
    for seed in SEEDS[:2]:
        read(seed)


@pytest.mark.parametrize("piece", PIECES)
def test_every_piece_alone_and_after_an_event(piece: str) -> None:
    watched_read(piece)
    watched_read("0 f() = 0\n+0 " + piece)


def test_mutations() -> None:
    rng = random.Random(1)
    for _ in range(400):
        watched_read(mutate(rng, rng.choice(SEEDS)))


@pytest.mark.long
def test_ten_thousand_mutations() -> None:
    rng = random.Random(2)
    for _ in range(10_000):
        watched_read(mutate(rng, rng.choice(SEEDS)))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    read(text)
    read("0 %{" + text + "}%")
    read("0 `" + text + "`")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from((*PIECES, "0 ", "f(", ") = 0", " 1:1(0)", "win 1", "\n+0 ", "assert ", "a")), max_size=25)
)
def test_any_sequence_of_tokens(parts: list[str]) -> None:
    read("".join(parts))
