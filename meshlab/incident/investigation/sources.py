"""What there is to look at in a war room. A dashboard costs a minute, a team two, traces three.

Each source reads the recorded series of the run, or its log, and nothing else. None of them says
what it means.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from meshlab.incident.cost import auth_instances, failures
from meshlab.incident.investigation.evidence import Evidence, Reading
from meshlab.incident.scenario import utc
from meshlab.telemetry.columns import ratio

LEAVES = ("inventory", "payment", "database")
"""The services behind which nobody else stands before the database."""

LINES = 12
"""So many lines of a log fit on a screen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One place to look: the question it answers, its price in minutes, and how it is read.

    ``read`` gives the readings; ``lines`` gives text, for a source that is no dashboard.
    """

    asks: str
    minutes: int
    read: Callable[[Evidence], list[Reading]] = lambda _: []
    lines: Callable[[Evidence], list[str]] = lambda _: []


def _readings(e: Evidence, *rows: tuple[str, str, np.ndarray]) -> list[Reading]:
    return [Reading(what, unit, e.columns.times, values) for what, unit, values in rows]


def users(e: Evidence) -> list[Reading]:
    """What users get: the first that anybody hears of."""
    c = e.columns
    return _readings(
        e,
        ("pages asked for", "per s", c.rate("mesh_requests_total", source="client")),
        ("pages that fail", "%", failures(c)[0]),
        ("time of a page", "ms", 1000 * c.mean("mesh_request_duration_seconds", source="client")),
    )


def database(e: Evidence) -> list[Reading]:
    """Queries, how long they take, how many at once, and whether they fail."""
    c, to = e.columns, {"destination": "database"}
    asked = c.rate("mesh_requests_total", **to)
    bad = asked - c.rate("mesh_requests_total", code="200", **to)
    took = c.mean("service_request_duration_seconds", service="database")
    return _readings(
        e,
        ("queries", "per s", asked),
        ("time of a query", "ms", 1000 * took),
        ("connections in use", "", c.total("service_requests_in_flight", service="database")),
        ("queries that fail", "%", ratio(bad, asked)),
    )


def network(e: Evidence) -> list[Reading]:
    """The time on the way, lost tries where nobody but the network could lose them, and probes."""
    c = e.columns

    def way(source: str, destination: str) -> np.ndarray:
        outside = c.mean("mesh_request_duration_seconds", source=source, destination=destination)
        inside = c.mean("service_request_duration_seconds", service=destination)
        milliseconds: np.ndarray = np.round(1000 * (outside - inside), 6)  # beyond: arithmetic
        return milliseconds

    tries = sum(c.rate("mesh_attempts_total", destination=leaf) for leaf in LEAVES)
    lost = sum(c.rate("mesh_attempt_failures_total", destination=leaf) for leaf in LEAVES)
    there = [_available(e, edge.destination) for edge in e.scenario.edges]
    names = [edge.destination for edge in e.scenario.edges]
    others = [share for name, share in zip(names, there, strict=True) if name != "auth"]
    return _readings(
        e,
        ("way to inventory", "ms", way("order", "inventory")),
        ("tries lost on the way", "%", ratio(np.asarray(lost), np.asarray(tries))),
        ("auth: healthy instances", "%", there[names.index("auth")]),
        ("others: healthy instances", "%", np.min(others, axis=0)),
    )


def _available(e: Evidence, destination: str) -> np.ndarray:
    known = e.columns.total("mesh_endpoints", destination=destination)
    return ratio(e.columns.total("mesh_endpoints_available", destination=destination), known)


def gateway(e: Evidence) -> list[Reading]:
    """Golden signals of the gateway: traffic, errors, latency, saturation."""
    return _golden(e, "gateway")


def auth(e: Evidence) -> list[Reading]:
    """Golden signals of auth, as its own instances count them, and how many of them answer."""
    up = e.columns.matrix("service_goroutines", service="auth")
    alive = (~np.isnan(up)).sum(axis=0).astype(float)
    return [*_golden(e, "auth"), *_readings(e, ("instances scraped", "", alive))]


def _golden(e: Evidence, service: str) -> list[Reading]:
    c = e.columns
    answers = c.rate("service_requests_total", service=service)
    bad = answers - c.rate("service_requests_total", service=service, code="200")
    took = 1000 * c.mean("service_request_duration_seconds", service=service)
    return _readings(
        e,
        (f"{service}: answers", "per s", answers),
        (f"{service}: answers that are errors", "%", ratio(bad, answers)),
        (f"{service}: time of an answer", "ms", took),
        (f"{service}: in flight", "", c.total("service_requests_in_flight", service=service)),
    )


def retries(e: Evidence) -> list[Reading]:
    """What the gateway's sidecars send to auth, compared with what they were asked."""
    c, edge = e.columns, {"source": "gateway", "destination": "auth"}
    calls, again = c.rate("mesh_requests_total", **edge), c.rate("mesh_retries_total", **edge)
    return _readings(
        e,
        ("calls to auth that ended", "per s", calls),
        ("tries at auth", "per s", c.rate("mesh_attempts_total", **edge)),
        ("retries of a call", "", ratio(again, calls)),
        ("retries that saved their call", "%",
         ratio(c.rate("mesh_retries_succeeded_total", **edge), again)),
        ("tries timed out", "per s",
         c.rate("mesh_attempt_timeouts_total", **edge)),
    )  # fmt: skip


def breakers(e: Evidence) -> list[Reading]:
    """How many are not closed, how often they opened, and whom they refuse."""
    c = e.columns
    states = c.matrix("mesh_breaker_state")
    return _readings(
        e,
        ("breakers that are not closed", "", (states > 0).sum(axis=0).astype(float)),
        ("openings in all", "", c.total("mesh_breaker_opened_total")),
        ("calls refused", "per s", c.rate("mesh_breaker_rejected_total")),
    )


def runtime(e: Evidence) -> list[Reading]:
    """What the processes of auth hold inside: goroutines, and memory of the fullest."""
    c, names = e.columns, auth_instances(e.columns)
    every = [(f"{n}: goroutines", "", c.total("service_goroutines", instance=n)) for n in names]
    memory = c.matrix("service_memory_bytes", service="auth") / 2**20
    return _readings(e, *every, ("memory of the fullest", "MiB", np.fmax.reduce(memory)))


def log_lines(e: Evidence) -> list[str]:
    """How often each kind of line was written, and the last lines."""
    kinds = Counter(f"{_who(entry.subject)}: {entry.event} ({entry.reason})" for entry in e.log)
    often = [f"{count:5d} x  {kind}" for kind, count in kinds.most_common()]
    last = [f"{utc(x.time)}  {x.subject}: {x.event} ({x.reason})" for x in e.log[-LINES:]]
    return [*often, "", *last] if e.log else ["nothing was written"]


def _who(subject: str) -> str:
    """The service, or the edge, without the numbers of its instances."""
    pair = subject.split()[0].split("->")
    return "->".join(name.split("-")[0] for name in pair)


def trace_lines(e: Evidence) -> list[str]:
    """The longest traces, if any were kept."""
    if not e.spans:
        return [f"no trace was kept: the sampling rate is {e.scenario.trace_sampling:.1%}"]
    longest = sorted(e.spans, key=lambda span: -span.seconds)[:LINES]
    return [f"{utc(s.start)}  {s.name}: {s.seconds:.3f} s, {s.outcome.name}" for s in longest]


SOURCES: dict[str, Source] = {
    "users": Source(asks="What do users get?", minutes=1, read=users),
    "database": Source(asks="Database team: is it the database?", minutes=2, read=database),
    "network": Source(asks="Network team: is it the network?", minutes=2, read=network),
    "gateway": Source(asks="Golden signals of the gateway", minutes=1, read=gateway),
    "auth": Source(asks="Golden signals of auth", minutes=1, read=auth),
    "retries": Source(asks="Who tries again, and how often?", minutes=1, read=retries),
    "breakers": Source(asks="Which breakers are open?", minutes=1, read=breakers),
    "runtime": Source(asks="Goroutines and memory of auth", minutes=1, read=runtime),
    "logs": Source(asks="What do the logs say?", minutes=2, lines=log_lines),
    "traces": Source(asks="Where does a request spend its time?", minutes=3, lines=trace_lines),
}
"""Every place to look, by its key."""
