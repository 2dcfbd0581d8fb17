"""What a run has to tell, as plain data: read from its result, shown as tables or as JSON.

The fields of `Report` are the keys of the JSON document, and so on downwards. Times are seconds
since the start of the run, durations and quantiles seconds, shares 0..1; null stands for "never",
or "nothing to tell it from". Evidence is an object of names and numbers, as in the ledger.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from meshlab.demo.incidents import Incident, healed_at, read_incidents
from meshlab.demo.phases import Phase, PhaseReader, describe
from meshlab.demo.routes import Route, read_routes
from meshlab.demo.shares import FirstTry, Share, read_first_tries, read_shares
from meshlab.demo.users import Users, entries
from meshlab.result import Result

EVIDENCE = ("evidence", "ending_evidence")
"""Fields that hold pairs of a name and a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultEffect:
    """What one fault did: from ``start`` to ``end`` (s; null: it never ends).

    ``requests`` and ``lost`` are those of the phases in which it held; ``incidents`` those that
    began while it did, by kind. ``healed_after`` is how long after its end (s) the last incident
    that still held was over and users lost hardly any requests any more; null if that was not
    before the next fault, or not at all.
    """

    fault: str
    start: float
    end: float | None
    requests: int
    lost: int
    incidents: dict[str, int]
    healed_after: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The run in a few numbers: requests of users first, then calls and tries on all edges.

    ``incidents`` counts them by kind; ``unhealed`` those that the end of the run found.
    """

    requests: int
    succeeded: int
    lost: int
    in_flight: int
    calls: int
    attempts: int
    retries: int
    retries_denied: int
    refused: int
    incidents: dict[str, int]
    unhealed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that the tables show. ``digest`` is the fingerprint of the whole result."""

    scenario: str
    seed: int
    duration: float
    digest: str
    summary: Summary
    services: dict[str, tuple[str, ...]]
    phases: tuple[Phase, ...]
    faults: tuple[FaultEffect, ...]
    routes: tuple[Route, ...]
    incidents: tuple[Incident, ...]
    shares: tuple[Share, ...]
    first_tries: tuple[FirstTry, ...]


def read_report(result: Result) -> Report:
    """Read the report of a run from what it recorded."""
    scenario = result.scenario
    phases = PhaseReader(result).read()
    incidents = read_incidents(result)
    return Report(
        scenario=scenario.name,
        seed=result.seed,
        duration=scenario.duration,
        digest=result.digest(),
        summary=_summary(result, incidents),
        services={service.name: service.instance_names() for service in scenario.services},
        phases=phases,
        faults=_effects(result, phases, incidents),
        routes=read_routes(result, incidents),
        incidents=incidents,
        shares=read_shares(result, phases),
        first_tries=read_first_tries(result),
    )


def _effects(
    result: Result, phases: Sequence[Phase], incidents: Sequence[Incident]
) -> tuple[FaultEffect, ...]:
    """The faults that began during the run, in the order of time."""
    users, duration = Users(result), result.scenario.duration
    faults = sorted(result.scenario.faults, key=lambda fault: fault.start)
    effects = []
    for fault in (fault for fault in faults if fault.start < duration):
        held = [phase for phase in phases if fault.start <= phase.start < fault.end]
        during = [i for i in incidents if fault.start <= i.began < fault.end]
        quiet_until = min([duration, *(f.start for f in faults if f.start >= fault.end)])
        effects.append(
            FaultEffect(
                fault=describe(fault),
                start=fault.start,
                end=fault.end if isfinite(fault.end) else None,
                requests=sum(phase.requests for phase in held),
                lost=sum(phase.lost for phase in held),
                incidents=_by_kind(during),
                healed_after=_healed_after(fault.end, quiet_until, users, incidents),
            )
        )
    return tuple(effects)


def _healed_after(
    end: float, quiet_until: float, users: Users, incidents: Sequence[Incident]
) -> float | None:
    """Incidents must be over, and users well again before the next fault or the end of the run."""
    if end >= quiet_until:
        return None
    over, well = healed_at(incidents, end), users.well_from(end, quiet_until)
    return None if over is None or well is None else max(over, well) - end


def _summary(result: Result, incidents: Sequence[Incident]) -> Summary:
    users = [result.edges[edge] for edge in entries(result.scenario)]
    edges = result.edges.values()
    return Summary(
        requests=sum(edge.calls for edge in users),
        succeeded=sum(edge.succeeded for edge in users),
        lost=sum(edge.failed + edge.rejected for edge in users),
        in_flight=sum(edge.in_flight for edge in users),
        calls=sum(edge.calls for edge in edges),
        attempts=sum(edge.attempts for edge in edges),
        retries=sum(edge.retries for edge in edges),
        retries_denied=sum(edge.retries_denied for edge in edges),
        refused=sum(edge.rejected for edge in edges),
        incidents=_by_kind(incidents),
        unhealed=sum(incident.ended is None for incident in incidents),
    )


def _by_kind(incidents: Sequence[Incident]) -> dict[str, int]:
    return dict(Counter(incident.kind for incident in incidents))


def to_json(report: Report) -> str:
    """The report as a JSON document that ends with a line break: for a seed always the same bytes.

    Numbers are rounded to a millionth.
    """
    return json.dumps(_plain(asdict(report)), indent=2, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """Floats rounded; pairs of a name and a number as an object."""
    match value:
        case float():
            return round(value, 6)
        case dict():
            return {
                key: dict(_plain(part)) if key in EVIDENCE else _plain(part)
                for key, part in value.items()
            }
        case tuple() | list():
            return [_plain(part) for part in value]
        case _:
            return value
