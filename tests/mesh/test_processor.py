"""The processor by itself: which core works, from when to when, and how leaks slow all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlab.mesh.processor import SLOWEST, Processor


def test_an_idle_core_works_at_once() -> None:
    assert Processor(1).work(3.0, 0.5) == 3.5


def test_work_goes_to_the_core_that_is_free_first() -> None:
    processor = Processor(2)
    assert [processor.work(0.0, seconds) for seconds in (1.0, 0.25, 0.25, 0.75, 0.5)] == [
        1.0,
        0.25,
        0.5,
        1.25,
        1.5,
    ]
    assert sorted(processor.free_at) == [1.25, 1.5]


def test_of_cores_that_are_free_alike_one_works() -> None:
    processor = Processor(3)
    processor.work(0.0, 1.0)
    processor.work(0.0, 1.0)
    assert sorted(processor.free_at) == [0.0, 1.0, 1.0]


def test_time_that_passed_idle_is_not_made_up_for() -> None:
    processor = Processor(1)
    processor.work(0.0, 0.5)
    assert processor.work(10.0, 0.5) == 10.5


def test_cores_that_are_taken_slow_all_work_down() -> None:
    processor = Processor(4)
    processor.taken = 2.0
    assert (processor.speed(), processor.work(0.0, 0.5)) == (0.5, 1.0)


def test_a_little_speed_always_remains() -> None:
    processor = Processor(4)
    processor.taken = 100.0
    assert processor.speed() == SLOWEST


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 32)), max_size=30),
)
def test_as_many_pieces_of_work_run_at_once_as_there_are_cores(
    cores: int, pieces: list[tuple[int, int]]
) -> None:
    """Against the plain definition: a queue, and cores that take the next when they are free."""
    processor = Processor(cores)
    now, done, starts = 0.0, [], []
    for pause, work in pieces:
        now += pause / 32
        ended = processor.work(now, work / 32)
        starts.append(ended - work / 32)
        done.append(ended)
        busy = sorted(end for end in done[:-1] if end > now)
        assert starts[-1] == (now if len(busy) < cores else busy[-cores])
    assert starts == sorted(starts)


@pytest.mark.parametrize("cores", [1, 2])
def test_the_work_of_n_requests_takes_n_times_as_long_on_one_core_and_half_on_two(
    cores: int,
) -> None:
    processor = Processor(cores)
    assert max(processor.work(0.0, 0.125) for _ in range(16)) == 2.0 / cores
