"""What holds for every exercise: nonsense is told so, no answer repeats the question."""

from __future__ import annotations

from importlib import import_module
from math import nan
from typing import Any

import pytest

import exercises
from exercises import LESSONS, Exercise, check, exercise

KEYS = [key for lesson in LESSONS for key in import_module(f"exercises.lesson_{lesson}").EXERCISES]

NONSENSE = {
    "an object": object(),
    "nan": nan,
    "nothing": "",
    "text": "?",
    "below zero": -1,
    "too much": 1e300,
    "an empty list": [],
    "a list": [1],
    "a list of None": [None],
    "an empty dict": {},
    "a dict": {"a": 1},
    "a pair of what has no hash": ([], {}),
    "a function": lambda: 1,
    "a broken function": lambda: 1 / 0,
    "print": print,
    "a class": int,
}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_is_told_so_and_breaks_nothing(
    key: str, nonsense: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not check(key, NONSENSE[nonsense])
    assert f"Exercise {key}: not yet: " in capsys.readouterr().out


@pytest.mark.parametrize("key", KEYS)
def test_no_answer_is_no_error_and_repeats_the_question(
    key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not check(key, None)
    asked = f"Exercise {key}: not answered yet. {exercise(key).question}"
    assert asked in capsys.readouterr().out


@pytest.fixture
def one_exercise(monkeypatch: pytest.MonkeyPatch) -> None:
    """The only exercise asks for the number 3."""

    def judge(answer: Any) -> str | None:
        return None if answer() == 3 else "count again"

    monkeypatch.setattr(exercises, "exercise", lambda key: Exercise("How many?", judge))


@pytest.mark.usefixtures("one_exercise")
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda: 3, "Exercise 1: right."),
        (lambda: 4, "Exercise 1: not yet: count again"),
        (None, "Exercise 1: not answered yet. How many?"),
        (..., "Exercise 1: not answered yet. How many?"),
        (
            lambda: 1 / 0,
            "Exercise 1: not yet: your answer stopped with ZeroDivisionError: division by zero",
        ),
    ],
)
def test_a_check_says_whether_an_answer_is_right_and_never_raises(
    answer: object, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict = check("1", answer)
    assert capsys.readouterr().out == f"{said}\n"
    assert bool(verdict) is (said == "Exercise 1: right.")


def test_a_check_of_an_unknown_exercise_lists_the_valid_ones() -> None:
    assert "valid: 00.1, 00.2, 00.3" in check("00.9", 1).said
