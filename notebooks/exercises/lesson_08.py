"""The exercises of lesson 08: a bucket, a likelihood ratio, a rule of one's own, two mysteries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from math import log
from typing import Any

import numpy as np

from exercises import Exercise
from exercises.answers import function, one_of, returned
from meshlab.model.rules import is_number
from meshlab.policies.rate_limit import RateLimit
from meshlab.scenario.canaries import new_version, with_canary
from meshlab.scenario.faults import Errors
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.shop import shop

SIDECARS, TOGETHER, AT_ONCE = 3, 60.0, 30
"""The sidecars of user, and what they may send to order: per second, and at once."""

CASES = (
    (1, 0, 0.05, 3.0),
    (0, 1, 0.05, 3.0),
    (4, 20, 0.1, 2.0),
    (0, 0, 0.5, 5.0),
    (3, 90, 0.05, 4.0),
)
"""Failures of the canary, of the others, the canary's weight, and the ratio looked for."""

WEIGHT, RATIO, LOOKS = 0.05, 5.0, 60
FAIR, BAD = 400, 200
FALSE_ALARMS, FOUND = 0.05, 0.8
ROUTES = {"/": 20.0, "/search": 6.0, "/cart": 3.0, "/gift": 1.0}
RELEASED = {"auth": 0.1, "inventory": 0.3, "payment": 0.05}
"""The services with a new version, and its weight."""

Looks = list[tuple[int, int]]
"""One canary: failures of it and of the others, in the order of the looks."""


def mystery_routes() -> Scenario:
    """A shop in which one route is ill. Reading this would spoil the exercise."""
    scenario = shop(rate=30, duration=60)
    loads = tuple(replace(scenario.loads[0], route=r, rate=n) for r, n in ROUTES.items())
    ill = Errors(service="user", route="/cart", rate=0.35)
    return replace(scenario, loads=loads, faults=(ill,))


def three_releases() -> Scenario:
    """A shop with three canaries at once. Reading this would spoil the exercise."""
    scenario = shop(rate=30, duration=120)
    for service, weight in RELEASED.items():
        worse = {"error_rate": 0.06} if service == "payment" else {}
        scenario = with_canary(scenario, service, weight, **worse)
    return scenario


@cache
def canaries(ratio: float, count: int, seed: int) -> tuple[Looks, ...]:
    """Canaries that fail ``ratio`` times as often as the rest, which fails ten times a look."""
    rng = np.random.default_rng(seed)
    own = rng.poisson(10.0 * ratio * WEIGHT / (1 - WEIGHT), size=(count, LOOKS))
    others = rng.poisson(10.0, size=(count, LOOKS))
    return tuple(
        [(int(a), int(b)) for a, b in zip(*pair, strict=True)]
        for pair in zip(own, others, strict=True)
    )


def _judge_bucket(answer: object) -> str | None:
    if not isinstance(answer, RateLimit):
        return f"a RateLimit is asked for, and this is {answer!r}"
    rate = answer.tokens_per_fill / answer.fill_interval
    if abs(SIDECARS * rate - TOGETHER) > 1e-9:
        return (
            f"each sidecar lets {rate:g} calls per second through, "
            f"and user has {SIDECARS} instances, each with a sidecar of its own"
        )
    if SIDECARS * answer.max_tokens != AT_ONCE:
        return f"all together may send {SIDECARS * answer.max_tokens} calls at once"
    return None


def expected_log_ratio(canary: int, others: int, weight: float, ratio: float) -> float:
    """What the second exercise asks for."""
    share = weight * ratio / (weight * ratio + 1 - weight)
    return canary * log(share / weight) + others * log((1 - share) / (1 - weight))


def _judge_ratio(answer: object) -> str | None:
    for case in CASES:
        got, right = returned(answer, *case, want="a number"), expected_log_ratio(*case)
        if not is_number(got):
            return f"log_ratio() must return one number, and it returns {got!r}"
        if abs(got - right) > 1e-9:
            canary, others, weight, ratio = case
            return (
                f"with {canary} failures of the canary and {others} of the others at weight "
                f"{weight} and ratio {ratio} it is {got:.3f}; {_off(got, case)}"
            )
    return None


def _off(got: float, case: tuple[int, int, float, float]) -> str:
    canary, _, _, ratio = case
    if abs(got + expected_log_ratio(*case)) < 1e-9:
        return "worse stands above, fair below"
    if abs(got - canary * log(ratio)) < 1e-9:
        return "failures of the others speak, too, and the shares of both sum to one"
    return "of all failures, which share is the canary's if it is fair, and which if it is worse?"


def alarms(rule: Callable[[Looks], Any], worlds: Sequence[Looks]) -> float:
    """The share of canaries that a rule rolls back, asked anew after every look."""
    rung = [any(rule(looks[: n + 1]) for n in range(LOOKS)) for looks in worlds]
    return sum(rung) / len(rung)


def _judge_rule(answer: object) -> str | None:
    rule = function(answer)
    returned(rule, [(0, 3)], want="True or False")
    allowed = FALSE_ALARMS + 3 * (FALSE_ALARMS * (1 - FALSE_ALARMS) / FAIR) ** 0.5
    false = alarms(rule, canaries(1.0, FAIR, seed=1))
    if false > allowed:
        return f"it rolls back {false:.0%} of {FAIR} canaries that are as good as the rest"
    found = alarms(rule, canaries(RATIO, BAD, seed=2))
    if found < FOUND:
        return f"of {BAD} canaries that fail {RATIO:g} times as often it finds {found:.0%}"
    return None


def _judge_route(answer: object) -> str | None:
    one_of(answer, ROUTES)
    (ill,) = mystery_routes().faults
    assert isinstance(ill, Errors)
    if answer == ill.route:
        return None
    return f"pages of {answer} fail no more often than others; divide by the calls of each route"


def _judge_release(answer: object) -> str | None:
    one_of(answer, [new_version(service) for service in RELEASED])
    old = str(answer).removesuffix("-v2")
    scenario = three_releases()
    rates = [max(i.error_rate for i in scenario.service(n).instances) for n in (old, str(answer))]
    if rates[1] > rates[0]:
        return None
    return f"{answer} fails, but does it fail more often than {old}?"


EXERCISES = {
    "08.1": Exercise(
        "Which RateLimit on user->order lets 60 calls per second through, and 30 at once?",
        _judge_bucket,
    ),
    "08.2": Exercise(
        "Write log_ratio(canary, others, weight, ratio) of so many failures.", _judge_ratio
    ),
    "08.3": Exercise(
        "Write roll_back(looks): a rule of your own that keeps 5 % and finds a bad canary.",
        _judge_rule,
    ),
    "08.4": Exercise("Which route is ill in mystery_routes()?", _judge_route),
    "08.5": Exercise("Which of the three releases is the bad one?", _judge_release),
}
