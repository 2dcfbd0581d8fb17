"""The incident as a scenario: who is there, what they do, and three causes with a time.

    client --> gateway (3 zones) --> auth (3 zones)                  every page
                                 --> user --> database               60 % of the pages
                                 |        --> auth (2 % of them)
                                 --> order --> inventory             40 %
                                          --> database, twice
                                          --> payment --> database   a quarter of these

The causes are the traffic of data/incident_traffic.csv, a leak in auth, and the operators' restart
with the fix. All else follows: instances die when their memory is full, and their load goes where
the sidecars send it.

Virtual time 0 is 14:20:00. Each parameter says where it comes from: the post-mortem (*fact*), how
such services are built (*usual*), or a choice that makes the story come out (*fitted*).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from math import inf
from typing import Any

from meshlab.data_files import data_file
from meshlab.faults import Fault, Leak, Outage
from meshlab.kernel.distributions import Around, Constant, Erlang
from meshlab.load import Load
from meshlab.normalized import normalized
from meshlab.policies.balancer import LeastRequest
from meshlab.policies.breaker import BreakerConfig
from meshlab.policies.health import HealthCheck
from meshlab.policies.retry import Backoff, RetryPolicy
from meshlab.policies.weighted_round_robin import WeightedRoundRobin
from meshlab.processor import Cpu
from meshlab.rules import check
from meshlab.scenario import Scenario
from meshlab.topology import Edge, Instance, Memory, Service, replicas

BEGIN = 14 * 60 + 20
"""Minutes since midnight at virtual time 0."""

ZONES = ("a", "b", "c")
MIB = 2**20
PAGES = {"/home": 0.6, "/orders": 0.3, "/checkout": 0.1}
"""What users ask for: the share of each page."""


def utc(seconds: float) -> str:
    """Virtual time as the incident's clock shows it.

    >>> utc(540.2)
    '14:29:00'
    """
    whole = int(seconds) + BEGIN * 60
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


CLOCK = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?", re.ASCII)


def seconds_at(clock: str) -> float:
    """Virtual time of "14:29" or "14:29:30". ConfigError for what is no such time."""
    found = CLOCK.fullmatch(clock)
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (24, 0, 0)
    fits = hours < 24 and minutes < 60 and seconds < 60
    check(fits, "incident", "a time must be like 14:29 or 14:29:30", clock)
    return float((hours * 60 + minutes - BEGIN) * 60 + seconds)


def _from(source: str, default: Any, reason: str) -> Any:
    return field(default=default, metadata={"source": source, "reason": reason})


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class Parameters:
    """What the incident is made of. `table` lists each with its source and its reason."""

    leak_from: float = _from("fact", 300.0, "14:25, seconds since 14:20")
    restart_at: float = _from("fact", 1320.0, "14:42, seconds since 14:20")
    restart_seconds: float = _from(
        "usual", 50.0, "to start one instance of auth, one after another"
    )
    hang_rate: float = _from(
        "fitted", 0.004, "validations that time out; sets the first kill's time"
    )
    hang_goroutines: int = _from("usual", 2, "the validation, and the ticker of its metrics")
    ticker_cores: float = _from("fitted", 0.0004, "a 1 ms ticker that nobody stops: 0.4 us a tick")
    zone_weights: tuple[int, int, int] = _from(
        "fitted", (120, 58, 22), "how users spread over zones; sets the time between the kills"
    )
    cores: int = _from("usual", 8, "of an auth instance")
    cpu_seconds: float = _from("usual", 0.0004, "to check a signature")
    io_seconds: float = _from("fact", 0.025, "latency of auth at rest")
    in_flight: int = _from("usual", 1024, "requests an auth instance works on at once")
    rejection_seconds: float = _from("usual", 0.000054, "to read a request and answer 503")
    memory_bytes: int = _from(
        "fact", 512 * MIB, "limit of the container; full at 18,432 goroutines"
    )
    bytes_per_goroutine: int = _from(
        "usual", 24 * 2**10, "stack, buffers and the request's context"
    )
    attempts: int = _from("usual", 4, "the gateway's: one try and three retries")
    per_try_timeout: float = _from("usual", 0.5, "the gateway's patience with auth")
    backoff_seconds: float = _from("usual", 0.1, "doubling, 20 % to either side")
    health_interval: float = _from("usual", 5.0, "two lost probes eject")
    connections: int = _from("usual", 96, "to the database")
    query_seconds: float = _from("usual", 0.0025, "a query")

    def table(self) -> list[dict[str, object]]:
        """One row a parameter: name, value, where it comes from, why it is so."""
        return [
            {
                "parameter": f.name,
                "value": getattr(self, f.name),
                "source": f.metadata["source"],
                "reason": f.metadata["reason"],
            }
            for f in fields(self)
        ]


def traffic() -> tuple[tuple[float, float], ...]:
    """The users' curve: (virtual time, requests per second) points."""
    rows = _rows("incident_traffic.csv")
    return tuple((seconds_at(row["utc"]), float(row["requests_per_second"])) for row in rows)


def post_mortem() -> list[tuple[float, str]]:
    """What was written down afterwards: virtual time of each minute, and what happened."""
    return [(seconds_at(row["utc"]), row["what"]) for row in _rows("incident_postmortem.csv")]


def _rows(name: str) -> Iterable[dict[str, str]]:
    return csv.DictReader(data_file(name).read_text(encoding="utf-8").splitlines())


def incident(
    parameters: Parameters | None = None, *, leak: bool = True, restart: bool = True
) -> Scenario:
    """The scenario. Without ``leak`` or ``restart`` that cause is left out."""
    p = parameters or Parameters()
    return Scenario(
        name="the cascade that wasn't the database",
        services=_services(p),
        edges=_edges(p),
        loads=_loads(),
        duration=1620.0,
        faults=(*(_leak(p, restart) if leak else ()), *(_restart(p) if restart else ())),
        scrape_interval=5.0,
        trace_sampling=0.0,
    )


def _leak(p: Parameters, restart: bool) -> tuple[Fault, ...]:
    """The defect, until the fix: what starts from then on does not leak."""
    end = p.restart_at if restart else inf
    how = {"goroutines": p.hang_goroutines, "cpu": p.ticker_cores}
    return (Leak(service="auth", rate=p.hang_rate, start=p.leak_from, end=end, **how),)  # type: ignore[arg-type]


def _restart(p: Parameters) -> tuple[Fault, ...]:
    """The operators restart auth."""
    names = [f"auth-{n}" for n in range(1, len(ZONES) + 1)]
    return restarts("auth", names, p.restart_at, p.restart_seconds)


def restarts(service: str, names: Iterable[str], at: float, seconds: float) -> tuple[Outage, ...]:
    """From ``at`` (s) on one instance after another is down for its restart."""
    return tuple(
        Outage(service=service, instance=name, start=at + n * seconds, end=at + (n + 1) * seconds)
        for n, name in enumerate(names)
    )


def _loads() -> tuple[Load, ...]:
    return tuple(
        Load(
            destination="gateway",
            route=route,
            rate=tuple((time, rate * share) for time, rate in traffic()),
        )
        for route, share in PAGES.items()
    )


def _services(p: Parameters) -> tuple[Service, ...]:
    def plain(name: str, seconds: float, count: int) -> Service:
        return Service(
            name=name,
            instances=replicas(count, Instance(latency=Erlang(seconds, 3), workers=_MANY, queue=0)),
        )

    gateways = tuple(
        Instance(latency=Around(0.001), workers=_MANY, queue=0, zone=zone, weight=weight)
        for zone, weight in zip(ZONES, p.zone_weights, strict=True)
    )
    cpu = Cpu(cores=p.connections, work=Erlang(p.query_seconds, 4))
    database = Instance(latency=Constant(0.0), workers=_MANY, queue=0, cpu=cpu)
    return (
        Service(name="gateway", instances=gateways),
        Service(name="auth", instances=tuple(_auth(p, zone) for zone in ZONES)),
        plain("user", 0.012, 3),
        plain("order", 0.0475, 2),
        plain("inventory", 0.0225, 2),
        plain("payment", 0.1, 1),
        Service(name="database", instances=(database,)),
    )


_MANY = 100_000
"""Workers of services that start a goroutine for each request and hold nobody back."""


def _auth(p: Parameters, zone: str) -> Instance:
    return Instance(
        latency=Erlang(p.io_seconds, 3),
        cpu=Cpu(
            cores=p.cores,
            work=Erlang(p.cpu_seconds, 2),
            rejection_seconds=p.rejection_seconds,
        ),
        workers=p.in_flight,
        queue=0,
        zone=zone,
        memory=Memory(limit_bytes=p.memory_bytes, bytes_per_goroutine=p.bytes_per_goroutine),
    )


def _edges(p: Parameters) -> tuple[Edge, ...]:
    backoff = doubling(p.backoff_seconds)
    patient = RetryPolicy(
        max_attempts=p.attempts, per_try_timeout=p.per_try_timeout, backoff=backoff
    )
    once = RetryPolicy(per_try_timeout=2.0)
    # Istio turns panic routing off (minHealthPercent 0): nobody is sent to who is known to be dead
    to_auth: dict[str, Any] = {
        "destination": "auth",
        "health": HealthCheck(interval=p.health_interval, timeout=1.0, unhealthy_threshold=2),
        "panic_threshold": 0.0,
    }
    orders = ("/orders", "/checkout")
    breaker = BreakerConfig(consecutive_failures=5, open_seconds=10.0, half_open_trials=3)
    asks_once = RetryPolicy(per_try_timeout=p.per_try_timeout)
    return (
        Edge(source="client", destination="gateway", balancer=WeightedRoundRobin()),
        Edge(source="gateway", retry=patient, balancer=LeastRequest(), zone_local=True, **to_auth),
        Edge(source="gateway", destination="user", routes=("/home",), retry=once),
        Edge(source="gateway", destination="order", routes=orders, retry=once),
        Edge(source="user", probability=0.02, retry=asks_once, breaker=breaker, **to_auth),
        Edge(source="user", destination="database"),
        Edge(source="order", destination="inventory"),
        Edge(source="order", destination="database", calls=2),
        Edge(source="order", destination="payment", routes=("/checkout",)),
        Edge(source="payment", destination="database"),
    )


def doubling(seconds: float) -> Backoff:
    """Waits this long, then twice and four times as long, 20 % to either side."""
    return Backoff(base_seconds=seconds, factor=2.0, cap_seconds=4 * seconds, spread=0.2)
