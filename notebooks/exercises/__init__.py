"""The checks behind the exercises: they run a reader's answer, and help without giving it away.

A lesson's module holds its exercises under their keys ("01.2" is lesson 01, exercise 2):

    EXERCISES = {"01.2": Exercise("Which service ...?", check_culprit)}
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from exercises.answers import Hint
from meshlab.model import ConfigError
from meshlab.model.rules import require_known

LESSONS = ("00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "12", "A2")
"""The lessons that have exercises, each in ``exercises.lesson_NN``."""


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise: what is asked, and how an answer is judged.

    ``rule`` gives or raises a hint where an answer is not right yet, and gives None where it is.
    """

    question: str
    rule: Callable[[Any], str | None]

    def judge(self, answer: object) -> str | None:
        """What to look at next; None if the answer is right."""
        try:
            return self.rule(answer)
        except Hint as hint:
            return str(hint)


def exercise(key: str) -> Exercise:
    """The exercise of that key; ConfigError lists the valid ones."""
    lesson = key.split(".")[0]
    require_known(lesson, LESSONS, f"exercise {key!r}", "lesson")
    known: dict[str, Exercise] = import_module(f"exercises.lesson_{lesson}").EXERCISES
    require_known(key, known, "exercise", "key")
    return known[key]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an answer: true if it was right, so that a test can assert it."""

    right: bool
    said: str

    def __bool__(self) -> bool:
        return self.right

    def _ipython_display_(self) -> None:
        """Nothing more to show: `check` has printed it."""


def check(key: str, answer: object) -> Verdict:
    """Judge the answer to an exercise: say that it is right, or what to look at next.

    Never raises: an answer that breaks is told how it broke.
    """
    verdict = _judge(key, answer)
    print(verdict.said)
    return verdict


def _judge(key: str, answer: object) -> Verdict:
    try:
        asked = exercise(key)
    except ConfigError as error:
        return Verdict(False, str(error))
    if answer is None or answer is ...:
        return Verdict(False, f"Exercise {key}: not answered yet. {asked.question}")
    try:
        hint = asked.judge(answer)
    except Exception as error:  # a reader's own code may break in any way
        hint = f"your answer stopped with {type(error).__name__}: {error}"
    if hint is None:
        return Verdict(True, f"Exercise {key}: right.")
    return Verdict(False, f"Exercise {key}: not yet: {hint}")
