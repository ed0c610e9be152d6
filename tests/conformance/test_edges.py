"""Every edge of the transition table is taken by real traffic, and nothing else is reachable."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from netsim.base.units import SEC
from netsim.tcp.profile import ConnectionOptions
from netsim.tcp.state import EDGES, State

from .solo import Solo

SYNCHRONIZED = ["ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT"]


def _active_from_listen() -> Solo:
    solo = Solo.listening()
    solo.conn.open_active(solo.now, solo.peer, 4000)
    return solo


def _abort(state: str) -> Solo:
    solo = Solo.in_state(state)
    solo.conn.abort(solo.now)
    return solo


def _close(state: str) -> Solo:
    solo = Solo.in_state(state)
    solo.conn.shutdown(solo.now)
    return solo


def _reset(state: str) -> Solo:
    solo = Solo.syn_received_active() if state == "SYN-RECEIVED" else Solo.in_state(state)
    if state == "SYN-SENT":
        solo.rcv("RA", seq=0, ack=1)
    else:
        solo.rcv("R")
    return solo


def _unread(state: str) -> Solo:
    solo = Solo.established()
    solo.rcv("A", data=b"unread")
    if state == "CLOSE-WAIT":
        solo.rcv("FA")
    if state.startswith("FIN"):
        solo.conn.shutdown(solo.now)
        solo.drain()
    if state == "FIN-WAIT-2":
        solo.rcv("A")
    assert solo.state == state
    solo.conn.close(solo.now)
    return solo


def _late_data(state: str) -> Solo:
    solo = Solo.established()
    solo.conn.close(solo.now)
    solo.drain()
    if state == "FIN-WAIT-2":
        solo.rcv("A")
    solo.rcv("A", ack=1 if state == "FIN-WAIT-1" else 2, data=b"late")
    return solo


def _timeout(state: str) -> Solo:
    options = ConnectionOptions(user_timeout_ns=5 * SEC, keep_alive=True, keep_idle_ns=SEC, keep_interval_ns=SEC)
    if state == "SYN-RECEIVED":
        solo = Solo.syn_received_active(options=options)
    elif state == "FIN-WAIT-2":
        solo = Solo.in_state(state, options=options)
    else:
        solo = Solo.in_state(state, options=ConnectionOptions(user_timeout_ns=5 * SEC))
        if state in ("ESTABLISHED", "CLOSE-WAIT"):
            solo.send(b"x")
    solo.advance(2000 * SEC)
    return solo


def _hard_icmp(state: str) -> Solo:
    if state == "SYN-RECEIVED":
        solo = Solo.syn_received_active()
    else:
        solo = Solo.in_state(state)
        if state in ("ESTABLISHED", "CLOSE-WAIT"):
            solo.send(b"x")
    solo.icmp(3, 2, seq=0 if state.startswith("SYN") else 1)
    return solo


def _time_wait_over() -> Solo:
    solo = Solo.in_state("TIME-WAIT")
    solo.advance(240 * SEC)
    return solo


def _incarnation() -> Solo:
    solo = Solo.in_state("TIME-WAIT")
    solo.conn.yield_to_new_incarnation(solo.now)
    return solo


def _orphan() -> Solo:
    solo = Solo.established(fin_wait_2_ns=SEC)
    solo.conn.close(solo.now)
    solo.drain()
    solo.rcv("A")
    solo.advance(SEC)
    return solo


def _simultaneous_open() -> Solo:
    solo = Solo.syn_sent()
    solo.rcv("S", seq=0, mss=1460)
    return solo


def _fin_in_syn_received() -> Solo:
    solo = Solo.syn_received()
    solo.rcv("FA", ack=1)
    return solo


def _syn_in_half_open() -> Solo:
    solo = Solo.syn_received()
    solo.rcv("S", seq=100)
    return solo


def _half_open_gives_up() -> Solo:
    solo = Solo.syn_received()
    solo.advance(2000 * SEC)
    return solo


def _passive_reset() -> Solo:
    solo = Solo.syn_received()
    solo.rcv("R")
    return solo


def _fast_open(flags: str, data: bytes) -> Solo:
    """A SYN whose Fast Open cookie the listener found good (RFC 7413 §4.2.2): its text is the user's at once."""
    solo = Solo.listening()
    solo.conn.ep.fast_open = True
    solo.rcv(flags, seq=0, mss=1460, data=data)
    return solo


def _fast_open_unread() -> Solo:
    solo = _fast_open("S", b"unread")
    assert solo.state == "SYN-RECEIVED"
    solo.conn.close(solo.now)
    return solo


def _half_open_unreachable() -> Solo:
    solo = Solo.syn_received(icmp_ends_handshake=True)
    solo.icmp(3, 1, seq=0)
    return solo


STORIES: list[Callable[[], Solo]] = [
    *[lambda s=s: Solo.in_state(s) for s in ["LISTEN", "SYN-SENT", "SYN-RECEIVED", *SYNCHRONIZED]],  # type: ignore[misc]
    *[lambda s=s: _abort(s) for s in ["LISTEN", "SYN-SENT", "SYN-RECEIVED", *SYNCHRONIZED]],  # type: ignore[misc]
    *[lambda s=s: _close(s) for s in ["LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT"]],  # type: ignore[misc]
    *[lambda s=s: _reset(s) for s in ["SYN-SENT", "SYN-RECEIVED", *SYNCHRONIZED]],  # type: ignore[misc]
    *[lambda s=s: _unread(s) for s in ["ESTABLISHED", "CLOSE-WAIT", "FIN-WAIT-1", "FIN-WAIT-2"]],  # type: ignore[misc]
    *[lambda s=s: _late_data(s) for s in ["FIN-WAIT-1", "FIN-WAIT-2"]],  # type: ignore[misc]
    *[lambda s=s: _timeout(s) for s in ["SYN-SENT", "SYN-RECEIVED", *SYNCHRONIZED[:-1]]],  # type: ignore[misc]
    *[lambda s=s: _hard_icmp(s) for s in ["SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "CLOSE-WAIT",
                                          "CLOSING", "LAST-ACK"]],  # type: ignore[misc]
    _active_from_listen, _simultaneous_open, _fin_in_syn_received, _syn_in_half_open, _half_open_gives_up,
    _passive_reset, _time_wait_over, _incarnation, _orphan, _fast_open_unread, _half_open_unreachable,
    lambda: _fast_open("SF", b"all"),
    lambda: (s := Solo.in_state("FIN-WAIT-1"), s.rcv("FA"))[0],
    lambda: (s := Solo.in_state("LAST-ACK"), s.rcv("A"))[0],
    lambda: (s := Solo.in_state("CLOSING"), s.rcv("A"))[0],
    lambda: (s := Solo.syn_received(), s.rcv("A", ack=1))[0],
]  # fmt: skip


def taken() -> set[tuple[str, str, str]]:
    edges: set[tuple[str, str, str]] = set()
    for story in STORIES:
        edges |= story().edges()
    return edges


def test_every_edge_is_taken_by_traffic() -> None:
    table = {(str(e.old), e.cause, str(e.new)) for e in EDGES}
    missing = sorted(table - taken())
    assert missing == [], missing


def test_no_edge_twice_and_every_state_has_a_way_in_and_out() -> None:
    keys = [(e.old, e.cause, e.new) for e in EDGES]
    assert len(keys) == len(set(keys))
    for state in State:
        assert any(e.new is state for e in EDGES)
        assert any(e.old is state for e in EDGES)


@pytest.mark.parametrize("edge", EDGES, ids=lambda e: f"{e.old}-{e.cause}-{e.new}")
def test_every_edge_cites_its_source(edge: object) -> None:
    assert "RFC" in edge.cite  # type: ignore[attr-defined]
