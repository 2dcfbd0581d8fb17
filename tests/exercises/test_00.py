"""The checks of lesson 00 accept what is right, and say something useful about the rest."""

from dataclasses import replace
from typing import Any

import pytest

from exercises import check, exercise
from exercises.lesson_00 import SLOW, slow_shop
from meshlab.scenario.shop import shop


def kinder_shop() -> Any:
    return replace(shop(rate=20, duration=60, workers=80), faults=(SLOW,))


@pytest.mark.parametrize(
    ("key", "answer"), [("00.1", 8), ("00.2", "inventory"), ("00.3", kinder_shop)]
)
def test_the_right_answer_is_accepted(key: str, answer: object) -> None:
    assert exercise(key).judge(answer) is None


@pytest.mark.parametrize(
    ("key", "answer", "hint"),
    [
        ("00.1", 7, "try a larger factor"),
        ("00.1", 9, "so they are at 8"),
        ("00.1", "eight", "a whole number"),
        ("00.2", "gateway", "is not ill"),
        ("00.2", "shop", "one of gateway, auth"),
        ("00.3", 3, "a function is asked for"),
        ("00.3", lambda: None, "returns None"),
        ("00.3", lambda: 3, "returns int"),
        ("00.3", lambda: slow_shop(8), "What do requests run out of"),
        ("00.3", lambda: shop(rate=20, duration=60), "the fault must stay"),
        ("00.3", lambda: shop(rate=1, duration=60), "the load must stay"),
    ],
)
def test_a_wrong_answer_gets_a_hint(key: str, answer: object, hint: str) -> None:
    said = exercise(key).judge(answer)
    assert said is not None
    assert hint in said


def test_an_answer_that_breaks_is_told_how(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        raise KeyError("payment")

    assert not check("00.3", broken)
    assert "your answer stopped with KeyError: 'payment'" in capsys.readouterr().out
