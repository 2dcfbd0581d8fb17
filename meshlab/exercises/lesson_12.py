"""Lesson 12: ten defences against the incident, and exercises on what they are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from math import inf

from meshlab.engines.run import run
from meshlab.exercises import Exercise
from meshlab.exercises.answers import one_of, returned, whole
from meshlab.faults import Slowdown
from meshlab.incident import incident
from meshlab.incident.history import DEFENCES
from meshlab.incident.knobs import RESTARTS, Knobs
from meshlab.investigation import CAUSES, Investigation
from meshlab.rules import require_known
from meshlab.scenario import Scenario
from meshlab.toll import Toll, toll

TEN = (
    "no retries", "retry budget", "breaker", "concurrency limit", "least request",
    "twice the memory", "six instances", "always restarted", "rolling restarts",
    "alert on goroutines",
)  # fmt: skip
"""The defences of the lesson, in no order."""


def as_it_was(*, restart: bool = True) -> Scenario:
    """The incident at a hundredth of its requests: quick enough to ask it many things."""
    return replace(incident(restart=restart), weight=100)


@cache
def defended(name: str, at: float = 0.0, seed: int = 1) -> Scenario:
    """The incident with one defence from ``at`` (s) on, for ``seed``; "as it was" is none."""
    if name == "as it was":
        return as_it_was()
    require_known(name, DEFENCES, "lesson 12", "defence")
    return DEFENCES[name].apply(as_it_was(), at, seed)


@cache
def cost(name: str, seed: int = 1, at: float = 0.0) -> Toll:
    """What the incident cost with a defence."""
    return toll(run(defended(name, at, seed), seed))


def saved(name: str, seed: int = 1, at: float = 0.0) -> float:
    """The share of the failed pages that a defence saves; below 0 if more fail with it."""
    return 1.0 - cost(name, seed, at).failed / cost("as it was", seed).failed


def pairs_right(order: Sequence[str], worth: Mapping[str, float], same: float) -> tuple[int, int]:
    """Of the pairs whose worth differs by more than ``same``: how many stand right, of how many."""
    apart = [
        (a, b)
        for i, a in enumerate(order)
        for b in order[i + 1 :]
        if abs(worth[a] - worth[b]) > same
    ]
    return sum(worth[a] > worth[b] for a, b in apart), len(apart)


# ---- 1: the order at 14:31


LATE = 660.0
"""14:31, in seconds since 14:20."""

FIVE = ("no retries", "twice the memory", "six instances", "always restarted", "rolling restarts")


def _judge_order(answer: object) -> str | None:
    if not isinstance(answer, list | tuple) or sorted(answer) != sorted(FIVE):
        return f"a list of these five is asked for, the best first: {', '.join(FIVE)}"
    worth = {name: saved(name, at=LATE) for name in FIVE}
    right, every = pairs_right(list(answer), worth, same=0.0)
    if right == every:
        return None
    best = max(FIVE, key=worth.__getitem__)
    place = list(answer).index(best) + 1
    return (
        f"{right} of {every} pairs stand in the right order; the best of them is on place {place}"
    )


# ---- 2: memory and the platform


@cache
def with_memory(mib: int) -> Toll:
    """The platform restarts who is killed, and an instance has this much memory (MiB)."""
    return toll(run(Knobs(restarts=RESTARTS[1], memory_mib=mib).scenario(), 1))


def _judge_memory(answer: object) -> str | None:
    happened = with_memory(whole(answer, 256, 4096, "a whole number of MiB"))
    if happened.failed < 50_000:
        return None
    if not happened.kills:
        return "nobody dies, so nobody is restarted: what do all those tickers do meanwhile?"
    return (
        f"{happened.failed:,.0f} pages fail, {len(happened.kills)} instances die: "
        "do two of them die close to each other?"
    )


# ---- 3: when will it be full


LIMIT = 18_432.0


def _judge_forecast(answer: object) -> str | None:
    for times, held, want in _forecasts():
        got = returned(answer, list(times), list(held), LIMIT, want="a number, or infinity")
        fits = got > 1e6 if want == inf else abs(got - want) <= 0.05 * want
        if not fits:
            span = f"{held[0]:,.0f} to {held[-1]:,.0f} in {times[-1] - times[0]:.0f} s"
            return f"from {span}, about {want:.0f} s are left, and yours says {got!r}"
    return None


@cache
def _forecasts() -> list[tuple[tuple[float, ...], tuple[float, ...], float]]:
    """A minute of auth-1's goroutines at three times, and the seconds until they would not fit."""
    rows = run(as_it_was(), 1).frame("service_goroutines", instance="auth-1")
    found = []
    for at in (360.0, 420.0, 540.0):
        part = rows[(rows["time"] >= at - 60) & (rows["time"] <= at)]
        times, held = part["time"].tolist(), part["value"].tolist()
        left = (LIMIT - held[-1]) * (times[-1] - times[0]) / (held[-1] - held[0])
        found.append((tuple(times), tuple(held), left))
    flat = ((0.0, 5.0, 10.0), (200.0, 240.0, 200.0), inf)
    falling = ((0.0, 5.0, 10.0), (900.0, 500.0, 300.0), inf)
    return [*found, flat, falling]


# ---- 4: another day


def another_day() -> Investigation:
    """Everything is down again, of something else. Reading this function would spoil it."""
    slow = Slowdown(service="database", factor=3.5, start=330.0)
    calm = as_it_was(restart=False)
    scenario = replace(calm, name="another day", faults=(slow,))
    return Investigation(scenario)


def _judge_another_day(answer: object) -> str | None:
    one_of(answer, CAUSES)
    verdict = _same_day().again().name(str(answer))
    return None if verdict else str(verdict)


@cache
def _same_day() -> Investigation:
    return another_day()


EXERCISES = {
    "12.1": Exercise("Which of the five saves most pages if it comes at 14:31?", _judge_order),
    "12.2": Exercise(
        "With how much memory, and a platform that restarts, do fewer than 50,000 pages fail?",
        _judge_memory,
    ),
    "12.3": Exercise(
        "Write seconds_left(times, goroutines, limit): when does it not fit any more?",
        _judge_forecast,
    ),
    "12.4": Exercise("What was the cause on another day?", _judge_another_day),
}
