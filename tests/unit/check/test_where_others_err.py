"""The cases that today's analysers get wrong, each a small capture: ours must be right."""

from __future__ import annotations

import pytest

from netsim.check.summary import ConnReport
from tests.rules.tape import SACK_OK, Tape, mss, ws


def only(tape: Tape, vantage: str = "client") -> ConnReport:
    (connection,) = tape.check(vantage).connections
    return connection


def flight(count: int, **more: bool) -> Tape:
    tape = Tape(**more).handshake()  # type: ignore[arg-type]
    tape.client(1000)
    tape.server(after=20)
    for _ in range(count):
        tape.client(1000)
    return tape


def test_fast_retransmission_thirty_milliseconds_after_the_fourth_duplicate_ack() -> None:
    tape = flight(6)
    for top in (3001, 4001, 5001, 6001):
        tape.server(ack=1001, sack=((2001, top),), after=1)
    frame = tape.client(1000, seq=1001, after=30)
    tape.server(ack=7001, after=20)
    found = only(tape)
    assert list(found.frames("fast_retransmission")) == [frame]
    assert not found.frames("timeout_retransmission")
    assert len(found.frames("duplicate_ack")) == 4


def test_timeout_with_its_original_in_the_capture_is_not_out_of_order() -> None:
    tape = Tape()
    tape.syn()
    tape.syn_ack(after=60)
    tape.client()
    tape.client(1000, after=10)
    tape.ends[1].got = 1
    tape.client(1000)
    tape.ends[1].got = 1
    frame = tape.client(1000, seq=1, after=210)
    found = only(tape)
    assert list(found.frames("timeout_retransmission")) == [frame]
    assert not found.frames("out_of_order")


def test_needless_resend_of_one_byte_is_not_a_keep_alive() -> None:
    tape = Tape().handshake()
    tape.client(500)
    tape.server(after=20)
    tape.client(1)
    tape.server(after=20)
    frame = tape.client(1, seq=501, after=200)
    found = only(tape)
    assert not found.frames("keep_alive")
    assert list(found.frames("retransmission")) == [frame]
    assert list(found.frames("spurious_retransmission")) == [frame]


def test_keep_alive_with_and_without_its_byte() -> None:
    tape = Tape().handshake()
    tape.client(500)
    tape.server(after=20)
    frames = [tape.client(size, seq=500, after=75_000) for size in (0, 1)]
    found = only(tape)
    assert list(found.frames("keep_alive")) == frames
    assert not found.frames("retransmission")


def test_tail_loss_probe_and_the_dsack_that_proves_it_needless_are_joined() -> None:
    tape = flight(3)
    tape.ends[1].got = 1001
    probe = tape.client(1000, seq=3001, after=60)
    tape.server(ack=4001, after=1)
    tape.server(ack=4001, sack=((3001, 4001),), after=20)
    found = only(tape)
    assert list(found.frames("tail_loss_probe")) == [probe]
    assert list(found.frames("spurious_retransmission")) == [probe]
    assert not found.frames("duplicate_ack")


def sent_beyond() -> Tape:
    tape = Tape(stamps=False).handshake()
    for _ in range(43):
        tape.client(1400)
        tape.server(ack=tape.ends[0].nxt, wnd=100)
    return tape


def test_seventeen_segments_beyond_the_window_are_all_reported() -> None:
    tape = sent_beyond()
    edge = tape.ends[0].nxt + 100 * 128
    frames = []
    for _ in range(26):
        frame = tape.client(1400)
        if tape.ends[0].nxt > edge:
            frames.append(frame)
    (finding,) = [f for f in only(tape, "unknown").findings if f.meta.code == "WND001"]
    assert finding.frames == frames
    assert len(frames) == 17


def test_a_middle_window_full_is_a_category_and_no_finding() -> None:
    tape = sent_beyond()
    for _ in range(9):
        tape.client(1400)
    frame = tape.client(100 * 128 - 9 * 1400)
    found = only(tape, "unknown")
    assert list(found.frames("window_full")) == [frame]
    assert not found.findings


@pytest.mark.parametrize("wrap", [False, True])
def test_nothing_is_said_about_an_ordinary_conversation(wrap: bool) -> None:
    tape = Tape(wrap=wrap).handshake()
    for _ in range(10):
        tape.client(1448)
    tape.server(after=20)
    tape.server(700)
    tape.client()
    tape.close()
    found = only(tape)
    assert not found.findings
    assert (found.open, found.close) == ("handshake", "fin")
    assert (found.client.final_state, found.server.final_state) == ("TIME-WAIT", "CLOSED")
    assert (found.client.byte_count, found.server.byte_count) == (14480, 700)


def test_resent_syn_and_fin_are_one_connection() -> None:
    tape = Tape()
    tape.syn()
    again = tape.syn(seq=0, after=1000)
    tape.syn_ack()
    tape.client()
    tape.client(flags="FA")
    fin = tape.client(flags="FA", seq=1, after=300)
    found = only(tape)
    assert list(found.frames("retransmission")) == [again, fin]


def test_the_same_ports_again_are_a_new_connection() -> None:
    tape = Tape().handshake().close()
    tape.ports(40000)
    tape.ends[0].iss, tape.ends[1].iss = 900_000, 7_000_000
    frame = tape.syn()
    tape.syn_ack()
    tape.client()
    first, second = tape.check().connections
    assert (first.close, second.open) == ("fin", "handshake")
    assert list(second.frames("reused_ports")) == [frame]


def test_ack_before_its_data_in_the_file_is_the_captures_fault() -> None:
    tape = Tape().handshake()
    tape.client(1000)
    tape.server(after=20)
    tape.client(1000, after=5)
    tape.server(after=0.3)
    data, ack = tape.records[-2:]
    tape.records[-2:] = [ack, data]
    data.frame, ack.frame = ack.frame, data.frame
    data.t_ns, ack.t_ns = ack.t_ns + 1000, data.t_ns
    tape.client(1000, after=5)
    tape.server(after=20)
    tape.close()
    report = tape.check()
    assert not report.findings()
    assert "CAP003" in {item.code for item in report.quality}


def test_every_packet_twice_is_no_retransmission() -> None:
    tape = Tape().handshake()
    tape.client(1000)
    tape.server(after=20)
    tape.close()
    doubled = []
    for record in tape.records:
        for _ in range(2):
            doubled.append(type(record)(*[getattr(record, name) for name in _FIELDS]))
            doubled[-1].frame = len(doubled)
    tape.records = doubled
    report = tape.check()
    (found,) = report.connections
    assert not found.frames("retransmission")
    assert not report.findings()
    assert found.packets == len(doubled) // 2
    assert [item.code for item in report.quality] == ["CAP002"]


_FIELDS = (
    "frame", "t_ns", "interface", "key", "seq", "ack", "flags", "wnd", "payload_len", "ts_val", "ts_ecr", "opts",
    "ip_id", "ttl", "tos", "df", "csum", "urg", "header_len", "notes", "buf", "tcp_at", "end_at",
)  # fmt: skip


def test_overtaken_segments_are_out_of_order_and_not_resent() -> None:
    tape = Tape().handshake()
    tape.client(1000)
    tape.server(after=20)
    tape.client(1000, seq=2001, ip_id=200, ts=(tape.records[-2].ts_val + 30, tape.ends[0].ts_recent))
    late = tape.client(1000, seq=1001, ip_id=199, after=1, ts=(tape.records[-1].ts_val - 1, tape.ends[0].ts_recent))
    tape.server(ack=3001, after=20)
    found = only(tape)
    assert list(found.frames("out_of_order")) == [late]
    assert not found.frames("retransmission")
    assert not found.frames("lost_segment")


def test_midstream_keeps_every_window_scale_possible() -> None:
    tape = Tape().handshake(mss(1460), SACK_OK, ws(7))
    for _ in range(30):
        tape.client(1448)
        tape.server(wnd=200)
    tape.records = tape.records[5:]
    assert tape.codes() == []
    (found,) = tape.check().connections
    assert found.open == "midstream"


def test_one_direction_only_is_said_once_and_judged_by_headers_alone() -> None:
    tape = Tape().handshake()
    for _ in range(20):
        tape.client(1448)
        tape.server(after=5)
    tape.close()
    client = tape.ends[0].key
    tape.records = [record for record in tape.records if record.key == client]
    report = tape.check()
    assert not report.findings()


def test_offload_giants_are_the_captures_peculiarity_and_no_fault() -> None:
    tape = Tape().handshake()
    for _ in range(4):
        tape.client(1448 * 4)
        tape.ends[0].ip_id += 3
        tape.server(after=20)
    tape.close()
    report = tape.check()
    assert not report.findings()
    assert [(item.code, item.count) for item in report.quality] == [("CAP004", 4)]
