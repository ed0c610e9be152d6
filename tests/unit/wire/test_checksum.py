"""The Internet checksum against RFC 1071's own example and its definition."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netsim.wire.checksum import PROTO_TCP, checksum, ones_sum, pseudo_sum


def _by_definition(data: bytes) -> int:
    """RFC 1071 §4.1, word by word."""
    total = 0
    for at in range(0, len(data), 2):
        total += data[at] << 8 | (data[at + 1] if at + 1 < len(data) else 0)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_the_example_of_rfc_1071() -> None:
    data = bytes.fromhex("0001f203f4f5f6f7")
    assert ones_sum(data) == 0xDDF2
    assert checksum(data) == 0x220D


@given(st.binary(max_size=300))
def test_as_defined(data: bytes) -> None:
    assert ones_sum(data) == _by_definition(data)


@given(st.binary(max_size=300), st.integers(0, 2**130))
def test_an_initial_sum_counts_like_octets_before(data: bytes, initial: int) -> None:
    before = initial.to_bytes(18, "big")
    assert ones_sum(data, initial) == _by_definition(before + data)


@given(st.binary(min_size=2, max_size=300).filter(lambda data: len(data) % 2 == 0))
def test_with_its_checksum_in_place_the_sum_is_all_ones(data: bytes) -> None:
    assert ones_sum(data + checksum(data).to_bytes(2, "big")) == 0xFFFF


def test_both_zeros() -> None:
    assert ones_sum(b"") == ones_sum(bytes(7)) == 0
    assert ones_sum(b"\xff\xff") == ones_sum(b"\xff\xff" * 5) == 0xFFFF


def test_pseudo_headers() -> None:
    four = bytes([10, 0, 0, 1, 10, 0, 0, 2])
    assert ones_sum(b"", pseudo_sum(four[:4], four[4:], PROTO_TCP, 20)) == _by_definition(four + b"\x00\x06\x00\x14")
    six = bytes(range(32))
    length = 70_000
    by_hand = _by_definition(six + length.to_bytes(4, "big") + b"\0\0\0\x06")
    assert ones_sum(b"", pseudo_sum(six[:16], six[16:], PROTO_TCP, length)) == by_hand
