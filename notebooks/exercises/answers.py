"""Which kind of answer an exercise asks for: an answer of another kind gets a hint that says so.

def _judge_share(answer):
    share = returned(answer, result, want="a number")       a function that returns something
    ...
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


class Hint(Exception):
    """What to look at next: with it an answer is judged, and not right yet."""


def one_of(answer: object, known: Collection[str], what: str = "the answer") -> None:
    """The answer is a name among those that are known."""
    if answer not in list(known):
        raise Hint(f"{what} is one of {', '.join(known)}, and this is {answer!r}")


def whole(answer: object, low: int, high: int, what: str = "a whole number") -> int:
    """The answer is a whole number from ``low`` to ``high``."""
    if not isinstance(answer, int) or isinstance(answer, bool) or not low <= answer <= high:
        raise Hint(f"{what} from {low} to {high} is asked for, and this is {answer!r}")
    return answer


def function(answer: object, what: str = "a function") -> Any:
    """The answer can be called."""
    if not callable(answer):
        raise Hint(f"{what} is asked for, and this is {answer!r}")
    return answer


def returned(answer: object, *given: object, want: str, kind: type = object) -> Any:
    """What the answer, a function, returns for what it is given; ``want`` says what that is."""
    got = function(answer)(*given)
    name = f"{answer.__name__}()" if hasattr(answer, "__name__") else "your function"
    if got is None:
        raise Hint(f"{name} returns None; let it return {want}")
    if not isinstance(got, kind):
        raise Hint(f"{name} must return {want}, and it returns {type(got).__name__}")
    return got
