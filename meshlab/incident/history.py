"""What might have been done: each defence changes one thing, from a minute on.

    scenario = DEFENCES["retry budget"].apply(incident(), at=0.0)

The random streams stay as they were, so that two runs differ only by what was changed. A change of
policies is a `Change` at its minute; what only a new process can have (more memory, another
instance) comes with new processes at that minute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from meshlab.changes import Change
from meshlab.faults import Leak, Outage
from meshlab.mesh import run
from meshlab.policies.breaker import BreakerConfig
from meshlab.policies.budget import TokenRetryBudget
from meshlab.policies.limits import ConcurrencyLimits
from meshlab.result import Result
from meshlab.rules import require_at_least
from meshlab.scenario import Scenario
from meshlab.topology import Edge, Service

RESTART_SECONDS = 50.0
"""To start one instance of auth."""

REACTION_SECONDS = 120.0
"""From an alert to the restart that it calls for."""


@dataclass(frozen=True, slots=True)
class Defence:
    """One thing that might have been done. ``apply(scenario, at)`` does it from ``at`` (s) on."""

    name: str
    what: str
    apply: Callable[[Scenario, float], Scenario]


def amended_edge(scenario: Scenario, at: float, edge: Edge) -> Scenario:
    """From ``at`` on the edge is as said; from the beginning it is so declared."""
    require_at_least(at, 0, "history", "at")
    if at == 0.0:
        edges = tuple(edge if old.name == edge.name else old for old in scenario.edges)
        return replace(scenario, edges=edges)
    return replace(scenario, changes=(*scenario.changes, Change(at=at, edge=edge)))


def amended_service(scenario: Scenario, at: float, service: Service) -> Scenario:
    """From ``at`` on the service is as said; from the beginning it is so declared."""
    require_at_least(at, 0, "history", "at")
    if at == 0.0:
        services = tuple(service if s.name == service.name else s for s in scenario.services)
        return replace(scenario, services=services)
    return replace(scenario, changes=(*scenario.changes, Change(at=at, service=service)))


def _latest(scenario: Scenario, source: str, destination: str) -> Edge:
    """The edge as the last change leaves it, or as it is declared."""
    edge = scenario.edge(source, destination)
    for change in scenario.changes:
        if change.edge is not None and change.edge.name == edge.name:
            edge = change.edge
    return edge


def _gateway(scenario: Scenario) -> Edge:
    return _latest(scenario, "gateway", "auth")


def no_leak(scenario: Scenario, at: float) -> Scenario:
    """The defect is fixed by ``at``; what has leaked so far stays."""
    faults = tuple(
        replace(fault, end=max(at, fault.start + 1e-6)) if isinstance(fault, Leak) else fault
        for fault in scenario.faults
        if not (isinstance(fault, Leak) and at <= fault.start)
    )
    return replace(scenario, faults=faults)


def no_retries(scenario: Scenario, at: float) -> Scenario:
    """The gateway tries once."""
    edge = _gateway(scenario)
    return amended_edge(scenario, at, replace(edge, retry=replace(edge.retry, max_attempts=1)))


def retry_budget(scenario: Scenario, at: float) -> Scenario:
    """A token budget in every gateway: a fifth of its calls may be retried."""
    edge = _gateway(scenario)
    retry = replace(edge.retry, budget=TokenRetryBudget())
    return amended_edge(scenario, at, replace(edge, retry=retry))


def breaker(scenario: Scenario, at: float) -> Scenario:
    """A circuit breaker in every gateway, by failure rate."""
    config = BreakerConfig(
        consecutive_failures=None,
        failure_rate=0.5,
        window_seconds=10.0,
        minimum_calls=100,
        open_seconds=5.0,
        half_open_trials=10,
    )
    return amended_edge(scenario, at, replace(_gateway(scenario), breaker=config))


def concurrency_limit(scenario: Scenario, at: float) -> Scenario:
    """At most 400 tries in flight from each gateway to auth."""
    limits = ConcurrencyLimits(max_requests=400)
    return amended_edge(scenario, at, replace(_gateway(scenario), limits=limits))


def shed_early(scenario: Scenario, at: float) -> Scenario:
    """Auth takes 400 requests at a time instead of 1,024, and turns the rest away at once."""
    auth = scenario.service("auth")
    instances = tuple(replace(instance, workers=400) for instance in auth.instances)
    return amended_service(scenario, at, replace(auth, instances=instances))


def least_request(scenario: Scenario, at: float) -> Scenario:
    """Least request over all zones instead of the caller's own."""
    return amended_edge(scenario, at, replace(_gateway(scenario), zone_local=False))


def twice_the_memory(scenario: Scenario, at: float) -> Scenario:
    """Every auth instance may hold twice as much."""
    auth = scenario.service("auth")
    instances = tuple(
        replace(i, memory=replace(i.memory, limit_bytes=2 * i.memory.limit_bytes))
        for i in auth.instances
        if i.memory is not None
    )
    return amended_service(scenario, at, replace(auth, instances=instances))


def six_instances(scenario: Scenario, at: float) -> Scenario:
    """Three more instances of auth, one in each zone."""
    auth = scenario.service("auth")
    more = tuple(replace(instance, starts_at=at) for instance in auth.instances)
    bigger = replace(auth, instances=(*auth.instances, *more))
    services = tuple(bigger if s.name == "auth" else s for s in scenario.services)
    return replace(scenario, services=services)


def always_restarted(scenario: Scenario, at: float) -> Scenario:
    """The platform restarts what was killed, and needs 50 s for it."""
    auth = replace(scenario.service("auth"), restart_seconds=RESTART_SECONDS)
    return amended_service(scenario, at, auth)


def rolling_restarts(scenario: Scenario, at: float, every: float = 70.0) -> Scenario:
    """One auth instance after another is restarted, one every ``every`` seconds, until the fix."""
    names = scenario.service("auth").instance_names()
    fix = min(
        (f.start for f in scenario.faults if isinstance(f, Outage)), default=scenario.duration
    )
    begin = max(at, min((f.start for f in scenario.faults if isinstance(f, Leak)), default=at))
    outages = []
    number = 0
    while begin + (number + 1) * every + RESTART_SECONDS < fix:
        start = begin + (number + 1) * every
        outages.append(_restart(names[number % len(names)], start))
        number += 1
    return replace(scenario, faults=(*scenario.faults, *outages))


def _restart(instance: str, start: float) -> Outage:
    return Outage(service="auth", instance=instance, start=start, end=start + RESTART_SECONDS)


def alert_on_goroutines(
    scenario: Scenario, at: float, threshold: float = 1000.0, seed: int = 1
) -> Scenario:
    """Whoever has more than ``threshold`` goroutines is restarted two minutes after the scrape.

    The operators see what the run shows: it is run, the first alert that nobody has answered yet is
    answered by a restart, and it is run again, until there is none left.
    """
    answered: dict[str, float] = {}
    while True:
        alert = _first_alert(run(scenario, seed, engine="auto"), at, threshold, answered)
        if alert is None:
            return scenario
        time, instance = alert
        restart = _restart(instance, time + REACTION_SECONDS)
        answered[instance] = restart.end
        if _collides(scenario, restart):
            continue
        scenario = replace(scenario, faults=(*scenario.faults, restart))


def _first_alert(
    result: Result, at: float, threshold: float, answered: dict[str, float]
) -> tuple[float, str] | None:
    """The first scrape after ``at`` that shows too many, on an instance that is not waited for."""
    frame = result.frame("service_goroutines", service="auth")
    fired = frame[(frame["value"] > threshold) & (frame["time"] > at)].sort_values("time")
    for time, instance in zip(fired["time"], fired["instance"], strict=True):
        if float(time) > answered.get(str(instance), 0.0):
            return float(time), str(instance)
    return None


def _collides(scenario: Scenario, restart: Outage) -> bool:
    """Whether the instance is down then anyway, or the run is over."""
    return restart.end >= scenario.duration or any(
        isinstance(fault, Outage)
        and fault.instance == restart.instance
        and fault.start < restart.end
        and restart.start < fault.end
        for fault in scenario.faults
    )


DEFENCES: dict[str, Defence] = {
    name: Defence(name, (function.__doc__ or "").strip().splitlines()[0], function)
    for name, function in {
        "no leak": no_leak,
        "no retries": no_retries,
        "retry budget": retry_budget,
        "breaker": breaker,
        "concurrency limit": concurrency_limit,
        "shed early": shed_early,
        "least request": least_request,
        "twice the memory": twice_the_memory,
        "six instances": six_instances,
        "always restarted": always_restarted,
        "rolling restarts": rolling_restarts,
        "alert on goroutines": alert_on_goroutines,
    }.items()
}
"""Every defence by its name."""
