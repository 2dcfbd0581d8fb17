"""Timers that are set for the same time ahead: lanes, as in `meshlab.kernel.engine.Lane`.

    lane    17.2   17.3   17.3   17.6   ...        only the first one is in the heap
            first                       the next comes here

Most timers are stopped long before their time. Each is in a batch of its lane, and a batch of which
all timers were stopped leaves the lane at once: what is kept are little more than the open ones.
"""

from __future__ import annotations

from typing import Any

from meshlab.engines.compiled.draws import note_room
from meshlab.engines.compiled.heap import Kind, plan
from meshlab.engines.compiled.jit import inlined, jit
from meshlab.engines.compiled.layout import BATCH_SIZE, NOBODY, batch_at, lane_at, timer_at

LANE = int(Kind.LANE)


@inlined
def start_timer(root: Any, number: int, call: int) -> int:
    """Set a timer in a lane, for the open try of a call; returns its place."""
    lane = lane_at(root.lanes, number)
    root.sequence += 1
    if lane.used == BATCH_SIZE:
        add_batch(root, number)
    place = BATCH_SIZE * lane.last + lane.used
    lane.used += 1
    batch_at(root.batches, lane.last).running += 1
    timer = timer_at(root.timers, place)
    timer.due = root.now + lane.seconds
    timer.sequence = root.sequence
    timer.call = call
    if lane.first == NOBODY:
        lane.first = place
        plan(root, timer.due, timer.sequence, LANE, number, 0, 0)
    return place


@inlined
def stop_timer(root: Any, place: int) -> None:
    """A timer is no longer needed. If it is the first of its lane, it stays in the heap."""
    timer_at(root.timers, place).call = NOBODY
    batch = batch_at(root.batches, place // BATCH_SIZE)
    batch.running -= 1
    if batch.running == 0:
        drop_batch(root, place // BATCH_SIZE)


@jit
def next_in_lane(root: Any, number: int) -> None:
    """The first timer of a lane is done with: the next that was not stopped takes its place."""
    lane = lane_at(root.lanes, number)
    place = lane.first
    lane.first = NOBODY
    while place != BATCH_SIZE * lane.last + lane.used - 1:
        place += 1
        if place % BATCH_SIZE == 0:
            done = place // BATCH_SIZE - 1
            place = BATCH_SIZE * batch_at(root.batches, done).after
            drop_batch(root, done)
        timer = timer_at(root.timers, place)
        if timer.call != NOBODY:
            lane.first = place
            plan(root, timer.due, timer.sequence, LANE, number, 0, 0)
            return


@jit
def add_batch(root: Any, number: int) -> None:
    """Room for more timers at the end of a lane."""
    lane = lane_at(root.lanes, number)
    place = root.batches_free
    if place != NOBODY:
        root.batches_free = batch_at(root.batches, place).after
    else:
        place = root.batches_used
        root.batches_used += 1
        note_room(root, root.batches_used, root.batches_low)
    full = lane.last
    batch = batch_at(root.batches, place)
    batch.lane = number
    batch.before = full
    batch.running = 0
    lane.last = place
    lane.used = 0
    if full != NOBODY:
        batch_at(root.batches, full).after = place
        if batch_at(root.batches, full).running == 0:
            drop_batch(root, full)


@jit
def drop_batch(root: Any, place: int) -> None:
    """Take a batch out of its lane, unless the lane begins or ends in it."""
    batch = batch_at(root.batches, place)
    lane = lane_at(root.lanes, batch.lane)
    if place == lane.last or (lane.first != NOBODY and place == lane.first // BATCH_SIZE):
        return
    if batch.before != NOBODY:
        batch_at(root.batches, batch.before).after = batch.after
    batch_at(root.batches, batch.after).before = batch.before
    batch.after = root.batches_free
    root.batches_free = place
