"""The rules of `meshlab.mesh.tracer`, for numba: ids, spans and exemplars of kept traces."""

from __future__ import annotations

from typing import Any

from meshlab.engines.compiled.draws import nonzero, note_room, word
from meshlab.engines.compiled.jit import inlined, jit
from meshlab.engines.compiled.layout import (
    NOBODY,
    call_at,
    exemplar_at,
    instance_at,
    job_at,
    span_at,
)
from meshlab.engines.compiled.sidecar import bucket


@inlined
def begin_trace(root: Any, place: int) -> None:
    """Decide whether the trace that begins with this call is kept."""
    call = call_at(root.calls, place)
    call.begins_trace = 1
    if not root.traced:
        return
    high = word(root, root.trace_words)
    low = nonzero(root, root.trace_words)
    span = nonzero(root, root.trace_words)
    if root.all_sampled or low < root.sampling_bound:
        call.traced = 1
        call.trace_high = high
        call.trace_low = low
        call.span = span


@inlined
def inherit_trace(root: Any, place: int, this: int) -> None:
    """A call that a job makes carries the job's context, unless the service drops the header."""
    job = job_at(root.jobs, this)
    if not instance_at(root.instances, job.instance).keeps_trace:
        begin_trace(root, place)
    elif job.traced:
        call = call_at(root.calls, place)
        call.traced = 1
        call.trace_high = job.trace_high
        call.trace_low = job.trace_low
        call.span = job.span


@jit
def job_taken(root: Any, place: int) -> None:
    """An instance has taken a traced try in."""
    call = call_at(root.calls, place)
    job = job_at(root.jobs, call.job)
    job.traced = 1
    job.trace_high = call.trace_high
    job.trace_low = call.trace_low
    job.parent_span = call.try_span
    job.span = nonzero(root, root.span_words)


@jit
def call_ended(root: Any, place: int, outcome: int) -> None:
    """A call is over: it leaves an exemplar, and a span where it began its trace."""
    call = call_at(root.calls, place)
    seconds = root.now - call.started
    exemplar = exemplar_at(root.exemplars, root.exemplars_used)
    root.exemplars_used += 1
    note_room(root, root.exemplars_used, root.exemplars_low)
    exemplar.trace_high = call.trace_high
    exemplar.trace_low = call.trace_low
    exemplar.value = seconds
    exemplar.time = root.now
    exemplar.upstream = call.upstream
    exemplar.bucket = bucket(root, seconds)
    if call.begins_trace:
        client(root, place, call.span, 0, call.started, outcome, NOBODY)


@jit
def try_ended(root: Any, place: int, outcome: int) -> None:
    """A try is over, as its caller saw it."""
    call = call_at(root.calls, place)
    client(root, place, call.try_span, call.span, call.sent_at, outcome, call.endpoint)


@jit
def client(
    root: Any, place: int, own: int, parent: int, start: float, outcome: int, endpoint: int
) -> None:
    call = call_at(root.calls, place)
    span = span_at(root.spans, root.spans_used)
    root.spans_used += 1
    note_room(root, root.spans_used, root.spans_low)
    span.trace_high = call.trace_high
    span.trace_low = call.trace_low
    span.span = own
    span.parent = parent
    span.start = start
    span.end = root.now
    span.who = call.upstream
    span.endpoint = endpoint
    span.route = call.route
    span.outcome = outcome
    span.server = 0


@jit
def job_ended(root: Any, this: int, outcome: int) -> None:
    """An instance has answered, whether or not anybody still waits."""
    job = job_at(root.jobs, this)
    span = span_at(root.spans, root.spans_used)
    root.spans_used += 1
    note_room(root, root.spans_used, root.spans_low)
    span.trace_high = job.trace_high
    span.trace_low = job.trace_low
    span.span = job.span
    span.parent = job.parent_span
    span.start = job.arrived
    span.end = root.now
    span.who = job.instance
    span.endpoint = NOBODY
    span.route = job.route
    span.outcome = outcome
    span.server = 1
