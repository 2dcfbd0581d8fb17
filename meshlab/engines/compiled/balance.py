"""The rules of `meshlab.policies.balancer` and its neighbours, for numba."""

from __future__ import annotations

from math import exp
from typing import Any

import numpy as np

from meshlab.engines.compiled.draws import uniform
from meshlab.engines.compiled.jit import inlined, jit
from meshlab.engines.compiled.layout import endpoint_at, ring_at, upstream_at, whole_at
from meshlab.policies.peak_ewma import PENALTY
from meshlab.policies.ring_hash import GOLDEN

RANDOM, ROUND_ROBIN, WEIGHTED, LEAST, FULL_SCAN, RING, PEAK_EWMA = range(7)
STEP = np.uint64(GOLDEN)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@inlined
def pick(root: Any, number: int, candidates: int, count: int, key: int) -> int:
    """The endpoint for the next try, out of ``count`` that stand at ``candidates``."""
    upstream = upstream_at(root.upstreams, number)
    kind = upstream.balancer
    if kind == LEAST:
        return least_request(root, number, candidates, count)
    if kind == ROUND_ROBIN:
        upstream.turn += 1
        return whole_at(candidates, upstream.turn % count).x
    if kind == RANDOM:
        place = int(uniform(root, upstream.draw_balancer) * count)
        return whole_at(candidates, place).x
    if kind == WEIGHTED:
        return weighted(root, number, candidates, count)
    if kind == FULL_SCAN:
        return full_scan(root, number, candidates, count)
    if kind == RING:
        return ring_hash(root, number, candidates, count, key)
    return peak_ewma(root, number, candidates, count)


@inlined
def least_request(root: Any, number: int, candidates: int, count: int) -> int:
    """Draws a few endpoints and takes the least busy; the first drawn keeps a tie."""
    upstream = upstream_at(root.upstreams, number)
    stream = upstream.draw_balancer
    chosen = whole_at(candidates, int(uniform(root, stream) * count)).x
    best = endpoint_at(root.endpoints, chosen)
    for _ in range(upstream.choices - 1):
        place = whole_at(candidates, int(uniform(root, stream) * count)).x
        other = endpoint_at(root.endpoints, place)
        if (other.active + 1) * best.weight < (best.active + 1) * other.weight:
            chosen, best = place, other
    return chosen


@jit
def full_scan(root: Any, number: int, candidates: int, count: int) -> int:
    """Looks at every endpoint; the k-th of a tie replaces the one kept so far with chance 1/k."""
    upstream = upstream_at(root.upstreams, number)
    chosen = whole_at(candidates, 0).x
    best = endpoint_at(root.endpoints, chosen)
    ties = 1
    for place in range(1, count):
        number_ = whole_at(candidates, place).x
        other = endpoint_at(root.endpoints, number_)
        ours = (other.active + 1) * best.weight
        theirs = (best.active + 1) * other.weight
        if ours < theirs:
            chosen, best, ties = number_, other, 1
        elif ours == theirs:
            ties += 1
            if uniform(root, upstream.draw_balancer) * ties < 1.0:
                chosen, best = number_, other
    return chosen


@jit
def weighted(root: Any, number: int, candidates: int, count: int) -> int:
    """The next turn of the schedule, which is made anew when the candidates have changed."""
    upstream = upstream_at(root.upstreams, number)
    if upstream.schedule_of != candidates:
        make_schedule(root, number, candidates, count)
        upstream.schedule_of = candidates
    upstream.turn += 1
    turn = upstream.turn % upstream.schedule_length
    return whole_at(root.schedules, upstream.schedule + turn).x


@jit
def make_schedule(root: Any, number: int, candidates: int, count: int) -> None:
    """At each turn everyone earns its weight, and the richest goes and pays the total."""
    upstream = upstream_at(root.upstreams, number)
    divisor = 0
    total = 0
    for place in range(count):
        weight = endpoint_at(root.endpoints, whole_at(candidates, place).x).weight
        total += weight
        while weight:
            divisor, weight = weight, divisor % weight
    length = total // divisor
    purses = np.zeros(count, np.int64)
    for turn in range(length):
        richest = 0
        for place in range(count):
            weight = endpoint_at(root.endpoints, whole_at(candidates, place).x).weight
            purses[place] += weight // divisor
            if purses[place] > purses[richest]:
                richest = place
        purses[richest] -= length
        whole_at(root.schedules, upstream.schedule + turn).x = whole_at(candidates, richest).x
    upstream.schedule_length = length


@jit
def mix(number: int) -> Any:
    """SplitMix64's first output."""
    bits = np.uint64(number) + STEP
    bits = (bits ^ (bits >> np.uint64(30))) * FIRST
    bits = (bits ^ (bits >> np.uint64(27))) * SECOND
    return bits ^ (bits >> np.uint64(31))


@jit
def ring_hash(root: Any, number: int, candidates: int, count: int, key: int) -> int:
    """The owner of the next point on the ring of all endpoints that is a candidate's.

    The ring of the candidates is the ring of everybody without the points of the others.
    """
    upstream = upstream_at(root.upstreams, number)
    position = mix(key)
    low, high = 0, upstream.ring_length
    while low < high:
        middle = (low + high) // 2
        if ring_at(root.rings, upstream.ring + middle).point < position:
            low = middle + 1
        else:
            high = middle
    for step in range(upstream.ring_length):
        place = (low + step) % upstream.ring_length
        owner = ring_at(root.rings, upstream.ring + place).endpoint
        for candidate in range(count):
            if whole_at(candidates, candidate).x == owner:
                return owner
    return whole_at(candidates, 0).x


@jit
def peak_ewma(root: Any, number: int, candidates: int, count: int) -> int:
    """Draws a few endpoints and takes the one with the smallest load."""
    upstream = upstream_at(root.upstreams, number)
    stream = upstream.draw_balancer
    chosen = whole_at(candidates, int(uniform(root, stream) * count)).x
    least = load(root, number, chosen)
    for _ in range(upstream.choices - 1):
        place = whole_at(candidates, int(uniform(root, stream) * count)).x
        other = load(root, number, place)
        if other < least:
            chosen, least = place, other
    return chosen


@jit
def load(root: Any, number: int, place: int) -> float:
    """Latency (s), decayed since the last answer, times the tries that would be in flight."""
    endpoint = endpoint_at(root.endpoints, place)
    if endpoint.ewma == 0.0:
        return PENALTY * endpoint.active
    decay = upstream_at(root.upstreams, number).decay
    fade = exp(-(root.now - endpoint.ewma_at) / decay)
    return endpoint.ewma * fade * (endpoint.active + 1)


@inlined
def observe(root: Any, number: int, place: int, seconds: float) -> None:
    """A try ended after ``seconds``; only peak EWMA learns from it."""
    upstream = upstream_at(root.upstreams, number)
    if upstream.balancer != PEAK_EWMA:
        return
    endpoint = endpoint_at(root.endpoints, place)
    if seconds > endpoint.ewma:
        endpoint.ewma = seconds
    else:
        w = exp(-(root.now - endpoint.ewma_at) / upstream.decay)
        endpoint.ewma = endpoint.ewma * w + seconds * (1.0 - w)
    endpoint.ewma_at = root.now
