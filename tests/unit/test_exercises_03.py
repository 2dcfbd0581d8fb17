"""The checks of lesson 03 accept what is right, and say something useful about the rest."""

from math import exp, nan
from typing import Any

import pandas as pd
import pytest

from meshlab.engines.run import run
from meshlab.exercises import exercise
from meshlab.exercises.lesson_03 import FAIR, UNFAIR, mystery_shop, unseen_run
from meshlab.faults import EdgeFault
from meshlab.figures.seen import seen
from meshlab.mesh.result import Result
from meshlab.telemetry.promql import divide, histogram_quantile, rate
from meshlab.telemetry.series import aggregate, latest

EDGE = ["source", "destination"]
BUCKETS = "mesh_request_duration_seconds_bucket"


def ended(result: Result, metric: str) -> pd.DataFrame:
    return aggregate(latest(result.frame(metric)), EDGE)


def retry_share(result: Result) -> Any:
    share = divide(ended(result, "mesh_retries_total"), ended(result, "mesh_attempts_total"))
    return share.set_index(EDGE)["value"].to_dict()


def retries_per_call(result: Result) -> Any:
    return {edge: share / (1 - share) for edge, share in retry_share(result).items()}


def grown(result: Result, destination: str) -> pd.DataFrame:
    return rate(result.frame(BUCKETS, destination=destination), 25, result.scenario.duration)


def p95(result: Result, destination: str) -> float:
    return float(
        histogram_quantile(0.95, aggregate(grown(result, destination), "le"))["value"].item()
    )


def each_p95(result: Result, destination: str, by: list[str]) -> Any:
    return histogram_quantile(0.95, aggregate(grown(result, destination), [*by, "le"]))["value"]


def p95_ever(result: Result, destination: str) -> float:
    slots = aggregate(latest(result.frame(BUCKETS, destination=destination)), "le")
    return float(histogram_quantile(0.95, slots)["value"].item())


def suspicious(tries: dict[str, int]) -> bool:
    expected = sum(tries.values()) / len(tries)
    return exp(-sum((n - expected) ** 2 / expected for n in tries.values()) / 2) < 0.001


def off_by_a_tenth(tries: dict[str, int]) -> bool:
    expected = sum(tries.values()) / len(tries)
    return any(abs(n / expected - 1) > 0.1 for n in tries.values())


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("03.1", 15),
        ("03.2", retry_share),
        ("03.3", p95),
        ("03.4", suspicious),
        ("03.5", "user->auth"),
    ],
)
def test_the_right_answer_is_accepted(key: str, answer: object) -> None:
    assert exercise(key).judge(answer) is None


@pytest.mark.parametrize(
    ("key", "answer", "hint"),
    [
        ("03.1", 14, "without an answer"),
        ("03.1", 5, "how many samples"),
        ("03.1", 20, "so has 19 s"),
        ("03.1", 15.0, "a whole number of seconds"),
        ("03.1", True, "a whole number of seconds"),
        ("03.2", 0.3, "a function is asked for"),
        ("03.2", lambda result: None, "returns None"),
        ("03.2", lambda result: 0.3, "returns float"),
        ("03.2", lambda result: {}, "yours has 0"),
        ("03.2", lambda result: dict.fromkeys(result.edges, nan), "must be a number"),
        ("03.2", retries_per_call, "retries per call"),
        ("03.2", lambda result: dict.fromkeys(result.edges, 0.0), "your share is 0.000"),
        ("03.3", 0.5, "a function is asked for"),
        ("03.3", lambda result, destination: None, "returns None"),
        ("03.3", lambda result, destination: nan, "one number in seconds"),
        ("03.3", lambda r, d: each_p95(r, d, ["instance"]), "one number in seconds"),
        ("03.3", lambda r, d: each_p95(r, d, ["instance"]).mean(), "an average of quantiles"),
        ("03.3", lambda r, d: each_p95(r, d, ["source"]).mean(), "an average of quantiles"),
        ("03.3", lambda r, d: each_p95(r, d, ["instance"]).max(), "the worst of several"),
        ("03.3", lambda r, d: 1000 * p95(r, d), "milliseconds"),
        ("03.3", p95_ever, "since the start"),
        ("03.3", lambda result, destination: 0.2, "not it for auth"),
        ("03.4", True, "a function is asked for"),
        ("03.4", lambda tries: None, "returns None"),
        ("03.4", lambda tries: True, "is not suspicious"),
        ("03.4", lambda tries: False, "is not fair"),
        ("03.4", off_by_a_tenth, "shares alone"),
        ("03.5", "order", "one of client->gateway"),
        ("03.5", 3, "one of client->gateway"),
        ("03.5", "gateway->order", "counts those errors itself"),
        ("03.5", "order->payment", "nothing is lost between"),
    ],
)
def test_a_wrong_answer_gets_a_hint(key: str, answer: object, hint: str) -> None:
    said = exercise(key).judge(answer)
    assert said is not None
    assert hint in said


def test_neither_shares_nor_counts_alone_tell_the_fair_draws_from_the_others() -> None:
    def most_off(tries: dict[str, int]) -> float:
        return 3 * max(tries.values()) / sum(tries.values()) - 1

    assert min(map(most_off, UNFAIR)) < max(map(most_off, FAIR))
    assert min(sum(t.values()) for t in UNFAIR) < max(sum(t.values()) for t in FAIR)


@pytest.mark.parametrize("seed", range(1, 5))
def test_the_lossy_way_of_the_mystery_is_not_the_reddest_edge(seed: int) -> None:
    edges = seen(run(mystery_shop(), seed), window=50)
    worst = max(edges, key=lambda edge: edges[edge].errors)
    assert worst != ("user", "auth")
    assert edges["user", "auth"].errors > 3 * edges["gateway", "auth"].errors


def test_the_unseen_run_tells_the_right_queries_from_the_nearly_right() -> None:
    result = unseen_run()
    assert any(isinstance(fault, EdgeFault) for fault in result.scenario.faults)
    assert abs(p95(result, "auth") - each_p95(result, "auth", ["instance"]).mean()) > 0.1
