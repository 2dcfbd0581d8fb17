"""Virtual time: what happens when, and that a queue of timers is a heap of them, only smaller."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlab.kernel.engine import Engine, TimerQueue

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


def test_methods_that_cannot_be_compared_may_fall_on_the_same_instant() -> None:
    engine, seen = Engine(), []
    for argument in (object(), {"a": 1}, None, 3j):
        engine.at(1.0, partial(seen.append, argument))
    engine.run(until=1.0)
    assert len(seen) == 4


def test_now_is_the_time_of_the_event_and_then_the_end_of_the_run() -> None:
    engine, seen = Engine(), []
    engine.at(1.5, lambda: seen.append(engine.now))
    engine.run(until=4.0)
    assert (seen, engine.now) == ([1.5], 4.0)


def test_the_end_of_a_run_is_a_part_of_it() -> None:
    engine, seen = Engine(), []
    engine.at(2.0, partial(seen.append, "at the end"))
    engine.at(math.nextafter(2.0, 3.0), partial(seen.append, "after it"))
    engine.run(until=2.0)
    assert seen == ["at the end"]


def test_what_is_left_of_a_run_comes_in_the_next() -> None:
    engine, seen = Engine(), []
    for time in (1.0, 2.0, 3.0):
        engine.at(time, partial(seen.append, time))
    engine.run(until=1.0)
    engine.run(until=3.0)
    assert seen == [1.0, 2.0, 3.0]


def test_an_event_may_schedule_another_for_the_same_instant() -> None:
    engine, seen = Engine(), []

    def again(depth: int) -> None:
        seen.append(engine.now)
        if depth:
            engine.at(engine.now, again, depth - 1)

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
    engine.at(1.0, lambda: None)
    engine.at(2.0, lambda: 1 / 0)
    engine.at(3.0, lambda: None)
    with pytest.raises(ZeroDivisionError):
        engine.run(until=9.0)
    assert (engine.events, engine.now) == (2, 2.0)


# ---- timer queues


class Timer:
    """Something with a time limit."""

    life = 0

    def __init__(self, name: int, queue: Any, fired: Callable[[Timer], None]) -> None:
        self.name = name
        self.timer = 0
        self.queue = queue
        self.open = True
        self.fired = fired
        queue.start(self)

    def stop(self) -> None:
        if self.open:
            self.open = False
            self.queue.stop(self)

    def expired(self) -> None:
        self.stop()
        self.fired(self)


class PlainQueue:
    """What a queue of timers must be like: every timer in the heap to its end."""

    def __init__(self, engine: Engine, seconds: float) -> None:
        self.engine, self.seconds = engine, seconds

    def start(self, item: Any) -> None:
        item.timer = number = self.engine.sequence + 1
        due = self.engine.now + self.seconds
        self.engine.at(due, lambda: item.timer == number and item.expired())

    def stop(self, item: Any) -> None:
        item.timer = 0


actions = st.one_of(
    st.tuples(st.just("timer"), st.sampled_from((0, 1))),
    st.tuples(st.just("close"), st.integers(0, 40)),
    st.tuples(st.just("event"), st.integers(0, 4)),
)
programs = st.lists(st.tuples(st.integers(0, 12), st.lists(actions, max_size=4)), max_size=25)


def history(kind: type, program: list[Any]) -> list[tuple[float, str, int]]:
    """What happens, in order, when timers are set and stopped by events and by other timers."""
    engine = Engine()
    timers: list[Timer] = []
    seen: list[tuple[float, str, int]] = []

    def act(todo: list[tuple[str, int]]) -> None:
        for what, number in todo:
            if what == "timer":
                timers.append(Timer(len(timers), queues[number], fired))
            elif what == "close" and number < len(timers):
                timers[number].stop()
            else:
                later = engine.now + number
                engine.at(later, lambda n: seen.append((engine.now, "event", n)), number)

    def fired(timer: Timer) -> None:
        seen.append((engine.now, "timer", timer.name))
        if timer.name < len(program):  # what a timer does may set and stop others
            act(program[timer.name][1])

    queues = [kind(engine, 2.0), kind(engine, 3.0)]
    for time, todo in program:
        engine.at(float(time), partial(act, todo))
    engine.run(until=100.0)
    return seen


@given(programs)
def test_a_timer_queue_gives_the_same_order_of_events_as_a_heap(program: list[Any]) -> None:
    assert history(TimerQueue, program) == history(PlainQueue, program)


def test_a_timer_queue_keeps_one_timer_in_the_heap_however_many_run() -> None:
    engine = Engine()
    queue = TimerQueue(engine, 1.0)
    for name in range(100):
        Timer(name, queue, lambda timer: None)
    assert len(engine.heap) == 1


def test_a_stopped_timer_never_fires_and_does_not_hold_up_the_next() -> None:
    engine, seen = Engine(), []
    queue = TimerQueue(engine, 1.0)
    first = Timer(1, queue, lambda timer: seen.append((engine.now, timer.name)))
    engine.run(until=0.5)
    Timer(2, queue, lambda timer: seen.append((engine.now, timer.name)))
    first.stop()
    engine.run(until=3.0)
    assert seen == [(1.5, 2)]


def test_a_timer_may_be_stopped_in_another_queue_than_its_own() -> None:
    """A change of a timeout makes a new queue, and tries that are out then are answered later."""
    engine, seen = Engine(), []
    old, new = TimerQueue(engine, 1.0), TimerQueue(engine, 2.0)
    timer = Timer(1, old, lambda timer: seen.append(timer.name))
    new.stop(timer)
    engine.run(until=3.0)
    assert seen == []


# ---- records that go


class Gone:
    """A record in a pool, as far as the engine looks at one."""

    def __init__(self) -> None:
        self.life = 0
        self.seen: list[int] = []

    def note(self, number: int) -> None:
        self.seen.append(number)


def test_what_was_planned_for_a_record_that_was_released_counts_and_does_nothing() -> None:
    engine, item = Engine(), Gone()
    engine.after(1.0, item.note, 1)
    engine.after(2.0, item.note, 2)
    engine.run(until=1.0)
    item.life += 1
    engine.run(until=3.0)
    assert (item.seen, engine.events) == ([1], 2)
