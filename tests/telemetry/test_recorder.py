"""Scrapes: what a registry shows of the truth, when, and what is seen of a process that is down."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from meshlab.engines.run import run
from meshlab.mesh.mesh import Mesh
from meshlab.mesh.result import Result
from meshlab.model import Outcome
from meshlab.policies.breaker import BreakerConfig, CircuitBreaker, Reason
from meshlab.policies.limits import ConcurrencyLimits
from meshlab.policies.outlier import OutlierDetection
from meshlab.scenario.faults import Errors, Outage
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.shop import shop
from meshlab.scenario.topology import Memory
from meshlab.telemetry import names
from meshlab.telemetry.names import MESH_ROUTE_REQUESTS, METRICS
from tests.small import instance, line, patience, service, value

OUTAGE = Outage(service="cart", start=2.25, end=4.25)


def trouble() -> Scenario:
    """Errors, timeouts, refusals of every kind, and an instance that joins late."""
    memory = Memory(limit_bytes=2**30)
    cart = service(
        "cart",
        instance(error_rate=0.2, workers=4, queue=4, memory=memory),
        instance(0.25, workers=2, queue=1),
        instance(starts_at=3.0),
    )
    edge: dict[str, Any] = {
        "breaker": BreakerConfig(consecutive_failures=3, open_seconds=0.25),
        "limits": ConcurrencyLimits(max_requests=3),
        "outlier": OutlierDetection(consecutive_5xx=2, interval=1.0, base_ejection_time=1.0),
        **patience(0.2, 2),
    }
    return line(cart, rate=64.0, edge=edge, scrape_interval=0.5, arrivals="poisson")


@cache
def troubled() -> Result:
    return run(trouble())


@cache
def routed() -> Result:
    """The same trouble with a second route."""
    (load,) = trouble().loads
    return run(replace(trouble(), loads=(load, replace(load, route="/buy", rate=16.0))))


@cache
def shopped() -> Result:
    return run(replace(shop(duration=5.0), faults=(Errors(service="auth", rate=0.5),)))


def last(result: Result, target: str, metric: str, job: str = "sidecar", **labels: str) -> float:
    return float(value(result, target, metric, job, **labels)[-1])


# ---- when


def test_everything_is_scraped_at_once_from_the_beginning_to_the_end() -> None:
    result = troubled()
    for recording in result.recordings:
        assert list(recording.times) == [n / 2 for n in range(17)]
        assert recording.values.shape == (17, len(recording.schema))


def test_every_counter_is_seen_at_zero_before_anything_happens() -> None:
    result = troubled()
    counters = {sample for metric in METRICS if metric.kind != "gauge" for sample in metric.samples}
    for recording in result.recordings:
        columns = [n for n, key in enumerate(recording.schema) if key.metric in counters]
        first = recording.values[0, columns]
        assert np.all((first == 0) | np.isnan(first)) and len(columns) > 0


def test_no_counter_of_a_sidecar_ever_falls() -> None:
    result = troubled()
    counters = {sample for metric in METRICS if metric.kind != "gauge" for sample in metric.samples}
    recording = result.recording("client")
    columns = [n for n, key in enumerate(recording.schema) if key.metric in counters]
    assert np.all(np.diff(recording.values[:, columns], axis=0) >= 0)


# ---- what


def test_the_last_scrape_of_a_sidecar_shows_the_totals_of_its_edge() -> None:
    result = troubled()
    totals = result.edges["client", "cart"]
    for outcome in Outcome:
        alike = [o for o in Outcome if (o.code, o.flag) == (outcome.code, outcome.flag)]
        labels = {"code": str(outcome.code), "flag": outcome.flag}
        shown = last(result, "client", "mesh_requests_total", **labels)
        assert shown == sum(totals.outcomes[o] for o in alike)
    for endpoint, tries in totals.shares.items():
        assert last(result, "client", "mesh_attempts_total", endpoint=endpoint) == tries
    assert last(result, "client", "mesh_retries_total") == totals.retries > 0
    assert last(result, "client", "mesh_active_requests") == totals.in_flight
    timeouts = totals.tries[Outcome.TIMEOUT]
    assert last(result, "client", "mesh_attempt_timeouts_total") == timeouts > 0
    assert last(result, "client", "mesh_overflow_total") == totals.outcomes[Outcome.OVERFLOW] > 0
    refused = totals.outcomes[Outcome.CIRCUIT_OPEN]
    assert last(result, "client", "mesh_breaker_rejected_total") == refused > 0
    assert last(result, "client", "mesh_request_duration_seconds_sum") == totals.seconds
    ended = sum(totals.outcomes)
    assert last(result, "client", "mesh_request_duration_seconds_count") == ended
    assert last(result, "client", "mesh_request_duration_seconds_bucket", le="+Inf") == ended


def test_routes_are_counted_apart_where_there_is_more_than_one() -> None:
    result = routed()
    ended = result.edges["client", "cart"].outcomes
    for code_class in ("2xx", "4xx", "5xx"):
        alike = [o for o in Outcome if f"{o.code // 100}xx" == code_class]
        shown = [
            last(result, "client", "mesh_route_requests_total", route=r, code_class=code_class)
            for r in ("/", "/buy")
        ]
        assert sum(shown) == sum(ended[o] for o in alike)
        assert shown[0] >= shown[1]


def test_failures_of_endpoints_are_those_of_their_tries() -> None:
    result = troubled()
    tries = result.edges["client", "cart"].tries
    failed = sum(tries) - tries[Outcome.OK] - tries[Outcome.ABANDONED]
    assert last(result, "client", "mesh_attempt_failures_total") == failed


def test_the_ledger_and_the_counters_tell_of_the_same_decisions() -> None:
    result = troubled()
    events = [entry.event for entry in result.ledger]
    assert last(result, "client", "mesh_ejections_total") == events.count("ejected") > 0
    assert last(result, "client", "mesh_breaker_opened_total") == events.count("breaker opened") > 0
    opened = [entry.reason for entry in result.ledger if entry.event == "breaker opened"]
    for reason in (Reason.CONSECUTIVE_FAILURES, Reason.PROBE_FAILED):
        shown = last(result, "client", "mesh_breaker_opened_total", reason=reason.label)
        assert shown == opened.count(reason.label)


def test_gauges_show_the_moment() -> None:
    mesh = Mesh(trouble(), seed=1)
    shown = mesh.run()
    upstream = mesh.sidecars["client"]["cart"]
    assert last(shown, "client", "mesh_endpoints") == len(upstream.cluster.endpoints) == 3
    assert last(shown, "client", "mesh_endpoints_available") == upstream.cluster.available
    assert last(shown, "client", "mesh_panic") == upstream.cluster.panic
    assert isinstance(upstream.breaker, CircuitBreaker)
    assert last(shown, "client", "mesh_breaker_state") == upstream.breaker.state
    states = set(value(shown, "client", "mesh_breaker_state"))
    assert len(states) > 1 and states <= {0.0, 1.0, 2.0}
    cart = mesh.instances["cart-1"]
    assert last(shown, "cart-1", "service_goroutines", "service") == cart.goroutines >= 80
    assert last(shown, "cart-1", "service_memory_bytes", "service") == cart.memory_bytes > 0
    assert last(shown, "cart-1", "service_requests_in_flight", "service") == cart.held()
    assert last(shown, "cart-1", "service_queue_length", "service") == cart.queued


def test_an_endpoint_that_comes_later_has_its_series_from_the_beginning() -> None:
    attempts = value(troubled(), "client", "mesh_attempts_total", endpoint="cart-3")
    assert list(attempts[:7]) == [0.0] * 7 and attempts[-1] > 0


def test_every_metric_that_is_declared_is_recorded_and_no_other() -> None:
    samples = {sample for metric in METRICS for sample in metric.samples}
    for result, declared in (
        (routed(), samples),
        (troubled(), samples - {MESH_ROUTE_REQUESTS.name}),
    ):
        assert {key.metric for r in result.recordings for key in r.schema} == declared


def test_labels_are_those_that_the_metric_declares() -> None:
    declared = {sample: metric for metric in METRICS for sample in metric.samples}
    for recording in troubled().recordings:
        for key in recording.schema:
            metric = declared[key.metric]
            le = ("le",) if key.metric.endswith("_bucket") else ()
            assert tuple(label for label, _ in key.labels) == (*metric.labels, *le)
            assert (recording.job == "service") == (metric.name.startswith("service_")) or (
                metric is names.UP
            )


# ---- processes that come and go


@cache
def outage() -> Result:
    cart = service("cart", instance(error_rate=0.5))
    return run(line(cart, service("stock"), scrape_interval=0.5, faults=(OUTAGE,), duration=8.0))


def test_a_process_that_is_down_is_seen_as_down_and_shows_nothing() -> None:
    recording = outage().recording("cart-1", "service")
    down = (recording.times > 2.25) & (recording.times < 4.25)
    assert list(recording.values[:, 0]) == [0.0 if d else 1.0 for d in down]
    assert np.all(np.isnan(recording.values[down, 1:]))
    assert not np.any(np.isnan(recording.values[~down]))


def test_an_application_counts_from_zero_again_while_the_sidecars_go_on() -> None:
    result = outage()
    before, after = 4, 9  # the scrapes at 2.0 s and at 4.5 s
    own = value(result, "cart-1", "service_requests_total", "service")
    assert 0 < own[after] < own[before]
    for metric in ("mesh_requests_total", "mesh_attempts_total"):
        for target in ("client", "cart-1"):
            seen = value(result, target, metric)
            assert 0 < seen[before] <= seen[before + 1] <= seen[after]
    assert (
        value(result, "client", "mesh_requests_total")[after]
        > (value(result, "client", "mesh_requests_total")[before])
    )


def test_restarts_are_counted_over_all_processes() -> None:
    restarts = value(outage(), "cart-1", "service_restarts_total", "service")
    assert list(restarts[:5]) == [0.0] * 5
    assert list(restarts[9:]) == [1.0] * 8


def test_what_happens_between_two_scrapes_of_a_process_that_dies_is_not_seen() -> None:
    """The application's own counters have fewer requests than it really answered."""
    result = outage()
    truth = result.processes["cart-1"]
    own = value(result, "cart-1", "service_requests_total", "service")
    seen = own[4] + own[-1]  # up to the last scrape before the end, and since the restart
    assert seen < truth.ok + truth.own_errors + truth.passed_on


def test_an_instance_that_is_not_there_yet_is_down() -> None:
    up = value(troubled(), "cart-3", "up", "service")
    assert list(up) == [0.0] * 6 + [1.0] * 11


# ---- frames of it


@pytest.mark.parametrize("metric", [m.name for m in METRICS if m.kind != "histogram"])
def test_a_frame_has_every_sample_of_a_metric(metric: str) -> None:
    result = routed() if metric == MESH_ROUTE_REQUESTS.name else shopped()
    frame = result.frame(metric)
    series = sum(key.metric == metric for r in result.recordings for key in r.schema)
    assert len(frame) == len(result.recording("client").times) * series > 0
