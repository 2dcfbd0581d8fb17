"""The rules of `meshlab.policies.cluster`, `health` and `outlier`, for numba."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from meshlab.engines.compiled import heap
from meshlab.engines.compiled.draws import uniform
from meshlab.engines.compiled.heap import Kind
from meshlab.engines.compiled.jit import jit
from meshlab.engines.compiled.layout import endpoint_at, instance_at, upstream_at, whole_at
from meshlab.engines.compiled.notes import What, note

PROBE, TICK = int(Kind.PROBE), int(Kind.TICK)
EJECTED_CONSECUTIVE, EJECTED_RATE = int(What.EJECTED_CONSECUTIVE), int(What.EJECTED_RATE)
RETURNED, HEALTHY, UNHEALTHY = int(What.RETURNED), int(What.HEALTHY), int(What.UNHEALTHY)
PANIC_BEGAN, PANIC_ENDED = int(What.PANIC_BEGAN), int(What.PANIC_ENDED)


@jit
def available(root: Any, number: int) -> int:
    """How many members are healthy and not ejected."""
    upstream = upstream_at(root.upstreams, number)
    count = 0
    for place in range(upstream.endpoints):
        slot = whole_at(root.members, upstream.first_endpoint + place).x
        endpoint = endpoint_at(root.endpoints, slot)
        if endpoint.healthy and not endpoint.ejected:
            count += 1
    return count


@jit
def refresh(root: Any, number: int) -> None:
    """Find the candidates: the available members, or in panic all."""
    upstream = upstream_at(root.upstreams, number)
    first, members = upstream.first_endpoint, upstream.endpoints
    fit = available(root, number)
    upstream.panic = members > 0 and fit / members < upstream.panic_threshold
    upstream.candidates = 0
    upstream.local = 0
    upstream.schedule_of = 0
    for place in range(members):
        slot = whole_at(root.members, first + place).x
        endpoint = endpoint_at(root.endpoints, slot)
        if upstream.panic or (endpoint.healthy and not endpoint.ejected):
            whole_at(root.candidates, first + upstream.candidates).x = slot
            upstream.candidates += 1
            if endpoint.local:
                whole_at(root.local, first + upstream.local).x = slot
                upstream.local += 1
    upstream.near = upstream.local > 0 and not upstream.panic


@jit
def note_panic(root: Any, number: int) -> None:
    """Write it down when the cluster enters or leaves panic."""
    upstream = upstream_at(root.upstreams, number)
    if upstream.panic == upstream.was_panic:
        return
    upstream.was_panic = upstream.panic
    what = PANIC_BEGAN if upstream.panic else PANIC_ENDED
    note(root, what, number, available(root, number), upstream.endpoints, 0.0)


@jit
def joined(root: Any, number: int, slot: int) -> None:
    """Discovery has told this sidecar of a new endpoint."""
    upstream = upstream_at(root.upstreams, number)
    endpoint_at(root.endpoints, slot).known = 1
    whole_at(root.members, upstream.first_endpoint + upstream.endpoints).x = slot
    upstream.endpoints += 1
    refresh(root, number)
    note_panic(root, number)


@jit
def left(root: Any, number: int, slot: int) -> None:
    """Discovery has told this sidecar that an endpoint is gone."""
    upstream = upstream_at(root.upstreams, number)
    kept = 0
    for place in range(upstream.endpoints):
        member = whole_at(root.members, upstream.first_endpoint + place).x
        if member != slot:
            whole_at(root.members, upstream.first_endpoint + kept).x = member
            kept += 1
    upstream.endpoints = kept
    refresh(root, number)
    note_panic(root, number)


@jit
def is_member(root: Any, number: int, slot: int) -> bool:
    upstream = upstream_at(root.upstreams, number)
    for place in range(upstream.endpoints):
        if whole_at(root.members, upstream.first_endpoint + place).x == slot:
            return True
    return False


# ---- active health checks


@jit
def probe_all(root: Any, number: int, start: int) -> None:
    """Probe every endpoint once, and come back after the interval."""
    upstream = upstream_at(root.upstreams, number)
    if start != upstream.probing or not upstream.checked:
        return
    for place in range(upstream.endpoints):
        slot = whole_at(root.members, upstream.first_endpoint + place).x
        endpoint = endpoint_at(root.endpoints, slot)
        broken = (
            upstream.link_rate > 0.0 and uniform(root, upstream.draw_probe) < upstream.link_rate
        )
        late = upstream.link_delay >= upstream.health_timeout
        alive = instance_at(root.instances, endpoint.instance).up == 1
        probed(root, number, slot, alive and not broken and not late)
    heap.at(root, root.now + upstream.health_interval, PROBE, number, start, 0)


@jit
def probed(root: Any, number: int, slot: int, ok: bool) -> None:
    """A probe ended; it takes some in a row to change a mind."""
    upstream = upstream_at(root.upstreams, number)
    endpoint = endpoint_at(root.endpoints, slot)
    healthy = endpoint.healthy == 1
    if ok == healthy:
        endpoint.contrary = 0
        return
    endpoint.contrary += 1
    needed = upstream.healthy_threshold if ok else upstream.unhealthy_threshold
    if endpoint.contrary < needed:
        return
    endpoint.contrary = 0
    endpoint.healthy = 1 if ok else 0
    refresh(root, number)
    note(root, HEALTHY if ok else UNHEALTHY, slot, needed, 0.0, 0.0)
    note_panic(root, number)


# ---- outlier detection


@jit
def report_outlier(root: Any, number: int, slot: int, ok: bool) -> None:
    """A try on an endpoint ended: eject it if that was one failure too many."""
    upstream = upstream_at(root.upstreams, number)
    endpoint = endpoint_at(root.endpoints, slot)
    endpoint.tries += 1
    if ok:
        endpoint.successes += 1
        endpoint.consecutive = 0
        return
    endpoint.consecutive += 1
    if endpoint.consecutive != upstream.strikes or endpoint.ejected:
        return
    failures = endpoint.consecutive
    endpoint.consecutive = 0
    if eject(root, number, slot):
        refresh(root, number)
        upstream.ejections += 1
        note(root, EJECTED_CONSECUTIVE, slot, failures, 0.0, 0.0)
        note_panic(root, number)


@jit
def eject(root: Any, number: int, slot: int) -> bool:
    """Eject, unless the endpoint has left the cluster or too many others are ejected."""
    upstream = upstream_at(root.upstreams, number)
    endpoint = endpoint_at(root.endpoints, slot)
    if not is_member(root, number, slot):
        return False
    ejected = 0
    for place in range(upstream.endpoints):
        other = whole_at(root.members, upstream.first_endpoint + place).x
        ejected += endpoint_at(root.endpoints, other).ejected
    first = upstream.always_eject_one and ejected == 0
    percent = 100.0 * (ejected + 1) / upstream.endpoints
    if not first and percent > upstream.max_ejection_percent:
        return False
    base, most = upstream.base_ejection, upstream.max_ejection
    if endpoint.ejections * base < most + base:
        endpoint.ejections += 1
    endpoint.ejected = 1
    endpoint.until = root.now + min(base * endpoint.ejections, most)
    return True


@jit
def tick(root: Any, number: int, start: int) -> None:
    """An interval is over: who returns, who is ejected for a low success rate."""
    upstream = upstream_at(root.upstreams, number)
    if start != upstream.ticking or not upstream.outlier:
        return
    first, members = upstream.first_endpoint, upstream.endpoints
    steady = np.zeros(members, np.bool_)
    returned = np.zeros(members, np.bool_)
    for place in range(members):
        endpoint = endpoint_at(root.endpoints, whole_at(root.members, first + place).x)
        steady[place] = endpoint.ejected == 0
        if endpoint.ejected and root.now >= endpoint.until:
            endpoint.ejected = 0
            endpoint.consecutive = 0
            returned[place] = True
    changed = bool(returned.any())
    rates = np.zeros(members, np.float64)
    ejected = np.zeros(members, np.bool_)
    mean, threshold = low_rates(root, number, rates)
    for place in range(members):
        slot = whole_at(root.members, first + place).x
        if 0.0 <= rates[place] < threshold and eject(root, number, slot):
            ejected[place] = True
            changed = True
    for place in range(members):
        endpoint = endpoint_at(root.endpoints, whole_at(root.members, first + place).x)
        if steady[place] and not endpoint.ejected and endpoint.ejections > 0:
            endpoint.ejections -= 1
        endpoint.tries = 0
        endpoint.successes = 0
    if changed:
        refresh(root, number)
    for place in range(members):
        if returned[place]:
            note(root, RETURNED, whole_at(root.members, first + place).x, 0.0, 0.0, 0.0)
            note_panic(root, number)
    for place in range(members):
        if ejected[place]:
            slot = whole_at(root.members, first + place).x
            upstream.ejections += 1
            note(root, EJECTED_RATE, slot, rates[place], mean, threshold)
            note_panic(root, number)
    heap.at(root, root.now + upstream.outlier_interval, TICK, number, start, 0)


@jit
def low_rates(root: Any, number: int, rates: Any) -> tuple[float, float]:
    """The success rates of those that can be judged (the others -1), their mean, the threshold."""
    upstream = upstream_at(root.upstreams, number)
    first, members = upstream.first_endpoint, upstream.endpoints
    judged = 0
    total = 0.0
    highest = 0.0
    for place in range(members):
        endpoint = endpoint_at(root.endpoints, whole_at(root.members, first + place).x)
        rates[place] = -1.0
        if not endpoint.ejected and endpoint.tries >= upstream.request_volume:
            rates[place] = endpoint.successes / endpoint.tries
            judged += 1
            total += rates[place]
            highest = max(highest, rates[place])
    if upstream.stdev_factor < 0.0 or judged < upstream.minimum_hosts:
        rates[:] = -1.0
        return 0.0, 0.0
    mean = min(total / judged, highest)
    squares = 0.0
    for place in range(members):
        if rates[place] >= 0.0:
            squares += (rates[place] - mean) * (rates[place] - mean)
    return mean, mean - upstream.stdev_factor * sqrt(squares / judged)
