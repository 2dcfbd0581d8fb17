"""The rules of `meshlab.mesh.service`, a simulated instance, for numba.

Those that wait for a worker are a list: each job knows the one ahead of it and the one behind.
"""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from meshlab.engines.compiled import heap
from meshlab.engines.compiled.draws import note_room, uniform, variate
from meshlab.engines.compiled.heap import Kind
from meshlab.engines.compiled.jit import inlined, jit
from meshlab.engines.compiled.layout import (
    DURATIONS,
    NOBODY,
    call_at,
    endpoint_at,
    instance_at,
    job_at,
    number_at,
    route_at,
    step_at,
    upstream_at,
    way_at,
)
from meshlab.engines.compiled.notes import What, note, tally
from meshlab.engines.compiled.sidecar import bucket
from meshlab.mesh.processor import SLOWEST
from meshlab.model import Outcome

OK, ERROR = int(Outcome.OK), int(Outcome.ERROR)
REFUSED, SHED = int(Outcome.REFUSED), int(Outcome.SHED)
WORKED, GAVE_UP, KILL = int(Kind.WORKED), int(Kind.GAVE_UP), int(Kind.KILL)
STARTED = int(What.STARTED)
TAKEN = -1


@inlined
def receive(root: Any, place: int) -> int:
    """Take the open try of a call in (`TAKEN`), or say at once why not."""
    call = call_at(root.calls, place)
    number = endpoint_at(root.endpoints, call.endpoint).instance
    instance = instance_at(root.instances, number)
    if not instance.up:
        return REFUSED
    instance.true_received += 1
    free = instance.busy < instance.workers
    if not free and instance.queued >= instance.queue:
        instance.shed += 1
        instance.true_shed += 1
        tally(root, instance.tally)
        if instance.cores:
            compute(root, number, instance.rejection_seconds)
        return SHED
    job = new_job(root, number, place)
    if free:
        begin(root, job)
    else:
        instance.queued += 1
        join_waiting(root, job)
    if instance.has_memory:
        check_memory(root, number)
    return TAKEN


@inlined
def new_job(root: Any, number: int, place: int) -> int:
    """A place for one request in one instance."""
    instance = instance_at(root.instances, number)
    call = call_at(root.calls, place)
    this = root.jobs_free
    if this != NOBODY:
        root.jobs_free = job_at(root.jobs, this).next
    else:
        this = root.jobs_used
        root.jobs_used += 1
        note_room(root, root.jobs_used, root.jobs_low)
    job = job_at(root.jobs, this)
    job.instance = number
    job.key = call.key
    job.route = call.route
    job.arrived = root.now
    job.order = root.arrivals
    root.arrivals += 1
    job.bounded = call.deadline < inf
    if job.bounded:
        job.deadline = call.deadline
    job.caller = place
    job.caller_generation = call.generation
    job.caller_attempt = call.attempts
    job.call = NOBODY
    job.open = 1
    job.working = 0
    job.hung = 0
    job.traced = 0
    call.job = this
    instance.jobs += 1
    return this


@inlined
def free_job(root: Any, this: int) -> None:
    """Nobody will ask for this job again; an event that still names it comes too late."""
    job = job_at(root.jobs, this)
    job.generation += 1
    job.next = root.jobs_free
    root.jobs_free = this


@jit
def open_jobs(root: Any, number: int) -> Any:
    """The jobs of a process in the order of their arrival."""
    found = np.empty(instance_at(root.instances, number).jobs, np.int64)
    orders = np.empty(len(found), np.int64)
    count = 0
    for this in range(root.jobs_used):
        job = job_at(root.jobs, this)
        if job.open and job.instance == number:
            found[count], orders[count] = this, job.order
            count += 1
    return found[np.argsort(orders)]


@jit
def join_waiting(root: Any, this: int) -> None:
    job = job_at(root.jobs, this)
    instance = instance_at(root.instances, job.instance)
    job.ahead = instance.last_waiting
    job.behind = NOBODY
    if instance.last_waiting == NOBODY:
        instance.first_waiting = this
    else:
        job_at(root.jobs, instance.last_waiting).behind = this
    instance.last_waiting = this


@jit
def leave_waiting(root: Any, this: int) -> None:
    job = job_at(root.jobs, this)
    instance = instance_at(root.instances, job.instance)
    if job.ahead == NOBODY:
        instance.first_waiting = job.behind
    else:
        job_at(root.jobs, job.ahead).behind = job.behind
    if job.behind == NOBODY:
        instance.last_waiting = job.ahead
    else:
        job_at(root.jobs, job.behind).ahead = job.ahead


@inlined
def still_asked(root: Any, this: int) -> bool:
    """Whether the try that brought the job is still open."""
    job = job_at(root.jobs, this)
    call = call_at(root.calls, job.caller)
    return (
        call.generation == job.caller_generation
        and call.sending == 1
        and call.attempts == job.caller_attempt
    )


@inlined
def begin(root: Any, this: int) -> None:
    """A worker takes the job and works on it for a while, or for ever."""
    job = job_at(root.jobs, this)
    instance = instance_at(root.instances, job.instance)
    instance.busy += 1
    job.working = 1
    if instance.hang_rate > 0.0 and hangs(root, job.instance):
        job.hung = 1
        if not still_asked(root, this):
            heap.at(root, root.now + 0.0, GAVE_UP, this, job.generation, 0)
    else:
        seconds = variate(root, instance.draw_latency) * instance.slowdown + instance.report_seconds
        done = root.now
        if instance.cores:
            done = compute(root, job.instance, variate(root, instance.draw_cpu))
        heap.at(root, done + seconds, WORKED, this, job.generation, job.caller)


@jit
def hangs(root: Any, number: int) -> bool:
    """While there is a leak: whether the next work hangs. What that leaves behind stays."""
    instance = instance_at(root.instances, number)
    hung = uniform(root, instance.draw_hang) < instance.hang_rate
    share = instance.hang_rate if instance.hang_steady else (1.0 if hung else 0.0)
    if share > 0.0:
        instance.leaked += share * instance.hang_goroutines
        instance.taken += share * instance.hang_cpu
        if instance.has_memory:
            check_memory(root, number)
    return hung


@jit
def compute(root: Any, number: int, seconds: float) -> float:
    """Give work to the core that is free first (`meshlab.mesh.processor`); returns when it is done.

    Which core that is makes no difference, so the times lie in a heap, the first one at its top.
    """
    instance = instance_at(root.instances, number)
    speed = max(SLOWEST, 1.0 - instance.taken / instance.cores)
    takes = seconds * instance.slowdown / speed
    begins = max(root.now, number_at(root.cores, instance.first_core).x)
    replace_first(root, instance.first_core, instance.cores, begins + instance.lump * takes)
    return begins + takes


@jit
def replace_first(root: Any, first: int, cores: int, free_at: float) -> None:
    """The core that was free first is free at another time, and sinks to its place in the heap."""
    place, child = 0, 1
    while child < cores:
        earliest = number_at(root.cores, first + child).x
        if child + 1 < cores and number_at(root.cores, first + child + 1).x < earliest:
            child += 1
            earliest = number_at(root.cores, first + child).x
        if free_at <= earliest:
            break
        number_at(root.cores, first + place).x = earliest
        place, child = child, 2 * child + 1
    number_at(root.cores, first + place).x = free_at


@inlined
def first_step(root: Any, this: int) -> int:
    """Where the steps of the job's route begin; they end with one that names no upstream."""
    job = job_at(root.jobs, this)
    return route_at(root.routes, job.instance * root.route_count + job.route).first


@inlined
def next_step(root: Any, step: int) -> tuple[int, int]:
    """The upstream of the next call that is needed (`NOBODY` if none), and the step after it."""
    while True:
        here = step_at(root.steps, step)
        number, stream = here.upstream, here.draw
        if number == NOBODY:
            return NOBODY, step
        if here.ways:
            way = choose(root, step)
            number, stream = way.upstream, way.draw
        step += 1
        probability = upstream_at(root.upstreams, number).probability
        if probability == 1.0 or uniform(root, stream) < probability:
            return number, step


@jit
def choose(root: Any, place: int) -> Any:
    """The way of one request through a split: the first whose bound is above what is drawn."""
    step = step_at(root.steps, place)
    drawn = uniform(root, step.draw)
    number = step.first_way
    while way_at(root.ways, number).bound <= drawn:
        number += 1
    return way_at(root.ways, number)


@inlined
def count_answer(root: Any, this: int, outcome: int) -> None:
    """The request is through: count it."""
    job = job_at(root.jobs, this)
    instance = instance_at(root.instances, job.instance)
    if outcome == OK:
        instance.ok += 1
        instance.true_ok += 1
    else:
        instance.errors += 1
        if job.call == NOBODY:
            instance.true_own_errors += 1
        else:
            instance.true_passed_on += 1
    seconds = root.now - job.arrived
    instance.buckets[bucket(root, seconds)] += 1
    instance.seconds += seconds


@inlined
def drop(root: Any, this: int) -> None:
    """The job leaves the process; its worker takes the next that waits."""
    job = job_at(root.jobs, this)
    instance = instance_at(root.instances, job.instance)
    job.open = 0
    instance.jobs -= 1
    if not job.working:
        instance.queued -= 1
        leave_waiting(root, this)
        return
    instance.busy -= 1
    take_waiting(root, job.instance)


@inlined
def take_waiting(root: Any, number: int) -> None:
    """Free workers take those who wait, in their order."""
    instance = instance_at(root.instances, number)
    while instance.first_waiting != NOBODY and instance.busy < instance.workers:
        waiting = instance.first_waiting
        leave_waiting(root, waiting)
        instance.queued -= 1
        begin(root, waiting)


# ---- the life of the process


@jit
def begin_afresh(root: Any, number: int) -> None:
    """What a new process has: nothing."""
    instance = instance_at(root.instances, number)
    instance.jobs = 0
    instance.first_waiting = NOBODY
    instance.last_waiting = NOBODY
    instance.queued = 0
    instance.busy = 0
    instance.leaked = 0.0
    instance.taken = 0.0
    for place in range(instance.first_core, instance.first_core + instance.cores):
        number_at(root.cores, place).x = 0.0
    instance.dying = 0
    instance.ok = 0
    instance.errors = 0
    instance.shed = 0
    instance.seconds = 0.0
    for place in range(DURATIONS):
        instance.buckets[place] = 0


@jit
def start_process(root: Any, number: int) -> None:
    """A new process listens, if its time is now; nothing is left of an earlier one."""
    instance = instance_at(root.instances, number)
    if instance.up or instance.held_down or not instance.wanted:
        return
    begin_afresh(root, number)
    instance.up = 1
    instance.starts += 1
    if instance.starts > 1:
        note(root, STARTED, number, 0.0, 0.0, 0.0)


@jit
def goroutines(root: Any, number: int) -> int:
    instance = instance_at(root.instances, number)
    return instance.base_goroutines + instance.jobs + int(instance.leaked)


@jit
def check_memory(root: Any, number: int) -> None:
    """The process dies when its goroutines no longer fit into its memory."""
    instance = instance_at(root.instances, number)
    seen = goroutines(root, number)
    if seen > instance.most_goroutines and not instance.dying:
        instance.dying = 1
        heap.at(root, root.now + 0.0, KILL, number, seen, 0)
