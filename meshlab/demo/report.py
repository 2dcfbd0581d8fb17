"""What a run has to tell, as plain data: read from its result, shown as tables or as JSON.

The fields of `Report` are the keys of the JSON document, and so on downwards. Times are seconds
since the start of the run, durations and quantiles seconds, shares 0..1; null stands for "never",
or "nothing to tell it from". Evidence is an object of names and numbers, as in the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from meshlab.demo.counters import Counters
from meshlab.demo.incidents import BREAKER, Incident, read_incidents
from meshlab.demo.phases import Phase, read_phases, users
from meshlab.demo.shares import Share, read_shares
from meshlab.mesh.result import Result
from meshlab.topology import Edge

GUARDS = ("breaker", "outlier", "health", "limits", "rate_limit")
EVIDENCE = ("evidence", "ending_evidence")
"""Fields that hold pairs of a name and a number."""


@dataclass(frozen=True, slots=True)
class Route:
    """One edge: how it was routed and guarded, and what became of its calls over the whole run.

    ``tries`` and ``try_seconds`` are the most that one call may make and take. ``refused`` calls
    were not sent by the caller's own sidecar, ``failed`` ones were sent in vain; ``attempts`` were
    tries. ``denied`` retries were not granted by the budget; ``opened`` counts openings of its
    breakers, failed probes included. The quantiles (s) are those of all calls, good or bad.
    """

    name: str
    balancer: str
    tries: int
    try_seconds: float | None
    guards: tuple[str, ...]
    calls: int
    succeeded: int
    failed: int
    refused: int
    in_flight: int
    attempts: int
    retries: int
    denied: int
    opened: int
    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the tables show. ``digest`` is the fingerprint of the whole result."""

    scenario: str
    seed: int
    duration: float
    digest: str
    summary: dict[str, int]
    services: dict[str, tuple[str, ...]]
    phases: tuple[Phase, ...]
    incidents: tuple[Incident, ...]
    routes: tuple[Route, ...]
    shares: tuple[Share, ...]


def read_report(result: Result) -> Report:
    """Read the report of a run from what it recorded."""
    scenario = result.scenario
    incidents, counters = read_incidents(result), Counters(result)
    return Report(
        scenario=scenario.name,
        seed=result.seed,
        duration=scenario.duration,
        digest=result.digest(),
        summary=_summary(result, incidents),
        services={service.name: service.instance_names() for service in scenario.services},
        phases=read_phases(result, counters),
        incidents=incidents,
        routes=tuple(_route(e, result, counters, incidents) for e in scenario.all_edges()),
        shares=read_shares(result),
    )


def _route(edge: Edge, result: Result, counters: Counters, seen: Sequence[Incident]) -> Route:
    ends, retry = (edge.source, edge.destination), edge.retry
    totals = result.edges[ends]
    guards = [name for name in GUARDS if getattr(edge, name) is not None]
    guards += ["budget"] * (retry.budget is not None) + ["optional"] * (not edge.required)
    breakers = [i for i in seen if i.kind == BREAKER and i.about == edge.name]
    return Route(
        *(edge.name, edge.balancer.kind, retry.max_attempts, retry.per_try_timeout, tuple(guards)),
        *(totals.calls, totals.succeeded, totals.failed, totals.rejected, totals.in_flight),
        *(totals.attempts, totals.retries, totals.retries_denied),
        sum(1 + breaker.failed_probes for breaker in breakers),
        *counters.quantiles([ends], 0.0, result.scenario.duration),
    )


def _summary(result: Result, incidents: Sequence[Incident]) -> dict[str, int]:
    """The run in a few numbers: users' requests, then calls and retries on all edges."""
    edges = result.edges.values()
    entrances = [result.edges[edge] for edge in users(result.scenario)]
    return {
        "requests": sum(edge.calls for edge in entrances),
        "succeeded": sum(edge.succeeded for edge in entrances),
        "lost": sum(edge.failed + edge.rejected for edge in entrances),
        "in_flight": sum(edge.in_flight for edge in entrances),
        "calls": sum(edge.calls for edge in edges),
        "refused": sum(edge.rejected for edge in edges),
        "retries": sum(edge.retries for edge in edges),
        "denied": sum(edge.retries_denied for edge in edges),
        "unhealed": sum(incident.ended is None for incident in incidents),
    }


def to_json(report: Report) -> str:
    """The report as a JSON document that ends with a line break: for a seed always the same bytes.

    Numbers are rounded to a millionth.
    """
    return json.dumps(_plain(asdict(report)), indent=2, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """Floats rounded; pairs of a name and a number as an object."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {k: dict(_plain(v)) if k in EVIDENCE else _plain(v) for k, v in value.items()}
    return [_plain(part) for part in value] if isinstance(value, (tuple, list)) else value
