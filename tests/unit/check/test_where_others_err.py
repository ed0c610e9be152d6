"""The cases that today's analysers get wrong, each a small capture: ours must be right.

In the order of the list: labels that a fixed clock gets wrong, what gets no label at all, what users complain of.
"""

from __future__ import annotations

import random

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


# --- What gets no flag at all elsewhere, or a wrong one -------------------------------------------------------------


def codes(tape: Tape, vantage: str = "unknown") -> list[str]:
    return tape.codes(vantage)


def test_case_ack_going_backwards_is_reported() -> None:
    tape = flight(4)
    tape.server(ack=5001, after=20)
    tape.server(ack=3001, after=50)
    assert codes(tape) == ["ACK001"]


def test_case_right_window_edge_shrinking_is_reported_beyond_the_slack_of_the_scale() -> None:
    tape = Tape().handshake()
    tape.server(wnd=500)
    tape.server(wnd=499, after=5)
    assert codes(tape) == []
    tape.server(wnd=300, after=5)
    assert codes(tape) == ["WND002"]


def test_case_data_after_the_own_fin_is_reported() -> None:
    tape = Tape().handshake()
    tape.client(1000, flags="PFA")
    tape.server(after=20)
    tape.client(500, seq=1002, after=5)
    assert codes(tape) == ["CLS001"]


def test_case_initial_window_of_sixty_segments_is_reported() -> None:
    tape = Tape().handshake()
    for _ in range(60):
        tape.client(1000, after=0.01)
    tape.server(after=20)
    assert codes(tape) == ["CWN001"]


def test_case_segment_above_the_peers_mss_is_reported() -> None:
    tape = Tape()
    tape.syn()
    tape.syn_ack(mss(500), SACK_OK, b"\x01", ws(7))
    tape.client()
    tape.client(1000)
    tape.client(100)
    tape.server(after=20)
    assert codes(tape) == ["OPT024"]


@pytest.mark.parametrize(
    ("offer", "answer", "code"),
    [
        ((mss(1460),), (mss(1460), SACK_OK), "OPT006"),
        ((mss(1460), SACK_OK), (mss(1460), SACK_OK, b"\x01", ws(7)), "OPT005"),
    ],
)
def test_case_option_in_the_syn_ack_that_the_syn_did_not_offer(
    offer: tuple[bytes, ...], answer: tuple[bytes, ...], code: str
) -> None:
    tape = Tape(stamps=False)
    for end in tape.ends:
        end.wnd = 60_000
    tape.syn(*offer)
    tape.syn_ack(*answer)
    tape.client()
    assert codes(tape) == [code]


def test_case_reset_answering_a_resent_fin_in_time_wait_is_reported() -> None:
    tape = Tape().handshake().close()
    tape.server(flags="FA", seq=tape.ends[1].nxt - 1, after=300)
    tape.client(flags="R", seq=tape.ends[0].nxt, after=0.1)
    assert codes(tape) == ["CLS003"]


def test_case_ports_used_again_one_second_into_time_wait_with_a_lower_isn() -> None:
    tape = Tape().handshake()
    tape.client(1000)
    tape.server(after=20)
    tape.close()
    tape.ports(40000)
    tape.ends[0].iss, tape.ends[0].ts, tape.ends[1].iss = 500, 10, 9_000_000
    tape.client(flags="S", after=1000, options=tape.syn_options(0))
    assert codes(tape) == ["HSK007"]


def test_case_sack_of_bytes_never_sent_is_no_window_update() -> None:
    tape = flight(2)
    tape.server(after=20)
    frame = tape.server(sack=((50_001, 51_001),), after=5)
    tape.client(1000, after=50)
    tape.server(after=20)
    tape.close()
    found = only(tape, "unknown")
    assert [(f.meta.code, list(f.frames)) for f in found.findings] == [("OPT012", [frame])]
    assert frame not in found.frames("window_update")


def test_case_data_after_the_own_reset_is_not_out_of_order() -> None:
    tape = Tape().handshake()
    tape.client(1000)
    tape.server(after=20)
    tape.client(flags="R", seq=1001)
    frame = tape.client(1000, seq=1001, after=100)
    found = only(tape, "unknown")
    assert [(f.meta.code, list(f.frames)) for f in found.findings] == [("RST003", [frame])]
    assert not found.frames("out_of_order")
    assert not found.frames("retransmission")


# --- What users of others complain of -------------------------------------------------------------------------------


def test_complaint_a_segment_sent_twice_counts_as_retransmission_and_not_as_new_bytes() -> None:
    """zeek#499: the second sending has another IP identification, so it is no copy of the capture."""
    tape = flight(1)
    frame = tape.client(1000, seq=1001, after=300)
    tape.server(ack=2001, after=20)
    tape.close()
    found = only(tape)
    assert list(found.frames("retransmission")) == [frame]
    assert found.client.byte_count == 2000


@pytest.mark.parametrize("first_is_taken", [True, False])
def test_complaint_a_syn_ack_with_another_isn_makes_no_gigabytes(first_is_taken: bool) -> None:
    """zeek#3313: bytes are counted from the ISN that the client acknowledges."""
    tape = Tape()
    tape.syn()
    tape.syn_ack()
    if first_is_taken:
        tape.client()
    old = tape.ends[1].iss
    tape.ends[1].iss = (old + 1_600_000_000) & 0xFFFFFFFF
    tape.syn_ack(seq=0, ack=1, after=5)
    if first_is_taken:
        tape.ends[1].iss = old
    tape.ends[1].nxt = 1
    tape.ends[0].got = 1
    tape.client(100, seq=1, after=5)
    tape.server(700, seq=1, ack=101, after=20)
    tape.client(after=1)
    found = only(tape, "unknown")
    assert (found.client.byte_count, found.server.byte_count) == (100, 700)
    assert not found.frames("lost_segment")


@pytest.mark.parametrize("seed", range(5))
def test_complaint_alerts_whose_cause_is_the_capture_are_said_once_as_quality(seed: int) -> None:
    """Suricata: a capture with a fifth of its packets missing is one quality line, not a flood of findings."""
    tape = Tape().handshake()
    for _ in range(100):
        tape.client(1448)
        tape.client(1448)
        tape.server(after=5)
    tape.close()
    chance = random.Random(seed)
    tape.records = [record for record in tape.records if chance.random() >= 0.2]
    report = tape.check()
    assert "CAP001" in {item.code for item in report.quality}
    assert [f.meta.code for f in report.findings() if f.meta.severity != "note"] == []
