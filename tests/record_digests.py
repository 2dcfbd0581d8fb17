"""Three runs whose bytes must never change by accident, and their digests in tests/data.

    python -m tests.record_digests          prints them
    python -m tests.record_digests --write  records them: after a change of meaning, never to please
                                            a test

Only meshlab and numpy are needed, so that any Python of the supported ones can be asked.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from meshlab.engines.run import run
from meshlab.faults import EdgeFault, Errors, Leak, Outage, Slowdown
from meshlab.kernel.distributions import Around, Erlang, Exponential, LogNormal
from meshlab.load import Load
from meshlab.policies.balancer import LeastRequest, Random
from meshlab.policies.breaker import BreakerConfig
from meshlab.policies.budget import ConcurrentRetryBudget, GrpcRetryThrottle, TokenRetryBudget
from meshlab.policies.health import HealthCheck
from meshlab.policies.limits import ConcurrencyLimits
from meshlab.policies.outlier import OutlierDetection
from meshlab.policies.peak_ewma import PeakEwma
from meshlab.policies.retry import Backoff, RetryPolicy
from meshlab.policies.ring_hash import RingHash
from meshlab.policies.weighted_round_robin import WeightedRoundRobin
from meshlab.scenario import Scenario
from meshlab.shop import shop
from meshlab.telemetry.central import Central
from meshlab.topology import Edge, Instance, Memory, Service

FILE = Path(__file__).parent / "data" / "digests.json"

PATIENT = RetryPolicy(max_attempts=3, per_try_timeout=0.1, budget=ConcurrentRetryBudget())
HASTY = RetryPolicy(
    max_attempts=4,
    per_try_timeout=0.05,
    deadline=0.2,
    backoff=Backoff(spread=0.2),
    budget=TokenRetryBudget(),
)
THROTTLED = RetryPolicy(max_attempts=3, per_try_timeout=0.2, budget=GrpcRetryThrottle())


def bad_day() -> Scenario:
    """The shop in trouble, with traces."""
    faults = (
        Errors(service="auth", rate=0.3, start=5.0, end=12.0),
        Slowdown(service="database", factor=8.0, start=8.0, end=10.0),
        Outage(service="user", instance="user-2", start=6.0, end=9.0),
    )
    return replace(shop(duration=20.0), faults=faults, trace_sampling=0.2)


def reported() -> Scenario:
    """The shop with a central collector that every request waits for."""
    central = Central(
        delivery="at least once",
        waits=True,
        loss=0.05,
        failure_rate=0.02,
        capacity=400.0,
        outages=((6.0, 7.0),),
        partitions=(("auth", 3.0, 4.0),),
        skew=(("auth-2", -0.5),),
    )
    return replace(shop(duration=10.0), central=central)


def everything() -> Scenario:
    """Every policy, distribution and kind of fault at once."""
    leaky = Memory(limit_bytes=400, base_bytes=100, bytes_per_goroutine=10, base_goroutines=2)
    web = Instance(latency=LogNormal(0.005, 0.7), workers=20, queue=10)
    cart = Instance(latency=Exponential(0.01), workers=4, queue=6, error_rate=0.05)
    return Scenario(
        services=(
            Service(name="web", instances=(web, web), abandoned="cancelled", keeps_deadline=True),
            Service(
                name="cart",
                instances=(cart, replace(cart, memory=leaky), replace(cart, starts_at=3.0)),
                restart_seconds=1.0,
            ),
            Service(name="stock", instances=tuple(replace(cart, weight=w) for w in (1, 2, 5))),
            Service(
                name="price",
                instances=(replace(cart, latency=Erlang(0.01)), replace(cart, stops_at=7.0)),
                keeps_trace=False,
            ),
        ),
        edges=(
            Edge(source="client", destination="web", retry=HASTY, balancer=PeakEwma()),
            Edge(
                source="web",
                destination="cart",
                retry=PATIENT,
                balancer=LeastRequest(),
                breaker=BreakerConfig(consecutive_failures=3, open_seconds=0.5),
                outlier=OutlierDetection(interval=1.0, base_ejection_time=1.0),
                health=HealthCheck(interval=0.5, timeout=0.1),
                propagation=Around(0.5),
            ),
            Edge(
                source="web",
                destination="stock",
                routes=("/buy",),
                calls=2,
                retry=THROTTLED,
                balancer=WeightedRoundRobin(),
                limits=ConcurrencyLimits(max_requests=1),
            ),
            Edge(
                source="cart",
                destination="price",
                probability=0.7,
                required=False,
                retry=PATIENT,
                balancer=RingHash(minimum_ring_size=64),
            ),
            Edge(source="stock", destination="price", balancer=Random(), retry=THROTTLED),
        ),
        loads=(
            Load(destination="web", rate=((0.0, 10.0), (4.0, 90.0), (8.0, 30.0))),
            Load(destination="web", rate=20.0, route="/buy", arrivals="even"),
        ),
        faults=(
            Leak(service="cart", instance="cart-2", rate=0.2, goroutines=2, start=1.0, end=6.0),
            EdgeFault(source="web", destination="stock", rate=0.2, delay=0.01, start=2.0, end=5.0),
        ),
        duration=10.0,
        scrape_interval=1.0,
        trace_sampling=0.5,
    )


RUNS = {"bad day": bad_day, "reported": reported, "everything": everything}
SEED = 20260101


def digests(seed: int = SEED) -> dict[str, str]:
    """The digest of every run, by its name."""
    return {
        name: run(scenario(), seed, engine="reference").digest() for name, scenario in RUNS.items()
    }


if __name__ == "__main__":
    found = json.dumps(digests(), indent=2)
    if "--write" in sys.argv:
        FILE.write_text(found + "\n", encoding="utf-8")
    print(found)
