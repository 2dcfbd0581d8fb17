"""What one sidecar keeps about one cluster that it calls: endpoints, policies, counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from meshlab.kernel.clock import Clock
from meshlab.kernel.streams import Draw
from meshlab.model import Endpoint
from meshlab.policies.breaker import CircuitBreaker, State, Transition
from meshlab.policies.cluster import Cluster
from meshlab.policies.health import HealthChecker
from meshlab.policies.limits import Limiter
from meshlab.policies.outlier import Ejection, OutlierDetector, Return
from meshlab.policies.rate_limit import TokenBucket
from meshlab.scenario.topology import Edge
from meshlab.telemetry.counts import EdgeCounts
from meshlab.telemetry.ledger import Evidence, Ledger

MOVED = {State.CLOSED: "breaker closed", State.HALF_OPEN: "breaker half-open"}


class Upstream:
    """The state of one edge in one sidecar: "auth, as gateway-1 sees it".

    ``stream(purpose)`` gives the random stream for a purpose, ``zone`` is that of the sidecar, and
    ``routes`` are those whose calls are counted apart.
    Every decision that a policy takes by itself goes to the ledger with its reason.
    ``every_endpoint`` also holds those that have left, for their counts; ``link`` is a note of the
    transport.
    """

    __slots__ = (
        "_draw_balancer",
        "_last_generation",
        "avoid_previous",
        "balancer",
        "breaker",
        "budget",
        "clock",
        "cluster",
        "counts",
        "deadline",
        "draw_jitter",
        "edge",
        "every_endpoint",
        "health",
        "ledger",
        "limiter",
        "link",
        "name",
        "outlier",
        "rate_limiter",
        "retrying",
        "sidecar",
        "timeout",
        "was_panic",
        "zone",
    )

    def __init__(
        self,
        edge: Edge,
        sidecar: str,
        clock: Clock,
        stream: Callable[[str], Draw],
        ledger: Ledger,
        zone: str = "",
        routes: Iterable[str] = (),
    ) -> None:
        self.sidecar = sidecar
        self.zone = zone
        self.name = f"{sidecar}->{edge.destination}"
        self.edge = edge
        self.clock = clock
        self.ledger = ledger
        self.draw_jitter = stream(f"{self.name}/jitter")
        self._draw_balancer = stream(f"{self.name}/balancer")
        self.cluster = Cluster([], edge.panic_threshold, name=self.name)
        self.every_endpoint: list[Endpoint] = []
        self.was_panic = False
        self.counts = EdgeCounts(routes)
        self.retrying = 0
        self.link: Any = None
        self.breaker: CircuitBreaker | None = None
        self._last_generation = 0
        for put in PARTS.values():
            put(self)

    def change(self, edge: Edge) -> None:
        """Be as ``edge`` says from now on. What it says as before keeps its state.

        What is replaced forgets what it had concluded: a breaker is closed, whoever was ejected or
        held to be unhealthy gets tries again.
        """
        old, self.edge = self.edge, edge
        for name, put in PARTS.items():
            if attrgetter(name)(edge) != attrgetter(name)(old):
                put(self)
        self.cluster.refresh()
        self.note_panic()

    def _put_retry(self) -> None:
        retry = self.edge.retry
        self.timeout = retry.per_try_timeout
        self.deadline = retry.deadline
        self.avoid_previous = retry.avoid_previous

    def _put_budget(self) -> None:
        """Calls and retries that are in flight will end with the new budget."""
        config = self.edge.retry.budget
        self.budget = config.build(self.clock) if config else None
        if self.budget is not None:
            self.budget.take_over(self.counts.active, self.retrying)

    def _put_balancer(self) -> None:
        self.balancer = self.edge.balancer.build(self._draw_balancer, self.clock)

    def _put_panic_threshold(self) -> None:
        self.cluster.panic_threshold = self.edge.panic_threshold

    def _put_zone(self) -> None:
        self.cluster.zone = self.zone if self.edge.zone_local else ""

    def _put_breaker(self) -> None:
        """In a generation after the last one, so that what is in flight is not held against it."""
        config = self.edge.breaker
        if self.breaker is not None:
            self._last_generation = self.breaker.generation
        self.breaker = None
        if config is not None:
            begin = self._last_generation + 1
            self.breaker = CircuitBreaker(config, self.clock, self._breaker_moved, begin)

    def _put_limits(self) -> None:
        in_flight = sum(endpoint.active for endpoint in self.every_endpoint)
        self.limiter = Limiter(self.edge.limits, in_flight) if self.edge.limits else None

    def _put_rate_limit(self) -> None:
        config = self.edge.rate_limit
        self.rate_limiter = TokenBucket(config, self.clock) if config else None

    def _put_health(self) -> None:
        self.health = HealthChecker(self.edge.health) if self.edge.health else None
        for endpoint in self.every_endpoint:
            if not endpoint.healthy:
                endpoint.healthy = True
                self._note(endpoint, "healthy", "health checks changed")

    def _put_outlier(self) -> None:
        config = self.edge.outlier
        self.outlier = OutlierDetector(config, self.clock, self.cluster) if config else None
        for endpoint in self.every_endpoint:
            if endpoint.ejected:
                endpoint.ejected = False
                self._note(endpoint, "returned", "outlier detection changed")

    def _note(self, endpoint: Endpoint, event: str, reason: str, evidence: Evidence = ()) -> None:
        where = f"{self.name} {endpoint.name}"
        self.ledger.write(self.clock.now, where, event, reason, evidence)

    @property
    def available(self) -> int:
        """How many endpoints are healthy and not ejected."""
        return sum(e.healthy and not e.ejected for e in self.cluster.endpoints)

    def _breaker_moved(self, move: Transition) -> None:
        if move.target is State.OPEN:
            self.counts.opened[move.reason] += 1
        event = MOVED.get(move.target, "breaker opened")
        self.ledger.write(move.time, self.name, event, move.reason.value, move.evidence)

    def deny_retry(self, now: float) -> None:
        """The budget granted no retry."""
        self.counts.retries_denied += 1
        self.ledger.tally(now, self.name, "retry denied", "budget empty")

    def report_outlier(self, endpoint: Endpoint, ok: bool) -> None:
        """Tell outlier detection how a try on ``endpoint`` ended."""
        ejection = self.outlier.report(endpoint, ok)  # type: ignore[union-attr]
        if ejection is not None:
            self._ejected(ejection)

    def tick_outlier(self) -> None:
        """One interval of outlier detection is over: return and eject what is due."""
        for change in self.outlier.tick():  # type: ignore[union-attr]
            self._ejected(change)

    def _ejected(self, change: Ejection | Return) -> None:
        where = f"{self.name} {change.endpoint}"
        if isinstance(change, Ejection):
            self.counts.ejections += 1
            self.ledger.write(change.time, where, "ejected", change.reason, change.evidence)
        else:
            self.ledger.write(change.time, where, "returned", "ejection time over")
        self.note_panic()

    def probed(self, endpoint: Endpoint, ok: bool) -> None:
        """Tell the health checker how a probe of ``endpoint`` ended."""
        change = self.health.probed(endpoint.name, ok)  # type: ignore[union-attr]
        if change is None:
            return
        endpoint.healthy = change
        self.cluster.refresh()
        config = self.health.config  # type: ignore[union-attr]
        if change:
            seen = (("in_a_row", float(config.healthy_threshold)),)
            self._note(endpoint, "healthy", "probes passed", seen)
        else:
            seen = (("in_a_row", float(config.unhealthy_threshold)),)
            self._note(endpoint, "unhealthy", "probes failed", seen)
        self.note_panic()

    def joined(self, endpoint: Endpoint) -> None:
        """Discovery has told this sidecar of a new endpoint."""
        self.every_endpoint.append(endpoint)
        self.cluster.add(endpoint)
        self.note_panic()

    def left(self, endpoint: str) -> None:
        """Discovery has told this sidecar that an endpoint is gone."""
        self.cluster.remove(endpoint)
        if self.health is not None:
            self.health.forget(endpoint)
        self.note_panic()

    def note_panic(self) -> None:
        """Write it down when the cluster enters or leaves panic."""
        cluster = self.cluster
        if cluster.panic == self.was_panic:
            return
        self.was_panic = cluster.panic
        seen = (("available", float(self.available)), ("endpoints", float(len(cluster.endpoints))))
        event = "panic began" if cluster.panic else "panic ended"
        self.ledger.write(self.clock.now, self.name, event, "panic threshold", seen)


PARTS: dict[str, Callable[[Upstream], None]] = {
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
