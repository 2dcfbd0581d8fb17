"""The phases of a run: between any two changes of its faults, what users got."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from meshlab.demo.counters import Counters
from meshlab.faults import EdgeFault, Errors, Fault, Leak, Outage, Slowdown
from meshlab.mesh.result import Result
from meshlab.model import Outcome
from meshlab.scenario import Scenario
from meshlab.telemetry import names


@dataclass(frozen=True, slots=True)
class Phase:
    """From ``start`` to ``end`` (s) the faults that ``label`` names held.

    ``requests`` are those of users that ended in it, ``lost`` those that ended badly; ``p50`` and
    so on how long they took (s), lost or not. ``retries`` counts those on all edges.
    """

    label: str
    start: float
    end: float
    requests: int
    lost: int
    p50: float | None
    p95: float | None
    p99: float | None
    retries: int


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


def _spans(scenario: Scenario) -> Iterator[tuple[str, float, float]]:
    """(label, start, end) of every phase."""
    faults = scenario.faults
    times = {f.start for f in faults} | {f.end for f in faults}
    inner = sorted(time for time in times if 0.0 < time < scenario.duration)
    for start, end in pairwise([0.0, *inner, scenario.duration]):
        causes = [describe(f) for f in faults if f.start <= start < f.end]
        yield ", ".join(causes) or "no fault", start, end


def users(scenario: Scenario) -> list[tuple[str, str]]:
    """The edges on which requests of users come in."""
    return sorted({(load.source, load.destination) for load in scenario.loads})


def read_phases(result: Result, counters: Counters) -> tuple[Phase, ...]:
    """All phases, in order."""
    scenario = result.scenario
    entrances, inside = users(scenario), [(e.source, e.destination) for e in scenario.all_edges()]
    good = {"code": str(Outcome.OK.code)}
    phases = []
    for label, start, end in _spans(scenario):
        ended = counters.growth(names.MESH_REQUESTS, entrances, start, end)
        well = counters.growth(names.MESH_REQUESTS, entrances, start, end, **good)
        quantiles = counters.quantiles(entrances, start, end)
        retries = counters.growth(names.MESH_RETRIES, inside, start, end)
        phases.append(Phase(label, start, end, ended, ended - well, *quantiles, retries))
    return tuple(phases)
