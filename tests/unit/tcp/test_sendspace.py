"""The send buffer that counts memory, and the clocks of what holds the sender up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netsim.base.units import MS
from netsim.tcp import chrono
from netsim.tcp.chrono import Chrono
from netsim.tcp.sendspace import OVERHEAD, cost, grown, how_much_fits, size_goal


def fits(wanted: int, *, capacity: int = 50000, lowat: int = 0, sendable: int = 10000, queued: int = 0) -> int:
    return how_much_fits(
        wanted=wanted, queued=queued, unsent=queued, sendable=sendable, goal=16000, mss=1000,
        capacity=capacity, lowat=lowat,
        pushed=0, push_after=0, marks=[],
    )  # fmt: skip


def test_a_segment_has_at_most_half_of_the_window() -> None:
    assert size_goal(1000, 32896) == 16000
    assert size_goal(1000, 500) == 1000
    assert size_goal(1460, 0) == 64240


def test_a_write_fills_the_segment_that_it_has_begun() -> None:
    # What left during the write (10000) makes room in the first segment.
    assert fits(59000) == 58000
    assert fits(59000, lowat=4000) == 26000
    assert fits(59000, lowat=32000) == 42000
    assert fits(100) == 100


def test_a_full_buffer_takes_nothing() -> None:
    assert fits(100, queued=48000, sendable=0) == 0
    assert fits(100, queued=48000 - 3 * OVERHEAD - 16000, sendable=0) == 100


@given(st.integers(1, 10**6), st.integers(0, 10**5), st.integers(5000, 10**6), st.integers(0, 10**5))
def test_never_more_than_two_segments_beyond_the_capacity(
    wanted: int, sendable: int, capacity: int, queued: int
) -> None:
    taken = fits(wanted, capacity=capacity, sendable=sendable, queued=queued)
    assert 0 <= taken <= wanted
    if taken:
        # the segment begun last is filled, and again by as much as leaves of it during the write
        assert cost(queued + taken, 16000) <= max(capacity, cost(queued, 16000)) + 32000 + 3 * OVERHEAD


def test_long_writes_are_pushed_every_half_window() -> None:
    marks: list[int] = []
    taken = how_much_fits(
        wanted=64000, queued=0, unsent=0, sendable=0, goal=16000, mss=1000,
        capacity=10**6, lowat=0, pushed=0, push_after=16448,
        marks=marks,
    )  # fmt: skip
    assert taken == 64000
    assert marks == [32000, 64000]


def test_the_buffer_grows_with_the_window_up_to_its_limit() -> None:
    assert grown(50000, 1000, 10, 4_000_000) == 50000
    assert grown(50000, 1000, 26, 4_000_000) == 2 * 26 * 2240
    assert grown(50000, 1000, 2000, 4_000_000) == 4_000_000


def test_the_most_specific_reason_is_charged() -> None:
    clock = Chrono()
    clock.start(0, chrono.BUSY)
    clock.start(10 * MS, chrono.WINDOW)
    clock.start(12 * MS, chrono.BUSY)
    clock.stop(30 * MS, chrono.WINDOW, idle=False)
    clock.stop(50 * MS, chrono.BUSY, idle=True)
    assert clock.window_limited_us(99 * MS) == 20_000
    assert clock.busy_us(99 * MS) == 50_000
    assert clock.buffer_limited_us(99 * MS) == 0
