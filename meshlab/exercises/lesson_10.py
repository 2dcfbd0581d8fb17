"""Lesson 10: a shop with three routes, what protects it, and exercises on how trouble travels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from meshlab.dotted import replaced
from meshlab.engines.run import run
from meshlab.exercises import Exercise
from meshlab.exercises.answers import one_of, returned, whole
from meshlab.faults import Slowdown
from meshlab.load import Load
from meshlab.mesh.result import Result
from meshlab.model import Outcome
from meshlab.policies.limits import ConcurrencyLimits
from meshlab.policies.retry import RetryPolicy
from meshlab.scenario import Scenario
from meshlab.shop import shop
from meshlab.telemetry.onset import onsets

ROUTES = {"/checkout": 20.0, "/profile": 15.0, "/login": 15.0}
"""Requests per second of each route. Only /checkout ever comes to payment."""

ONLY = {
    "gateway->user": ("/checkout", "/profile"),
    "gateway->order": ("/checkout",),
    "user->order": ("/checkout",),
}
"""The routes of edges that not every request takes."""

PATIENCE = 3.0
"""How long (s) a user waits for a page."""

START, END = 20.0, 50.0
"""From when to when (s) something is slow."""


def town(factor: float = 10.0, slow: str = "payment", duration: float = 80.0) -> Scenario:
    """The shop with three routes; nobody makes errors, and one service gets slow for a while.

    Every instance has 20 workers, the gateway 40, and room for 100 to wait. Between services
    nobody gives up before 15 s, Envoy's default; users give up after three.
    """
    scenario = shop(workers=20, duration=duration, retry=RetryPolicy(per_try_timeout=15.0))
    scenario = with_instances(scenario, error_rate=0.0, queue=100)
    scenario = with_instances(scenario, "gateway", workers=40)
    edges = [replace(edge, routes=ONLY.get(edge.name, ())) for edge in scenario.edges]
    edges[0] = replace(edges[0], retry=RetryPolicy(deadline=PATIENCE))
    return replace(
        scenario,
        edges=tuple(edges),
        loads=tuple(Load(destination="gateway", rate=n, route=r) for r, n in ROUTES.items()),
        faults=(Slowdown(service=slow, factor=factor, start=START, end=END),),
        scrape_interval=0.25,
        trace_sampling=0.0,
        name="town",
    )


def with_instances(scenario: Scenario, service: str | None = None, **changes: Any) -> Scenario:
    """The scenario with the same changes made on all instances, of one service or of all."""
    every = f"services.{service or '*'}.instances.*"
    return replaced(scenario, {f"{every}.{name}": value for name, value in changes.items()})


def limited(scenario: Scenario, limits: Mapping[str, int]) -> Scenario:
    """The scenario with at most so many calls in flight on the named edges, for each sidecar."""
    values = {name: ConcurrencyLimits(max_requests=limit) for name, limit in limits.items()}
    return replaced(scenario, {f"edges.{name}.limits": value for name, value in values.items()})


def success(result: Result, start: float = START + 5, end: float = END) -> dict[str, float]:
    """The share of each route's pages that were good, of all that ended between two scrapes (s)."""
    pages = result.frame("mesh_route_requests_total", source="client")
    first, last = (
        pages[pages.time == at].set_index(["route", "code_class"]) for at in (start, end)
    )
    ended = (last.value - first.value).unstack()
    return {str(route): float(n["2xx"] / n.sum()) for route, n in ended.iterrows()}


# ---- 1: a limit


@cache
def with_limit(limit: int) -> tuple[int, dict[str, float]]:
    """Calls refused on a calm day, and success of the routes on a slow one, under this limit."""
    calm, slow = (limited(town(factor), {"order->payment": limit}) for factor in (1.0, 10.0))
    refused = run(calm, 1).edges["order", "payment"].outcomes[Outcome.OVERFLOW]
    return refused, success(run(slow, 1))


def _judge_limit(answer: object) -> str | None:
    limit = whole(answer, 1, 100)
    refused, good = with_limit(limit)
    if refused:
        return f"a limit of {limit} refuses {refused} calls on a calm day"
    if good["/login"] < 0.99:
        return f"only {good['/login']:.0%} of the logins survive: who holds all the workers?"
    if good["/checkout"] < 0.35:
        few = f"only {good['/checkout']:.0%} of the checkouts survive"
        less = limit > 1 and with_limit(limit - 1)[1]["/checkout"] > good["/checkout"]
        return f"{few}: {'they wait too long' if less else 'payment has workers to spare'}"
    return None


# ---- 2: who moved first


def puzzles() -> list[dict[str, list[float]]]:
    """Metrics of ten calm scrapes and ten others; some move, some only twitch."""
    rng = np.random.default_rng(10)
    names = ("duration", "queue", "errors", "in flight")
    found = []
    for _ in range(12):
        puzzle = {}
        for name in names:
            values = rng.integers(10, 15, 20).astype(float)
            at = int(rng.integers(10, 18))
            kind = rng.integers(3)
            values[at : at + 1 if kind == 0 else 20] += 0 if kind == 1 else 30
            puzzle[name] = [float(value) for value in values]
        found.append(puzzle)
    return found


def _first(puzzle: Mapping[str, Sequence[float]]) -> list[str]:
    """The names that moved, in the order of the rule; ties in the order of the puzzle."""
    frames = {
        name: pd.DataFrame({"time": [float(t) for t in range(len(values))], "value": values})
        for name, values in puzzle.items()
    }
    return [o.name for o in onsets(frames, (0.0, 9.0)) if o.time is not None]


def _judge_moved(answer: object) -> str | None:
    for puzzle in puzzles():
        given = {name: list(values) for name, values in puzzle.items()}
        got = returned(answer, given, 10, want="a list of names")
        want = _first(puzzle)
        if list(got) != want:
            seen = "; ".join(f"{name} {[round(v) for v in vs]}" for name, vs in puzzle.items())
            return f"of these, {want} moved in this order, and yours says {got!r}: {seen}"
    return None


# ---- 3: admit or shed


def _judge_admit(answer: object) -> str | None:
    for waiting, workers, work, left in [
        (0, 20, 1.0, 3.0),
        (0, 20, 1.0, 0.5),
        (20, 20, 1.0, 2.5),
        (39, 20, 1.0, 2.9),
        (60, 20, 1.0, 3.0),
        (60, 20, 0.1, 3.0),
        (10, 1, 0.2, 3.0),
        (20, 1, 0.2, 3.0),
    ]:
        want = waiting * work / workers + work <= left
        got = returned(answer, waiting, workers, work, left, want="True or False")
        if bool(got) is not want:
            when = waiting * work / workers + work
            return (
                f"{waiting} wait for {workers} workers who need {work} s each: the answer comes "
                f"after about {when:.2g} s, {left} s are left, and yours says {got!r}"
            )
    return None


# ---- 4: a mystery


@cache
def mystery() -> Result:
    """A cascade whose cause is not payment. Reading this function would spoil the exercise."""
    scenario = town(factor=70.0, slow="inventory", duration=50.0)
    blip = Slowdown(service="payment", factor=2.0, start=12.0, end=15.0)
    return run(replace(scenario, faults=(blip, *scenario.faults)), seed=5)


def _judge_mystery(answer: object) -> str | None:
    one_of(answer, [service.name for service in mystery().scenario.services])
    if answer == "inventory":
        return None
    if answer == "payment":
        return "payment moved, and came back by itself before anybody failed a page"
    if answer in ("gateway", "user", "order"):
        return f"{answer} is full, but of requests that wait for another: for whom?"
    return f"{answer} has idle workers all the time"


EXERCISES = {
    "10.1": Exercise("Which limit on order->payment, for each sidecar of order?", _judge_limit),
    "10.2": Exercise(
        "Write moved(metrics, calm): the names of those that moved, the first one first.",
        _judge_moved,
    ),
    "10.3": Exercise(
        "Write admit(waiting, workers, work, left): can it still be answered in time?",
        _judge_admit,
    ),
    "10.4": Exercise("Which service got slow in the mystery?", _judge_mystery),
}
