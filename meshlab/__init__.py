"""A service mesh small enough to read, and what one needs to experiment with it.

    from meshlab import Slowdown, run, shop

    result = run(shop(rate=20))

The rooms, from the ground up; each uses only those above it in this list:

    model       words (outcomes, endpoints, errors), and how declarations are checked
    kernel      clock, events, random numbers by name, records; in plain Python and compiled
    policies    breaker, balancers, retries, budgets, limits, health checks, outlier detection
    telemetry   metrics and PromQL, the ledger of decisions, traces, the central collector
    scenario    what is run, as data; the shop; scenario files
    mesh        sidecars, services and the transport between them; the result of a run
    engines     run(): on which engine, whether it is too large, thinned or in full
    sweep       many scenarios and seeds, and what many runs prove
    export      what a run recorded, for Prometheus, Grafana and OpenTelemetry
    figures     figures that state what they show
    lab         bets, tables and sliders for lessons
    incident    the cascade that wasn't the database: replay, investigation, post-mortem
    cli         the commands of ``python -m meshlab``

What stands here is imported when it is first used: ``import meshlab`` alone loads next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshlab.model.face import face

if TYPE_CHECKING:
    from meshlab.engines.run import run as run
    from meshlab.kernel.clock import ManualClock as ManualClock
    from meshlab.kernel.distributions import Around as Around
    from meshlab.kernel.distributions import Constant as Constant
    from meshlab.kernel.distributions import Distribution as Distribution
    from meshlab.kernel.distributions import Erlang as Erlang
    from meshlab.kernel.distributions import Exponential as Exponential
    from meshlab.kernel.distributions import LogNormal as LogNormal
    from meshlab.mesh.mesh import Mesh as Mesh
    from meshlab.mesh.result import Result as Result
    from meshlab.model import ConfigError as ConfigError
    from meshlab.model import MeshlabError as MeshlabError
    from meshlab.model import Outcome as Outcome
    from meshlab.model import Request as Request
    from meshlab.model import RunTooLarge as RunTooLarge
    from meshlab.policies.balancer import Balancer as Balancer
    from meshlab.policies.balancer import LeastRequest as LeastRequest
    from meshlab.policies.balancer import Random as Random
    from meshlab.policies.balancer import RoundRobin as RoundRobin
    from meshlab.policies.breaker import CircuitBreaker as CircuitBreaker
    from meshlab.policies.breaker_config import BreakerConfig as BreakerConfig
    from meshlab.policies.budget import ConcurrentRetryBudget as ConcurrentRetryBudget
    from meshlab.policies.budget import GrpcRetryThrottle as GrpcRetryThrottle
    from meshlab.policies.budget import MaxRetries as MaxRetries
    from meshlab.policies.budget import TokenRetryBudget as TokenRetryBudget
    from meshlab.policies.endpoint import Endpoint as Endpoint
    from meshlab.policies.health import HealthCheck as HealthCheck
    from meshlab.policies.limits import ConcurrencyLimits as ConcurrencyLimits
    from meshlab.policies.outlier import OutlierDetection as OutlierDetection
    from meshlab.policies.peak_ewma import PeakEwma as PeakEwma
    from meshlab.policies.rate_limit import RateLimit as RateLimit
    from meshlab.policies.retry import Backoff as Backoff
    from meshlab.policies.retry import RetryPolicy as RetryPolicy
    from meshlab.policies.ring_hash import RingHash as RingHash
    from meshlab.policies.weighted_round_robin import WeightedRoundRobin as WeightedRoundRobin
    from meshlab.scenario.canaries import with_canary as with_canary
    from meshlab.scenario.canaries import with_mirror as with_mirror
    from meshlab.scenario.changes import Change as Change
    from meshlab.scenario.cpu import Cpu as Cpu
    from meshlab.scenario.faults import EdgeFault as EdgeFault
    from meshlab.scenario.faults import Errors as Errors
    from meshlab.scenario.faults import Leak as Leak
    from meshlab.scenario.faults import Outage as Outage
    from meshlab.scenario.faults import Slowdown as Slowdown
    from meshlab.scenario.file import load_scenario as load_scenario
    from meshlab.scenario.file import save_scenario as save_scenario
    from meshlab.scenario.load import Load as Load
    from meshlab.scenario.scenario import Scenario as Scenario
    from meshlab.scenario.shop import shop as shop
    from meshlab.scenario.topology import Edge as Edge
    from meshlab.scenario.topology import Instance as Instance
    from meshlab.scenario.topology import Memory as Memory
    from meshlab.scenario.topology import Service as Service
    from meshlab.scenario.topology import replicas as replicas
    from meshlab.telemetry.central import Central as Central

    __version__: str

_HOMES = {
    "meshlab.engines.run": "run",
    "meshlab.kernel.clock": "ManualClock",
    "meshlab.kernel.distributions": ("Around Constant Distribution Erlang Exponential LogNormal"),
    "meshlab.mesh.mesh": "Mesh",
    "meshlab.mesh.result": "Result",
    "meshlab.model": "ConfigError MeshlabError Outcome Request RunTooLarge",
    "meshlab.policies.balancer": "Balancer LeastRequest Random RoundRobin",
    "meshlab.policies.breaker": "CircuitBreaker",
    "meshlab.policies.breaker_config": "BreakerConfig",
    "meshlab.policies.budget": (
        "ConcurrentRetryBudget GrpcRetryThrottle MaxRetries TokenRetryBudget"
    ),
    "meshlab.policies.endpoint": "Endpoint",
    "meshlab.policies.health": "HealthCheck",
    "meshlab.policies.limits": "ConcurrencyLimits",
    "meshlab.policies.outlier": "OutlierDetection",
    "meshlab.policies.peak_ewma": "PeakEwma",
    "meshlab.policies.rate_limit": "RateLimit",
    "meshlab.policies.retry": "Backoff RetryPolicy",
    "meshlab.policies.ring_hash": "RingHash",
    "meshlab.policies.weighted_round_robin": "WeightedRoundRobin",
    "meshlab.scenario.canaries": "with_canary with_mirror",
    "meshlab.scenario.changes": "Change",
    "meshlab.scenario.cpu": "Cpu",
    "meshlab.scenario.faults": "EdgeFault Errors Leak Outage Slowdown",
    "meshlab.scenario.file": "load_scenario save_scenario",
    "meshlab.scenario.load": "Load",
    "meshlab.scenario.scenario": "Scenario",
    "meshlab.scenario.shop": "shop",
    "meshlab.scenario.topology": "Edge Instance Memory Service replicas",
    "meshlab.telemetry.central": "Central",
    "meshlab.model.version": "__version__",
}

if not TYPE_CHECKING:  # for a type checker a misspelled name stays an error
    __getattr__, __dir__, __all__ = face(__name__, _HOMES)
