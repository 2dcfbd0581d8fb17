"""Fewer requests that stand for more: a run at ``thinning`` N has an N-th of the requests.

    scenario, thinning 100 --thin--> a smaller mesh --run--> its result --in_real_units--> result

An N-th of the traffic meets an N-th of everything that is counted in requests: workers, places in a
queue, limits, tokens. What is counted in seconds stays: latencies, timeouts, intervals. The engines
know nothing of it. Afterwards whatever counts requests is multiplied, so that metrics are in the
units of the full scale.

Rare things must not come in lumps of N, so four rules keep the noise of the small run down:

- Users come evenly. N independent arrivals taken together are nearly even, while one that stands
  for N would bring all their noise at once.
- A leak leaves its part behind with every request (``Leak.steady``): the mean without the chance.
- A processor keeps its core for a whole lump, but an answer waits only for its own part of it
  (``Cpu.lump``).
- Failures in a row are not multiplied: one failed request says that requests fail, not that N did.

What is lost: percentiles of queues that are short at full scale, and bursts of less than N
requests. `python -m tests.benchmarks.thinning` measures by how much; its tables, for the shop and
the incident, are in tests/benchmarks/measured.md.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from meshlab.mesh.result import Result
from meshlab.mesh.totals import EdgeTotals, ProcessTotals
from meshlab.model.rules import check
from meshlab.policies.breaker import BreakerConfig, BreakerMaker
from meshlab.policies.budget import (
    BudgetConfig,
    ConcurrentRetryBudget,
    MaxRetries,
    TokenRetryBudget,
)
from meshlab.policies.rate_limit import RateLimit
from meshlab.policies.retry import RetryPolicy
from meshlab.scenario.changes import Change
from meshlab.scenario.faults import Fault, Leak
from meshlab.scenario.load import Load
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.topology import Edge, Instance, Service
from meshlab.telemetry import names
from meshlab.telemetry.ledger import Entry
from meshlab.telemetry.series import Recording

COUNTED = frozenset(
    sample
    for metric in (
        *(names.MESH_REQUESTS, names.MESH_ROUTE_REQUESTS, names.MESH_REQUEST_DURATION),
        *(names.MESH_ATTEMPTS, names.MESH_ATTEMPT_FAILURES, names.MESH_ATTEMPT_TIMEOUTS),
        *(names.MESH_RETRIES, names.MESH_RETRIES_SUCCEEDED, names.MESH_RETRIES_DENIED),
        *(names.MESH_OVERFLOW, names.MESH_BREAKER_REJECTED, names.MESH_ACTIVE_REQUESTS),
        *(names.SERVICE_REQUESTS, names.SERVICE_REQUEST_DURATION, names.SERVICE_IN_FLIGHT),
        *(names.SERVICE_QUEUE_LENGTH, names.SERVICE_GOROUTINES),
    )
    for sample in metric.samples
)
"""The samples that count requests, or goroutines, of which each request is one."""

EVIDENCE = ("count", "requests_held", "goroutines")
"""What the ledger counts in requests."""

Totals = TypeVar("Totals", EdgeTotals, ProcessTotals)


def thin(scenario: Scenario) -> Scenario:
    """The scenario at an N-th of its size, with thinning 1.

    ConfigError where an N-th of something would be less than one: ``thinning`` is at most the
    workers of every instance. A central collector counts records one by one and can't be made
    smaller.
    """
    thinning = scenario.thinning
    check(scenario.central is None, scenario.where, "thinning must be 1 with a collector", thinning)
    for service in scenario.services:
        for name, instance in zip(service.instance_names(), service.instances, strict=True):
            rule = f"thinning must be at most the workers of {name} ({instance.workers})"
            check(thinning <= instance.workers, scenario.where, rule, thinning)
    return replace(
        scenario,
        thinning=1,
        services=tuple(_service(service, thinning) for service in scenario.services),
        edges=tuple(_edge(edge, thinning) for edge in scenario.edges),
        loads=tuple(_load(load, thinning) for load in scenario.loads),
        faults=tuple(_fault(fault, thinning) for fault in scenario.faults),
        changes=tuple(_change(change, thinning) for change in scenario.changes),
    )


def _part(count: int, thinning: int) -> int:
    """An N-th of a number of requests: at least one, unless there were none."""
    return max(1, round(count / thinning)) if count else 0


def _load(load: Load, thinning: int) -> Load:
    rate = tuple((time, rate / thinning) for time, rate in load.curve)
    return replace(load, rate=rate, arrivals="even")


def _service(service: Service, thinning: int) -> Service:
    instances = tuple(_instance(instance, thinning) for instance in service.instances)
    return replace(service, instances=instances)


def _instance(instance: Instance, thinning: int) -> Instance:
    memory, cpu = instance.memory, instance.cpu
    if memory is not None:
        memory = replace(
            memory,
            base_goroutines=_part(memory.base_goroutines, thinning),
            bytes_per_goroutine=memory.bytes_per_goroutine * thinning,
        )
    if cpu is not None:
        cpu = replace(cpu, lump=cpu.lump * thinning)
    workers, queue = _part(instance.workers, thinning), _part(instance.queue, thinning)
    return replace(instance, workers=workers, queue=queue, memory=memory, cpu=cpu)


def _edge(edge: Edge, thinning: int) -> Edge:
    limits, outlier = edge.limits, edge.outlier
    if limits is not None:
        limits = replace(limits, max_requests=_part(limits.max_requests, thinning))
    if outlier is not None:
        volume = _part(outlier.success_rate_request_volume, thinning)
        outlier = replace(outlier, success_rate_request_volume=volume)
    return replace(
        edge,
        retry=_retry(edge.retry, thinning),
        breaker=_breaker(edge.breaker, thinning) if edge.breaker else None,
        limits=limits,
        rate_limit=_rate_limit(edge.rate_limit, thinning) if edge.rate_limit else None,
        outlier=outlier,
    )


def _retry(retry: RetryPolicy, thinning: int) -> RetryPolicy:
    budget: BudgetConfig | None = retry.budget
    match budget:
        case ConcurrentRetryBudget():
            floor = _part(budget.min_retry_concurrency, thinning)
            budget = replace(budget, min_retry_concurrency=floor)
        case MaxRetries():
            budget = replace(budget, max_retries=_part(budget.max_retries, thinning))
        case TokenRetryBudget():
            reserve = budget.min_retries_per_second / thinning
            budget = replace(budget, min_retries_per_second=reserve)
    return replace(retry, budget=budget)


def _breaker(breaker: BreakerConfig | BreakerMaker, thinning: int) -> BreakerConfig | BreakerMaker:
    if not isinstance(breaker, BreakerConfig):
        return breaker  # of a reader's own: nothing is known of its limits
    least = _part(breaker.minimum_calls, thinning)
    window = max(least, _part(breaker.window_calls, thinning))
    return replace(breaker, minimum_calls=least, window_calls=window)


def _rate_limit(limit: RateLimit, thinning: int) -> RateLimit:
    """The same rate; where less than one token would come in, it comes in less often."""
    tokens = _part(limit.tokens_per_fill, thinning)
    interval = limit.fill_interval * tokens * thinning / limit.tokens_per_fill
    most = _part(limit.max_tokens, thinning)
    return replace(limit, max_tokens=most, tokens_per_fill=tokens, fill_interval=interval)


def _fault(fault: Fault, thinning: int) -> Fault:
    if isinstance(fault, Leak):
        return replace(fault, steady=True, cpu=fault.cpu * thinning)
    return fault


def _change(change: Change, thinning: int) -> Change:
    edge = _edge(change.edge, thinning) if change.edge else None
    service = _service(change.service, thinning) if change.service else None
    return replace(change, edge=edge, service=service)


def in_real_units(result: Result, scenario: Scenario) -> Result:
    """The result of `thin(scenario)` as one of ``scenario``: requests count ``thinning`` times.

    Spans and exemplars stay those of the requests that ran, and ``events`` what the run took.
    """
    thinning = scenario.thinning
    return replace(
        result,
        scenario=scenario,
        recordings=tuple(_recording(r, thinning) for r in result.recordings),
        ledger=tuple(_entry(entry, thinning) for entry in result.ledger),
        edges={edge: _totals(totals, thinning) for edge, totals in result.edges.items()},
        processes={name: _totals(totals, thinning) for name, totals in result.processes.items()},
    )


def _recording(recording: Recording, thinning: int) -> Recording:
    counted = np.array([key.metric in COUNTED for key in recording.schema])
    return replace(recording, values=recording.values * np.where(counted, float(thinning), 1.0))


def _entry(entry: Entry, thinning: int) -> Entry:
    seen = tuple((name, x * thinning if name in EVIDENCE else x) for name, x in entry.evidence)
    return replace(entry, evidence=seen)


def _totals(totals: Totals, thinning: int) -> Totals:
    """Every total counts requests, or adds up their seconds."""
    fields: dict[str, Any] = {n: _times(getattr(totals, n), thinning) for n in totals.__slots__}
    return replace(totals, **fields)


def _times(value: object, thinning: int) -> object:
    match value:
        case tuple():
            return tuple(number * thinning for number in value)
        case dict():
            return {name: number * thinning for name, number in value.items()}
    return value * thinning  # type: ignore[operator]
