"""The loop of a compiled run: takes the events one by one, until one needs Python.

It stops for four reasons: the time that was asked for has come, an event is for Python (a fault
begins, discovery tells of a change), an array or a stretch of random numbers runs low, or so many
events have happened that Python should look whether somebody has pressed Ctrl-C. The last two are
one comparison: ``stop_at`` is the number of events at which to stop, and 0 where room is low.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from meshlab.engines.compiled import cluster, heap, lanes, service, sidecar, transport
from meshlab.engines.compiled.draws import uniform, variate
from meshlab.engines.compiled.heap import Kind
from meshlab.engines.compiled.jit import inlined, jit
from meshlab.engines.compiled.layout import (
    NOBODY,
    call_at,
    instance_at,
    job_at,
    key_at,
    lane_at,
    load_at,
    plan_at,
    point_at,
    timer_at,
)
from meshlab.engines.compiled.machine import bits_of, number_of
from meshlab.engines.compiled.notes import What


class Stop(IntEnum):
    """Why the loop stopped."""

    TIME = 0
    CONTROL = 1
    ROOM = 2


class Command(IntEnum):
    """What Python may ask for before the loop goes on."""

    NOTHING = 0
    START = 1
    KILL = 2
    JOIN = 3
    LEAVE = 4
    REFRESH = 5
    MEASURE = 6
    PLAN = 7


TIME, AT_CONTROL, ROOM = int(Stop.TIME), int(Stop.CONTROL), int(Stop.ROOM)
START, ASKED_TO_KILL = int(Command.START), int(Command.KILL)
JOIN, LEAVE, REFRESH = int(Command.JOIN), int(Command.LEAVE), int(Command.REFRESH)
MEASURE, PLAN = int(Command.MEASURE), int(Command.PLAN)
ARRIVAL, WORKED, RESUME = int(Kind.ARRIVAL), int(Kind.WORKED), int(Kind.RESUME)
LANE, EXPIRED, DELIVER = int(Kind.LANE), int(Kind.EXPIRED), int(Kind.DELIVER)
GAVE_UP, KILL, RESTART = int(Kind.GAVE_UP), int(Kind.KILL), int(Kind.RESTART)
PROBE, TICK, CONTROL = int(Kind.PROBE), int(Kind.TICK), int(Kind.CONTROL)
MIRROR, REPORT = int(Kind.MIRROR), int(Kind.REPORT)
OUT_OF_MEMORY = int(What.OUT_OF_MEMORY)


@jit
def advance(memory: Any, until: float, command: int, a: int, b: int, kind: int, time: float) -> int:
    """Do what Python asks for; then run every event up to and including ``until`` (s)."""
    root = memory[0]
    if command == PLAN:
        heap.at(root, time, kind, a, b, 0)
    else:
        obey(root, command, a, b)
    last = bits_of(until)
    while True:
        if root.events >= root.stop_at:
            return ROOM
        if root.heap_used == 0:
            return TIME
        first = key_at(root.heap, 0)
        if first.time > last:
            return TIME
        next_ = plan_at(root.plans, first.tag & heap.PLACES)
        kind, a, b, c = next_.kind, next_.a, next_.b, next_.c
        if kind == KILL and root.margin < room_for_kill(root, a):
            root.margin = room_for_kill(root, a)
            return ROOM
        root.now = number_of(first.time)
        heap.take_first(root)
        root.events += 1
        if kind == CONTROL:
            root.control = a
            heap.fill_vacancy(root)
            return AT_CONTROL
        happen(root, kind, a, b, c)
        if root.vacant:
            heap.fill_vacancy(root)


@jit
def obey(root: Any, command: int, a: int, b: int) -> None:
    if command == START:
        service.start_process(root, a)
    elif command == ASKED_TO_KILL:
        transport.kill(root, a, b, 0)
    elif command == JOIN:
        cluster.joined(root, a, b)
    elif command == LEAVE:
        cluster.left(root, a, b)
    elif command == REFRESH:
        cluster.refresh(root, a)
        cluster.note_panic(root, a)
    elif command == MEASURE:
        service.take_waiting(root, a)
        if instance_at(root.instances, a).has_memory:
            service.check_memory(root, a)


@jit
def room_for_kill(root: Any, number: int) -> int:
    """What the end of a process may need: each of its requests may be tried again at once."""
    return 64 + 8 * instance_at(root.instances, number).jobs


@inlined
def happen(root: Any, kind: int, a: int, b: int, c: int) -> None:
    """One event. What it names may be gone by now; then nothing happens."""
    if kind == WORKED:
        if job_at(root.jobs, a).generation == b:
            transport.worked(root, a)
    elif kind == ARRIVAL:
        arrive(root, a)
    elif kind == LANE:
        fire(root, a)
    elif kind == RESUME:
        if call_at(root.calls, a).generation == b:
            transport.drive(root, a, sidecar.send(root, a))
    elif kind == EXPIRED:
        if is_open(root, a, b, c):
            transport.expired(root, a)
    elif kind == DELIVER:
        if is_open(root, a, b, c):
            transport.drive(root, a, transport.deliver(root, a))
    elif kind == GAVE_UP:
        if job_at(root.jobs, a).generation == b:
            transport.give_up(root, a)
    elif kind == KILL:
        transport.kill(root, a, OUT_OF_MEMORY, b)
    elif kind == RESTART:
        if instance_at(root.instances, a).starts == b:
            service.start_process(root, a)
    elif kind == PROBE:
        cluster.probe_all(root, a, b)
    elif kind >= REPORT:
        transport.collected(root, kind, a)
    elif kind == MIRROR:
        transport.drive(root, a, sidecar.start(root, a))
    elif kind == TICK:
        cluster.tick(root, a, b)


@inlined
def is_open(root: Any, place: int, generation: int, attempt: int) -> bool:
    """Whether this try of this call has not ended yet."""
    call = call_at(root.calls, place)
    return call.generation == generation and call.sending == 1 and call.attempts == attempt


@inlined
def fire(root: Any, number: int) -> None:
    """The first timer of a lane is due; the next that still matters takes its place."""
    first = timer_at(root.timers, lane_at(root.lanes, number).first)
    if first.call != NOBODY:
        transport.expired(root, first.call)
    lanes.next_in_lane(root, number)


@inlined
def arrive(root: Any, number: int) -> None:
    """A candidate of a load (`meshlab.mesh.arrivals`): the next one is set, this one may be
    thinned.
    """
    load = load_at(root.loads, number)
    share = 1.0 if load.points == 1 else rate_at(root, number, root.now) / load.peak
    if load.poisson:
        accepted = share == 1.0 or uniform(root, load.draw_thin) < share
    else:
        load.carry += share
        accepted = load.carry >= 1.0
        if accepted:
            load.carry -= 1.0
    set_next(root, number)
    if accepted:
        transport.begin(root, load.upstream, load.route)


@inlined
def set_next(root: Any, number: int) -> None:
    load = load_at(root.loads, number)
    gap = variate(root, load.draw_gap) if load.poisson else 1.0
    heap.at(root, root.now + gap / load.peak, ARRIVAL, number, 0, 0)


@jit
def rate_at(root: Any, number: int, time: float) -> float:
    """The rate of a load's curve (`meshlab.scenario.load.Load.rate_at`)."""
    load = load_at(root.loads, number)
    before = point_at(root.points, load.first_point)
    if time <= before.time:
        return before.rate
    for place in range(1, load.points):
        after = point_at(root.points, load.first_point + place)
        if time < after.time:
            passed = (time - before.time) / (after.time - before.time)
            return before.rate + (after.rate - before.rate) * passed
        before = after
    return before.rate
