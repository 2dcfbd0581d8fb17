"""How many calls pass each edge in a run: what is declared, and what retries may make of it.

    client --100 calls--> web --200 calls--> cart      expected: ``web->cart`` has calls=2
    client --300 tries--> web --1800 tries--> cart     at most: every edge has max_attempts=3

The upper bound takes every try to fail as late as it can, when it has made all of its own calls.
What holds retries back is counted: the back-off and the deadline, because each pause takes time,
and the budgets that grant so many per call or per second.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from graphlib import TopologicalSorter
from itertools import pairwise
from math import inf

from meshlab.load import Load
from meshlab.policies.budget import GrpcRetryThrottle, TokenRetryBudget
from meshlab.policies.retry import Backoff, RetryPolicy
from meshlab.scenario import Scenario
from meshlab.topology import Edge

GROWING = 64
"""Pauses that are added up one by one; all later ones are taken to be as long as the last."""

Tries = Callable[[Edge, float], float]
"""The tries of each call on an edge, given how many calls there are."""


def requests(load: Load, duration: float) -> float:
    """Requests that ``load`` brings in ``duration`` seconds: the area under its curve."""
    inner = [(time, rate) for time, rate in load.curve if 0.0 < time < duration]
    points = [(0.0, load.rate_at(0.0)), *inner, (duration, load.rate_at(duration))]
    return sum((r0 + r1) / 2.0 * (t1 - t0) for (t0, r0), (t1, r1) in pairwise(points))


def versions(scenario: Scenario) -> dict[str, tuple[Edge, ...]]:
    """Every edge as it is declared and as the scenario's changes make it, by its name."""
    found: dict[str, tuple[Edge, ...]] = {edge.name: (edge,) for edge in scenario.all_edges()}
    for change in scenario.changes:
        if change.edge is not None:
            found[change.edge.name] += (change.edge,)
    return found


def sidecars(scenario: Scenario) -> dict[str, int]:
    """How many sidecars have each edge: one for each instance of its source, or for the load."""
    counts = {service.name: len(service.instances) for service in scenario.services}
    return {edge.name: counts.get(edge.source, 1) for edge in scenario.all_edges()}


def expected(scenario: Scenario, entering: Mapping[Load, float]) -> dict[str, float]:
    """Calls on each edge if nothing is retried, when so many requests of each load come."""
    return _flow(scenario, entering, lambda edge, calls: 1.0)


def at_most(scenario: Scenario, entering: Mapping[Load, float]) -> dict[str, float]:
    """Tries on each edge if everything is retried that may be."""
    known, callers = versions(scenario), sidecars(scenario)

    def tries(edge: Edge, calls: float) -> float:
        per_caller = calls / callers[edge.name]
        policies = (version.retry for version in known[edge.name])
        return 1.0 + max(_retries(retry, per_caller, scenario.duration) for retry in policies)

    return _flow(scenario, entering, tries)


def _flow(scenario: Scenario, entering: Mapping[Load, float], tries: Tries) -> dict[str, float]:
    """Tries on each edge by its name: from where requests enter, service after service."""
    leaving: dict[str, list[Edge]] = defaultdict(list)
    for edge in scenario.all_edges():
        leaving[edge.source].append(edge)
    arriving: dict[str, dict[str, float]] = defaultdict(dict)
    found: dict[str, float] = {}
    for source in _in_order(scenario.all_edges()):
        for edge in leaving[source]:
            calls = _entering(edge, entering) or _calls(edge, leaving[source], arriving[source])
            factor = tries(edge, sum(calls.values())) if calls else 1.0
            found[edge.name] = factor * sum(calls.values())
            for route, count in calls.items():
                before = arriving[edge.destination].get(route, 0.0)
                arriving[edge.destination][route] = before + factor * count
    return found


def _in_order(edges: Iterable[Edge]) -> Iterable[str]:
    """Callers before those they call."""
    callers: dict[str, set[str]] = defaultdict(set)
    for edge in edges:
        callers[edge.destination].add(edge.source)
    return TopologicalSorter(callers).static_order()


def _entering(edge: Edge, entering: Mapping[Load, float]) -> dict[str, float]:
    """The calls from outside on an edge, by their route."""
    ends = (edge.source, edge.destination)
    return {
        load.route: count
        for load, count in entering.items()
        if (load.source, load.destination) == ends
    }


def _calls(edge: Edge, beside: list[Edge], arriving: Mapping[str, float]) -> dict[str, float]:
    """The calls that requests of each route make on an edge of their service."""
    calls = {}
    for route, count in arriving.items():
        part = edge.calls * edge.probability * _share(edge, beside, route)
        if edge.takes(route) and part > 0.0:
            calls[route] = part * count
    return calls


def _share(edge: Edge, beside: list[Edge], route: str) -> float:
    """The part of a split that takes this way."""
    if not edge.split:
        return 1.0
    ways = [other for other in beside if other.split == edge.split and other.takes(route)]
    return edge.split_weight / sum(way.split_weight for way in ways) if edge in ways else 0.0


def _retries(retry: RetryPolicy, calls: float, duration: float) -> float:
    """The most retries of one of a sidecar's ``calls``, on average."""
    time = duration if retry.deadline is None else min(retry.deadline, duration)
    most = min(retry.max_attempts - 1.0, _retries_within(retry.backoff, time))
    match retry.budget:
        case TokenRetryBudget(ratio=ratio, ttl_seconds=ttl, min_retries_per_second=reserve):
            return min(most, ratio + reserve * (duration + ttl) / max(calls, 1.0))
        case GrpcRetryThrottle(max_tokens=tokens, token_ratio=ratio):
            return min(most, ratio + tokens / max(calls, 1.0))
    return most


def _retries_within(backoff: Backoff, seconds: float) -> float:
    """After how many retries the pauses before them, of mean length, have taken ``seconds``."""
    mean = 1.0 - backoff.jitter / 2.0 if backoff.spread is None else 1.0
    pause, retries = backoff.base_seconds, 0
    for _ in range(GROWING):
        seconds -= mean * min(pause, backoff.cap_seconds)
        if seconds < 0.0:
            return retries
        pause *= backoff.factor
        retries += 1
    pause = mean * min(pause, backoff.cap_seconds)
    return retries + seconds / pause if pause > 0.0 else inf
