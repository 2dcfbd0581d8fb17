"""Ring hash: the same key goes to the same endpoint, and stays there when others come and go.

Points are scattered over a circle of 2**64 positions, many for each endpoint. A key is hashed onto
the circle too, and belongs to the next point on its way round:

        ...--- b ------- a --- c ------- a ---...
                    ^              ^
                    key 7 -> a     key 8 -> a

When c leaves, its keys move to the points behind it, and no other key moves (Karger et al.,
*Consistent Hashing and Random Trees*, STOC 1997). Python's own ``hash`` differs from process to
process, so the points come from FNV-1a and SplitMix64, which give the same ring everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from meshlab.kernel.clock import Clock
from meshlab.kernel.record import Word, record, seldom
from meshlab.kernel.streams import Uniform
from meshlab.normalized import normalized
from meshlab.policies.balancing import Balancer, Candidates
from meshlab.policies.endpoint import Endpoint
from meshlab.policies.hashing import CIRCLE, SplitMix64
from meshlab.rules import check, is_number

LARGEST_RING = 2**23
"""Envoy's ``maximum_ring_size``: 8M points."""


@record
class Ring:
    """A circle of points and the endpoint that owns each.

    Each endpoint has ``size`` points per unit of weight, at positions that only its name decides:
    that is why nobody else's keys move when it leaves. (Envoy divides one ring size among the
    endpoints, so it places the points of the others anew when the number of endpoints changes.)

    Points of endpoints that are no candidates at the moment stay where they are, and are passed
    over. A candidate that has none yet makes another ring.
    """

    size: int
    hashes: SplitMix64
    points: list[Word]
    owners: list[int]
    members: list[Endpoint]
    serving: list[int]

    def __init__(self, endpoints: Iterable[Endpoint], size: int) -> None:
        self.size = size
        self.hashes = SplitMix64()
        candidates = Candidates(endpoints)
        if len(candidates) > 0:
            self._check([endpoint.weight for endpoint in candidates])
            self.serve(candidates)

    def _check(self, weights: list[int]) -> None:
        check(min(weights) >= 1, "ring_hash", "weights must be >= 1", weights)
        total = self.size * sum(weights)
        rule = f"a ring has at most {LARGEST_RING} points"
        check(total <= LARGEST_RING, "ring_hash", rule, total)

    @seldom
    def serve(self, candidates: Candidates) -> None:
        """From now on a key belongs to the next point of a candidate."""
        found = 0
        for place in range(len(self.members)):
            self.serving[place] = 0
            for number in range(len(candidates.members)):
                if candidates.members[number] is self.members[place]:
                    self.serving[place] = 1
                    found += 1
        if found < len(candidates.members):
            self._lay(candidates)

    def _lay(self, candidates: Candidates) -> None:
        """Make the ring of these endpoints, and nobody else."""
        self.points.clear()
        self.owners.clear()
        self.members.clear()
        self.serving.clear()
        for place in range(len(candidates.members)):
            endpoint = candidates.members[place]
            self.members.append(endpoint)
            self.serving.append(1)
            self._scatter(endpoint, place)
        self._sort()

    def _scatter(self, endpoint: Endpoint, place: int) -> None:
        self.hashes.seed(endpoint.name_hash)
        for _ in range(self.size * endpoint.weight):
            self.points.append(self.hashes.next())
            self.owners.append(place)

    def _sort(self) -> None:
        """Shell's sort: points that are far apart change places first, and neighbors last."""
        gap = len(self.points) // 2
        while gap > 0:
            for end in range(gap, len(self.points)):
                self._sink(end, gap)
            gap //= 2

    def _sink(self, place: int, gap: int) -> None:
        """Move one point down, in steps of ``gap``, below those that are larger."""
        point = self.points[place]
        owner = self.owners[place]
        while place >= gap and self.points[place - gap] > point:
            self.points[place] = self.points[place - gap]
            self.owners[place] = self.owners[place - gap]
            place -= gap
        self.points[place] = point
        self.owners[place] = owner

    @seldom
    def owner(self, key: int) -> Endpoint:
        """The candidate that ``key`` belongs to; there must be one."""
        self.hashes.seed(key)
        place = self._next(self.hashes.next())
        while self.serving[self.owners[place]] == 0:
            place = place + 1 if place + 1 < len(self.points) else 0
        return self.members[self.owners[place]]

    def _next(self, position: int) -> int:
        """Where the first point at ``position`` or behind it stands, by halving."""
        low = 0
        high = len(self.points)
        while low < high:
            middle = (low + high) // 2
            if self.points[middle] < position:
                low = middle + 1
            else:
                high = middle
        return low if low < len(self.points) else 0  # the circle begins again

    def shares(self, endpoints: Iterable[Endpoint]) -> list[float]:
        """The part of the circle, and so of all keys, that each of ``endpoints`` owns."""
        arcs = dict.fromkeys(endpoints, 0)
        before = self.points[-1] - CIRCLE
        for point, owner in zip(self.points, self.owners, strict=True):
            arcs[self.members[owner]] += point - before
            before = point
        return [arcs[endpoint] / CIRCLE for endpoint in arcs]


@record
class RingHashBalancer(Balancer):
    """Keeps the ring, and knows whom it serves."""

    ring: Ring
    seen: Candidates | None
    version: int

    def __init__(self, size: int) -> None:
        self.ring = Ring((), size)

    @seldom
    def pick(self, endpoints: Candidates, key: int) -> Endpoint:
        if endpoints is not self.seen or endpoints.version != self.version:
            self.ring.serve(endpoints)
            self.seen = endpoints
            self.version = endpoints.version
        return self.ring.owner(key)


@dataclass(frozen=True, slots=True, kw_only=True)
@normalized
class RingHash:
    """Envoy's RING_HASH: for caches and sessions, where it matters that a key finds its endpoint.

    ``minimum_ring_size`` is the number of points of a ring with one endpoint of weight 1. More
    points give more even shares: one endpoint's share varies by about 1/sqrt(points) of itself.
    """

    minimum_ring_size: int = 1024
    kind: ClassVar[str] = "ring_hash"

    def __post_init__(self) -> None:
        size = self.minimum_ring_size
        fits = isinstance(size, int) and is_number(size) and 1 <= size <= LARGEST_RING
        check(fits, self.kind, f"minimum_ring_size must be in 1..{LARGEST_RING}", size)

    def build(self, chance: Uniform, clock: Clock) -> RingHashBalancer:
        return RingHashBalancer(self.minimum_ring_size)

    def ring(self, endpoints: Iterable[Endpoint]) -> Ring:
        """The ring of these endpoints: to look at, and to know the shares beforehand."""
        return Ring(endpoints, self.minimum_ring_size)
