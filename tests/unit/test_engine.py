"""Virtual time: what happens when, and that a lane of timers is a heap of them, only smaller."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlab.kernel.engine import Engine, Lane, Timed

times = st.lists(st.integers(0, 8).map(float), max_size=30)


@given(times)
def test_events_run_in_the_order_of_time_and_ties_in_the_order_of_scheduling(
    planned: list[float],
) -> None:
    engine, seen = Engine(), []
    for number, time in enumerate(planned):
        engine.at(time, lambda number: seen.append((engine.now, number)), number)
    engine.run(until=8.0)
    assert seen == sorted((time, number) for number, time in enumerate(planned))


def test_callbacks_that_cannot_be_compared_may_fall_on_the_same_instant() -> None:
    engine, seen = Engine(), []
    for argument in (object(), {"a": 1}, None, 3j):
        engine.at(1.0, seen.append, argument)
    engine.run(until=1.0)
    assert len(seen) == 4


def test_now_is_the_time_of_the_event_and_then_the_end_of_the_run() -> None:
    engine, seen = Engine(), []
    engine.after(1.5, lambda _: seen.append(engine.now))
    engine.run(until=4.0)
    assert (seen, engine.now) == ([1.5], 4.0)


def test_the_end_of_a_run_is_a_part_of_it() -> None:
    engine, seen = Engine(), []
    engine.at(2.0, seen.append, "at the end")
    engine.at(math.nextafter(2.0, 3.0), seen.append, "after it")
    engine.run(until=2.0)
    assert seen == ["at the end"]


def test_what_is_left_of_a_run_comes_in_the_next() -> None:
    engine, seen = Engine(), []
    for time in (1.0, 2.0, 3.0):
        engine.at(time, seen.append, time)
    engine.run(until=1.0)
    engine.run(until=3.0)
    assert seen == [1.0, 2.0, 3.0]


def test_an_event_may_schedule_another_for_the_same_instant() -> None:
    engine, seen = Engine(), []

    def again(depth: int) -> None:
        seen.append(engine.now)
        if depth:
            engine.after(0.0, again, depth - 1)

    engine.at(1.0, again, 3)
    engine.run(until=1.0)
    assert seen == [1.0] * 4


@pytest.mark.parametrize("time", [0.5, math.nan, -math.inf])
def test_the_past_cannot_be_changed(time: float) -> None:
    engine = Engine()
    engine.run(until=1.0)
    with pytest.raises(ValueError, match="time must be >= now"):
        engine.at(time, print)


def test_time_cannot_run_backwards() -> None:
    engine = Engine()
    engine.run(until=2.0)
    with pytest.raises(ValueError, match="until must be >= now"):
        engine.run(until=1.0)
    assert engine.now == 2.0


def test_events_are_counted_even_when_one_of_them_fails() -> None:
    engine = Engine()
    engine.at(1.0, lambda _: None)
    engine.at(2.0, lambda _: 1 / 0)
    engine.at(3.0, lambda _: None)
    with pytest.raises(ZeroDivisionError):
        engine.run(until=9.0)
    assert (engine.events, engine.now) == (2, 2.0)


# ---- lanes


class Timer(Timed):
    def __init__(self, name: int) -> None:
        self.name = name
        self.open = True


class PlainLane:
    """What a lane must be like: every timer in the heap to its end."""

    def __init__(self, engine: Engine, seconds: float, expire: Callable[[Any], None]) -> None:
        self.engine, self.seconds, self.expire = engine, seconds, expire

    def start(self, item: Timed) -> None:
        self.engine.after(self.seconds, self.fire, item)

    def fire(self, item: Timed) -> None:
        if item.open:
            self.expire(item)


actions = st.one_of(
    st.tuples(st.just("timer"), st.sampled_from((0, 1))),
    st.tuples(st.just("close"), st.integers(0, 40)),
    st.tuples(st.just("event"), st.integers(0, 4)),
)
programs = st.lists(st.tuples(st.integers(0, 12), st.lists(actions, max_size=4)), max_size=25)


def history(lane: type, program: list[Any]) -> list[tuple[float, str, int]]:
    """What happens, in order, when timers are set and closed by events and by other timers."""
    engine = Engine()
    timers: list[Timer] = []
    seen: list[tuple[float, str, int]] = []

    def act(todo: list[tuple[str, int]]) -> None:
        for kind, number in todo:
            if kind == "timer":
                timers.append(Timer(len(timers)))
                lanes[number].start(timers[-1])
            elif kind == "close" and number < len(timers):
                timers[number].open = False
            else:
                engine.after(float(number), lambda n: seen.append((engine.now, "event", n)), number)

    def expire(timer: Timer) -> None:
        timer.open = False
        seen.append((engine.now, "timer", timer.name))
        if timer.name < len(program):  # what a timer does may set and close others
            act(program[timer.name][1])

    lanes = [lane(engine, 2.0, expire), lane(engine, 3.0, expire)]
    for time, todo in program:
        engine.at(float(time), act, todo)
    engine.run(until=100.0)
    return seen


@given(programs)
def test_a_lane_gives_the_same_order_of_events_as_a_heap(program: list[Any]) -> None:
    assert history(Lane, program) == history(PlainLane, program)


def test_a_lane_keeps_one_timer_in_the_heap_however_many_are_open() -> None:
    engine = Engine()
    lane = Lane(engine, 1.0, lambda _: None)
    for name in range(100):
        lane.start(Timer(name))
    assert len(engine._heap) == 1


def test_a_closed_timer_never_fires_and_does_not_hold_up_the_next() -> None:
    engine, seen = Engine(), []
    lane = Lane(engine, 1.0, lambda timer: seen.append((engine.now, timer.name)))
    first, second = Timer(1), Timer(2)
    lane.start(first)
    engine.run(until=0.5)
    lane.start(second)
    first.open = False
    engine.run(until=3.0)
    assert seen == [(1.5, 2)]
