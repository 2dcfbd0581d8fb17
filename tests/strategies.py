"""Random small scenarios, for properties that must hold in every one of them.

    @given(scenarios(), seeds)
    def test_something_always_holds(scenario: Scenario, seed: int) -> None: ...

Times are multiples of 1/32 s wherever a scenario sets them. Their sums are exact in binary, so that
many events fall on the same instant: ties are where two engines, or two orders, would differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from itertools import combinations
from random import Random as Chance
from typing import Any

import numpy as np
from hypothesis import strategies as st

from meshlab.changes import FIXED, Change
from meshlab.consistency import reached, routes_on
from meshlab.faults import EdgeFault, Errors, Fault, Leak, Outage, Slowdown, check_overlaps
from meshlab.kernel.distributions import (
    Around,
    Constant,
    Distribution,
    Erlang,
    Exponential,
    LogNormal,
)
from meshlab.load import Load
from meshlab.model import RETRIABLE, ConfigError
from meshlab.policies.balancer import BalancerConfig, LeastRequest, Random, RoundRobin
from meshlab.policies.breaker import BreakerConfig
from meshlab.policies.budget import (
    BudgetConfig,
    ConcurrentRetryBudget,
    GrpcRetryThrottle,
    MaxRetries,
    TokenRetryBudget,
)
from meshlab.policies.health import HealthCheck
from meshlab.policies.limits import ConcurrencyLimits
from meshlab.policies.outlier import OutlierDetection
from meshlab.policies.peak_ewma import PeakEwma
from meshlab.policies.rate_limit import RateLimit
from meshlab.policies.retry import Backoff, RetryPolicy
from meshlab.policies.ring_hash import RingHash
from meshlab.policies.weighted_round_robin import WeightedRoundRobin
from meshlab.processor import Cpu
from meshlab.scenario import Scenario
from meshlab.telemetry.central import DELIVERIES, Central
from meshlab.topology import Edge, Instance, Memory, Service

SECONDS = 4.0
"""How long load comes, and faults begin."""

DRAINED = 300.0
"""When nothing can be in flight any more: far more than the queues and timeouts below can hold."""

POLICIES = ("retry", "balancer", "breaker", "limits", "rate_limit", "health", "outlier")
"""Of an edge: what a change may say anew, or as before."""

SIZES = ("workers", "queue", "error_rate", "memory")
"""Of an instance, likewise."""

MOST = 3
"""Instances of a service."""

seeds = st.integers(0, 2**32)
booleans = st.booleans()


def ticks(low: int, high: int) -> st.SearchStrategy[float]:
    """Multiples of 1/32 s from ``low`` to ``high``."""
    return st.integers(low, high).map(lambda n: n / 32)


def maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """None as often as not."""
    return booleans.flatmap(lambda there: strategy if there else st.none())


shares = st.sampled_from((0.0, 0.1, 0.5, 0.9, 1.0))

latencies: st.SearchStrategy[Distribution] = st.one_of(
    st.builds(Constant, ticks(0, 8)),
    st.builds(Around, ticks(1, 6), st.sampled_from((0.2, 1.0))),
    st.builds(Exponential, ticks(1, 4)),
    st.builds(Erlang, ticks(1, 4), st.integers(1, 3)),
    st.builds(LogNormal, ticks(1, 3), st.sampled_from((0.0, 0.5))),
)

memories = st.builds(
    lambda fits, rest, size: Memory(
        limit_bytes=1000 + (rest + fits) * size,
        base_bytes=1000,
        base_goroutines=rest,
        bytes_per_goroutine=size,
    ),
    st.integers(1, 12),
    st.integers(0, 5),
    st.integers(1, 100),
)

cpus = st.builds(
    Cpu,
    cores=st.integers(1, 3),
    work=st.one_of(st.builds(Constant, ticks(0, 2)), st.builds(Erlang, st.just(1 / 64))),
    rejection_seconds=st.sampled_from((0.0, 1 / 64)),
    lump=st.sampled_from((1, 1, 4)),
)

processes = st.builds(
    Instance,
    latency=latencies,
    error_rate=st.sampled_from((0.0, 0.0, 0.1, 0.5)),
    workers=st.integers(1, 4),
    queue=st.integers(0, 4),
    weight=st.integers(1, 3),
    zone=st.sampled_from(("", "x", "y")),
    memory=maybe(memories),
    cpu=maybe(cpus),
)


@st.composite
def instances(draw: st.DrawFn) -> Instance:
    """An instance that is there all the time, or comes and goes; discovery may hear of it late."""
    instance = draw(processes)
    if not draw(st.sampled_from((False, False, True))):
        return instance
    starts = draw(ticks(0, 64))
    return replace(
        instance,
        starts_at=starts,
        registers_at=draw(maybe(ticks(0, 64))),
        stops_at=draw(maybe(ticks(1, 64).map(lambda seconds: starts + seconds))),
        deregisters_at=draw(maybe(ticks(96, 128))),
    )


def services(name: str) -> st.SearchStrategy[Service]:
    return st.builds(
        Service,
        name=st.just(name),
        instances=st.lists(instances(), min_size=1, max_size=MOST).map(tuple),
        abandoned=st.sampled_from(("wasted", "cancelled")),
        restart_seconds=maybe(ticks(0, 32)),
        keeps_trace=booleans,
        keeps_deadline=booleans,
    )


backoffs = st.builds(
    Backoff,
    base_seconds=ticks(0, 2),
    factor=st.sampled_from((1.0, 2.0)),
    cap_seconds=ticks(2, 8),
    jitter=st.sampled_from((0.0, 1.0)),
    spread=maybe(st.just(0.2)),
)

budgets: st.SearchStrategy[BudgetConfig] = st.one_of(
    st.builds(
        ConcurrentRetryBudget,
        budget_percent=st.sampled_from((0.0, 20.0, 100.0)),
        min_retry_concurrency=st.integers(0, 3),
    ),
    st.builds(MaxRetries, max_retries=st.integers(0, 3)),
    st.builds(
        TokenRetryBudget,
        ratio=st.sampled_from((0.0, 0.2, 1.0)),
        ttl_seconds=ticks(16, 64),
        min_retries_per_second=st.sampled_from((0.0, 1.0, 10.0)),
    ),
    st.builds(GrpcRetryThrottle, max_tokens=st.integers(1, 10)),
)


def retries(timeouts: st.SearchStrategy[object]) -> st.SearchStrategy[RetryPolicy]:
    return st.builds(
        RetryPolicy,
        max_attempts=st.integers(1, 4),
        per_try_timeout=timeouts,
        deadline=maybe(ticks(1, 24)),
        backoff=backoffs,
        retry_on=st.one_of(st.just(RETRIABLE), st.frozensets(st.sampled_from(sorted(RETRIABLE)))),
        avoid_previous=booleans,
        budget=maybe(budgets),
    )


balancers: st.SearchStrategy[BalancerConfig] = st.one_of(
    st.just(Random()),
    st.just(RoundRobin()),
    st.just(WeightedRoundRobin()),
    st.builds(LeastRequest, choices=st.integers(1, 3), full_scan=booleans),
    st.builds(RingHash, minimum_ring_size=st.just(32)),
    st.just(PeakEwma()),
)

breakers = st.one_of(
    st.builds(
        BreakerConfig,
        consecutive_failures=st.integers(1, 4),
        open_seconds=ticks(1, 32),
        half_open_trials=st.integers(1, 3),
    ),
    st.builds(
        BreakerConfig,
        consecutive_failures=st.none(),
        failure_rate=st.sampled_from((0.2, 0.5)),
        slow_call_rate=maybe(st.just(0.5)),
        slow_call_seconds=ticks(1, 4),
        window_calls=st.just(20),
        window_seconds=maybe(ticks(8, 64)),
        minimum_calls=st.integers(1, 10),
        open_seconds=ticks(1, 32),
        half_open_trials=st.integers(1, 3),
    ),
)

health_checks = st.builds(
    HealthCheck,
    interval=ticks(16, 32),
    timeout=ticks(1, 8),
    unhealthy_threshold=st.integers(1, 2),
    healthy_threshold=st.integers(1, 2),
)

outlier_detections = st.builds(
    OutlierDetection,
    consecutive_5xx=st.integers(1, 4),
    interval=ticks(16, 32),
    base_ejection_time=ticks(16, 32),
    max_ejection_time=ticks(32, 96),
    max_ejection_percent=st.sampled_from((10.0, 50.0, 100.0)),
    always_eject_one_host=booleans,
    success_rate_minimum_hosts=st.integers(1, 3),
    success_rate_request_volume=st.integers(1, 10),
    success_rate_stdev_factor=st.sampled_from((0.5, 1.9)),
)


rate_limits = st.builds(
    RateLimit,
    max_tokens=st.integers(1, 10),
    tokens_per_fill=st.integers(1, 4),
    fill_interval=ticks(2, 32),
)


def edges(
    source: str, destination: str, timeouts: st.SearchStrategy[object]
) -> st.SearchStrategy[Edge]:
    """An edge with policies of every kind, on which every request makes one call."""
    return st.builds(
        Edge,
        source=st.just(source),
        destination=st.just(destination),
        retry=retries(timeouts),
        balancer=balancers,
        panic_threshold=st.sampled_from((0.0, 0.5, 1.0)),
        breaker=maybe(breakers),
        limits=maybe(st.builds(ConcurrencyLimits, max_requests=st.integers(0, 6))),
        rate_limit=st.one_of(st.none(), st.none(), rate_limits),
        health=maybe(health_checks),
        outlier=maybe(outlier_detections),
        propagation=st.one_of(st.just(Constant(0.0)), st.builds(Around, ticks(1, 16))),
    )


@st.composite
def inner_edges(
    draw: st.DrawFn,
    names: str,
    loads: tuple[Load, ...],
    timeouts: st.SearchStrategy[object],
) -> tuple[Edge, ...]:
    """Calls from service to later service, as far as some request comes that way."""
    reaching: dict[str, set[str]] = {name: set() for name in names}
    for load in loads:
        reaching[load.destination].add(load.route)
    kept: list[Edge] = []
    for source, destination in combinations(names, 2):
        routes = sorted(reaching[source])
        if not routes or not draw(booleans):
            continue
        split = draw(st.sampled_from(("", "", "ways")))
        edge = replace(
            draw(edges(source, destination, timeouts)),
            routes=draw(st.sampled_from(((), (), (routes[0],), tuple(routes)))),
            calls=1 if split else draw(st.integers(1, 2)),
            split=split,
            split_weight=draw(st.sampled_from((0.5, 1.0, 3.0))) if split else 1.0,
            probability=draw(st.sampled_from((1.0, 1.0, 0.5))),
            required=draw(booleans),
            mirror=draw(st.sampled_from((False, False, True))),
            zone_local=draw(booleans),
        )
        reaching[destination] |= set(edge.routes or routes)
        kept.append(edge)
    return tuple(kept)


@st.composite
def rates(draw: st.DrawFn, ends: bool) -> float | tuple[tuple[float, float], ...]:
    """A rate, or a curve; one that ``ends`` falls to nothing after `SECONDS`."""
    rate = float(draw(st.integers(1, 30)))
    if ends:
        return ((0.0, rate), (SECONDS, rate), (SECONDS + 0.5, 0.0))
    if draw(booleans):
        return rate
    return ((0.0, 0.0), (1.0, rate), (2.0, rate / 2))


@st.composite
def loads(draw: st.DrawFn, names: str, ends: bool) -> tuple[Load, ...]:
    """Users of the first service, and perhaps of another route, or another entrance."""
    kinds = st.sampled_from(("poisson", "even"))
    first = Load(destination=names[0], rate=draw(rates(ends)), arrivals=draw(kinds))
    match draw(st.sampled_from(("alone", "route", "entrance"))):
        case "route":
            return (first, replace(first, route="/other", rate=draw(rates(ends))))
        case "entrance":
            last = names[-1]
            return (first, replace(first, source="batch", destination=last, rate=draw(rates(ends))))
    return (first,)


def spans_of_time() -> st.SearchStrategy[tuple[float, float]]:
    return st.tuples(ticks(0, 96), ticks(1, 64)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def one_of_them(routes: Iterable[str]) -> st.SearchStrategy[str | None]:
    """None, for all routes, or one of them."""
    return st.sampled_from((None, None, *sorted(routes)))


@st.composite
def faults(draw: st.DrawFn, scenario: Scenario) -> Fault:
    """One fault on a service, an instance or an edge of ``scenario``."""
    start, end = draw(spans_of_time())
    kind = draw(st.sampled_from(("errors", "slowdown", "outage", "leak", "edge")))
    if kind == "edge":
        edge = draw(st.sampled_from(scenario.all_edges()))
        routes = routes_on(edge, scenario.loads, reached(scenario.edges, scenario.loads))
        return EdgeFault(
            source=edge.source,
            destination=edge.destination,
            rate=draw(shares),
            delay=draw(ticks(0, 4)),
            route=draw(one_of_them(routes)),
            start=start,
            end=end,
        )
    service = draw(st.sampled_from(scenario.services))
    name = draw(maybe(st.sampled_from(service.instance_names())))
    where = {"service": service.name, "instance": name, "start": start, "end": end}
    match kind:
        case "errors":
            routes = reached(scenario.edges, scenario.loads).get(service.name, ())
            return Errors(rate=draw(shares), route=draw(one_of_them(routes)), **where)
        case "slowdown":
            return Slowdown(factor=draw(st.sampled_from((0.5, 2.0, 4.0))), **where)
        case "leak":
            computes = all(instance.cpu for instance in service.instances)
            cpu = draw(st.sampled_from((0.0, 0.125))) if computes else 0.0
            return Leak(
                steady=draw(booleans),
                rate=draw(shares),
                goroutines=draw(st.integers(0, 3)),
                cpu=cpu,
                **where,
            )
        case _:
            return Outage(**where)


@st.composite
def changes(draw: st.DrawFn, scenario: Scenario, timeouts: st.SearchStrategy[object]) -> Change:
    """Other policies for one edge or one service of ``scenario``."""
    at = draw(ticks(0, 160))
    if draw(booleans):
        old = draw(st.sampled_from(scenario.all_edges()))
        new = draw(edges(old.source, old.destination, timeouts))
        kept = {name: getattr(old, name) for name in FIXED[Edge]}
        local = old.zone_local and draw(booleans)
        new = replace(new, zone_local=local, split_weight=old.split_weight, **kept)
        same = {name: getattr(old, name) for name in POLICIES if draw(booleans)}
        return Change(at=at, edge=replace(new, **same))
    service = draw(st.sampled_from(scenario.services))
    other = draw(services(service.name))
    instances = tuple(
        replace(instance, **{name: getattr(new, name) for name in SIZES})
        for instance, new in zip(service.instances, [draw(processes)] * MOST, strict=False)
    )
    fields = ("abandoned", "restart_seconds", "keeps_deadline")
    other_fields = {name: getattr(other, name) for name in fields}
    return Change(at=at, service=replace(service, instances=instances, **other_fields))


def without_overlaps(drawn: list[Fault]) -> tuple[Fault, ...]:
    """The faults, less those that a scenario would refuse."""
    kept: list[Fault] = []
    for fault in drawn:
        try:
            check_overlaps((*kept, fault))
        except ConfigError:
            continue
        kept.append(fault)
    return tuple(kept)


@st.composite
def collectors(draw: st.DrawFn, names: str) -> Central:
    """A central collector, on a good or a bad day."""
    return Central(
        delivery=draw(st.sampled_from(DELIVERIES)),
        waits=draw(booleans),
        timeout=draw(ticks(1, 8)),
        resends=draw(st.integers(0, 3)),
        record_seconds=draw(ticks(0, 1)),
        network_seconds=draw(ticks(0, 4)),
        loss=draw(st.sampled_from((0.0, 0.0, 0.3))),
        failure_rate=draw(st.sampled_from((0.0, 0.0, 0.3))),
        capacity=draw(st.sampled_from((4.0, 1024.0))),
        buffer=draw(st.integers(0, 20)),
        outages=tuple(draw(st.lists(spans_of_time(), max_size=1))),
        partitions=tuple((names[0], *span) for span in draw(st.lists(spans_of_time(), max_size=1))),
        skew=draw(st.sampled_from(((), ((f"{names[0]}-1", 2.0),)))),
    )


@st.composite
def scenarios(draw: st.DrawFn, drains: bool = False) -> Scenario:
    """A mesh of up to four services with anything that a scenario can say.

    With ``drains`` the load ends, every try has a timeout and there is time to finish.
    """
    names = "abcd"[: draw(st.integers(1, 4))]
    timeouts = ticks(1, 16) if drains else maybe(ticks(1, 16))
    users = draw(loads(names, drains))
    outer = [
        draw(edges(load.source, load.destination, timeouts))
        for load in {load.source: load for load in users}.values()
        if drains or draw(booleans)
    ]
    scenario = Scenario(
        services=tuple(draw(services(name)) for name in names),
        edges=(*outer, *draw(inner_edges(names, users, timeouts))),
        loads=users,
        duration=DRAINED if drains else draw(st.sampled_from((SECONDS, 6.0))),
        central=draw(maybe(collectors(names))),
        scrape_interval=50.0 if drains else draw(ticks(8, 64)),
        trace_sampling=draw(st.sampled_from((0.0, 0.3, 1.0))),
    )
    drawn = draw(st.lists(faults(scenario), max_size=4))
    several = st.lists(changes(scenario, timeouts), max_size=3, unique_by=lambda c: c.where)
    changed = draw(several) if draw(st.sampled_from((False, False, True))) else []
    return replace(scenario, faults=without_overlaps(drawn), changes=tuple(changed))


def written_otherwise(value: Any, chance: Chance) -> Any:
    """The same declaration, number or text in other words: 2 or ``np.float64(2.0)`` for 2.0."""
    if is_dataclass(value):
        parts = {f.name: written_otherwise(getattr(value, f.name), chance) for f in fields(value)}
        return type(value)(**parts)
    if isinstance(value, tuple):
        return tuple(written_otherwise(item, chance) for item in value)
    if isinstance(value, frozenset):
        return frozenset(map(int, value))
    return chance.choice(_ways_to_write(value))


def _ways_to_write(value: Any) -> list[Any]:
    """As many as there are of a number, a text or a flag."""
    match value:
        case bool():
            return [np.bool_(value)]
        case int():
            return [np.int64(value), np.int32(value) if value < 2**31 else value]
        case float() if value == 0.0:
            return [0, -0.0, np.float64(-0.0), np.int64(0), np.float32(0.0)]
        case float() if value.is_integer():
            return [int(value), np.int64(value), np.float64(value)]
        case float():
            return [np.float64(value)]
        case str():
            return [np.str_(value)]
    return [value]
