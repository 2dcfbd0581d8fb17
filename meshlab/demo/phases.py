"""The phases of a run: between any two changes of its faults, what users got."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from meshlab.demo.counters import Counters, Durations, Quantiles
from meshlab.faults import EdgeFault, Errors, Fault, Leak, Outage, Slowdown
from meshlab.model import Outcome
from meshlab.result import Result
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


class Users:
    """What users got between two times (s), on all edges on which their requests come in."""

    def __init__(self, result: Result) -> None:
        self.edges = sorted({(load.source, load.destination) for load in result.scenario.loads})
        self._calls = Counters(result, names.MESH_REQUESTS, ("source", "destination", "code"))
        self._durations = Durations(result)

    def between(self, start: float, end: float) -> tuple[int, int]:
        """How many requests ended, and how many of them badly."""
        every = good = 0
        for (source, destination, code), count in self._calls.between(start, end).items():
            if (source, destination) in self.edges:
                every += count
                good += count if code == str(Outcome.OK.code) else 0
        return every, every - good

    def quantiles(self, start: float, end: float) -> Quantiles:
        """p50, p95 and p99 (s) of the requests that ended."""
        return self._durations.quantiles(self.edges, start, end)


def read_phases(result: Result) -> tuple[Phase, ...]:
    """All phases, in order."""
    users = Users(result)
    retries = Counters(result, names.MESH_RETRIES, ("source", "destination"))
    return tuple(
        Phase(
            label,
            start,
            end,
            *users.between(start, end),
            *users.quantiles(start, end),
            sum(retries.between(start, end).values()),
        )
        for label, start, end in _spans(result.scenario)
    )
