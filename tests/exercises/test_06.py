"""The checks of lesson 06 accept what is right, and say something useful about the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from exercises import exercise
from exercises.lesson_06 import EXERCISES, mysteries, smallest_even
from exercises.lesson_06 import RIGHT as CAUSE_OF
from meshlab.kernel.clock import Clock
from meshlab.kernel.streams import Uniform
from meshlab.policies.balancer import Balancer, Candidates, LeastRequest, PeakEwma, RoundRobin
from meshlab.policies.endpoint import Endpoint


def simulated(counts: list[int], shares: list[float]) -> float:
    fair = np.array(shares) / sum(shares)
    expected = fair * sum(counts)
    draws = np.random.default_rng(1).multinomial(sum(counts), fair, size=20_000)
    uneven = ((draws - expected) ** 2 / expected).sum(axis=1)
    return float((uneven >= ((np.array(counts) - expected) ** 2 / expected).sum() - 1e-9).mean())


class Watchful(Balancer):
    """Two choices: rather one that mostly succeeds, then the less busy one."""

    def __init__(self, chance: Uniform) -> None:
        self.chance = chance

    def pick(self, endpoints: Candidates, key: int) -> Endpoint:
        two = [endpoints[int(self.chance.draw() * len(endpoints))] for _ in range(2)]
        return min(two, key=lambda e: (e.failures > e.attempts / 2, e.active))


class First(Balancer):
    def pick(self, endpoints: Candidates, key: int) -> Endpoint:
        return endpoints[0]


class Mine:
    kind = "mine"

    def __init__(self, make: Any) -> None:
        self.make = make

    def build(self, chance: Uniform, clock: Clock) -> Balancer:
        return self.make(chance)  # type: ignore[no-any-return]


ONLY_FIRST = Mine(lambda draw: First())
WATCHFUL = Mine(Watchful)

ANSWERS = {"06.1": smallest_even(), "06.2": simulated, "06.3": WATCHFUL, "06.4": CAUSE_OF}


@pytest.mark.parametrize("key", EXERCISES)
def test_the_right_answer_is_accepted(key: str) -> None:
    assert exercise(key).judge(ANSWERS[key]) is None


@pytest.mark.parametrize(
    ("key", "answer", "hint"),
    [
        ("06.1", 100, "a power of two"),
        ("06.1", 64.0, "a power of two"),
        ("06.1", 2**23, "at most"),
        ("06.1", 1, "times its fair share"),
        ("06.1", smallest_even() // 2, "times its fair share"),
        ("06.1", smallest_even() * 2, "so are fewer"),
        ("06.2", 0.3, "a function is asked for"),
        ("06.2", lambda counts, shares: None, "returns None"),
        ("06.2", lambda counts, shares: 3.0, "in 0..1"),
        ("06.2", lambda counts, shares: 1.0, "it is about 0.29"),
        ("06.2", lambda counts, shares: 1 - simulated(counts, shares), "*less* uneven"),
        ("06.3", RoundRobin(), "still gets 25%"),
        ("06.3", "fair", "a balancer's config"),
        ("06.3", LeastRequest(), "the instance that fails at once still gets"),
        ("06.3", PeakEwma(), "the instance that fails at once still gets"),
        ("06.3", ONLY_FIRST, "but so is another one"),
        ("06.4", "weight", "a dictionary"),
        ("06.4", {"monday": "zone"}, "a dictionary"),
        ("06.4", CAUSE_OF | {"monday": "luck"}, "the causes are"),
        ("06.4", CAUSE_OF | {"monday": "weight"}, "among them monday"),
    ],
)
def test_a_wrong_answer_gets_a_hint(key: str, answer: object, hint: str) -> None:
    said = exercise(key).judge(answer)
    assert said is not None
    assert hint in said


def test_the_three_days_look_alike() -> None:
    for result in mysteries().values():
        totals = result.edges["gateway", "auth"]
        assert 0.42 < totals.shares["auth-3"] / totals.attempts < 0.58
