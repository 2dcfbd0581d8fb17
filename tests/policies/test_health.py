"""Health checks: how many answers it takes to change a mind, against a recount of all answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshlab.model import ConfigError
from meshlab.policies.endpoint import Endpoint
from meshlab.policies.health import HEALTHY, UNCHANGED, UNHEALTHY, HealthCheck, HealthChecker

answers = st.lists(st.booleans(), max_size=60)
thresholds = st.integers(1, 4)


CHANGES = {HEALTHY: True, UNHEALTHY: False, UNCHANGED: None}


def changes(check: HealthCheck, answers: list[bool]) -> list[bool | None]:
    """What each answer of an endpoint changed: True, it turned healthy; False, unhealthy."""
    checker, endpoint = HealthChecker(check), Endpoint("a")
    found = []
    for ok in answers:
        found.append(change := CHANGES[checker.probed(endpoint, ok)])
        assert change in (None, endpoint.healthy)
    return found


def test_an_endpoint_turns_unhealthy_at_the_threshold_and_not_before() -> None:
    check = HealthCheck(unhealthy_threshold=3)
    assert changes(check, [False] * 5) == [None, None, False, None, None]


def test_an_endpoint_is_trusted_again_at_the_other_threshold() -> None:
    check = HealthCheck(unhealthy_threshold=1, healthy_threshold=2)
    assert changes(check, [False, True, True, True]) == [False, None, True, None]


def test_one_good_answer_starts_the_count_anew() -> None:
    check = HealthCheck(unhealthy_threshold=2)
    assert changes(check, [False, True, False, False]) == [None, None, None, False]


@given(st.integers(2, 5), st.integers(2, 5), st.booleans(), st.integers(0, 40))
def test_flapping_faster_than_the_thresholds_goes_unnoticed(
    unhealthy: int, healthy: int, first: bool, count: int
) -> None:
    check = HealthCheck(unhealthy_threshold=unhealthy, healthy_threshold=healthy)
    flapping = [first == (i % 2 == 0) for i in range(count)]
    assert set(changes(check, flapping)) <= {None}


def test_thresholds_of_one_follow_every_flap() -> None:
    check = HealthCheck(unhealthy_threshold=1, healthy_threshold=1)
    assert changes(check, [False, True] * 3) == [False, True] * 3


@given(thresholds, thresholds, answers)
def test_the_changes_are_those_that_a_recount_of_all_answers_finds(
    unhealthy: int, healthy: int, answers: list[bool]
) -> None:
    check = HealthCheck(unhealthy_threshold=unhealthy, healthy_threshold=healthy)
    state, expected = True, []
    for i in range(1, len(answers) + 1):
        needed = unhealthy if state else healthy
        lately = answers[:i][-needed:]
        changed = len(lately) == needed and all(ok != state for ok in lately)
        state = state != changed
        expected.append(state if changed else None)
    assert changes(check, answers) == expected


@given(answers, answers)
def test_endpoints_are_judged_apart(one: list[bool], other: list[bool]) -> None:
    checker = HealthChecker(HealthCheck())
    endpoints = {name: Endpoint(name) for name in "ab"}
    found: dict[str, list[bool | None]] = {"a": [], "b": []}
    for i in range(max(len(one), len(other))):
        for name, given_answers in (("a", one), ("b", other)):
            if i < len(given_answers):
                change = checker.probed(endpoints[name], given_answers[i])
                found[name].append(CHANGES[change])
    assert found == {"a": changes(HealthCheck(), one), "b": changes(HealthCheck(), other)}


@pytest.mark.parametrize("before", [[False], [False, False], [False, False, True]])
def test_an_endpoint_that_comes_back_is_trusted_like_a_new_one(before: list[bool]) -> None:
    checker = HealthChecker(HealthCheck(unhealthy_threshold=2, healthy_threshold=2))
    old, new = Endpoint("a"), Endpoint("a")
    for ok in before:
        checker.probed(old, ok)
    assert [checker.probed(new, False) for _ in range(2)] == [UNCHANGED, UNHEALTHY]


@pytest.mark.parametrize("healthy", [True, False])
def test_a_checker_that_takes_over_forgets_the_answers_and_keeps_the_conclusions(
    healthy: bool,
) -> None:
    check = HealthCheck(unhealthy_threshold=2, healthy_threshold=2)
    endpoint = Endpoint("a")
    endpoint.healthy = healthy
    HealthChecker(check).probed(endpoint, not healthy)
    checker = HealthChecker(check, [endpoint])
    assert endpoint.healthy == healthy
    changed = UNHEALTHY if healthy else HEALTHY
    assert [checker.probed(endpoint, not healthy) for _ in range(2)] == [UNCHANGED, changed]


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"interval": 0}, "interval must be a number > 0, got 0.0"),
        ({"timeout": -1.0}, "timeout must be a number > 0, got -1.0"),
        ({"unhealthy_threshold": 0}, "unhealthy_threshold must be a whole number >= 1, got 0"),
        ({"healthy_threshold": 1.5}, "healthy_threshold must be a whole number >= 1, got 1.5"),
    ],
)
def test_a_health_check_refuses_what_makes_no_sense(wrong: dict[str, object], rule: str) -> None:
    with pytest.raises(ConfigError) as error:
        HealthCheck(**wrong)  # type: ignore[arg-type]
    assert str(error.value) == f"health check: {rule}"
