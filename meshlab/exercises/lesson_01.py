"""The exercises of lesson 01: what the counts of services show, and what they can't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf, sqrt
from statistics import mean, variance

from meshlab.engines.run import run
from meshlab.exercises import Exercise
from meshlab.exercises.answers import function, one_of, returned
from meshlab.faults import EdgeFault, Errors, Outage
from meshlab.mesh.result import Result
from meshlab.policies.retry import RetryPolicy
from meshlab.scenario import Scenario
from meshlab.shop import shop

ALARM = 0.12
"""The error share above which exercise 1 calls a dashboard red."""

NOISE = 5.0
"""A gap between two worlds that noise alone does not reach, in standard errors."""

Board = Mapping[str, Mapping[str, Sequence[float]]]
"""Number -> service -> its value on each day."""

SUSPECTS = ("user", "user->auth", "user->order", "user->database")


def friday() -> Scenario:
    """The opening of the lesson: two minutes of the shop, and for 40 seconds something is ill."""
    once = RetryPolicy(per_try_timeout=1.0)
    busy = shop(rate=20, duration=120)
    return replace(
        busy,
        edges=tuple(
            replace(e, retry=once) if e.name == "order->inventory" else e for e in busy.edges
        ),
        faults=(EdgeFault(source="order", destination="inventory", rate=0.5, start=40, end=80),),
    )


def lost_way() -> Scenario:
    """Exercise 3: 30 % of the tries from user to auth break, and user does not try again."""
    once = RetryPolicy(per_try_timeout=1.0)
    calm = shop(rate=20, duration=30)
    return replace(
        calm,
        edges=tuple(replace(e, retry=once) if e.name == "user->auth" else e for e in calm.edges),
        faults=(EdgeFault(source="user", destination="auth", rate=0.3),),
    )


def mystery_day() -> Scenario:
    """Exercise 4: something makes user fail. Reading this function would spoil the exercise."""
    broken = EdgeFault(source="user", destination="database", rate=0.7)
    return replace(shop(rate=20, duration=60), faults=(broken,))


def gap(one: Sequence[float], other: Sequence[float]) -> float:
    """How far the averages of two samples are apart, in standard errors of their difference."""
    error = sqrt((variance(one) + variance(other)) / len(one))
    difference = abs(mean(one) - mean(other))
    return difference / error if error else (inf if difference else 0.0)


def widest(one: Board, other: Board) -> tuple[float, str]:
    """The widest gap between two boards, and the number that shows it."""
    return max((gap(one[n][s], other[n][s]), f"{n} of {s}") for n in one for s in one[n])


def counted(result: Result) -> dict[str, tuple[float, float]]:
    """Service -> (requests answered, share of errors), over the whole run, from its own counts."""
    totals = {}
    for service in result.scenario.services:
        mine = [result.processes[name] for name in service.instance_names()]
        good = sum(p.ok for p in mine)
        bad = sum(p.own_errors + p.passed_on + p.shed for p in mine)
        totals[service.name] = (float(good + bad), bad / (good + bad) if good + bad else 0.0)
    return totals


def _judge_rate(answer: object) -> str | None:
    if not isinstance(answer, int | float) or isinstance(answer, bool):
        return f"a number of percent is asked for, and this is {answer!r}"
    if answer % 10 or not 10 <= answer <= 100:
        return f"the answer is a number of percent from 10, 20, 30 ... 100, and this is {answer!r}"
    share = _gateway_errors(answer)
    if share <= ALARM:
        return f"at {answer} % the gateway shows {share:.1%} errors; that is not yet red"
    below = _gateway_errors(answer - 10)
    if below > ALARM:
        return f"at {answer} % it is red, but so it is 10 points lower: {below:.1%} errors"
    return None


def _gateway_errors(percent: float) -> float:
    """The gateway's error share on three days on which its way to order is this bad."""
    broken = EdgeFault(source="gateway", destination="order", rate=percent / 100)
    scenario = replace(shop(rate=20, duration=30), faults=(broken,))
    return mean(counted(run(scenario, seed))["gateway"][1] for seed in (1, 2, 3))


def _judge_share(answer: object) -> str | None:
    error_share = function(answer)
    result = run(shop(rate=20, duration=30), seed=1)
    for service, (_, share) in counted(result).items():
        hint = _compare(error_share(result, service), share, f"{service} at rest")
        if hint is not None:
            return hint
    result = _restarted()
    where = "auth on a day when its processes restarted (their counters begin again at 0)"
    return _compare(error_share(result, "auth"), counted(result)["auth"][1], where)


def _restarted() -> Result:
    """A day on which auth fails half its answers, until a restart of all its processes mends it."""
    bad = Errors(service="auth", rate=0.5, end=20)
    restart = Outage(service="auth", start=20.1, end=20.2)
    return run(replace(shop(rate=20, duration=30), faults=(bad, restart)), seed=1)


def _compare(found: object, share: float, where: str) -> str | None:
    """A share by increase() is off by little, for lack of what lies outside the samples."""
    if not isinstance(found, int | float):
        return f"error_share must return a number; for {where} it returned {found!r}"
    if not abs(found - share) < 0.05:
        return f"for {where} about {share:.1%} is right, and error_share says {found:.1%}"
    return None


def _judge_twin(answer: object) -> str | None:
    scenario = returned(answer, want="a scenario", kind=Scenario)
    if any(isinstance(fault, EdgeFault) for fault in scenario.faults):
        return "an edge is broken in your world too; let the service user fail instead"
    if (scenario.loads, scenario.duration) != (lost_way().loads, lost_way().duration):
        return "the load and the duration must stay those of lost_way()"
    world, twin = _days(lost_way(), 1), _days(scenario, 101)
    gaps = {key: gap(world[key], twin[key]) for key in world}
    service, what = key = max(gaps, key=lambda k: gaps[k])
    if gaps[key] < NOISE:
        return None
    return (
        f"{what} of {service} tell your world apart: about {mean(twin[key]):.3g} there, "
        f"{mean(world[key]):.3g} in lost_way(). A request meets user's own errors first, "
        "then the broken way"
    )


def _days(scenario: Scenario, first: int) -> Mapping[tuple[str, str], list[float]]:
    """Eight days of a world: (service, what is counted) -> its value on each day."""
    days = [counted(run(scenario, seed)) for seed in range(first, first + 8)]
    return {
        (service, what): [day[service][i] for day in days]
        for service in days[0]
        for i, what in enumerate(("requests", "errors"))
    }


CLUES = {
    "user": "user would fail before it calls anybody, and auth would get no more than at rest",
    "user->auth": "a request would end before it comes to order, which would get no more",
    "user->order": "auth would get more requests than at rest, but order would not",
}


def _judge_suspect(answer: object) -> str | None:
    one_of(answer, SUSPECTS)
    if answer in CLUES:
        return f"if it were {answer}, {CLUES[str(answer)]}. Compare the requests with calm days"
    return None


EXERCISES = {
    "01.1": Exercise(
        "From how many percent of broken tries on gateway->order on (in steps of 10) does "
        f"the gateway show more than {ALARM:.0%} errors?",
        _judge_rate,
    ),
    "01.2": Exercise(
        "Write error_share(result, service) from recorded counters; it must survive a restart.",
        _judge_share,
    ),
    "01.3": Exercise(
        "Write sick_user(): a world whose counts can't be told from those of lost_way().",
        _judge_twin,
    ),
    "01.4": Exercise(f"What is ill on the mystery day: {', '.join(SUSPECTS)}?", _judge_suspect),
}
