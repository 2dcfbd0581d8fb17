"""Virtual time: a heap of events in the order of (time, sequence), as in `meshlab.engine`.

A heap of four children a node is flatter than one of two, and its siblings share a cache line.
"""

from __future__ import annotations

from enum import IntEnum
from math import inf
from typing import Any

from meshlab.compiled.draws import note_room
from meshlab.compiled.jit import jit
from meshlab.compiled.layout import NOBODY, event_at, lane_at, timer_at, wide_event_at


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


LANE = int(Kind.LANE)


@jit
def push(root: Any, time: float, sequence: int, kind: int, a: int, b: int, c: int) -> None:
    """Put an event in its place."""
    heap = root.heap
    place = root.heap_used
    root.heap_used = place + 1
    note_room(root, root.heap_used, root.heap_low)
    while place > 0:
        parent = (place - 1) >> 2
        above = event_at(heap, parent)
        if above.time < time or (above.time == time and above.sequence < sequence):
            break
        copy_event(heap, parent, place)
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
def earlier(heap: int, one: int, other: int) -> int:
    """1 if the event at the one place comes before that at the other, else 0; without a branch."""
    x, y = event_at(heap, one), event_at(heap, other)
    return int((x.time < y.time) | ((x.time == y.time) & (x.sequence < y.sequence)))


@jit
def pop(root: Any) -> None:
    """Take the first event away: the last one sinks from its place.

    Which of four children is the first is anybody's guess, also the processor's; so it is computed,
    not branched upon. Places beyond the last event hold events that never come.
    """
    heap = root.heap
    root.heap_used -= 1
    size = root.heap_used
    place = 0
    child = 1
    while child < size:
        left = child + earlier(heap, child + 1, child)
        right = child + 2 + earlier(heap, child + 3, child + 2)
        child = left + (right - left) * earlier(heap, right, left)
        if earlier(heap, size, child):
            break
        copy_event(heap, child, place)
        place = child
        child = 4 * place + 1
    copy_event(heap, size, place)
    event_at(heap, size).time = inf


@jit
def copy_event(heap: int, source: int, target: int) -> None:
    there, here = wide_event_at(heap, source), wide_event_at(heap, target)
    here.time = there.time
    here.sequence = there.sequence
    here.kind_and_a = there.kind_and_a
    here.b_and_c = there.b_and_c


@jit
def start_timer(root: Any, number: int, call: int) -> int:
    """Set a timer in a lane (see `meshlab.engine.Lane`): only its first one is in the heap."""
    lane = lane_at(root.lanes, number)
    root.sequence += 1
    if root.timers_free == NOBODY and 2 * root.timers_stopped > root.timers_used:
        clear_lanes(root)
    place = root.timers_free
    if place != NOBODY:
        root.timers_free = timer_at(root.timers, place).next
    else:
        place = root.timers_used
        root.timers_used += 1
        note_room(root, root.timers_used, root.timers_low)
    timer = timer_at(root.timers, place)
    timer.due = root.now + lane.seconds
    timer.sequence = root.sequence
    timer.call = call
    timer.next = NOBODY
    if lane.first == NOBODY:
        lane.first = place
        push(root, timer.due, timer.sequence, LANE, number, 0, 0)
    else:
        timer_at(root.timers, lane.last).next = place
    lane.last = place
    return place


@jit
def stop_timer(root: Any, place: int) -> None:
    """A timer is no longer needed. It stays in its lane until it is first there, or in the way."""
    timer_at(root.timers, place).call = NOBODY
    root.timers_stopped += 1


@jit
def next_in_lane(root: Any, number: int) -> None:
    """The first timer of a lane is done with: the next that was not stopped takes its place."""
    lane = lane_at(root.lanes, number)
    lane.first = free_timer(root, lane.first)
    while lane.first != NOBODY and timer_at(root.timers, lane.first).call == NOBODY:
        root.timers_stopped -= 1
        lane.first = free_timer(root, lane.first)
    if lane.first != NOBODY:
        first = timer_at(root.timers, lane.first)
        push(root, first.due, first.sequence, LANE, number, 0, 0)


@jit
def free_timer(root: Any, place: int) -> int:
    """Another may have its place; returns the one that stood behind it."""
    timer = timer_at(root.timers, place)
    behind = timer.next
    timer.next = root.timers_free
    root.timers_free = place
    return behind


@jit
def clear_lanes(root: Any) -> None:
    """Take out of every lane what was stopped; the first ones stay, since they are in the heap."""
    for number in range(root.lane_count):
        lane = lane_at(root.lanes, number)
        place = lane.first
        while place != NOBODY:
            timer = timer_at(root.timers, place)
            behind = timer.next
            while behind != NOBODY and timer_at(root.timers, behind).call == NOBODY:
                root.timers_stopped -= 1
                behind = free_timer(root, behind)
            timer.next = behind
            lane.last = place
            place = behind
