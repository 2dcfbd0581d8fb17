"""The rules of `meshlab.mesh.sidecar`, the call machine, for numba.

Every step answers with an *action*: `SEND`, `WAIT`, or the outcome (>= 0) with which the call is
done. The open try of a call is part of its record: ``sending``, and the number of the attempt.
"""

from __future__ import annotations

from math import inf
from typing import Any

from meshlab.engines.compiled import balance, breaker, budget, cluster, lanes
from meshlab.engines.compiled.draws import note_room, uniform
from meshlab.engines.compiled.jit import inlined, jit
from meshlab.engines.compiled.layout import (
    DURATIONS,
    NOBODY,
    call_at,
    endpoint_at,
    number_at,
    upstream_at,
    whole_at,
)
from meshlab.engines.compiled.notes import tally
from meshlab.mesh.sidecar import PICKS
from meshlab.model import Outcome
from meshlab.telemetry.counts import CLASS_OF, CLASSES

SEND, WAIT = -1, -2
NO_PERMIT = 0
CLASS_COUNT = len(CLASSES)
OK = int(Outcome.OK)
TIMEOUT, OVERFLOW, DEADLINE = int(Outcome.TIMEOUT), int(Outcome.OVERFLOW), int(Outcome.DEADLINE)
CIRCUIT_OPEN, NO_HEALTHY = int(Outcome.CIRCUIT_OPEN), int(Outcome.NO_HEALTHY)
ABANDONED, RATE_LIMITED = int(Outcome.ABANDONED), int(Outcome.RATE_LIMITED)


@inlined
def new_call(root: Any, number: int, key: int, route: int, deadline: float, parent: int) -> int:
    """A place for one call through a sidecar."""
    place = root.calls_free
    if place != NOBODY:
        root.calls_free = call_at(root.calls, place).parent
    else:
        place = root.calls_used
        root.calls_used += 1
        note_room(root, root.calls_used, root.calls_low)
    call = call_at(root.calls, place)
    call.upstream = number
    call.key = key
    call.route = route
    call.deadline = deadline
    call.parent = parent
    call.attempts = 0
    call.retrying = 0
    call.sending = 0
    call.job = NOBODY
    call.traced = 0
    call.begins_trace = 0
    return place


@inlined
def free_call(root: Any, place: int) -> None:
    """The call is over: an event that still names it comes too late.

    A free place has for ``parent`` the place that was freed before it.
    """
    call = call_at(root.calls, place)
    call.generation += 1
    call.parent = root.calls_free
    root.calls_free = place


@inlined
def bucket(root: Any, seconds: float) -> int:
    """The first bucket that holds a duration: as many bounds as lie below it."""
    below = 0
    for place in range(DURATIONS - 1):
        below += int(number_at(root.bounds, place).x < seconds)
    return below


@inlined
def start(root: Any, place: int) -> int:
    """Begin: the first try, or a refusal."""
    call = call_at(root.calls, place)
    upstream = upstream_at(root.upstreams, call.upstream)
    call.started = root.now
    upstream.started += 1
    if upstream.rate_limited and not take_token(root, call.upstream):
        return end(root, place, RATE_LIMITED)
    if upstream.deadline < inf:
        call.deadline = min(call.deadline, root.now + upstream.deadline)
    if upstream.budget != budget.NO_BUDGET:
        budget.deposit(root, call.upstream)
    return send(root, place)


@jit
def take_token(root: Any, number: int) -> bool:
    """May one more call begin (`meshlab.policies.rate_limit`)?"""
    upstream = upstream_at(root.upstreams, number)
    fills = int(root.now / upstream.rate_interval)
    if fills != upstream.rate_fills:
        come = (fills - upstream.rate_fills) * upstream.rate_per_fill
        upstream.rate_tokens = min(upstream.rate_most, upstream.rate_tokens + come)
        upstream.rate_fills = fills
    if upstream.rate_tokens == 0:
        return False
    upstream.rate_tokens -= 1
    return True


@inlined
def send(root: Any, place: int) -> int:
    """Limits, breaker, balancer: each may refuse, and then what was taken is given back."""
    call = call_at(root.calls, place)
    number = call.upstream
    upstream = upstream_at(root.upstreams, number)
    if root.now >= call.deadline:
        return end(root, place, DEADLINE)
    if upstream.limited:
        if upstream.active >= upstream.max_requests:
            return end(root, place, OVERFLOW)
        upstream.active += 1
    if upstream.breaker:
        if not breaker.admit(root, number):
            if upstream.limited:
                upstream.active -= 1
            return end(root, place, CIRCUIT_OPEN)
        call.permit = upstream.generation
        call.trial = upstream.state != breaker.CLOSED
    else:
        call.permit = NO_PERMIT
    if upstream.candidates == 0:
        give_back(root, place)
        return end(root, place, NO_HEALTHY)
    return send_to(root, place, choose(root, place))


@inlined
def choose(root: Any, place: int) -> int:
    """The endpoint for the next try; for a retry another than last time, if a few picks find it.

    Where the caller's zone has no other, one of any zone.
    """
    call = call_at(root.calls, place)
    number = call.upstream
    upstream = upstream_at(root.upstreams, number)
    candidates = whole_address(root.candidates, upstream.first_endpoint)
    count = upstream.candidates
    if upstream.near:
        near = whole_address(root.local, upstream.first_endpoint)
        endpoint = balance.pick(root, number, near, upstream.local, call.key)
        if upstream.local > 1:
            candidates, count = near, upstream.local
    else:
        endpoint = balance.pick(root, number, candidates, count, call.key)
    if call.attempts > 0:
        upstream.retries += 1
        if upstream.avoid_previous:
            for step in range(1, PICKS + 1):
                if endpoint != call.endpoint:
                    break
                endpoint = balance.pick(root, number, candidates, count, call.key + step)
    return endpoint


@inlined
def whole_address(array: int, place: int) -> int:
    """The address of a whole number in an array of them."""
    return array + 8 * place


@jit
def give_back(root: Any, place: int) -> None:
    """Return what a try took that nobody will judge."""
    call = call_at(root.calls, place)
    upstream = upstream_at(root.upstreams, call.upstream)
    if upstream.limited:
        upstream.active -= 1
    if upstream.breaker:
        breaker.abandon_permit(root, call.upstream, call.permit, call.trial == 1)


@inlined
def send_to(root: Any, place: int, slot: int) -> int:
    call = call_at(root.calls, place)
    upstream = upstream_at(root.upstreams, call.upstream)
    endpoint = endpoint_at(root.endpoints, slot)
    timeout = upstream.timeout
    call.cut = 0
    call.timer = NOBODY
    if call.deadline < inf and call.deadline - root.now < timeout:
        timeout = call.deadline - root.now
        call.cut = 1
    endpoint.active += 1
    endpoint.attempts += 1
    call.attempts += 1
    call.endpoint = slot
    call.timeout = timeout
    call.sent_at = root.now
    call.sending = 1
    call.job = NOBODY
    return SEND


@inlined
def end_try(root: Any, place: int) -> None:
    """The open try is over, and its timer with it."""
    call = call_at(root.calls, place)
    call.sending = 0
    if call.timer != NOBODY:
        lanes.stop_timer(root, call.timer)


@inlined
def responded(root: Any, place: int, outcome: int) -> int:
    """The open try has ended: report it to every policy, then finish or try again."""
    call = call_at(root.calls, place)
    number = call.upstream
    upstream = upstream_at(root.upstreams, number)
    endpoint = endpoint_at(root.endpoints, call.endpoint)
    seconds = root.now - call.sent_at
    ok = outcome == OK
    end_try(root, place)
    endpoint.active -= 1
    upstream.tries[outcome] += 1
    balance.observe(root, number, call.endpoint, seconds)
    if upstream.limited:
        upstream.active -= 1
    if upstream.breaker:
        breaker.report(root, number, call.permit, call.trial == 1, ok, seconds)
    if upstream.outlier:
        cluster.report_outlier(root, number, call.endpoint, ok)
    if call.retrying:
        end_retry(root, place)
    if ok:
        return finish(root, place, outcome)
    endpoint.failures += 1
    return retry(root, place, outcome)


@jit
def retry(root: Any, place: int, outcome: int) -> int:
    """Try again, if the policy, the time left and the budget allow it."""
    call = call_at(root.calls, place)
    number = call.upstream
    upstream = upstream_at(root.upstreams, number)
    if outcome == TIMEOUT and call.cut:
        return end(root, place, DEADLINE)
    if call.attempts >= upstream.max_attempts or not (upstream.retry_on >> outcome) & 1:
        return end(root, place, outcome)
    pause = delay(root, number, call.attempts)
    if root.now + pause >= call.deadline:
        return end(root, place, DEADLINE)
    if upstream.budget != budget.NO_BUDGET and not budget.withdraw(root, number):
        upstream.retries_denied += 1
        tally(root, number)
        return end(root, place, outcome)
    call.retrying = 1
    upstream.retrying += 1
    call.pause = pause
    return WAIT


@jit
def delay(root: Any, number: int, attempts: int) -> float:
    """The pause before the next try (`meshlab.policies.retry.Backoff`)."""
    upstream = upstream_at(root.upstreams, number)
    u = uniform(root, upstream.draw_jitter)
    ceiling = upstream.base_seconds
    for _ in range(attempts - 1):
        longer = ceiling * upstream.factor
        if longer >= upstream.cap_seconds:
            ceiling = upstream.cap_seconds
            break
        if longer == ceiling:
            break
        ceiling = longer
    if upstream.has_spread:
        return ceiling * (1.0 - upstream.spread + 2.0 * upstream.spread * u)
    return ceiling * (1.0 - upstream.jitter + upstream.jitter * u)


@jit
def end_retry(root: Any, place: int) -> None:
    call = call_at(root.calls, place)
    call.retrying = 0
    upstream_at(root.upstreams, call.upstream).retrying -= 1
    budget.retry_ended(root, call.upstream)


@inlined
def finish(root: Any, place: int, outcome: int) -> int:
    """Count the end of the call, as its caller felt it."""
    call = call_at(root.calls, place)
    upstream = upstream_at(root.upstreams, call.upstream)
    seconds = root.now - call.started
    upstream.outcomes[outcome] += 1
    if root.route_count > 1:
        route = call.upstream * root.route_count + call.route
        whole_at(root.route_counts, route * CLASS_COUNT + CLASS_OF[outcome]).x += 1
    upstream.buckets[bucket(root, seconds)] += 1
    upstream.seconds += seconds
    if call.attempts > 1 and outcome == OK:
        upstream.retries_succeeded += 1
    if call.retrying:
        end_retry(root, place)
    if upstream.budget != budget.NO_BUDGET and outcome != RATE_LIMITED:
        budget.settle(root, call.upstream, outcome == OK)
    return outcome


@jit
def end(root: Any, place: int, outcome: int) -> int:
    """The same where it happens seldom: it is compiled once."""
    return finish(root, place, outcome)


@jit
def abandon(root: Any, place: int) -> int:
    """The caller gave up: end the open try, unjudged, and the call."""
    call = call_at(root.calls, place)
    if call.sending:
        end_try(root, place)
        endpoint_at(root.endpoints, call.endpoint).active -= 1
        upstream_at(root.upstreams, call.upstream).tries[ABANDONED] += 1
        give_back(root, place)
    return end(root, place, ABANDONED)
