"""A token bucket: what it lets through at once, and what over time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlab.kernel.clock import ManualClock
from meshlab.model import ConfigError
from meshlab.policies.rate_limit import RateLimit, TokenBucket


def bucket(start: float = 0.0, **fields: float) -> tuple[TokenBucket, ManualClock]:
    clock = ManualClock(start)
    return TokenBucket(RateLimit(**fields), clock), clock  # type: ignore[arg-type]


def test_a_full_bucket_lets_a_burst_through_and_then_nothing() -> None:
    tokens, _ = bucket(max_tokens=3)
    assert [tokens.take() for _ in range(5)] == [True, True, True, False, False]


def test_tokens_come_in_whole_fills_at_multiples_of_the_interval() -> None:
    tokens, clock = bucket(max_tokens=4, tokens_per_fill=2, fill_interval=0.5)
    for _ in range(4):
        assert tokens.take()
    clock.advance(0.49)
    assert not tokens.take()
    clock.advance(0.01)
    assert [tokens.take() for _ in range(3)] == [True, True, False]


def test_fills_are_counted_since_time_zero_and_not_since_the_last_call() -> None:
    tokens, clock = bucket(start=0.9, max_tokens=1, fill_interval=1.0)
    assert tokens.take()
    clock.advance(0.1)
    assert tokens.take()


def test_what_does_not_fit_into_the_bucket_is_lost() -> None:
    tokens, clock = bucket(max_tokens=2)
    tokens.take()
    clock.advance(100.0)
    assert tokens.tokens == 2
    assert [tokens.take() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("interval", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("start", [0.0, 10.0, 1000.0])
def test_a_bucket_begins_full_at_any_time(start: float, interval: float) -> None:
    tokens, _ = bucket(start=start, max_tokens=2, fill_interval=interval)
    assert tokens.tokens == 2
    assert [tokens.take() for _ in range(3)] == [True, True, False]


def test_a_bucket_may_hold_as_many_tokens_as_stay_exact() -> None:
    tokens, clock = bucket(max_tokens=10**9, tokens_per_fill=10**9)
    assert tokens.take()
    clock.advance(1.0)
    assert tokens.tokens == 10**9


def test_looking_at_the_tokens_takes_none_and_fills_none() -> None:
    tokens, clock = bucket(max_tokens=2)
    tokens.take()
    clock.advance(1.0)
    assert [tokens.tokens for _ in range(3)] == [2, 2, 2]
    assert [tokens.take() for _ in range(3)] == [True, True, False]


@given(
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(2, 8),
    st.lists(st.integers(0, 16), min_size=1, max_size=60),
)
def test_never_more_pass_than_the_bucket_held_and_the_fills_brought(
    most: int, per_fill: int, interval: int, pauses: list[int]
) -> None:
    """Against the plain definition: tokens that come one interval after the other."""
    tokens, clock = bucket(max_tokens=most, tokens_per_fill=per_fill, fill_interval=interval / 32)
    now, held = 0, most
    for pause in pauses:
        for moment in range(now + 1, now + pause + 1):
            if moment % interval == 0:
                held = min(most, held + per_fill)
        now += pause
        clock.advance(pause / 32)
        assert tokens.tokens == held
        assert tokens.take() == (held > 0)
        held = max(0, held - 1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"max_tokens": 0}, "max_tokens must be a whole number >= 1, got 0"),
        ({"max_tokens": 2.0}, "max_tokens must be a whole number >= 1, got 2.0"),
        ({"max_tokens": 10**10}, "max_tokens must be at most 1000000000, got 10000000000"),
        (
            {"max_tokens": 1, "tokens_per_fill": 0},
            "tokens_per_fill must be a whole number >= 1, got 0",
        ),
        (
            {"max_tokens": 1, "fill_interval": 0.01},
            "fill_interval must be a number >= 0.05, got 0.01",
        ),
    ],
)
def test_a_rate_limit_refuses_what_makes_no_sense(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        RateLimit(**wrong)  # type: ignore[arg-type]
    assert str(error.value) == f"rate limit: {message}"
