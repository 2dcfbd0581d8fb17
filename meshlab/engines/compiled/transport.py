"""The rules of `meshlab.mesh.transport`, for numba: carries tries, answers and giving up.

What calls itself in the reference engine is a loop here: a call that ends lets a job go on, whose
next call may end at once, and so on up the mesh.
"""

from __future__ import annotations

from math import inf
from typing import Any

from meshlab.engines.compiled import central, heap, lanes, service, sidecar, tracing
from meshlab.engines.compiled.draws import nonzero, uniform
from meshlab.engines.compiled.heap import Kind
from meshlab.engines.compiled.jit import inlined, jit
from meshlab.engines.compiled.layout import (
    NOBODY,
    call_at,
    collector_at,
    instance_at,
    job_at,
    number_at,
    route_link_at,
    upstream_at,
)
from meshlab.engines.compiled.notes import What, note
from meshlab.engines.compiled.sidecar import SEND, WAIT
from meshlab.model import Outcome

ON_ITS_WAY = -3
OK, ERROR, TIMEOUT = int(Outcome.OK), int(Outcome.ERROR), int(Outcome.TIMEOUT)
RESET, FAULT, ABANDONED = int(Outcome.RESET), int(Outcome.FAULT), int(Outcome.ABANDONED)
RESUME, EXPIRED, DELIVER = int(Kind.RESUME), int(Kind.EXPIRED), int(Kind.DELIVER)
RESTART, MIRROR = int(Kind.RESTART), int(Kind.MIRROR)
OUT_OF_MEMORY = int(What.OUT_OF_MEMORY)


@jit
def drive(root: Any, place: int, action: int) -> None:
    """Do what a call asks for, and what follows from it, until something takes time."""
    while place != NOBODY and action != ON_ITS_WAY:
        if action == SEND:
            action = transmit(root, place)
        elif action == WAIT:
            call = call_at(root.calls, place)
            heap.at(root, root.now + call.pause, RESUME, place, call.generation, 0)
            return
        else:
            place, action = ended(root, place, action)


@jit
def begin(root: Any, number: int, route: int) -> None:
    """A request arrives from outside."""
    place = sidecar.new_call(root, number, root.requests, route, inf, NOBODY)
    root.requests += 1
    tracing.begin_trace(root, place)
    drive(root, place, sidecar.start(root, place))


@inlined
def transmit(root: Any, place: int) -> int:
    """Start the try's timer and bring it to the endpoint, if the link lets it through."""
    call = call_at(root.calls, place)
    upstream = upstream_at(root.upstreams, call.upstream)
    if call.traced:
        call.try_span = nonzero(root, root.span_words)
    if call.timeout < inf:
        if call.timeout == upstream.timeout:
            call.timer = lanes.start_timer(root, upstream.lane, place)
        else:
            due = root.now + call.timeout
            heap.at(root, due, EXPIRED, place, call.generation, call.attempts)
    rate, delay = upstream.link_rate, upstream.link_delay
    if root.faults_by_route:
        link = route_link_at(root.route_links, call.upstream * root.route_count + call.route)
        if link.rate >= 0.0:
            rate, delay = link.rate, link.delay
    if rate > 0.0 and uniform(root, upstream.draw_link) < rate:
        return respond(root, place, FAULT)
    if delay > 0.0:
        due = root.now + delay
        heap.at(root, due, DELIVER, place, call.generation, call.attempts)
        return ON_ITS_WAY
    return deliver(root, place)


@inlined
def deliver(root: Any, place: int) -> int:
    outcome = service.receive(root, place)
    if outcome != service.TAKEN:
        return respond(root, place, outcome)
    if call_at(root.calls, place).traced:
        tracing.job_taken(root, place)
    return ON_ITS_WAY


@inlined
def respond(root: Any, place: int, outcome: int) -> int:
    call = call_at(root.calls, place)
    call.job = NOBODY
    if call.traced:
        tracing.try_ended(root, place, outcome)
    return sidecar.responded(root, place, outcome)


@inlined
def ended(root: Any, place: int, outcome: int) -> tuple[int, int]:
    """A call is over; the job that waited for it goes on: the next call, and what it asks for."""
    call = call_at(root.calls, place)
    if call.traced:
        tracing.call_ended(root, place, outcome)
    parent, step = call.parent, call.step
    required = upstream_at(root.upstreams, call.upstream).required
    sidecar.free_call(root, place)
    if parent == NOBODY:
        return NOBODY, 0
    if outcome == OK or not required:
        return proceed(root, parent, step)
    return finish(root, parent, ERROR)


@inlined
def proceed(root: Any, this: int, step: int) -> tuple[int, int]:
    """Make the next call of the request's route; answer when none is left."""
    number, step = service.next_step(root, step)
    while number != NOBODY and upstream_at(root.upstreams, number).mirror:
        mirror(root, this, number)
        number, step = service.next_step(root, step)
    if number == NOBODY:
        return finish(root, this, OK)
    job = job_at(root.jobs, this)
    keeps = job.bounded and instance_at(root.instances, job.instance).keeps_deadline
    place = sidecar.new_call(root, number, job.key, job.route, job.deadline if keeps else inf, this)
    call = call_at(root.calls, place)
    call.step = step
    job.call = place
    job.call_generation = call.generation
    tracing.inherit_trace(root, place, this)
    return place, sidecar.start(root, place)


@jit
def mirror(root: Any, this: int, number: int) -> None:
    """Send a copy of a job's request once the job has gone on; nobody waits for its end."""
    job = job_at(root.jobs, this)
    place = sidecar.new_call(root, number, job.key, job.route, inf, NOBODY)
    tracing.inherit_trace(root, place, this)
    heap.at(root, root.now + 0.0, MIRROR, place, 0, 0)


@inlined
def finish(root: Any, this: int, outcome: int) -> tuple[int, int]:
    """The request is through: report it where that is asked for, then answer."""
    if root.reports:
        job_at(root.jobs, this).outcome = outcome
        central.report(root, this, outcome == OK)
        if collector_at(root.collector, 0).waits:
            return NOBODY, 0
    return answer(root, this, outcome)


@jit
def collected(root: Any, kind: int, place: int) -> None:
    """Something happened to a message; a job that waited for it may answer."""
    this = central.happened(root, kind, place)
    if this != NOBODY:
        place, action = answer(root, this, job_at(root.jobs, this).outcome)
        drive(root, place, action)


@inlined
def answer(root: Any, this: int, outcome: int) -> tuple[int, int]:
    """An instance answers; whether anybody still waits is for the try to know."""
    service.count_answer(root, this, outcome)
    service.drop(root, this)
    return carry_back(root, this, outcome)


@inlined
def carry_back(root: Any, this: int, outcome: int) -> tuple[int, int]:
    """Bring the answer to the try that asked, and forget the job."""
    job = job_at(root.jobs, this)
    if job.traced:
        tracing.job_ended(root, this, outcome)
    asked = service.still_asked(root, this)
    place = job.caller
    service.free_job(root, this)
    if asked:
        return place, respond(root, place, outcome)
    if outcome != RESET:
        instance_at(root.instances, job.instance).true_wasted += 1
    return NOBODY, 0


@inlined
def worked(root: Any, this: int) -> None:
    """An instance's own work is done: it fails, or goes on to the calls it needs."""
    job = job_at(root.jobs, this)
    instance = instance_at(root.instances, job.instance)
    rate = instance.error_rate
    if root.faults_by_route:
        of_route = number_at(root.route_errors, job.instance * root.route_count + job.route).x
        rate = of_route if of_route >= 0.0 else rate
    if uniform(root, instance.draw_error) < rate:
        place, action = finish(root, this, ERROR)
    else:
        place, action = proceed(root, this, service.first_step(root, this))
    drive(root, place, action)


@jit
def expired(root: Any, place: int) -> None:
    """The time of an open try is up."""
    call = call_at(root.calls, place)
    if call.job != NOBODY:
        give_up(root, call.job)
    drive(root, place, respond(root, place, TIMEOUT))


@jit
def give_up(root: Any, this: int) -> None:
    """Nobody waits for a job: if it hangs or is cancelled it goes, and what it had asked for."""
    gone = NOBODY
    while this != NOBODY:
        job = job_at(root.jobs, this)
        if not job.open or not (job.hung or instance_at(root.instances, job.instance).cancels):
            break
        service.drop(root, this)
        job.next = gone
        gone = this
        this = abandon(root, job.call, job.call_generation)
    while gone != NOBODY:
        job = job_at(root.jobs, gone)
        before = job.next
        if job.traced and not job.hung:
            tracing.job_ended(root, gone, ABANDONED)
        service.free_job(root, gone)
        gone = before


@jit
def abandon(root: Any, place: int, generation: int) -> int:
    """The one who waited for a call is gone: end it. The job that works for it, if there is one."""
    if place == NOBODY:
        return NOBODY
    call = call_at(root.calls, place)
    if call.generation != generation:
        return NOBODY
    job = NOBODY
    if call.sending:
        job = call.job
        if call.traced:
            tracing.try_ended(root, place, ABANDONED)
    sidecar.abandon(root, place)
    if call.traced:
        tracing.call_ended(root, place, ABANDONED)
    sidecar.free_call(root, place)
    return job


@jit
def kill(root: Any, number: int, what: int, seen: int) -> None:
    """A process ends at once; its callers see their connections break."""
    instance = instance_at(root.instances, number)
    if not instance.up:
        return
    instance.up = 0
    if what == OUT_OF_MEMORY:
        size = instance.base_bytes + seen * instance.bytes_per_goroutine
        note(root, what, number, seen, size, instance.jobs)
    else:
        note(root, what, number, instance.jobs, 0.0, 0.0)
    jobs = service.open_jobs(root, number)
    service.begin_afresh(root, number)
    for this in jobs:
        job_at(root.jobs, this).open = 0
    for this in jobs:
        job = job_at(root.jobs, this)
        give_up(root, abandon(root, job.call, job.call_generation))
        place, action = carry_back(root, this, RESET)
        drive(root, place, action)
    if instance.restart_seconds >= 0.0:
        due = root.now + instance.restart_seconds
        heap.at(root, due, RESTART, number, instance.starts, 0)
