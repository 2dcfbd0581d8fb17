"""Virtual time: a heap of events in the order of (time, sequence), as in `meshlab.kernel.engine`.

A heap of four children a node is flatter than one of two, and its siblings share a line of memory.
The times of a run are not negative, so their bits as whole numbers are in the same order.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from meshlab.engines.compiled.draws import note_room
from meshlab.engines.compiled.jit import inlined
from meshlab.engines.compiled.layout import (
    KEY,
    NOBODY,
    PLACE_BITS,
    call_at,
    job_at,
    key_at,
    plan_at,
)
from meshlab.engines.compiled.machine import bits_of, least_of_four, prefetch


class Kind(IntEnum):
    """What an event does; its three numbers say to whom."""

    ARRIVAL = 0
    WORKED = 1
    RESUME = 2
    LANE = 3
    EXPIRED = 4
    DELIVER = 5
    GAVE_UP = 6
    KILL = 7
    RESTART = 8
    PROBE = 9
    TICK = 10
    CONTROL = 11
    MIRROR = 12
    REPORT = 13
    STORE = 14
    ACK = 15
    NO_ACK = 16


WORKED = int(Kind.WORKED)
PLACES = 2**PLACE_BITS - 1
NEVER = 2**63 - 1
KEY_BYTES = KEY.itemsize


@inlined
def plan(root: Any, time: float, sequence: int, kind: int, a: int, b: int, c: int) -> None:
    """Put an event in its place."""
    place = root.plans_free
    if place != NOBODY:
        root.plans_free = plan_at(root.plans, place).a
    else:
        place = root.plans_used
        root.plans_used += 1
        note_room(root, root.plans_used, root.plans_low)
    what = plan_at(root.plans, place)
    what.kind = kind
    what.a = a
    what.b = b
    what.c = c
    push(root, bits_of(time), (sequence << PLACE_BITS) + place)


@inlined
def at(root: Any, time: float, kind: int, a: int, b: int, c: int) -> None:
    """Let this happen at ``time`` (s), after all that is already due then."""
    root.sequence += 1
    plan(root, time, root.sequence, kind, a, b, c)


@inlined
def push(root: Any, time: int, tag: int) -> None:
    """A key rises from the end of the heap, or sinks from the top if that is vacant."""
    if root.vacant:
        root.vacant = 0
        second, third = sink(root.heap, root.heap_used, time, tag)
        look_ahead(root, second, third)
        return
    heap = root.heap
    place = root.heap_used
    root.heap_used = place + 1
    while place > 0:
        parent = (place - 1) >> 2
        above = key_at(heap, parent)
        if above.time < time or (above.time == time and above.tag < tag):
            break
        put(heap, place, above.time, above.tag)
        place = parent
    put(heap, place, time, tag)


@inlined
def put(heap: int, place: int, time: int, tag: int) -> None:
    key = key_at(heap, place)
    key.time = time
    key.tag = tag


@inlined
def take_first(root: Any) -> None:
    """The first event happens: another may have the place of its plan, and its key is vacant."""
    place = key_at(root.heap, 0).tag & PLACES
    plan_at(root.plans, place).a = root.plans_free
    root.plans_free = place
    root.vacant = 1


@inlined
def fill_vacancy(root: Any) -> None:
    """No new event took the place of the first one, so the last one does."""
    root.vacant = 0
    root.heap_used -= 1
    last = key_at(root.heap, root.heap_used)
    time, tag = last.time, last.tag
    last.time = NEVER
    if root.heap_used > 0:
        second, third = sink(root.heap, root.heap_used, time, tag)
        look_ahead(root, second, third)


@inlined
def look_ahead(root: Any, second: int, third: int) -> None:
    """What an event will need may have been out of use for long: it is fetched before its time.

    First the job that will have worked and the call that it answers, when the event has risen to
    the ``third`` row of the heap; from the ``second``, the job that made this call; from the top,
    the call that this one answers in turn.
    """
    plan = plan_at(root.plans, key_at(root.heap, third).tag & PLACES)
    if plan.kind == WORKED:
        prefetch(job_at(root.jobs, plan.a))
        prefetch(call_at(root.calls, plan.c))
    plan = plan_at(root.plans, key_at(root.heap, second).tag & PLACES)
    if plan.kind == WORKED:
        parent = call_at(root.calls, plan.c).parent
        if parent != NOBODY:
            prefetch(job_at(root.jobs, parent))
    plan = plan_at(root.plans, key_at(root.heap, 0).tag & PLACES)
    if plan.kind == WORKED:
        parent = call_at(root.calls, plan.c).parent
        if parent != NOBODY:
            prefetch(call_at(root.calls, job_at(root.jobs, parent).caller))


@inlined
def sink(heap: int, size: int, time: int, tag: int) -> tuple[int, int]:
    """Find the place of a key from the top on; returns what rose to the second and third row.

    Places beyond the last event hold keys that never come.
    """
    place = 0
    child = 1
    second = third = 0
    while child < size:
        child += least_of_four(heap + KEY_BYTES * child)
        first = key_at(heap, child)
        if time < first.time or (time == first.time and tag < first.tag):
            break
        put(heap, place, first.time, first.tag)
        if place == 0:
            second = child
        elif place == second:
            third = child
        place = child
        child = 4 * place + 1
    put(heap, place, time, tag)
    return second, third
