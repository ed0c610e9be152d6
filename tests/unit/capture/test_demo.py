"""The kernel's own TCP on loopback, captured and read back: the committed captures, and new ones where allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from netsim.base.errors import UsageError
from netsim.base.packet import ACK, FIN, RST, SYN
from netsim.capture.demo import DEMOS, describe, play, records_of
from netsim.capture.record import CSUM_BAD, TcpRecord
from netsim.capture.tcpview import open_tcp
from netsim.scenario.loader import load
from netsim.scenario.runner import run

TRACES = Path(__file__).parents[3] / "traces"

Seen = tuple[str, str, int, int, int]
"""(sender, flags, relative seq, relative ack or -1, payload octets)."""


def captured(records: list[TcpRecord]) -> list[Seen]:
    """What a reader of the capture sees, numbers relative to the SYNs'."""
    client = records[0].key
    isn = {record.key: record.seq for record in records if record.flags & SYN}
    out: list[Seen] = []
    for record in records:
        own = isn.get(record.key, 0)
        other = next((seq for key, seq in isn.items() if key != record.key), record.ack - 1)
        ack = record.ack - other & 0xFFFFFFFF if record.flags & ACK else -1
        side = "client" if record.key == client else "server"
        flags = record.flags_letters().replace("P", "")
        out.append((side, flags, record.seq - own & 0xFFFFFFFF if record.key in isn else 0, ack, record.payload_len))
    return out


def simulated(name: str) -> list[Seen]:
    """The same of a built-in scenario."""
    result = run(load(name))
    out: list[Seen] = []
    for row in result.recorder.segments:
        ack = -1 if row.rel_ack is None else row.rel_ack
        out.append((row.sender, row.flags.replace("P", ""), row.rel_seq, ack, row.length))
    return out


def closing(seen: list[Seen]) -> list[Seen]:
    """The FINs and the segments that first acknowledge them, their numbers relative to the FINs' own."""
    fins = {side: seq + size for side, flags, seq, _, size in seen if "F" in flags}
    acked: set[str] = set()
    out: list[Seen] = []
    for side, flags, seq, ack, size in seen:
        other = "server" if side == "client" else "client"
        first_ack = other not in acked and ack == fins[other] + 1
        if first_ack:
            acked.add(other)
        if first_ack or "F" in flags:
            out.append((side, flags, seq + size - fins[side], ack - fins[other] if other in acked else 0, size))
    return out


def read(name: str) -> list[TcpRecord]:
    capture = open_tcp(str(TRACES / name))
    records: list[TcpRecord] = []
    while batch := capture.read_batch():
        records += batch
    assert capture.damage is None
    assert capture.skipped == {}
    return records


def test_the_committed_handshake_is_the_simulated_one() -> None:
    for name in ("loopback-handshake-transfer-teardown.pcap", "loopback-ipv6.pcapng", "loopback-half-close.pcap"):
        assert captured(read(name))[:3] == simulated("three-way-handshake")


def test_the_committed_teardown_is_the_simulated_one() -> None:
    expected = [("client", "FA", 0), ("server", "A", 1), ("server", "FA", 1), ("client", "A", 1)]
    assert _without_progress(closing(simulated("four-way-teardown"))) == expected
    for name in ("loopback-handshake-transfer-teardown.pcap", "loopback-ipv6.pcapng", "loopback-half-close.pcap"):
        kernel = closing(captured(read(name)))
        assert _without_progress(kernel) == expected
        # The acknowledgement of a FIN stands one after it, and draws no number of its own.
        assert kernel[-1][2] == 1


def _without_progress(seen: list[Seen]) -> list[tuple[str, str, int]]:
    """Sender, flags and relative ack; how far the data was when an ACK went out is the application's choice."""
    return [(side, flags, ack) for side, flags, _, ack, _ in seen]


def test_the_other_committed_captures() -> None:
    assert captured(read("loopback-refused.pcap")) == [("client", "S", 0, -1, 0), ("server", "RA", 0, 1, 0)]
    aborted = captured(read("loopback-abort.pcap"))
    assert [entry[1] for entry in aborted] == ["S", "SA", "A", "A", "A", "RA"]
    assert aborted[-1][:4] == ("client", "RA", 25, 1)
    half = captured(read("loopback-half-close.pcap"))
    fin = next(index for index, entry in enumerate(half) if entry[:2] == ("client", "FA"))
    assert sum(entry[4] for entry in half[fin:] if entry[0] == "server") == 4800


def test_loopback_leaves_checksums_to_a_card_that_is_not_there() -> None:
    for path in sorted(TRACES.glob("loopback-*")):
        assert all(record.checksum_status() != CSUM_BAD for record in read(path.name))


def test_an_unknown_demonstration() -> None:
    with pytest.raises(UsageError, match="no demonstration 'nothing'; there are handshake, "):
        play("nothing")


@pytest.mark.kernel
@pytest.mark.parametrize("ipv6", [False, True])
def test_a_new_capture_shows_the_same(ipv6: bool) -> None:
    linktype, frames = play("handshake-transfer-teardown", ipv6=ipv6)
    seen = captured(records_of(linktype, frames))
    assert seen[:3] == simulated("three-way-handshake")
    assert _without_progress(closing(seen)) == _without_progress(closing(simulated("four-way-teardown")))
    times = [t_ns for t_ns, _, _, _ in frames]
    assert times == sorted(times)
    lines = list(describe(linktype, frames))
    assert len(lines) == len(frames)
    assert lines[0].endswith("client ──▶ server  SYN seq 0")
    assert lines[1].endswith("client ◀── server  SYN,ACK seq 0 ack 1")


@pytest.mark.kernel
@pytest.mark.parametrize("name", DEMOS)
def test_every_demonstration_shows_what_it_is_about(name: str) -> None:
    linktype, frames = play(name)
    records = records_of(linktype, frames)
    flags = [record.flags & (SYN | FIN | RST) for record in records]
    assert flags[0] == SYN
    assert flags.count(FIN) == (2 if name in ("teardown", "handshake-transfer-teardown", "half-close") else 0)
    assert flags.count(RST) == (1 if name in ("refused", "abort") else 0)
    assert sum(record.payload_len for record in records) == {
        "transfer": 4824, "handshake-transfer-teardown": 4824, "half-close": 4824, "abort": 24,
    }.get(name, 0)  # fmt: skip
    assert len({record.frame for record in records}) == len(frames)  # nothing twice, though loopback shows all twice
