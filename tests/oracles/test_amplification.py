"""Retries multiply: whole runs against (1 - p^n) / (1 - p), 1 - p^n, and what holds them down."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import Any

import pytest

from meshlab.engines.run import run
from meshlab.mesh.result import Result
from meshlab.mesh.totals import EdgeTotals
from meshlab.model import Outcome
from meshlab.policies.budget import BudgetConfig, ConcurrentRetryBudget, TokenRetryBudget
from meshlab.policies.retry import RetryPolicy, expected_attempts, expected_success
from tests.small import AT_ONCE, WORK, instance, line, service

CALLS = 4000
Z = 4.0
"""Standard errors by which a mean may be off: less than once in ten thousand."""


def retrying(attempts: int, **fields: Any) -> dict[str, RetryPolicy]:
    return {"retry": RetryPolicy(max_attempts=attempts, backoff=AT_ONCE, **fields)}


def one_layer(p: float, attempts: int, seed: int = 1, **fields: Any) -> EdgeTotals:
    """Calls to an instance that fails each try with probability ``p``; all of them are over."""
    cart = service("cart", instance(error_rate=p, workers=10**6))
    ends = ((0.0, 500.0), (CALLS / 500, 500.0), (CALLS / 500 + 1e-6, 0.0))
    scenario = line(cart, rate=ends, duration=CALLS / 500 + 1.0, edge=retrying(attempts, **fields))
    totals = run(scenario, seed).edges["client", "cart"]
    assert totals.in_flight == 0
    assert totals.calls == pytest.approx(CALLS, abs=1)
    return totals


def spread(p: float, attempts: int) -> float:
    """The standard deviation of the number of tries of one call."""
    mean = expected_attempts(p, attempts)
    chances = [p ** (k - 1) * (1 - p) for k in range(1, attempts)] + [p ** (attempts - 1)]
    return sqrt(sum(chance * (k - mean) ** 2 for k, chance in enumerate(chances, start=1)))


@pytest.mark.parametrize("attempts", [1, 2, 4, 8])
@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.893, 1.0])
def test_a_call_costs_as_many_tries_as_the_formula_says(p: float, attempts: int) -> None:
    totals = one_layer(p, attempts)
    error = Z * spread(p, attempts) / sqrt(totals.calls) + 1e-12
    assert totals.attempts / totals.calls == pytest.approx(
        expected_attempts(p, attempts), abs=error
    )
    assert totals.retries == totals.attempts - totals.calls


@pytest.mark.parametrize("attempts", [1, 2, 4, 8])
@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.893, 1.0])
def test_a_call_succeeds_as_often_as_the_formula_says(p: float, attempts: int) -> None:
    totals = one_layer(p, attempts, seed=2)
    good = expected_success(p, attempts)
    error = Z * sqrt(good * (1 - good) / totals.calls) + 1e-12
    assert totals.succeeded / totals.calls == pytest.approx(good, abs=error)


@pytest.mark.parametrize(
    ("p", "load", "success"), [(0.1, 1.111, 0.9999), (0.2, 1.246, 0.999), (0.5, 1.879, 0.937)]
)
def test_three_retries_are_what_brooker_s_simulation_found(
    p: float, load: float, success: float
) -> None:
    totals = one_layer(p, 4, seed=3)
    assert totals.attempts / totals.calls == pytest.approx(load, rel=0.03)
    assert totals.succeeded / totals.calls == pytest.approx(success, abs=0.015)


def test_the_war_story_s_load_is_three_and_a_half_times_what_users_ask() -> None:
    """15,000 requests a second and four attempts: 51,000 a second at p = 0.893."""
    totals = one_layer(0.893, 4, seed=4)
    assert 15_000 * totals.attempts / totals.calls == pytest.approx(51_000, rel=0.03)


# ---- layers


def layers(count: int, attempts: int) -> Result:
    """A line of services that all try again, before one that always fails."""
    names = [f"layer-{n}" for n in range(count)]
    services = [service(name, instance(workers=10**6)) for name in names]
    services[-1] = service(names[-1], instance(error_rate=1.0, workers=10**6))
    seconds = 2 * WORK * attempts**count
    return run(
        line(
            *services,
            rate=((0.0, 8.0), (1.0, 8.0), (1.5, 0.0)),
            duration=2.0 + seconds,
            edge=retrying(attempts),
            scrape_interval=seconds,
            trace_sampling=0.0,
        )
    )


@pytest.mark.parametrize(("count", "attempts", "product"), [(3, 4, 64), (5, 3, 243)])
def test_layers_that_all_try_again_multiply(count: int, attempts: int, product: int) -> None:
    """Three layers of four tries: 64. Five of three, as AWS warns: 243."""
    result = layers(count, attempts)
    calls = result.edges["client", "layer-0"].calls
    tries = [totals.attempts for totals in result.edges.values()]
    assert calls > 0
    assert tries == [calls * attempts**depth for depth in range(1, count + 1)]
    assert tries[-1] == product * calls
    assert all(totals.in_flight == 0 for totals in result.edges.values())


def test_only_the_layer_next_to_the_trouble_should_try_again() -> None:
    """With retries on the last edge alone the load is multiplied once."""
    services = [service(name, instance(workers=10**6)) for name in ("a", "b")]
    last = service("c", instance(error_rate=1.0, workers=10**6))
    scenario = line(*services, last, duration=4.0)
    *outer, edge = scenario.edges
    scenario = replace(scenario, edges=(*outer, replace(edge, **retrying(4))))
    result = run(replace(scenario, duration=20.0))
    assert result.edges["client", "a"].attempts == result.edges["client", "a"].calls
    totals = result.edges["b", "c"]
    assert totals.attempts == pytest.approx(4 * totals.calls, abs=8)


# ---- what holds retries down


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_a_token_budget_bounds_the_load_at_one_and_its_share(share: float) -> None:
    """Everything fails; with a budget of 10 % the load is 1.1 times the calls."""
    budget = TokenRetryBudget(ratio=share, min_retries_per_second=0.0)
    totals = one_layer(1.0, 4, budget=budget)
    assert totals.attempts / totals.calls == pytest.approx(1.0 + share, rel=0.01)
    assert totals.retries_denied > 0


BUDGETS: list[BudgetConfig] = [
    TokenRetryBudget(min_retries_per_second=0.0),
    ConcurrentRetryBudget(min_retry_concurrency=3),
]


@pytest.mark.parametrize("budget", BUDGETS, ids=lambda budget: budget.kind)
def test_a_budget_lets_rare_failures_be_mended(budget: BudgetConfig) -> None:
    totals = one_layer(0.05, 3, budget=budget)
    assert totals.succeeded / totals.calls > 0.995
    assert totals.retries_denied < totals.retries / 20


def test_a_storm_ends_as_its_last_try_did_when_the_budget_is_empty() -> None:
    totals = one_layer(1.0, 4, budget=TokenRetryBudget(min_retries_per_second=0.0))
    assert totals.outcomes[Outcome.ERROR] == totals.calls
