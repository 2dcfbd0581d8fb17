"""How large a run will be, before it begins: how many events it takes, and how much it keeps."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

from meshlab.model import RunTooLarge
from meshlab.scenario.load import Load
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.topology import Edge

EVENTS_PER_CALL = 1.25
"""Its work and, now and then, a retry or a timeout."""

EVENTS_PER_REPORT = 4.0
"""To the central collector: it arrives, is stored and acknowledged; its timeout looks after it."""

SPANS_PER_CALL = 3.0
"""The try, the work, and an exemplar."""

SERIES_PER_EDGE = 50.0
SERIES_PER_INSTANCE = 25.0
"""What a scrape reads of one edge in one sidecar, and of one application, roughly."""

MOST_EVENTS = {"reference": 50_000_000, "compiled": 500_000_000}
"""More than this would take an engine minutes to hours."""

MOST_KEPT = 30_000_000
"""Samples, spans and records; more than this would not fit into a laptop's memory."""


def requests(load: Load, duration: float) -> float:
    """Requests that ``load`` brings in ``duration`` seconds: the area under its curve."""
    inner = [time for time, _ in load.curve if 0.0 < time < duration]
    times = [0.0, *inner, duration]
    return sum((load.rate_at(a) + load.rate_at(b)) / 2.0 * (b - a) for a, b in pairwise(times))


def calls_per_request(scenario: Scenario, load: Load) -> float:
    """Calls that one request of ``load`` makes in all, itself included, if nothing is retried."""
    edges = [edge for edge in scenario.all_edges() if edge.takes(load.route)]

    def share(edge: Edge) -> float:
        ways = [e for e in edges if (e.source, e.split) == (edge.source, edge.split)]
        return edge.split_weight / sum(e.split_weight for e in ways) if edge.split else 1.0

    @cache
    def below(service: str) -> float:
        return sum(
            edge.calls * edge.probability * share(edge) * (1.0 + below(edge.destination))
            for edge in edges
            if edge.source == service
        )

    return 1.0 + below(load.destination)


def calls(scenario: Scenario) -> float:
    """Calls that all requests make together."""
    return sum(
        requests(load, scenario.duration) * calls_per_request(scenario, load)
        for load in scenario.loads
    )


def sidecars(scenario: Scenario, edge: Edge) -> int:
    """How many sidecars have ``edge``: one for each instance of its source, or for the load."""
    counts = {service.name: len(service.instances) for service in scenario.services}
    return counts.get(edge.source, 1)


def ticks(scenario: Scenario) -> float:
    """Rounds of health probes and of outlier detection in all sidecars."""
    per_second = 0.0
    for edge in scenario.all_edges():
        for policy in (edge.health, edge.outlier):
            per_second += sidecars(scenario, edge) / policy.interval if policy else 0.0
    return per_second * scenario.duration


def events(scenario: Scenario) -> float:
    """Events that a run of ``scenario`` will take, roughly, if little is retried.

    Candidates of a load come at its peak rate all the time, also those that are thinned out.
    """
    per_call = EVENTS_PER_CALL + (EVENTS_PER_REPORT if scenario.central else 0.0)
    candidates = sum(load.peak * scenario.duration for load in scenario.loads)
    return calls(scenario) * per_call + candidates + ticks(scenario)


def kept(scenario: Scenario) -> float:
    """Samples, spans and the collector's records that a run will hold at its end, roughly."""
    series = SERIES_PER_INSTANCE * sum(len(service.instances) for service in scenario.services)
    for edge in scenario.all_edges():
        endpoints = len(scenario.service(edge.destination).instances)
        series += sidecars(scenario, edge) * (SERIES_PER_EDGE + 2.0 * endpoints)
    samples = series * (scenario.duration / scenario.scrape_interval + 2.0)
    per_call = scenario.trace_sampling * SPANS_PER_CALL + (1.0 if scenario.central else 0.0)
    return samples + calls(scenario) * per_call


def check_size(scenario: Scenario, most_events: float = MOST_EVENTS["reference"]) -> None:
    """RunTooLarge, with the estimate and what to change, if a run would not end soon or not fit."""
    for what, expected, most, advice in (
        ("events", events(scenario), most_events, "lower the rate or the duration"),
        (
            "samples, spans and records to keep",
            kept(scenario),
            MOST_KEPT,
            "lengthen the scrape_interval, or lower the trace_sampling, the rate or the duration",
        ),
    ):
        if expected > most:
            raise RunTooLarge(
                f"scenario {scenario.name!r}: about {expected:,.0f} {what} in "
                f"{scenario.duration:g} s of virtual time, more than the {most:,.0f} that are "
                f"reasonable here; {advice} by a factor of {expected / most:.1f} or more"
            )
