"""Every rule, loud and silent side by side: the fault, and the same story without it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from netsim.check.rules import RULES
from tests.rules.tape import MS, SACK_OK, Tape, mss, opt, ws

PAIRS: dict[str, tuple[Callable[[], Tape], Callable[[], Tape], str]] = {}


def pair(code: str, vantage: str = "unknown") -> Callable[[Callable[[bool], Tape]], Callable[[bool], Tape]]:
    """Register `story(fault)` for a rule."""

    def register(story: Callable[[bool], Tape]) -> Callable[[bool], Tape]:
        PAIRS[code] = (lambda: story(True), lambda: story(False), vantage)
        return story

    return register


def opened(**more: object) -> Tape:
    return Tape(**more).handshake()  # type: ignore[arg-type]


@pair("HSK001")
def _(fault: bool) -> Tape:
    tape = Tape()
    tape.syn()
    tape.syn_ack(ack=2 if fault else 1)
    return tape


@pair("HSK002")
def _(fault: bool) -> Tape:
    tape = Tape()
    tape.syn()
    tape.syn_ack()
    tape.syn_ack(after=1000, seq=70000 if fault else 0)
    return tape


@pair("HSK003")
def _(fault: bool) -> Tape:
    tape = Tape()
    tape.syn()
    tape.syn_ack()
    if not fault:
        tape.client()
    tape.server(100, after=5)
    return tape


@pair("HSK004")
def _(fault: bool) -> Tape:
    tape = Tape()
    if fault:
        key = bytes((10, 0, 0, 1, 224, 0, 0, 1, 156, 64, 0, 80))
        tape.ends[0].key = key
    tape.syn()
    return tape


def _many(isns: list[int]) -> Tape:
    tape = Tape()
    for index, isn in enumerate(isns):
        tape.ports(50000 + index)
        tape.ends[0].iss = isn
        tape.ends[1].iss = isn * 7919 % 4294967291
        tape.handshake().close()
    return tape


@pair("HSK005")
def _(fault: bool) -> Tape:
    return _many([4242] * 3 + [9] if fault else [4242, 99999, 1234567, 2])


@pair("HSK006")
def _(fault: bool) -> Tape:
    return _many([64000 * n for n in range(1, 7)] if fault else [64000, 990000, 77, 123456789, 31337, 8])


@pair("HSK007")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(1000)
    tape.server(after=20)
    tape.close()
    old = tape.ends[0]
    tape.ports(40000)
    tape.ends[0].iss = old.iss - 500 if fault else old.iss + 500000
    tape.ends[0].ts = old.ts - 5000 if fault else old.ts
    tape.ends[1].iss = 900000
    tape.client(flags="S", after=1000, options=tape.syn_options(0))
    return tape


@pair("HSK008")
def _(fault: bool) -> Tape:
    tape = Tape()
    tape.syn()
    if fault:
        tape.ends[0].iss += 77777
    tape.syn(seq=0, after=1000)
    return tape


@pair("SEQ001")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(10, flags="P" if fault else "PA")
    return tape


@pair("SEQ002")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(flags="FRA" if fault else "FA")
    return tape


@pair("SEQ003")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(data=b"GET /aaaa")
    tape.client(data=b"GET /bbbb" if fault else b"GET /aaaa", seq=1, after=400)
    return tape


@pair("SEQ004")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(10, reserved=2 if fault else 0)
    return tape


@pair("SEQ005")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(10, urg=7, flags="FA" if fault else "FUA")
    return tape


@pair("SEQ006")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(10, urg=0 if fault else 10, flags="PUA")
    return tape


@pair("SEQ007", "client")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(1000, damaged=fault)
    tape.client(1000, seq=1, after=400)
    return tape


@pair("SEQ008")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(100, offset=3 if fault else 0)
    return tape


@pair("HSK009")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(200)
    tape.server(after=20)
    tape.client(flags="S", seq=90_000, ack=0, options=b"", after=5)
    tape.server(ack=201, after=20)
    if fault:
        tape.client(200, seq=201, ack=1, after=50)
    else:
        tape.client(flags="R", seq=201, options=b"")
    return tape


@pair("ACK001")
def _(fault: bool) -> Tape:
    tape = opened()
    for _ in range(5):
        tape.client(1000)
    tape.server(ack=5001, after=20)
    tape.server(ack=3001 if fault else 5001, after=5, wnd=1000 if fault else 1010)
    return tape


@pair("ACK002")
def _(fault: bool) -> Tape:
    tape = Tape()
    tape.syn(ack=12345 if fault else 0)
    return tape


@pair("ACK003")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(1000)
    tape.server(ack=3001 if fault else 1001, after=20)
    tape.client(1000, after=50)
    tape.client(1000)
    tape.server(ack=3001, after=20)
    return tape.close()


@pair("ACK004", "server")
def _(fault: bool) -> Tape:
    tape = Tape().handshake(at_client=False)
    tape.server(10)
    tape.client(100, after=20)
    tape.server(after=0.2)
    tape.client(100, after=10)
    if not fault:
        tape.server(after=40)
    tape.client(100, seq=101, after=300)
    tape.server(after=400)
    return tape


@pair("ACK005", "server")
def _(fault: bool) -> Tape:
    tape = Tape().handshake(at_client=False)
    tape.client(100)
    tape.server(after=0.2)
    tape.client(1448, after=10)
    tape.client(1448)
    tape.server(after=290 if fault else 1)
    return tape


@pair("ACK006")
def _(fault: bool) -> Tape:
    tape = opened()
    for _ in range(40 if fault else 5):
        tape.client(after=1)
        tape.server(after=1)
    return tape


@pair("ACK007")
def _(fault: bool) -> Tape:
    tape = opened()
    for index in range(8):
        tape.server(1448, after=20)
        for part in range(12 if fault else 1):
            tape.client(ack=1 + 1448 * index + (120 * (part + 1) if fault else 1448))
    return tape


@pair("ACK008", "server")
def _(fault: bool) -> Tape:
    tape = Tape().handshake(at_client=False)
    tape.client(1000)
    tape.server(after=0.2)
    for number in range(3):
        tape.client(1000, seq=2001 + 1000 * number, after=10 if number == 0 else 0.1)
        if not fault:
            tape.server(ack=1001, sack=((2001, 3001 + 1000 * number),))
    tape.client(1000, seq=1001, after=300)
    return tape


@pair("ACK009", "server")
def _(fault: bool) -> Tape:
    tape = Tape().handshake(at_client=False)
    tape.client(1000, after=10)
    tape.server(after=0.2)
    for wait in (250, 500):
        tape.client(1000, seq=1, after=wait)
        if not fault:
            tape.server(sack=((1, 1001),), after=0.2)
    tape.server(after=100)
    return tape


@pair("OPT028", "server")
def _(fault: bool) -> Tape:
    tape = Tape().handshake(at_client=False)
    tape.client(1000, after=10)
    tape.server(after=0.2)
    tape.client(1000, seq=2001, after=30)
    tape.server(ack=1001, sack=((2001, 3001),), after=0.2)
    tape.client(1000, seq=4001, after=30)
    blocks = ((2001, 3001), (4001, 5001))
    tape.server(ack=1001, sack=blocks if fault else blocks[::-1], after=0.2)
    return tape


@pair("TMR005")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(1000)
    tape.server(wnd=0, after=20)
    wait = 300
    for _ in range(8):
        tape.client(seq=1000, after=wait)
        tape.server(wnd=0, after=20)
        wait = 300 if fault else 2 * wait
    return tape


@pair("WND001")
def _(fault: bool) -> Tape:
    tape = opened(stamps=False)
    tape.client(1000)
    tape.server(wnd=8, after=20)
    tape.server(wnd=600)
    tape.ends[1].wnd = 600
    size = 1400
    for _ in range(8):
        tape.client(size)
        tape.server(wnd=600)
    if fault:
        tape.client(1400, seq=tape.ends[0].nxt + 600 * 128)
    return tape


@pair("WND002")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(1000)
    tape.server(wnd=800, after=20)
    tape.server(wnd=100 if fault else 801, after=5)
    return tape


@pair("WND003")
def _(fault: bool) -> Tape:
    tape = opened(stamps=False)
    tape.client(1000)
    # The window fills up: its edge stays where the SYN-ACK put it, at 60,001.
    while (left := 60_001 - tape.ends[0].nxt) > 0:
        tape.server(wnd=left >> 7, after=20)
        tape.client(min(left, 1400))
    tape.server(wnd=0, after=20)
    tape.server(wnd=1 if fault else 200, after=100)
    return tape


@pair("WND004")
def _(fault: bool) -> Tape:
    tape = opened(stamps=False)
    tape.ends[1].wnd = 10
    tape.client(1280)
    tape.server(wnd=0, after=20)
    for _ in range(60):
        tape.server(0, wnd=0, after=1, ack=1281)
    tape.records = tape.records[:5]
    tape.client(1400 if fault else 1, after=300, seq=1281 + 64000)
    return tape


def _outside(option: bytes) -> Callable[[bool], Tape]:
    def story(fault: bool) -> Tape:
        tape = opened()
        tape.client(10, extra=option if fault else b"")
        return tape

    return story


pair("OPT001")(_outside(mss(1460)))
pair("OPT002")(_outside(ws(7)))
pair("OPT003")(_outside(SACK_OK))
pair("OPT016")(_outside(opt(3, b"\x01\x02\x03")))
pair("OPT017")(_outside(b"\xfd\x30\x01\x01"))
pair("OPT018")(_outside(opt(8, bytes(8))))
pair("OPT019")(_outside(b"\x00\x41\x41\x41"))


@pair("OPT004")
def _(fault: bool) -> Tape:
    return Tape().handshake(mss(1460), ws(15 if fault else 14))


@pair("OPT005")
def _(fault: bool) -> Tape:
    tape = Tape()
    tape.syn(mss(1460), *([] if fault else [ws(7)]))
    tape.syn_ack(mss(1460), ws(7))
    return tape


@pair("OPT006")
def _(fault: bool) -> Tape:
    tape = Tape()
    tape.syn(mss(1460), *([] if fault else [SACK_OK]))
    tape.syn_ack(mss(1460), SACK_OK)
    return tape


@pair("OPT007")
def _(fault: bool) -> Tape:
    tape = Tape(stamps=not fault)
    tape.syn(mss(1460))
    tape.stamps = True
    tape.syn_ack(mss(1460))
    return tape


@pair("OPT008")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(10, **({"options": b""} if fault else {}))
    return tape


@pair("OPT009")
def _(fault: bool) -> Tape:
    tape = opened(stamps=False)
    tape.client(10, options=b"\x01\x01" + opt(8, bytes((0, 0, 0, 7, 0, 0, 0, 0))) if fault else b"")
    return tape


def _gap(tape: Tape) -> Tape:
    tape.client(1000)
    tape.server(after=20)
    tape.client(1000, seq=2001)
    tape.ends[1].got = 1001
    return tape


@pair("OPT010")
def _(fault: bool) -> Tape:
    tape = Tape()
    tape.syn(mss(1460), *([] if fault else [SACK_OK]))
    tape.syn_ack(mss(1460), *([] if fault else [SACK_OK]))
    tape.client()
    _gap(tape).server(ack=1001, sack=((2001, 3001),), after=20)
    return tape


@pair("OPT011")
def _(fault: bool) -> Tape:
    tape = _gap(opened())
    tape.server(ack=1001, sack=((3001, 2001) if fault else (2001, 3001),), after=20)
    return tape


@pair("OPT012")
def _(fault: bool) -> Tape:
    tape = _gap(opened())
    tape.server(ack=1001, sack=((2001, 9001 if fault else 3001),), after=20)
    return tape


@pair("OPT013")
def _(fault: bool) -> Tape:
    tape = _gap(opened())
    tape.server(ack=1001, sack=((2001, 3001), (1, 501)) if fault else ((1, 501), (2001, 3001)), after=20)
    return tape


@pair("OPT014")
def _(fault: bool) -> Tape:
    tape = _gap(opened())
    tape.client(1000, seq=4001)
    tape.ends[1].got = 1001
    tape.server(ack=1001, sack=((2001, 4501), (4001, 5001)) if fault else ((2001, 3001), (4001, 5001)), after=20)
    return tape


@pair("OPT015")
def _(fault: bool) -> Tape:
    tape = _gap(opened())
    tape.server(ack=1001, sack=((2001, 3001),), after=20)
    tape.server(ack=1001, sack=() if fault else ((2001, 3001),), after=20)
    return tape


@pair("OPT020")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(10, after=50)
    stamp = tape.records[-1].ts_val
    tape.client(10, ts=(stamp - 100 if fault else stamp + 1, tape.ends[0].ts_recent))
    return tape


@pair("OPT021")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(10, after=50)
    stamp = tape.records[-1].ts_val
    tape.server(ts=((tape.t_ns // 1_000_000 + 5000) & 0xFFFFFFFF, stamp + (90000 if fault else 0)), after=20)
    return tape


@pair("OPT022")
def _(fault: bool) -> Tape:
    tape = Tape()
    tape.ends[0].ts_recent = 4711 if fault else 0
    tape.syn()
    return tape


@pair("OPT023")
def _(fault: bool) -> Tape:
    tape = opened()
    start = tape.records[0].ts_val
    for index in range(12):
        tape.client(10, after=200, ts=(start + 200 * (index + 1) * (1000 if fault else 1), tape.ends[0].ts_recent))
        tape.server(after=20)
    return tape


@pair("OPT024")
def _(fault: bool) -> Tape:
    tape = Tape()
    tape.syn(mss(536))
    tape.syn_ack(mss(536))
    tape.client()
    for _ in range(4):
        tape.client(500)
        tape.server(after=1)
    tape.client(1000)
    if not fault:
        tape.ends[0].ip_id += 1  # a giant that the card cuts into two
    tape.client(100)
    return tape


@pair("OPT025")
def _(fault: bool) -> Tape:
    tape = Tape()
    tape.syn(mss(1460), opt(34, bytes(3 if fault else 8)))
    return tape


@pair("OPT026")
def _(fault: bool) -> Tape:
    signed = opt(19, bytes(16))
    tape = Tape(stamps=False)
    tape.syn(mss(1460), signed)
    tape.syn_ack(mss(1460), signed)
    tape.client(options=signed)
    tape.client(10, options=b"" if fault else signed)
    return tape


@pair("OPT027")
def _(fault: bool) -> Tape:
    tape = Tape()
    tape.syn(mss(1460), b"\x01\x01\x01\x01" if fault else b"")
    return tape


def _flight(count: int = 6, **more: object) -> Tape:
    tape = opened(**more)
    tape.client(1000)
    tape.server(after=20)
    for _ in range(count):
        tape.client(1000)
    return tape


@pair("RTX001", "client")
def _(fault: bool) -> Tape:
    tape = _flight()
    tape.ends[1].got = 1001
    tape.client(1000, seq=1001, after=5 if fault else 400)
    return tape


@pair("RTX002", "client")
def _(fault: bool) -> Tape:
    tape = _flight(1)
    if fault:
        tape.server(after=20)
    tape.client(1000, seq=1001, after=300)
    return tape


@pair("RTX003", "client")
def _(fault: bool) -> Tape:
    tape = _flight()
    for top in (3001, 4001, 5001):
        tape.server(ack=1001, sack=((2001, top),), after=1)
    tape.client(1000, seq=1001)
    if fault:
        tape.client(1000, seq=3001, after=5)
    return tape


@pair("RTX005")
def _(fault: bool) -> Tape:
    tape = _flight(8)
    for top in range(3001, 4001 if fault else 6001, 1000):
        tape.server(ack=1001, sack=((2001, top),), after=20 if top == 3001 else 0.1)
    tape.client(1000, seq=1001, after=0.1)
    for top in range(4001, 10001, 1000):
        tape.server(ack=1001, sack=((2001, top),), after=1)
    tape.server(ack=9001, after=20)
    return tape


@pair("TMR001")
def _(fault: bool) -> Tape:
    tape = _flight(1)
    for wait in (400, 800, 1600, 500 if fault else 3200):
        tape.client(1000, seq=1001, after=wait)
    return tape


@pair("TMR003", "client")
def _(fault: bool) -> Tape:
    tape = Tape()
    tape.syn()
    tape.t_ns += (250 if fault else 1000) * MS
    tape.syn(seq=0)
    return tape


@pair("TMR004")
def _(fault: bool) -> Tape:
    tape = opened(stamps=False)
    tape.client(1000)
    tape.server(wnd=0, after=20)
    for wait in (300, 600, 1200, 400 if fault else 2400):
        tape.client(seq=1000, after=wait)
        tape.server(wnd=0, after=20)
    return tape


@pair("CWN001")
def _(fault: bool) -> Tape:
    tape = opened()
    for _ in range(30 if fault else 10):
        tape.client(1448)
    return tape


@pair("CWN002")
def _(fault: bool) -> Tape:
    tape = opened()
    for _ in range(10):
        tape.client(1448)
    tape.server(ack=1449, after=25)
    for _ in range(20 if fault else 2):
        tape.client(1448)
    return tape


@pair("CWN003", "client")
def _(fault: bool) -> Tape:
    tape = _flight()
    tape.client(1000, seq=1001, after=400)
    if not fault:
        tape.server(ack=2001, after=20)
    tape.client(1000, seq=2001)
    return tape


@pair("CLS001")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(100)
    tape.client(flags="FA")
    tape.client(100, seq=102 if fault else 1, after=300)
    return tape


@pair("CLS002")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(100)
    tape.client(flags="FA")
    tape.client(flags="FA", seq=601 if fault else 101, after=300)
    return tape


@pair("CLS003")
def _(fault: bool) -> Tape:
    tape = opened().close()
    tape.server(flags="FA", seq=1, after=300)
    if fault:
        tape.client(flags="R", seq=2)
    else:
        tape.client()
    return tape


@pair("RST001")
def _(fault: bool) -> Tape:
    tape = Tape()
    tape.syn()
    tape.server(flags="RA", ack=9 if fault else 1, after=20)
    return tape


@pair("RST002")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.server(10)
    tape.server(flags="R", seq=900_000_000 if fault else 11)
    return tape


@pair("RST006")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.server(10)
    tape.client()
    tape.server(flags="R", seq=5000 if fault else 11, after=100)
    return tape


@pair("RST003")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.server(10)
    tape.server(flags="R", seq=11)
    tape.server(100, seq=11, after=100 if fault else 0.01)
    return tape


@pair("RST004")
def _(fault: bool) -> Tape:
    tape = opened()
    for _ in range(8 if fault else 1):
        tape.client(flags="R", seq=1)
        tape.server(flags="R", seq=1, after=20)
    return tape


@pair("RST005", "client")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(10)
    tape.server(flags="R", seq=1, after=20)
    if fault:
        tape.client(100, after=100)
    return tape


@pair("ECN001")
def _(fault: bool) -> Tape:
    tape = Tape()
    tape.syn(flags="SEC", tos=2 if fault else 0)
    return tape


def _ecn() -> Tape:
    tape = Tape().handshake(flags=("SEC", "SAE"))
    tape.client(1000, tos=2)
    tape.server(after=20)
    return tape


@pair("ECN002")
def _(fault: bool) -> Tape:
    tape = _ecn()
    tape.server(100)
    tape.client(tos=2 if fault else 0)
    return tape


@pair("ECN003")
def _(fault: bool) -> Tape:
    tape = _ecn()
    tape.client(1000, tos=2)
    tape.client(1000, seq=1001, tos=2 if fault else 0, after=400)
    return tape


@pair("ECN004")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(1000, tos=2 if fault else 0)
    return tape


@pair("ECN005")
def _(fault: bool) -> Tape:
    tape = _ecn()
    tape.client(1000, tos=3)
    tape.server(flags="A" if fault else "AE", after=20)
    return tape


@pair("ECN006")
def _(fault: bool) -> Tape:
    tape = _ecn()
    tape.client(1000, tos=3)
    tape.server(flags="AE", after=20)
    tape.client(1000, tos=2, flags="A" if fault else "AC", after=100)
    return tape


@pair("ECN007")
def _(fault: bool) -> Tape:
    tape = opened()
    tape.client(10, flags="PAE" if fault else "PA")
    return tape


@pair("ECN008")
def _(fault: bool) -> Tape:
    return Tape().handshake(flags=("SEC", "SAEC" if fault else "SAE"))


@pair("ECN009")
def _(fault: bool) -> Tape:
    tape = _ecn()
    tape.client(1000, tos=3)
    tape.server(flags="AE", after=20)
    first = tape.ends[0].nxt
    for number in range(6):
        tape.client(1448, tos=2, flags="A" if number else "AC")
    for number in range(6):
        tape.server(flags="AE" if fault else "A", ack=first + 1448 * (number + 1), after=0.1 if number else 20)
    return tape


@pair("RTX004")
def _(fault: bool) -> Tape:
    tape = _flight(1)
    tape.client(1000, seq=1001, after=300)
    tape.client(1000, seq=1001, after=600 if fault else 3000)
    if not fault:
        tape.records.pop(-2)
    return tape


@pair("TMR002")
def _(fault: bool) -> Tape:
    tape = Tape()
    for wait in (0, 1000, 1000 if fault else 2000):
        tape.syn(seq=0, after=wait)
    return tape


ALSO = {"RTX004"}
"""Speaks of every timeout below a second; stories have many."""


def _codes(tape: Tape, vantage: str) -> set[str]:
    return {finding.meta.code for finding in tape.check(vantage).findings()}


@pytest.mark.parametrize("code", sorted(PAIRS))
def test_loud(code: str) -> None:
    loud, _, vantage = PAIRS[code]
    assert _codes(loud(), vantage) - (ALSO - {code}) == {code}


@pytest.mark.parametrize("code", sorted(PAIRS))
def test_silent_twin(code: str) -> None:
    _, silent, vantage = PAIRS[code]
    assert _codes(silent(), vantage) - (ALSO - {code}) == set()


def test_every_rule_has_its_pair() -> None:
    assert {rule.meta.code for rule in RULES} == set(PAIRS)
