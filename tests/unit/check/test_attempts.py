"""Openings that are only noted (`netsim.check.attempts`) are reported as if they had been followed in full."""

from __future__ import annotations

import random

import pytest

from netsim.capture.record import TcpRecord
from netsim.check.engine import Checker, Report, report_json
from netsim.check.rules import RULES
from netsim.check.tracker import MAX_ATTEMPTS, MAX_TOMBS
from netsim.wire.options import TcpOptions
from tests.rules.tape import End, Tape, mss, ws


def check(records: list[TcpRecord], *, noting: bool = True) -> tuple[Report, Checker]:
    """The report with openings noted, or all of them followed in full."""
    checker = Checker("tape", RULES)
    if not noting:
        checker.tracker.on_alike = None
    for record in records:
        checker.tracker.feed(record)
    return checker.finish(), checker


def share_options(records: list[TcpRecord]) -> None:
    """As the decoder does for SYNs: one object for all alike."""
    known: dict[tuple[object, ...], TcpOptions] = {}
    for r in records:
        if r.flags & 2:
            o = r.opts
            r.opts = known.setdefault((o.layout, o.mss, o.wscale, o.sack_ok, o.other, o.problem, o.dirty_padding), o)


def crowd(seed: int, count: int = 120) -> list[TcpRecord]:
    """Many openings at once, most of them alike, some of which go on, fail, repeat or come back."""
    chance = random.Random(seed)
    tape = Tape(stamps=seed % 2 == 0)
    alive: list[tuple[End, End]] = []
    lists = [(), (mss(1460),), (mss(1460), ws(7)), (mss(100), ws(15))]
    common = lists[chance.randrange(3)]
    for _ in range(count):
        if not alive or chance.random() < 0.4:
            tape.ports(2000 + chance.randrange(count))
            alive.append(tape.ends)
            tape.ends[0].iss = chance.choice((1000, chance.getrandbits(32)))
            tape.ends[1].iss = chance.getrandbits(32)
            parts = common if chance.random() < 0.9 else chance.choice(lists)
            tape.syn(*parts, after=chance.choice((0.01, 1.0, 700.0)), reserved=2 * (chance.random() < 0.03))
        else:
            tape.ends = chance.choice(alive)
            later = chance.choice((0.02, 0.3, 20.0, 1100.0))
            what = chance.randrange(12)
            if what < 6:
                tape.ends[1].nxt = 0
                tape.syn_ack(*common, after=later)
            elif what == 6:
                tape.ends[0].nxt = 0
                tape.syn(*common, after=later)
            elif what == 7:
                tape.client(after=later)
            elif what == 8:
                tape.client(chance.randrange(1, 2000), after=later)
            elif what == 9:
                tape.server(flags=chance.choice(("RA", "R")), after=later)
            elif what == 10:
                tape.client(flags="R", after=later)
            else:
                tape.server(after=later, ack=chance.randrange(50))
        record = tape.records[-1]
        if chance.random() < 0.03:
            record.csum ^= 0x55
            record.buf = record.buf[:16] + record.csum.to_bytes(2, "big") + record.buf[18:]
    share_options(tape.records)
    return tape.records


@pytest.mark.parametrize("seed", range(120))
def test_the_same_report_both_ways(seed: int) -> None:
    noted, _ = check(crowd(seed))
    followed, _ = check(crowd(seed), noting=False)
    assert report_json(noted) == report_json(followed)
    assert (noted.vantage, noted.capture_findings == []) == (followed.vantage, followed.capture_findings == [])


def flood(count: int, *, answered: bool = True, unlike: bool = False) -> list[TcpRecord]:
    """So many SYNs of one kind, or each of its own."""
    tape = Tape(stamps=False)
    chance = random.Random(count)
    for number in range(count):
        tape.ports(1025 + number % 60000)
        for end in tape.ends:
            end.iss = chance.getrandbits(32)
        tape.syn(mss(1460 - number % 1000 if unlike else 1460), after=0.01)
        if answered:
            tape.syn_ack(mss(1460), after=0.05)
    share_options(tape.records)
    return tape.records


def test_a_flood_is_followed_in_full_once() -> None:
    report, checker = check(flood(300))
    assert len(checker.tracker.kinds) == 1
    assert [c.ident for c in report.connections] == list(range(300))
    assert {(c.open, c.close, c.client.final_state, c.server.final_state) for c in report.connections} == {
        ("attempt", "none", "ESTABLISHED", "SYN-RECEIVED")
    }
    assert report_json(report) == report_json(check(flood(300), noting=False)[0])


def test_unanswered_and_unlike_openings() -> None:
    for records in (flood(50, answered=False), flood(50, unlike=True)):
        assert report_json(check(records)[0]) == report_json(check(records, noting=False)[0])


def test_what_is_kept_is_bounded() -> None:
    records = flood(300)
    checker = Checker("tape", RULES)
    tracker = checker.tracker
    for number in range(1000, 1002 + MAX_ATTEMPTS // 300):
        for record in records:
            key = record.key
            client = 0 if record.flags & 16 == 0 else 4
            address = key[client : client + 2] + number.to_bytes(2, "big")
            copy = TcpRecord(
                record.frame, record.t_ns, 0, key[:client] + address + key[client + 4 :], record.seq, record.ack,
                record.flags, record.wnd, 0, -1, -1, record.opts, 1, 64, 0, True, 0, 0, record.header_len, 0, b"", 0, 0,
            )  # fmt: skip
            tracker.feed(copy)
    assert len(tracker.attempts) == MAX_ATTEMPTS
    assert len(tracker.halves) <= 4
    assert len(tracker.tombs) <= MAX_TOMBS
    assert all(a.conn is None for a in tracker.attempts.values())


@pytest.mark.parametrize("quiet_ms", [9_999, 10_000, 30_000])
def test_ports_used_again_after_a_quiet_time(quiet_ms: int) -> None:
    """The clock that ends the old connection is the SYN of the new one."""
    tape = Tape()
    tape.handshake().close()
    tape.ends[0].iss, tape.ends[1].iss = 500_000_000, 700_000_000
    for end in tape.ends:
        end.nxt = end.got = 0
    tape.syn(after=quiet_ms)
    tape.syn_ack()
    tape.client()
    report, _ = check(tape.records)
    assert [(c.ident, c.open, c.close) for c in report.connections] == [
        (0, "handshake", "fin"),
        (1, "handshake", "none"),
    ]
    assert report.connections[1].client.port == report.connections[0].client.port
    assert list(report.connections[1].frames("reused_ports")) == [7]


def test_what_comes_late_belongs_to_the_old_connection() -> None:
    tape = Tape()
    tape.handshake()
    tape.client(flags="RA")
    tape.server(100, after=15_000)
    tape.server(100, after=15_000)
    report, _ = check(tape.records)
    assert [(c.close, c.packets) for c in report.connections] == [("rst", 6)]


def test_a_kind_with_a_finding_is_never_summarised_unseen() -> None:
    tape = Tape(stamps=False)
    for port in range(3000, 3010):
        tape.ports(port)
        tape.syn(mss(1460), ws(15))
    share_options(tape.records)
    report, checker = check(tape.records)
    assert list(checker.tracker.kinds.values()) == [()]
    assert [f.meta.code for f in report.findings()].count("OPT004") == 10
