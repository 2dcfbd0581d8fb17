"""The phases of a run: between any two changes of its causes, what users got and what the mesh did.

Causes are the faults of the scenario, and instances that come or go; everything else follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from meshlab.demo.counters import Counters, Durations, Labels, total
from meshlab.demo.users import Users, entries
from meshlab.faults import EdgeFault, Errors, Fault, Leak, Outage, Slowdown
from meshlab.model import REJECTIONS, Outcome
from meshlab.result import Result
from meshlab.scenario import Scenario
from meshlab.telemetry import names
from meshlab.topology import Instance

REFUSALS = {outcome.flag: outcome.meaning for outcome in sorted(REJECTIONS)}
"""The response flags of calls that the caller's sidecar refused to send, and what they mean."""

QUANTILES = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where failures began: ``count`` of them at ``where``, an instance or a sidecar's refusals."""

    where: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """From ``start`` to ``end`` (s) no cause changed. ``label`` names the causes.

    ``requests`` are those of users that ended in it, ``lost`` those that ended badly; ``p50`` and
    so on how long they took (s), lost or not. ``failed_at`` are the instances that failed tries by
    themselves, most first: tries that they failed, less those that they only passed on.
    ``refused_at`` are the edges whose sidecars refused calls. ``retries`` and ``retries_denied``
    count on all edges.
    """

    number: int
    label: str
    start: float
    end: float
    requests: int
    lost: int
    p50: float | None
    p95: float | None
    p99: float | None
    retries: int
    retries_denied: int
    failed_at: tuple[Origin, ...]
    refused_at: tuple[Origin, ...]


def describe(fault: Fault) -> str:
    """The fault in a few words."""
    match fault:
        case Errors(rate=rate):
            return f"{fault.target} fails {rate:.0%}"
        case Slowdown(factor=factor):
            return f"{fault.target} {factor:g}x as slow"
        case Outage():
            return f"{fault.target} is out"
        case Leak(rate=rate):
            return f"{fault.target} hangs {rate:.0%}"
        case EdgeFault(rate=rate, delay=delay):
            breaks = [f"breaks {rate:.0%}"] if rate else []
            waits = [f"waits {delay * 1000:g} ms"] if delay else []
            return f"{fault.target} {' and '.join(breaks + waits) or 'has a fault of nothing'}"


def comes_at(instance: Instance) -> float:
    """When discovery is told that the instance is there (s)."""
    return instance.starts_at if instance.registers_at is None else instance.registers_at


def goes_at(instance: Instance) -> float:
    """When discovery is told that the instance has gone (s); infinity: it stays."""
    last = instance.stops_at if instance.deregisters_at is None else instance.deregisters_at
    return inf if last is None else last


def _moves(scenario: Scenario) -> Iterator[tuple[float, str]]:
    """When instances come and go, in words."""
    for service in scenario.services:
        for name, instance in zip(service.instance_names(), service.instances, strict=True):
            yield comes_at(instance), f"{name} joins"
            yield goes_at(instance), f"{name} leaves"


def _spans(scenario: Scenario) -> Iterator[tuple[float, float, str]]:
    """(start, end, label) of every phase."""
    faults, moves = scenario.faults, list(_moves(scenario))
    times = {f.start for f in faults} | {f.end for f in faults} | {time for time, _ in moves}
    inner = sorted(time for time in times if 0.0 < time < scenario.duration)
    for start, end in pairwise([0.0, *inner, scenario.duration]):
        causes = [describe(f) for f in faults if f.start <= start < f.end]
        causes += [move for time, move in moves if time == start > 0.0]
        calm = "no fault" if any(f.start < start for f in faults) else "at rest"
        yield start, end, ", ".join(causes) or calm


class PhaseReader:
    """Reads phases from the sidecars' metrics."""

    def __init__(self, result: Result) -> None:
        self._scenario = result.scenario
        ends = ("source", "destination")
        self._calls = Counters(result, names.MESH_REQUESTS, ("instance", *ends, "code", "flag"))
        self._failures = Counters(result, names.MESH_ATTEMPT_FAILURES, ("endpoint",))
        self._retries = Counters(result, names.MESH_RETRIES, ends)
        self._denied = Counters(result, names.MESH_RETRIES_DENIED, ends)
        self._durations = Durations(result)
        self._users = Users(result)

    def read(self) -> tuple[Phase, ...]:
        """All phases, in order."""
        spans = enumerate(_spans(self._scenario), start=1)
        return tuple(self._phase(number, *span) for number, span in spans)

    def _phase(self, number: int, start: float, end: float, label: str) -> Phase:
        calls = self._calls.between(start, end)
        requests, lost = self._users.between(start, end)
        mine = entries(self._scenario)
        p50, p95, p99 = self._durations.quantiles(mine, start, end, *QUANTILES)
        return Phase(
            number=number,
            label=label,
            start=start,
            end=end,
            requests=requests,
            lost=lost,
            p50=p50,
            p95=p95,
            p99=p99,
            retries=total(self._retries.between(start, end)),
            retries_denied=total(self._denied.between(start, end)),
            failed_at=self._failed_at(self._failures.between(start, end), calls),
            refused_at=_refused_at(calls),
        )

    def _failed_at(
        self, failures: dict[Labels, float], calls: dict[Labels, float]
    ) -> tuple[Origin, ...]:
        """Tries that each instance failed, less the required calls that failed behind it."""
        required = {(e.source, e.destination) for e in self._scenario.all_edges() if e.required}
        own = {endpoint: round(n) for (endpoint,), n in failures.items()}
        good = (str(Outcome.OK.code), str(Outcome.ABANDONED.code))
        for (sidecar, source, destination, code, _), n in calls.items():
            if sidecar in own and (source, destination) in required and code not in good:
                own[sidecar] -= round(n)
        return _most_first(own.items())


def _refused_at(calls: dict[Labels, float]) -> tuple[Origin, ...]:
    refused: dict[str, int] = {}
    for (_, source, destination, _, flag), n in calls.items():
        if flag in REFUSALS:
            edge = f"{source}->{destination}"
            refused[edge] = refused.get(edge, 0) + round(n)
    return _most_first(refused.items())


def _most_first(counts: Iterable[tuple[str, int]]) -> tuple[Origin, ...]:
    """Those that counted anything, the largest first."""
    found = [Origin(where=where, count=count) for where, count in counts if count > 0]
    return tuple(sorted(found, key=lambda origin: -origin.count))
