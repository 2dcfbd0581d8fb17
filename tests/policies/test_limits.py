"""Concurrency limits: what is refused, and that what is taken must be given back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlab.model import ConfigError, MeshlabError
from meshlab.policies.limits import ConcurrencyLimits, Limiter


def test_a_limiter_lets_through_exactly_the_limit() -> None:
    limiter = Limiter(ConcurrencyLimits(max_requests=3))
    assert [limiter.acquire() for _ in range(5)] == [True, True, True, False, False]
    assert (limiter.active, limiter.overflows) == (3, 2)


def test_a_release_makes_room_for_one() -> None:
    limiter = Limiter(ConcurrencyLimits(max_requests=1))
    assert limiter.acquire()
    limiter.release()
    assert [limiter.acquire(), limiter.acquire()] == [True, False]


def test_a_limit_of_zero_refuses_everything() -> None:
    limiter = Limiter(ConcurrencyLimits(max_requests=0))
    assert not limiter.acquire()
    assert limiter.overflows == 1


def test_a_release_too_many_is_an_error_and_changes_nothing() -> None:
    limiter = Limiter(ConcurrencyLimits())
    with pytest.raises(MeshlabError, match="every release needs an acquire"):
        limiter.release()
    assert limiter.active == 0


@given(st.integers(0, 5), st.lists(st.booleans()))
def test_active_stays_between_zero_and_the_limit(limit: int, wishes: list[bool]) -> None:
    limiter = Limiter(ConcurrencyLimits(max_requests=limit))
    held = refused = 0
    for acquire in wishes:
        if acquire:
            granted = limiter.acquire()
            assert granted == (held < limit)
            held += granted
            refused += not granted
        elif held:
            limiter.release()
            held -= 1
        assert (limiter.active, limiter.overflows) == (held, refused)
        assert 0 <= limiter.active <= limit


def test_the_default_is_that_of_envoy() -> None:
    assert ConcurrencyLimits().max_requests == 1024


@pytest.mark.parametrize("wrong", [-1, 1.5, True, None])
def test_a_limit_must_be_a_whole_number(wrong: object) -> None:
    with pytest.raises(ConfigError) as error:
        ConcurrencyLimits(max_requests=wrong)  # type: ignore[arg-type]
    rule = "concurrency limits: max_requests must be a whole number >= 0"
    assert str(error.value) == f"{rule}, got {wrong!r}"


def test_a_limiter_may_begin_with_what_is_in_flight_already() -> None:
    limiter = Limiter(ConcurrencyLimits(max_requests=2), active=3)
    assert not limiter.acquire()
    for _ in range(2):
        limiter.release()
    assert [limiter.acquire(), limiter.acquire()] == [True, False]
