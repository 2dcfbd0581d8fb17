"""A mesh does the same in both kernels, on any scenario that both can run.

Its rules stand once, and are compiled as they stand. What plain Python and compiled code understand
differently is found here, with the first thing that differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import zip_longest

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from meshlab.engines.choice import why_not
from meshlab.engines.run import run
from meshlab.mesh.result import Result
from meshlab.scenario.scenario import Scenario
from tests.benchmarks.chain import CALM, STORM
from tests.record_digests import RUNS, SEED
from tests.strategies import scenarios, seeds

pytestmark = pytest.mark.slow

pytest.importorskip("numba", reason="numba is not installed, so there is no compiled engine")


def first_difference(one: Iterable[object], other: Iterable[object], what: str) -> Iterator[str]:
    """The first item that differs, with its neighbours named by what they are."""
    for place, (left, right) in enumerate(zip_longest(one, other)):
        if left != right:
            yield f"{what} {place}: the reference engine has {left}, the compiled one {right}"
            return


def differences(reference: Result, compiled: Result) -> list[str]:
    """What differs, the earliest in virtual time first where there is a time."""
    found: list[str] = []
    for left, right in zip(reference.recordings, compiled.recordings, strict=True):
        same = (left.values == right.values) | (np.isnan(left.values) & np.isnan(right.values))
        if left.schema != right.schema:
            found.append(f"the series of {left.target} are others")
        elif not same.all():
            row, column = np.argwhere(~same)[0]
            found.append(
                f"at {left.times[row]} s {left.target} has {left.schema[column]} "
                f"{left.values[row, column]} in the reference engine, "
                f"{right.values[row, column]} in the compiled one"
            )
    found += first_difference(reference.ledger, compiled.ledger, "ledger entry")
    found += first_difference(reference.spans, compiled.spans, "span")
    found += first_difference(reference.exemplars, compiled.exemplars, "exemplar")
    found += first_difference(
        sorted(reference.edges.items()), sorted(compiled.edges.items()), "edge"
    )
    found += first_difference(
        sorted(reference.processes.items()), sorted(compiled.processes.items()), "process"
    )
    if reference.events != compiled.events:
        found.append(f"{reference.events} events in the reference engine, {compiled.events} here")
    if not found and reference.digest() != compiled.digest():
        found.append("the digests differ, and nothing that this test looks at")
    return found


def assert_alike(scenario: Scenario, seed: int) -> None:
    """Run both engines and compare all that they give."""
    reference = run(scenario, seed, engine="reference")
    compiled = run(scenario, seed, engine="compiled")
    assert (reference.engine, compiled.engine) == ("reference", "compiled")
    found = differences(reference, compiled)
    advice = "plain Python and compiled code do not do the same"
    assert not found, "\n".join([f"{advice}; first:", *found])


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(scenarios(), seeds)
def test_a_random_scenario_gives_the_same_bytes(scenario: Scenario, seed: int) -> None:
    assert why_not(scenario) == ""
    assert_alike(scenario, seed)


@pytest.mark.parametrize("name", RUNS)
def test_the_recorded_runs_give_the_same_bytes(name: str) -> None:
    assert_alike(RUNS[name](), SEED)


@pytest.mark.parametrize("scenario", [CALM, STORM], ids=["calm", "storm"])
def test_a_longer_run_gives_the_same_bytes(scenario: Scenario) -> None:
    assert_alike(scenario, 7)


def test_a_rule_that_differs_is_found() -> None:
    """The comparison can fail: breakers that open at the second failure, and it says so."""
    edges = tuple(
        replace(edge, breaker=replace(edge.breaker, consecutive_failures=2))
        for edge in STORM.edges
        if edge.breaker is not None
    )
    one = run(STORM, 7, engine="reference")
    two = run(replace(STORM, edges=edges), 7, engine="compiled")
    assert any("ledger entry" in line for line in differences(one, two))
