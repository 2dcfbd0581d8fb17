"""How large a run will be: close enough to say no in time, and with what to change."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from meshlab.engines.run import run
from meshlab.engines.size import (
    MOST_EVENTS,
    calls,
    calls_per_request,
    check_size,
    events,
    events_at_most,
    kept,
    requests,
    tries_at_most,
)
from meshlab.incident.scenario import incident
from meshlab.mesh.mesh import Mesh
from meshlab.model import Outcome, RunTooLarge
from meshlab.policies.breaker import BreakerConfig
from meshlab.policies.budget import GrpcRetryThrottle, TokenRetryBudget
from meshlab.policies.health import HealthCheck
from meshlab.policies.outlier import OutlierDetection
from meshlab.policies.retry import RetryPolicy
from meshlab.policies.ring_hash import RingHash
from meshlab.policies.weighted_round_robin import WeightedRoundRobin
from meshlab.scenario.changes import Change
from meshlab.scenario.faults import EdgeFault
from meshlab.scenario.load import Load
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.shop import shop
from meshlab.scenario.topology import Edge, Service, replicas
from meshlab.telemetry.central import Central
from tests.small import AT_ONCE, instance, line, patience, service

QUIET = replace(
    shop(rate=30.0, duration=20.0),
    services=tuple(
        replace(s, instances=tuple(replace(i, error_rate=0.0) for i in s.instances))
        for s in shop().services
    ),
)
"""The shop without errors, so that every page makes all of its calls."""


def load(*points: tuple[float, float]) -> Load:
    return Load(destination="cart", rate=points)


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (load((0.0, 5.0)), 50.0),
        (load((0.0, 0.0), (10.0, 10.0)), 50.0),
        (load((0.0, 0.0), (20.0, 20.0)), 50.0),
        (load((5.0, 10.0), (7.0, 0.0)), 60.0),
        (load((0.0, 0.0), (2.0, 10.0), (4.0, 0.0), (100.0, 0.0)), 20.0),
    ],
)
def test_requests_are_the_area_under_the_curve(curve: Load, expected: float) -> None:
    assert requests(curve, 10.0) == pytest.approx(expected)


def test_a_page_of_the_shop_makes_fifteen_calls_with_its_own() -> None:
    assert calls_per_request(QUIET, QUIET.loads[0]) == 15


def test_routes_probabilities_and_repeated_calls_are_counted() -> None:
    scenario = Scenario(
        services=(service("a"), service("b"), service("c")),
        edges=(
            Edge(source="a", destination="b", calls=3, probability=0.5),
            Edge(source="b", destination="c", routes=("/buy",), calls=2),
        ),
        loads=(
            Load(destination="a", rate=1.0, route="/buy"),
            Load(destination="a", rate=1.0, route="/look"),
        ),
        duration=1.0,
    )
    buy, look = scenario.loads
    assert calls_per_request(scenario, buy) == 1 + 1.5 * (1 + 2)
    assert calls_per_request(scenario, look) == 1 + 1.5


def test_a_wide_and_deep_mesh_is_estimated_at_once() -> None:
    """Two services a layer and forty layers: 2^40 calls a request, counted without making them."""
    layers = [[f"l{depth}a", f"l{depth}b"] for depth in range(40)]
    edges = tuple(
        Edge(source=source, destination=destination)
        for upper, lower in pairwise(layers)
        for source in upper
        for destination in lower
    )
    scenario = Scenario(
        services=tuple(service(name) for layer in layers for name in layer),
        edges=edges,
        loads=(Load(destination="l0a", rate=1.0), Load(destination="l0b", rate=1.0)),
        duration=1.0,
    )
    assert calls(scenario) == 2 * (2.0**40 - 1)
    with pytest.raises(RunTooLarge):
        run(scenario)


SIZES: dict[str, Scenario] = {
    "at rest": QUIET,
    "probed": replace(
        QUIET,
        edges=tuple(
            replace(e, health=HealthCheck(interval=0.1), outlier=OutlierDetection(interval=0.2))
            for e in QUIET.edges
        ),
    ),
    "reported": replace(QUIET, central=Central(delivery="at least once")),
    "spiked": line(service("cart"), rate=((0.0, 0.0), (1.0, 900.0), (2.0, 0.0)), duration=30.0),
}


@pytest.mark.parametrize("name", SIZES)
def test_the_estimate_is_near_the_events_that_really_happen(name: str) -> None:
    scenario = SIZES[name]
    assert events(scenario) == pytest.approx(run(scenario).events, rel=0.5)


def test_what_is_kept_is_near_the_estimate() -> None:
    scenario = replace(QUIET, trace_sampling=0.5, scrape_interval=0.5, central=Central())
    result = run(scenario)
    samples = sum(recording.values.size for recording in result.recordings)
    assert result.central is not None
    held = samples + len(result.spans) + len(result.exemplars) + len(result.central.records)
    assert kept(scenario) == pytest.approx(held, rel=0.5)


TOO_LARGE: dict[str, tuple[Callable[[], Scenario], str]] = {
    "rate": (lambda: shop(rate=1e6), "events.*lower the rate or the duration by a factor of"),
    "duration": (lambda: shop(duration=1e9), "events.*lower the rate or the duration"),
    "a spike": (lambda: line(service("a"), rate=((0.0, 0.0), (1e-6, 1e12), (2e-6, 0.0))), "events"),
    "probes": (
        lambda: line(service("a"), edge={"health": HealthCheck(interval=1e-9)}),
        "events",
    ),
    "scrapes": (
        lambda: replace(shop(), scrape_interval=1e-6),
        "keep.*lengthen the scrape_interval",
    ),
    "traces": (
        lambda: replace(shop(rate=20_000.0), trace_sampling=1.0),
        "keep.*lower the trace_sampling",
    ),
    "instances": (
        lambda: line(
            Service(name="a", instances=(instance(),) * 5000),
            Service(name="b", instances=(instance(),) * 5000),
        ),
        "keep",
    ),
    "retries": (
        lambda: line(service("a"), edge=patience(0.1, 10**9), rate=1.0, duration=10.0),
        "up to .* events .* if all is retried that may be, .*; lower max_attempts",
    ),
    "retries of retries": (
        lambda: line(*map(service, "abcde"), edge=patience(0.1, 100)),
        "up to .* events .* if all is retried that may be",
    ),
    "retries from a change on": (
        lambda: line(
            service("a"),
            changes=(
                Change(
                    at=1.0,
                    edge=Edge(source="client", destination="a", **patience(0.1, 10**9)),
                ),
            ),
        ),
        "up to .* events",
    ),
    "resends": (
        lambda: line(
            service("a"),
            central=Central(delivery="at least once", timeout=1e-8, resends=10**9, loss=1.0),
        ),
        "up to .* events .*; lower max_attempts, resends",
    ),
    "traces of retries": (
        lambda: line(*map(service, "abcd"), edge=patience(0.1, 20), trace_sampling=1.0),
        "up to .* GiB of memory if all is retried",
    ),
    "calls": (
        lambda: line(service("a"), service("b"), rate=0.001, inner={"calls": 10**6}),
        "up to .* GiB of memory .*; lower calls",
    ),
    "a ring": (
        lambda: line(service("a"), edge={"balancer": RingHash(minimum_ring_size=4_000_000)}),
        "about 16 s to build the mesh, more than the 10 .*of a ring's points",
    ),
    "windows": (
        lambda: line(
            service("a"),
            edge={"breaker": BreakerConfig(failure_rate=0.5, window_calls=10**9)},
        ),
        "GiB of memory .*a window's calls.*; about 200 s to build",
    ),
    "a schedule": (
        lambda: line(
            Service(name="a", instances=(instance(weight=90_000), *(instance(),) * 9_999)),
            edge={"balancer": WeightedRoundRobin()},
        ),
        "s to build the mesh",
    ),
    "many services of many instances": (
        lambda: line(
            *(Service(name=f"s{n}", instances=replicas(10_000, instance())) for n in range(20))
        ),
        "s to build the mesh.*; lower calls, or the numbers of instances",
    ),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_a_run_that_would_not_end_or_not_fit_is_refused_with_what_to_change(name: str) -> None:
    build, message = TOO_LARGE[name]
    with pytest.raises(RunTooLarge, match=message):
        run(build(), engine="reference")


def test_the_error_says_by_how_much() -> None:
    scenario = shop(rate=100.0, duration=100.0)
    with pytest.raises(RunTooLarge, match=r"by a factor of 2\.0 or more"):
        check_size(scenario, most_events=events(scenario) / 2)
    check_size(scenario, most_events=events(scenario))


def test_what_the_lessons_run_is_let_through() -> None:
    check_size(shop(rate=200.0, duration=600.0))
    check_size(incident(), MOST_EVENTS["compiled"])


def test_all_that_is_too_large_is_said_in_one_error() -> None:
    scenario = replace(shop(rate=1e6), trace_sampling=1.0)
    with pytest.raises(RunTooLarge, match=r"events.*; about .* to keep.*; up to .* GiB"):
        run(scenario)


LOST = (EdgeFault(source="client", destination="a", rate=1.0),)


@pytest.mark.parametrize("attempts", [2, 7, 50])
def test_an_edge_that_loses_everything_makes_the_events_of_the_worst_case(attempts: int) -> None:
    scenario = line(service("a"), edge=patience(0.1, attempts), faults=LOST)
    events_there = run(scenario, engine="reference").events
    assert events_there <= events_at_most(scenario) <= 3 * events_there


@pytest.mark.parametrize(
    ("retry", "most"),
    [
        (RetryPolicy(max_attempts=3), 3.0),
        (RetryPolicy(max_attempts=10**9), 66.5),
        (RetryPolicy(max_attempts=10**9, deadline=1.0), 11.0),
        (RetryPolicy(max_attempts=9, backoff=AT_ONCE, budget=GrpcRetryThrottle()), 1.4),
        (RetryPolicy(max_attempts=9, backoff=AT_ONCE, budget=TokenRetryBudget()), 6.8),
    ],
    ids=["attempts", "back-off", "deadline", "throttle", "budget"],
)
def test_what_holds_retries_back_is_counted(retry: RetryPolicy, most: float) -> None:
    """Of 32 calls in eight seconds."""
    scenario = line(service("a"), edge={"retry": retry}, rate=4.0)
    assert tries_at_most(scenario) / calls(scenario) == pytest.approx(most, rel=0.02)


def test_without_retries_the_worst_case_is_what_is_expected() -> None:
    assert tries_at_most(line(*map(service, "abc"))) == calls(line(*map(service, "abc")))


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_a_chain_of_four_hundred_services_runs(engine: str) -> None:
    if engine == "compiled":
        pytest.importorskip("numba")
    names = [f"s{n}" for n in range(400)]
    scenario = line(*map(service, names), rate=0.5, duration=16.0)
    assert calls_per_request(scenario, scenario.loads[0]) == 400
    before = sys.getrecursionlimit()
    assert run(scenario, engine=engine).edges["client", "s0"].outcomes[Outcome.OK] == 1
    assert sys.getrecursionlimit() == before


def test_memory_that_no_estimate_foresaw_is_the_same_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Mesh, "run", full)
    with pytest.raises(RunTooLarge, match="scenario 'shop': must fit into the memory"):
        run(shop(duration=1.0), engine="reference")
