"""What a scenario can say, and that it does what it says."""

# ruff: noqa: E501
from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsim.base.errors import ScenarioError
from netsim.base.units import MS, SEC
from netsim.scenario.loader import load_text
from netsim.scenario.model import Scenario
from netsim.scenario.outcome import RunResult
from netsim.scenario.pattern import Stream, pattern
from netsim.scenario.quantity import Quantity, QuantityError, evaluate, names_in
from netsim.scenario.runner import Run, run
from netsim.scenario.timeline import departure, pattern_fits

TWO = "hosts:\n  client: {}\n  server: {}\nlinks:\n  - {between: [client, server], delay: 10ms}\n"
OPEN = "script:\n  - {at: 0s, host: server, listen: 80}\n  - {at: 0s, host: client, connect: 'server:80'}\n"


def scenario(text: str, overrides: dict[str, str] | None = None) -> Scenario:
    return load_text(text.encode(), "test.yaml", overrides)


def result_of(text: str, overrides: dict[str, str] | None = None) -> RunResult:
    return run(scenario(text, overrides))


def failures(result: RunResult) -> list[str]:
    return [f"{verdict.text} -- {verdict.detail}" for verdict in result.verdicts if not verdict.passed]


NAMES = {"msl": Quantity(60 * SEC, "time"), "mss": Quantity(1460, "size"), "n": Quantity(3)}


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("50ms", 50 * MS, "time"), ("2*msl", 120 * SEC, "time"), ("msl*2", 120 * SEC, "time"), ("1.5s", 1500 * MS, "time"),
        ("2 min", 120 * SEC, "time"), ("(1s + 500ms) / 3", 500 * MS, "time"), ("msl/30s", 2, ""), ("n*mss", 4380, "size"),
        ("min(3*mss, 4000 bytes)", 4000, "size"), ("max(1, n, 2)", 3, ""), ("10Mbit/s", 10**7, "rate"), ("5%", Fraction(1, 20), ""),
        ("0", 0, ""), ("-3", -3, ""), ("2*-3", -6, ""), ("1s-1s", 0, "time"), ("64KiB", 65536, "size"), ("1 Gbit/s", 10**9, "rate"),
        ("3 - 2 - 1", 0, ""), ("12/3/2", 2, ""), ("0 + 5ms", 5 * MS, "time"),
    ],
)  # fmt: skip
def test_expressions(text: str, value: object, kind: str) -> None:
    found = evaluate(text, NAMES)
    assert (found.value, found.kind) == (value, kind)


@given(st.text(max_size=60))
def test_no_text_makes_the_evaluator_fail_otherwise(text: str) -> None:
    with suppress(QuantityError):
        evaluate(text, NAMES)


def test_names_in_an_expression() -> None:
    assert names_in("2*msl + min(rto, 5ms)") == ["msl", "rto"]


@given(st.integers(0, 2**26), st.integers(0, 5000))
def test_pattern_pieces_join(offset: int, count: int) -> None:
    whole = pattern(offset, count)
    assert len(whole) == count
    cut = count // 3
    assert pattern(offset, cut) + pattern(offset + cut, count - cut) == whole


def test_streams_mix_text_and_pattern() -> None:
    stream = Stream()
    stream.add_text(b"hello ")
    stream.add_pattern(20)
    stream.add_text(b"end")
    whole = b"hello " + pattern(6, 20) + b"end"
    assert stream.expected(0, 100) == whole
    assert all(stream.expected(i, 4) == whole[i : i + 4] for i in range(len(whole)))
    assert stream.expected(29, 5) == b""


@pytest.mark.parametrize(
    ("wanted", "found", "fits"),
    [
        (("A", "B"), "A B", True), (("A", "B"), "A B C", False), (("...", "B"), "A B", True), (("...",), "", True),
        (("A", "..."), "A", True), (("A", "...", "C", "..."), "A B C D", True), (("...", "A", "...", "A"), "A B A", True),
        (("...", "B", "C"), "B C B C", True), (("A", "..."), "B A", False), (("A", "B"), "A", False),
    ],
)  # fmt: skip
def test_state_patterns(wanted: tuple[str, ...], found: str, fits: bool) -> None:
    assert pattern_fits(wanted, found.split()) == fits


def test_overrides_reach_options_and_expressions() -> None:
    text = "parameters: {msl: 10s, twice: 2*msl}\n" + TWO
    assert scenario(text).hosts["client"].options["msl"] == 10 * SEC
    changed = scenario(text, {"msl": "3s"})
    assert changed.hosts["server"].options["msl"] == 3 * SEC
    assert changed.parameters["msl"] == "3s"
    undeclared = scenario(TWO, {"nagle": "false", "congestion_control": "cubic", "rto_min": "200ms"})
    assert undeclared.hosts["client"].options == {
        "nagle": False, "congestion_control": "cubic", "rto_min": 200 * MS
    }  # fmt: skip


def test_an_override_beats_what_a_host_says() -> None:
    text = TWO.replace("client: {}", "client: {msl: 1s}")
    assert scenario(f"parameters: {{msl: 9s}}\n{text}").hosts["client"].options["msl"] == SEC
    assert scenario(text, {"msl": "2s"}).hosts["client"].options["msl"] == 2 * SEC


def test_a_failed_expectation_says_what_happened_and_where() -> None:
    result = result_of(TWO + OPEN + "expect:\n  - {segments: {from: client, flags: FIN}}\n"
                       "  - {host: client, states: [CLOSED, ESTABLISHED]}\n  - {none: {flags: SYN, from: server}}\n"
                       "  - {host: client, told: connection-refused}\n  - {host: server, delivered: 10 bytes}\n")  # fmt: skip
    assert not result.passed
    details = [verdict.detail for verdict in result.verdicts]
    assert details[0].startswith("there is none; near: ")
    assert details[1] == "it went through CLOSED, SYN-SENT, ESTABLISHED"
    assert details[2].startswith("there is: 0.010 server SYN,ACK seq 0 ack 1")
    assert details[3] == "it was told: nothing"
    assert details[4] == "it received 0 of 10 bytes"
    assert result.verdicts[2].rows == [2]


def test_wire_expectations_are_exact() -> None:
    good = "  - wire: [{flags: =SYN}, {flags: '=SYN,ACK'}, {flags: =ACK}]\n"
    assert failures(result_of(TWO + OPEN + "expect:\n" + good)) == []
    short = result_of(TWO + OPEN + "expect:\n  - wire: [{flags: =SYN}, {flags: '=SYN,ACK'}]\n")
    assert "1 more packets" in short.verdicts[0].detail
    wrong = result_of(TWO + OPEN + "expect:\n  - wire: [{flags: =SYN}, {flags: =ACK}, ...]\n")
    assert "line 2" in wrong.verdicts[0].detail
    longer = result_of(TWO + OPEN + "expect:\n  - wire: [{flags: =SYN}, ..., {flags: =ACK}, {flags: RST}]\n")
    assert "line 4" in longer.verdicts[0].detail


def test_steps_follow_and_wait() -> None:
    text = TWO + OPEN + (
        "  - {id: first, on: client.connected, after: 1s, host: client, send: 100 bytes}\n"
        "  - {after: 500ms, host: client, send: 50 bytes}\n"
        "  - {on: {step: first}, after: 2s, host: client, send: 25 bytes}\n"
        "  - {on: {host: server, received: 150 bytes}, host: server, send: {text: 'ok'}}\n"
        "  - {on: {segment: {from: server, data: true}}, host: client, close}\n"
        "  - {on: {time: 9s}, host: server, close}\n"
        "expect:\n"
        "  - {segments: {from: client, len: 100, at: 1020ms}, count: 1}\n"
        "  - {segments: {from: client, len: 50, at: 1520ms}, count: 1}\n"
        "  - {segments: {from: server, data: true, at: 1530ms}, count: 1}\n"
        "  - {segments: {from: client, flags: FIN, at: 1540ms}, count: 1}\n"
        "  - {segments: {from: server, flags: FIN, at: 9s}, count: 1}\n"
    )  # fmt: skip
    assert failures(result_of(text)) == []


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            "{at: 1s, inject: {from: client, to: server, flags: SYN}}",
            "step 1 (inject): inject from client to server: which ports?",
        ),
        ("{at: 1s, host: client, datagram: {to: 'server:5', bytes: 5000}}", ""),
    ],
)
def test_what_only_shows_in_the_run_has_its_message_too(step: str, message: str) -> None:
    text = TWO + f"script:\n  - {step}\n"
    if message:
        with pytest.raises(ScenarioError) as caught:
            result_of(text)
        assert message in str(caught.value)
        assert caught.value.file == "test.yaml"
    else:
        assert "EMSGSIZE" in result_of(text).problems[0][1]


def test_a_timer_that_does_not_run_cannot_expire() -> None:
    with pytest.raises(ScenarioError, match="no running RTO timer"):
        result_of(TWO + OPEN + "  - {at: 1s, host: client, expire: RTO}\n")


def test_an_application_call_that_fails_is_part_of_the_story() -> None:
    result = result_of(TWO + "script:\n  - {at: 1s, host: client, send: 10 bytes}\nexpect:\n  - {none: {}}\n")
    assert result.passed
    assert [text for _, text in result.problems] == [
        "step 1 (send at client): ENOTCONN: client does not have a connection at 1.000 s"
    ]


def test_drip_reads_at_its_pace() -> None:
    text = TWO.replace("server: {}", "server: {read: {drip: 10 bytes, every: 100ms}}") + OPEN
    text += "  - {at: 1s, host: client, send: 100 bytes}\nexpect:\n  - {host: server, delivered: 100 bytes}\n"
    result = result_of(text)
    assert failures(result) == []
    calls = [m.t_ns for m in result.recorder.moments if getattr(m.event, "call", "") == "RECEIVE"]
    gaps = [later - earlier for earlier, later in pairwise(calls)]
    assert gaps == [100 * MS] * 9


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ("{packet: 4, drop}", "{segments: {from: client, data: true, retransmission: true}, count: 1}"),
        ("{packet: 4, delay: 300ms}", "{segments: {from: client, data: true, arrives: 1310ms}, count: 1}"),
        ("{packet: 4, duplicate}", "{segments: {from: client, data: true, duplicate: true}, count: 1}"),
        ("{packet: 4, corrupt}", "{segments: {from: client, data: true, dropped: true}, count: 1}"),
        ("{packet: 4, edit: {seq: 500}}", "{segments: {from: server, ack: 1, options: [sack]}, count: 1}"),
        ("{packet: 4, edit: {flags: RST}}", "{host: server, told: connection-reset}"),
        ("{step: 5, host: client, abort}", "{segments: {from: client, flags: RST}, count: 1}"),
        ("{step: 5, link: {name: client-server, up: false}}", "{segments: {from: client, data: true, dropped: true}, at_least: 1}"),
    ],
)  # fmt: skip
def test_interventions(change: str, check: str) -> None:
    text = TWO + OPEN + "  - {at: 1s, host: client, send: 100 bytes}\n"
    text += f"until: 100s\ninterventions:\n  - {change}\nexpect:\n  - {check}\n"
    assert failures(result_of(text)) == []


def test_expire_lets_a_timer_run_out_now() -> None:
    text = TWO + OPEN + "  - {at: 1s, host: client, send: 100 bytes}\n  - {at: 1005ms, host: client, expire: RTO}\n"
    text += "expect:\n  - {segments: {from: client, cause: timeout, at: 1005ms}, count: 1}\n"
    assert failures(result_of(text)) == []


@pytest.mark.parametrize(
    ("rule", "check"),
    [
        ("{drop: {from: client, data: true, nth: 2}}", "{segments: {from: client, carries: 1449, dropped: true}, count: 1}"),
        ("{drop: {from: client, data: true, nth: [1, 3]}}", "{segments: {data: true, dropped: true}, count: 2}"),
        ("{drop: {from: client, data: true, every: 2, count: 2}}", "{segments: {data: true, dropped: true}, count: 2}"),
        ("{drop: {to: server, len: '>1000', count: 1}}", "{segments: {from: client, len: 1448, dropped: true}, count: 1}"),
        ("{drop: {from: client, seq: 1, data: true, retransmission: false}}", "{segments: {seq: 1, data: true}, count: 2}"),
        ("{drop: {flags: 'SYN,!ACK', count: 1}}", "{segments: {flags: =SYN}, count: 2, gaps: [1s]}"),
        ("{drop: {after: 1s, before: 1001ms}}", "{segments: {dropped: true, at: 1s}, at_least: 3}"),
        ("{drop: {link: client-server, data: true, count: 1}}", "{segments: {data: true, dropped: true}, count: 1}"),
        ("{drop: {from: client, data: true, chance: 0%}}", "{segments: {dropped: true}, count: 0}"),
        ("{edit: {from: client, flags: SYN}, set: {strip: [sack-ok]}}", "{segments: {from: server, options: ['!sack-ok'], flags: SYN}, count: 1}"),
    ],
)  # fmt: skip
def test_faults(rule: str, check: str) -> None:
    text = TWO + OPEN + f"  - {{at: 1s, host: client, send: 5000 bytes}}\nfaults:\n  - {rule}\nexpect:\n  - {check}\n"
    text += "  - {host: server, delivered: 5000 bytes}\n"
    assert failures(result_of(text)) == []


def test_chance_on_links_is_seeded() -> None:
    lossy = TWO.replace("delay: 10ms", "delay: 10ms, loss: 10%, duplicate: 5%, reorder: 5%, corrupt: 2%")
    text = lossy + OPEN + "  - {at: 1s, host: client, send: 100kB}\nexpect:\n  - {host: server, delivered: 100kB}\n"
    first, second, other = result_of(text), result_of(text), run(scenario(text), seed=7)
    assert failures(first) == failures(other) == []
    assert first.digest == second.digest != other.digest
    assert any(row.dropped is not None for row in first.segments)


def test_a_run_in_steps_equals_a_run_at_once() -> None:
    text = TWO + OPEN + "  - {at: 1s, host: client, send: 5000 bytes}\n  - {at: 2s, host: client, close}\n"
    stepped = Run(scenario(text))
    while stepped.step():
        pass
    assert stepped.finish().digest == result_of(text).digest


def test_routers_and_many_hosts() -> None:
    text = (
        "hosts: {a: {}, b: {}, c: {}}\nrouters: {r1: {}, r2: {}}\nlinks:\n  - {between: [a, r1], delay: 1ms}\n"
        "  - {between: [b, r1], delay: 1ms}\n  - {between: [r1, r2], delay: 5ms}\n  - {between: [r2, c], delay: 1ms}\n"
        "script:\n  - {at: 0s, host: c, listen: {port: 80, app: echo}}\n  - {at: 0s, host: a, connect: 'c:80'}\n"
        "  - {at: 0s, host: b, connect: 'c:80'}\n  - {at: 1s, host: a, send: 2000 bytes}\n  - {at: 1s, host: b, send: {text: hi}}\n"
        "  - {at: 2s, host: a, close}\n  - {at: 2s, host: b, abort}\nexpect:\n"
        "  - {host: a, delivered: 2000 bytes}\n  - {host: b, delivered: 2 bytes}\n  - {host: c, connections: 2}\n"
        "  - {between: [{segment: {from: a, flags: SYN}, seen: sent}, a.connected], takes: 14ms}\n"
        "  - {host: c, connection: 'c#2', told: connection-reset}\n  - {host: c, connection: c, told: none}\n"
    )  # fmt: skip
    assert failures(result_of(text)) == []


PAGE = Path(__file__).parents[3] / "docs" / "scenarios.md"
EXAMPLE = PAGE.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]


def test_the_documented_example_works_as_it_stands() -> None:
    assert failures(result_of(EXAMPLE)) == []
    assert failures(result_of(EXAMPLE, {"msl": "5s"})) == []


def test_an_expectation_notices_a_wrong_duration() -> None:
    found = failures(result_of(EXAMPLE.replace("lasts: 2*msl", "lasts: 2*msl + 1ms")))
    assert len(found) == 1
    assert "it lasted 120 s" in found[0]


def test_a_crashed_host_has_forgotten_its_connections() -> None:
    text = TWO + OPEN + (
        "  - {at: 1s, host: server, crash}\n  - {at: 2s, host: server, send: 10 bytes}\n"
        "  - {at: 3s, host: client, send: 10 bytes}\n  - {at: 4s, host: server, listen: 80}\n"
        "  - {at: 5s, host: client, connect: 'server:80'}\n  - {at: 6s, host: server, send: 20 bytes}\n"
        "expect:\n  - {host: client, connection: client, told: connection-reset}\n"
        "  - {host: client, connection: 'client#2', delivered: 20 bytes}\n  - {none: {from: server, at: 2s}}\n"
    )  # fmt: skip
    result = result_of(text)
    assert failures(result) == []
    assert [text for _, text in result.problems] == [
        "step 4 (send at server): ENOTCONN: server does not have a connection at 2.000 s"
    ]


@pytest.mark.parametrize(
    ("pattern", "found", "index"),
    [
        ("A B C", "A B X C", 2),
        ("A B C", "A B", 2),
        ("A B", "A B C", 2),
        ("... B C", "A B D", 3),
        ("... B C", "A X D", 3),
        ("A ... C", "B", 0),
        ("", "A", 0),
    ],
)
def test_where_states_leave_a_pattern(pattern: str, found: str, index: int) -> None:
    states = found.split()
    assert not pattern_fits(tuple(pattern.split()), states)
    assert departure(tuple(pattern.split()), states) == index


@given(st.lists(st.sampled_from(["A", "B", "..."]), max_size=5), st.lists(st.sampled_from("AB"), max_size=6))
def test_a_pattern_that_fits_is_never_left(pattern: list[str], found: list[str]) -> None:
    """Every state before the departure has a continuation that fits; the departing one has none."""
    index = departure(tuple(pattern), found)
    if pattern_fits(tuple(pattern), found):
        assert index == len(found)
    elif index < len(found):
        begun = [pattern_fits(tuple(pattern[:end]), found[: index + 1]) for end in range(len(pattern) + 1)]
        assert not any(begun), "some beginning of the pattern allows what was called the departure"


def test_a_failed_states_expectation_points_at_the_segment_behind_the_wrong_state() -> None:
    result = result_of(
        "hosts: {a: {}, b: {}}\nlinks: [{between: [a, b], delay: 5ms}]\nscript:\n"
        "  - {at: 0s, host: b, listen: 80}\n  - {at: 0s, host: a, connect: 'b:80'}\n  - {at: 1s, host: a, close}\n"
        "  - {on: b.received-fin, host: b, close}\n"
        "expect:\n  - {host: a, states: [CLOSED, SYN-SENT, ESTABLISHED, FIN-WAIT-1, CLOSING, ...]}\n"
    )
    [verdict] = result.verdicts
    rows = {row.n: row for row in result.recorder.segments}
    assert [(rows[n].names, rows[n].sender, rows[n].rel_ack) for n in verdict.rows] == [("ACK", "b", 2)]
