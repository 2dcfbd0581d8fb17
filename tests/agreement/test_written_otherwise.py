"""A run depends on what a scenario says, not on how its numbers are written."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings

from meshlab.engines.run import run
from meshlab.fingerprint import digest_of_scenario
from meshlab.scenario import Scenario
from meshlab.scenario_file import to_yaml
from tests.strategies import scenarios, seeds, written_otherwise

pytest.importorskip("numba", reason="numba is not installed, so there is no compiled engine")


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(scenarios(), seeds)
def test_a_random_scenario_written_otherwise_gives_the_same_bytes(
    scenario: Scenario, seed: int
) -> None:
    other = written_otherwise(scenario, Random(seed))
    assert repr(other) == repr(scenario)
    assert to_yaml(other) == to_yaml(scenario)
    assert digest_of_scenario(other) == digest_of_scenario(scenario)
    digests = {
        run(each, seed, engine=engine).digest()
        for each in (scenario, other)
        for engine in ("reference", "compiled")
    }
    assert len(digests) == 1
