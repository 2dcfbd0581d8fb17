"""The checks of lesson 04 accept what is right, and say something useful about the rest."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from exercises import exercise
from exercises.lesson_04 import FAILING, false_alarms, openings, storm_entries, unseen_storm
from meshlab.figures.lanes import spells
from meshlab.kernel.clock import Clock
from meshlab.kernel.record import record
from meshlab.policies.breaker import PRESETS, Breaker, BreakerConfig
from meshlab.policies.windows import CountWindow, Window
from meshlab.telemetry.ledger import Entry

SLOW = BreakerConfig(
    consecutive_failures=None,
    slow_call_rate=0.5,
    slow_call_seconds=0.3,
    window_calls=20,
    minimum_calls=20,
)
NERVOUS = replace(SLOW, slow_call_rate=0.1, minimum_calls=10)
LATE = replace(SLOW, window_calls=200, minimum_calls=200)


def not_closed(ledger: Iterable[Entry], end: float) -> Any:
    return {n: sum(s.end - s.start for s in lane) for n, lane in spells(ledger, end).items()}


def without_the_last(ledger: Iterable[Entry], end: float) -> Any:
    lanes = spells(ledger, end)
    return {n: sum(s.end - s.start for s in lane if s.closed) for n, lane in lanes.items()}


def only_open(ledger: Iterable[Entry], end: float) -> Any:
    """Stops counting when the breaker is half-open."""
    seconds: dict[str, float] = {}
    since: dict[str, float] = {}
    for entry in ledger:
        if entry.event == "breaker opened":
            since[entry.subject] = entry.time
        elif entry.event == "breaker half-open":
            spent = entry.time - since.pop(entry.subject)
            seconds[entry.subject] = seconds.get(entry.subject, 0.0) + spent
    for name, start in since.items():
        seconds[name] = seconds.get(name, 0.0) + end - start
    return seconds


class Fading(Window):
    keep = 0.95

    def __init__(self) -> None:
        self.clear(0.0)

    def clear(self, now: float) -> None:
        self.all_calls = self.all_failures = self.all_slow = 0.0

    def add(self, now: float, failed: bool, slow: bool) -> None:
        self.all_calls = self.keep * self.all_calls + 1
        self.all_failures = self.keep * self.all_failures + failed
        self.all_slow = self.keep * self.all_slow + slow

    def calls(self) -> float:
        return self.all_calls

    def failures(self) -> float:
        return self.all_failures

    def slow(self) -> float:
        return self.all_slow


@record
class Debt(Breaker):
    """Opens for half a second at ``most`` failures more than successes."""

    clock: Clock
    permit: int
    debt: int
    most: int
    open_until: float

    def __init__(self, clock: Clock, generation: int, most: int) -> None:
        self.clock, self.permit, self.most = clock, generation, most

    def admit(self) -> int:
        return 0 if self.clock.now < self.open_until else self.permit

    def report(self, permit: int, ok: bool, seconds: float) -> None:
        if permit == self.permit:
            self.debt = max(0, self.debt - 1) if ok else self.debt + 1
            if self.debt >= self.most:
                self.debt = 0
                self.permit += 1
                self.open_until = self.clock.now + 0.5

    def abandon(self, permit: int) -> None:
        pass


@dataclass(frozen=True)
class Debts:
    most: int

    def build(self, clock: Clock, watcher: object, generation: int) -> Breaker:
        return Debt(clock, generation, self.most)


class Plain(Breaker):
    """No record, so it can't be compiled."""

    def admit(self) -> int:
        return 1


class Plains:
    def build(self, clock: Clock, watcher: object, generation: int) -> Breaker:
        return Plain()


class Forgetful(Fading):
    keep = 0.8


class NeverClear(Fading):
    def __init__(self) -> None:
        super().clear(0.0)

    def clear(self, now: float) -> None:
        pass


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("04.1", 9),
        ("04.2", SLOW),
        ("04.3", not_closed),
        ("04.4", Fading),
        ("04.5", "inventory"),
        ("04.6", Debts(10)),
    ],
)
def test_the_right_answer_is_accepted(key: str, answer: object) -> None:
    assert exercise(key).judge(answer) is None


@pytest.mark.parametrize(
    ("key", "answer", "hint"),
    [
        ("04.1", 8, "3.5 times a day"),
        ("04.1", 10, "so are 9"),
        ("04.1", 9.0, "a whole number"),
        ("04.1", True, "a whole number"),
        ("04.2", 5, "a BreakerConfig is asked for"),
        ("04.2", PRESETS["gobreaker"], "never opened"),
        ("04.2", PRESETS["resilience4j"], "never opened"),
        ("04.2", NERVOUS, "on a calm day"),
        ("04.2", LATE, "how many calls must it see"),
        ("04.3", 3, "a function is asked for"),
        ("04.3", lambda ledger, end: None, "returns None"),
        ("04.3", lambda ledger, end: 3.0, "returns float"),
        ("04.3", lambda ledger, end: {}, "the keys must be"),
        ("04.3", lambda ledger, end: dict.fromkeys(not_closed(ledger, end), "x"), "a number"),
        ("04.3", without_the_last, "did not close again"),
        ("04.3", only_open, "half-open is not closed either"),
        ("04.4", 3, "a class is asked for"),
        ("04.4", lambda: object(), "must have a method calls"),
        ("04.4", lambda: CountWindow(100), "after 100 good calls and 1 bad ones"),
        ("04.4", Forgetful, "weigh 5 % less"),
        ("04.4", NeverClear, "clear() must forget"),
        ("04.5", "inventory-1", "one of gateway, auth"),
        ("04.5", "order", "which breaker was first"),
        ("04.5", "database", "no breaker before database"),
        ("04.6", Debts, "an object with build"),
        ("04.6", Plains(), "Plain is no record"),
        ("04.6", Debts(1), "while all was well"),
        ("04.6", Debts(10**9), "it refused 0% of them"),
    ],
)
def test_a_wrong_answer_gets_a_hint(key: str, answer: object, hint: str) -> None:
    said = exercise(key).judge(answer)
    assert said is not None
    assert hint in said


def test_false_alarms_are_as_rare_as_a_count_of_runs_says() -> None:
    """Two in a row at p = 0.2: every 1.2 / 0.04 tries, by the smallest case one can do by hand."""
    tries_between = 86_400 * 20 / false_alarms(2)
    assert tries_between == pytest.approx((1 + FAILING) / FAILING**2)


@pytest.mark.parametrize("seed", range(1, 5))
def test_most_breakers_of_the_mystery_stand_before_another_service(seed: int) -> None:
    entries = storm_entries(seed)
    counts = openings(entries)
    assert entries[0].subject.endswith("->inventory")
    assert counts["order"] > counts["inventory"]


def test_the_unseen_storm_has_all_that_a_ledger_can_have() -> None:
    lanes = spells(unseen_storm().ledger, unseen_storm().scenario.duration)
    assert any(len(lane) > 1 for lane in lanes.values())
    assert any(spell.failed_probes for lane in lanes.values() for spell in lane)
    assert {spell.closed for lane in lanes.values() for spell in lane} == {True, False}
