"""Numbers that are equal give equal declarations and equal runs, however they were written."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest

from meshlab import declared
from meshlab.changes import Change
from meshlab.engines.run import run
from meshlab.faults import Errors, Leak, Outage
from meshlab.fingerprint import digest_of_scenario
from meshlab.incident.knobs import Knobs
from meshlab.incident.scenario import Parameters
from meshlab.kernel.distributions import Constant
from meshlab.load import Load
from meshlab.model import ConfigError, Outcome
from meshlab.policies.breaker import BreakerConfig
from meshlab.policies.canary import CanaryTest
from meshlab.policies.retry import RetryPolicy
from meshlab.scenario_file import from_yaml, to_yaml
from meshlab.telemetry.central import Central
from meshlab.topology import Edge, Instance
from tests.small import line, service
from tests.strategies import written_otherwise
from tests.unit.test_bad_input import DECLARATIONS, NEEDED

WAY = Edge(source="a", destination="b")
ENGINES = ("reference", "compiled")
BY_ITSELF: list[Any] = [Knobs(), Parameters(), CanaryTest(weight=0.1)]


def built(declaration: Any) -> Any:
    """One of each kind, with what has no default."""
    needed = {name: NEEDED[name] for name in declared.required(declaration)}
    return declaration(**needed | ({"edge": WAY} if declaration is Change else {}))


@pytest.mark.parametrize(
    "part", [*map(built, DECLARATIONS.values()), *BY_ITSELF], ids=lambda part: type(part).__name__
)
def test_a_declaration_keeps_its_numbers_in_one_form(part: Any) -> None:
    """Its ``repr`` shows more than ``==`` does: types, and the sign of zero."""
    for seed in range(20):
        other = written_otherwise(part, Random(seed))
        assert repr(other) == repr(part)
        assert other == part


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (3, 3.0),
        (-0.0, 0.0),
        (np.float64(0.1), 0.1),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7.0),
        (math.inf, math.inf),
    ],
)
def test_a_float_field_holds_a_float_of_python(value: Any, kept: float) -> None:
    end = Outage(service="a", end=value).end if value > 0 else Constant(value).seconds
    assert type(end) is float
    assert (end, math.copysign(1.0, end)) == (kept, 1.0)


def test_tuples_and_frozensets_are_rewritten_too() -> None:
    load = Load(destination="a", rate=((-0.0, 1), (np.int64(2), np.float64(3.0))))
    assert repr(load.rate) == "((0.0, 1.0), (2.0, 3.0))"
    assert repr(Central(outages=((0, 1),)).outages) == "((0.0, 1.0),)"
    retry = RetryPolicy(retry_on=frozenset({1, np.int64(2)}))  # type: ignore[arg-type]
    assert all(type(outcome) is Outcome for outcome in retry.retry_on)


@pytest.mark.parametrize("value", [True, np.bool_(True), "1", 1j, None, np.array([1.0])])
def test_what_is_no_number_is_not_made_one(value: Any) -> None:
    with pytest.raises(ConfigError, match="seconds must be a number"):
        Constant(value)


@pytest.mark.parametrize("value", [True, 2.0, np.float64(2.0), "2"])
def test_what_is_no_whole_number_is_not_made_one(value: Any) -> None:
    with pytest.raises(ConfigError, match="workers must be a whole number"):
        Instance(workers=value)


def test_a_whole_number_beyond_every_float_is_refused_as_such() -> None:
    with pytest.raises(ConfigError, match="seconds must be a number >= 0, got 1000"):
        Constant(10**400)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("start", [0.0, -0.0, 0, np.int64(0), np.float64(-0.0)])
def test_a_fault_at_any_zero_begins(engine: str, start: Any) -> None:
    if engine == "compiled":
        pytest.importorskip("numba")
    scenario = line(service("a"), faults=(Outage(service="a", start=start, end=4),))
    result = run(scenario, engine=engine)
    assert result.edges["client", "a"].outcomes[Outcome.REFUSED] == 31
    assert repr(result.ledger[0].time) == "0.0"


@pytest.mark.parametrize("zero", ["-0.0", "-0", "0", "-.0e3"])
def test_a_zero_in_a_file_has_no_sign(zero: str) -> None:
    scenario = line(service("a"), faults=(Errors(service="a", rate=0.5, start=1.0),))
    text = to_yaml(scenario)
    assert text.count("start: 1") == 1
    read = from_yaml(text.replace("start: 1", f"start: {zero}"))
    assert repr(read.faults[0].start) == "0.0"


def test_equal_scenarios_have_equal_digests() -> None:
    one = line(service("a"), duration=8.0, faults=(Leak(service="a", rate=0.0, start=1.0),))
    two = written_otherwise(one, Random(7))
    assert digest_of_scenario(one) == digest_of_scenario(two)
    assert to_yaml(one) == to_yaml(two)


def test_a_what_if_is_rewritten_as_well() -> None:
    breaker = replace(BreakerConfig(), open_seconds=np.float64(3.0), window_calls=np.int64(9))
    assert repr(breaker) == repr(replace(BreakerConfig(), open_seconds=3.0, window_calls=9))
