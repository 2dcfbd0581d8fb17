"""The exercises of lesson 03: a window, two queries, a fair draw, and a lossy way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from math import isfinite

import pandas as pd

from meshlab.engines.run import run
from meshlab.exercises import Exercise
from meshlab.exercises.answers import one_of, returned, whole
from meshlab.faults import EdgeFault, Errors
from meshlab.mesh.result import Result
from meshlab.rules import is_number
from meshlab.scenario import Scenario
from meshlab.shop import shop
from meshlab.telemetry.promql import histogram_quantile, rate
from meshlab.telemetry.series import aggregate, latest

EDGE = ["source", "destination"]
SCRAPES = range(0, 65, 5)
MOMENTS = list(range(30, 61))
WINDOW = 25.0

FAIR = (
    {"a": 390, "b": 426, "c": 385},
    {"a": 5, "b": 9, "c": 7},
    {"a": 40_000, "b": 40_400, "c": 39_900},
)
UNFAIR = ({"a": 457, "b": 516, "c": 222}, {"a": 40_000, "b": 41_500, "c": 39_000})
"""Tries of three endpoints that a fair draw makes now and then, and that it hardly ever makes."""


def mystery_shop() -> Scenario:
    """A shop with an ill service and a lossy way. Reading this would spoil the exercise."""
    ill = Errors(service="order", rate=0.3)
    lossy = EdgeFault(source="user", destination="auth", rate=0.15)
    return replace(shop(rate=20, duration=60), faults=(ill, lossy))


@cache
def unseen_run() -> Result:
    """A run on which queries are tried that the lesson has not shown."""
    faults = (
        EdgeFault(source="user", destination="order", rate=0.4),
        EdgeFault(source="gateway", destination="auth", delay=0.3),
    )
    return run(replace(shop(rate=20, duration=30), faults=faults), seed=7)


def unanswered(window: float) -> int:
    """Moments without an answer of ``rate``, over all ways in which one scrape can fail."""
    counter = pd.DataFrame({"time": SCRAPES, "value": [float(t) for t in SCRAPES]})
    left = [counter[counter["time"] != failed] for failed in SCRAPES]
    return sum(len(MOMENTS) - len(rate(samples, window, MOMENTS)) for samples in left)


def _judge_window(answer: object) -> str | None:
    window = whole(answer, 1, 300, "a whole number of seconds")
    silent = unanswered(window)
    if silent:
        return (
            f"with {window} s and one scrape lost there are {silent} cases without an answer; "
            "how many samples must be left in the window?"
        )
    if window > 1 and not unanswered(window - 1):
        return f"{window} s always has an answer, but so has {window - 1} s"
    return None


def _totals(result: Result, metric: str) -> dict[tuple[str, str], float]:
    """A counter at the end of a run, for every edge."""
    rows = aggregate(latest(result.frame(metric)), EDGE)
    return {
        (str(source), str(destination)): float(value)
        for source, destination, value in zip(*(rows[c] for c in (*EDGE, "value")), strict=True)
    }


def _judge_retries(answer: object) -> str | None:
    result = unseen_run()
    got = returned(answer, result, want="a dictionary", kind=Mapping)
    retries, tries = _totals(result, "mesh_retries_total"), _totals(result, "mesh_attempts_total")
    if set(got) != set(tries):
        return f"the keys must be all {len(tries)} edges, like {min(tries)}; yours has {len(got)}"
    if not all(is_number(share) for share in got.values()):
        return "every value must be a number"
    calls = {edge: tries[edge] - retries[edge] for edge in tries}
    worst = max(tries, key=lambda edge: retries[edge] / tries[edge])
    if all(abs(got[edge] - retries[edge] / tries[edge]) < 0.005 for edge in tries):
        return None
    if abs(got[worst] - retries[worst] / calls[worst]) < 0.005:
        return "that is retries per call; all tries are first tries and retries together"
    off = max(tries, key=lambda edge: abs(got[edge] - retries[edge] / tries[edge]))
    return (
        f"from {off[0]} to {off[1]} there are {tries[off]:.0f} tries, "
        f"{retries[off]:.0f} of them retries; your share is {got[off]:.3f}"
    )


def _judge_p95(answer: object) -> str | None:
    result = unseen_run()
    for destination in ("auth", "order"):
        got = returned(answer, result, destination, want="a number")
        if not is_number(got) or not isfinite(got):
            return f"p95() must return one number in seconds, and it returns {got!r}"
        hint = _compare_p95(result, destination, float(got))
        if hint is not None:
            return hint
    return None


def _compare_p95(result: Result, destination: str, got: float) -> str | None:
    samples = result.frame("mesh_request_duration_seconds_bucket", destination=destination)
    grown = rate(samples, WINDOW, result.scenario.duration)
    right = float(histogram_quantile(0.95, aggregate(grown, "le"))["value"].item())
    ever = float(histogram_quantile(0.95, aggregate(latest(samples), "le"))["value"].item())
    if abs(got - right) < 1e-6:
        return None
    for by in (["instance", "le"], [*EDGE, "le"]):
        each = histogram_quantile(0.95, aggregate(grown, by))["value"]
        if abs(got - each.mean()) < 1e-6:
            return "that is an average of quantiles; sum the buckets first, take the quantile last"
        if abs(got - each.max()) < 1e-6:
            return "that is the worst of several quantiles; sum the buckets of all callers first"
    if abs(got - ever) < 1e-6:
        return f"that is the quantile since the start; only the last {WINDOW:g} s are asked for"
    if abs(got - 1000 * right) < 1e-3:
        return "that is in milliseconds; base units are seconds"
    return (
        f"that is not it for {destination}: which rate, which sum and which quantile did you take?"
    )


def _judge_suspicion(answer: object) -> str | None:
    for tries, right in [*((t, False) for t in FAIR), *((t, True) for t in UNFAIR)]:
        got = returned(answer, dict(tries), want="True or False")
        if bool(got) is not right:
            said = "suspicious" if got else "fair"
            return f"{tries} is not {said}. Does your rule look at shares alone, or at counts too?"
    return None


def _judge_way(answer: object) -> str | None:
    scenario = mystery_shop()
    one_of(answer, [edge.name for edge in scenario.edges])
    lossy = {fault.target for fault in scenario.faults if isinstance(fault, EdgeFault)}
    ill = {fault.service for fault in scenario.faults if isinstance(fault, Errors)}
    if answer in lossy:
        return None
    if str(answer).split("->")[1] in ill:
        return (
            f"tries on {answer} fail often, but its destination counts those errors itself. "
            "Which edge fails more than another one that leads to the same service?"
        )
    return f"what fails on {answer} is counted as an error at its end, so nothing is lost between"


EXERCISES = {
    "03.1": Exercise(
        "What is the shortest window (whole seconds) in which rate always has an answer?",
        _judge_window,
    ),
    "03.2": Exercise(
        "Write retry_share(result): for each edge, which share of its tries were retries?",
        _judge_retries,
    ),
    "03.3": Exercise(
        "Write p95(result, destination): the 95th percentile (s) of all calls to a service.",
        _judge_p95,
    ),
    "03.4": Exercise(
        "Write suspicious(tries): is a fair draw as uneven as that in less than 1 of 1000 cases?",
        _judge_suspicion,
    ),
    "03.5": Exercise("Which way between two services is lossy in the mystery shop?", _judge_way),
}
