"""The checks of lesson 08 accept what is right, and say something useful about the rest."""

from __future__ import annotations

from math import log

import pytest

from meshlab.engines.run import run
from meshlab.exercises import exercise
from meshlab.exercises.lesson_08 import (
    RATIO,
    ROUTES,
    WEIGHT,
    Looks,
    expected_log_ratio,
    mystery_routes,
    three_releases,
)
from meshlab.policies.canary import CanaryTest, CanaryWatch, Verdict
from meshlab.policies.rate_limit import RateLimit


def roll_back(looks: Looks) -> bool:
    watch = CanaryWatch(CanaryTest(weight=WEIGHT, ratio=RATIO))
    for canary, others in looks:
        watch.failed(canary, others)
    return watch.verdict is Verdict.WORSE


def by_hand(looks: Looks) -> bool:
    total, at = 0.0, []
    for canary, others in looks:
        total += expected_log_ratio(canary, others, WEIGHT, RATIO)
        at.append(total)
    return max(at) >= log(20)


def glance(looks: Looks) -> bool:
    canary, others = (sum(n) for n in zip(*looks, strict=True))
    expected = WEIGHT * (canary + others)
    return bool(canary - expected > 1.645 * (expected * (1 - WEIGHT)) ** 0.5)


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("08.1", RateLimit(max_tokens=10, tokens_per_fill=2, fill_interval=0.1)),
        ("08.1", RateLimit(max_tokens=10, tokens_per_fill=20, fill_interval=1.0)),
        ("08.2", expected_log_ratio),
        ("08.3", roll_back),
        ("08.3", by_hand),
        ("08.4", "/cart"),
        ("08.5", "payment-v2"),
    ],
)
def test_the_right_answer_is_accepted(key: str, answer: object) -> None:
    assert exercise(key).judge(answer) is None


@pytest.mark.parametrize(
    ("key", "answer", "hint"),
    [
        ("08.1", 60, "a RateLimit is asked for"),
        ("08.1", RateLimit(max_tokens=30, tokens_per_fill=60), "a sidecar of its own"),
        ("08.1", RateLimit(max_tokens=30, tokens_per_fill=20), "90 calls at once"),
        ("08.2", 3, "a function is asked for"),
        ("08.2", lambda *case: None, "returns None"),
        ("08.2", lambda *case: "x", "one number"),
        ("08.2", lambda *case: -expected_log_ratio(*case), "worse stands above"),
        ("08.2", lambda c, o, w, r: c * log(r), "speak, too"),
        ("08.2", lambda c, o, w, r: c * w * r - o * w, "which share is the canary's"),
        ("08.3", True, "a function is asked for"),
        ("08.3", lambda looks: None, "returns None"),
        ("08.3", lambda looks: True, "rolls back 100%"),
        ("08.3", lambda looks: False, "it finds 0%"),
        ("08.3", glance, "canaries that are as good as the rest"),
        ("08.4", "/basket", "one of /, /search"),
        ("08.4", "/gift", "divide by the calls"),
        ("08.5", "payment", "one of auth-v2"),
        ("08.5", "inventory-v2", "more often than inventory"),
    ],
)
def test_a_wrong_answer_gets_a_hint(key: str, answer: object, hint: str) -> None:
    said = exercise(key).judge(answer)
    assert said is not None
    assert hint in said


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_the_mystery_the_average_hides_the_route_that_its_metric_shows(seed: int) -> None:
    result = run(mystery_routes(), seed)
    ends = result.frame("mesh_route_requests_total", source="gateway", destination="user")
    last = ends[ends.time == ends.time.max()]
    every = last.groupby("route").value.sum()
    share = (last[last.code_class == "5xx"].groupby("route").value.sum() / every).to_dict()
    assert set(share) == set(ROUTES)
    assert max(share, key=share.__getitem__) == "/cart"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_the_three_releases_the_bad_one_has_not_the_most_failed_tries(seed: int) -> None:
    result = run(three_releases(), seed)
    failed: dict[str, int] = {}
    for (_, destination), totals in result.edges.items():
        if destination.endswith("-v2"):
            failed[destination] = failed.get(destination, 0) + sum(totals.tries[1:])
    assert max(failed, key=failed.__getitem__) != "payment-v2"
