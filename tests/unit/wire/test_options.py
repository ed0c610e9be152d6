"""Options: every octet has its place, and nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsim.base.packet import ABSENT, ACK, Segment
from netsim.wire.options import apply_options, decode_options, encode_options
from tests.unit.wire.strategies import option_bytes


def _decoded(raw: bytes) -> Segment:
    segment = Segment("10.0.0.1", "10.0.0.2", 1, 2, 3, 4, ACK, 5)
    apply_options(segment, decode_options(raw, 0, len(raw)))
    return segment


@given(option_bytes())
def test_encoding_gives_back_the_octets(raw: bytes) -> None:
    segment = _decoded(raw)
    assert encode_options(segment) == raw
    assert segment.options_bytes() == len(raw)


@given(st.binary(max_size=40))
def test_any_octets_are_decoded_without_an_exception(raw: bytes) -> None:
    options = decode_options(raw, 0, len(raw))
    if options.problem:
        assert options.problem == "length"
        assert raw[options.problem_at] == options.problem_kind
    elif not options.dirty_padding:
        padded = raw + bytes(-len(raw) % 4)
        assert encode_options(_decoded(raw)) == padded


def test_the_usual_syn() -> None:
    options = decode_options(bytes.fromhex("020405b4 0402 080a0000000a00000000 01 030307"), 0, 20)
    assert (options.mss, options.sack_ok, options.wscale) == (1460, True, 7)
    assert (options.ts_val, options.ts_ecr) == (10, 0)
    assert options.layout == bytes([2, 4, 8, 1, 3])
    assert options.other == ()


def test_of_a_repeated_option_the_first_counts_and_the_second_is_kept() -> None:
    raw = bytes.fromhex("020405b4 02040200")
    segment = _decoded(raw)
    assert segment.opt_mss == 1460
    assert segment.other == ((2, b"\x02\x00"),)
    assert encode_options(segment) == raw


def test_an_ill_formed_known_option_is_kept_and_its_field_is_absent() -> None:
    raw = bytes.fromhex("020305 01 080900000001000000 010101")
    segment = _decoded(raw)
    assert segment.opt_mss == ABSENT
    assert not segment.has_ts
    assert [kind for kind, _ in segment.other] == [2, 8]
    assert encode_options(segment) == raw
    assert segment.options_bytes() == len(raw)


def test_sack_blocks_and_both_kinds_of_fast_open() -> None:
    segment = _decoded(bytes.fromhex("0101 0512 0000000100000002 fffffff000000003"))
    assert segment.sack == ((1, 2), (0xFFFFFFF0, 3))
    assert _decoded(bytes.fromhex("2202 0101")).tfo == b""
    experimental = _decoded(bytes.fromhex("fe08f989aabbccdd"))
    assert (experimental.tfo, experimental.tfo_exp) == (bytes.fromhex("aabbccdd"), True)
    foreign = _decoded(bytes.fromhex("fe04e2d4"))
    assert foreign.tfo is None
    assert foreign.other == ((254, bytes.fromhex("e2d4")),)


def test_octets_after_eol_are_padding_and_dirt_in_it_is_told() -> None:
    clean = decode_options(b"\x03\x03\x07\x00\x00\x00\x00\x00", 0, 8)
    assert (clean.wscale, clean.dirty_padding, clean.layout) == (7, False, b"\x03\0\0\0\0\0")
    dirty = decode_options(b"\x03\x03\x07\x00\x08\x0a\x00\x00", 0, 8)
    assert (dirty.dirty_padding, dirty.problem, dirty.ts_val) == (True, "", ABSENT)


@pytest.mark.parametrize(
    ("raw", "at"), [("0500", 0), ("0501", 0), ("01010505", 2), ("05", 0), ("020405b4080a0000", 4), ("0101010a", 3)]
)
def test_impossible_lengths_are_told_with_their_place(raw: str, at: int) -> None:
    data = bytes.fromhex(raw)
    options = decode_options(data, 0, len(data))
    assert (options.problem, options.problem_at) == ("length", at)


def test_a_cut_by_the_capture_is_no_fault_of_the_sender() -> None:
    whole = bytes.fromhex("020405b40101080a0000000100000002")
    for cut in range(len(whole)):
        options = decode_options(whole, 0, cut, len(whole))
        assert options.problem == "cut", cut
    assert decode_options(whole, 0, 16, 16).problem == ""
    # A length that cannot be right however much was cut is a fault still.
    assert decode_options(bytes.fromhex("0501"), 0, 2, 8).problem == "length"
    assert decode_options(bytes.fromhex("0532"), 0, 2, 8).problem == "length"


def test_a_layout_that_no_field_supplies_is_refused() -> None:
    segment = Segment("10.0.0.1", "10.0.0.2", 1, 2, 3, 4, ACK, 5)
    segment.layout = b"\x02"
    with pytest.raises(ValueError, match="kind 2 stands in the layout"):
        encode_options(segment)
    segment.layout = b"\x01"
    segment.other = ((99, b""),)
    with pytest.raises(ValueError, match="kind 99 has a value"):
        encode_options(segment)
    segment.other = ()
    segment.layout = b"\x01" * 41
    with pytest.raises(ValueError, match="do not fit"):
        encode_options(segment)


@given(st.integers(0, 5), st.binary(min_size=40, max_size=40), st.integers(0, 4), st.integers(0, 3))
def test_the_short_cut_for_timestamps_with_sack_changes_nothing(
    blocks: int, data: bytes, padding: int, damage: int
) -> None:
    head = b"\x01\x01\x08\x0a" + data[:8] + b"\x01\x01\x05" + bytes([2 + 8 * blocks])
    raw = (head + data[: 8 * blocks] + b"\x01" * padding)[:40]
    if damage:
        raw = raw[:-damage]
    # Moved by one NOP, the same list takes the general way.
    quick, general = decode_options(raw, 0, len(raw)), decode_options(b"\x01" + raw, 0, len(raw) + 1)
    assert b"\x01" + quick.layout == general.layout
    for name in ("sack", "ts_val", "ts_ecr", "other", "problem", "problem_kind", "mss", "dirty_padding"):
        assert getattr(quick, name) == getattr(general, name)
