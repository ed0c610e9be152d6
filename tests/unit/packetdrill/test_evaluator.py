"""The restricted evaluator of code blocks."""

from __future__ import annotations

import pytest

from netsim.packetdrill.evaluator import AssertionFailed, CodeError, Evaluator, read_block
from netsim.packetdrill.symbols import LINUX


def run(text: str, **names: int) -> Evaluator:
    evaluator = Evaluator(LINUX)
    evaluator.run(read_block(text), names)
    return evaluator


@pytest.mark.parametrize(
    "text",
    [
        " assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd ",
        "assert 5 <= tcpi_snd_cwnd <= 20, 'cwnd=%d' % tcpi_snd_cwnd",
        "assert (tcpi_options & TCPI_OPT_SYN_DATA) == 0",
        "assert (tcpi_options & TCPI_OPT_SYN_DATA) != 1, tcpi_options",
        "assert tcpi_options == (TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE)",
        "assert 0 == 0; assert 1",
        "\nassert tcpi_snd_cwnd == 10, '%d %d' % (tcpi_snd_cwnd, \\\n tcpi_options)\n# comment\nassert 1;\\",
        "   assert tcpi_snd_cwnd >= (3*3) and tcpi_snd_cwnd <= (4*4)",
        "assert not (tcpi_snd_cwnd == 9 or tcpi_snd_cwnd < 3)",
        "assert -1 < tcpi_snd_cwnd - 1",
        "if tcpi_snd_cwnd == 10: assert 1\nelse: assert 0",
    ],
)
def test_true_assertions(text: str) -> None:
    run(text, tcpi_snd_cwnd=10, tcpi_options=7)


def test_a_failing_assertion_tells_its_values() -> None:
    with pytest.raises(AssertionFailed) as caught:
        run("\n\nassert tcpi_unacked == TCP_CA_Loss, 'why %d' % tcpi_unacked", tcpi_unacked=5)
    failure = caught.value
    assert failure.assertion == "tcpi_unacked == TCP_CA_Loss"
    assert failure.message == "why 5"
    assert failure.values == "tcpi_unacked is 5, TCP_CA_Loss is 4"
    assert failure.row == 2


def test_assigned_names_live_on() -> None:
    evaluator = Evaluator({})
    evaluator.run(read_block("cwnd = 58"), {})
    evaluator.run(read_block("cwnd += 1; print(cwnd, 'x')"), {})
    evaluator.run(read_block("assert cwnd == tcpi_snd_cwnd"), {"tcpi_snd_cwnd": 59})
    assert evaluator.printed == ["59 x"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import os", "import"),
        ("__import__('os').system('x')", "cannot be called"),
        ("open('/etc/passwd')", "cannot be called"),
        ("x = ().__class__", "not allowed"),
        ("x = [1]", "not allowed"),
        ("x = lambda: 1", "not allowed"),
        ("while 1: pass", "while"),
        ("for x in y: pass", "for"),
        ("def f(): pass", "functiondef"),
        ("assert nobody == 1", "not known"),
        ("assert 9**9**9", "not allowed|too large"),
        ("x = 1 << 100000", "not allowed"),
        ("x = 'a' * 1000000", "cannot be combined"),
        ("x = '%1000000000d' % 1", "too wide"),
        ("x = '%*d' % (1, 2)", "not allowed"),
        ("x = '%d' % 'a'", "does not fit"),
        ("x = 1 / 0", "division by zero"),
        ("a.b = 1", "plain names"),
        ("assert (", "Python"),
        ("x = " + "-" * 5000 + "1", "deep|Python"),
        ("x = " + "(" * 500 + "1" + ")" * 500, "deep|Python"),
        ("x = 1" + "+1" * 200, "nested too deeply"),
        ("x = '" + "a" * 30_000 + "'", "at most"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(CodeError, match=message):
        run(text)
