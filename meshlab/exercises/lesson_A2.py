"""The exercises of appendix A2: a safe load, a measure of one's own, intervals that overlap."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import inf
from typing import TYPE_CHECKING

from meshlab.engines.run import run
from meshlab.exercises import Exercise
from meshlab.exercises.answers import function
from meshlab.faults import Slowdown
from meshlab.kernel.distributions import Constant, Exponential
from meshlab.load import Load
from meshlab.mesh.result import Result
from meshlab.policies.retry import Backoff, RetryPolicy
from meshlab.rules import is_number
from meshlab.scenario import Scenario
from meshlab.sweep import means, sweep
from meshlab.topology import Edge, Instance, Service

if TYPE_CHECKING:
    import pandas as pd

END = 20
"""When the trigger is over (s)."""

LOADS = range(60, 151, 10)
"""Requests per second, in the steps that exercise 1 asks for."""

PRESENT = "2 attempts"


def world(load: float, attempts: int = 3) -> Scenario:
    """The lesson's database, which loses 95 % of its speed for three seconds."""
    at_once = Backoff(base_seconds=0.0, cap_seconds=0.0)
    retry = RetryPolicy(max_attempts=attempts, per_try_timeout=1.0, backoff=at_once)
    one = Instance(latency=Exponential(1 / 300), workers=1, queue=10_000)
    return Scenario(
        name="database",
        services=(Service(name="db", instances=(one,)),),
        edges=(Edge(source="app", destination="db", retry=retry),),
        loads=(Load(source="app", destination="db", rate=load),),
        faults=(Slowdown(service="db", factor=20.0, start=END - 3, end=END),),
        duration=60,
        scrape_interval=5,
        trace_sampling=0.0,
    )


def answered(result: Result) -> dict[float, float]:
    """Answers in time so far, at every scrape (s)."""
    frame = result.frame("mesh_requests_total", code="200").groupby("time").value.sum()
    return {float(time): float(value) for time, value in frame.items()}  # type: ignore[arg-type]


# ---- 1: a safe load


def fate(result: Result) -> dict[str, float]:
    """Whether goodput long after the trigger is less than half of what it was before."""
    answers = answered(result)
    return {"stuck": (answers[60] - answers[50]) < answers[10] / 2}


@cache
def highest_safe_load() -> int:
    """Up to here, no seed is stuck."""
    frame = sweep(world, {"load": LOADS}, (1, 2, 3), fate, workers=1, progress=False)
    return int(frame[frame.stuck > 0].load.min()) - 10


def _judge_safe(answer: object) -> str | None:
    if not is_number(answer):
        return f"a number of requests per second is asked for, and this is {answer!r}"
    safe = highest_safe_load()
    if answer == safe:
        return None
    if answer % 10:  # type: ignore[operator]
        return "in steps of ten, please: 60, 70, 80 and so on"
    if answer > safe:  # type: ignore[operator]
        return f"at {answer} or below it, a seed stays down; queue=10_000, three seeds"
    return f"{answer} is safe, but so is a higher load"


# ---- 2: a measure of one's own


def seconds_to_recover(result: Result) -> float:
    """From the trigger's end to the first scrape before which goodput was back for 5 s."""
    answers = answered(result)
    for time in sorted(answers):
        if time > END and (answers[time] - answers[time - 5]) / 5 >= 0.9 * answers[10] / 10:
            return time - END
    return inf


@cache
def examples() -> list[Result]:
    """Three incidents: one soon over, one after a while, one never."""
    worlds = (world(60), world(140, attempts=2), world(240))
    return [run(each, 1) for each in worlds]


def _judge_recovery(answer: object) -> str | None:
    recovery = function(answer)
    for result in examples():
        got, right = recovery(result), seconds_to_recover(result)
        if not isinstance(got, Mapping) or list(got) != ["seconds"]:
            return f"it must return {{'seconds': ...}}, and it returns {got!r}"
        if got["seconds"] != right:
            load = result.scenario.loads[0].rate
            return (
                f"a world at {load:g} requests a second was back after {right:g} s; "
                f"yours says {got['seconds']!r}"
            )
    return None


# ---- 3: intervals that overlap


WAYS: dict[str, RetryPolicy] = {
    PRESENT: RetryPolicy(max_attempts=2, backoff=Backoff(base_seconds=0.0, cap_seconds=0.0)),
    "2, short pause": RetryPolicy(max_attempts=2, backoff=Backoff(base_seconds=0.01)),
    "2, long pause": RetryPolicy(max_attempts=2, backoff=Backoff(base_seconds=0.2)),
    "3 attempts": RetryPolicy(max_attempts=3),
    "4 attempts": RetryPolicy(max_attempts=4),
}
"""What the colleague compared."""


def failing(way: str) -> Scenario:
    """A service that fails every second try, for a hundred calls."""
    ill = Instance(latency=Constant(0.01), error_rate=0.5)
    return Scenario(
        services=(Service(name="s", instances=(ill,)),),
        edges=(Edge(source="client", destination="s", retry=WAYS[way]),),
        loads=(Load(source="client", destination="s", rate=20),),
        duration=5,
    )


def success(result: Result) -> dict[str, float]:
    """The share of calls that succeed."""
    edge = result.edges["client", "s"]
    return {"success": edge.succeeded / (edge.calls - edge.in_flight)}


def colleague() -> pd.DataFrame:
    """Five ways to retry, eight seeds each."""
    return sweep(failing, {"way": tuple(WAYS)}, range(1, 9), success, workers=1, progress=False)


@cache
def clearly_better() -> frozenset[str]:
    """The ways whose interval lies wholly above that of the present one."""
    table = means(colleague(), 0.95).set_index("way")
    return frozenset(way for way in WAYS if table.low[way] > table.high[PRESENT])


def _judge_better(answer: object) -> str | None:
    if not isinstance(answer, set | frozenset):
        return f"a set of names is asked for, and this is {answer!r}"
    if answer == clearly_better():
        return None
    unknown = sorted(map(str, answer - set(WAYS)))
    if unknown:
        return f"there is no {unknown[0]!r} among {', '.join(WAYS)}"
    for way in WAYS:
        if way in answer - clearly_better():
            return f"the interval of {way!r} overlaps that of {PRESENT!r}"
    return "one that you left out lies wholly above the present one; means(colleague()) shows it"


EXERCISES = {
    "A2.1": Exercise("Up to which load is the database safe with three attempts?", _judge_safe),
    "A2.2": Exercise("Write recovery(result), which returns {'seconds': ...}.", _judge_recovery),
    "A2.3": Exercise("Which ways are better than the present one, and surely so?", _judge_better),
}
