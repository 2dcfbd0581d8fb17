"""Whatever a mesh goes through, nothing is lost and nothing is counted twice.

Every property is asked of random scenarios; `tests.invariants` says what must hold in each.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from meshlab.engines.run import run
from meshlab.mesh.call import Call
from meshlab.mesh.mesh import Mesh
from meshlab.scenario.scenario import Scenario
from tests.invariants import check_drained, check_mesh, check_result, check_spans, loses_jobs
from tests.strategies import scenarios, seeds

pytestmark = pytest.mark.slow


class CountedCall(Call):
    """A call that knows how often it ended."""

    __slots__ = ("ends",)
    every: list[CountedCall]

    def __init__(self) -> None:
        super().__init__()
        self.ends = 0
        CountedCall.every.append(self)

    def _finish(self, outcome: int) -> None:
        self.ends += 1
        super()._finish(outcome)


@settings(max_examples=40)
@given(scenarios(), seeds)
def test_the_totals_of_every_run_agree_with_one_another(scenario: Scenario, seed: int) -> None:
    mesh = Mesh(scenario, seed)
    check_result(mesh.run())
    check_mesh(mesh)


@settings(max_examples=30)
@given(scenarios(), seeds)
def test_traces_tell_the_same_story_as_the_totals(scenario: Scenario, seed: int) -> None:
    check_spans(run(replace(scenario, trace_sampling=1.0), seed, engine="reference"))


@settings(max_examples=30)
@given(scenarios(), seeds)
def test_every_call_ends_exactly_once_or_is_still_open(scenario: Scenario, seed: int) -> None:
    CountedCall.every = []
    mesh = Mesh(scenario, seed)
    mesh.calls.pool.new = CountedCall
    result = mesh.run()
    begun = [call for call in CountedCall.every if call.ends or hasattr(call, "started")]
    assert len(begun) == sum(totals.calls for totals in result.edges.values())
    assert [call for call in CountedCall.every if call.ends > 1] == []
    assert [call for call in CountedCall.every if call.ends != call.life] == []
    still_open = sum(call.ends == 0 for call in begun)
    assert still_open == sum(totals.in_flight for totals in result.edges.values())


@settings(max_examples=40)
@given(scenarios(drains=True), seeds)
def test_when_the_load_ends_everything_drains(scenario: Scenario, seed: int) -> None:
    """No call, try, place, trial, worker or job is left over when there was time to finish."""
    mesh = Mesh(scenario, seed)
    result = mesh.run()
    check_drained(mesh)
    check_result(result)


@settings(max_examples=30)
@given(scenarios(drains=True), seeds)
def test_what_was_received_was_answered_shed_or_lost_with_its_process(
    scenario: Scenario, seed: int
) -> None:
    result = run(scenario, seed, engine="reference")
    exact = not loses_jobs(scenario)
    for process in result.processes.values():
        ended = process.ok + process.own_errors + process.passed_on + process.shed
        assert ended == process.received or (ended < process.received and not exact)
        assert process.wasted <= process.ok + process.own_errors + process.passed_on


@settings(max_examples=25)
@given(scenarios(), seeds)
def test_the_same_scenario_and_seed_give_the_same_bytes(scenario: Scenario, seed: int) -> None:
    assert run(scenario, seed).digest() == run(scenario, seed).digest()
