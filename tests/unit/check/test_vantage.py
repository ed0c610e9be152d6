"""Where the tap is: never the wrong end, and unknown only where nothing tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from netsim.capture.record import NOTE_INBOUND, NOTE_OUTBOUND
from netsim.check.engine import check_file
from netsim.check.flow import AT_BETWEEN, AT_CLIENT, AT_SERVER, AT_UNKNOWN, UNKNOWN
from netsim.check.vantage import infer
from tests.rules.tape import Tape

TRACES = Path(__file__).parents[3] / "traces"
MS = 1_000_000
NAMED_OTHERWISE = {"simultaneous-open.server": "client"}
"""Both sent a SYN; "client" is whose the tap saw first, and that is its own host's."""
ANSWERS_LATE = "backlog-overflow.server"
"""Its listen queue was full, so it let its peers wait: no answer at once tells that it is near."""


@pytest.mark.parametrize("path", sorted((TRACES / "linux").glob("*.pcap")), ids=lambda path: path.stem)
def test_the_end_of_every_kernel_capture_is_known(path: Path) -> None:
    side = NAMED_OTHERWISE.get(path.stem, path.stem.rsplit(".", 1)[1])
    for connection in check_file(str(path)).connections:
        told = {side, "unknown"} if connection.one_way or path.stem == ANSWERS_LATE else {side}
        assert connection.vantage in told


@pytest.mark.parametrize("path", sorted(TRACES.glob("loopback*handshake*.pcap")), ids=lambda path: path.stem)
def test_loopback_is_at_both_ends(path: Path) -> None:
    assert {connection.vantage for connection in check_file(str(path)).connections} == {"unknown"}


@pytest.mark.parametrize(
    ("client_ttl", "server_ttl", "server_us", "client_us", "where"),
    [
        (64, 63, 300, 60, "client"),
        (121, 64, 300, 60, "server"),
        (128, 63, 60, 60, "client"),
        (64, 64, 300, 60, "unknown"),  # one link: nothing tells
        (63, 126, 300, 60, "unknown"),  # routers on both sides, or an unusual first value
        (64, 50, 30_000, 3_000, "unknown"),  # at the client, who is slow, or at its access point
        (63, 50, 30_000, 3_000, "between"),
        (64, 50, 30_000, 60, "client"),
    ],
)
def test_hops_tell_where_times_do_not(
    client_ttl: int, server_ttl: int, server_us: int, client_us: int, where: str
) -> None:  # fmt: skip
    tape = Tape()
    tape.handshake()
    syn, syn_ack, ack = tape.records
    syn.ttl = ack.ttl = client_ttl
    syn_ack.ttl = server_ttl
    syn_ack.t_ns = syn.t_ns + server_us * 1000
    ack.t_ns = syn_ack.t_ns + client_us * 1000
    (connection,) = tape.check().connections
    assert connection.vantage == where


@pytest.mark.parametrize(
    ("client_notes", "server_notes", "client_ttl", "where"),
    [
        (NOTE_OUTBOUND, NOTE_INBOUND, 64, "client"),
        (NOTE_INBOUND, NOTE_OUTBOUND, 64, "server"),
        (NOTE_OUTBOUND, NOTE_INBOUND, 63, "unknown"),  # a router, on its way out
        (NOTE_INBOUND, NOTE_INBOUND, 64, "unknown"),
        (NOTE_OUTBOUND, 0, 64, "unknown"),
    ],
)
def test_a_file_may_say_what_was_leaving(client_notes: int, server_notes: int, client_ttl: int, where: str) -> None:
    tape = Tape()
    tape.handshake()
    syn, syn_ack, ack = tape.records
    syn.notes, syn_ack.notes = client_notes, server_notes
    syn.ttl = ack.ttl = client_ttl
    syn_ack.ttl = 64 if where != "unknown" or client_ttl == 64 else 60
    syn_ack.t_ns = syn.t_ns + 60_000
    ack.t_ns = syn_ack.t_ns + 60_000
    (connection,) = tape.check().connections
    assert connection.vantage == where


@pytest.mark.parametrize(
    ("client_ns", "server_ns", "where"),
    [
        (50_000, 40 * MS, AT_CLIENT),
        (40 * MS, 50_000, AT_SERVER),
        (10 * MS, 30 * MS, AT_BETWEEN),
        (50_000, 300_000, AT_UNKNOWN),
        (50_000, UNKNOWN, AT_UNKNOWN),
        (UNKNOWN, 50_000, AT_UNKNOWN),
        (1_400_000, 5 * MS, AT_UNKNOWN),
    ],
)
def test_turn_around_times(client_ns: int, server_ns: int, where: int) -> None:
    assert infer(client_ns, server_ns) == where
