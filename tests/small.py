"""Small scenarios of one's own for tests: a line of services, and what to ask of a run of it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from meshlab.kernel.distributions import Constant
from meshlab.load import Load
from meshlab.mesh.result import Result
from meshlab.policies.retry import Backoff, RetryPolicy
from meshlab.scenario import Scenario
from meshlab.telemetry.ledger import Entry
from meshlab.topology import Edge, Instance, Service

WORK = 1 / 32
"""Seconds of work where a test does not say otherwise; exact in binary, as all times here are."""

AT_ONCE = Backoff(base_seconds=0.0, cap_seconds=0.0)
STEADY = Backoff(base_seconds=0.25, factor=2.0, cap_seconds=1.0, jitter=0.0)


def instance(latency: float = WORK, **fields: Any) -> Instance:
    return Instance(latency=Constant(latency), **fields)


def service(name: str, *instances: Instance, **fields: Any) -> Service:
    return Service(name=name, instances=instances or (instance(),), **fields)


def line(
    *services: Service,
    rate: Any = 8.0,
    duration: float = 8.0,
    arrivals: str = "even",
    edge: Mapping[str, Any] | None = None,
    inner: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Scenario:
    """client -> first service -> second -> ...; ``inner`` are the policies behind the first."""
    outer = {} if edge is None else edge
    behind = outer if inner is None else inner
    names = ["client", *(each.name for each in services)]
    return Scenario(
        services=services,
        edges=tuple(
            Edge(source=source, destination=destination, **(behind if n else outer))
            for n, (source, destination) in enumerate(pairwise(names))
        ),
        loads=(Load(destination=names[1], rate=rate, arrivals=arrivals),),
        duration=duration,
        **fields,
    )


def patience(timeout: float | None, attempts: int = 1, **fields: Any) -> dict[str, RetryPolicy]:
    """The policies of an edge whose tries have a timeout."""
    policy = RetryPolicy(max_attempts=attempts, per_try_timeout=timeout, backoff=AT_ONCE, **fields)
    return {"retry": policy}


def entries(result: Result, event: str, subject: str | None = None) -> list[Entry]:
    """What the ledger says about one kind of event, in the order of time."""
    return [e for e in result.ledger if e.event == event and subject in (None, e.subject)]


def value(result: Result, target: str, metric: str, job: str = "sidecar", **labels: str) -> Any:
    """The samples of all series of ``metric`` with these labels at one target, summed."""
    recording = result.recording(target, job)
    columns = [
        n
        for n, key in enumerate(recording.schema)
        if key.metric == metric and labels.items() <= dict(key.labels).items()
    ]
    assert columns, f"no series of {metric} {labels} at {target}"
    return recording.values[:, columns].sum(axis=1)
