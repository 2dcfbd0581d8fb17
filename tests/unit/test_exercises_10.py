"""The exercises of lesson 10: right answers pass, near misses get a hint that fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from meshlab.engines.run import run
from meshlab.exercises.lesson_10 import (
    END,
    ROUTES,
    START,
    limited,
    mystery,
    puzzles,
    success,
    town,
    with_instances,
)
from meshlab.lab import check


def moved(metrics: Mapping[str, Sequence[float]], calm: int, stays: int = 2) -> list[str]:
    when = {}
    for name, values in metrics.items():
        low, high = min(values[:calm]), max(values[:calm])
        out = [not 2 * low - high <= value <= 2 * high - low for value in values]
        at = [n for n in range(calm, len(out) - stays + 1) if all(out[n : n + stays])]
        if at:
            when[name] = at[0]
    return sorted(when, key=when.__getitem__)


def admit(waiting: float, workers: int, work: float, left: float) -> bool:
    return waiting * work / workers + work <= left


def test_the_town_is_well_until_payment_is_slow_and_then_nothing_works() -> None:
    assert set(success(run(town(1.0)))) == set(ROUTES)
    assert set(success(run(town(1.0))).values()) == {1.0}
    ill = run(town())
    assert max(success(ill).values()) < 0.1
    assert min(success(ill, 5.0, START).values()) == 1.0
    assert sum(process.own_errors for process in ill.processes.values()) == 0


def test_with_instances_changes_one_service_or_all() -> None:
    calm = town()
    one, every = with_instances(calm, "auth", queue=7), with_instances(calm, queue=7)
    assert {s.name for s in one.services if s.instances[0].queue == 7} == {"auth"}
    assert all(each.queue == 7 for service in every.services for each in service.instances)
    assert one.edges == calm.edges


def test_limited_puts_limits_on_the_named_edges_only() -> None:
    scenario = limited(town(), {"order->payment": 3})
    assert [e.name for e in scenario.edges if e.limits] == ["order->payment"]


def test_success_counts_what_ended_between_two_scrapes() -> None:
    result = run(replace(town(1.0, duration=30.0), faults=()))
    assert success(result, 10.0, 20.0) == dict.fromkeys(ROUTES, 1.0)
    assert END > START


@pytest.mark.parametrize("limit", [10, 11, 12, 13])
def test_a_limit_between_too_tight_and_too_loose_is_right(limit: int) -> None:
    assert check("10.1", limit)


@pytest.mark.parametrize(
    ("limit", "hint"),
    [
        (3, "calls on a calm day"),
        (8, "payment has workers to spare"),
        (15, "they wait too long"),
        (20, "who holds all the workers"),
        (0, "a whole number from 1 to 100"),
        (True, "a whole number from 1 to 100"),
        (2.5, "a whole number from 1 to 100"),
    ],
)
def test_another_limit_gets_the_hint_that_fits(limit: object, hint: str) -> None:
    verdict = check("10.1", limit)
    assert not verdict
    assert hint in verdict.said


def test_the_rule_of_the_lesson_says_who_moved() -> None:
    assert check("10.2", moved)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda metrics, calm: moved(metrics, calm, stays=1),
        lambda metrics, calm: moved(metrics, calm)[::-1],
        lambda metrics, calm: list(metrics),
        lambda metrics, calm: None,
        "duration",
    ],
)
def test_other_rules_are_found_out(wrong: object) -> None:
    assert not check("10.2", wrong)


def test_the_puzzles_hold_metrics_that_move_that_twitch_and_that_stay() -> None:
    answers = [moved(puzzle, 10) for puzzle in puzzles()]
    twitches = [moved(puzzle, 10, stays=1) for puzzle in puzzles()]
    assert {len(answer) for answer in answers} >= {0, 1, 2, 3}
    assert answers != twitches


def test_who_can_be_answered_in_time_is_admitted() -> None:
    assert check("10.3", admit)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda waiting, workers, work, left: True,
        lambda waiting, workers, work, left: waiting < 20,
        lambda waiting, workers, work, left: waiting * work / workers <= left,
        lambda waiting, workers, work, left: (waiting + 1) * work <= left,
        lambda waiting, workers, work, left: None,
        5,
    ],
)
def test_other_doors_are_found_out(wrong: object) -> None:
    assert not check("10.3", wrong)


def test_the_mystery_has_one_culprit_and_a_hint_for_each_suspect() -> None:
    assert check("10.4", "inventory")
    assert "came back" in check("10.4", "payment").said
    assert "for whom" in check("10.4", "order").said
    assert "idle workers" in check("10.4", "auth").said
    assert "one of gateway, auth" in check("10.4", "kafka").said


def test_the_mystery_is_as_its_hints_say() -> None:
    """All routes are down, the suspects are full, and the idle ones idle."""
    result = mystery()
    assert max(success(result).values()) < 0.1
    assert min(success(result, 5.0, START).values()) == 1.0
    held = result.frame("service_requests_in_flight")
    late = held[held.time > START + 10].groupby("service").value.max()
    assert late["inventory"] > 20
    for idle in ("auth", "database"):
        size = result.scenario.service(idle).instances[0].workers
        assert late[idle] < size
