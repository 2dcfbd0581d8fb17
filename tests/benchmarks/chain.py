"""The mesh that every engine of the benchmark runs: three services in a chain behind a client.

    client -> gateway -> auth -> user

Each edge has every policy of a good sidecar: a concurrency limit, a circuit breaker, least request
with two choices, two retries with backoff, a timeout for each try.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from meshlab.kernel.distributions import Erlang
from meshlab.load import Load
from meshlab.policies.balancer import LeastRequest
from meshlab.policies.breaker import BreakerConfig
from meshlab.policies.limits import ConcurrencyLimits
from meshlab.policies.retry import RetryPolicy
from meshlab.scenario import Scenario
from meshlab.topology import Edge, Instance, Service, replicas

SERVICES = {"gateway": (0.002, 0.002), "auth": (0.025, 0.02), "user": (0.012, 0.02)}
"""Mean latency (s) of the own work, and the share of it that fails."""


def chain(
    rate: float = 200.0,
    duration: float = 30.0,
    workers: int = 32,
    queue: int = 100,
    per_try_timeout: float = 0.25,
    max_requests: int = 1024,
) -> Scenario:
    """The chain under ``rate`` requests per second, with three instances of each service.

    Nothing is traced, and scraped only at the beginning and at the end: SimPy has no such thing.
    """
    services = tuple(
        Service(
            name=name,
            instances=replicas(
                3,
                Instance(
                    latency=Erlang(seconds, 2), error_rate=errors, workers=workers, queue=queue
                ),
            ),
        )
        for name, (seconds, errors) in SERVICES.items()
    )
    edges = tuple(
        Edge(
            source=source,
            destination=destination,
            balancer=LeastRequest(choices=2),
            breaker=BreakerConfig(consecutive_failures=5, open_seconds=1.0),
            limits=ConcurrencyLimits(max_requests=max_requests),
            retry=RetryPolicy(max_attempts=3, per_try_timeout=per_try_timeout),
        )
        for source, destination in pairwise(("client", *SERVICES))
    )
    loads = (Load(destination="gateway", rate=rate),)
    return Scenario(
        name="chain",
        services=services,
        edges=edges,
        loads=loads,
        duration=duration,
        scrape_interval=duration,
        trace_sampling=0.0,
    )


CALM = replace(chain(duration=60.0), name="calm")
"""What the benchmark measures: a mesh at work, a few errors, hardly a timeout."""

STORM = replace(
    chain(rate=150.0, duration=20.0, workers=2, queue=3, per_try_timeout=0.1, max_requests=12),
    name="storm",
)
"""Too much for it: queues fill, tries time out, limits and breakers refuse. For agreement only."""
