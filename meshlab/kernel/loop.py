"""The loop of a compiled run: takes the events one by one, until one needs Python."""

from __future__ import annotations

from typing import Any

from numba import types

from meshlab.kernel.compiled_engine import (
    BUDGET,
    CONTROL,
    KINDS,
    MASK,
    MOST_NUMBER,
    PLACES,
    PLAN_BYTES,
    TIME,
    TIMER_BYTES,
    at_engine,
    at_key,
    at_plan,
    at_timer,
    at_timers,
)
from meshlab.kernel.entries import FOR_PYTHON
from meshlab.kernel.machine import caller, half_at, number_of

call_entry: Any = caller(types.none, [types.int64, types.int64])


def advance(address: int, last: int, budget: int) -> int:
    """Run every event up to and including the time whose bits are ``last``, ``budget`` at most."""
    engine = at_engine(address)
    while True:
        if engine.used == 0:
            return TIME
        first = at_key(engine.heap)
        if first.time > last:
            return TIME
        if budget == 0:
            return BUDGET
        budget -= 1
        plan = at_plan(engine.plans + PLAN_BYTES * (first.tag & PLACES))
        me = plan.me
        life = plan.life
        what = plan.what
        engine.now = number_of(first.time)
        engine.take_first()
        engine.events += 1
        kind = what & MASK
        if kind == FOR_PYTHON:
            engine.control = me
            engine.fill_vacancy()
            return CONTROL
        if half_at(me) == life:
            call_entry(kind, me, (what >> KINDS) & MOST_NUMBER)
        if engine.vacant:
            engine.fill_vacancy()


def fire(me: int, number: int) -> None:
    """The first timer of a queue is due; the next that still matters takes its place."""
    queue = at_timers(me)
    engine = queue.engine
    item = at_timer(engine.timers + TIMER_BYTES * queue.first).item
    if item != 0:
        call_entry(queue.expired, item, 0)
    queue.next_timer()


def plan_event(address: int, time: float, what: int, me: int, life: int) -> None:
    """Plan an event on behalf of Python."""
    engine = at_engine(address)
    engine.sequence += 1
    engine.plan(time, engine.sequence, what, me, life)
