"""Every edge of a run: how it was routed and guarded, and what became of its calls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from meshlab.demo.counters import Durations
from meshlab.demo.incidents import BREAKER, Incident
from meshlab.demo.phases import QUANTILES
from meshlab.result import Result
from meshlab.topology import Edge
from meshlab.totals import EdgeTotals


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One edge: its declared routing first, then its totals over the whole run.

    ``max_attempts`` and ``per_try_timeout`` (s) are those of its retry policy; ``guards`` names the
    other policies that it has. ``required`` is false where the caller goes on without an answer.
    ``refused`` calls were not sent by the caller's own sidecar, ``failed`` ones were sent in vain;
    ``attempts_per_call`` counts tries, and is below 1 where calls were refused. ``retries_denied``
    are those that the budget did not grant. ``opened`` says how often breakers opened, failed
    probes included. The quantiles (s) are those of all calls, good or bad.
    """

    name: str
    source: str
    destination: str
    balancer: str
    max_attempts: int
    per_try_timeout: float | None
    guards: tuple[str, ...]
    required: bool
    calls: int
    succeeded: int
    failed: int
    refused: int
    in_flight: int
    attempts_per_call: float | None
    retries: int
    retries_denied: int
    opened: int
    p50: float | None
    p95: float | None
    p99: float | None


def read_routes(result: Result, incidents: Iterable[Incident]) -> tuple[Route, ...]:
    """All edges, in the order in which they were declared."""
    scenario = result.scenario
    durations = Durations(result)
    breakers = [incident for incident in incidents if incident.kind == BREAKER]
    routes = []
    for edge in scenario.all_edges():
        ends = (edge.source, edge.destination)
        opened = sum(1 + b.failed_probes for b in breakers if b.edge == edge.name)
        quantiles = durations.quantiles([ends], 0.0, scenario.duration, *QUANTILES)
        routes.append(_route(edge, result.edges[ends], opened, quantiles))
    return tuple(routes)


def _guards(edge: Edge) -> tuple[str, ...]:
    guards = {
        "breaker": edge.breaker,
        "outlier": edge.outlier,
        "health": edge.health,
        "limits": edge.limits,
        "budget": edge.retry.budget,
    }
    return tuple(name for name, policy in guards.items() if policy is not None)


def _route(edge: Edge, totals: EdgeTotals, opened: int, quantiles: list[float | None]) -> Route:
    p50, p95, p99 = quantiles
    return Route(
        name=edge.name,
        source=edge.source,
        destination=edge.destination,
        balancer=edge.balancer.kind,
        max_attempts=edge.retry.max_attempts,
        per_try_timeout=edge.retry.per_try_timeout,
        guards=_guards(edge),
        required=edge.required,
        calls=totals.calls,
        succeeded=totals.succeeded,
        failed=totals.failed,
        refused=totals.rejected,
        in_flight=totals.in_flight,
        attempts_per_call=totals.attempts / totals.calls if totals.calls else None,
        retries=totals.retries,
        retries_denied=totals.retries_denied,
        opened=opened,
        p50=p50,
        p95=p95,
        p99=p99,
    )
