"""What one sidecar keeps about one cluster that it calls: endpoints, policies, counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from meshlab.clock import Clock
from meshlab.model import Endpoint
from meshlab.policies.balancer import Balancer
from meshlab.policies.breaker import CircuitBreaker, State, Transition
from meshlab.policies.budget import Budget
from meshlab.policies.cluster import Cluster
from meshlab.policies.health import HealthChecker
from meshlab.policies.limits import Limiter
from meshlab.policies.outlier import Ejection, OutlierDetector, Return
from meshlab.policies.rate_limit import TokenBucket
from meshlab.streams import Draw
from meshlab.telemetry.counts import EdgeCounts
from meshlab.telemetry.ledger import Ledger
from meshlab.topology import Edge

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
        "sidecar",
        "timeout",
        "was_panic",
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
        retry = edge.retry
        self.sidecar = sidecar
        self.name = f"{sidecar}->{edge.destination}"
        self.edge = edge
        self.clock = clock
        self.ledger = ledger
        self.timeout = retry.per_try_timeout
        self.deadline = retry.deadline
        self.avoid_previous = retry.avoid_previous
        self.draw_jitter = stream(f"{self.name}/jitter")
        near = zone if edge.zone_local else ""
        self.cluster = Cluster([], edge.panic_threshold, zone=near, name=self.name)
        self.every_endpoint: list[Endpoint] = []
        self.was_panic = False
        self.balancer: Balancer = edge.balancer.build(stream(f"{self.name}/balancer"), clock)
        self.counts = EdgeCounts(routes)
        self.link: Any = None
        self.budget: Budget | None = retry.budget.build(clock) if retry.budget else None
        self.limiter = Limiter(edge.limits) if edge.limits else None
        self.rate_limiter = TokenBucket(edge.rate_limit, clock) if edge.rate_limit else None
        self.health = HealthChecker(edge.health) if edge.health else None
        self.outlier = OutlierDetector(edge.outlier, clock, self.cluster) if edge.outlier else None
        self.breaker = (
            CircuitBreaker(edge.breaker, clock, self._breaker_moved) if edge.breaker else None
        )

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
        where = f"{self.name} {endpoint.name}"
        if change:
            seen = (("in_a_row", float(config.healthy_threshold)),)
            self.ledger.write(self.clock.now, where, "healthy", "probes passed", seen)
        else:
            seen = (("in_a_row", float(config.unhealthy_threshold)),)
            self.ledger.write(self.clock.now, where, "unhealthy", "probes failed", seen)
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
