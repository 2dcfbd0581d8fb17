"""Virtual time: a heap of events in the order of (time, sequence), as in `meshlab.engine`.

A heap of four children a node is flatter than one of two, and its siblings share a cache line.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from meshlab.compiled.jit import jit
from meshlab.compiled.layout import NOBODY, event_at, lane_at, timer_at


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


LANE = int(Kind.LANE)


@jit
def push(root: Any, time: float, sequence: int, kind: int, a: int, b: int, c: int) -> None:
    """Put an event in its place."""
    heap = root.heap
    place = root.heap_used
    root.heap_used = place + 1
    while place > 0:
        parent = (place - 1) >> 2
        above = event_at(heap, parent)
        if above.time < time or (above.time == time and above.sequence < sequence):
            break
        here = event_at(heap, place)
        here.time = above.time
        here.sequence = above.sequence
        here.kind = above.kind
        here.a = above.a
        here.b = above.b
        here.c = above.c
        place = parent
    here = event_at(heap, place)
    here.time = time
    here.sequence = sequence
    here.kind = kind
    here.a = a
    here.b = b
    here.c = c


@jit
def at(root: Any, time: float, kind: int, a: int, b: int, c: int) -> None:
    """Let this happen at ``time`` (s), after all that is already due then."""
    root.sequence += 1
    push(root, time, root.sequence, kind, a, b, c)


@jit
def pop(root: Any) -> None:
    """Take the first event away: the last one sinks from its place."""
    heap = root.heap
    root.heap_used -= 1
    size = root.heap_used
    moved = event_at(heap, size)
    time, sequence = moved.time, moved.sequence
    place = 0
    while True:
        first = 4 * place + 1
        if first >= size:
            break
        best = first
        least = event_at(heap, first)
        for child in range(first + 1, min(first + 4, size)):
            other = event_at(heap, child)
            if other.time < least.time or (
                other.time == least.time and other.sequence < least.sequence
            ):
                best, least = child, other
        if time < least.time or (time == least.time and sequence < least.sequence):
            break
        here = event_at(heap, place)
        here.time = least.time
        here.sequence = least.sequence
        here.kind = least.kind
        here.a = least.a
        here.b = least.b
        here.c = least.c
        place = best
    here = event_at(heap, place)
    here.time = time
    here.sequence = sequence
    here.kind = moved.kind
    here.a = moved.a
    here.b = moved.b
    here.c = moved.c


@jit
def start_timer(root: Any, number: int, call: int, generation: int, attempt: int) -> None:
    """Set a timer in a lane (see `meshlab.engine.Lane`): only its first one is in the heap."""
    lane = lane_at(root.lanes, number)
    root.sequence += 1
    place = root.timers_free
    if place != NOBODY:
        root.timers_free = timer_at(root.timers, place).next
    else:
        place = root.timers_used
        root.timers_used += 1
    timer = timer_at(root.timers, place)
    timer.due = root.now + lane.seconds
    timer.sequence = root.sequence
    timer.call = call
    timer.generation = generation
    timer.attempt = attempt
    timer.next = NOBODY
    if lane.first == NOBODY:
        lane.first = place
        push(root, timer.due, timer.sequence, LANE, number, 0, 0)
    else:
        timer_at(root.timers, lane.last).next = place
    lane.last = place


@jit
def free_first_timer(root: Any, number: int) -> None:
    """The first timer of a lane is done with."""
    lane = lane_at(root.lanes, number)
    place = lane.first
    timer = timer_at(root.timers, place)
    lane.first = timer.next
    timer.next = root.timers_free
    root.timers_free = place
