"""Lesson 07: a corner of the shop with many gateways, and its exercises on who knows whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np

from exercises import Exercise
from exercises.answers import function, one_of, returned, whole
from meshlab.engines.run import run
from meshlab.kernel.distributions import Around, Exponential
from meshlab.mesh.discovery_delays import CAUSES, delays
from meshlab.mesh.result import Result
from meshlab.model import Outcome
from meshlab.policies.endpoint import Endpoint
from meshlab.policies.health import HealthCheck, HealthChecker
from meshlab.policies.outlier import OutlierDetection
from meshlab.policies.retry import RetryPolicy
from meshlab.scenario.load import Load
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.shop import PATIENCE
from meshlab.scenario.topology import Edge, Instance, Service, replicas

AUTH = Instance(latency=Around(0.025))


def corner(
    *auths: Instance,
    gateways: int = 40,
    rate: float = 100.0,
    duration: float = 40.0,
    **policies: Any,
) -> Scenario:
    """Many gateways ask a few instances of auth; ``policies`` are those of the edge between."""
    gateway = Service(name="gateway", instances=replicas(gateways, Instance(latency=Around(0.001))))
    to_auth = replace(Edge(source="gateway", destination="auth", retry=PATIENCE), **policies)
    return Scenario(
        services=(gateway, Service(name="auth", instances=auths or (AUTH,) * 3)),
        edges=(Edge(source="client", destination="gateway"), to_auth),
        loads=(Load(destination="gateway", rate=rate),),
        duration=duration,
        scrape_interval=0.25,
        trace_sampling=1.0,
        name="corner",
    )


def rolling(readiness: bool, drain: bool) -> Scenario:
    """Three instances of auth give way to three new ones, at 10, 25 and 40 s.

    With ``readiness`` a new one registers when it listens, not when it is started; with ``drain``
    an old one is deregistered 5 s before it stops.
    """
    hello, goodbye = 6.0 if readiness else 0.0, 5.0 if drain else 10.0
    old, new = [], []
    for at in (10.0, 25.0, 40.0):
        old.append(replace(AUTH, stops_at=at + 10.0, deregisters_at=at + goodbye))
        new.append(replace(AUTH, starts_at=at + 6.0, registers_at=at + hello))
    once = RetryPolicy(per_try_timeout=1.0)
    return corner(*old, *new, duration=60.0, retry=once, propagation=Exponential(1.0))


def farewell(drain: float) -> Scenario:
    """One of three slow instances stops at 20 s, and is deregistered ``drain`` seconds before."""
    slow = Instance(latency=Around(0.8))
    leaving = replace(slow, stops_at=20.0, deregisters_at=20.0 - drain)
    news = Around(2.0, 0.5)
    return corner(slow, slow, leaving, duration=25.0, retry=RetryPolicy(), propagation=news)


@cache
def lost(drain: float) -> tuple[int, int]:
    """Tries that found nobody, and tries whose instance died, in the farewell with ``drain``."""
    tries = run(farewell(drain), seed=1).edges["gateway", "auth"].tries
    return tries[Outcome.REFUSED], tries[Outcome.RESET]


@cache
def mystery() -> Result:
    """Six gateways and a new auth-4. Reading this function would spoil the exercise."""
    early = replace(AUTH, registers_at=5.0, starts_at=11.0)
    scenario = corner(
        AUTH, AUTH, AUTH, early, gateways=6, rate=18.0, duration=30.0, propagation=Exponential(2.0),
        outlier=OutlierDetection(), health=HealthCheck(interval=3.0),
    )  # fmt: skip
    return run(scenario, seed=4)


def situations() -> Iterable[tuple[dict[str, float], str]]:
    """What a sidecar's scrapes say of a cluster that has just become four, and what is going on."""
    evidence = ("up", "known", "available", "ejections")
    rows = {
        (1, 3, 3, 0): "news",
        (0, 3, 3, 0): "news",
        (0, 4, 4, 0): "process",
        (1, 4, 3, 0): "checks",
        (0, 4, 3, 0): "process",
        (1, 4, 3, 1): "ejection",
        (1, 4, 4, 0): "turn",
        (1, 4, 4, 1): "turn",
    }
    for numbers, cause in rows.items():
        yield dict(zip(evidence, numbers, strict=True)), cause


def _judge_drain(answer: object) -> str | None:
    drain = whole(answer, 0, 20, "a whole number of seconds")
    refused, reset = lost(drain)
    if refused:
        return f"{refused} tries found nobody there: some gateways had not heard yet. Who is last?"
    if reset:
        return f"nobody was called in vain, but {reset} tries were still at work when it stopped"
    if drain and not any(lost(drain - 1)):
        return f"{drain} s lose nothing, but neither do {drain - 1} s"
    return None


def _judge_verdicts(answer: object) -> str | None:
    rng = np.random.default_rng(7)
    for unhealthy, healthy in ((1, 1), (2, 1), (3, 2), (2, 3)):
        probes = [bool(ok) for ok in rng.random(60) < 0.6]
        want = _verdicts(probes, unhealthy, healthy)
        got = returned(answer, list(probes), unhealthy, healthy, want="a list")
        if not isinstance(got, list) or len(got) != len(probes):
            return f"a list of {len(probes)} verdicts is asked for, one after each probe"
        if got != want:
            at = next(i for i, pair in enumerate(zip(got, want, strict=True)) if pair[0] != pair[1])
            seen = "".join("+" if ok else "-" for ok in probes[: at + 1])
            return (
                f"after the probes {seen} with thresholds {unhealthy} and {healthy} the endpoint "
                f"is {'healthy' if want[at] else 'unhealthy'}, and yours is {got[at]!r}"
            )
    return None


def _verdicts(probes: list[bool], unhealthy: int, healthy: int) -> list[bool]:
    config = HealthCheck(unhealthy_threshold=unhealthy, healthy_threshold=healthy)
    checker, endpoint = HealthChecker(config), Endpoint("a")
    states = []
    for ok in probes:
        checker.probed(endpoint, ok)
        states.append(endpoint.healthy)
    return states


def _judge_why(answer: object) -> str | None:
    for seen, cause in situations():
        got = returned(partial(function(answer), **seen), want="a word")
        if got not in CAUSES:
            return f"the words are {', '.join(CAUSES)}, and why says {got!r}"
        if got != cause:
            told = ", ".join(f"{name}={number}" for name, number in seen.items())
            return f"for {told} why says {got!r}, and it is {cause!r}"
    return None


def _judge_mystery(answer: object) -> str | None:
    if not (isinstance(answer, tuple) and len(answer) == 2):
        return f"two words are asked for, (sidecar, cause), and this is {answer!r}"
    sidecar, cause = answer
    result = mystery()
    one_of(sidecar, result.scenario.service("gateway").instance_names(), "the sidecar")
    one_of(cause, CAUSES, "the cause")
    if sidecar in {row.sidecar for row in delays(result, "auth-4")}:
        return f"{sidecar} did get an answer from auth-4; which sidecar has no row?"
    if cause != "ejection":
        return f"{sidecar} it is. What does the ledger say about its view of auth-4?"
    return None


EXERCISES = {
    "07.1": Exercise(
        "How many whole seconds before its end must the slow instance be deregistered?",
        _judge_drain,
    ),
    "07.2": Exercise(
        "Write verdicts(probes, unhealthy_threshold, healthy_threshold): healthy after each probe?",
        _judge_verdicts,
    ),
    "07.3": Exercise(
        "Write why(up, known, available, ejections): what does the sidecar wait for?", _judge_why
    ),
    "07.4": Exercise(
        "Which gateway never reaches auth-4 in the mystery, and why? (sidecar, cause)",
        _judge_mystery,
    ),
}
