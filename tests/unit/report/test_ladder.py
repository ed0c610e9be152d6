"""The ladder: what a reader sees, at 80 columns and more."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsim.base.errors import UsageError
from netsim.base.reasons import Reason
from netsim.report.build import ladder_from, ordinal
from netsim.report.cells import paint, plain
from netsim.report.items import LEFT, RIGHT, Arrow, Gap, Ladder, NoteMark, StateMark, TimerMark, fold, is_dull
from netsim.report.ladder import Options, draw
from netsim.report.record import record
from tests.unit.report.golden import assert_golden
from tests.unit.report.story import IRS, ISS, Story, last_ack_lost, open_connection, transfer, wrap

HOSTS = ["client", "server"]


def drawn(story: Story, *, connection: int | None = None, hosts: list[str] | None = None, **options: object) -> str:
    ladder = ladder_from(record(story.events), HOSTS if hosts is None else hosts, connection)
    return plain(draw(ladder, Options(**options)))  # type: ignore[arg-type]


def titled() -> Ladder:
    ladder = ladder_from(record(last_ack_lost().events), HOSTS)
    ladder.title = "last-ack-lost · The final ACK is lost: the FIN comes again, 2MSL starts again"
    ladder.subtitle = "client 10.0.0.1:49152 ═ 50 ms, 10 Mbit/s ═ server 10.0.0.2:80"
    ladder.corner = "seed 1"
    return ladder


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("explain", [False, True])
def test_last_ack_lost(width: int, explain: bool) -> None:
    text = plain(draw(titled(), Options(width=width, explain=explain)))
    assert_golden(f"ladders/story-{width}{'-explain' if explain else ''}.txt", text)
    assert max(map(len, text.splitlines())) <= width


def test_ascii_is_ascii_and_keeps_the_columns() -> None:
    lines = draw(titled())
    text = plain(lines, ascii_only=True)
    text.encode("ascii")
    assert [len(line) for line in text.splitlines()] == [len(line) for line in plain(lines).splitlines()]
    assert_golden("ladders/story-ascii.txt", text)


def test_colour_only_adds_styles() -> None:
    lines = draw(titled())
    coloured = paint(lines, color=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain(lines)
    assert paint(lines, color=False) == plain(lines)


def test_a_lost_segment_dies_on_the_way_and_says_why() -> None:
    text = drawn(last_ack_lost(), width=100)
    line = next(line for line in text.splitlines() if "✗" in line)
    assert 'dropped by rule "last ACK, once"' in line
    assert "▶" not in line
    assert "TIME-WAIT" in line


def test_a_lost_segment_from_the_right() -> None:
    story = Story()
    open_connection(story)
    story.drop(story.send("server", 1000, "PA", IRS + 1, wrap(ISS + 1), b"x" * 1460), 1000, rule="r")
    line = drawn(story).splitlines()[-1]
    assert re.search(r'dropped by rule "r" ✗─+ PSH,ACK seq 1 ack 1 len 1460 ──', line), line


def test_a_resent_segment_says_why() -> None:
    assert "FIN,ACK seq 1 ack 1002 ↻ timeout" in drawn(last_ack_lost())


def test_timers_are_told() -> None:
    text = drawn(last_ack_lost())
    assert "⏲ 2MSL, until 122.300" in text
    assert "⏲ 2MSL again, until 122.600" in text
    assert "⏲ RTO, 1st time" in text
    assert re.search(r"122\.600  CLOSED +⏲ 2MSL over", text)


def test_the_sending_state_stands_on_the_senders_side() -> None:
    lines = drawn(last_ack_lost()).splitlines()
    syn_ack = next(line for line in lines if "SYN,ACK" in line)
    assert syn_ack.rstrip().endswith("SYN-RECEIVED")
    assert "◀" in syn_ack


def test_long_runs_are_folded_and_all_unfolds_them() -> None:
    story = Story()
    open_connection(story)
    transfer(story, 1000, 40)
    story.events.sort(key=lambda event: event.t_ns)
    folded, whole = drawn(story), drawn(story, show_all=True)
    assert re.search(r"⋮ +76 segments, 38,000 bytes +\(--all shows them\)", folded)
    assert len(folded.splitlines()) < 15
    assert sum("▶" in line or "◀" in line for line in whole.splitlines()) == 83
    assert "⋮" not in whole


def test_a_loss_in_a_long_run_is_never_folded() -> None:
    story = Story()
    open_connection(story)
    transfer(story, 1000, 20)
    story.drop(story.send("client", 2000, "PA", wrap(ISS + 20_001), IRS + 1, b"x" * 1000), 2000, rule="one")
    transfer(story, 3000, 20, first=21)
    text = drawn(story)
    assert 'rule "one"' in text
    assert text.count("⋮") == 2


def test_a_very_long_ladder_loses_its_middle() -> None:
    ladder = Ladder("a", "b", [StateMark(n, LEFT, "x", "y") for n in range(1000)])
    shown = fold(ladder.items)
    assert len(shown) < 200
    assert any(isinstance(item, Gap) for item in shown)


def test_several_hosts_around_one_share_a_side() -> None:
    story = Story()
    open_connection(story)
    story.conns["server"] = 4
    syn = story.send("other", 500, "S", 5, state="SYN-SENT")
    story.arrive(syn, 550, before="LISTEN", after="SYN-RECEIVED")
    text = drawn(story, hosts=["client", "other", "server"])
    assert "client, other" in text
    assert re.search(r"other #2 SYN-SENT|other #2 +── SYN seq 0", text)
    assert re.search(r"client #1 SYN-SENT", text)
    only = drawn(story, hosts=["client", "other", "server"], connection=2)
    assert "client" not in only


def test_a_connection_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match="no connection 7"):
        ladder_from(record(last_ack_lost().events), HOSTS, 7)


def test_a_rejected_segment_is_told() -> None:
    story = Story()
    open_connection(story)
    attack = story.send("client", 200, "R", wrap(ISS + 500), conn=0)
    story.arrive(attack, 250, accepted=False)
    assert "✗ not accepted: because" in drawn(story)


def test_ordinals() -> None:
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 102)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd",
    ]  # fmt: skip


def test_short_runs_show_microseconds() -> None:
    items = [StateMark(0, LEFT, "", "A"), StateMark(150_000, LEFT, "A", "B")]
    text = plain(draw(Ladder("a", "b", list(items))))
    assert "0.000150" in text


ns = st.integers(0, 10**13)
words = st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=60)
reasons = st.none() | st.builds(Reason, st.just("code"), words, words)


@st.composite
def arrows(draw_value: st.DrawFn) -> Arrow:
    arrow = Arrow(draw_value(ns), draw_value(st.sampled_from([LEFT, RIGHT])), "SYN,ACK", draw_value(reasons))
    arrow.seq = draw_value(st.integers(-(2**31), 2**40))
    arrow.ack = draw_value(st.none() | st.integers(-(2**31), 2**40))
    arrow.length = draw_value(st.integers(0, 65535))
    arrow.win = draw_value(st.none() | st.integers(0, 65535))
    arrow.words = draw_value(st.lists(st.tuples(st.sampled_from(["mss", "sack", "TS", "nop"]), words), max_size=4))
    arrow.arrival_ns = draw_value(st.none() | ns)
    arrow.lost = draw_value(st.none() | words)
    arrow.lost_at_end = draw_value(st.booleans())
    arrow.resent = draw_value(st.none() | st.sampled_from(["", "timeout", "fast"]))
    arrow.copy = draw_value(st.booleans())
    arrow.note = draw_value(words)
    return arrow


sides = st.sampled_from([LEFT, RIGHT])
items = (
    arrows()
    | st.builds(StateMark, ns, sides, st.just("SYN-SENT"), st.sampled_from(["SYN-RECEIVED", "CLOSED"]), reasons)
    | st.builds(TimerMark, ns, sides, words, expired=st.booleans(), detail=st.booleans(), reason=reasons)
    | st.builds(NoteMark, ns, sides, words, st.sampled_from(["call", "rejected"]), reason=reasons)
)


@given(st.lists(items, max_size=12), st.integers(60, 160), st.booleans(), st.booleans())
def test_whatever_the_items_no_line_is_too_wide(some: list[Arrow], width: int, explain: bool, show_all: bool) -> None:
    some.sort(key=lambda item: item.t_ns)
    ladder = Ladder("client", "server", list(some))
    for line in plain(draw(ladder, Options(width=width, explain=explain, show_all=show_all))).splitlines():
        assert len(line) <= max(80, min(width, 140))


def test_dull_means_nothing_to_see() -> None:
    arrow = Arrow(0, LEFT, "PSH,ACK")
    assert is_dull(arrow)
    arrow.win = 0
    assert not is_dull(arrow)
    assert not is_dull(Arrow(0, LEFT, "FIN,ACK"))


def test_a_fast_network_shows_microseconds_however_long_it_takes() -> None:
    slow, fast = Arrow(0, LEFT, "ACK"), Arrow(10**9, LEFT, "ACK")
    slow.arrival_ns = fast.arrival_ns = 30_000
    fast.arrival_ns += 10**9
    assert "1.000000" in plain(draw(Ladder("a", "b", [slow, fast])))
    fast.arrival_ns = slow.arrival_ns = 10**9 + 10**7
    assert "1.000000" not in plain(draw(Ladder("a", "b", [slow, fast])))
