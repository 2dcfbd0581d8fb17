"""The engine, its timers and its random numbers for compiled runs: as `meshlab.kernel.engine`.

A heap of four children a node is flatter than one of two, and its siblings share a line of memory.
The times of a run are not negative, so their bits as whole numbers are in the same order.
"""

from __future__ import annotations

from typing import Any

import numba
from numba import extending, types

from meshlab.kernel import layout
from meshlab.kernel.entries import FIRE
from meshlab.kernel.layout import BATCH_SIZE, LINE
from meshlab.kernel.machine import (
    address_of,
    ask,
    bits_of,
    float_at,
    half_at,
    least_of_four,
    next_bits,
    prefetch,
    word_at,
)
from meshlab.kernel.types import add_method, at, make_type

overload_method: Any = extending.overload_method

MORE_PLANS, MORE_BATCHES, MORE_NUMBERS, MORE_RECORDS, MORE_ROWS, MORE_PLACES, EMPTY_BAG = range(7)
"""What compiled code asks of Python, which owns all memory."""

TIME, CONTROL, BUDGET = 0, 1, 2
"""Why the loop stops: the time has come, an event is Python's, or it has run long enough."""

KINDS = 8
"""How many bits of a plan say which entry it is; the rest are the number."""

UNIT = 2.0**-53
"""A double has 53 bits: so many of the 64 make a number from [0, 1)."""

NEVER = 2**63 - 1
PLACES = 2**layout.PLACE_BITS - 1
PLACE_BITS = layout.PLACE_BITS
MASK = 2**KINDS - 1
MOST_NUMBER = 2 ** (32 - KINDS) - 1
KEY_BYTES, PLAN_BYTES = layout.KEY.itemsize, layout.PLAN.itemsize
TIMER_BYTES, BATCH_BYTES = layout.TIMER.itemsize, layout.BATCH.itemsize

ENGINE: Any = make_type("Engine", layout.ENGINE)
TIMERS: Any = make_type("TimerQueue", layout.TIMERS)
UNIFORM: Any = make_type("Uniform", layout.STREAM)
WORDS: Any = make_type("Words", layout.STREAM)
VARIATES: Any = make_type("Variates", layout.VARIATES)


@numba.njit(error_model="numpy")
def need(what: int, whom: int) -> None:
    """Let Python provide what runs low."""
    if ask(what, whom) != 0:
        raise MemoryError("run: Python could not provide what the run needed")


at_engine = at(ENGINE)
at_timers = at(TIMERS)
at_key = at(make_type("Key", layout.KEY))
at_plan = at(make_type("Plan", layout.PLAN))
at_timer = at(make_type("Timer", layout.TIMER))
at_batch = at(make_type("Batch", layout.BATCH))

AHEAD: list[tuple[int, int, int, int]] = []
"""The entry that events look ahead for, and the offsets of the references that it names."""

NUMBERS: dict[tuple[type, str], int] = {}
"""The number of an entry, by the numba class of its record and its name."""


# ---- the heap


def plan(self: Any, time: float, sequence: int, what: int, me: int, life: int) -> None:
    """Put an event in its place."""
    place = self.plans_free
    if place >= 0:
        self.plans_free = at_plan(self.plans + PLAN_BYTES * place).me
    else:
        place = self.plans_used
        if place == self.room:
            need(MORE_PLANS, address_of(self))
        self.plans_used = place + 1
    new = at_plan(self.plans + PLAN_BYTES * place)
    new.me = me
    new.life = life
    new.what = what
    self.push(bits_of(time), (sequence << PLACE_BITS) + place)


def push(self: Any, time: int, tag: int) -> None:
    """A key rises from the end of the heap, or sinks from the top if that is vacant."""
    if self.vacant:
        self.vacant = 0
        self.sink(self.used, time, tag)
        return
    heap = self.heap
    place = self.used
    self.used = place + 1
    while place > 0:
        parent = (place - 1) >> 2
        above = at_key(heap + KEY_BYTES * parent)
        if above.time < time or (above.time == time and above.tag < tag):
            break
        hole = at_key(heap + KEY_BYTES * place)
        hole.time = above.time
        hole.tag = above.tag
        place = parent
    hole = at_key(heap + KEY_BYTES * place)
    hole.time = time
    hole.tag = tag


def sink(self: Any, size: int, time: int, tag: int) -> None:
    """Find the place of a key from the top on; places beyond the last hold keys that never come."""
    heap = self.heap
    place = 0
    child = 1
    second = 0
    third = 0
    fourth = 0
    while child < size:
        child += least_of_four(heap + KEY_BYTES * child)
        first = at_key(heap + KEY_BYTES * child)
        if time < first.time or (time == first.time and tag < first.tag):
            break
        hole = at_key(heap + KEY_BYTES * place)
        hole.time = first.time
        hole.tag = first.tag
        if place == 0:
            second = child
        elif place == second:
            third = child
        elif place == third:
            fourth = child
        place = child
        child = 4 * place + 1
    hole = at_key(heap + KEY_BYTES * place)
    hole.time = time
    hole.tag = tag
    self.look_ahead(second, third, fourth)


def plan_at(self: Any, place: int) -> Any:
    """The plan of a key in the heap."""
    return at_plan(self.plans + PLAN_BYTES * (at_key(self.heap + KEY_BYTES * place).tag & PLACES))


@overload_method(
    type(ENGINE), "look_ahead", jit_options={"error_model": "numpy", "forceinline": True}
)
def _look_ahead(self: Any, second: Any, third: Any, fourth: Any) -> Any:
    """What an event will need may have been out of use for long: it is fetched before its time.

    Its record, when it has risen to the fourth row of the heap; and what `ahead` names, row by row.
    """
    kind, one, two, three = AHEAD[0] if AHEAD else (-1, 0, 0, 0)

    def look_ahead(self: Any, second: Any, third: Any, fourth: Any) -> None:
        prefetch(self.plan_at(fourth).me)
        plan = self.plan_at(third)
        if plan.what == kind:
            prefetch(word_at(plan.me + one))
        plan = self.plan_at(second)
        if plan.what == kind:
            first = word_at(plan.me + one)
            if first != 0:
                prefetch(word_at(first + two))
        plan = self.plan_at(0)
        if plan.what == kind:
            first = word_at(plan.me + one)
            if first != 0:
                prefetch(word_at(word_at(first + two) + three))

    return look_ahead


def take_first(self: Any) -> None:
    """The first event happens: another may have the place of its plan, and its key is vacant."""
    place = at_key(self.heap).tag & PLACES
    at_plan(self.plans + PLAN_BYTES * place).me = self.plans_free
    self.plans_free = place
    self.vacant = 1


def fill_vacancy(self: Any) -> None:
    """No new event took the place of the first one, so the last one does."""
    self.vacant = 0
    self.used -= 1
    last = at_key(self.heap + KEY_BYTES * self.used)
    time, tag = last.time, last.tag
    last.time = NEVER
    if self.used > 0:
        self.sink(self.used, time, tag)


for _function in (plan_at, plan, push, take_first, fill_vacancy):
    add_method(ENGINE, _function.__name__, _function)
add_method(ENGINE, "sink", sink, inline=False)


def _entry_of(method: Any) -> int:
    return NUMBERS[type(method.this), method.template.key[1]]


def _is_given(number: Any) -> bool:
    return not isinstance(number, types.Omitted | int)


@overload_method(type(ENGINE), "after", jit_options={"error_model": "numpy", "forceinline": True})
def _after(self: Any, seconds: Any, method: Any, number: Any = -1) -> Any:
    kind = _entry_of(method)
    if _is_given(number):

        def with_number(self: Any, seconds: Any, method: Any, number: Any = -1) -> None:
            me = address_of(method)
            self.sequence += 1
            what = kind + (number << KINDS)
            self.plan(self.now + seconds, self.sequence, what, me, half_at(me))

        return with_number

    def after(self: Any, seconds: Any, method: Any, number: Any = -1) -> None:
        me = address_of(method)
        self.sequence += 1
        self.plan(self.now + seconds, self.sequence, kind, me, half_at(me))

    return after


@overload_method(type(ENGINE), "at", jit_options={"error_model": "numpy", "forceinline": True})
def _at(self: Any, time: Any, method: Any, number: Any = -1) -> Any:
    kind = _entry_of(method)
    if _is_given(number):

        def with_number(self: Any, time: Any, method: Any, number: Any = -1) -> None:
            me = address_of(method)
            self.sequence += 1
            self.plan(time, self.sequence, kind + (number << KINDS), me, half_at(me))

        return with_number

    def at_time(self: Any, time: Any, method: Any, number: Any = -1) -> None:
        me = address_of(method)
        self.sequence += 1
        self.plan(time, self.sequence, kind, me, half_at(me))

    return at_time


# ---- timers


@overload_method(type(TIMERS), "start", jit_options={"error_model": "numpy", "forceinline": True})
def _start(self: Any, item: Any) -> Any:
    number = NUMBERS[type(item), "expired"]

    def start(self: Any, item: Any) -> None:
        self.expired = number
        self.begin(item)

    return start


def begin(self: Any, item: Any) -> None:
    """Set the timer of a record."""
    engine = self.engine
    engine.sequence += 1
    if self.used == BATCH_SIZE:
        self.add_batch()
    place = BATCH_SIZE * self.last + self.used
    self.used += 1
    at_batch(engine.batches + BATCH_BYTES * self.last).running += 1
    timer = at_timer(engine.timers + TIMER_BYTES * place)
    timer.due = engine.now + self.seconds
    timer.sequence = engine.sequence
    timer.item = address_of(item)
    item.timer = place + 1  # 0: none
    if self.first < 0:
        self.first = place
        engine.plan(timer.due, timer.sequence, FIRE, address_of(self), 0)


def stop(self: Any, item: Any) -> None:
    """A timer is no longer needed. If it is the first of its queue, it stays in the heap."""
    engine = self.engine
    place = item.timer - 1
    item.timer = 0
    at_timer(engine.timers + TIMER_BYTES * place).item = 0
    batch = at_batch(engine.batches + BATCH_BYTES * (place // BATCH_SIZE))
    batch.running -= 1
    if batch.running == 0:
        at_timers(batch.queue).drop_batch(place // BATCH_SIZE)


def next_timer(self: Any) -> None:
    """The first timer is done with: the next that was not stopped takes its place."""
    engine = self.engine
    place = self.first
    self.first = -1
    while place != BATCH_SIZE * self.last + self.used - 1:
        place += 1
        if place % BATCH_SIZE == 0:
            done = place // BATCH_SIZE - 1
            place = BATCH_SIZE * at_batch(engine.batches + BATCH_BYTES * done).after
            self.drop_batch(done)
        timer = at_timer(engine.timers + TIMER_BYTES * place)
        if timer.item != 0:
            self.first = place
            engine.plan(timer.due, timer.sequence, FIRE, address_of(self), 0)
            return


def add_batch(self: Any) -> None:
    """Room for more timers at the end of the queue."""
    engine = self.engine
    place = engine.batches_free
    if place >= 0:
        engine.batches_free = at_batch(engine.batches + BATCH_BYTES * place).after
    else:
        place = engine.batches_used
        if place == engine.batches_room:
            need(MORE_BATCHES, address_of(engine))
        engine.batches_used = place + 1
    full = self.last
    batch = at_batch(engine.batches + BATCH_BYTES * place)
    batch.queue = address_of(self)
    batch.before = full
    batch.running = 0
    self.last = place
    self.used = 0
    if full >= 0:
        old = at_batch(engine.batches + BATCH_BYTES * full)
        old.after = place
        if old.running == 0:
            self.drop_batch(full)


def drop_batch(self: Any, place: int) -> None:
    """Take a batch out of its queue, unless the queue begins or ends in it."""
    engine = self.engine
    if place == self.last or (self.first >= 0 and place == self.first // BATCH_SIZE):
        return
    batch = at_batch(engine.batches + BATCH_BYTES * place)
    if batch.before >= 0:
        at_batch(engine.batches + BATCH_BYTES * batch.before).after = batch.after
    at_batch(engine.batches + BATCH_BYTES * batch.after).before = batch.before
    batch.after = engine.batches_free
    engine.batches_free = place


add_method(TIMERS, "begin", begin)
add_method(TIMERS, "stop", stop)
add_method(TIMERS, "next_timer", next_timer, inline=False)
add_method(TIMERS, "add_batch", add_batch, inline=False)
add_method(TIMERS, "drop_batch", drop_batch, inline=False)


# ---- random numbers


def draw_uniform(self: Any) -> float:
    """The next number from [0, 1)."""
    return (next_bits(address_of(self)) >> 11) * UNIT


def draw_word(self: Any) -> int:
    """The next 64 bits."""
    return next_bits(address_of(self))


def draw_variate(self: Any) -> float:
    """The next number of a distribution."""
    if self.even:
        return self.base + self.width * ((next_bits(address_of(self) + 32) >> 11) * UNIT)
    here = self.next
    if here == self.end:
        need(MORE_NUMBERS, address_of(self))
        here = self.next
    self.next = here + 1
    place = self.numbers + 8 * here
    prefetch(place + LINE)
    return float_at(place)


add_method(UNIFORM, "draw", draw_uniform)
add_method(WORDS, "draw", draw_word)
add_method(VARIATES, "draw", draw_variate)
