"""How large a run will be, before it begins: events, memory, and the time to build its mesh.

Of events there are two numbers: what to expect if little is retried, which must end soon, and what
can happen at most if everything is retried that may be, which must end at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from meshlab import building, traffic
from meshlab.faults import EdgeFault
from meshlab.load import Load
from meshlab.model import RunTooLarge
from meshlab.scenario import Scenario
from meshlab.traffic import requests, sidecars, versions

EVENTS_PER_CALL = 1.25
"""Its work and, now and then, a retry or a timeout."""

EVENTS_PER_TRY = 2.0
"""Of those that are retried: the end of the pause before it, and its work or its timeout."""

EVENTS_PER_REPORT = 4.0
"""To the central collector: it arrives, is stored and acknowledged; its timeout looks after it."""

EVENTS_PER_PROBE = 0.2
"""A round of probes is one event, but it asks every endpoint."""

SPANS_PER_CALL = 3.0
"""The try, the work, and an exemplar."""

SERIES_PER_EDGE = 50.0
SERIES_PER_INSTANCE = 25.0
"""What a scrape reads of one edge in one sidecar, and of one application, roughly."""

MOST_EVENTS = {"reference": 50_000_000, "compiled": 500_000_000}
"""More than this would take an engine minutes to hours."""

AT_WORST = 30.0
"""So many times as many events may happen if all is retried that may be: an hour or so."""

MOST_KEPT = 30_000_000
"""Samples, spans and records; more than this would not fit into a laptop's memory."""

SAMPLE_BYTES, SPAN_BYTES, RECORD_BYTES, IN_FLIGHT_BYTES = 24, 700, 200, 2000
"""What each takes in Python, roughly."""

GIB = 2**30
MOST_GIB = 16.0
"""If all is retried that may be; a laptop can spare that much, at worst."""

MOST_SECONDS = 10.0
"""To build the mesh, before the first request."""


def calls_per_request(scenario: Scenario, load: Load) -> float:
    """Calls that one request of ``load`` makes in all, itself included, if nothing is retried."""
    return sum(traffic.expected(scenario, {load: 1.0}).values())


def _entering(scenario: Scenario) -> dict[Load, float]:
    return {load: requests(load, scenario.duration) for load in scenario.loads}


def calls(scenario: Scenario) -> float:
    """Calls that all requests make together, if nothing is retried."""
    return sum(traffic.expected(scenario, _entering(scenario)).values())


def tries_at_most(scenario: Scenario) -> float:
    """Tries of all calls together, if everything is retried that may be."""
    return sum(traffic.at_most(scenario, _entering(scenario)).values())


def sends_at_most(scenario: Scenario) -> float:
    """How often a record may be sent to the central collector; 0 without one."""
    central = scenario.central
    if central is None or central.delivery == "at most once":
        return 0.0 if central is None else 1.0
    return 1.0 + min(central.resends, scenario.duration / central.timeout)


def ticks(scenario: Scenario, per_endpoint: float = 0.0) -> float:
    """Rounds of health probes and of outlier detection in all sidecars.

    Each counts as one, and ``per_endpoint`` for every endpoint.
    """
    per_second = 0.0
    callers = sidecars(scenario)
    for name, edges in versions(scenario).items():
        endpoints = len(scenario.service(edges[0].destination).instances)
        rounds = [
            sum(1.0 / policy.interval for policy in (edge.health, edge.outlier) if policy)
            for edge in edges
        ]
        per_second += callers[name] * max(rounds) * (1.0 + per_endpoint * endpoints)
    return per_second * scenario.duration


def candidates(scenario: Scenario) -> float:
    """Arrivals of a load come at its peak rate all the time, also those that are thinned out."""
    return sum(load.peak * scenario.duration for load in scenario.loads)


def events(scenario: Scenario) -> float:
    """Events that a run of ``scenario`` will take, roughly, if little is retried."""
    per_call = EVENTS_PER_CALL + (EVENTS_PER_REPORT if scenario.central else 0.0)
    return calls(scenario) * per_call + candidates(scenario) + ticks(scenario)


def events_at_most(scenario: Scenario) -> float:
    """Events that a run of ``scenario`` can take, roughly, if everything is retried."""
    per_try = EVENTS_PER_TRY + EVENTS_PER_REPORT * sends_at_most(scenario)
    rounds = ticks(scenario, EVENTS_PER_PROBE)
    return tries_at_most(scenario) * per_try + candidates(scenario) + rounds


def samples(scenario: Scenario) -> float:
    """Numbers that the scrapes of a run read."""
    series = SERIES_PER_INSTANCE * sum(len(service.instances) for service in scenario.services)
    callers = sidecars(scenario)
    for edge in scenario.all_edges():
        endpoints = len(scenario.service(edge.destination).instances)
        series += callers[edge.name] * (SERIES_PER_EDGE + 2.0 * endpoints)
    return series * (scenario.duration / scenario.scrape_interval + 2.0)


def kept(scenario: Scenario) -> float:
    """Samples, spans and the collector's records that a run will hold at its end, roughly."""
    per_call = scenario.trace_sampling * SPANS_PER_CALL + (1.0 if scenario.central else 0.0)
    return samples(scenario) + calls(scenario) * per_call


def bytes_at_most(scenario: Scenario) -> float:
    """Memory that a run of ``scenario`` can take, roughly, its mesh included."""
    spans = scenario.trace_sampling * SPANS_PER_CALL * SPAN_BYTES
    per_try = spans + sends_at_most(scenario) * RECORD_BYTES
    held = tries_at_most(scenario) * per_try + in_flight_at_most(scenario) * IN_FLIGHT_BYTES
    return building.size(scenario) + samples(scenario) * SAMPLE_BYTES + held


def in_flight_at_most(scenario: Scenario) -> float:
    """Tries that may be under way at once: in instances, and on links that delay them."""
    tries = traffic.at_most(scenario, _entering(scenario))
    room = sum(i.workers + i.queue for service in scenario.services for i in service.instances)
    delays = [fault for fault in scenario.faults if isinstance(fault, EdgeFault)]
    late = sum(tries[f.edge] * min(1.0, f.delay / scenario.duration) for f in delays)
    return min(sum(tries.values()), room + late)


@dataclass(frozen=True, slots=True)
class Size:
    """One number of a run: how large it is, how large it may be, and what would lower it."""

    amount: float
    most: float
    what: str
    advice: str

    def __str__(self) -> str:
        amount, most = _number(self.amount), _number(self.most)
        factor = _number(self.amount / self.most, 1)
        return (
            f"{self.what.format(amount)}, more than the {most} that are reasonable here; "
            f"{self.advice} by a factor of {factor} or more"
        )


def check_size(scenario: Scenario, most_events: float = MOST_EVENTS["reference"]) -> None:
    """RunTooLarge, with the estimate and what to change, if a run would not end soon or not fit."""
    too_large = [str(size) for size in _sizes(scenario, most_events) if size.amount > size.most]
    if too_large:
        raise RunTooLarge(f"scenario {scenario.name!r}: {'; '.join(too_large)}")


def _sizes(scenario: Scenario, most_events: float) -> Iterator[Size]:
    """What would not end or not fit, if it were too large."""
    time = f"in {scenario.duration:g} s of virtual time"
    number = Size(
        events(scenario), most_events, f"about {{}} events {time}", "lower the rate or the duration"
    )
    yield number
    if number.amount <= most_events:
        yield Size(
            events_at_most(scenario),
            AT_WORST * most_events,
            f"up to {{}} events {time} if all is retried that may be",
            "lower max_attempts, resends, the rate or the duration",
        )
    yield Size(
        kept(scenario),
        MOST_KEPT,
        f"about {{}} samples, spans and records to keep {time}",
        "lengthen the scrape_interval, or lower the trace_sampling, the rate or the duration",
    )
    yield Size(
        bytes_at_most(scenario) / GIB,
        MOST_GIB,
        "up to {} GiB of memory if all is retried that may be",
        "lower calls, max_attempts, the trace_sampling, or the numbers of instances, of a ring's "
        "points or a window's calls",
    )
    yield Size(
        building.seconds(scenario),
        MOST_SECONDS,
        "about {} s to build the mesh",
        "lower calls, or the numbers of instances, of a ring's points or a window's calls",
    )


def _number(amount: float, digits: int = 0) -> str:
    """With thousands, as long as anybody would count them."""
    return f"{amount:,.{digits}f}" if amount < 1e15 else f"{amount:.0e}"
