"""How large a run will be: close enough to say no in time, and with what to change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from meshlab.engines.run import run
from meshlab.estimate import calls, calls_per_request, check_size, events, kept, requests
from meshlab.load import Load
from meshlab.model import RunTooLarge
from meshlab.policies.health import HealthCheck
from meshlab.policies.outlier import OutlierDetection
from meshlab.scenario import Scenario
from meshlab.shop import shop
from meshlab.telemetry.central import Central
from meshlab.topology import Edge, Service
from tests.small import instance, line, service

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
