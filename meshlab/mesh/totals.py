"""The truth of a run in totals: what really happened on every edge and in every instance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import fsum

from meshlab.mesh.instance import ServiceInstance
from meshlab.mesh.upstream import Upstream
from meshlab.model import REJECTIONS, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeTotals:
    """All calls on one edge, over every sidecar of its source, from beginning to end.

    ``outcomes`` and ``tries`` are indexed by `Outcome`. ``shares`` has the tries that each endpoint
    got; ``seconds`` is the time that all ended calls took together.
    """

    calls: int
    outcomes: tuple[int, ...]
    tries: tuple[int, ...]
    tries_in_flight: int
    retries: int
    retries_denied: int
    shares: dict[str, int]
    seconds: float

    @property
    def succeeded(self) -> int:
        return self.outcomes[Outcome.OK]

    @property
    def rejected(self) -> int:
        """Calls that the sidecar refused to send."""
        return sum(self.outcomes[outcome] for outcome in REJECTIONS)

    @property
    def failed(self) -> int:
        return sum(self.outcomes) - self.succeeded - self.rejected

    @property
    def in_flight(self) -> int:
        """Calls that had not ended when the run did."""
        return self.calls - sum(self.outcomes)

    @property
    def attempts(self) -> int:
        """Tries sent, retries included."""
        return sum(self.shares.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessTotals:
    """What happened in one instance, over all its processes.

    ``own_errors`` are those that the instance made itself, ``passed_on`` those of a service behind
    it: the counts of a service can't tell the one from the other. ``wasted`` answers found nobody
    who still waited.
    """

    received: int
    ok: int
    own_errors: int
    passed_on: int
    shed: int
    wasted: int


def edge_totals(upstreams: Iterable[Upstream]) -> dict[tuple[str, str], EdgeTotals]:
    """The totals of every edge, summed over the sidecars of its source."""
    by_edge: dict[tuple[str, str], list[Upstream]] = {}
    for upstream in upstreams:
        by_edge.setdefault((upstream.source, upstream.destination), []).append(upstream)
    return {edge: _sum(group) for edge, group in by_edge.items()}


def _sum(upstreams: list[Upstream]) -> EdgeTotals:
    counts = [upstream.counts for upstream in upstreams]
    shares: dict[str, int] = {}
    for upstream in upstreams:
        for endpoint in upstream.every_endpoint:
            shares[endpoint.name] = shares.get(endpoint.name, 0) + endpoint.attempts
    return EdgeTotals(
        calls=sum(c.started for c in counts),
        outcomes=tuple(sum(c.outcomes[outcome] for c in counts) for outcome in Outcome),
        tries=tuple(sum(c.tries[outcome] for c in counts) for outcome in Outcome),
        tries_in_flight=sum(e.active for u in upstreams for e in u.every_endpoint),
        retries=sum(c.retries for c in counts),
        retries_denied=sum(c.retries_denied for c in counts),
        shares=shares,
        seconds=fsum(c.seconds for c in counts),  # Python 3.12's sum() rounds unlike 3.11's
    )


def process_totals(instances: Iterable[ServiceInstance]) -> dict[str, ProcessTotals]:
    """The totals of every instance, by its name."""
    return {
        instance.name: ProcessTotals(
            **{name: getattr(instance.truth, name) for name in ProcessTotals.__slots__}
        )
        for instance in instances
    }
