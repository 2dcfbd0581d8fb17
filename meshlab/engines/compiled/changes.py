"""What a change replaces in the record of an upstream: as ``PARTS`` does for `Upstream`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from meshlab.engines.compiled import build
from meshlab.engines.compiled.layout import OUTLIER_MEMORY
from meshlab.policies.ring_hash import RingHash

if TYPE_CHECKING:
    from meshlab.engines.compiled.handles import UpstreamHandle
    from meshlab.engines.compiled.world import World


def _write(upstream: UpstreamHandle, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        upstream.record[name] = value


def _endpoints(world: World, upstream: UpstreamHandle) -> Iterable[tuple[str, Any]]:
    """The endpoints that ever joined, with their records."""
    table = world.memory.arrays["endpoints"]
    return ((name, table[upstream.slots[name]]) for name in upstream.joined_names)


def _put_retry(world: World, upstream: UpstreamHandle) -> None:
    _write(upstream, build.retry_fields(upstream.edge.retry))


def _put_budget(world: World, upstream: UpstreamHandle) -> None:
    """Calls and retries that are in flight will end with the new budget."""
    record = upstream.record
    record["slices"] = 0
    record["balance"] = record["newest"] = 0
    record["budget_active"] = record["started"] - record["outcomes"].sum()
    record["budget_retries"] = record["retrying"]
    _write(upstream, build.budget_fields(upstream.edge.retry))


def _put_balancer(world: World, upstream: UpstreamHandle) -> None:
    balancer = upstream.edge.balancer
    _write(upstream, build.balancer_fields(balancer))
    if isinstance(balancer, RingHash):
        ring = world.rings[upstream.number, balancer]
        upstream.record["ring"], upstream.record["ring_length"] = ring
    world.start_balancer(upstream)


def _put_panic_threshold(world: World, upstream: UpstreamHandle) -> None:
    upstream.record["panic_threshold"] = upstream.edge.panic_threshold


def _put_zone(world: World, upstream: UpstreamHandle) -> None:
    table = world.memory.arrays["endpoints"]
    for name, slot in upstream.slots.items():
        table["local"][slot] = world.is_local(upstream.edge, upstream.sidecar, name)


def _put_breaker(world: World, upstream: UpstreamHandle) -> None:
    """In a generation after the last one, so that what is in flight is not held against it."""
    record = upstream.record
    generation = int(record["generation"])
    fields = build.breaker_fields(upstream.edge.breaker)
    for name in build.BREAKER_MEMORY:
        record[name] = 0
    _write(upstream, fields)
    record["generation"] = generation + bool(fields["breaker"])
    record["bucket_ends"] = world.now + record["bucket_seconds"]
    first = int(record["window_first"])
    world.memory.arrays["windows"]["x"][first : first + int(record["window_size"])] = 0


def _put_limits(world: World, upstream: UpstreamHandle) -> None:
    active = sum(int(endpoint["active"]) for _, endpoint in _endpoints(world, upstream))
    _write(upstream, {**build.limit_fields(upstream.edge), "active": active})


def _put_rate_limit(world: World, upstream: UpstreamHandle) -> None:
    limit = upstream.edge.rate_limit
    fields = build.rate_fields(upstream.edge)
    if limit is not None:
        fields["rate_fills"] = int(world.now / limit.fill_interval)
    _write(upstream, fields)


def _put_health(world: World, upstream: UpstreamHandle) -> None:
    _write(upstream, build.health_fields(upstream.edge))
    for name, endpoint in _endpoints(world, upstream):
        endpoint["contrary"] = 0
        if not endpoint["healthy"]:
            endpoint["healthy"] = 1
            _note(world, upstream, name, "healthy", "health checks changed")


def _put_outlier(world: World, upstream: UpstreamHandle) -> None:
    _write(upstream, build.outlier_fields(upstream.edge))
    for name, endpoint in _endpoints(world, upstream):
        for field in OUTLIER_MEMORY:
            endpoint[field] = 0
        if endpoint["ejected"]:
            endpoint["ejected"] = 0
            _note(world, upstream, name, "returned", "outlier detection changed")


def _note(world: World, upstream: UpstreamHandle, name: str, event: str, reason: str) -> None:
    world.ledger.write(world.now, f"{upstream.name} {name}", event, reason)


PUT: dict[str, Callable[[World, UpstreamHandle], None]] = {
    "retry": _put_retry,
    "retry.budget": _put_budget,
    "balancer": _put_balancer,
    "panic_threshold": _put_panic_threshold,
    "zone_local": _put_zone,
    "breaker": _put_breaker,
    "limits": _put_limits,
    "rate_limit": _put_rate_limit,
    "health": _put_health,
    "outlier": _put_outlier,
}
"""What an edge says, and what puts it in place."""
