"""The receive buffer in memory: numbers seen on a 6.18 kernel (`ss -tm`, and tests/packetdrill/linux/window)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsim.tcp.recvspace import RecvSpace, tail_room, true_size

LIMIT = 32 * 1024 * 1024


@pytest.mark.parametrize(
    ("payload", "memory"),
    [(1, 832), (152, 832), (153, 1280), (600, 1280), (601, 2304), (1000, 2304), (1460, 2304)],
)
def test_memory_of_a_packet(payload: int, memory: int) -> None:
    assert true_size(40 + payload) == memory


@pytest.mark.parametrize(
    ("buffer", "locked", "scaled", "window", "shift"),
    [
        (131072, False, True, 64240, 10),
        (131072, False, False, 64240, 0),
        (20000, True, True, 8760, 0),
        (200000, True, True, 99280, 1),
        (2304, True, False, 1152, 0),
    ],
)
def test_the_first_window(buffer: int, locked: bool, scaled: bool, window: int, shift: int) -> None:
    assert RecvSpace(buffer, locked, LIMIT, 4 * 1024 * 1024).open(1460, scaled) == (window, shift)


def test_a_route_may_limit_the_first_window() -> None:
    assert RecvSpace(131072, False, LIMIT, LIMIT).open(1460, True, 2)[0] == 2920


def test_text_joins_the_packet_before_it_where_there_is_room() -> None:
    space = RecvSpace(20000, True, LIMIT, LIMIT)
    space.queue(0, 1000, 1040)
    room = tail_room(1040)
    space.queue(1000, 1000 + room, 40 + room)
    assert space.used == 2304
    space.queue(1000 + room, 1001 + room, 41)
    assert space.used == 2304 + 832


def test_collapsing_saves_memory() -> None:
    space = RecvSpace(6000, True, LIMIT, LIMIT)
    for start in range(0, 1200, 400):
        space.queue(start, start + 400, 440)
    before = space.used
    assert space.admits(2500, 2540, 0)
    assert space.used < before


@given(st.lists(st.integers(1, 1460), min_size=1, max_size=60), st.integers(2304, 300_000))
def test_what_is_read_is_free_again(sizes: list[int], buffer: int) -> None:
    space = RecvSpace(buffer, True, LIMIT, LIMIT)
    space.open(1460, True)
    space.established(1460, True)
    offset = 0
    for size in sizes:
        if space.admits(size, 40 + size, 1):
            space.queue(offset, offset + size, 40 + size)
            offset += size
    space.release(offset)
    assert space.used == 0


@given(st.lists(st.integers(1, 1460), min_size=1, max_size=40), st.integers(2304, 300_000), st.integers(0, 7))
def test_the_window_never_shrinks(sizes: list[int], buffer: int, shift: int) -> None:
    space = RecvSpace(buffer, True, LIMIT, LIMIT)
    window, _ = space.open(1460, shift > 0)
    space.established(1460, shift > 0)
    offset = 0
    for size in sizes:
        if size > window or not space.admits(size, 40 + size, window):
            continue
        space.queue(offset, offset + size, 40 + size)
        space.measure(size, 40 + size, 536)
        offset += size
        left = window - size
        window = space.select(536, shift, left)
        assert window >= left
