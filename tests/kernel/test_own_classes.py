"""A policy of a reader's own runs compiled if it can be, and in plain Python if not: same bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

pytest.importorskip("numba", reason="numba is not installed, so there is no compiled engine")

from meshlab.engines.choice import why_not
from meshlab.engines.run import run
from meshlab.kernel.record import record
from meshlab.model import ConfigError
from meshlab.policies.balancer import Balancer, Candidates
from meshlab.policies.endpoint import Endpoint
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.shop import shop


@record
class Turns(Balancer):
    """Compiles."""

    turn: int

    def pick(self, endpoints: Candidates, key: int) -> Endpoint:
        self.turn += 1
        return endpoints[self.turn % len(endpoints)]


@record
class Ranks(Balancer):
    """numba's min() has no key."""

    def pick(self, endpoints: Candidates, key: int) -> Endpoint:
        return min(endpoints.members, key=lambda each: each.active)


@record
class Mute(Balancer):
    """Says nothing about what it takes."""

    def pick(self, endpoints, key):  # type: ignore[no-untyped-def]
        return endpoints[0]


class Plain:
    """No record."""

    def __init__(self) -> None:
        self.turn = 0

    def pick(self, endpoints: Any, key: int) -> Endpoint:
        self.turn += 1
        chosen: Endpoint = endpoints[self.turn % len(endpoints)]
        return chosen

    def observe(self, endpoint: Endpoint, seconds: float) -> None:
        """It does not care."""


@dataclass(frozen=True)
class Own:
    """The declaration of any of them."""

    cls: type
    kind: str = "own"

    def build(self, *given: Any) -> Any:
        return self.cls()


def with_balancer(cls: type) -> Scenario:
    scenario = shop(rate=5.0, duration=5.0)
    edges = [
        replace(edge, balancer=Own(cls)) if edge.destination == "auth" else edge
        for edge in scenario.edges
    ]
    return replace(scenario, edges=tuple(edges))


def test_a_record_of_a_readers_own_runs_compiled() -> None:
    scenario = with_balancer(Turns)
    assert why_not(scenario) == ""
    compiled = run(scenario, engine="compiled")
    assert compiled.engine == "compiled"
    assert compiled.digest() == run(scenario, engine="reference").digest()


@pytest.mark.parametrize(
    ("cls", "reason"),
    [
        (Plain, "Plain is no record"),
        (Mute, "Mute: pick must say of what type endpoints is"),
        (Ranks, "return min(endpoints.members, key=lambda each: each.active)"),
    ],
)
def test_what_can_not_be_compiled_runs_in_python_and_the_line_is_named(
    cls: type, reason: str
) -> None:
    scenario = with_balancer(cls)
    result = run(scenario)
    assert result.engine.startswith("reference: edge 'gateway->auth': ")
    assert reason in result.engine and "\n" not in result.engine
    assert result.digest() == run(scenario, engine="reference").digest()
    with pytest.raises(ConfigError, match="got 'compiled': edge 'gateway->auth': ") as error:
        run(scenario, engine="compiled")
    assert reason in str(error.value)


def test_a_class_that_can_not_be_compiled_is_in_the_way_of_no_other() -> None:
    assert why_not(with_balancer(Ranks)) != ""
    assert why_not(with_balancer(Turns)) == ""
    assert why_not(shop(rate=5.0, duration=5.0)) == ""


def defined_anew() -> type:
    """A class of the same name, and with other fields."""

    @record
    class Turns(Balancer):
        last: bool
        calls: float
        turn: int

        def pick(self, endpoints: Candidates, key: int) -> Endpoint:
            self.calls += 1.0
            self.last = not self.last
            return endpoints[len(endpoints) - 1] if self.last else endpoints[0]

    return Turns


def test_a_class_that_is_defined_anew_takes_the_place_of_the_old_one() -> None:
    first = run(with_balancer(Turns), engine="compiled")
    again = with_balancer(defined_anew())
    compiled = run(again, engine="compiled")
    assert compiled.digest() == run(again, engine="reference").digest()
    assert compiled.digest() != first.digest()
    assert why_not(with_balancer(Turns)).endswith("Turns has been defined anew")
