"""The checks of lesson 01 accept what is right, and say something useful about the rest."""

from dataclasses import replace
from typing import Any

import pytest

from meshlab.engines.run import run
from meshlab.exercises import exercise
from meshlab.exercises.lesson_01 import NOISE, _days, friday, gap, lost_way, widest
from meshlab.faults import Errors
from meshlab.mesh.result import Result
from meshlab.shop import shop
from meshlab.telemetry.promql import increase
from meshlab.telemetry.series import latest


def share_of(answers: Any) -> float:
    bad = answers.value[answers.code != "200"].sum()
    return float(bad / answers.value.sum())


def error_share(result: Result, service: str) -> float:
    answers = result.frame("service_requests_total", service=service)
    end = result.scenario.duration
    return share_of(increase(answers, end, end))


def last_number(result: Result, service: str) -> float:
    """What one thinks of first: the counters as they stand, whoever restarted."""
    return share_of(latest(result.frame("service_requests_total", service=service)))


def sick_user(rate: float = 0.7 * 0.02 + 0.3) -> Any:
    return replace(lost_way(), faults=(Errors(service="user", rate=rate),))


@pytest.mark.parametrize(
    ("key", "answer"),
    [("01.1", 50), ("01.2", error_share), ("01.3", sick_user), ("01.4", "user->database")],
)
def test_the_right_answer_is_accepted(key: str, answer: object) -> None:
    assert exercise(key).judge(answer) is None


@pytest.mark.parametrize(
    ("key", "answer", "hint"),
    [
        ("01.1", 40, "not yet red"),
        ("01.1", 60, "10 points lower"),
        ("01.1", 0.5, "10, 20, 30"),
        ("01.1", "half", "a number of percent"),
        ("01.1", True, "a number of percent"),
        ("01.2", 0.1, "a function"),
        ("01.2", lambda result, service: None, "it returned None"),
        ("01.2", lambda result, service: float("nan"), "error_share says nan"),
        ("01.2", lambda result, service: 0.0, "is right"),
        ("01.2", last_number, "counters begin again at 0"),
        ("01.3", 0.3, "a function is asked for"),
        ("01.3", lambda: None, "returns None"),
        ("01.3", lost_way, "let the service user fail instead"),
        ("01.3", lambda: replace(sick_user(), duration=60.0), "duration must stay"),
        ("01.3", lambda: sick_user(0.1), "errors of user"),
        ("01.4", "user", "Compare the requests"),
        ("01.4", "user->auth", "before it comes to order"),
        ("01.4", "user->order", "order would not"),
        ("01.4", "payment", "one of user, user->auth"),
        ("01.4", ["user"], "one of user, user->auth"),
    ],
)
def test_a_wrong_answer_gets_a_hint(key: str, answer: object, hint: str) -> None:
    said = exercise(key).judge(answer)
    assert said is not None
    assert hint in said


def test_on_friday_order_fails_half_its_answers_and_makes_none_of_them_itself() -> None:
    result = run(friday(), seed=1)
    mine = [p for name, p in result.processes.items() if name.startswith("order-")]
    passed_on = sum(p.passed_on for p in mine)
    assert passed_on > 5 * sum(p.own_errors for p in mine)


def test_the_days_of_one_world_differ_from_each_other_by_no_more_than_noise() -> None:
    calm = shop(rate=20, duration=30)
    one, other = _days(calm, 1), _days(calm, 101)
    assert max(gap(one[key], other[key]) for key in one) < NOISE


def test_the_widest_gap_between_two_boards_names_its_number() -> None:
    calm = {"requests": {"auth": [40.0, 42.0]}, "errors": {"auth": [0.0, 0.0], "user": [0.0, 0.2]}}
    ill = {"requests": {"auth": [41.0, 43.0]}, "errors": {"auth": [0.0, 0.0], "user": [0.7, 0.9]}}
    size, what = widest(calm, ill)
    assert what == "errors of user"
    assert size == pytest.approx(0.7 / 0.02**0.5)  # two variances of 0.02, two days
    assert gap([1, 1], [1, 1]) == 0
