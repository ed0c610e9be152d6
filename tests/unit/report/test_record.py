"""The recorder joins, numbers and counts."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from netsim.base import events as ev
from netsim.base.packet import IcmpMessage
from netsim.base.units import MS
from netsim.report.digest import FIELDS
from netsim.report.record import Recorder, record
from tests.unit.report.story import IRS, ISS, WHY, Story, last_ack_lost, open_connection, transfer, wrap


def test_a_segment_becomes_one_row() -> None:
    story = Story()
    open_connection(story)
    rows = record(story.events).segments
    assert [(row.n, row.flags, row.rel_seq, row.rel_ack) for row in rows] == [
        (1, "S", 0, None), (2, "SA", 0, 1), (3, "A", 1, 1),
    ]  # fmt: skip
    syn = rows[0]
    assert (syn.sent_ns, syn.received_ns) == (0, 50 * MS)
    assert (syn.sender, syn.receiver) == ("client", "server")
    assert (syn.seq, syn.ack) == (ISS, None)
    assert (syn.from_state, syn.at_state, syn.to_state) == ("SYN-SENT", "LISTEN", "SYN-RECEIVED")
    assert syn.options == "mss 1460"


def test_states_and_counters() -> None:
    recorder = record(last_ack_lost().events)
    client = recorder.endpoints["client", 1]
    server = recorder.endpoints["server", 2]
    assert client.states == [
        "CLOSED", "SYN-SENT", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSED",
    ]  # fmt: skip
    assert server.final_state == "CLOSED"
    assert (client.bytes_sent, client.bytes_received) == (1000, 0)
    assert (server.bytes_sent, server.bytes_received) == (0, 1000)
    assert (client.retransmissions, server.retransmissions) == (0, 1)
    assert client.segments_sent == 6
    assert client.local == ("10.0.0.1", 49152)


def test_bytes_sent_counts_a_byte_once() -> None:
    story = Story()
    open_connection(story)
    transfer(story, 1000, 2)
    again = story.send("client", 1500, "PA", wrap(ISS + 1001), IRS + 1, b"x" * 1500, cause="timeout")
    story.arrive(again, 1550)
    client = record(story.events).endpoints["client", 1]
    assert client.bytes_sent == 2500


def test_a_lost_segment_never_arrives() -> None:
    recorder = record(last_ack_lost().events)
    lost = [row for row in recorder.segments if row.dropped]
    assert len(lost) == 1
    assert lost[0].dropped == 'rule "last ACK, once"'
    assert lost[0].received_ns is None
    assert lost[0].to_state is None
    assert recorder.receiver_of(lost[0]) == "server"


def test_port_reuse_begins_a_new_numbering() -> None:
    story = Story()
    open_connection(story)
    story.conns = {"client": 5, "server": 6, "other": 7}
    story.state("server", 1000, "CLOSED", "LISTEN")
    syn = story.send("client", 1000, "S", 70_000, state="SYN-SENT")
    story.arrive(syn, 1050, before="LISTEN", after="SYN-RECEIVED")
    syn_ack = story.send("server", 1050, "SA", 90_000, 70_001, state="SYN-RECEIVED")
    story.arrive(syn_ack, 1100, before="SYN-SENT", after="ESTABLISHED")
    recorder = record(story.events)
    assert [(row.flow, row.rel_seq, row.rel_ack) for row in recorder.segments] == [
        (1, 0, None), (1, 0, 1), (1, 1, 1), (2, 0, None), (2, 0, 1),
    ]  # fmt: skip
    assert [endpoint.name for endpoint in recorder.endpoints.values()] == ["server", "client", "server#2", "client#2"]


def test_half_open_acks_refer_to_the_incarnation_that_the_sender_knows() -> None:
    """RFC 9293 figure 9: one end crashed and opens anew; the other answers with its old numbers."""
    story = Story()
    open_connection(story)
    story.conns["client"] = 5
    syn = story.send("client", 1000, "S", 70_000, state="SYN-SENT")
    story.arrive(syn, 1050, accepted=False)
    challenge = story.send("server", 1050, "A", IRS + 1, wrap(ISS + 1))
    story.arrive(challenge, 1100, before="SYN-SENT", accepted=False)
    story.send("client", 1100, "R", wrap(ISS + 1), state="SYN-SENT")
    rows = record(story.events).segments
    assert (rows[-2].rel_seq, rows[-2].rel_ack) == (1, 1)
    assert rows[-1].rel_seq == 1


def test_numbers_stay_relative_beyond_two_gigabytes() -> None:
    story = Story()
    open_connection(story)
    step = 1_000_000_000
    for number in range(1, 7):
        story.send("client", 1000 + number, "A", wrap(ISS + number * step), IRS + 1, b"x")
    assert [row.rel_seq for row in record(story.events).segments[3:]] == [n * step for n in range(1, 7)]


def test_an_injected_segment_has_a_row_without_a_connection() -> None:
    story = Story()
    open_connection(story)
    attack = story.send("client", 200, "R", wrap(ISS + 500), conn=0)
    story.arrive(attack, 250, accepted=False)
    row = record(story.events).segments[-1]
    assert (row.conn_from, row.rel_seq, row.reason, row.accepted) == (0, 500, None, False)


def test_a_duplicate_has_its_own_row() -> None:
    story = Story()
    open_connection(story)
    original = story.send("client", 300, "A", wrap(ISS + 1), IRS + 1)
    copy = original.copy()
    copy.uid, copy.copy_of = 99, original.uid
    story.events.append(ev.PacketImpaired(300 * MS, "", copy, "client-server", "duplicate", "twice"))
    story.arrive(original, 350)
    story.arrive(copy, 360)
    recorder = record(story.events)
    row = recorder.segments[-1]
    assert row.copy_of is recorder.segments[-2]
    assert row.changes == [("duplicate", "twice")]
    assert row.received_ns == 360 * MS
    assert recorder.endpoints["client", 1].segments_sent == 3


def test_without_a_network_segments_still_have_rows() -> None:
    """As a packetdrill script drives one end: nothing is ever delivered by a link."""
    story = Story()
    syn = story.segment("client", "server", "S", 5, 0, b"", 0)
    recorder = Recorder({"10.0.0.1": "remote"})
    recorder.emit(ev.SegmentReceived(0, "server", 1, syn, "LISTEN"))
    recorder.emit(ev.SegmentProcessed(0, "server", 1, syn, "SYN-RECEIVED", WHY, True))
    answer = story.segment("server", "client", "SA", 9, 6, b"", 0)
    recorder.emit(ev.SegmentSent(0, "server", 1, answer, "SYN-RECEIVED", WHY))
    assert [(row.sender, row.sent_ns, row.received_ns) for row in recorder.segments] == [
        ("remote", None, 0), ("server", 0, None),
    ]  # fmt: skip
    assert recorder.segments[1].rel_ack == 1


def test_other_packets_are_kept_apart() -> None:
    recorder = Recorder()
    message = IcmpMessage("10.0.0.9", "10.0.0.1", 3, 4, None, 1300)
    message.uid = 7
    recorder.emit(ev.PacketSent(0, "router", message, "link"))
    recorder.emit(ev.PacketDelivered(MS, "client", message))
    assert not recorder.segments
    assert [(row.kind, row.sender, row.receiver) for row in recorder.others] == [("icmp", "router", "client")]


def test_the_digest_sees_every_field() -> None:
    base = record(last_ack_lost().events).digest
    assert base == record(last_ack_lost().events).digest
    generator = random.Random(1)
    for index in generator.sample(range(40), 20):
        story = last_ack_lost()
        story.events[index].t_ns += 1
        assert record(story.events).digest != base
    story = last_ack_lost()
    sent = next(event for event in story.events if isinstance(event, ev.SegmentSent))
    sent.segment.ts_val = 1
    assert record(story.events).digest != base


def test_the_digest_does_not_depend_on_the_hash_seed() -> None:
    root = Path(__file__).parents[3]
    code = (
        "from tests.unit.report.story import last_ack_lost\nfrom netsim.report.record import record\n"
        "print(record(last_ack_lost().events).digest)"
    )
    digests = set()
    for seed in ("0", "1"):
        env = {"PYTHONHASHSEED": seed, "PYTHONPATH": f"{root / 'src'}:{root}"}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        digests.add(done.stdout)
    assert len(digests) == 1


def test_every_event_has_a_canonical_line() -> None:
    kinds = {
        kind for kind in vars(ev).values()
        if isinstance(kind, type) and issubclass(kind, ev.Event) and kind is not ev.Event
    }  # fmt: skip
    assert set(FIELDS) == kinds
    for kind, fields in FIELDS.items():
        slots = getattr(kind, "__slots__", None)
        if slots is not None:  # compiled classes have none
            assert set(fields) == set(slots), kind
