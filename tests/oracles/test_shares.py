"""Who gets how much, in whole runs: shares, errors and losses by the chi-square test.

Where chance decides, the p-value of a true hypothesis is uniform in 0..1. One p-value says little;
those of many seeds must look uniform, and a wrong hypothesis must be found out by the same test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from scipy.stats import chisquare, kstest

from meshlab.engines.run import run
from meshlab.faults import EdgeFault
from meshlab.mesh.mesh import Mesh
from meshlab.model import Outcome
from meshlab.policies.balancer import LeastRequest, Random, RoundRobin, expected_shares
from meshlab.policies.ring_hash import RingHash
from meshlab.policies.weighted_round_robin import WeightedRoundRobin
from meshlab.scenario import Scenario
from tests.small import instance, line, service

SEEDS = range(1, 61)
UNIFORM = 0.001
"""A p-value of p-values below this is taken for a wrong hypothesis."""

WEIGHTS = (1, 2, 5)


def spreading(balancer: Any, weights: Sequence[int] = WEIGHTS, name: str = "cart") -> Scenario:
    """A thousand calls or so, one sidecar, and instances of different weights."""
    instances = [instance(0.0, workers=1000, weight=weight) for weight in weights]
    return line(
        service(name, *instances),
        rate=200.0,
        arrivals="poisson",
        duration=5.0,
        edge={"balancer": balancer},
        trace_sampling=0.0,
    )


def tries(scenario: Scenario, seed: int) -> list[int]:
    """Tries of every endpoint, in the order of the instances."""
    (totals,) = run(scenario, seed).edges.values()
    return [totals.shares[name] for name in scenario.services[0].instance_names()]


def p_value(counts: Sequence[int], shares: Sequence[float]) -> float:
    total = sum(counts)
    return float(chisquare(counts, [share * total for share in shares]).pvalue)


def uniform(p_values: list[float]) -> bool:
    """Whether they look like those of a true hypothesis."""
    return bool(kstest(p_values, "uniform").pvalue > UNIFORM)


EQUAL = [1 / 3] * 3
BY_WEIGHT = [1 / 8, 2 / 8, 5 / 8]
BY_CHANCE = [Random(), LeastRequest(choices=1)]


@pytest.mark.parametrize("balancer", BY_CHANCE, ids=lambda config: config.kind)
def test_where_chance_decides_shares_are_equal_whatever_the_weights(balancer: Any) -> None:
    counts = [tries(spreading(balancer), seed) for seed in SEEDS]
    assert uniform([p_value(count, EQUAL) for count in counts])
    assert not uniform([p_value(count, [0.36, 0.32, 0.32]) for count in counts])


def test_a_turn_each_gives_equal_shares_to_the_call() -> None:
    for seed in range(1, 6):
        counts = tries(spreading(RoundRobin()), seed)
        assert max(counts) - min(counts) <= 1


def test_turns_by_weight_give_the_weights_to_the_call() -> None:
    for seed in range(1, 6):
        counts = tries(spreading(WeightedRoundRobin()), seed)
        total = sum(counts)
        for count, share in zip(counts, BY_WEIGHT, strict=True):
            assert abs(count - share * total) < 2
        assert p_value(counts, BY_WEIGHT) > 0.9 > p_value(counts, EQUAL)


def test_a_hash_ring_gives_each_endpoint_its_part_of_the_ring() -> None:
    """The keys are the same in every run; other names make other rings."""
    found, wrong = [], []
    for number in SEEDS:
        scenario = spreading(RingHash(minimum_ring_size=64), name=f"cart{number}")
        mesh = Mesh(scenario, seed=1)
        endpoints = mesh.sidecars["client"][f"cart{number}"].cluster.endpoints
        shares = expected_shares(RingHash(minimum_ring_size=64), endpoints)
        assert shares is not None
        mesh.run()
        counts = [endpoint.attempts for endpoint in endpoints]
        found.append(p_value(counts, shares))
        wrong.append(p_value(counts, BY_WEIGHT))
    assert uniform(found)
    assert not uniform(wrong), "near the weights, but a ring of few points is not exactly there"


def test_many_sidecars_spread_their_calls_independently() -> None:
    """Shares over all sidecars together are those of one."""
    callers = service("cart", *[instance(0.0, workers=1000)] * 4)
    stock = service("stock", *[instance(0.0, workers=1000)] * 3)
    scenario = line(
        callers,
        stock,
        rate=200.0,
        arrivals="poisson",
        duration=5.0,
        inner={"balancer": Random()},
        trace_sampling=0.0,
    )
    found = [
        p_value(list(run(scenario, seed).edges["cart", "stock"].shares.values()), EQUAL)
        for seed in SEEDS
    ]
    assert uniform(found)


# ---- chances


def errors(seed: int) -> tuple[int, int]:
    scenario = line(service("cart", instance(0.0, error_rate=0.3)), rate=200.0, duration=5.0)
    truth = run(scenario, seed).processes["cart-1"]
    return truth.own_errors, truth.ok


def broken(seed: int) -> tuple[int, int]:
    fault = EdgeFault(source="client", destination="cart", rate=0.3)
    scenario = line(service("cart"), rate=200.0, duration=5.0, faults=(fault,))
    totals = run(scenario, seed).edges["client", "cart"]
    return totals.tries[Outcome.FAULT], totals.attempts - totals.tries[Outcome.FAULT]


def taken(seed: int) -> tuple[int, int]:
    scenario = line(
        service("cart", instance(0.0, workers=1000)),
        service("stock"),
        rate=200.0,
        duration=5.0,
        inner={"probability": 0.3},
    )
    edges = run(scenario, seed).edges
    calls = edges["cart", "stock"].calls
    return calls, edges["client", "cart"].calls - calls


@pytest.mark.parametrize("chance", [errors, broken, taken])
def test_what_happens_by_chance_happens_at_its_rate(
    chance: Callable[[int], tuple[int, int]],
) -> None:
    counts = [chance(seed) for seed in SEEDS]
    assert uniform([p_value(count, [0.3, 0.7]) for count in counts])
    assert not uniform([p_value(count, [0.32, 0.68]) for count in counts])
