"""The benchmark compares like with like: every engine in its table does the same work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meshlab.model import Outcome
from meshlab.scenario import Scenario
from tests.benchmarks.__main__ import prove
from tests.benchmarks.chain import CALM, STORM
from tests.benchmarks.engines import BASE, ENGINES, Row

SHORT = replace(CALM, duration=4.0)


@pytest.mark.parametrize("name", [name for name in ENGINES if name != BASE])
@pytest.mark.parametrize("scenario", [SHORT, STORM], ids=["calm", "storm"])
def test_every_engine_does_the_same_work_as_simpy(name: str, scenario: Scenario) -> None:
    row = ENGINES[name]
    if why := row.missing(scenario):
        pytest.skip(why)
    assert prove({BASE: ENGINES[BASE], name: row}, scenario) > 1000


def test_the_storm_meets_every_policy_and_the_calm_hardly_any() -> None:
    base = ENGINES[BASE]
    storm = base.work(base.run(STORM, 1))
    _, _, refused, tried, _ = storm["client", "gateway"]
    assert min(tried[outcome] for outcome in (Outcome.ERROR, Outcome.TIMEOUT, Outcome.SHED)) > 0
    assert min(refused[outcome] for outcome in (Outcome.OVERFLOW, Outcome.CIRCUIT_OPEN)) > 0
    calls, retries, ends, *_ = base.work(base.run(SHORT, 1))["client", "gateway"]
    assert 0 < retries < 0.02 * calls
    assert sum(ends) == ends[Outcome.OK]


def test_an_engine_that_did_other_work_is_not_compared() -> None:
    base = ENGINES[BASE]
    other = Row(lambda scenario, seed: base.run(scenario, seed + 1), base.work)
    with pytest.raises(SystemExit, match="other did not do the same work"):
        prove({BASE: base, "other": other}, SHORT)
