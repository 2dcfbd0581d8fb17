"""Digests: the same for the same thing in every process, others for what would run otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import pytest

from exercises.lesson_05 import storm
from meshlab.model import ConfigError
from meshlab.policies.retry import RetryPolicy
from meshlab.scenario.shop import shop
from meshlab.sweep.fingerprint import digest_of_function, digest_of_scenario

NEVER = RetryPolicy(retry_on=frozenset())

PROGRAM = """
from meshlab.sweep.fingerprint import digest_of_function, digest_of_scenario
from meshlab.scenario.shop import shop
def measure(result):
    return {name: 1.0 for name in {"a", "b", "c"} if name in ("a", "b", "c", "d")}
print(digest_of_scenario(shop()), digest_of_function(measure))
"""


def read(text: str, measure: str = "measure") -> Any:
    """A function as a reader writes it in a cell."""
    room: dict[str, Any] = {"__name__": "__main__", "cache": cache}
    exec(text, room)
    return room[measure]


def test_equal_scenarios_have_equal_digests() -> None:
    assert digest_of_scenario(shop()) == digest_of_scenario(shop())


@pytest.mark.parametrize(
    "change",
    [
        lambda s: replace(s, duration=s.duration + 1e-9),
        lambda s: replace(s, loads=(replace(s.loads[0], arrivals="even"),)),
        lambda s: replace(s, edges=(replace(s.edges[0], retry=NEVER), *s.edges[1:])),
        lambda s: replace(s, services=s.services[::-1]),
    ],
)
def test_any_field_of_any_part_changes_the_digest(change: Callable[[Any], Any]) -> None:
    assert digest_of_scenario(change(shop())) != digest_of_scenario(shop())


def test_digests_are_the_same_in_every_process() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1


def test_a_class_of_ones_own_has_no_digest() -> None:
    with pytest.raises(ConfigError, match="must be made of built-in parts, got Own"):
        digest_of_scenario(storm(lambda: None, 0.5))  # type: ignore[arg-type, return-value]


ONE = "LIMIT = 3\ndef high(x):\n    return x > LIMIT\ndef measure(r):\n    return {'high': high(r)}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("'high'", "'higher'"),
        ("high(r)", "not high(r)"),
        ("x > LIMIT", "x >= LIMIT"),
        ("LIMIT = 3", "LIMIT = 4"),
        ("LIMIT = 3", "LIMIT = {'a': [3]}"),
        ("return {'high': high(r)}", "return {'high': (lambda: high(r))()}"),
        ("def measure(r)", "def measure(r, more=1)"),
    ],
)
def test_code_and_what_it_uses_beside_it_change_a_functions_digest(old: str, new: str) -> None:
    assert digest_of_function(read(ONE.replace(old, new))) != digest_of_function(read(ONE))


def test_where_a_function_is_written_does_not_count() -> None:
    assert digest_of_function(read("\n\n# later\n" + ONE)) == digest_of_function(read(ONE))


def test_functions_behind_a_cache_count() -> None:
    cached = ONE.replace("def high", "@cache\ndef high")
    assert digest_of_function(read(cached)) != digest_of_function(
        read(cached.replace("x >", "x <"))
    )


def test_what_a_closure_holds_counts() -> None:
    def measure_of(n: int) -> Callable[[object], dict[str, int]]:
        return lambda result: {"n": n}

    first, same, other = (digest_of_function(measure_of(n)) for n in (1, 1, 2))
    assert first == same != other


def test_functions_that_call_each_other_are_told_once() -> None:
    mutual = "def a(n):\n    return b(n)\ndef b(n):\n    return n and a(n - 1)\n"
    assert digest_of_function(read(mutual, "a")) == digest_of_function(read(mutual, "a"))


@pytest.mark.parametrize("thing", [partial(max, 1), max, 3])
def test_what_is_no_function_in_python_is_refused(thing: object) -> None:
    with pytest.raises(ConfigError, match="measure must be a function"):
        digest_of_function(thing)
