"""Sliding windows against a recount of every call that they were told of."""

from hypothesis import given
from hypothesis import strategies as st

from meshlab.policies.windows import BUCKETS, CountWindow, TimeWindow, Window

Call = tuple[bool, bool]  # failed, slow
calls = st.tuples(st.booleans(), st.booleans())


def counts(window: Window) -> tuple[int, int, int]:
    return int(window.calls()), int(window.failures()), int(window.slow())


def recount(kept: list[Call]) -> tuple[int, int, int]:
    return len(kept), sum(failed for failed, _ in kept), sum(slow for _, slow in kept)


@given(size=st.integers(1, 5), told=st.lists(calls, max_size=30), cleared=st.integers(0, 29))
def test_a_count_window_holds_the_last_calls(size: int, told: list[Call], cleared: int) -> None:
    window = CountWindow(size)
    kept: list[Call] = []
    assert counts(window) == (0, 0, 0)
    for number, call in enumerate(told):
        if number == cleared:
            window.clear(float(number))
            kept = []
        window.add(float(number), *call)
        kept.append(call)
        assert counts(window) == recount(kept[-size:])


pauses = st.sampled_from((0, 1, 3, 4, 7, 8, 30, 39, 40, 44, 48, 80, 200))  # sixteenths of a second


@given(start=st.integers(0, 40), told=st.lists(st.tuples(pauses, calls), max_size=40))
def test_a_time_window_holds_the_calls_of_its_last_ten_buckets(
    start: int, told: list[tuple[int, Call]]
) -> None:
    """Buckets are four sixteenths of a second long; a long silence begins them anew."""
    length = 4
    window = TimeWindow(BUCKETS * length / 16, start / 16)
    origin, newest, now = start, 0, start
    kept: list[tuple[int, Call]] = []
    assert counts(window) == (0, 0, 0)
    for pause, call in told:
        now += pause
        if now - (origin + (newest + 1) * length) >= BUCKETS * length:
            origin, kept = now, []
        newest = (now - origin) // length
        kept = [(bucket, old) for bucket, old in kept if bucket > newest - BUCKETS]
        kept.append((newest, call))
        window.add(now / 16, *call)
        assert counts(window) == recount([old for _, old in kept])


def test_a_time_window_that_is_cleared_starts_again_there() -> None:
    window = TimeWindow(10.0, 0.0)
    window.add(0.9, True, True)
    window.clear(1.5)
    assert counts(window) == (0, 0, 0)
    window.add(1.5, True, False)
    window.add(11.4, False, True)  # in the tenth bucket after 1.5
    assert counts(window) == (2, 1, 1)
    window.add(11.5, False, False)  # in the eleventh
    assert counts(window) == (2, 0, 1)


def test_the_buckets_of_a_time_window_start_where_it_began_however_late_the_first_call() -> None:
    window = TimeWindow(10.0, 0.0)
    window.add(9.5, True, True)  # in the bucket from 9 on
    window.add(18.9, False, False)
    assert counts(window) == (2, 1, 1)
    window.add(19.0, False, False)
    assert counts(window) == (2, 0, 0)
