"""What was probably meant."""

from __future__ import annotations

from netsim.base.hints import did_you_mean, nearest


def test_the_nearest_word_whatever_its_capitals() -> None:
    assert nearest("TIMEWAIT", ["CLOSED", "TIME-WAIT"]) == "TIME-WAIT"
    assert nearest("ack3", ["ACK003", "SEQ001"]) == "ACK003"
    assert did_you_mean("sever", ["client", "server"]) == " Did you mean 'server'?"


def test_no_guess_where_nothing_is_alike() -> None:
    assert nearest("foo", ["goto", "next"]) is None
    assert did_you_mean("", ["a"]) == ""
    assert did_you_mean("anything", []) == ""
