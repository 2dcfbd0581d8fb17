"""The sequential test of a canary: its rule, and that it keeps what it promises."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest

from meshlab.model import ConfigError
from meshlab.policies.canary import CanaryTest, CanaryWatch, Verdict

TEST = CanaryTest(weight=0.05, ratio=4.0)
RUNS = 1000


def outcomes(test: CanaryTest, share: float, runs: int, looks: int = 300) -> list[Verdict]:
    """Verdicts on canaries to which each failure belongs with this chance; two failures a look."""
    rng = np.random.default_rng(9)
    verdicts = []
    for own in rng.binomial(2, share, size=(runs, looks)):
        watch = CanaryWatch(test)
        for canary in own:
            if watch.failed(int(canary), 2 - int(canary)) is not Verdict.OPEN:
                break
        verdicts.append(watch.verdict)
    return verdicts


def test_a_failure_of_the_canary_speaks_against_it_and_one_of_the_others_for_it() -> None:
    watch = CanaryWatch(TEST)
    watch.failed(1, 0)
    after_one = watch.log_ratio
    watch.failed(0, 1)
    assert after_one > watch.log_ratio > 0
    assert watch.verdict is Verdict.OPEN


def test_the_log_ratio_is_that_of_the_two_binomials() -> None:
    watch = CanaryWatch(TEST)
    watch.failed(2, 7)
    worse, fair = TEST.share, TEST.weight
    ratio = (worse / fair) ** 2 * ((1 - worse) / (1 - fair)) ** 7
    assert exp(watch.log_ratio) == pytest.approx(ratio)


def test_the_share_of_failures_follows_from_weight_and_ratio() -> None:
    assert CanaryTest(weight=0.5, ratio=3.0).share == 0.75
    assert CanaryTest(weight=0.2, ratio=4.0).share == 0.5


def test_a_bound_that_is_reached_exactly_is_a_verdict() -> None:
    """With these numbers one failure moves the log ratio from zero onto a bound, to the bit."""
    test = CanaryTest(weight=0.5, ratio=3.0, alpha=2 / 3, beta=0.5)
    assert test.steps == (test.bounds[1], test.bounds[0])
    assert CanaryWatch(test).failed(1, 0) is Verdict.WORSE
    assert CanaryWatch(test).failed(0, 1) is Verdict.NO_WORSE


def test_a_canary_that_is_a_little_worse_may_be_looked_for() -> None:
    assert CanaryTest(weight=0.5, ratio=1.5).share == 0.6


def test_if_the_canary_is_fair_the_ratio_does_not_grow_on_average() -> None:
    up, down = TEST.steps
    assert TEST.weight * exp(up) + (1 - TEST.weight) * exp(down) == pytest.approx(1.0)


def test_it_does_not_matter_how_failures_are_cut_into_looks() -> None:
    one, other = CanaryWatch(TEST), CanaryWatch(TEST)
    one.failed(2, 5)
    for canary, others in ((0, 3), (2, 0), (0, 0), (0, 2)):
        other.failed(canary, others)
    assert one.log_ratio == pytest.approx(other.log_ratio)


def test_the_first_verdict_stands() -> None:
    watch = CanaryWatch(TEST)
    assert watch.failed(10, 0) is Verdict.WORSE
    assert watch.failed(0, 10_000) is Verdict.WORSE
    passed = CanaryWatch(TEST)
    assert passed.failed(0, 100) is Verdict.NO_WORSE
    assert passed.failed(100, 0) is Verdict.NO_WORSE


def test_the_bounds_are_reached_exactly() -> None:
    low, high = TEST.bounds
    assert (low, high) == (log(0.05), log(20))
    needed = int(-(-high // TEST.steps[0]))
    watch = CanaryWatch(TEST)
    assert watch.failed(needed - 1, 0) is Verdict.OPEN
    assert watch.failed(1, 0) is Verdict.WORSE


@pytest.mark.parametrize("weight", [0.05, 0.5])
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.2])
def test_a_canary_that_is_no_worse_is_rolled_back_no_more_often_than_promised(
    weight: float, alpha: float
) -> None:
    test = CanaryTest(weight=weight, ratio=3.0, alpha=alpha, beta=1e-4)
    alarms = outcomes(test, weight, runs=RUNS).count(Verdict.WORSE)
    sigma = (RUNS * alpha * (1 - alpha)) ** 0.5
    assert alarms <= RUNS * alpha + 3 * sigma
    assert alarms > RUNS * alpha / 10  # and the test is no dead one


@pytest.mark.parametrize("beta", [0.01, 0.1])
def test_a_canary_as_bad_as_looked_for_passes_no_more_often_than_promised(beta: float) -> None:
    test = CanaryTest(weight=0.05, ratio=3.0, beta=beta)
    verdicts = outcomes(test, test.share, runs=RUNS)
    assert Verdict.OPEN not in verdicts
    sigma = (RUNS * beta * (1 - beta)) ** 0.5
    assert verdicts.count(Verdict.NO_WORSE) <= RUNS * beta + 3 * sigma


def test_about_as_many_failures_are_needed_as_wald_says() -> None:
    test = CanaryTest(weight=0.1, ratio=3.0, beta=1e-9)
    rng = np.random.default_rng(3)
    seen = []
    for _ in range(500):
        watch, count = CanaryWatch(test), 0
        while watch.verdict is Verdict.OPEN:
            own = bool(rng.random() < test.share)
            watch.failed(int(own), int(not own))
            count += 1
        seen.append(count)
    assert test.failures_needed() < np.mean(seen) < 1.35 * test.failures_needed()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"weight": 0.0}, "weight must be between 0 and 1, got 0.0"),
        ({"weight": 1}, "weight must be between 0 and 1, got 1"),
        ({"weight": "5 %"}, "weight must be a number >= 0"),
        ({"weight": 0.1, "ratio": 1.0}, "ratio must be above 1, got 1.0"),
        ({"weight": 0.1, "ratio": 0.5}, "ratio must be a number >= 1, got 0.5"),
        ({"weight": 0.1, "alpha": 0.0}, "alpha must be between 0 and 1, got 0.0"),
        ({"weight": 0.1, "beta": 1.5}, "beta must be between 0 and 1, got 1.5"),
    ],
)
def test_a_bad_test_is_refused(fields: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        CanaryTest(**fields)
    assert f"canary test: {said}" in str(error.value)


@pytest.mark.parametrize("counts", [(-1, 0), (0, -1), (0.5, 0)])
def test_failures_are_counted_in_whole_numbers(counts: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="canary watch"):
        CanaryWatch(TEST).failed(*counts)
