"""The rules of `meshlab.telemetry.central`, the collector of phase 2, for numba.

A message is a record on its way. It knows how many events still name it (``pending``); when none
does, its place is free for another. The job that waits for an acknowledgement is in its message.
"""

from __future__ import annotations

from typing import Any

from meshlab.engines.compiled import heap
from meshlab.engines.compiled.draws import note_room, uniform
from meshlab.engines.compiled.heap import Kind
from meshlab.engines.compiled.jit import jit
from meshlab.engines.compiled.layout import (
    NOBODY,
    collector_at,
    instance_at,
    job_at,
    message_at,
    number_at,
    span_of_time_at,
    stored_at,
)

REPORT, STORE = int(Kind.REPORT), int(Kind.STORE)
ACK, NO_ACK = int(Kind.ACK), int(Kind.NO_ACK)


@jit
def report(root: Any, this: int, ok: bool) -> None:
    """A request is through: its instance reports it, and may wait for that to be acknowledged."""
    collector = collector_at(root.collector, 0)
    job = job_at(root.jobs, this)
    place = root.messages_free
    if place != NOBODY:
        root.messages_free = message_at(root.messages, place).next
    else:
        place = root.messages_used
        root.messages_used += 1
        note_room(root, root.messages_used, root.messages_low)
    message = message_at(root.messages, place)
    message.time = root.now + number_at(root.skews, job.instance).x
    message.seconds = root.now - job.arrived
    message.instance = job.instance
    message.ok = ok
    message.sends = 0
    message.stored = 0
    message.acked = 0
    message.pending = 0
    message.job = this if collector.waits else NOBODY
    message.job_generation = job.generation
    collector.reported += 1
    send(root, place)
    free_if_done(root, place)


@jit
def free_if_done(root: Any, place: int) -> None:
    message = message_at(root.messages, place)
    if message.pending == 0:
        message.next = root.messages_free
        root.messages_free = place


@jit
def event(root: Any, time: float, kind: int, place: int) -> None:
    message_at(root.messages, place).pending += 1
    heap.at(root, time, kind, place, 0, 0)


@jit
def send(root: Any, place: int) -> None:
    """Put the record on the network once, and look for its acknowledgement after a while."""
    collector = collector_at(root.collector, 0)
    message = message_at(root.messages, place)
    message.sends += 1
    collector.sent += 1
    if uniform(root, collector.draw_loss) < collector.loss or cut_off(root, message.instance):
        collector.lost += 1
    else:
        event(root, root.now + collector.network_seconds, REPORT, place)
    if collector.acknowledges:
        event(root, root.now + collector.timeout, NO_ACK, place)


@jit
def cut_off(root: Any, number: int) -> bool:
    """Whether nothing passes between the collector and the service of an instance."""
    collector = collector_at(root.collector, 0)
    service = instance_at(root.instances, number).service
    for place in range(collector.partitions):
        span = span_of_time_at(root.partitions, place)
        if span.service == service and span.start <= root.now < span.end:
            return True
    return False


@jit
def down(root: Any) -> bool:
    collector = collector_at(root.collector, 0)
    for place in range(collector.outages):
        span = span_of_time_at(root.outages, place)
        if span.start <= root.now < span.end:
            return True
    return False


@jit
def arrive(root: Any, place: int) -> None:
    """The record reaches the collector: refused, dropped, or queued to be stored."""
    collector = collector_at(root.collector, 0)
    waiting = max(0.0, collector.free_at - root.now) * collector.capacity
    if down(root):
        collector.refused += 1
    elif waiting > collector.buffer:
        collector.overflowed += 1
    else:
        collector.free_at = max(root.now, collector.free_at) + 1.0 / collector.capacity
        event(root, collector.free_at, STORE, place)


@jit
def store(root: Any, place: int) -> None:
    """A record's turn has come: a collector that is down by now has lost its buffer."""
    collector = collector_at(root.collector, 0)
    if uniform(root, collector.draw_fail) < collector.failure_rate or down(root):
        collector.failed += 1
        return
    message = message_at(root.messages, place)
    collector.doubled += message.stored
    kept = stored_at(root.stored, root.stored_used)
    root.stored_used += 1
    note_room(root, root.stored_used, root.stored_low)
    kept.time = message.time
    kept.seconds = message.seconds
    kept.instance = message.instance
    kept.ok = message.ok
    message.stored = 1
    lost = uniform(root, collector.draw_loss) < collector.loss or cut_off(root, message.instance)
    if not collector.acknowledges:
        return
    if lost:
        collector.acks_lost += 1
    else:
        event(root, root.now + collector.network_seconds, ACK, place)


@jit
def happened(root: Any, kind: int, place: int) -> int:
    """One event of a message; the job that may answer now (`NOBODY` if none may)."""
    collector = collector_at(root.collector, 0)
    message = message_at(root.messages, place)
    message.pending -= 1
    released = False
    if kind == REPORT:
        arrive(root, place)
    elif kind == STORE:
        store(root, place)
    elif kind == ACK:
        message.acked = 1
        released = True
    elif not message.acked:
        if collector.at_least_once and message.sends <= collector.resends:
            send(root, place)
        else:
            released = True
    job = NOBODY
    if released and message.job != NOBODY:
        if job_at(root.jobs, message.job).generation == message.job_generation:
            job = message.job
        message.job = NOBODY
    free_if_done(root, place)
    return job
