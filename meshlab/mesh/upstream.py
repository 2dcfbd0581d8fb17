"""What one sidecar keeps about one cluster that it calls: endpoints, policies, counts."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from operator import attrgetter

from meshlab.kernel.engine import Engine, TimerQueue
from meshlab.kernel.record import Small, entry, record, seldom
from meshlab.kernel.streams import Uniform
from meshlab.mesh.counts import EdgeCounts
from meshlab.mesh.journal import Journal
from meshlab.mesh.link import Link
from meshlab.mesh.notes import (
    EJECTED_CONSECUTIVE,
    EJECTED_RATE,
    HEALTH_CHANGED,
    HEALTHY,
    NO_ENDPOINT,
    OUTLIER_CHANGED,
    PANIC_BEGAN,
    PANIC_ENDED,
    RETURNED,
    UNHEALTHY,
    Notes,
)
from meshlab.mesh.tracer import Tracer
from meshlab.policies.balancing import Balancer
from meshlab.policies.breaker import Breaker, BreakerWatcher, build_breaker
from meshlab.policies.breaker_states import OPEN
from meshlab.policies.budget import Budget
from meshlab.policies.cluster import Cluster
from meshlab.policies.endpoint import Endpoint, number_of, text_of
from meshlab.policies.health import HEALTHY as TURNED_HEALTHY
from meshlab.policies.health import UNCHANGED, HealthChecker
from meshlab.policies.limits import Limiter
from meshlab.policies.outlier import CONSECUTIVE_5XX, OutlierDetector, OutlierWatcher
from meshlab.policies.rate_limit import TokenBucket
from meshlab.policies.retry import Pauses
from meshlab.scenario.topology import Edge

Streams = Callable[[str], Uniform]
"""Gives the random stream for a purpose."""


@record
class Upstream(BreakerWatcher, OutlierWatcher):
    """The state of one edge in one sidecar: "auth, as gateway-1 sees it".

    Every decision that a policy takes by itself is noted with its reason. ``endpoints`` are all
    that the cluster will ever have; those that ever joined stand in ``order``, by their places.
    ``number`` is its own among all upstreams of the mesh.
    """

    timeout: float
    deadline: float
    probability: float
    counts: EdgeCounts
    engine: Engine
    cluster: Cluster
    balancer: Balancer
    budget: Budget | None
    breaker: Breaker | None
    limiter: Limiter | None
    rate_limiter: TokenBucket | None
    outlier: OutlierDetector | None
    link: Link
    timers: TimerQueue
    number: Small
    max_attempts: Small
    retry_on: Small
    mirror: bool
    required: bool
    avoid_previous: bool
    was_panic: bool
    retrying: int
    draw_jitter: Uniform
    pauses: Pauses
    tracer: Tracer
    notes: Notes
    tally: Small
    breaker_state: Small
    members: Small
    health: HealthChecker | None
    endpoints: list[Endpoint]
    order: list[int]
    last_generation: int
    split_weight: float
    draw_balancer: Uniform
    name_number: Small
    source_number: Small
    destination_number: Small
    sidecar_number: Small
    zone_number: Small

    def __init__(
        self,
        edge: Edge,
        sidecar: str,
        engine: Engine,
        stream: Streams,
        journal: Journal,
        tracer: Tracer,
        zone: str = "",
        routes: int = 1,
    ) -> None:
        name = f"{sidecar}->{edge.destination}"
        self.name_number, self.sidecar_number = number_of(name), number_of(sidecar)
        self.source_number = number_of(edge.source)
        self.destination_number = number_of(edge.destination)
        self.zone_number = number_of(zone)
        self.engine, self.tracer, self.notes = engine, tracer, journal.notes
        self.number = len(journal.upstreams)
        journal.upstreams.append(name)
        self.tally = journal.new_tally(name, "retry denied", "budget empty")
        self.draw_jitter = stream(f"{name}/jitter")
        self.draw_balancer = stream(f"{name}/balancer")
        self.link = Link(stream(f"{name}/link"), routes)
        self.cluster = Cluster([], edge.panic_threshold, name=name)
        self.counts = EdgeCounts(routes if routes > 1 else 0)
        self.timers = TimerQueue(engine, inf)
        self.split_weight = edge.split_weight
        self.probability, self.required, self.mirror = edge.probability, edge.required, edge.mirror
        for put in PARTS.values():
            put(self, edge)

    @property
    def name(self) -> str:
        return text_of(self.name_number)

    @property
    def sidecar(self) -> str:
        """The name of the instance, or of the source of load, whose sidecar this is part of."""
        return text_of(self.sidecar_number)

    @property
    def source(self) -> str:
        return text_of(self.source_number)

    @property
    def destination(self) -> str:
        return text_of(self.destination_number)

    @property
    def every_endpoint(self) -> list[Endpoint]:
        """Those that joined, in their order; those that have left too, for their counts."""
        return [self.endpoints[place] for place in self.order]

    # ---- what the policies conclude

    @entry
    def breaker_moved(self, state: int, reason: int, seen_1: float, seen_2: float) -> None:
        """The breaker has changed its state, and begun a generation."""
        self.breaker_state = state
        self.last_generation += 1
        if state == OPEN:
            self.counts.opened[reason] += 1
        self.notes.write(reason, self.number, NO_ENDPOINT, seen_1, seen_2, 0.0)

    @seldom
    def deny_retry(self) -> None:
        """The budget granted no retry."""
        self.counts.retries_denied += 1
        self.notes.tally(self.tally)

    @entry
    def ejected(self, endpoint: Endpoint, cause: int) -> None:
        """Outlier detection has ejected an endpoint."""
        outlier = self.outlier
        self.counts.ejections += 1
        if outlier is not None:
            if cause == CONSECUTIVE_5XX:
                self._note(EJECTED_CONSECUTIVE, endpoint, outlier.seen_1, 0.0, 0.0)
            else:
                seen_1, seen_2, seen_3 = outlier.seen_1, outlier.seen_2, outlier.seen_3
                self._note(EJECTED_RATE, endpoint, seen_1, seen_2, seen_3)
        self.note_panic()

    @entry
    def returned(self, endpoint: Endpoint) -> None:
        """The time of an endpoint's ejection is over."""
        self._note(RETURNED, endpoint, 0.0, 0.0, 0.0)
        self.note_panic()

    @seldom
    def probed(self, endpoint: Endpoint, ok: bool) -> None:
        """Tell the health checker how a probe of ``endpoint`` ended."""
        health = self.health
        if health is None:
            return
        change = health.probed(endpoint, ok)
        if change == UNCHANGED:
            return
        self.cluster.refresh()
        if change == TURNED_HEALTHY:
            self._note(HEALTHY, endpoint, float(health.healthy_threshold), 0.0, 0.0)
        else:
            self._note(UNHEALTHY, endpoint, float(health.unhealthy_threshold), 0.0, 0.0)
        self.note_panic()

    @seldom
    def _note(self, what: int, endpoint: Endpoint, x: float, y: float, z: float) -> None:
        self.notes.write(what, self.number, endpoint.number, x, y, z)

    @entry
    def note_panic(self) -> None:
        """Write it down when the cluster enters or leaves panic."""
        cluster = self.cluster
        if cluster.panic == self.was_panic:
            return
        self.was_panic = cluster.panic
        what = PANIC_BEGAN if cluster.panic else PANIC_ENDED
        available = float(cluster.available)
        self.notes.write(what, self.number, NO_ENDPOINT, available, float(self.members), 0.0)

    # ---- who is there, as discovery has it

    def joined(self, place: int) -> None:
        """This sidecar has heard of a new endpoint, the one at ``place`` of all."""
        self.order.append(place)
        self.cluster.add(self.endpoints[place])
        self._members_changed()

    def left(self, place: int) -> None:
        """This sidecar has heard that an endpoint is gone."""
        self.cluster.drop(self.endpoints[place])
        self._members_changed()

    @seldom
    def _members_changed(self) -> None:
        self.members = len(self.cluster.endpoints)
        self.note_panic()

    # ---- what an operator may change

    def change(self, old: Edge, edge: Edge) -> None:
        """Be as ``edge`` says from now on. What it says as before keeps its state.

        What is replaced forgets what it had concluded: a breaker is closed, whoever was ejected or
        held to be unhealthy gets tries again.
        """
        for name, put in PARTS.items():
            if attrgetter(name)(edge) != attrgetter(name)(old):
                put(self, edge)
        self.split_weight = edge.split_weight
        self.cluster.refresh()
        self.note_panic()

    def _put_retry(self, edge: Edge) -> None:
        retry = edge.retry
        timeout = inf if retry.per_try_timeout is None else float(retry.per_try_timeout)
        if timeout != self.timers.seconds:  # tries that are out keep their timers
            self.timers = TimerQueue(self.engine, timeout)
        self.timeout = timeout
        self.deadline = inf if retry.deadline is None else float(retry.deadline)
        self.max_attempts = retry.max_attempts
        self.retry_on = sum(1 << outcome for outcome in retry.retry_on)
        self.avoid_previous = retry.avoid_previous
        self.pauses = retry.backoff.build()

    def _put_budget(self, edge: Edge) -> None:
        """Calls and retries that are in flight will end with the new budget."""
        config = edge.retry.budget
        self.budget = config.build(self.engine) if config else None
        if self.budget is not None:
            self.budget.take_over(self.counts.active, self.retrying)

    def _put_balancer(self, edge: Edge) -> None:
        self.balancer = edge.balancer.build(self.draw_balancer, self.engine)

    def _put_panic_threshold(self, edge: Edge) -> None:
        self.cluster.panic_threshold = edge.panic_threshold

    def _put_zone(self, edge: Edge) -> None:
        self.cluster.prefer(text_of(self.zone_number) if edge.zone_local else "")

    def _put_breaker(self, edge: Edge) -> None:
        """In a generation after the last one, so that what is in flight is not held against it."""
        config = edge.breaker
        self.breaker = None
        self.breaker_state = 0
        if config is not None:
            self.last_generation += 1
            self.breaker = build_breaker(config, self.engine, self, self.last_generation)

    def _put_limits(self, edge: Edge) -> None:
        in_flight = sum(endpoint.active for endpoint in self.every_endpoint)
        self.limiter = Limiter(edge.limits, in_flight) if edge.limits else None

    def _put_rate_limit(self, edge: Edge) -> None:
        config = edge.rate_limit
        self.rate_limiter = TokenBucket(config, self.engine) if config else None

    def _put_health(self, edge: Edge) -> None:
        endpoints = self.every_endpoint
        self.health = HealthChecker(edge.health, endpoints) if edge.health else None
        for endpoint in endpoints:
            if not endpoint.healthy:
                endpoint.healthy = True
                self._note(HEALTH_CHANGED, endpoint, 0.0, 0.0, 0.0)

    def _put_outlier(self, edge: Edge) -> None:
        config = edge.outlier
        self.outlier = OutlierDetector(config, self.engine, self.cluster, self) if config else None
        for endpoint in self.every_endpoint:
            if endpoint.ejected:
                endpoint.ejected = False
                self._note(OUTLIER_CHANGED, endpoint, 0.0, 0.0, 0.0)


PARTS: dict[str, Callable[[Upstream, Edge], None]] = {
    "retry": Upstream._put_retry,
    "retry.budget": Upstream._put_budget,
    "balancer": Upstream._put_balancer,
    "panic_threshold": Upstream._put_panic_threshold,
    "zone_local": Upstream._put_zone,
    "breaker": Upstream._put_breaker,
    "limits": Upstream._put_limits,
    "rate_limit": Upstream._put_rate_limit,
    "health": Upstream._put_health,
    "outlier": Upstream._put_outlier,
}
"""What an edge says, and what puts it in place: at first all of it, then what a change changes."""
