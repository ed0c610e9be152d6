"""RFC 9293 §3.9: the user's and the lower level's interfaces, ICMP."""

import pytest

from netsim.tcp.profile import ConnectionOptions

from .requirements import pins
from .solo import SEC, Solo

SOFT = [(3, 0), (3, 1), (3, 5), (11, 0), (11, 1), (12, 0)]
HARD = [(3, 2), (3, 3)]


@pins("MUST-54", "MUST-56", "SHLD-25", "MUST-47")
@pytest.mark.parametrize(("icmp_type", "code"), SOFT)
@pytest.mark.parametrize("state", ["SYN-SENT", "ESTABLISHED", "FIN-WAIT-1"])
def test_soft_errors_are_reported_and_do_not_abort(state: str, icmp_type: int, code: int) -> None:
    solo = Solo.in_state(state)
    if state == "ESTABLISHED":
        solo.send(b"x")
    solo.icmp(icmp_type, code, seq=0 if state == "SYN-SENT" else 1)
    assert solo.state == state
    assert solo.conn.soft_error
    assert "soft-error" in solo.notified()


@pins("SHLD-26")
@pytest.mark.parametrize(("icmp_type", "code"), HARD)
@pytest.mark.parametrize("state", ["SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "CLOSE-WAIT", "CLOSING", "LAST-ACK"])
def test_hard_errors_abort(state: str, icmp_type: int, code: int) -> None:
    solo = Solo.in_state(state)
    if state in ("ESTABLISHED", "CLOSE-WAIT"):
        solo.send(b"x")
    solo.icmp(icmp_type, code, seq=0 if state == "SYN-SENT" else 1)
    assert solo.state == "CLOSED"
    assert solo.conn.error


@pins("MUST-55")
def test_source_quench_is_discarded_in_silence() -> None:
    solo = Solo.established()
    solo.send(b"x")
    solo.out.clear()
    before = solo.conn.snapshot()
    solo.icmp(4, 0)
    assert solo.conn.snapshot() == before
    assert solo.sent() == []


def test_icmp_about_numbers_not_in_flight_is_ignored() -> None:
    solo = Solo.established()
    for seq in (-5, 1, 9000):
        solo.icmp(3, 3, seq=seq)
    assert solo.state == "ESTABLISHED"
    assert solo.conn.soft_error == ""


@pins("MUST-48", "SHLD-21", "SHLD-22", "MUST-49")
def test_diffserv_and_ttl_reach_every_segment() -> None:
    options = ConnectionOptions(tos=0xB8, ttl=7)
    solo = Solo.established(options=options)
    solo.send(b"x")
    assert (solo.out[-1].tos, solo.out[-1].ttl) == (0xB8, 7)
    options.tos = 0x28
    solo.rcv("A")
    solo.send(b"y")
    assert solo.out[-1].tos == 0x28


@pins("SHLD-20")
def test_error_reports_are_optional_to_read() -> None:
    solo = Solo.established()
    solo.send(b"x")
    solo.icmp(3, 1)
    solo.advance(SEC)
    assert solo.rcv("A") == []  # the connection goes on, whether anybody asked for the report or not
    assert solo.state == "ESTABLISHED"
    assert solo.conn.unacked_bytes() == 0
