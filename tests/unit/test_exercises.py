"""What holds for every exercise: nonsense is told so, no answer repeats the question."""

from __future__ import annotations

from importlib import import_module
from math import nan

import pytest

from meshlab.exercises import LESSONS, exercise
from meshlab.lab import check

KEYS = [
    key
    for lesson in LESSONS
    for key in import_module(f"meshlab.exercises.lesson_{lesson}").EXERCISES
]

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
