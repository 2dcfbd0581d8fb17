"""Retries: backoff against its formula, amplification against counting every case."""

from dataclasses import FrozenInstanceError, dataclass, replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlab.kernel.record import record
from meshlab.kernel.streams import Uniform
from meshlab.model import REJECTIONS, RETRIABLE, ConfigError, Outcome
from meshlab.policies.budget import MaxRetries
from meshlab.policies.retry import (
    Backoff,
    Pauses,
    RetryPolicy,
    expected_attempts,
    expected_success,
)

shares = st.floats(0, 1)
below_one = st.floats(0, 1, exclude_max=True)
retries = st.integers(1, 60)


@st.composite
def backoffs(draw: st.DrawFn) -> Backoff:
    base = draw(st.floats(0, 10))
    return Backoff(
        base_seconds=base,
        factor=draw(st.floats(1, 10)),
        cap_seconds=base + draw(st.floats(0, 100)),
        jitter=draw(shares),
        spread=draw(st.none() | shares),
    )


def test_the_default_ceilings_are_those_of_envoy() -> None:
    ceilings = [Backoff().ceiling(retry) for retry in (1, 2, 3, 4, 5, 6, 100)]
    assert ceilings == [0.025, 0.05, 0.1, 0.2, 0.25, 0.25, 0.25]


def test_a_base_at_the_cap_stays_there() -> None:
    backoff = Backoff(base_seconds=0.3, cap_seconds=0.3)
    assert [backoff.ceiling(retry) for retry in (1, 2, 3)] == [0.3, 0.3, 0.3]


@given(backoffs(), retries)
def test_the_ceiling_is_base_times_factor_to_the_power_of_the_retry(
    backoff: Backoff, retry: int
) -> None:
    power = backoff.base_seconds * backoff.factor ** (retry - 1)
    assert backoff.ceiling(retry) == pytest.approx(min(power, backoff.cap_seconds))


@given(backoffs())
def test_ceilings_never_fall_and_never_pass_the_cap(backoff: Backoff) -> None:
    ceilings = [backoff.ceiling(retry) for retry in range(1, 30)]
    assert all(earlier <= later for earlier, later in pairwise(ceilings))
    assert ceilings[0] == backoff.base_seconds
    assert ceilings[-1] <= backoff.cap_seconds


@given(retries, below_one)
def test_full_jitter_draws_from_zero_to_the_ceiling(retry: int, u: float) -> None:
    backoff = Backoff()
    assert backoff.delay(retry, u) == backoff.ceiling(retry) * u


@given(backoffs(), retries, below_one)
def test_jitter_only_shortens(backoff: Backoff, retry: int, u: float) -> None:
    backoff = replace(backoff, spread=None)
    ceiling = backoff.ceiling(retry)
    assert 0 <= backoff.delay(retry, u) <= ceiling
    assert backoff.delay(retry, 0.0) == ceiling * (1.0 - backoff.jitter)


@given(backoffs(), shares, retries, below_one)
def test_spread_shortens_and_lengthens_alike(
    backoff: Backoff, spread: float, retry: int, u: float
) -> None:
    backoff = replace(backoff, spread=spread)
    ceiling = backoff.ceiling(retry)
    low, high = ceiling * (1.0 - spread), ceiling * (1.0 + spread)
    delay = backoff.delay(retry, u)
    assert low <= delay
    assert delay <= high or delay == pytest.approx(high)
    assert backoff.delay(retry, 0.0) == low
    assert backoff.delay(retry, 0.5) == pytest.approx(ceiling)


@given(backoffs(), retries, below_one, below_one)
def test_a_larger_draw_never_waits_less(
    backoff: Backoff, retry: int, one: float, other: float
) -> None:
    smaller, larger = sorted((one, other))
    assert backoff.delay(retry, smaller) <= backoff.delay(retry, larger)


@record
class WidePauses(Pauses):
    """From the base to a ceiling that is three times as high for each retry."""

    base_seconds: float

    def __init__(self, base_seconds: float) -> None:
        self.base_seconds = base_seconds

    def delay(self, retry: int, u: float) -> float:
        return self.base_seconds + u * (3.0**retry - 1.0) * self.base_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnBackoff(Backoff):
    def build(self) -> Pauses:
        return WidePauses(self.base_seconds)


def test_a_back_off_of_ones_own_gives_its_own_pauses() -> None:
    policy = RetryPolicy(max_attempts=3, backoff=OwnBackoff(base_seconds=0.1))
    assert policy.backoff.delay(1, 0.0) == 0.1
    assert policy.backoff.delay(1, 0.5) == pytest.approx(0.2)
    assert policy.backoff.delay(2, 0.5) == pytest.approx(0.5)


def test_without_jitter_chance_has_no_part() -> None:
    backoff = Backoff(jitter=0.0)
    assert {backoff.delay(2, u) for u in (0.0, 0.3, 0.999)} == {backoff.ceiling(2)}


def test_the_backoff_of_the_war_story_is_a_tenth_of_a_second_doubling_by_a_fifth_either_way() -> (
    None
):
    backoff = Backoff(base_seconds=0.1, cap_seconds=1.0, spread=0.2)
    chance = Uniform(1, "jitter")
    for retry, middle in ((1, 0.1), (2, 0.2), (3, 0.4)):
        delays = [backoff.delay(retry, chance.draw()) for _ in range(2000)]
        assert 0.8 * middle <= min(delays) < 0.81 * middle
        assert 1.19 * middle < max(delays) <= 1.2 * middle
        assert sum(delays) / len(delays) == pytest.approx(middle, rel=0.01)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"base_seconds": -0.1}, "backoff: base_seconds must be a number >= 0, got -0.1"),
        ({"factor": 0.5}, "backoff: factor must be a number >= 1, got 0.5"),
        (
            {"base_seconds": 2.0, "cap_seconds": 1.0},
            "backoff: cap_seconds must be at least base_seconds (2.0), got 1.0",
        ),
        ({"cap_seconds": float("inf")}, "backoff: cap_seconds must be a number >= 0, got inf"),
        ({"jitter": 1.5}, "backoff: jitter must be in 0..1, got 1.5"),
        ({"spread": -0.2}, "backoff: spread must be in 0..1, got -0.2"),
    ],
)
def test_a_backoff_refuses_what_makes_no_sense(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        Backoff(**wrong)
    assert str(error.value) == message


def test_unless_told_otherwise_nothing_is_retried() -> None:
    policy = RetryPolicy()
    assert (policy.max_attempts, policy.budget, policy.deadline) == (1, None, None)
    assert policy.retry_on == RETRIABLE


def test_a_what_if_is_a_replacement() -> None:
    policy = RetryPolicy(max_attempts=4)
    with pytest.raises(FrozenInstanceError):
        policy.max_attempts = 5  # type: ignore[misc]
    careful = replace(policy, budget=MaxRetries(), retry_on=frozenset({Outcome.RESET}))
    assert careful.max_attempts == policy.max_attempts
    assert policy.budget is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_attempts": 0}, "max_attempts must be a whole number >= 1, got 0"),
        ({"max_attempts": 2.5}, "max_attempts must be a whole number >= 1, got 2.5"),
        ({"per_try_timeout": 0}, "per_try_timeout must be a number > 0, got 0"),
        ({"deadline": -1.0}, "deadline must be a number > 0, got -1.0"),
        ({"backoff": 0.1}, "backoff must be a Backoff, got 0.1"),
        ({"retry_on": {Outcome.ERROR}}, "retry_on must be a frozenset"),
        ({"retry_on": REJECTIONS}, "retry_on must be among ERROR, TIMEOUT, REFUSED, RESET, SHED"),
        ({"avoid_previous": 1}, "avoid_previous must be a bool, got 1"),
        ({"budget": 0.2}, "budget must be a ConcurrentRetryBudget or MaxRetries or Token"),
    ],
)
def test_a_retry_policy_refuses_what_makes_no_sense(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        RetryPolicy(**wrong)  # type: ignore[arg-type]
    assert str(error.value).startswith(f"retry policy: {message}")


@given(st.fractions(0, 1), st.integers(1, 12))
def test_the_closed_forms_agree_with_counting_every_way_a_call_can_go(p: Fraction, n: int) -> None:
    attempts, success = Fraction(0), Fraction(0)
    for needed in range(1, n + 1):  # the first needed - 1 tries fail, the next one succeeds
        chance = p ** (needed - 1) * (1 - p)
        attempts += needed * chance
        success += chance
    attempts += n * p**n
    assert expected_attempts(float(p), n) == pytest.approx(float(attempts))
    assert expected_success(float(p), n) == pytest.approx(float(success), abs=1e-12)


def test_three_layers_of_four_attempts_make_sixty_four_of_one_call() -> None:
    assert expected_attempts(1.0, 4) ** 3 == 64
    assert expected_success(1.0, 4) == 0


def test_the_storm_of_the_war_story_is_fifty_one_thousand_tries_a_second() -> None:
    assert 15_000 * expected_attempts(0.893, 4) == pytest.approx(51_000, rel=0.001)


@pytest.mark.parametrize(
    ("p", "load", "success"),
    [(0.1, 1.111, 0.9999), (0.2, 1.246, 0.999), (0.5, 1.879, 0.937), (0.75, 2.737, 0.680)],
)
def test_the_closed_forms_are_near_the_published_simulation(
    p: float, load: float, success: float
) -> None:
    # Marc Brooker's runs of 20,000 calls with three retries: sampling errors of a few thousandths.
    assert expected_attempts(p, 4) == pytest.approx(load, rel=0.003)
    assert expected_success(p, 4) == pytest.approx(success, rel=0.006)
