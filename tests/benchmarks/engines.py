"""The engines that run the chain, one row each, and what each of them did in comparable numbers.

    "name": Row(run, work, count, missing)     run is timed, the rest is not

Another engine is another row: ``run`` takes a scenario and a seed, ``work`` reads what was done,
``count`` how often it did what is paid for, and ``missing`` says what it lacks here, if anything.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from meshlab.engines.choice import why_not
from meshlab.engines.run import run
from meshlab.mesh.result import Result
from meshlab.model import Outcome
from meshlab.scenario.scenario import Scenario
from tests.benchmarks import simpy_model

Work = dict[tuple[str, str], tuple[Any, ...]]
"""For every edge: calls, retries, ends of calls and of tries by outcome, and seconds."""


def never(scenario: Scenario) -> str:
    """Nothing is missing."""
    return ""


@dataclass(frozen=True, slots=True)
class Row:
    """One engine. ``missing(scenario)`` is why it can't run here; empty if it can."""

    run: Callable[[Scenario, int], Any]
    work: Callable[[Any], Any]
    count: Callable[[Any], int]
    missing: Callable[[Scenario], str] = never


Rows = dict[str, Row]


def work_of_result(result: Result) -> Work:
    """What a run of meshlab did."""
    return {
        edge: (t.calls, t.retries, t.outcomes, t.tries, round(t.seconds, 6))
        for edge, t in result.edges.items()
    }


def work_of_simpy(model: simpy_model.Mesh) -> Work:
    """What a run of the SimPy model did, summed over the sidecars of each edge."""
    work: Work = {}
    for edge in model.scenario.edges:
        counts = [u.counts for u in model.upstreams if u.edge is edge]
        work[edge.source, edge.destination] = (
            sum(c.started for c in counts),
            sum(c.retries for c in counts),
            tuple(sum(c.outcomes[outcome] for c in counts) for outcome in Outcome),
            tuple(sum(c.tries[outcome] for c in counts) for outcome in Outcome),
            round(sum(c.seconds for c in counts), 6),
        )
    return work


def requests(result: Result) -> int:
    """What came from outside."""
    return result.edges["client", "gateway"].calls


def requests_of_simpy(model: simpy_model.Mesh) -> int:
    return model.upstreams[0].counts.started


def reference(scenario: Scenario, seed: int) -> Result:
    return run(scenario, seed, engine="reference")


def compiled(scenario: Scenario, seed: int) -> Result:
    return run(scenario, seed, engine="compiled")


def with_telemetry(scenario: Scenario, seed: int) -> Result:
    """What a lesson asks for: a scrape every second of the run, and one trace in a hundred."""
    return reference(replace(scenario, scrape_interval=1.0, trace_sampling=0.01), seed)


BASE = "SimPy"
"""The row that all others are measured against."""

COMPILED = "meshlab, compiled"
LONGER = "compiled, 10 x as long"

ENGINES: Rows = {
    BASE: Row(simpy_model.run, work_of_simpy, requests_of_simpy),
    "meshlab, reference": Row(reference, work_of_result, requests),
    "meshlab, scraped and traced": Row(with_telemetry, work_of_result, requests),
    COMPILED: Row(compiled, work_of_result, requests, why_not),
}


def with_longer(rows: Rows) -> Rows:
    """The rows, and the compiled engine in a run in which its set-up hardly counts."""
    if COMPILED not in rows:
        return rows
    row = rows[COMPILED]

    def run(scenario: Scenario, seed: int) -> Any:
        return row.run(replace(scenario, duration=10.0 * scenario.duration), seed)

    return {**rows, LONGER: replace(row, run=run)}


def prove(rows: Rows, scenario: Scenario, seed: int = 1) -> Any:
    """The work of a run, after every engine has done the same; SystemExit if one has not."""
    base, *_ = rows
    truth = rows[base].work(rows[base].run(scenario, seed))
    for name, row in rows.items():
        if name != base and row.work(row.run(scenario, seed)) != truth:
            sys.exit(f"{name} did not do the same work as {base}: there is nothing to compare")
    return truth
