"""Turns declarations into records: what a scenario says, as the numbers that the rules look at."""

from __future__ import annotations

from math import gcd, inf
from typing import Any

import numpy as np

from meshlab.engines.compiled import balance, breaker, budget
from meshlab.engines.compiled.layout import NOBODY
from meshlab.model import Endpoint
from meshlab.policies.balancer import BalancerConfig, LeastRequest, Random, RoundRobin
from meshlab.policies.breaker import BreakerConfig
from meshlab.policies.budget import ConcurrentBudget, ConcurrentRetryBudget, MaxRetries
from meshlab.policies.grpc_throttle import GrpcRetryThrottle, Throttle
from meshlab.policies.peak_ewma import PeakEwma
from meshlab.policies.retry import RetryPolicy
from meshlab.policies.ring_hash import Ring, RingHash
from meshlab.policies.token_budget import TokenBudget, TokenRetryBudget
from meshlab.policies.weighted_round_robin import WeightedRoundRobin
from meshlab.policies.windows import BUCKETS
from meshlab.scenario.topology import Edge, Instance, Service
from meshlab.telemetry.central import Central

NO_LIMIT = 2**62
OFF = NOBODY


def instance_fields(service: Service, config: Instance) -> dict[str, Any]:
    """The record of one instance before it starts."""
    memory = config.memory
    return {
        "workers": config.workers,
        "queue": config.queue,
        "base_goroutines": memory.base_goroutines if memory else 0,
        "most_goroutines": memory.most_goroutines if memory else NO_LIMIT,
        "base_bytes": memory.base_bytes if memory else 0,
        "bytes_per_goroutine": memory.bytes_per_goroutine if memory else 0,
        "has_memory": memory is not None,
        "cores": config.cpu.cores if config.cpu else 0,
        "lump": config.cpu.lump if config.cpu else 1,
        "rejection_seconds": config.cpu.rejection_seconds if config.cpu else 0.0,
        "restart_seconds": OFF if service.restart_seconds is None else service.restart_seconds,
        "cancels": service.abandoned == "cancelled",
        "keeps_trace": service.keeps_trace,
        "keeps_deadline": service.keeps_deadline,
        "error_rate": config.error_rate,
        "slowdown": 1.0,
        **dict.fromkeys(("first_waiting", "last_waiting"), NOBODY),
    }


def edge_fields(edge: Edge) -> dict[str, Any]:
    """The record of one edge in one sidecar, but for what lies in other arrays."""
    return {
        "required": edge.required,
        "mirror": edge.mirror,
        "probability": edge.probability,
        "panic_threshold": edge.panic_threshold,
        **retry_fields(edge.retry),
        **budget_fields(edge.retry),
        **balancer_fields(edge.balancer),
        **breaker_fields(edge.breaker),
        **limit_fields(edge),
        **rate_fields(edge),
        **health_fields(edge),
        **outlier_fields(edge),
    }


def retry_fields(retry: RetryPolicy) -> dict[str, Any]:
    backoff = retry.backoff
    return {
        "timeout": inf if retry.per_try_timeout is None else retry.per_try_timeout,
        "deadline": inf if retry.deadline is None else retry.deadline,
        "max_attempts": retry.max_attempts,
        "retry_on": sum(1 << outcome for outcome in retry.retry_on),
        "avoid_previous": retry.avoid_previous,
        "base_seconds": backoff.base_seconds,
        "factor": backoff.factor,
        "cap_seconds": backoff.cap_seconds,
        "jitter": backoff.jitter,
        "spread": 0.0 if backoff.spread is None else backoff.spread,
        "has_spread": backoff.spread is not None,
    }


def budget_fields(retry: RetryPolicy) -> dict[str, Any]:
    """A budget as its class would start with it: whoever builds it knows the numbers."""
    config = retry.budget
    match config:
        case ConcurrentRetryBudget() | MaxRetries():
            concurrent = config.build(None)  # type: ignore[arg-type]
            assert isinstance(concurrent, ConcurrentBudget)
            return {
                "budget": budget.CONCURRENT,
                "share": concurrent._share,
                "floor": concurrent._floor,
            }
        case TokenRetryBudget():
            tokens: TokenBudget = config.build(None)  # type: ignore[arg-type]
            return {
                "budget": budget.TOKENS,
                "deposit": tokens._deposit,
                "cost": tokens._cost,
                "reserve": tokens._reserve,
                "slice_seconds": tokens._seconds,
            }
        case GrpcRetryThrottle():
            throttle: Throttle = config.build(None)  # type: ignore[arg-type]
            return {
                "budget": budget.THROTTLE,
                "tokens": throttle._tokens,
                "most_tokens": throttle._max,
                "half_tokens": throttle._half,
                "earned": throttle._earned,
            }
    return {"budget": budget.NO_BUDGET}


def balancer_fields(config: BalancerConfig) -> dict[str, Any]:
    match config:
        case Random():
            return {"balancer": balance.RANDOM}
        case RoundRobin():
            return {"balancer": balance.ROUND_ROBIN}
        case WeightedRoundRobin():
            return {"balancer": balance.WEIGHTED}
        case LeastRequest():
            kind = balance.FULL_SCAN if config.full_scan else balance.LEAST
            return {"balancer": kind, "choices": config.choices}
        case RingHash():
            return {"balancer": balance.RING}
        case PeakEwma():
            return {
                "balancer": balance.PEAK_EWMA,
                "choices": config.choices,
                "decay": config.decay_seconds,
            }
    raise AssertionError(f"why_not lets no other balancer through: {config!r}")


def limit_fields(edge: Edge) -> dict[str, Any]:
    limits = edge.limits
    return {"limited": limits is not None, "max_requests": limits.max_requests if limits else 0}


BREAKER_MEMORY = (
    *("state", "consecutive", "trials_in_flight", "trials_succeeded", "opened_at", "retry_at"),
    *("window", "window_size", "window_next", "window_calls", "window_failures", "window_slow"),
    *("bucket", "bucket_calls", "bucket_failures", "bucket_slow"),
)
"""What a breaker remembers; a new one begins with all of it zero."""


def breaker_fields(config: BreakerConfig | None) -> dict[str, Any]:
    if config is None:
        return {"breaker": 0}
    rates = config.failure_rate is not None or config.slow_call_rate is not None
    by_time = config.window_seconds is not None
    seconds = config.window_seconds if config.window_seconds is not None else 0.0
    return {
        "breaker": 1,
        "generation": 1,
        "consecutive_limit": config.consecutive_failures or 0,
        "failure_rate": inf if config.failure_rate is None else config.failure_rate,
        "slow_rate": inf if config.slow_call_rate is None else config.slow_call_rate,
        "slow_seconds": config.slow_seconds,
        "minimum_calls": config.minimum_calls,
        "open_seconds": config.open_seconds,
        "half_open_trials": config.half_open_trials,
        "window": (breaker.BY_TIME if by_time else breaker.BY_COUNT) if rates else 0,
        "window_size": config.window_calls if rates and not by_time else 0,
        "window_seconds": seconds,
        "bucket_seconds": seconds / BUCKETS,
        "bucket_ends": seconds / BUCKETS,
    }


def rate_fields(edge: Edge) -> dict[str, Any]:
    limit = edge.rate_limit
    if limit is None:
        return {"rate_limited": 0}
    return {
        "rate_limited": 1,
        "rate_tokens": limit.max_tokens,
        "rate_most": limit.max_tokens,
        "rate_per_fill": limit.tokens_per_fill,
        "rate_interval": limit.fill_interval,
    }


def health_fields(edge: Edge) -> dict[str, Any]:
    health = edge.health
    if health is None:
        return {"checked": 0}
    return {
        "checked": 1,
        "health_interval": health.interval,
        "health_timeout": health.timeout,
        "unhealthy_threshold": health.unhealthy_threshold,
        "healthy_threshold": health.healthy_threshold,
    }


def outlier_fields(edge: Edge) -> dict[str, Any]:
    outlier = edge.outlier
    if outlier is None:
        return {"outlier": 0}
    factor = outlier.success_rate_stdev_factor
    return {
        "outlier": 1,
        "strikes": OFF if outlier.consecutive_5xx is None else outlier.consecutive_5xx,
        "outlier_interval": outlier.interval,
        "base_ejection": outlier.base_ejection_time,
        "max_ejection": outlier.max_ejection_time,
        "max_ejection_percent": outlier.max_ejection_percent,
        "always_eject_one": outlier.always_eject_one_host,
        "minimum_hosts": outlier.success_rate_minimum_hosts,
        "request_volume": outlier.success_rate_request_volume,
        "stdev_factor": -1.0 if factor is None else factor,
    }


def collector_fields(central: Central) -> dict[str, Any]:
    """The record of the central collector."""
    at_least_once = central.delivery == "at least once"
    names = (
        *("waits", "timeout", "resends", "network_seconds"),
        *("loss", "failure_rate", "capacity", "buffer"),
    )
    return {
        **{name: getattr(central, name) for name in names},
        "at_least_once": at_least_once,
        "acknowledges": at_least_once or central.waits,
        "partitions": len(central.partitions),
        "outages": len(central.outages),
    }


def longest_schedule(service: Service) -> int:
    """Room for a cycle of weighted round robin over any of a service's instances."""
    weights = [instance.weight for instance in service.instances]
    return sum(weights) // gcd(*weights) if len(weights) > 1 else 1


def ring_of(config: RingHash, service: Service) -> list[tuple[int, int]]:
    """Every point of the ring of all instances, with the place of its owner."""
    names = service.instance_names()
    endpoints = [
        Endpoint(name, weight=instance.weight)
        for name, instance in zip(names, service.instances, strict=True)
    ]
    ring = Ring(endpoints, config.minimum_ring_size)
    places = {id(endpoint): place for place, endpoint in enumerate(endpoints)}
    return [
        (point, places[id(owner)]) for point, owner in zip(ring.points, ring.owners, strict=False)
    ]


def fill_records(rows: list[dict[str, Any]], dtype: np.dtype[Any]) -> np.ndarray:
    """An array of records from rows of fields; what a row does not name is zero."""
    array = np.zeros(len(rows), dtype)
    for place, row in enumerate(rows):
        for name, value in row.items():
            array[place][name] = value
    return array
