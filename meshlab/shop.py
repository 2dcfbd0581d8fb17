"""The running example: a small shop, and the calls that one page of it makes.

    client -> gateway -> auth
                      -> user  -> auth
                      |        -> order -> ...
                      |        -> database
                      -> order -> inventory
                               -> payment -> database
                               -> database

A page makes fourteen calls behind the gateway. Latencies and error rates are those at rest, spread
evenly by 20 % around each.
"""

from __future__ import annotations

from dataclasses import replace

from meshlab.kernel.distributions import Around, Erlang
from meshlab.load import Load
from meshlab.policies.balancer import LeastRequest
from meshlab.policies.retry import RetryPolicy
from meshlab.scenario import Scenario
from meshlab.topology import Edge, Instance, Service

AT_REST: dict[str, tuple[tuple[float, float], ...]] = {
    "gateway": ((0.001, 0.0),),
    "auth": ((0.025, 0.02),) * 3,
    "user": ((0.010, 0.02), (0.012, 0.02), (0.015, 0.03)),
    "order": ((0.050, 0.04), (0.045, 0.05)),
    "inventory": ((0.020, 0.03), (0.025, 0.03)),
    "payment": ((0.100, 0.01),),
}
"""Latency (s) and error rate of every instance at rest."""

CALLS = (
    ("client", "gateway"),
    ("gateway", "auth"),
    ("gateway", "user"),
    ("gateway", "order"),
    ("user", "auth"),
    ("user", "order"),
    ("user", "database"),
    ("order", "inventory"),
    ("order", "payment"),
    ("order", "database"),
    ("payment", "database"),
)
"""Who calls whom, in the order in which a request does it."""

PATIENCE = RetryPolicy(max_attempts=3, per_try_timeout=1.0)
"""Two retries, as Istio has it, and a second for each try."""


def shop(
    rate: float = 20.0,
    duration: float = 60.0,
    retry: RetryPolicy = PATIENCE,
    workers: int = 100,
) -> Scenario:
    """The shop at rest: ``rate`` pages per second for ``duration`` seconds.

    ``retry`` holds on every edge inside; the client itself never tries again. Every instance has
    ``workers``, but for the database.
    """
    services = tuple(
        Service(
            name=name,
            instances=tuple(
                Instance(latency=Around(s), error_rate=e, workers=workers) for s, e in instances
            ),
        )
        for name, instances in AT_REST.items()
    )
    database = Service(
        name="database", instances=(Instance(latency=Erlang(0.0025, 3), workers=96),)
    )
    edges = tuple(
        Edge(source=source, destination=destination, balancer=LeastRequest(), retry=retry)
        for source, destination in CALLS
    )
    client = replace(edges[0], retry=RetryPolicy())
    return Scenario(
        name="shop",
        services=(*services, database),
        edges=(client, *edges[1:]),
        loads=(Load(destination="gateway", rate=rate),),
        duration=duration,
    )
