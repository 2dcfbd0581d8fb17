"""The demo's own scenario: the shop with its guards up, and three faults.

      0 s   at rest
     20 s   auth-2 fails 80 % of its requests         ends at  50 s
     70 s   payment takes five times as long          ends at  95 s
    115 s   inventory is out                          ends at 135 s

Only these causes are set. What breakers, retries and outlier detection make of them is up to them.
"""

from __future__ import annotations

from dataclasses import replace

from meshlab.policies.balancer import LeastRequest, Random, RoundRobin
from meshlab.policies.breaker import BreakerConfig
from meshlab.policies.health import HealthCheck
from meshlab.policies.outlier import OutlierDetection
from meshlab.policies.token_budget import TokenRetryBudget
from meshlab.policies.weighted_round_robin import WeightedRoundRobin
from meshlab.scenario.faults import Errors, Outage, Slowdown
from meshlab.scenario.scenario import Scenario
from meshlab.scenario.shop import PATIENCE, shop
from meshlab.scenario.topology import Edge, Service

DURATION = 160.0

FAULTS = (
    Errors(service="auth", instance="auth-2", rate=0.8, start=20.0, end=50.0),
    Slowdown(service="payment", factor=5.0, start=70.0, end=95.0),
    Outage(service="inventory", start=115.0, end=135.0),
)

BREAKER = BreakerConfig(
    consecutive_failures=5,
    failure_rate=0.5,
    window_seconds=10.0,
    minimum_calls=20,
    open_seconds=5.0,
    half_open_trials=3,
)
"""Patient for seconds, not for a minute as the usual defaults are: the whole run has not three."""

SLOW_IS_BAD = replace(BREAKER, slow_call_rate=0.5, slow_call_seconds=0.3)
"""Also opens when half of the calls take over 0.3 s, three times what payment needs at rest."""

RETRY = replace(PATIENCE, budget=TokenRetryBudget(ratio=0.2, min_retries_per_second=1.0))
"""The shop's two retries, but no more than a fifth of the calls, and one per second."""

WEIGHTS = (6, 5, 4)
"""What the three instances of user can do: they need 10, 12 and 15 ms."""


def demo_scenario(rate: float = 20.0) -> Scenario:
    """The shop in trouble, with ``rate`` pages per second.

    Breakers guard only what lies at the end of a chain. One on every edge would be as easy to
    declare, but slow to heal: the trials of an outer breaker fail while an inner one is still open,
    and then it waits again. An order may be paid later, so the call to payment is not required:
    while its breaker is open, pages come without it.
    """
    base = shop(rate=rate, duration=DURATION, retry=RETRY)
    return replace(
        base,
        name="demo",
        services=tuple(_staffed(service) for service in base.services),
        edges=tuple(_guarded(edge) for edge in base.edges),
        faults=FAULTS,
        scrape_interval=1.0,
    )


def _staffed(service: Service) -> Service:
    """Weights for the instances of user."""
    if service.name != "user":
        return service
    weighted = zip(service.instances, WEIGHTS, strict=True)
    return replace(service, instances=tuple(replace(i, weight=w) for i, w in weighted))


def _guarded(edge: Edge) -> Edge:
    """Routing by destination: who gets the next try, and what protects the caller."""
    match edge.destination:
        case "auth":
            outlier = OutlierDetection(interval=5.0, base_ejection_time=10.0)
            return replace(edge, balancer=RoundRobin(), breaker=BREAKER, outlier=outlier)
        case "user":
            return replace(edge, balancer=WeightedRoundRobin())
        case "inventory":
            return replace(edge, balancer=Random(), breaker=BREAKER, health=HealthCheck())
        case "payment":
            return replace(edge, breaker=SLOW_IS_BAD, required=False)
        case _:
            return replace(edge, balancer=LeastRequest())
