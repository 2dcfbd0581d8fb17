"""How large a run will be, before it begins."""

from __future__ import annotations

from itertools import pairwise

from meshlab.load import Load
from meshlab.model import RunTooLarge
from meshlab.scenario import Scenario

EVENTS_PER_CALL = 2.0
"""Work done and, now and then, a retry, a timeout or a health check."""

MOST_EVENTS = 50_000_000
"""More than this would take the reference engine minutes to hours."""


def requests(load: Load, duration: float) -> float:
    """Requests that ``load`` brings in ``duration`` seconds: the area under its curve."""
    inner = [time for time, _ in load.curve if 0.0 < time < duration]
    times = [0.0, *inner, duration]
    return sum((load.rate_at(a) + load.rate_at(b)) / 2.0 * (b - a) for a, b in pairwise(times))


def calls_per_request(scenario: Scenario, load: Load) -> float:
    """Calls that one request of ``load`` makes in all, itself included, if nothing is retried."""
    edges = scenario.all_edges()

    def below(service: str) -> float:
        return sum(
            edge.calls * edge.probability * (1.0 + below(edge.destination))
            for edge in edges
            if edge.source == service and (not edge.routes or load.route in edge.routes)
        )

    return 1.0 + below(load.destination)


def events(scenario: Scenario) -> float:
    """Events that a run of ``scenario`` will take, roughly, if little is retried."""
    calls = sum(
        requests(load, scenario.duration) * calls_per_request(scenario, load)
        for load in scenario.loads
    )
    return calls * EVENTS_PER_CALL


def check_size(scenario: Scenario, most: float = MOST_EVENTS) -> None:
    """RunTooLarge, with the estimate and what to change, if the run would not end soon."""
    expected = events(scenario)
    if expected > most:
        factor = expected / most
        raise RunTooLarge(
            f"scenario {scenario.name!r}: about {expected:,.0f} events in "
            f"{scenario.duration:g} s of virtual time, more than the {most:,.0f} that are "
            f"reasonable here; lower the rate or the duration by a factor of {factor:.1f} or more"
        )
