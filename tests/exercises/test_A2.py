"""The checks of appendix A2 accept what is right, and say something useful about the rest."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from exercises import check
from exercises.lesson_A2 import (
    clearly_better,
    colleague,
    examples,
    highest_safe_load,
    seconds_to_recover,
)


@pytest.mark.slow
def test_right_answers_are_right() -> None:
    assert check("A2.1", highest_safe_load())
    assert check("A2.2", lambda result: {"seconds": seconds_to_recover(result)})
    assert check("A2.3", set(clearly_better()))


def test_the_safe_load_is_what_three_attempts_leave_of_three_hundred() -> None:
    assert 80 <= highest_safe_load() <= 100


def test_the_examples_tell_three_kinds_of_recovery_apart() -> None:
    soon, later, never = (seconds_to_recover(result) for result in examples())
    assert soon < later < never == inf


def test_the_colleague_is_wrong_about_some_and_right_about_others() -> None:
    means = colleague().groupby("way").success.mean()
    higher = set(means.index[means > means["2 attempts"]])
    assert clearly_better() == {"3 attempts", "4 attempts"}
    assert higher > clearly_better()


@pytest.mark.parametrize(
    ("key", "answer", "said"),
    [
        ("A2.1", "many", "a number of requests per second is asked for"),
        ("A2.1", 95, "in steps of ten"),
        ("A2.1", 150, "a seed stays down"),
        ("A2.1", 60, "60 is safe, but so is a higher load"),
        ("A2.2", 3, "a function is asked for"),
        ("A2.2", lambda result: 5.0, "it must return {'seconds': ...}"),
        ("A2.2", lambda result: {"time": 5.0}, "it must return {'seconds': ...}"),
        ("A2.2", lambda result: {"seconds": 5.0}, "yours says 5.0"),
        ("A2.3", ["3 attempts"], "a set of names is asked for"),
        ("A2.3", {"5 attempts"}, "there is no '5 attempts' among 2 attempts"),
        ("A2.3", {"2, long pause"}, "'2, long pause' overlaps"),
        ("A2.3", {"3 attempts"}, "one that you left out"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, answer: Any, said: str, capsys: Any) -> None:
    assert not check(key, answer)
    assert said in capsys.readouterr().out
